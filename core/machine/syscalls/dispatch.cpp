// One attempt at a system call: filters, the handler, and the trace around it. syscall(2).

#include "base/text.h"
#include "machine/kernel/seccomp_filter.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/syscall_names.h"
#include "machine/syscalls/table.h"

namespace drydock::machine {
namespace {

Outcome carry_out(Kernel& kernel, TaskId id) {
  const Task& task = kernel.tasks[id];
  // A call that is attempted again has passed its filters already.
  if (task.seccomp_mode != 0 && !task.restart.again) [[unlikely]] {
    if (std::optional<Outcome> filtered = filter_call(kernel, id)) return std::move(*filtered);
  }
  const auto number = static_cast<std::uint64_t>(task.call_number);
  const SyscallRow* row = find_syscall(number);
  if (row == nullptr || row->handler == nullptr) {
    const std::string name = row != nullptr ? std::string(row->name) : std::to_string(number);
    note_unimplemented(kernel, id, concat("system call ", name));
    return Errno::enosys;
  }
  return row->handler(Call{{kernel, id}, task.call_arguments});
}

}  // namespace

Outcome dispatch(Kernel& kernel, TaskId id) {
  if (kernel.tracer == nullptr) [[likely]]
    return carry_out(kernel, id);
  if (!kernel.tasks[id].restart.again) kernel.tracer->call_entered(kernel, id);
  Outcome outcome = carry_out(kernel, id);
  kernel.tracer->call_left(kernel, id, outcome);
  return outcome;
}

}  // namespace drydock::machine
