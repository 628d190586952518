#include "base/clock.h"
#include "native/runtime/cgroup_files.h"
#include "native/runtime/cgroup_v2.h"

namespace drydock::native {

namespace {

constexpr std::uint64_t kNanosPerMicro = 1000;

/// io.stat: "MAJOR:MINOR rbytes=N wbytes=N rios=N wios=N dbytes=N dios=N".
void add_io_line(const std::string& line, runtime::ContainerStats& stats) {
  const auto fields = split(line, ' ');
  const auto device = split_once(fields.front(), ':');
  if (!device) return;
  const std::uint64_t major = parse_u64(device->first).value_or(0);
  const std::uint64_t minor = parse_u64(device->second).value_or(0);
  for (const auto& field : fields) {
    const auto pair = split_once(field, '=');
    const auto value = pair ? parse_u64(pair->second) : std::nullopt;
    if (!value) continue;
    if (pair->first == "rbytes") stats.io_service_bytes.push_back({major, minor, "read", *value});
    if (pair->first == "wbytes") stats.io_service_bytes.push_back({major, minor, "write", *value});
    if (pair->first == "rios") stats.io_serviced.push_back({major, minor, "read", *value});
    if (pair->first == "wios") stats.io_serviced.push_back({major, minor, "write", *value});
  }
}

}  // namespace

Result<runtime::ContainerStats> CgroupV2::stats() {
  runtime::ContainerStats stats;
  const auto cpu = read_cgroup_pairs(directory_, "cpu.stat");
  stats.cpu_usage_ns = value_of(cpu, "usage_usec") * kNanosPerMicro;
  stats.cpu_user_ns = value_of(cpu, "user_usec") * kNanosPerMicro;
  stats.cpu_system_ns = value_of(cpu, "system_usec") * kNanosPerMicro;
  stats.throttle_periods = value_of(cpu, "nr_periods");
  stats.throttled_periods = value_of(cpu, "nr_throttled");
  stats.throttled_ns = value_of(cpu, "throttled_usec") * kNanosPerMicro;
  stats.memory_usage = read_cgroup_number(directory_, "memory.current").value_or(0);
  stats.memory_usage_max = read_cgroup_number(directory_, "memory.peak").value_or(0);
  stats.memory_limit = read_cgroup_number(directory_, "memory.max").value_or(0);
  stats.memory_failures = value_of(read_cgroup_pairs(directory_, "memory.events"), "max");
  stats.memory_stat = read_cgroup_pairs(directory_, "memory.stat");
  stats.pids_current = read_cgroup_number(directory_, "pids.current").value_or(0);
  stats.pids_limit = read_cgroup_number(directory_, "pids.max").value_or(0);
  for (const auto& line : split(read_cgroup_file(directory_, "io.stat"), '\n')) add_io_line(line, stats);
  return stats;
}

}  // namespace drydock::native
