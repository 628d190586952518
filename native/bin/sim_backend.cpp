#include "native/bin/sim_backend.h"

#include <fstream>
#include <iterator>

#include "machine/kernel/release.h"

namespace drydock::native {

namespace {

/// Some 5 ms of a program's work: what the daemon's sockets wait for at most.
constexpr std::uint64_t kSliceInstructions = 1'500'000;
constexpr std::uint64_t kMemoryPagesMax = std::uint64_t{4} << 18;  // 4 GiB

std::string read_program(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

SimBackend::SimBackend(std::unique_ptr<SystemClock> wall, std::unique_ptr<sim::SimHost> host)
    : wall_(std::move(wall)),
      host_(std::move(host)),
      random_(std::make_unique<SystemRandom>()),
      last_ns_(wall_->monotonic_ns()) {}

Result<SimBackend> SimBackend::boot(const engine::Settings& settings) {
  auto wall = std::make_unique<SystemClock>();
  sim::SimHostConfig config;
  config.daemon_clock = wall.get();
  config.boot_time_ns = wall->now().ns;
  config.seed = SystemRandom().next_u64();
  config.data_root = settings.data_root;
  config.exec_root = settings.exec_root;
  config.busybox = read_program("/bin/busybox");
  config.limits.memory_pages_max = kMemoryPagesMax;
  auto host = TRY(sim::SimHost::boot(config));
  return SimBackend(std::move(wall), std::move(host));
}

engine::Host SimBackend::host(http::Transport& transport) {
  const machine::Kernel& kernel = host_->machine().kernel();
  engine::HostFacts facts;
  facts.hostname = kernel.host_name;
  facts.kernel_version = machine::kKernelRelease;
  facts.operating_system = "Drydock simulated Linux";
  facts.os_version = "1";
  facts.architecture = "x86_64";
  facts.cpus = kernel.limits.cpus;
  facts.memory_bytes = kernel.limits.memory_pages_max * machine::kPageBytes;
  facts.resolv_conf = "nameserver 127.0.0.11\n";
  facts.backend = "sim";
  return {host_->data(), host_->root(), host_->runtime(), host_->network(), transport, host_->clock(), *random_, facts};
}

DaemonLoop::Turn SimBackend::turn() {
  const std::int64_t now = wall_->monotonic_ns();
  const sim::SimHost::Progress progress = host_->pump(kSliceInstructions, now - last_ns_);
  last_ns_ = wall_->monotonic_ns();
  DaemonLoop::Turn turn;
  turn.busy = progress.busy;
  if (progress.wait_ns) turn.deadline_ns = last_ns_ + *progress.wait_ns;
  return turn;
}

}  // namespace drydock::native
