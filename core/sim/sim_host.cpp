// Boot: what an init system and a distribution's files are to a real host.

#include "sim/sim_host.h"

#include <algorithm>

#include "base/text.h"
#include "machine/fs/dev/device.h"
#include "machine/kernel/create_task.h"
#include "machine/vfs/walk.h"

namespace drydock::sim {

using machine::HostArgument;

namespace {

constexpr int kSetName = 15;
constexpr std::uint64_t kShared = 0x100000, kRecursive = 0x4000;
constexpr std::uint64_t kFilesMax = 1 << 20;

Result<void> check(const Result<std::int64_t, Errno>& result, std::string_view operation, std::string_view object) {
  if (result.ok()) return {};
  return Error(SysError{result.error(), std::string(operation), std::string(object)});
}

}  // namespace

SimHost::SimHost(const SimHostConfig& config)
    : machine_({.seed = config.seed,
                .boot_time_ns = config.boot_time_ns,
                .host_name = config.host_name,
                .limits = config.limits,
                .cgroups = machine::CgroupLayout::unified}),
      clock_(machine_.kernel()),
      daemon_clock_(config.daemon_clock != nullptr ? config.daemon_clock : &clock_),
      random_(config.seed) {}

SimHost::~SimHost() {
  // Their descriptors are the daemon's.
  runtime_.reset();
  network_.reset();
  data_.reset();
  root_.reset();
}

Result<std::unique_ptr<SimHost>> SimHost::boot(const SimHostConfig& config) {
  std::unique_ptr<SimHost> host(new SimHost(config));
  host->init_.emplace(host->machine_.kernel(), host->machine_.init());
  TRY(host->furnish(config));
  TRY(host->start_daemon(config));
  return host;
}

Result<void> SimHost::furnish(const SimHostConfig& config) {
  for (const char* path : {"/bin", "/sbin", "/usr", "/usr/bin", "/usr/sbin", "/etc", "/dev", "/proc", "/sys", "/tmp",
                           "/root", "/run", "/var", "/var/lib", "/var/tmp", "/home"})
    TRY(check(init_->attempt(number::mkdirat, {kHere, path, 0755}), "mkdir", path));
  for (const char* path : {"/tmp", "/var/tmp"})
    TRY(check(init_->attempt(number::fchmodat, {kHere, path, 01777}), "chmod", path));
  TRY(mount_all());
  return write_files(config);
}

Result<void> SimHost::mount_all() {
  const auto mount = [this](const char* type, const char* at, std::uint64_t flags, const char* data) {
    return check(init_->attempt(number::mount, {type, at, type, flags, data}), "mount", at);
  };
  constexpr std::uint64_t kUsual = 2 | 4 | 8;  // nosuid, nodev, noexec
  TRY(mount("proc", "/proc", kUsual, ""));
  TRY(mount("sysfs", "/sys", kUsual, ""));
  TRY(mount("tmpfs", "/dev", 2, "mode=755"));
  const machine::Caller caller = machine_.caller();
  const auto dev = machine::walk(caller, kHere, "/dev");
  if (!dev.ok()) return Error(SysError{dev.error(), "open", "/dev"});
  const auto made = machine::populate_dev(caller, *dev);
  if (!made.ok()) return Error(SysError{made.error(), "mknod", "/dev"});
  TRY(mount("devpts", "/dev/pts", 2 | 8, "newinstance,ptmxmode=0666,mode=620,gid=5"));
  TRY(mount("tmpfs", "/run", 2 | 4, "mode=755"));
  TRY(mount("cgroup2", "/sys/fs/cgroup", kUsual, ""));
  // As systemd does it.
  return check(
      init_->attempt(number::mount, {"", "/", HostArgument::null(), kShared | kRecursive, HostArgument::null()}),
      "make shared", "/");
}

Result<void> SimHost::write_files(const SimHostConfig& config) {
  auto opened = open_host_fs(*init_, "/");
  if (!opened.ok()) return Error(opened.error());
  storage::HostFs& files = **opened;
  const std::pair<std::string, std::string> texts[] = {
      {"/etc/hostname", config.host_name + "\n"},
      {"/etc/hosts", concat("127.0.0.1\tlocalhost\n127.0.1.1\t", config.host_name, "\n")},
      {"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"},
      {"/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"},
      {"/etc/resolv.conf", config.resolv_conf},
      {"/etc/os-release", "PRETTY_NAME=\"Drydock simulated Linux\"\nNAME=\"Drydock\"\nID=drydock\nVERSION_ID=\"1\"\n"}};
  for (const auto& [path, text] : texts) {
    const auto written = files.write_atomic(path, text, 0644);
    if (!written.ok()) return Error(written.error());
  }
  if (config.busybox.empty()) return {};
  const auto written = files.write_atomic("/bin/busybox", config.busybox, 0755);
  if (!written.ok()) return Error(written.error());
  // Its applets are found by name in the shell itself; other programs look for this one.
  const auto linked = files.make_node("/bin/sh", {.type = storage::FileType::symlink, .link_target = "busybox"});
  if (!linked.ok()) return Error(linked.error());
  return {};
}

Result<void> SimHost::start_daemon(const SimHostConfig& config) {
  machine::CloneRequest request;
  request.body = machine::TaskBody::hosted;
  const auto task = machine::clone_task(machine_.caller(), request);
  if (!task.ok()) return Error(SysError{task.error(), "clone", "dockerd"});
  daemon_.emplace(machine_.kernel(), *task);
  static_cast<void>(daemon_->call(number::prctl, {kSetName, "dockerd"}));
  // Its stdio is nobody's; what it opens later never becomes a container's by taking one of these numbers.
  for (int fd = 0; fd < 3; ++fd) static_cast<void>(daemon_->call(number::openat, {kHere, "/dev/null", 2, 0}));
  // It leads a session of its own, keeps a descriptor for each file it works on, and makes files as it says.
  static_cast<void>(daemon_->call(number::setsid, {}));
  static_cast<void>(daemon_->call(number::umask, {0}));
  const std::string files = machine::StructWriter().u64(kFilesMax).u64(kFilesMax).bytes();
  static_cast<void>(
      daemon_->call(number::prlimit64, {0, machine::kRlimitFiles, HostArgument::bytes(std::string_view(files)), 0}));
  auto root = open_host_fs(*daemon_, "/");
  if (!root.ok()) return Error(root.error());
  root_ = std::move(root).value();
  for (const std::string& path : {config.data_root, config.exec_root}) {
    const auto made = storage::make_directories(*root_, path, 0711);
    if (!made.ok()) return Error(made.error());
  }
  auto data = open_host_fs(*daemon_, config.data_root);
  if (!data.ok()) return Error(data.error());
  data_ = std::move(data).value();
  network_ = std::make_unique<SimNetwork>(machine_.kernel());
  runtime_ = std::make_unique<SimRuntime>(*daemon_, *root_, *daemon_clock_);
  return {};
}

SimHost::Progress SimHost::pump(std::uint64_t instructions, std::int64_t passed_ns) {
  if (idle_ && passed_ns > 0)
    machine_.advance_clock(machine_.kernel().now_ns() + static_cast<std::uint64_t>(passed_ns));
  bool moved = runtime_->pump();
  machine::RunLimits limits;
  limits.instructions = instructions;
  limits.jump = false;
  const machine::RunEnd end = machine_.run(limits);
  moved = runtime_->pump() || moved;
  idle_ = end == machine::RunEnd::idle;
  Progress progress;
  progress.busy = moved || !idle_;
  if (const auto deadline = machine_.next_deadline())
    progress.wait_ns = static_cast<std::int64_t>(*deadline - std::min(*deadline, machine_.kernel().now_ns()));
  return progress;
}

bool SimHost::run_for(std::int64_t ns, std::uint64_t instructions) {
  machine::RunLimits limits;
  limits.until_ns = machine_.kernel().now_ns() + static_cast<std::uint64_t>(ns);
  limits.instructions = instructions;
  runtime_->pump();
  const machine::RunEnd end = machine_.run(limits);
  runtime_->pump();
  return end == machine::RunEnd::idle;
}

}  // namespace drydock::sim
