// Documentation/admin-guide/cgroup-v1: memory.rst, cpusets.rst, devices.rst, freezer-subsystem.rst,
// blkio-controller.rst.

#include "native/runtime/cgroup_v1.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/clock.h"
#include "native/kernel/poller.h"
#include "native/runtime/cgroup_files.h"

namespace drydock::native {

namespace {
constexpr int kFreezeTriesMax = 1000;
constexpr std::int64_t kFreezePauseNs = kNanosPerMilli;
}  // namespace

CgroupV1::CgroupV1(const CgroupLayout& layout, const std::string& path) : path_(path) {
  for (const auto& hierarchy : layout.v1) groups_.push_back({hierarchy, concat(hierarchy.mount_point, path)});
  if (!layout.unified.empty()) groups_.push_back({{layout.unified, {}, ""}, concat(layout.unified, path)});
}

std::string CgroupV1::directory_of(std::string_view controller) const {
  for (const auto& group : groups_) {
    if (group.hierarchy.has(controller)) return group.directory;
  }
  return "";
}

Result<std::string> CgroupV1::needed(std::string_view controller, std::string_view what) const {
  std::string directory = directory_of(controller);
  if (directory.empty()) {
    return fail(ErrorKind::invalid_argument, "cannot set ", what, ": cgroup controller ", controller,
                " is not available");
  }
  return directory;
}

Result<void> CgroupV1::create(const runtime::Resources& resources) {
  for (const auto& group : groups_) TRY(make_directory(group));
  return apply(resources);
}

Result<void> CgroupV1::make_directory(const Group& group) const {
  const bool cpuset = group.hierarchy.has("cpuset");
  if (::mkdir(group.directory.c_str(), 0755) < 0) {
    if (errno == EEXIST) return {};
    if (errno != ENOENT) return Error(last_error("mkdir", group.directory));
    std::string directory = group.hierarchy.mount_point;
    for (const auto& part : split(path_, '/')) {
      if (part.empty()) continue;
      directory = concat(directory, "/", part);
      if (::mkdir(directory.c_str(), 0755) < 0 && errno != EEXIST) return Error(last_error("mkdir", directory));
    }
  }
  return cpuset ? inherit_cpuset(group.hierarchy.mount_point) : Result<void>();
}

/// A new cpuset is empty, and no process may enter an empty one: each level takes what its parent has.
Result<void> CgroupV1::inherit_cpuset(const std::string& mount_point) const {
  std::string directory = mount_point;
  for (const auto& part : split(path_, '/')) {
    if (part.empty()) continue;
    const std::string parent = directory;
    directory = concat(directory, "/", part);
    for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
      if (!read_cgroup_file(directory, file).empty()) continue;
      TRY(write_cgroup_file(directory, file, read_cgroup_file(parent, file)));
    }
  }
  return {};
}

Result<void> CgroupV1::apply(const runtime::Resources& resources) {
  TRY(apply_memory(resources));
  TRY(apply_cpu(resources));
  if (resources.pids_limit) {
    const std::string directory = TRY(needed("pids", "pids limit"));
    const bool limited = *resources.pids_limit > 0;
    TRY(write_cgroup_file(directory, "pids.max", limited ? std::to_string(*resources.pids_limit) : "max"));
  }
  TRY(apply_block_io(resources));
  return apply_devices(resources.devices);
}

Result<void> CgroupV1::apply_memory(const runtime::Resources& resources) {
  if (!resources.memory_limit && !resources.memory_swap && !resources.memory_reservation &&
      !resources.memory_swappiness && !resources.oom_kill_disable) {
    return {};
  }
  const std::string directory = TRY(needed("memory", "memory limit"));
  const auto write_limit = [&] {
    return resources.memory_limit
               ? write_cgroup_file(directory, "memory.limit_in_bytes", std::to_string(*resources.memory_limit))
               : Result<void>();
  };
  // Without swap accounting there is no such file; the engine has warned by then (features: "memory.swap").
  const bool set_swap = resources.memory_swap && cgroup_file_exists(directory, "memory.memsw.limit_in_bytes");
  const auto write_swap = [&] {
    return set_swap
               ? write_cgroup_file(directory, "memory.memsw.limit_in_bytes", std::to_string(*resources.memory_swap))
               : Result<void>();
  };
  // The limit may never exceed memory+swap: raise the second first, lower it last.
  const std::uint64_t old_swap = read_cgroup_number(directory, "memory.memsw.limit_in_bytes").value_or(0);
  const bool raises =
      set_swap && (*resources.memory_swap < 0 || static_cast<std::uint64_t>(*resources.memory_swap) > old_swap);
  if (raises) {
    TRY(write_swap());
    TRY(write_limit());
  } else {
    TRY(write_limit());
    TRY(write_swap());
  }
  if (resources.memory_reservation) {
    TRY(write_cgroup_file(directory, "memory.soft_limit_in_bytes", std::to_string(*resources.memory_reservation)));
  }
  if (resources.memory_swappiness) {
    TRY(write_cgroup_file(directory, "memory.swappiness", std::to_string(*resources.memory_swappiness)));
  }
  if (resources.oom_kill_disable && *resources.oom_kill_disable) {
    TRY(write_cgroup_file(directory, "memory.oom_control", "1"));
  }
  return {};
}

Result<void> CgroupV1::apply_cpu(const runtime::Resources& resources) {
  if (resources.cpu_shares) {
    TRY(write_cgroup_file(TRY(needed("cpu", "CPU shares")), "cpu.shares", std::to_string(*resources.cpu_shares)));
  }
  if (resources.cpu_period) {
    TRY(write_cgroup_file(TRY(needed("cpu", "CPU period")), "cpu.cfs_period_us",
                          std::to_string(*resources.cpu_period)));
  }
  if (resources.cpu_quota) {
    TRY(write_cgroup_file(TRY(needed("cpu", "CPU quota")), "cpu.cfs_quota_us", std::to_string(*resources.cpu_quota)));
  }
  if (!resources.cpuset_cpus.empty()) {
    TRY(write_cgroup_file(TRY(needed("cpuset", "cpuset")), "cpuset.cpus", resources.cpuset_cpus));
  }
  if (!resources.cpuset_mems.empty()) {
    TRY(write_cgroup_file(TRY(needed("cpuset", "cpuset")), "cpuset.mems", resources.cpuset_mems));
  }
  return {};
}

Result<void> CgroupV1::apply_block_io(const runtime::Resources& resources) {
  if (resources.blkio_weight) {
    const std::string directory = TRY(needed("blkio", "blkio weight"));
    // CFQ's file is gone from newer kernels; BFQ's takes the same scale.
    const bool cfq = cgroup_file_exists(directory, "blkio.weight");
    TRY(write_cgroup_file(directory, cfq ? "blkio.weight" : "blkio.bfq.weight",
                          std::to_string(*resources.blkio_weight)));
  }
  const std::pair<const char*, const std::vector<runtime::ThrottleDevice>*> throttles[] = {
      {"blkio.throttle.read_bps_device", &resources.read_bps},
      {"blkio.throttle.write_bps_device", &resources.write_bps},
      {"blkio.throttle.read_iops_device", &resources.read_iops},
      {"blkio.throttle.write_iops_device", &resources.write_iops}};
  for (const auto& [file, devices] : throttles) {
    for (const auto& device : *devices) {
      const std::string directory = TRY(needed("blkio", "blkio throttle"));
      TRY(write_cgroup_file(directory, file, concat(device.major, ":", device.minor, " ", device.rate)));
    }
  }
  return {};
}

Result<void> CgroupV1::apply_devices(const std::vector<runtime::DeviceRule>& rules) {
  if (rules.empty()) return {};
  const std::string directory = TRY(needed("devices", "device rules"));
  for (const auto& rule : rules) {
    const auto number = [](const std::optional<std::int64_t>& value) {
      return value && *value >= 0 ? std::to_string(*value) : std::string("*");
    };
    const std::string text =
        rule.type == 'a' && !rule.major && !rule.minor
            ? std::string("a")
            : concat(rule.type, " ", number(rule.major), ":", number(rule.minor), " ", rule.access);
    TRY(write_cgroup_file(directory, rule.allow ? "devices.allow" : "devices.deny", text));
  }
  return {};
}

Result<std::vector<Fd>> CgroupV1::entries() {
  std::vector<Fd> fds;
  for (const auto& group : groups_) {
    auto file = open_file(concat(group.directory, "/cgroup.procs"), O_WRONLY);
    if (!file.ok()) return Error(file.error());
    fds.push_back(std::move(file).value());
  }
  return fds;
}

Result<void> CgroupV1::freeze() {
  const std::string directory = TRY(needed("freezer", "pause"));
  for (int tries = 0; tries < kFreezeTriesMax; ++tries) {
    TRY(write_cgroup_file(directory, "freezer.state", "FROZEN"));
    if (read_cgroup_file(directory, "freezer.state") == "FROZEN") return {};
    // A process that forks while it is being frozen can leave the group in between: now and then start over.
    if (tries % 50 == 49) TRY(write_cgroup_file(directory, "freezer.state", "THAWED"));
    sleep_ns(kFreezePauseNs);
  }
  TRY(write_cgroup_file(directory, "freezer.state", "THAWED"));
  return fail(ErrorKind::internal, "unable to freeze");
}

Result<void> CgroupV1::thaw() {
  return write_cgroup_file(TRY(needed("freezer", "resume")), "freezer.state", "THAWED");
}

bool CgroupV1::frozen() {
  const std::string directory = directory_of("freezer");
  if (directory.empty()) return false;
  const std::string state = read_cgroup_file(directory, "freezer.state");
  return state == "FROZEN" || state == "FREEZING";
}

Fd CgroupV1::watch_oom() {
  const std::string directory = directory_of("memory");
  if (directory.empty()) return Fd();
  auto control = open_file(concat(directory, "/memory.oom_control"), O_RDONLY);
  auto event = make_eventfd();
  if (!control.ok() || !event.ok()) return Fd();
  const std::string registration = concat(event->get(), " ", control->get());
  if (!write_kernel_file(concat(directory, "/cgroup.event_control"), registration).ok()) return Fd();
  return std::move(event).value();
}

std::uint64_t CgroupV1::oom_kills() {
  return value_of(read_cgroup_pairs(directory_of("memory"), "memory.oom_control"), "oom_kill");
}

std::vector<std::int64_t> CgroupV1::processes() {
  return groups_.empty() ? std::vector<std::int64_t>() : cgroup_processes(groups_.front().directory);
}

void CgroupV1::kill_all(std::int64_t timeout_ns) {
  if (groups_.empty()) return;
  const std::int64_t deadline = monotonic_clock_ns() + timeout_ns;
  if (processes().empty()) return;
  // What is frozen does not die.
  if (frozen()) static_cast<void>(thaw());
  // The unified group, the last one in a hybrid layout, has cgroup.kill, which no fork escapes.
  kill_cgroup_processes(groups_.back().directory, deadline);
  kill_cgroup_processes(groups_.front().directory, deadline);
}

Result<void> CgroupV1::remove() {
  Result<void> result;
  for (const auto& group : groups_) {
    auto removed = remove_cgroup_tree(group.directory);
    if (!removed.ok() && result.ok()) result = std::move(removed);
  }
  return result;
}

}  // namespace drydock::native
