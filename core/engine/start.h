#pragma once
// docker start: a created or ended container becomes a running one.

#include "base/result.h"
#include "engine/container.h"
#include "engine/daemon.h"
#include "runtime/default_spec.h"

namespace drydock::engine {

/// Errors: not_modified (it runs), conflict, and what Docker says of a command that cannot be started. On an error the
/// container is as before, with the error and its exit code (127, 126, 128) noted; with --rm it is gone.
Result<void> start_container(Daemon& daemon, Container& container);

/// start_spec.cpp: everything that make_docker_spec needs to know, looked up.
Result<runtime::DockerSpecInput> make_spec_input(Daemon& daemon, const Container& container);

/// HostConfig's numbers with the devices looked up.
Result<runtime::DockerResources> spec_resources(Daemon& daemon, const ResourceConfig& config);

/// The container that "container:X" means, running. Errors: not_found, conflict "cannot join network of a non running
/// container: ID".
Result<Container*> find_joined(Daemon& daemon, std::string_view mode, std::string_view what);

}  // namespace drydock::engine
