// Delivery: handlers, default actions, stops, and what becomes of the interrupted call. signal(7).

#include "machine/kernel/deliver_signal.h"

#include "machine/kernel/exit_task.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/schedule.h"
#include "machine/kernel/send_signal.h"
#include "machine/kernel/signal_actions.h"
#include "machine/kernel/signal_frame.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/call.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kSyscallInstructionBytes = 2;

void tell_time_left(Kernel& kernel, TaskId id, const Block& wait) {
  if (wait.remaining_at == 0 || !wait.deadline_ns) return;
  const std::uint64_t left = *wait.deadline_ns > kernel.clock_ns ? *wait.deadline_ns - kernel.clock_ns : 0;
  StructWriter out;
  out.u64(left / 1'000'000'000).u64(wait.remaining_as_timeval ? left % 1'000'000'000 / 1000 : left % 1'000'000'000);
  (void)Call{{kernel, id}, {}}.copy_out(wait.remaining_at, out.span());
}

// The registers as the handler's frame is to hold them: with the interrupted call's result, or on the call again.
void end_interrupted_call(Kernel& kernel, TaskId id, const Block& wait, const SignalAction& action) {
  Task& task = kernel.tasks[id];
  if (wait.partial) {
    task.cpu.gpr[rax] = static_cast<std::uint64_t>(*wait.partial);
  } else if (wait.interruption == Interruption::restart && (action.flags & action_flag::restart) != 0) {
    task.cpu.gpr[rax] = static_cast<std::uint64_t>(task.call_number);
    task.cpu.rip -= kSyscallInstructionBytes;
  } else {
    tell_time_left(kernel, id, wait);
    task.cpu.gpr[rax] = static_cast<std::uint64_t>(-static_cast<std::int64_t>(Errno::eintr));
  }
  task.in_call = false;
  task.restart = RestartState{};
}

bool run_handler(Kernel& kernel, TaskId id, const SignalInfo& info) {
  Task& task = kernel.tasks[id];
  SignalAction& set = kernel.signal_handlers[task.handlers].actions[static_cast<std::size_t>(info.signal)];
  const SignalAction action = set;
  const SignalSet restore = task.saved_mask.value_or(task.blocked_signals);
  task.saved_mask.reset();
  if ((action.flags & action_flag::resethand) != 0) set.handler = kSignalDefault;
  if (!push_signal_frame(kernel, id, info, action, restore)) {
    SignalInfo fault = kernel_signal(sig_segv);
    if (info.signal == sig_segv) set = SignalAction{};
    force_signal(kernel, id, fault);
    return false;
  }
  task.blocked_signals |= action.mask;
  if ((action.flags & action_flag::nodefer) == 0) task.blocked_signals |= signal_bit(info.signal);
  task.blocked_signals &= ~kUnblockable;
  return true;
}

void stop_process(Kernel& kernel, TaskId id, int signal) {
  Process& process = kernel.processes[kernel.tasks[id].process];
  process.job_stopped = true;
  process.stopped = true;
  process.continued = false;
  process.stop_signal = signal;
  for (TaskId thread : process.threads) {
    Task& task = kernel.tasks[thread];
    if (task.state == TaskState::zombie) continue;
    leave_queues(kernel, thread);
    task.state = TaskState::stopped;
  }
  note_task(kernel, {.kind = TaskNote::Kind::stopped, .task = id, .signal = signal});
  tell_parent_of_stop(kernel, process.id, kCldStopped, signal);
}

bool is_namespace_init(const Kernel& kernel, const Task& task) {
  const PidNamespace* place = kernel.pid_namespaces.find(task.pid_namespace);
  return place != nullptr && place->init == task.process && !place->dying;
}

enum class Done { go_on, not_now };

Done act_by_default(Kernel& kernel, TaskId id, const SignalInfo& info) {
  const Task& task = kernel.tasks[id];
  const SignalSet bit = signal_bit(info.signal);
  if (ignored_by_default(info.signal)) return Done::go_on;
  const bool only_kernel = info.signal == sig_kill || info.signal == sig_stop;
  if (is_namespace_init(kernel, task) && !only_kernel && !(info.from_ancestor && (bit & kSynchronousSignals) != 0))
    return Done::go_on;
  const Process& process = kernel.processes[task.process];
  if ((bit & kStopSignals) != 0) {
    if (info.signal != sig_stop && is_orphaned_group(kernel, process.group)) return Done::go_on;
    stop_process(kernel, id, info.signal);
    return Done::not_now;
  }
  const AddressSpace* memory = kernel.memories.find(task.memory);
  // NOTE(not modelled): no core file is written; the status says that one was, where Linux would have.
  const bool dumps =
      (bit & kCoreSignals) != 0 && process.limits[kRlimitCore].soft != 0 && memory != nullptr && memory->dumpable == 1;
  exit_process(kernel, task.process, info.signal | (dumps ? 0x80 : 0));
  return Done::not_now;
}

}  // namespace

bool deliver_signals(Kernel& kernel, TaskId id, const Block* blocked_on) {
  while (true) {
    Task* task = kernel.tasks.find(id);
    if (task == nullptr || task->state == TaskState::zombie) return false;
    SignalSet ready = deliverable_signals(kernel, *task);
    if (blocked_on != nullptr && blocked_on->interruption == Interruption::never) ready &= signal_bit(sig_kill);
    if (ready == 0) return task->state != TaskState::stopped;
    const std::optional<SignalInfo> info = take_signal(kernel, id, ready);
    if (!info) return true;
    const SignalAction action = kernel.signal_handlers[task->handlers].actions[static_cast<std::size_t>(info->signal)];
    if (info->signal != sig_kill && info->signal != sig_stop) {
      if (action.handler == kSignalIgnore) continue;
      if (action.handler != kSignalDefault) {
        if (blocked_on != nullptr) end_interrupted_call(kernel, id, *blocked_on, action);
        blocked_on = nullptr;
        run_handler(kernel, id, *info);
        continue;
      }
    }
    if (act_by_default(kernel, id, *info) == Done::not_now) return false;
  }
}

}  // namespace drydock::machine
