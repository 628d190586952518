// Events of system calls. strace(1).

#include "sim/call_tracer.h"

#include "base/text.h"
#include "machine/kernel/pids.h"

namespace drydock::sim {

std::string CallTracer::container_of(const machine::Kernel& kernel, machine::TaskId task) const {
  const machine::Task* found = kernel.tasks.find(task);
  return found != nullptr ? runtime_.container_of(found->process) : "";
}

void CallTracer::call_entered(machine::Kernel& kernel, machine::TaskId task) {
  std::string container = container_of(kernel, task);
  pending_.erase(task.value);
  if (container.empty()) return;
  const std::int64_t pid = machine::tid_of(kernel, task, kernel.initial_pid_namespace);
  pending_.emplace(task.value, Pending{machine::SyscallText(kernel, task), std::move(container), pid, false});
}

void CallTracer::call_left(machine::Kernel& kernel, machine::TaskId task, const machine::Outcome& outcome) {
  const auto found = pending_.find(task.value);
  if (found == pending_.end()) return;
  Pending& call = found->second;
  if (outcome.blocked()) {
    if (!std::exchange(call.told, true)) tell(call, call.text.unfinished(), false);
    return;
  }
  call.text.finish(kernel, task, outcome);
  tell(call, call.text.text(), true);
  pending_.erase(found);
}

void CallTracer::unimplemented(const machine::Kernel& kernel, machine::TaskId task, std::string_view what) {
  const std::string container = container_of(kernel, task);
  trace_.emit(trace::UnimplementedEvent{std::string(what), "kernel"}, container);
}

void CallTracer::tell(const Pending& call, std::string text, bool finished) {
  trace_.emit(trace::SyscallEvent{call.container, call.pid, std::string(call.text.name()), std::move(text), finished},
              call.container);
}

}  // namespace drydock::sim
