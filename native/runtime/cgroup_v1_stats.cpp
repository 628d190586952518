#include "base/clock.h"
#include "native/runtime/cgroup_files.h"
#include "native/runtime/cgroup_v1.h"

namespace drydock::native {

namespace {

constexpr std::uint64_t kNanosPerUserTick = kNanosPerSecond / 100;  // cpuacct.stat counts in USER_HZ, which is 100
// What an unlimited group reads as: LONG_MAX rounded down to a page.
constexpr std::uint64_t kNoMemoryLimit = 0x7fff'ffff'ffff'0000;

/// Lines of "MAJOR:MINOR OP VALUE"; the last line, a total, has no device.
std::vector<runtime::ContainerStats::BlkioEntry> read_block_io(const std::string& directory, const std::string& file) {
  std::vector<runtime::ContainerStats::BlkioEntry> entries;
  for (const auto& line : split(read_cgroup_file(directory, file), '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() != 3) continue;
    const auto device = split_once(fields[0], ':');
    const auto value = parse_u64(fields[2]);
    if (!device || !value) continue;
    entries.push_back({parse_u64(device->first).value_or(0), parse_u64(device->second).value_or(0), fields[1], *value});
  }
  return entries;
}

}  // namespace

Result<runtime::ContainerStats> CgroupV1::stats() {
  runtime::ContainerStats stats;
  const std::string accounting = directory_of("cpuacct");
  stats.cpu_usage_ns = read_cgroup_number(accounting, "cpuacct.usage").value_or(0);
  for (const auto& core : split(read_cgroup_file(accounting, "cpuacct.usage_percpu"), ' ')) {
    if (const auto ns = parse_u64(core)) stats.cpu_per_core_ns.push_back(*ns);
  }
  const auto ticks = read_cgroup_pairs(accounting, "cpuacct.stat");
  stats.cpu_user_ns = value_of(ticks, "user") * kNanosPerUserTick;
  stats.cpu_system_ns = value_of(ticks, "system") * kNanosPerUserTick;
  const auto throttling = read_cgroup_pairs(directory_of("cpu"), "cpu.stat");
  stats.throttle_periods = value_of(throttling, "nr_periods");
  stats.throttled_periods = value_of(throttling, "nr_throttled");
  stats.throttled_ns = value_of(throttling, "throttled_time");
  add_memory_stats(stats);
  const std::string pids = directory_of("pids");
  stats.pids_current = read_cgroup_number(pids, "pids.current").value_or(0);
  stats.pids_limit = read_cgroup_number(pids, "pids.max").value_or(0);
  add_block_io_stats(stats);
  return stats;
}

void CgroupV1::add_memory_stats(runtime::ContainerStats& stats) const {
  const std::string memory = directory_of("memory");
  stats.memory_usage = read_cgroup_number(memory, "memory.usage_in_bytes").value_or(0);
  stats.memory_usage_max = read_cgroup_number(memory, "memory.max_usage_in_bytes").value_or(0);
  const std::uint64_t limit = read_cgroup_number(memory, "memory.limit_in_bytes").value_or(0);
  stats.memory_limit = limit >= kNoMemoryLimit ? 0 : limit;
  stats.memory_failures = read_cgroup_number(memory, "memory.failcnt").value_or(0);
  stats.memory_stat = read_cgroup_pairs(memory, "memory.stat");
}

void CgroupV1::add_block_io_stats(runtime::ContainerStats& stats) const {
  const std::string directory = directory_of("blkio");
  stats.io_service_bytes = read_block_io(directory, "blkio.throttle.io_service_bytes_recursive");
  stats.io_serviced = read_block_io(directory, "blkio.throttle.io_serviced_recursive");
}

}  // namespace drydock::native
