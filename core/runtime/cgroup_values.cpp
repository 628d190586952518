// Documentation/admin-guide/cgroup-v2.rst.

#include "runtime/cgroup_values.h"

#include <algorithm>

#include "base/text.h"

namespace drydock::runtime {
namespace {

constexpr std::uint64_t kDefaultPeriodUs = 100'000;

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

Result<void> add_memory(const Resources& resources, std::optional<std::uint64_t> memory_max, bool swap_accounted,
                        std::vector<CgroupSetting>& out) {
  if (resources.memory_swap && swap_accounted) {
    // v1 limits memory plus swap, v2 swap alone.
    const std::int64_t both = *resources.memory_swap;
    const std::int64_t memory = resources.memory_limit.value_or(static_cast<std::int64_t>(memory_max.value_or(0)));
    if (both >= 0 && both < memory)
      return fail(ErrorKind::invalid_argument, "memory+swap limit should be >= memory limit");
    out.push_back(
        {"memory", "memory.swap.max", both < 0 ? "max" : std::to_string(both - std::max<std::int64_t>(memory, 0))});
  }
  if (resources.memory_limit) out.push_back({"memory", "memory.max", limit_text(*resources.memory_limit)});
  if (resources.memory_reservation) out.push_back({"memory", "memory.low", limit_text(*resources.memory_reservation)});
  return {};
}

void add_cpu(const Resources& resources, std::vector<CgroupSetting>& out) {
  if (resources.cpu_shares)
    out.push_back({"cpu", "cpu.weight", std::to_string(weight_of_shares(*resources.cpu_shares))});
  if (resources.cpu_quota || resources.cpu_period) {
    const std::int64_t quota = resources.cpu_quota.value_or(-1);
    const std::uint64_t period = resources.cpu_period.value_or(kDefaultPeriodUs);
    out.push_back({"cpu", "cpu.max", concat(quota > 0 ? std::to_string(quota) : "max", " ", period)});
  }
  if (!resources.cpuset_cpus.empty()) out.push_back({"cpuset", "cpuset.cpus", resources.cpuset_cpus});
  if (!resources.cpuset_mems.empty()) out.push_back({"cpuset", "cpuset.mems", resources.cpuset_mems});
}

void add_io(const Resources& resources, std::vector<CgroupSetting>& out) {
  if (resources.blkio_weight)
    out.push_back({"io", "io.weight", concat("default ", weight_of_block_io(*resources.blkio_weight))});
  const std::pair<const char*, const std::vector<ThrottleDevice>*> throttles[] = {{"rbps", &resources.read_bps},
                                                                                  {"wbps", &resources.write_bps},
                                                                                  {"riops", &resources.read_iops},
                                                                                  {"wiops", &resources.write_iops}};
  for (const auto& [key, devices] : throttles) {
    for (const auto& device : *devices)
      out.push_back({"io", "io.max", concat(device.major, ":", device.minor, " ", key, "=", device.rate)});
  }
}

}  // namespace

Result<std::vector<CgroupSetting>> cgroup_settings(const Resources& resources, std::optional<std::uint64_t> memory_max,
                                                   bool swap_accounted) {
  std::vector<CgroupSetting> out;
  TRY(add_memory(resources, memory_max, swap_accounted, out));
  add_cpu(resources, out);
  if (resources.pids_limit)
    out.push_back({"pids", "pids.max", *resources.pids_limit > 0 ? std::to_string(*resources.pids_limit) : "max"});
  add_io(resources, out);
  return out;
}

}  // namespace drydock::runtime
