#pragma once
// What a registry has under a name, without pulling it: GET /distribution/{name}/json, and the check of a login.

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "oci/descriptor.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/credentials.h"

namespace drydock::engine {

struct Daemon;

struct DistributionRequest {
  oci::Reference reference;
  registry::Credentials credentials;
};

struct DistributionInfo {
  oci::Descriptor descriptor;
  std::vector<oci::Platform> platforms;
};

/// Calls `done` once, from a job.
void start_distribution_inspect(Daemon& daemon, DistributionRequest request,
                                std::function<void(const Result<DistributionInfo>&)> done);

/// Asks a registry whether it lets these credentials in, and calls `done` once, from a job: with an identity token for
/// the client to keep instead of the password, if the registry gave one.
void start_login(Daemon& daemon, registry::Credentials credentials,
                 std::function<void(const Result<std::string>&)> done);

}  // namespace drydock::engine
