#pragma once
// docker pull: a manifest, a config and the layers that are not here yet, from a registry.

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/image_progress.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/credentials.h"
#include "registry/session.h"

namespace drydock::engine {

struct Daemon;

struct PullRequest {
  oci::Reference reference;  // without tag and digest: every tag of the repository
  std::optional<oci::Platform> platform;
  registry::Credentials credentials;
};

/// What a session with the registry of `reference` needs to know.
registry::SessionOptions session_options(const Daemon& daemon, const oci::Reference& reference,
                                         registry::Credentials credentials, registry::Access access);

/// Errors: forbidden "'scratch' is a reserved name". The rest is told to `sink` by a job.
Result<void> start_pull(Daemon& daemon, PullRequest request, std::shared_ptr<ProgressSink> sink);

}  // namespace drydock::engine
