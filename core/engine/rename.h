#pragma once
// docker rename.

#include <string_view>

#include "base/result.h"
#include "engine/container.h"
#include "engine/daemon.h"

namespace drydock::engine {

/// Errors: in Docker's words.
Result<void> rename_container(Daemon& daemon, Container& container, std::string_view name);

}  // namespace drydock::engine
