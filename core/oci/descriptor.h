#pragma once
// A descriptor: type, digest and size of content that is elsewhere (image-spec: descriptor.md).

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/digest.h"
#include "oci/platform.h"

namespace drydock::oci {

using archive::Digest;
/// Name and value, in the order of the document.
using Annotations = std::vector<std::pair<std::string, std::string>>;

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  std::vector<std::string> urls;
  Annotations annotations;
  std::optional<Platform> platform;  // in an index
  std::string artifact_type;

  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

}  // namespace drydock::oci
