// The files of cgroup version 1. Linux's admin-guide/cgroup-v1/.
//
// Not modelled: memory.memsw apart from its limit (there is no swap), kernel memory limits, release_agent (kept, never
// called), eventfds (cgroup.event_control), real-time quotas; cpuset and blkio settings are kept and have no effect.

#include <algorithm>
#include <array>

#include "base/text.h"
#include "machine/fs/cgroup/control_file.h"
#include "machine/fs/cgroup/device_rules.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/cgroup_accounting.h"

namespace drydock::machine {

namespace {

using Text = Result<std::string, Errno>;
using Done = Result<void, Errno>;
using Where = ControlRow::Where;

constexpr std::uint64_t kUnlimitedBytes = 9223372036854771712u, kTickNs = 10'000'000;

const Cgroup& at(const Caller& caller, CgroupId id) {
  return std::as_const(caller.kernel.cgroups)[id];
}

// memory.*

Text limit_in_bytes(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).memory_max_bytes.value_or(kUnlimitedBytes), "\n");
}
Done set_limit_in_bytes(const Caller& caller, CgroupId id, std::string_view text) {
  Cgroup& group = caller.kernel.cgroups[id];
  if (!group.parent) return Errno::einval;
  const std::optional<std::uint64_t> bytes = TRY(parse_bytes(text, "-1"));
  if (bytes && group.memory_pages * kPageBytes > *bytes) return Errno::ebusy;
  if (group.swap_max_bytes && bytes.value_or(kUnlimitedBytes) > *group.swap_max_bytes) return Errno::einval;
  group.memory_max_bytes = bytes;
  return {};
}
/// Memory and swap together: with no swap it only has to be no less than the memory's limit.
Text memsw_limit(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).swap_max_bytes.value_or(kUnlimitedBytes), "\n");
}
Done set_memsw_limit(const Caller& caller, CgroupId id, std::string_view text) {
  Cgroup& group = caller.kernel.cgroups[id];
  if (!group.parent) return Errno::einval;
  const std::optional<std::uint64_t> bytes = TRY(parse_bytes(text, "-1"));
  if (bytes && group.memory_max_bytes.value_or(kUnlimitedBytes) > *bytes) return Errno::einval;
  group.swap_max_bytes = bytes;
  return {};
}
Text soft_limit(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).memory_low_bytes.value_or(kUnlimitedBytes), "\n");
}
Done set_soft_limit(const Caller& caller, CgroupId id, std::string_view text) {
  caller.kernel.cgroups[id].memory_low_bytes = TRY(parse_bytes(text, "-1"));
  return {};
}
Text usage_in_bytes(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).memory_pages * kPageBytes, "\n");
}
Text max_usage_in_bytes(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).memory_pages_peak * kPageBytes, "\n");
}
Done reset_max_usage(const Caller& caller, CgroupId id, std::string_view) {
  Cgroup& group = caller.kernel.cgroups[id];
  group.memory_pages_peak = group.memory_pages;
  return {};
}
Text failcnt(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).memory_failures, "\n");
}
Done reset_failcnt(const Caller& caller, CgroupId id, std::string_view) {
  caller.kernel.cgroups[id].memory_failures = 0;
  return {};
}
Text oom_control(const Caller& caller, CgroupId id) {
  return concat("oom_kill_disable ", kept(at(caller, id), "memory.oom_control", "0"), "\nunder_oom 0\noom_kill ",
                at(caller, id).oom_kills, "\n");
}
Done set_oom_control(const Caller& caller, CgroupId id, std::string_view text) {
  const auto value = parse_u64(trim(text));
  if (!value || *value > 1 || !at(caller, id).parent) return Errno::einval;
  caller.kernel.cgroups[id].settings["memory.oom_control"] = concat(*value);
  return {};
}
Text memory_stat(const Caller& caller, CgroupId id) {
  const std::uint64_t bytes = at(caller, id).memory_pages * kPageBytes;
  std::string text = concat("cache 0\nrss ", bytes, "\n");
  for (const std::string_view name : {"rss_huge", "shmem", "mapped_file", "dirty", "writeback", "pgpgin", "pgpgout",
                                      "pgfault", "pgmajfault", "inactive_anon"})
    text += concat(name, " 0\n");
  text += concat("active_anon ", bytes, "\ninactive_file 0\nactive_file 0\nunevictable 0\nhierarchical_memory_limit ",
                 at(caller, id).memory_max_bytes.value_or(kUnlimitedBytes), "\ntotal_cache 0\ntotal_rss ", bytes, "\n");
  for (const std::string_view name : {"total_rss_huge", "total_shmem", "total_mapped_file", "total_inactive_anon"})
    text += concat(name, " 0\n");
  return text + concat("total_active_anon ", bytes, "\ntotal_inactive_file 0\ntotal_active_file 0\n");
}
Text swappiness(const Caller&, CgroupId) {
  return std::string("60\n");
}
Text one(const Caller&, CgroupId) {
  return std::string("1\n");
}
Text zero(const Caller&, CgroupId) {
  return std::string("0\n");
}

// cpu.* and cpuacct.*

constexpr std::uint64_t kLeastUs = 1000, kMostPeriodUs = 1'000'000, kMostQuotaUs = 1'000'000'000'000;

Text cfs_quota(const Caller& caller, CgroupId id) {
  const auto& quota = at(caller, id).cpu_quota_ns;
  return quota ? concat(*quota / 1000, "\n") : std::string("-1\n");
}
Done set_cfs_quota(const Caller& caller, CgroupId id, std::string_view text) {
  const auto value = parse_i64(trim(text));
  if (!value) return Errno::einval;
  std::optional<std::uint64_t> quota;
  if (*value >= 0) {
    const auto us = static_cast<std::uint64_t>(*value);
    if (us < kLeastUs || us > kMostQuotaUs) return Errno::einval;
    quota = us * 1000;
  }
  caller.kernel.cgroups[id].cpu_quota_ns = quota;
  return {};
}
Text cfs_period(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).cpu_period_ns / 1000, "\n");
}
Done set_cfs_period(const Caller& caller, CgroupId id, std::string_view text) {
  const auto value = parse_u64(trim(text));
  if (!value || *value < kLeastUs || *value > kMostPeriodUs) return Errno::einval;
  caller.kernel.cgroups[id].cpu_period_ns = *value * 1000;
  return {};
}
/// Version 1 counts 1024 for what version 2 calls a weight of 100.
Text shares(const Caller& caller, CgroupId id) {
  return kept(at(caller, id), "cpu.shares", "1024\n");
}
Done set_shares(const Caller& caller, CgroupId id, std::string_view text) {
  const auto value = parse_u64(trim(text));
  if (!value) return Errno::einval;
  const std::uint64_t bounded = std::clamp<std::uint64_t>(*value, 2, 262144);
  Cgroup& group = caller.kernel.cgroups[id];
  group.settings["cpu.shares"] = concat(bounded, "\n");
  group.cpu_weight = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(bounded * 100 / 1024, 1, 10000));
  return {};
}
Text cpu_stat(const Caller& caller, CgroupId id) {
  const Cgroup& group = at(caller, id);
  return concat("nr_periods ", group.cpu_periods, "\nnr_throttled ", group.cpu_throttled_periods, "\nthrottled_time ",
                group.cpu_throttled_ns, "\nnr_bursts 0\nburst_time 0\n");
}
Text usage(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).cpu_user_ns + at(caller, id).cpu_system_ns, "\n");
}
Text usage_user(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).cpu_user_ns, "\n");
}
Text usage_sys(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).cpu_system_ns, "\n");
}
Text usage_percpu(const Caller& caller, CgroupId id) {
  const std::uint32_t cpus = std::max(caller.kernel.limits.cpus, 1u);
  std::string text;
  for (std::uint32_t cpu = 0; cpu < cpus; ++cpu)
    text += concat((at(caller, id).cpu_user_ns + at(caller, id).cpu_system_ns) / cpus, ' ');
  return text + "\n";
}
Text cpuacct_stat(const Caller& caller, CgroupId id) {
  return concat("user ", at(caller, id).cpu_user_ns / kTickNs, "\nsystem ", at(caller, id).cpu_system_ns / kTickNs,
                "\n");
}

// pids.*, freezer.*, devices.*

Text pids_max(const Caller& caller, CgroupId id) {
  const auto& most = at(caller, id).pids_max;
  return most ? concat(*most, "\n") : std::string("max\n");
}
Done set_pids_max(const Caller& caller, CgroupId id, std::string_view text) {
  text = trim(text);
  const auto value = parse_u64(text);
  if (text != "max" && (!value || *value >= 4194304)) return Errno::einval;
  caller.kernel.cgroups[id].pids_max = text == "max" ? std::optional<std::uint64_t>() : value;
  return {};
}
Text pids_current(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).pids, "\n");
}
Text pids_events(const Caller& caller, CgroupId id) {
  return concat("max ", at(caller, id).pids_failures, "\n");
}

Text freezer_state(const Caller& caller, CgroupId id) {
  return std::string(at(caller, id).frozen_effective ? "FROZEN\n" : "THAWED\n");
}
Done set_freezer_state(const Caller& caller, CgroupId id, std::string_view text) {
  text = trim(text);
  if (text != "FROZEN" && text != "THAWED") return Errno::einval;
  set_frozen(caller.kernel, id, text == "FROZEN");
  return {};
}
Text self_freezing(const Caller& caller, CgroupId id) {
  return std::string(at(caller, id).frozen ? "1\n" : "0\n");
}
Text parent_freezing(const Caller& caller, CgroupId id) {
  const Cgroup* parent = std::as_const(caller.kernel.cgroups).find(at(caller, id).parent);
  return std::string(parent != nullptr && parent->frozen_effective ? "1\n" : "0\n");
}

Text devices_list(const Caller& caller, CgroupId id) {
  return device_rules_text(at(caller, id));
}
Done devices_allow(const Caller& caller, CgroupId id, std::string_view text) {
  if (!capable(caller, cap::sys_admin)) return Errno::eperm;
  return change_device_rules(caller.kernel.cgroups[id], text, true);
}
Done devices_deny(const Caller& caller, CgroupId id, std::string_view text) {
  if (!capable(caller, cap::sys_admin)) return Errno::eperm;
  return change_device_rules(caller.kernel.cgroups[id], text, false);
}

Text all_cpus(const Caller& caller, CgroupId) {
  const std::uint32_t cpus = caller.kernel.limits.cpus;
  return cpus > 1 ? concat("0-", cpus - 1, "\n") : std::string("0\n");
}

constexpr std::array kRows{
    ControlRow{"cgroup.clone_children", "", Where::everywhere, 0644, nullptr, nullptr, "0\n"},
    ControlRow{"cgroup.procs", "", Where::everywhere, 0, members_text, move_member},
    ControlRow{"cgroup.sane_behavior", "", Where::root_only, 0, zero},
    ControlRow{"notify_on_release", "", Where::everywhere, 0644, nullptr, nullptr, "0\n"},
    ControlRow{"release_agent", "", Where::root_only, 0644, nullptr, nullptr, "\n"},
    ControlRow{"tasks", "", Where::everywhere, 0, members_text, move_member},
    ControlRow{"blkio.throttle.read_bps_device", "blkio", Where::everywhere, 0644, nullptr, nullptr, ""},
    ControlRow{"blkio.throttle.write_bps_device", "blkio", Where::everywhere, 0644, nullptr, nullptr, ""},
    ControlRow{"blkio.throttle.io_service_bytes", "blkio", Where::everywhere, 0444, nullptr, nullptr, "Total 0\n"},
    ControlRow{"blkio.throttle.io_serviced", "blkio", Where::everywhere, 0444, nullptr, nullptr, "Total 0\n"},
    ControlRow{"cpu.cfs_period_us", "cpu", Where::everywhere, 0, cfs_period, set_cfs_period},
    ControlRow{"cpu.cfs_quota_us", "cpu", Where::everywhere, 0, cfs_quota, set_cfs_quota},
    ControlRow{"cpu.shares", "cpu", Where::everywhere, 0, shares, set_shares},
    ControlRow{"cpu.stat", "cpu", Where::everywhere, 0, cpu_stat},
    ControlRow{"cpuacct.stat", "cpuacct", Where::everywhere, 0, cpuacct_stat},
    ControlRow{"cpuacct.usage", "cpuacct", Where::everywhere, 0, usage},
    ControlRow{"cpuacct.usage_percpu", "cpuacct", Where::everywhere, 0, usage_percpu},
    ControlRow{"cpuacct.usage_sys", "cpuacct", Where::everywhere, 0, usage_sys},
    ControlRow{"cpuacct.usage_user", "cpuacct", Where::everywhere, 0, usage_user},
    ControlRow{"cpuset.cpu_exclusive", "cpuset", Where::everywhere, 0644, nullptr, nullptr, "0\n"},
    ControlRow{"cpuset.cpus", "cpuset", Where::everywhere, 0644, all_cpus},
    ControlRow{"cpuset.effective_cpus", "cpuset", Where::everywhere, 0, all_cpus},
    ControlRow{"cpuset.effective_mems", "cpuset", Where::everywhere, 0, zero},
    ControlRow{"cpuset.mem_exclusive", "cpuset", Where::everywhere, 0644, nullptr, nullptr, "0\n"},
    ControlRow{"cpuset.mems", "cpuset", Where::everywhere, 0644, nullptr, nullptr, "0\n"},
    ControlRow{"cpuset.memory_migrate", "cpuset", Where::everywhere, 0644, nullptr, nullptr, "0\n"},
    ControlRow{"cpuset.sched_load_balance", "cpuset", Where::everywhere, 0644, nullptr, nullptr, "1\n"},
    ControlRow{"devices.allow", "devices", Where::everywhere, 0200, nullptr, devices_allow},
    ControlRow{"devices.deny", "devices", Where::everywhere, 0200, nullptr, devices_deny},
    ControlRow{"devices.list", "devices", Where::everywhere, 0, devices_list},
    ControlRow{"freezer.parent_freezing", "freezer", Where::below_root, 0, parent_freezing},
    ControlRow{"freezer.self_freezing", "freezer", Where::below_root, 0, self_freezing},
    ControlRow{"freezer.state", "freezer", Where::below_root, 0, freezer_state, set_freezer_state},
    ControlRow{"memory.failcnt", "memory", Where::everywhere, 0, failcnt, reset_failcnt},
    ControlRow{"memory.limit_in_bytes", "memory", Where::everywhere, 0, limit_in_bytes, set_limit_in_bytes},
    ControlRow{"memory.max_usage_in_bytes", "memory", Where::everywhere, 0, max_usage_in_bytes, reset_max_usage},
    ControlRow{"memory.memsw.failcnt", "memory", Where::everywhere, 0, failcnt, reset_failcnt},
    ControlRow{"memory.memsw.limit_in_bytes", "memory", Where::everywhere, 0, memsw_limit, set_memsw_limit},
    ControlRow{"memory.memsw.max_usage_in_bytes", "memory", Where::everywhere, 0, max_usage_in_bytes, reset_max_usage},
    ControlRow{"memory.memsw.usage_in_bytes", "memory", Where::everywhere, 0, usage_in_bytes},
    ControlRow{"memory.oom_control", "memory", Where::everywhere, 0, oom_control, set_oom_control},
    ControlRow{"memory.soft_limit_in_bytes", "memory", Where::everywhere, 0, soft_limit, set_soft_limit},
    ControlRow{"memory.stat", "memory", Where::everywhere, 0, memory_stat},
    ControlRow{"memory.swappiness", "memory", Where::everywhere, 0, swappiness},
    ControlRow{"memory.usage_in_bytes", "memory", Where::everywhere, 0, usage_in_bytes},
    ControlRow{"memory.use_hierarchy", "memory", Where::everywhere, 0, one},
    ControlRow{"pids.current", "pids", Where::below_root, 0, pids_current},
    ControlRow{"pids.events", "pids", Where::below_root, 0, pids_events},
    ControlRow{"pids.max", "pids", Where::below_root, 0, pids_max, set_pids_max},
};

}  // namespace

std::span<const ControlRow> legacy_rows() {
  return kRows;
}

}  // namespace drydock::machine
