#pragma once
// Which tasks are ready to run, and what the others wait for: the run queue, the sleepers and the deadlines of Kernel.
// run.h takes the turns.

#include <cstdint>
#include <optional>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// Takes the task out of whatever it waits for and puts it at the end of the run queue, unless it is a hosted one, a
/// zombie, stopped, frozen or throttled. A task that was in a call attempts it again.
void make_runnable(Kernel& kernel, TaskId task);
/// The task waits for that from now on.
void block_task(Kernel& kernel, TaskId task, Block wait);
/// Out of the run queue, the sleepers and the deadlines; Task::state is not changed.
void leave_queues(Kernel& kernel, TaskId task);
/// The next moment at which something is to happen by itself; none: never.
std::optional<std::uint64_t> next_deadline(const Kernel& kernel);
/// Wakes whose deadline has come and fires the timers that are due.
void fire_due(Kernel& kernel);
/// Makes the kernel look at the timers of that process at that time.
void schedule_timer(Kernel& kernel, std::uint64_t at_ns, ProcessId process);

}  // namespace drydock::machine
