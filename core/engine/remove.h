#pragma once
// docker rm.

#include "base/result.h"
#include "engine/container.h"
#include "engine/daemon.h"

namespace drydock::engine {

struct RemoveOptions {
  bool force = false;    // kill it first
  bool volumes = false;  // its anonymous volumes too
};

/// The container must not run (force kills it and returns; the rest is a Job's: see api). Errors: conflict "You cannot
/// remove a running container ID. Stop the container before attempting removal or force remove".
Result<void> remove_container(Daemon& daemon, Container& container, RemoveOptions options);

}  // namespace drydock::engine
