#pragma once
// docker update: limits and the restart policy of a container that is there.

#include "base/result.h"
#include "engine/config_json.h"
#include "engine/container.h"
#include "engine/daemon.h"

namespace drydock::engine {

/// Zero members mean "as it is". Errors: in Docker's words.
Result<void> update_container(Daemon& daemon, Container& container, UpdateConfig update);

}  // namespace drydock::engine
