#pragma once
// The members "config" and "container_config" of an image configuration as JSON.

#include "base/json.h"
#include "oci/image_config.h"

namespace drydock::oci {

/// Errors: invalid_argument.
Result<RunConfig> parse_run_config(const Json& json);
/// In the order of Docker's container.Config, whose empty lists are null.
Json to_json(const RunConfig& config);

}  // namespace drydock::oci
