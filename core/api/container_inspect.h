#pragma once
// GET /containers/{name}/json.

#include <nlohmann/json_fwd.hpp>

#include "api/version.h"
#include "base/result.h"
#include "engine/container.h"
#include "engine/daemon.h"

namespace drydock {
using Json = nlohmann::ordered_json;
}

namespace drydock::api {

Result<Json> inspect_json(engine::Daemon& daemon, const engine::Container& container, ApiVersion version,
                          bool with_size);
/// A container's Mounts, as inspect and list show them.
Json mounts_json(const engine::Container& container);

}  // namespace drydock::api
