#pragma once
// What an archive of images says it holds: Docker's manifest.json, or an OCI layout's index.json
// (image-spec: image-layout.md). Archives from before Docker 1.10, with `repositories` alone, are refused.

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/load_archive.h"
#include "oci/image_config.h"
#include "oci/platform.h"

namespace drydock::engine {

inline constexpr std::size_t kLoadImagesMax = 1000;

struct LoadImage {
  oci::ImageConfigDocument config;
  std::vector<std::string> layers;  // members of the archive, lowest first; as many as the config has diff ids
  std::vector<std::string> names;   // familiar, with a tag
  std::optional<archive::Digest> parent;
};

/// Errors: invalid_argument, not_found, corrupt, not_implemented.
Result<std::vector<LoadImage>> read_load_manifest(const LoadArchive& archive, const oci::Platform& host);

}  // namespace drydock::engine
