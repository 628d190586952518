// Documentation/admin-guide/cgroup-v2.rst. Limits come in the units of v1 and are converted as runc converts them.

#include "native/runtime/cgroup_v2.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "native/kernel/poller.h"
#include "native/runtime/cgroup_files.h"
#include "native/runtime/device_program.h"

namespace drydock::native {

namespace {

constexpr std::int64_t kFreezeTimeoutNs = 2 * kNanosPerSecond;
constexpr std::int64_t kFreezePauseNs = kNanosPerMilli;
constexpr std::uint64_t kDefaultPeriodUs = 100'000;
/// Where processes of our own part go when it has to become an inner node ("no internal processes").
constexpr const char* kOwnLeaf = "drydock.init";

std::string limit_text(std::int64_t value) {
  return value < 0 ? "max" : std::to_string(value);
}

/// v1 shares 2..262144 to v2 weight 1..10000.
std::uint64_t weight_of_shares(std::uint64_t shares) {
  if (shares == 0) return 100;
  shares = std::clamp<std::uint64_t>(shares, 2, 262'144);
  return 1 + (shares - 2) * 9'999 / 262'142;
}

/// v1 blkio weight 10..1000 to v2 io weight 1..10000.
std::uint64_t weight_of_block_io(std::uint64_t weight) {
  weight = std::clamp<std::uint64_t>(weight, 10, 1'000);
  return 1 + (weight - 10) * 9'999 / 990;
}

/// Moves the processes of an inner node into a leaf, so that controllers can be handed down.
void move_processes_to_leaf(const std::string& directory) {
  const std::string leaf = concat(directory, "/", kOwnLeaf);
  if (::mkdir(leaf.c_str(), 0755) < 0 && errno != EEXIST) return;
  for (const auto& pid : split(read_cgroup_file(directory, "cgroup.procs"), '\n')) {
    if (!pid.empty()) static_cast<void>(write_kernel_file(concat(leaf, "/cgroup.procs"), pid));
  }
}

}  // namespace

CgroupV2::CgroupV2(const CgroupLayout& layout, const std::string& path)
    : root_(layout.unified), path_(path), directory_(concat(layout.unified, path)), controllers_(layout.controllers) {}

Result<void> CgroupV2::enable_controllers(const std::string& directory) const {
  const auto enabled = split(read_cgroup_file(directory, "cgroup.subtree_control"), ' ');
  for (const auto& controller : split(read_cgroup_file(directory, "cgroup.controllers"), ' ')) {
    if (controller.empty() || std::find(enabled.begin(), enabled.end(), controller) != enabled.end()) continue;
    const std::string file = concat(directory, "/cgroup.subtree_control");
    auto written = write_kernel_file(file, concat("+", controller));
    if (!written.ok() && written.error().code == Errno::ebusy) {
      move_processes_to_leaf(directory);
      written = write_kernel_file(file, concat("+", controller));
    }
    // One that cannot be handed down (threaded, taken by v1) is absent below; asking for its limit then is an error.
  }
  return {};
}

Result<void> CgroupV2::create(const runtime::Resources& resources) {
  std::string directory = root_;
  for (const auto& part : split(path_, '/')) {
    if (part.empty()) continue;
    TRY(enable_controllers(directory));
    directory = concat(directory, "/", part);
    if (::mkdir(directory.c_str(), 0755) < 0 && errno != EEXIST) return Error(last_error("mkdir", directory));
  }
  return apply(resources);
}

Result<void> CgroupV2::write_limit(const std::string& controller, const std::string& file,
                                   const std::string& value) const {
  const auto present = split(read_cgroup_file(directory_, "cgroup.controllers"), ' ');
  if (std::find(present.begin(), present.end(), controller) == present.end()) {
    return fail(ErrorKind::invalid_argument, "cannot set ", file, ": cgroup controller ", controller,
                " is not available");
  }
  return write_cgroup_file(directory_, file, value);
}

Result<void> CgroupV2::apply(const runtime::Resources& resources) {
  TRY(apply_memory(resources));
  TRY(apply_cpu(resources));
  if (resources.pids_limit) {
    TRY(write_limit("pids", "pids.max", *resources.pids_limit > 0 ? std::to_string(*resources.pids_limit) : "max"));
  }
  TRY(apply_io(resources));
  if (resources.devices.empty()) return {};
  return attach_device_program(directory_, resources.devices);
}

Result<void> CgroupV2::apply_memory(const runtime::Resources& resources) {
  if (resources.memory_swap && cgroup_file_exists(directory_, "memory.swap.max")) {
    // v1 limits memory plus swap, v2 swap alone.
    const std::int64_t both = *resources.memory_swap;
    const std::int64_t memory = resources.memory_limit.value_or(
        static_cast<std::int64_t>(read_cgroup_number(directory_, "memory.max").value_or(0)));
    if (both >= 0 && both < memory) {
      return fail(ErrorKind::invalid_argument, "memory+swap limit should be >= memory limit");
    }
    TRY(write_limit("memory", "memory.swap.max",
                    both < 0 ? "max" : std::to_string(both - std::max<std::int64_t>(memory, 0))));
  }
  if (resources.memory_limit) TRY(write_limit("memory", "memory.max", limit_text(*resources.memory_limit)));
  if (resources.memory_reservation) {
    TRY(write_limit("memory", "memory.low", limit_text(*resources.memory_reservation)));
  }
  return {};
}

Result<void> CgroupV2::apply_cpu(const runtime::Resources& resources) {
  if (resources.cpu_shares) {
    TRY(write_limit("cpu", "cpu.weight", std::to_string(weight_of_shares(*resources.cpu_shares))));
  }
  if (resources.cpu_quota || resources.cpu_period) {
    const std::int64_t quota = resources.cpu_quota.value_or(-1);
    const std::uint64_t period = resources.cpu_period.value_or(kDefaultPeriodUs);
    TRY(write_limit("cpu", "cpu.max", concat(quota > 0 ? std::to_string(quota) : "max", " ", period)));
  }
  if (!resources.cpuset_cpus.empty()) TRY(write_limit("cpuset", "cpuset.cpus", resources.cpuset_cpus));
  if (!resources.cpuset_mems.empty()) TRY(write_limit("cpuset", "cpuset.mems", resources.cpuset_mems));
  return {};
}

Result<void> CgroupV2::apply_io(const runtime::Resources& resources) {
  if (resources.blkio_weight) {
    const bool bfq = cgroup_file_exists(directory_, "io.bfq.weight");
    TRY(bfq ? write_limit("io", "io.bfq.weight", std::to_string(*resources.blkio_weight))
            : write_limit("io", "io.weight", concat("default ", weight_of_block_io(*resources.blkio_weight))));
  }
  const std::pair<const char*, const std::vector<runtime::ThrottleDevice>*> throttles[] = {
      {"rbps", &resources.read_bps},
      {"wbps", &resources.write_bps},
      {"riops", &resources.read_iops},
      {"wiops", &resources.write_iops}};
  for (const auto& [key, devices] : throttles) {
    for (const auto& device : *devices) {
      TRY(write_limit("io", "io.max", concat(device.major, ":", device.minor, " ", key, "=", device.rate)));
    }
  }
  return {};
}

Result<std::vector<Fd>> CgroupV2::entries() {
  auto file = open_file(concat(directory_, "/cgroup.procs"), O_WRONLY);
  if (!file.ok()) return Error(file.error());
  std::vector<Fd> fds;
  fds.push_back(std::move(file).value());
  return fds;
}

Result<Fd> CgroupV2::birth_directory() {
  auto directory = open_file(directory_, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return Error(directory.error());
  return std::move(directory).value();
}

Result<void> CgroupV2::set_frozen(bool frozen) {
  TRY(write_cgroup_file(directory_, "cgroup.freeze", frozen ? "1" : "0"));
  const std::int64_t deadline = monotonic_clock_ns() + kFreezeTimeoutNs;
  while (value_of(read_cgroup_pairs(directory_, "cgroup.events"), "frozen") != (frozen ? 1U : 0U)) {
    if (monotonic_clock_ns() > deadline) {
      if (frozen) static_cast<void>(write_cgroup_file(directory_, "cgroup.freeze", "0"));
      return fail(ErrorKind::internal, frozen ? "unable to freeze" : "unable to thaw");
    }
    sleep_ns(kFreezePauseNs);
  }
  return {};
}

Result<void> CgroupV2::freeze() {
  return set_frozen(true);
}

Result<void> CgroupV2::thaw() {
  return set_frozen(false);
}

bool CgroupV2::frozen() {
  return read_cgroup_file(directory_, "cgroup.freeze") == "1";
}

Fd CgroupV2::watch_oom() {
  Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch) return Fd();
  const std::string file = concat(directory_, "/memory.events");
  if (::inotify_add_watch(watch.get(), file.c_str(), IN_MODIFY) < 0) return Fd();
  return watch;
}

std::uint64_t CgroupV2::oom_kills() {
  return value_of(read_cgroup_pairs(directory_, "memory.events"), "oom_kill");
}

std::vector<std::int64_t> CgroupV2::processes() {
  return cgroup_processes(directory_);
}

void CgroupV2::kill_all(std::int64_t timeout_ns) {
  if (processes().empty()) return;
  if (frozen()) static_cast<void>(write_cgroup_file(directory_, "cgroup.freeze", "0"));
  kill_cgroup_processes(directory_, monotonic_clock_ns() + timeout_ns);
}

Result<void> CgroupV2::remove() {
  return remove_cgroup_tree(directory_);
}

}  // namespace drydock::native
