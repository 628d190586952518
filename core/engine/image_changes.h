#pragma once
// Dockerfile instructions applied to an image's config: `docker commit -c`, `docker import -c`. Those that Docker
// allows there: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, USER, VOLUME, WORKDIR.

#include <string>
#include <vector>

#include "base/result.h"
#include "oci/image_config.h"

namespace drydock::engine {

inline constexpr std::size_t kChangesMax = 1000;  // instructions

/// Errors: invalid_argument in dockerd's words: "run is not a valid change command".
Result<void> apply_changes(const std::vector<std::string>& changes, oci::RunConfig& config);

}  // namespace drydock::engine
