#pragma once
// What a signal does to the task that gets it: a handler is set up, or the default action is taken. signal(7).

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// Acts on all signals that can be delivered. False: the task is to run no further now (it has ended, or stopped).
/// `blocked_on`: the call that it stands in cannot go on for now; null: it is in none.
/// A call that a handler interrupts is over afterwards (Task::in_call is false), with EINTR or to be restarted.
bool deliver_signals(Kernel& kernel, TaskId task, const Block* blocked_on);

}  // namespace drydock::machine
