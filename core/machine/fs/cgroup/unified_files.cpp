// The files of cgroup version 2. Linux's admin-guide/cgroup-v2.rst.
//
// Not modelled: threaded groups, memory.reclaim, pressure stall information, disks (io.stat is empty), huge pages;
// cpuset and io settings are kept and have no effect.

#include <algorithm>
#include <array>

#include "base/text.h"
#include "machine/fs/cgroup/control_file.h"
#include "machine/kernel/cgroup_accounting.h"
#include "machine/kernel/send_signal.h"

namespace drydock::machine {

namespace {

using Text = Result<std::string, Errno>;
using Done = Result<void, Errno>;
using Where = ControlRow::Where;

const Cgroup& at(const Caller& caller, CgroupId id) {
  return std::as_const(caller.kernel.cgroups)[id];
}

Result<std::int64_t, Errno> number(std::string_view text) {
  const auto value = parse_i64(trim(text));
  if (!value) return Errno::einval;
  return *value;
}

// cgroup.*

std::string names(const std::vector<std::string>& all) {
  return all.empty() ? std::string() : join(all, " ") + "\n";
}
Text controllers(const Caller& caller, CgroupId id) {
  return names(available_controllers(caller.kernel, id));
}
Text subtree_control(const Caller& caller, CgroupId id) {
  return names(at(caller, id).subtree_control);
}

bool has(const std::vector<std::string>& all, std::string_view name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

Done change_subtree_control(const Caller& caller, CgroupId id, std::string_view text) {
  Kernel& kernel = caller.kernel;
  const std::vector<std::string> available = available_controllers(kernel, id);
  std::vector<std::string> enabled = at(caller, id).subtree_control;
  bool enables = false;
  for (const std::string& word : split(trim(text), ' ')) {
    if (word.empty()) continue;
    const std::string name = word.substr(1);
    if ((word[0] != '+' && word[0] != '-') ||
        !has(kernel.cgroup_hierarchies[at(caller, id).hierarchy].controllers, name))
      return Errno::einval;
    if (word[0] == '+') {
      if (!has(available, name)) return Errno::enoent;
      enables |= !has(enabled, name);
      if (!has(enabled, name)) enabled.push_back(name);
    } else {
      for (const auto& [child_name, child] : at(caller, id).children)
        if (has(at(caller, child).subtree_control, name)) return Errno::ebusy;
      enabled.erase(std::remove(enabled.begin(), enabled.end(), name), enabled.end());
    }
  }
  // Processes live in the leaves only, but for the root.
  if (enables && at(caller, id).parent && at(caller, id).processes > 0) return Errno::ebusy;
  std::vector<std::string> ordered;
  for (const std::string& name : available)
    if (has(enabled, name)) ordered.push_back(name);
  kernel.cgroups[id].subtree_control = std::move(ordered);
  return {};
}

Text events(const Caller& caller, CgroupId id) {
  const Cgroup& group = at(caller, id);
  return concat("populated ", is_populated(caller.kernel, id) ? 1 : 0, "\nfrozen ", group.frozen_effective ? 1 : 0,
                "\n");
}
Text freeze(const Caller& caller, CgroupId id) {
  return std::string(at(caller, id).frozen ? "1\n" : "0\n");
}
Done set_freeze(const Caller& caller, CgroupId id, std::string_view text) {
  const std::int64_t value = TRY(number(text));
  if (value != 0 && value != 1) return Errno::erange;
  set_frozen(caller.kernel, id, value == 1);
  return {};
}
Done kill_all(const Caller& caller, CgroupId id, std::string_view text) {
  Kernel& kernel = caller.kernel;
  if (TRY(number(text)) != 1) return Errno::erange;
  const std::size_t hierarchy = at(caller, id).hierarchy;
  for (const ProcessId process : kernel.processes.ids()) {
    const Process& member = std::as_const(kernel.processes)[process];
    if (member.threads.empty() || hierarchy >= member.cgroups.size()) continue;
    for (CgroupId up = member.cgroups[hierarchy]; up; up = at(caller, up).parent)
      if (up == id) {
        (void)send_signal(kernel, process, kernel_signal(sig_kill));
        break;
      }
  }
  return {};
}
Text type(const Caller&, CgroupId) {
  return std::string("domain\n");
}
Done set_type(const Caller&, CgroupId, std::string_view text) {
  return trim(text) == "threaded" ? Errno::eopnotsupp : Errno::einval;
}
Text stat(const Caller& caller, CgroupId id) {
  return concat("nr_descendants ", descendants(caller.kernel, id), "\nnr_dying_descendants 0\n");
}
Done keep_max(const Caller& caller, CgroupId id, std::string_view file, std::string_view text) {
  text = trim(text);
  const auto value = parse_u64(text);
  if (text != "max" && (!value || *value > 0x7fffffff)) return Errno::erange;
  caller.kernel.cgroups[id].settings[std::string(file)] = concat(text, "\n");
  return {};
}
Text max_depth(const Caller& caller, CgroupId id) {
  return kept(at(caller, id), "cgroup.max.depth", "max\n");
}
Done set_max_depth(const Caller& caller, CgroupId id, std::string_view text) {
  return keep_max(caller, id, "cgroup.max.depth", text);
}
Text max_descendants(const Caller& caller, CgroupId id) {
  return kept(at(caller, id), "cgroup.max.descendants", "max\n");
}
Done set_max_descendants(const Caller& caller, CgroupId id, std::string_view text) {
  return keep_max(caller, id, "cgroup.max.descendants", text);
}

// cpu.*

Text cpu_stat(const Caller& caller, CgroupId id) {
  const Cgroup& group = at(caller, id);
  const std::uint64_t user = group.cpu_user_ns / 1000, system = group.cpu_system_ns / 1000;
  std::string text = concat("usage_usec ", user + system, "\nuser_usec ", user, "\nsystem_usec ", system, "\n");
  if (group.parent && has(available_controllers(caller.kernel, id), "cpu"))
    text += concat("nr_periods ", group.cpu_periods, "\nnr_throttled ", group.cpu_throttled_periods,
                   "\nthrottled_usec ", group.cpu_throttled_ns / 1000, "\nnr_bursts 0\nburst_usec 0\n");
  return text;
}
Text cpu_max(const Caller& caller, CgroupId id) {
  const Cgroup& group = at(caller, id);
  return concat(group.cpu_quota_ns ? concat(*group.cpu_quota_ns / 1000) : "max", ' ', group.cpu_period_ns / 1000, "\n");
}
Done set_cpu_max(const Caller& caller, CgroupId id, std::string_view text) {
  constexpr std::uint64_t kLeastUs = 1000, kMostPeriodUs = 1'000'000, kMostQuotaUs = 1'000'000'000'000;
  Cgroup& group = caller.kernel.cgroups[id];
  std::vector<std::string> words;
  for (std::string& word : split(trim(text), ' '))
    if (!word.empty()) words.push_back(std::move(word));
  if (words.empty() || words.size() > 2) return Errno::einval;
  std::uint64_t period_us = group.cpu_period_ns / 1000;
  if (words.size() == 2) {
    const auto period = parse_u64(words[1]);
    if (!period || *period < kLeastUs || *period > kMostPeriodUs) return Errno::einval;
    period_us = *period;
  }
  std::optional<std::uint64_t> quota_ns;
  if (words[0] != "max") {
    const auto quota = parse_u64(words[0]);
    if (!quota || *quota < kLeastUs || *quota > kMostQuotaUs) return Errno::einval;
    quota_ns = *quota * 1000;
  }
  group.cpu_quota_ns = quota_ns;
  group.cpu_period_ns = period_us * 1000;
  return {};
}
Text cpu_weight(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).cpu_weight, "\n");
}
Done set_cpu_weight(const Caller& caller, CgroupId id, std::string_view text) {
  const std::int64_t weight = TRY(number(text));
  if (weight < 1 || weight > 10000) return Errno::erange;
  caller.kernel.cgroups[id].cpu_weight = static_cast<std::uint32_t>(weight);
  return {};
}
// The scheduler's weights of nice -20 to 19.
constexpr std::array<std::uint32_t, 40> kNiceWeights{
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906,  3121,  2501,  1991,  1586,  1277,  1024,  820,   655,   526,   423,  335,  272,  215,
    172,   137,   110,   87,    70,    56,    45,    36,    29,    23,    18,   15};
Text cpu_weight_nice(const Caller& caller, CgroupId id) {
  const std::uint32_t weight = (at(caller, id).cpu_weight * 1024 + 50) / 100;
  std::int64_t nearest = 0;
  std::uint32_t distance = ~0u;
  for (std::size_t n = 0; n < kNiceWeights.size(); ++n) {
    const std::uint32_t away = kNiceWeights[n] > weight ? kNiceWeights[n] - weight : weight - kNiceWeights[n];
    if (away >= distance) continue;
    distance = away;
    nearest = static_cast<std::int64_t>(n) - 20;
  }
  return concat(nearest, "\n");
}
Done set_cpu_weight_nice(const Caller& caller, CgroupId id, std::string_view text) {
  const std::int64_t nice = TRY(number(text));
  if (nice < -20 || nice > 19) return Errno::erange;
  caller.kernel.cgroups[id].cpu_weight =
      std::max((kNiceWeights[static_cast<std::size_t>(nice + 20)] * 100 + 512) / 1024, 1u);
  return {};
}

// memory.*

std::string limit_text(const std::optional<std::uint64_t>& bytes) {
  return bytes ? concat(*bytes, "\n") : std::string("max\n");
}
template <std::optional<std::uint64_t> Cgroup::*field>
Text memory_limit(const Caller& caller, CgroupId id) {
  return limit_text(at(caller, id).*field);
}
/// Protections are 0 where limits are "max".
template <std::optional<std::uint64_t> Cgroup::*field>
Text memory_protection(const Caller& caller, CgroupId id) {
  const auto& bytes = at(caller, id).*field;
  return concat(bytes.value_or(0), "\n");
}
template <std::optional<std::uint64_t> Cgroup::*field>
Done set_memory(const Caller& caller, CgroupId id, std::string_view text) {
  caller.kernel.cgroups[id].*field = TRY(parse_bytes(text, "max"));
  return {};
}
Text memory_current(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).memory_pages * kPageBytes, "\n");
}
Text memory_peak(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).memory_pages_peak * kPageBytes, "\n");
}
Text memory_events(const Caller& caller, CgroupId id) {
  const Cgroup& group = at(caller, id);
  return concat("low 0\nhigh 0\nmax ", group.memory_failures, "\noom ", group.memory_failures, "\noom_kill ",
                group.oom_kills, "\noom_group_kill 0\n");
}
Text memory_stat(const Caller& caller, CgroupId id) {
  std::string text = concat("anon ", at(caller, id).memory_pages * kPageBytes, "\n");
  for (const std::string_view name :
       {"file", "kernel", "kernel_stack", "pagetables", "sec_pagetables", "percpu", "sock", "vmalloc", "shmem", "zswap",
        "zswapped", "file_mapped", "file_dirty", "file_writeback", "swapcached", "anon_thp", "file_thp", "shmem_thp",
        "inactive_anon"})
    text += concat(name, " 0\n");
  text += concat("active_anon ", at(caller, id).memory_pages * kPageBytes, "\n");
  for (const std::string_view name : {"inactive_file", "active_file", "unevictable", "slab_reclaimable",
                                      "slab_unreclaimable", "slab", "pgfault", "pgmajfault"})
    text += concat(name, " 0\n");
  return text;
}
Text zero(const Caller&, CgroupId) {
  return std::string("0\n");
}
Text oom_group(const Caller& caller, CgroupId id) {
  return kept(at(caller, id), "memory.oom.group", "0\n");
}
Done set_oom_group(const Caller& caller, CgroupId id, std::string_view text) {
  const std::int64_t value = TRY(number(text));
  if (value != 0 && value != 1) return Errno::einval;
  caller.kernel.cgroups[id].settings["memory.oom.group"] = concat(value, "\n");
  return {};
}
Text swap_events(const Caller&, CgroupId) {
  return std::string("high 0\nmax 0\nfail 0\n");
}

// pids.*

Text pids_current(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).pids, "\n");
}
Text pids_peak(const Caller& caller, CgroupId id) {
  return concat(at(caller, id).pids_peak, "\n");
}
Text pids_max(const Caller& caller, CgroupId id) {
  return limit_text(at(caller, id).pids_max);
}
Done set_pids_max(const Caller& caller, CgroupId id, std::string_view text) {
  constexpr std::uint64_t kPidMaxLimit = 4194304;
  text = trim(text);
  const auto value = parse_u64(text);
  if (text != "max" && (!value || *value >= kPidMaxLimit)) return Errno::einval;
  caller.kernel.cgroups[id].pids_max = text == "max" ? std::optional<std::uint64_t>() : value;
  return {};
}
Text pids_events(const Caller& caller, CgroupId id) {
  return concat("max ", at(caller, id).pids_failures, "\n");
}

Text all_cpus(const Caller& caller, CgroupId) {
  const std::uint32_t cpus = caller.kernel.limits.cpus;
  return cpus > 1 ? concat("0-", cpus - 1, "\n") : std::string("0\n");
}

constexpr std::array kRows{
    ControlRow{"cgroup.controllers", "", Where::everywhere, 0, controllers},
    ControlRow{"cgroup.events", "", Where::below_root, 0, events},
    ControlRow{"cgroup.freeze", "", Where::below_root, 0, freeze, set_freeze},
    ControlRow{"cgroup.kill", "", Where::below_root, 0200, nullptr, kill_all},
    ControlRow{"cgroup.max.depth", "", Where::everywhere, 0, max_depth, set_max_depth},
    ControlRow{"cgroup.max.descendants", "", Where::everywhere, 0, max_descendants, set_max_descendants},
    ControlRow{"cgroup.procs", "", Where::everywhere, 0, members_text, move_member},
    ControlRow{"cgroup.stat", "", Where::everywhere, 0, stat},
    ControlRow{"cgroup.subtree_control", "", Where::everywhere, 0, subtree_control, change_subtree_control},
    ControlRow{"cgroup.threads", "", Where::everywhere, 0, members_text, move_member},
    ControlRow{"cgroup.type", "", Where::below_root, 0, type, set_type},
    ControlRow{"cpu.idle", "cpu", Where::below_root, 0644, nullptr, nullptr, "0\n"},
    ControlRow{"cpu.max", "cpu", Where::below_root, 0, cpu_max, set_cpu_max},
    ControlRow{"cpu.max.burst", "cpu", Where::below_root, 0644, nullptr, nullptr, "0\n"},
    ControlRow{"cpu.stat", "", Where::everywhere, 0, cpu_stat},
    ControlRow{"cpu.weight", "cpu", Where::below_root, 0, cpu_weight, set_cpu_weight},
    ControlRow{"cpu.weight.nice", "cpu", Where::below_root, 0, cpu_weight_nice, set_cpu_weight_nice},
    ControlRow{"cpuset.cpus", "cpuset", Where::below_root, 0644, nullptr, nullptr, "\n"},
    ControlRow{"cpuset.cpus.effective", "cpuset", Where::everywhere, 0, all_cpus},
    ControlRow{"cpuset.cpus.partition", "cpuset", Where::below_root, 0644, nullptr, nullptr, "member\n"},
    ControlRow{"cpuset.mems", "cpuset", Where::below_root, 0644, nullptr, nullptr, "\n"},
    ControlRow{"cpuset.mems.effective", "cpuset", Where::everywhere, 0, zero},
    ControlRow{"hugetlb.2MB.current", "hugetlb", Where::below_root, 0, zero},
    ControlRow{"hugetlb.2MB.max", "hugetlb", Where::below_root, 0644, nullptr, nullptr, "max\n"},
    ControlRow{"io.max", "io", Where::below_root, 0644, nullptr, nullptr, ""},
    ControlRow{"io.stat", "io", Where::everywhere, 0444, nullptr, nullptr, ""},
    ControlRow{"io.weight", "io", Where::below_root, 0644, nullptr, nullptr, "default 100\n"},
    ControlRow{"memory.current", "memory", Where::below_root, 0, memory_current},
    ControlRow{"memory.events", "memory", Where::below_root, 0, memory_events},
    ControlRow{"memory.events.local", "memory", Where::below_root, 0, memory_events},
    ControlRow{"memory.high", "memory", Where::below_root, 0, memory_limit<&Cgroup::memory_high_bytes>,
               set_memory<&Cgroup::memory_high_bytes>},
    ControlRow{"memory.low", "memory", Where::below_root, 0, memory_protection<&Cgroup::memory_low_bytes>,
               set_memory<&Cgroup::memory_low_bytes>},
    ControlRow{"memory.max", "memory", Where::below_root, 0, memory_limit<&Cgroup::memory_max_bytes>,
               set_memory<&Cgroup::memory_max_bytes>},
    ControlRow{"memory.min", "memory", Where::below_root, 0, memory_protection<&Cgroup::memory_min_bytes>,
               set_memory<&Cgroup::memory_min_bytes>},
    ControlRow{"memory.oom.group", "memory", Where::below_root, 0, oom_group, set_oom_group},
    ControlRow{"memory.peak", "memory", Where::below_root, 0, memory_peak},
    ControlRow{"memory.stat", "memory", Where::everywhere, 0, memory_stat},
    ControlRow{"memory.swap.current", "memory", Where::below_root, 0, zero},
    ControlRow{"memory.swap.events", "memory", Where::below_root, 0, swap_events},
    ControlRow{"memory.swap.high", "memory", Where::below_root, 0644, nullptr, nullptr, "max\n"},
    ControlRow{"memory.swap.max", "memory", Where::below_root, 0, memory_limit<&Cgroup::swap_max_bytes>,
               set_memory<&Cgroup::swap_max_bytes>},
    ControlRow{"misc.current", "misc", Where::below_root, 0444, nullptr, nullptr, ""},
    ControlRow{"misc.max", "misc", Where::below_root, 0644, nullptr, nullptr, ""},
    ControlRow{"pids.current", "pids", Where::below_root, 0, pids_current},
    ControlRow{"pids.events", "pids", Where::below_root, 0, pids_events},
    ControlRow{"pids.max", "pids", Where::below_root, 0, pids_max, set_pids_max},
    ControlRow{"pids.peak", "pids", Where::below_root, 0, pids_peak},
    ControlRow{"rdma.current", "rdma", Where::below_root, 0444, nullptr, nullptr, ""},
    ControlRow{"rdma.max", "rdma", Where::below_root, 0644, nullptr, nullptr, ""},
};

}  // namespace

std::span<const ControlRow> unified_rows() {
  return kRows;
}

}  // namespace drydock::machine
