#pragma once
// docker push: an image's layers, config and manifest to a registry.

#include <memory>
#include <string>

#include "base/result.h"
#include "engine/image_progress.h"
#include "oci/reference.h"
#include "registry/credentials.h"

namespace drydock::engine {

struct Daemon;

struct PushRequest {
  oci::Reference reference;  // without a tag: every tag of the repository
  registry::Credentials credentials;
};

/// What happens is told to `sink` by a job.
void start_push(Daemon& daemon, PushRequest request, std::shared_ptr<ProgressSink> sink);

}  // namespace drydock::engine
