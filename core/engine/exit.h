#pragma once
// What happens when a process of a container ends, and everything else the runtime reports.

#include "engine/container.h"
#include "engine/daemon.h"
#include "runtime/runtime.h"

namespace drydock::engine {

void handle_runtime_event(Daemon& daemon, runtime::RuntimeEvent event);

/// Completes an end that is still being settled (its output is read first): gives back what the container holds in the
/// runtime and the networks. Nothing to do is fine.
void settle_exit(Daemon& daemon, Container& container);

/// True if the restart policy wants another run after this end.
bool wants_restart(const Container& container);

/// The pause before that run: 100 ms, doubled each time up to a minute, anew after a run of ten seconds.
void schedule_restart(Daemon& daemon, Container& container);

}  // namespace drydock::engine
