#pragma once
// Descriptors and platforms as JSON, for the documents that hold them.

#include "base/json.h"
#include "oci/descriptor.h"

namespace drydock::oci {

inline constexpr std::size_t kUrlsMax = 64;

/// Go orders the members of OCI's and of Docker's descriptors differently, and digests depend on it.
enum class Dialect { oci, docker };

/// Errors: invalid_argument.
Result<Descriptor> parse_descriptor(const Json& json);
Json to_json(const Descriptor& descriptor, Dialect dialect);
Json to_json(const Annotations& map);

/// Text as Go's encoder writes it: '<', '>', '&' and the two Unicode line ends escaped. `indent` < 0 is compact.
std::string go_json_text(const Json& json, int indent);

}  // namespace drydock::oci
