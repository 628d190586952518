// Sending signals: who may, what is dropped, what is queued, who is woken. signal(7), kill(2), sigqueue(3).

#include "machine/kernel/send_signal.h"

#include <algorithm>

#include "machine/kernel/capabilities.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/schedule.h"
#include "machine/kernel/signal_actions.h"
#include "machine/kernel/tracer.h"

namespace drydock::machine {
namespace {

constexpr std::size_t kPendingQueueMax = 65536;  // real-time signals that wait for one process, whatever RLIMIT says

void remove_signals(PendingSignals& pending, SignalSet which) {
  if ((pending.set & which) == 0) return;
  pending.set &= ~which;
  std::erase_if(pending.queue, [&](const SignalInfo& info) { return (signal_bit(info.signal) & which) != 0; });
}

bool add_pending(PendingSignals& pending, const SignalInfo& info) {
  const bool real_time = info.signal >= kFirstRealTimeSignal;
  if (!real_time && (pending.set & signal_bit(info.signal)) != 0) return true;
  if (pending.queue.size() >= kPendingQueueMax) return false;
  pending.set |= signal_bit(info.signal);
  pending.queue.push_back(info);
  return true;
}

void remove_everywhere(Kernel& kernel, Process& process, SignalSet which) {
  remove_signals(process.pending, which);
  for (TaskId thread : process.threads) remove_signals(kernel.tasks[thread].pending, which);
}

void continue_process(Kernel& kernel, Process& process) {
  if (!process.job_stopped) return;
  process.job_stopped = false;
  process.stopped = false;
  process.continued = true;
  for (TaskId id : process.threads) {
    Task& task = kernel.tasks[id];
    if (task.state != TaskState::stopped) continue;
    task.state = TaskState::runnable;
    make_runnable(kernel, id);
  }
  note_task(kernel, {.kind = TaskNote::Kind::continued, .task = process.leader});
  tell_parent_of_stop(kernel, process.id, kCldContinued, sig_cont);
}

// An init does not get what it has no handler for, but SIGKILL and SIGSTOP from outside of its namespace.
bool init_is_spared(const Kernel& kernel, const Process& process, const SignalInfo& info) {
  const PidNamespace* place = kernel.pid_namespaces.find(process.pid_namespace);
  if (place == nullptr || place->init != process.id || place->dying) return false;
  const Task& task = kernel.tasks[process.leader];
  if (kernel.signal_handlers[task.handlers].actions[static_cast<std::size_t>(info.signal)].handler > kSignalIgnore)
    return false;
  const bool only_kernel = info.signal == sig_kill || info.signal == sig_stop;
  return !(info.from_ancestor && only_kernel && process.id != kernel.init_process);
}

void wake_for_signal(Kernel& kernel, TaskId id, const SignalInfo& info) {
  Task& task = kernel.tasks[id];
  wake(kernel, {WaitKind::task, id.value});
  const bool kills = info.signal == sig_kill;
  if (!kills && (task.blocked_signals & signal_bit(info.signal)) != 0) return;
  if (kills && (task.state == TaskState::stopped || task.state == TaskState::frozen)) task.state = TaskState::runnable;
  if (task.state == TaskState::blocked && task.wait.interruption == Interruption::never && !kills) return;
  if (task.state == TaskState::blocked || (kills && task.state == TaskState::runnable)) make_runnable(kernel, id);
}

// Hosted tasks never run, so that nobody would ever act on a signal that ends them.
bool end_hosted(Kernel& kernel, Process& process, const SignalInfo& info) {
  const Task& task = kernel.tasks[process.leader];
  if (task.body != TaskBody::hosted) return false;
  const SignalAction& action = kernel.signal_handlers[task.handlers].actions[static_cast<std::size_t>(info.signal)];
  if (action.handler != kSignalDefault || !ends_by_default(info.signal)) return false;
  if (info.signal != sig_kill && (task.blocked_signals & signal_bit(info.signal)) != 0) return false;
  exit_process(kernel, process.id, info.signal);
  return true;
}

Result<void, Errno> send(Kernel& kernel, Process& process, TaskId thread, const SignalInfo& info) {
  if (info.signal == 0 || process.reaped || process.threads.empty()) return {};
  const SignalSet bit = signal_bit(info.signal);
  if ((bit & kStopSignals) != 0) remove_everywhere(kernel, process, signal_bit(sig_cont));
  if (info.signal == sig_cont) {
    remove_everywhere(kernel, process, kStopSignals);
    continue_process(kernel, process);
  }
  TaskId target = thread ? thread : process.leader;
  if (kernel.tasks[target].state == TaskState::zombie) target = process.threads.front();
  const Task& chosen = kernel.tasks[target];
  // One that is blocked is kept, for an init as well: somebody may wait for it with sigtimedwait(2).
  const bool awaited = (chosen.blocked_signals & bit) != 0;
  if (!awaited && init_is_spared(kernel, process, info)) return {};
  if (!awaited && is_ignored(kernel, chosen, info.signal)) return {};
  if (end_hosted(kernel, process, info)) return {};
  PendingSignals& pending = thread ? kernel.tasks[thread].pending : process.pending;
  if (info.code < 0 && info.signal >= kFirstRealTimeSignal &&
      pending.queue.size() >= process.limits[kRlimitSigpending].soft)
    return Errno::eagain;
  if (!add_pending(pending, info)) return Errno::eagain;
  note_task(kernel, {.kind = TaskNote::Kind::signalled, .task = target, .signal = info.signal});
  if (thread) {
    wake_for_signal(kernel, thread, info);
    return {};
  }
  for (TaskId id : std::vector<TaskId>(process.threads)) wake_for_signal(kernel, id, info);
  return {};
}

}  // namespace

Result<void, Errno> send_signal(Kernel& kernel, ProcessId id, SignalInfo info) {
  Process* process = kernel.processes.find(id);
  if (process == nullptr) return {};
  return send(kernel, *process, {}, info);
}

Result<void, Errno> send_signal_to_task(Kernel& kernel, TaskId id, SignalInfo info) {
  Task* task = kernel.tasks.find(id);
  if (task == nullptr || task->state == TaskState::zombie) return {};
  return send(kernel, kernel.processes[task->process], id, info);
}

void send_signal_to_group(Kernel& kernel, ProcessId group, SignalInfo info) {
  for (ProcessId member : group_members(kernel, group)) (void)send_signal(kernel, member, info);
}

SignalInfo kernel_signal(int signal) {
  SignalInfo info;
  info.signal = signal;
  info.code = kSiKernel;
  info.from_ancestor = true;
  return info;
}

void force_signal(Kernel& kernel, TaskId id, SignalInfo info) {
  Task& task = kernel.tasks[id];
  const SignalSet bit = signal_bit(info.signal);
  SignalAction& action = kernel.signal_handlers[task.handlers].actions[static_cast<std::size_t>(info.signal)];
  const bool blocked = (task.blocked_signals & bit) != 0;
  if (blocked || action.handler == kSignalIgnore) {
    action = SignalAction{};
    task.blocked_signals &= ~bit;
  }
  info.from_ancestor = true;
  remove_signals(task.pending, bit);
  add_pending(task.pending, info);
  make_runnable(kernel, id);
}

SignalInfo user_signal(const Caller& caller, int signal, int code, ProcessId target) {
  SignalInfo info;
  info.signal = signal;
  info.code = code;
  info.sender = caller.self().process;
  info.sender_uid = caller.credentials().uid;
  const Process* process = caller.kernel.processes.find(target);
  info.from_ancestor =
      process != nullptr && !is_within(caller.kernel, caller.self().pid_namespace, process->pid_namespace);
  return info;
}

Result<void, Errno> may_signal(const Caller& caller, ProcessId target, int signal) {
  const Process* process = caller.kernel.processes.find(target);
  if (process == nullptr) return Errno::esrch;
  const Credentials& who = caller.credentials();
  const Credentials& whom = caller.kernel.tasks[process->leader].credentials;
  if (process->id == caller.self().process) return {};
  if (who.euid == whom.suid || who.euid == whom.uid || who.uid == whom.suid || who.uid == whom.uid) return {};
  if (capable(caller, cap::kill, whom.user_namespace)) return {};
  const Process& own = caller.kernel.processes[caller.self().process];
  if (signal == sig_cont && own.session == process->session) return {};
  return Errno::eperm;
}

bool is_ignored(const Kernel& kernel, const Task& task, int signal) {
  if (signal == sig_kill || signal == sig_stop) return false;
  const std::uint64_t handler = kernel.signal_handlers[task.handlers].actions[static_cast<std::size_t>(signal)].handler;
  return handler == kSignalIgnore || (handler == kSignalDefault && ignored_by_default(signal));
}

SignalSet deliverable_signals(const Kernel& kernel, const Task& task) {
  const Process* process = kernel.processes.find(task.process);
  const SignalSet pending = task.pending.set | (process != nullptr ? process->pending.set : 0);
  return pending & ~(task.blocked_signals & ~kUnblockable);
}

std::optional<SignalInfo> take_signal(Kernel& kernel, TaskId id, SignalSet wanted) {
  Task& task = kernel.tasks[id];
  Process& process = kernel.processes[task.process];
  for (PendingSignals* pending : {&task.pending, &process.pending}) {
    const SignalSet ready = pending->set & wanted;
    if (ready == 0) continue;
    // SIGKILL first, then those that the task has brought on itself, then the lowest number. signal(7).
    SignalSet first = ready & signal_bit(sig_kill);
    if (first == 0) first = ready & kSynchronousSignals;
    if (first == 0) first = ready;
    const int signal = __builtin_ctzll(first) + 1;
    const auto found = std::find_if(pending->queue.begin(), pending->queue.end(),
                                    [&](const SignalInfo& info) { return info.signal == signal; });
    SignalInfo info;
    info.signal = signal;
    if (found != pending->queue.end()) {
      info = *found;
      pending->queue.erase(found);
    }
    const bool more = std::any_of(pending->queue.begin(), pending->queue.end(),
                                  [&](const SignalInfo& other) { return other.signal == signal; });
    if (!more) pending->set &= ~signal_bit(signal);
    return info;
  }
  return std::nullopt;
}

void drop_ignored(Kernel& kernel, ProcessId id, int signal) {
  Process& process = kernel.processes[id];
  if (process.threads.empty() || !is_ignored(kernel, kernel.tasks[process.threads.front()], signal)) return;
  remove_everywhere(kernel, process, signal_bit(signal));
}

}  // namespace drydock::machine
