#pragma once
// A daemon's birth and death.

#include "base/result.h"
#include "engine/daemon.h"

namespace drydock::engine {

/// Loads every table from the data root, removes what an earlier daemon left half-done, and brings the tables in line
/// with what the runtime still runs (Runtime::recover): afterwards each container's state is true.
Result<void> open_daemon(Daemon& daemon);

/// Begins the shutdown: whatever clients wait for ends; with live_restore containers go on running, else they are
/// stopped. Done when job_count() is 0.
void close_daemon(Daemon& daemon);

}  // namespace drydock::engine
