#pragma once
// storage::HostFs over the simulated host's files: every operation is a system call of the daemon's process there.

#include <memory>
#include <string>

#include "sim/hosted_task.h"
#include "storage/host_fs.h"

namespace drydock::sim {

/// Rooted at an existing directory of the simulated host. The task outlives it.
Result<std::unique_ptr<storage::HostFs>, SysError> open_host_fs(HostedTask daemon, const std::string& root);

}  // namespace drydock::sim
