#pragma once
// docker commit: what a container changed becomes a layer of a new image.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/container_config.h"
#include "storage/image_store.h"

namespace drydock::engine {

struct Daemon;

struct CommitRequest {
  std::string container;
  std::string repository;  // empty: the image stays without a name
  std::string tag;
  std::string author, message;
  std::vector<std::string> changes;
  bool pause = true;                      // while its files are read, if it runs
  std::optional<ContainerConfig> config;  // what the client wants instead of the container's own
};

/// Told once, with the image's id or an error.
using CommitDone = std::function<void(const Result<storage::ImageId>&)>;

/// Checks what can be checked at once, and leaves the rest to a job. Errors: not_found, invalid_argument, conflict.
Result<void> start_commit(Daemon& daemon, CommitRequest request, CommitDone done);

}  // namespace drydock::engine
