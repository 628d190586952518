#pragma once
// docker create: from a client's wishes and an image's config to a container that can be started.

#include <string>

#include "base/result.h"
#include "engine/container.h"
#include "engine/daemon.h"
#include "engine/images.h"

namespace drydock::engine {

struct CreateRequest {
  std::string name;  // empty: one is made up
  CreateConfig create;
};

struct CreatedContainer {
  std::string id;
  Strings warnings;
};

/// Errors: in Docker's words. On an error nothing is left.
Result<CreatedContainer> create_container(Daemon& daemon, CreateRequest request);

/// What the image says where the client says nothing (runconfig.Merge of Docker).
void merge_image_config(ContainerConfig& config, const oci::RunConfig& image);

/// create_check.cpp. Errors: invalid_argument in Docker's words.
Result<void> check_config(const ContainerConfig& config);
/// Also fills in Docker's defaults.
Result<void> check_host_config(Daemon& daemon, const ContainerConfig& config, HostConfig& host, Strings& warnings);
/// The same rules for `docker update`.
Result<void> check_resources(Daemon& daemon, ResourceConfig& resources, Strings& warnings);
Result<void> check_restart_policy(const RestartPolicy& policy);

}  // namespace drydock::engine
