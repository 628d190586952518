// What groups use and what limits do: memory with the OOM killer, pids, CPU quota, freezer. cgroups(7),
// Documentation/admin-guide/cgroup-v2.rst.
// Not modelled: reclaim (nothing is ever swapped or written back), so that memory.high and the protections only count.

#include "machine/kernel/cgroup_accounting.h"

#include <algorithm>

#include "machine/kernel/capabilities.h"
#include "machine/kernel/schedule.h"
#include "machine/kernel/send_signal.h"
#include "machine/kernel/tracer.h"

namespace drydock::machine {
namespace {

template <class F>
void for_each_up(Kernel& kernel, CgroupId id, F use) {
  for (Cgroup* at = kernel.cgroups.find(id); at != nullptr; at = kernel.cgroups.find(at->parent)) use(*at);
}

bool is_below(const Kernel& kernel, CgroupId inner, CgroupId outer) {
  for (CgroupId at = inner; at;) {
    if (at == outer) return true;
    const Cgroup* group = kernel.cgroups.find(at);
    if (group == nullptr) return false;
    at = group->parent;
  }
  return false;
}

void add_pids(Kernel& kernel, CgroupId id, std::uint32_t count) {
  for_each_up(kernel, id, [&](Cgroup& group) {
    group.pids += count;
    group.pids_peak = std::max(group.pids_peak, group.pids);
  });
}

void drop_pids(Kernel& kernel, CgroupId id, std::uint32_t count) {
  for_each_up(kernel, id, [&](Cgroup& group) { group.pids -= std::min(group.pids, count); });
}

void add_pages(Kernel& kernel, CgroupId id, std::uint64_t pages) {
  for_each_up(kernel, id, [&](Cgroup& group) {
    group.memory_pages += pages;
    group.memory_pages_peak = std::max(group.memory_pages_peak, group.memory_pages);
  });
}

void drop_pages(Kernel& kernel, CgroupId id, std::uint64_t pages) {
  for_each_up(kernel, id, [&](Cgroup& group) { group.memory_pages -= std::min(group.memory_pages, pages); });
}

// The group at or above `id` whose limit one more page would break; none: there is room.
CgroupId full_group(const Kernel& kernel, CgroupId id) {
  for (CgroupId at = id; at;) {
    const Cgroup* group = kernel.cgroups.find(at);
    if (group == nullptr) break;
    if (group->memory_max_bytes && (group->memory_pages + 1) * kPageBytes > *group->memory_max_bytes) return at;
    at = group->parent;
  }
  return {};
}

bool machine_is_full(const Kernel& kernel) {
  return kernel.charged_pages >= kernel.limits.memory_pages_max;
}

// proc(5), /proc/PID/oom_score: pages, moved by oom_score_adj thousandths of what there is.
std::int64_t badness(const Kernel& kernel, const Process& process, std::uint64_t total_pages) {
  const AddressSpace* memory = nullptr;
  for (TaskId thread : process.threads) {
    memory = kernel.memories.find(kernel.tasks[thread].memory);
    if (memory != nullptr) break;
  }
  if (memory == nullptr || process.oom_score_adj == -1000) return -1;
  const std::int64_t pages = static_cast<std::int64_t>(memory->resident_pages);
  const std::int64_t moved = process.oom_score_adj * static_cast<std::int64_t>(total_pages) / 1000;
  return std::max<std::int64_t>(pages + moved, 1);
}

// Kills the worst of the group (of the machine, for no group). False: there is nobody to kill.
bool kill_for_memory(Kernel& kernel, CgroupId within) {
  const std::size_t hierarchy = hierarchy_with(kernel, "memory");
  std::uint64_t total = kernel.limits.memory_pages_max;
  if (const Cgroup* group = kernel.cgroups.find(within); group != nullptr && group->memory_max_bytes)
    total = *group->memory_max_bytes / kPageBytes;
  ProcessId victim;
  std::int64_t worst = 0;
  for (ProcessId id : kernel.processes.ids()) {
    const Process& process = kernel.processes[id];
    if (process.threads.empty() || process.exiting || id == kernel.init_process) continue;
    if (within && (hierarchy >= process.cgroups.size() || !is_below(kernel, process.cgroups[hierarchy], within)))
      continue;
    // One that is dying already will give its memory back: no second victim meanwhile.
    if (process.oom_killed) return true;
    const std::int64_t score = badness(kernel, process, total);
    if (score <= worst) continue;
    worst = score;
    victim = id;
  }
  if (!victim) return false;
  Process& process = kernel.processes[victim];
  process.oom_killed = true;
  const TaskId leader = process.threads.front();
  for_each_up(kernel, within ? within : cgroup_for(kernel, process, "memory"),
              [&](Cgroup& group) { ++group.oom_kills; });
  if (kernel.tracer != nullptr) kernel.tracer->out_of_memory(kernel, within, leader);
  (void)send_signal(kernel, victim, kernel_signal(sig_kill));
  return true;
}

void begin_period(Kernel& kernel, Cgroup& group) {
  group.cpu_period_start_ns = kernel.clock_ns;
  group.cpu_period_used_ns = 0;
  ++group.cpu_periods;
}

void freeze_process(Kernel& kernel, const Process& process, bool frozen) {
  for (TaskId id : process.threads) {
    Task& task = kernel.tasks[id];
    if (frozen && (task.state == TaskState::runnable || task.state == TaskState::blocked)) {
      leave_queues(kernel, id);
      task.state = TaskState::frozen;
    } else if (!frozen && task.state == TaskState::frozen) {
      task.state = process.job_stopped ? TaskState::stopped : TaskState::runnable;
      make_runnable(kernel, id);
    }
  }
}

void apply_freeze(Kernel& kernel, CgroupId id, bool frozen_above) {
  Cgroup& group = kernel.cgroups[id];
  const bool frozen = frozen_above || group.frozen;
  const std::vector<CgroupId> children = [&] {
    std::vector<CgroupId> all;
    for (const auto& child : group.children) all.push_back(child.second);
    return all;
  }();
  if (frozen != group.frozen_effective) {
    group.frozen_effective = frozen;
    for (ProcessId process : kernel.processes.ids()) {
      const Process& member = kernel.processes[process];
      if (std::find(member.cgroups.begin(), member.cgroups.end(), id) != member.cgroups.end())
        freeze_process(kernel, member, frozen);
    }
    wake(kernel, {WaitKind::cgroup, id.value});
  }
  for (CgroupId child : children) apply_freeze(kernel, child, frozen);
}

bool any_frozen(const Kernel& kernel, const Process& process) {
  for (CgroupId id : process.cgroups) {
    const Cgroup* group = kernel.cgroups.find(id);
    if (group != nullptr && group->frozen_effective) return true;
  }
  return false;
}

// cgroup.procs: "populated" of the group and of those above changes with its first and last process.
void count_process(Kernel& kernel, CgroupId id, int change) {
  Cgroup* group = kernel.cgroups.find(id);
  if (group == nullptr) return;
  if (change < 0 && group->processes == 0) return;
  group->processes += static_cast<std::uint32_t>(change);
  if (group->processes > 1 || (group->processes == 1 && change < 0)) return;
  for (CgroupId at = id; at;) {
    wake(kernel, {WaitKind::cgroup, at.value});
    const Cgroup* here = kernel.cgroups.find(at);
    if (here == nullptr) break;
    at = here->parent;
  }
}

}  // namespace

std::size_t hierarchy_with(const Kernel& kernel, std::string_view controller) {
  for (std::size_t at = 0; at < kernel.cgroup_hierarchies.size(); ++at) {
    const std::vector<std::string>& all = kernel.cgroup_hierarchies[at].controllers;
    if (std::find(all.begin(), all.end(), controller) != all.end()) return at;
  }
  return kernel.cgroup_hierarchies.size();
}

CgroupId cgroup_for(const Kernel& kernel, const Process& process, std::string_view controller) {
  const std::size_t at = hierarchy_with(kernel, controller);
  return at < process.cgroups.size() ? process.cgroups[at] : CgroupId{};
}

bool attach_new_task(Kernel& kernel, ProcessId id) {
  const Process& process = kernel.processes[id];
  const CgroupId pids = cgroup_for(kernel, process, "pids");
  for (CgroupId at = pids; at;) {
    Cgroup* group = kernel.cgroups.find(at);
    if (group == nullptr) break;
    if (group->pids_max && group->pids >= *group->pids_max) {
      ++group->pids_failures;
      return false;
    }
    at = group->parent;
  }
  add_pids(kernel, pids, 1);
  if (process.threads.empty() || process.threads.size() == 1)
    for (CgroupId group : process.cgroups)
      if (process.pids.empty() || process.id == kernel.init_process) count_process(kernel, group, 1);
  return true;
}

void detach_task(Kernel& kernel, ProcessId id) {
  drop_pids(kernel, cgroup_for(kernel, kernel.processes[id], "pids"), 1);
}

void detach_process(Kernel& kernel, ProcessId id) {
  for (CgroupId group : std::vector<CgroupId>(kernel.processes[id].cgroups)) count_process(kernel, group, -1);
}

Result<void, Errno> migrate(Kernel& kernel, ProcessId id, CgroupId to) {
  Process* process = kernel.processes.find(id);
  Cgroup* target = kernel.cgroups.find(to);
  if (process == nullptr || process->threads.empty() || target == nullptr) return Errno::esrch;
  const std::size_t hierarchy = target->hierarchy;
  if (hierarchy >= process->cgroups.size()) process->cgroups.resize(kernel.cgroup_hierarchies.size());
  const CgroupId from = process->cgroups[hierarchy];
  if (from == to) return {};
  const auto threads = static_cast<std::uint32_t>(process->threads.size());
  process->cgroups[hierarchy] = to;
  if (hierarchy_with(kernel, "pids") == hierarchy) {
    drop_pids(kernel, from, threads);
    add_pids(kernel, to, threads);
  }
  count_process(kernel, from, -1);
  count_process(kernel, to, 1);
  if (hierarchy_with(kernel, "memory") == hierarchy) {
    for (TaskId thread : process->threads) {
      AddressSpace* memory = kernel.memories.find(kernel.tasks[thread].memory);
      if (memory == nullptr || memory->cgroup == to) continue;
      drop_pages(kernel, memory->cgroup, memory->charged_pages);
      add_pages(kernel, to, memory->charged_pages);
      memory->cgroup = to;
    }
  }
  for (TaskId thread : process->threads) {
    Task& task = kernel.tasks[thread];
    if (!task.throttled) continue;
    task.throttled = false;
    make_runnable(kernel, thread);
  }
  freeze_process(kernel, *process, any_frozen(kernel, *process));
  return {};
}

bool charge_page(Kernel& kernel, TaskId task, AddressSpaceId id) {
  AddressSpace& memory = kernel.memories[id];
  settle_memory(kernel, id);
  if (!memory.cgroup) memory.cgroup = cgroup_for(kernel, kernel.processes[kernel.tasks[task].process], "memory");
  const CgroupId full = full_group(kernel, memory.cgroup);
  if (full) ++kernel.cgroups[full].memory_failures;
  if (full || machine_is_full(kernel)) {
    if (!kill_for_memory(kernel, full)) return false;
    // The victim ends when its turn comes. Until then an access of the program's own waits, and one of the kernel's, in
    // the middle of a call, is let through. The victim itself gets nothing more.
    if (kernel.in_user_code || kernel.processes[kernel.tasks[task].process].oom_killed) return false;
  }
  ++memory.charged_pages;
  ++kernel.charged_pages;
  add_pages(kernel, memory.cgroup, 1);
  return true;
}

void settle_memory(Kernel& kernel, AddressSpaceId id) {
  AddressSpace* memory = kernel.memories.find(id);
  if (memory == nullptr || memory->charged_pages <= memory->resident_pages) return;
  const std::uint64_t surplus = memory->charged_pages - memory->resident_pages;
  memory->charged_pages = memory->resident_pages;
  kernel.charged_pages -= std::min(kernel.charged_pages, surplus);
  drop_pages(kernel, memory->cgroup, surplus);
}

void uncharge_all(Kernel& kernel, AddressSpaceId id) {
  AddressSpace* memory = kernel.memories.find(id);
  if (memory == nullptr) return;
  drop_pages(kernel, memory->cgroup, memory->charged_pages);
  kernel.charged_pages -= std::min(kernel.charged_pages, memory->charged_pages);
  memory->charged_pages = 0;
}

bool charge_cpu(Kernel& kernel, TaskId id, std::uint64_t user_ns, std::uint64_t system_ns) {
  const Process& process = kernel.processes[kernel.tasks[id].process];
  if (process.cgroups.empty()) return false;
  bool over = false;
  const auto charge = [&](Cgroup& group) {
    group.cpu_user_ns += user_ns;
    group.cpu_system_ns += system_ns;
    if (!group.cpu_quota_ns) return;
    if (group.cpu_period_used_ns == 0 || kernel.clock_ns >= group.cpu_period_start_ns + group.cpu_period_ns)
      begin_period(kernel, group);
    const bool had_some = group.cpu_period_used_ns < *group.cpu_quota_ns;
    group.cpu_period_used_ns += user_ns + system_ns;
    if (group.cpu_period_used_ns < *group.cpu_quota_ns) return;
    over = true;
    schedule_timer(kernel, group.cpu_period_start_ns + group.cpu_period_ns, ProcessId{});
    if (had_some) ++group.cpu_throttled_periods;
  };
  for_each_up(kernel, cgroup_for(kernel, process, "cpu"), charge);
  // Of version 1, time is counted by a controller of its own.
  const std::size_t accounting = hierarchy_with(kernel, "cpuacct");
  if (accounting < process.cgroups.size() && accounting != hierarchy_with(kernel, "cpu"))
    for_each_up(kernel, process.cgroups[accounting], [&](Cgroup& group) {
      group.cpu_user_ns += user_ns;
      group.cpu_system_ns += system_ns;
    });
  return over;
}

void end_cpu_periods(Kernel& kernel) {
  for (CgroupId id : kernel.cgroups.ids()) {
    Cgroup& group = kernel.cgroups[id];
    if (!group.cpu_quota_ns || group.cpu_period_used_ns < *group.cpu_quota_ns) continue;
    if (kernel.clock_ns < group.cpu_period_start_ns + group.cpu_period_ns) continue;
    group.cpu_throttled_ns +=
        kernel.clock_ns - group.cpu_period_start_ns - std::min(group.cpu_period_ns, *group.cpu_quota_ns);
    // What was used beyond the quota is held against the next period.
    const std::uint64_t debt = group.cpu_period_used_ns - *group.cpu_quota_ns;
    begin_period(kernel, group);
    group.cpu_period_used_ns = debt;
    if (debt >= *group.cpu_quota_ns)
      schedule_timer(kernel, group.cpu_period_start_ns + group.cpu_period_ns, ProcessId{});
  }
  for (TaskId id : kernel.tasks.ids()) {
    Task& task = kernel.tasks[id];
    if (!task.throttled) continue;
    task.throttled = false;
    bool over = false;
    for_each_up(kernel, cgroup_for(kernel, kernel.processes[task.process], "cpu"), [&](Cgroup& group) {
      over = over || (group.cpu_quota_ns && group.cpu_period_used_ns >= *group.cpu_quota_ns);
    });
    task.throttled = over;
    if (!over && task.state == TaskState::runnable) make_runnable(kernel, id);
  }
}

void set_frozen(Kernel& kernel, CgroupId id, bool frozen) {
  Cgroup* group = kernel.cgroups.find(id);
  if (group == nullptr) return;
  group->frozen = frozen;
  const Cgroup* parent = kernel.cgroups.find(group->parent);
  apply_freeze(kernel, id, parent != nullptr && parent->frozen_effective);
}

}  // namespace drydock::machine
