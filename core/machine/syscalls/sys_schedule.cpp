// sched(7), getpriority(2), ioprio_set(2): what is asked for is kept and told, within the rules. All tasks take turns
// alike, whatever their priority: that is deterministic, and only speed would show it.

#include <algorithm>

#include "machine/kernel/capabilities.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/schedule.h"
#include "machine/syscalls/system_calls.h"
#include "machine/syscalls/time_values.h"

namespace drydock::machine {
namespace {

constexpr int kPolicyOther = 0, kPolicyFifo = 1, kPolicyRoundRobin = 2, kPolicyBatch = 3, kPolicyIdle = 5;
constexpr int kResetOnFork = 0x40000000;

Result<TaskId, Errno> task_argument(const Call& call, int n) {
  if (call.i32(n) < 0) return Errno::einval;
  if (call.i32(n) == 0) return call.task;
  const TaskId task = find_task(call.kernel, call.self().pid_namespace, call.i32(n));
  if (!task) return Errno::esrch;
  return task;
}

// CAP_SYS_NICE, or a task of one's own.
bool may_schedule(const Call& call, const Task& target) {
  const Credentials& who = call.credentials();
  return who.euid == target.credentials.uid || who.euid == target.credentials.euid ||
         capable(call, cap::sys_nice, target.credentials.user_namespace);
}

/// The tasks that getpriority(2) and ioprio_get(2) name by a process, a group, or a user.
enum class Whose : std::uint8_t { process, group, user };
std::vector<TaskId> tasks_named(const Call& call, Whose whose, std::int32_t who) {
  const Kernel& kernel = call.kernel;
  const PidNamespaceId place = call.self().pid_namespace;
  std::vector<TaskId> found;
  if (whose == Whose::process) {
    const TaskId task = who == 0 ? call.task : find_task(kernel, place, who);
    if (task) found.push_back(task);
    return found;
  }
  if (whose == Whose::group) {
    const ProcessId group = who == 0 ? kernel.processes[call.self().process].group : find_group(kernel, place, who);
    if (!group) return found;
    for (ProcessId member : group_members(kernel, group))
      for (TaskId thread : kernel.processes[member].threads) found.push_back(thread);
    return found;
  }
  const auto uid = who == 0 ? std::optional<std::uint32_t>(call.credentials().uid)
                            : uid_from(kernel, call.credentials().user_namespace, static_cast<std::uint32_t>(who));
  if (!uid) return found;
  for (const auto& entry : kernel.pid_namespaces[place].tasks)
    if (kernel.tasks[entry.second].credentials.uid == *uid) found.push_back(entry.second);
  return found;
}

Result<Whose, Errno> whose_priority(std::int32_t which) {
  if (which < 0 || which > 2) return Errno::einval;
  return static_cast<Whose>(which);
}

bool is_real_time(int policy) {
  return policy == kPolicyFifo || policy == kPolicyRoundRobin;
}

Result<void, Errno> set_scheduler(const Call& call, Task& target, int policy, int priority) {
  const int kind = policy & ~kResetOnFork;
  if (kind != kPolicyOther && kind != kPolicyBatch && kind != kPolicyIdle && !is_real_time(kind)) return Errno::einval;
  if (is_real_time(kind) ? priority < 1 || priority > 99 : priority != 0) return Errno::einval;
  const bool nice = capable(call, cap::sys_nice, target.credentials.user_namespace);
  if (is_real_time(kind) && !nice) {
    const std::uint64_t most = call.kernel.processes[target.process].limits[kRlimitRtprio].soft;
    if (static_cast<std::uint64_t>(priority) > most) return Errno::eperm;
  }
  if (!may_schedule(call, target)) return Errno::eperm;
  target.scheduling_policy = kind;
  target.scheduling_priority = priority;
  return {};
}

}  // namespace

Outcome sys_sched_yield(const Call& call) {
  // Once the call is over, the others' turns come first.
  make_runnable(call.kernel, call.task);
  return done();
}

Outcome sys_getpriority(const Call& call) {
  const Whose whose = TRY(whose_priority(call.i32(0)));
  const std::vector<TaskId> found = tasks_named(call, whose, call.i32(1));
  if (found.empty()) return Errno::esrch;
  int best = 19;
  for (TaskId task : found) best = std::min(best, call.kernel.tasks[task].nice);
  // 1 to 40, so that it is never an errno: getpriority(2), "C library/kernel differences".
  return std::int64_t{20 - best};
}

Outcome sys_setpriority(const Call& call) {
  const Whose whose = TRY(whose_priority(call.i32(0)));
  const int nice = std::clamp(call.i32(2), -20, 19);
  const std::vector<TaskId> found = tasks_named(call, whose, call.i32(1));
  if (found.empty()) return Errno::esrch;
  for (TaskId id : found) {
    Task& task = call.kernel.tasks[id];
    if (!may_schedule(call, task)) return Errno::eperm;
    const std::uint64_t limit = call.kernel.processes[task.process].limits[kRlimitNice].soft;
    const bool allowed = limit >= static_cast<std::uint64_t>(20 - nice);
    if (nice < task.nice && !allowed && !own_capable(call, cap::sys_nice)) return Errno::eacces;
    task.nice = nice;
  }
  return done();
}

Outcome sys_sched_setparam(const Call& call) {
  if (call.address(1) == 0) return Errno::einval;
  const TaskId task = TRY(task_argument(call, 0));
  const auto priority = static_cast<std::int32_t>(TRY(call.load32(call.address(1))));
  Task& target = call.kernel.tasks[task];
  TRY(set_scheduler(call, target, target.scheduling_policy, priority));
  return done();
}

Outcome sys_sched_getparam(const Call& call) {
  if (call.address(1) == 0) return Errno::einval;
  const TaskId task = TRY(task_argument(call, 0));
  TRY(call.store32(call.address(1), static_cast<std::uint32_t>(call.kernel.tasks[task].scheduling_priority)));
  return done();
}

Outcome sys_sched_setscheduler(const Call& call) {
  if (call.i32(1) < 0 || call.address(2) == 0) return Errno::einval;
  const TaskId task = TRY(task_argument(call, 0));
  const auto priority = static_cast<std::int32_t>(TRY(call.load32(call.address(2))));
  TRY(set_scheduler(call, call.kernel.tasks[task], call.i32(1), priority));
  return done();
}

Outcome sys_sched_getscheduler(const Call& call) {
  const TaskId task = TRY(task_argument(call, 0));
  return std::int64_t{call.kernel.tasks[task].scheduling_policy};
}

Outcome sys_sched_get_priority_max(const Call& call) {
  const int policy = call.i32(0);
  if (is_real_time(policy)) return std::int64_t{99};
  return policy >= 0 && policy <= 6 && policy != 4 ? done() : Outcome(Errno::einval);
}

Outcome sys_sched_get_priority_min(const Call& call) {
  const int policy = call.i32(0);
  if (is_real_time(policy)) return std::int64_t{1};
  return policy >= 0 && policy <= 6 && policy != 4 ? done() : Outcome(Errno::einval);
}

Outcome sys_sched_rr_get_interval(const Call& call) {
  constexpr std::uint64_t round_robin_ns = 100'000'000, other_ns = 4'000'000;
  const TaskId task = TRY(task_argument(call, 0));
  const int policy = call.kernel.tasks[task].scheduling_policy;
  const std::uint64_t slice = policy == kPolicyRoundRobin ? round_robin_ns : policy == kPolicyFifo ? 0 : other_ns;
  TRY(write_timespec(call, call.address(1), slice));
  return done();
}

Outcome sys_sched_setaffinity(const Call& call) {
  const TaskId task = TRY(task_argument(call, 0));
  std::string raw(std::min<std::uint64_t>(call.u64(1), 8), '\0');
  TRY(call.copy_in(call.address(2), {raw.data(), raw.size()}));
  Task& target = call.kernel.tasks[task];
  if (!may_schedule(call, target)) return Errno::eperm;
  const std::uint64_t present = (std::uint64_t{1} << std::min<std::uint32_t>(call.kernel.limits.cpus, 63)) - 1;
  const std::uint64_t wanted = StructReader(std::move(raw)).u64(0) & present;
  if (wanted == 0) return Errno::einval;
  target.affinity = wanted;
  return done();
}

Outcome sys_sched_getaffinity(const Call& call) {
  if (call.u64(1) * 8 < call.kernel.limits.cpus || call.u64(1) % 8 != 0) return Errno::einval;
  const TaskId task = TRY(task_argument(call, 0));
  const std::uint64_t present = (std::uint64_t{1} << std::min<std::uint32_t>(call.kernel.limits.cpus, 63)) - 1;
  const std::uint64_t affinity = call.kernel.tasks[task].affinity;
  TRY(call.store64(call.address(2), affinity == 0 ? present : affinity & present));
  return std::int64_t{8};
}

Outcome sys_ioprio_set(const Call& call) {
  const std::int32_t which = call.i32(0), value = call.i32(2);
  const std::int32_t io_class = value >> 13, level = value & 0x1fff;
  if (which < 1 || which > 3 || io_class < 0 || io_class > 3 || level > 7) return Errno::einval;
  if (io_class == 0 && level != 0) return Errno::einval;
  if (io_class == 1 && !capable(call, cap::sys_nice) && !capable(call, cap::sys_admin)) return Errno::eperm;
  const std::vector<TaskId> found = tasks_named(call, static_cast<Whose>(which - 1), call.i32(1));
  if (found.empty()) return Errno::esrch;
  for (TaskId id : found) {
    Task& task = call.kernel.tasks[id];
    if (!may_schedule(call, task)) return Errno::eperm;
    task.io_priority = value;
  }
  return done();
}

Outcome sys_ioprio_get(const Call& call) {
  const std::int32_t which = call.i32(0);
  if (which < 1 || which > 3) return Errno::einval;
  const std::vector<TaskId> found = tasks_named(call, static_cast<Whose>(which - 1), call.i32(1));
  if (found.empty()) return Errno::esrch;
  return std::int64_t{call.kernel.tasks[found.front()].io_priority};
}

}  // namespace drydock::machine
