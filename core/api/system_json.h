#pragma once
// What the daemon says of itself and of its host: /version, /info, /system/df.

#include <nlohmann/json_fwd.hpp>

#include "api/version.h"
#include "engine/daemon.h"

namespace drydock {
using Json = nlohmann::ordered_json;
}

namespace drydock::api {

Json version_json(const engine::Daemon& daemon, ApiVersion version);
Json info_json(engine::Daemon& daemon, ApiVersion version);
/// Errors: those of the stores.
Result<Json> disk_usage_json(engine::Daemon& daemon, ApiVersion version);

}  // namespace drydock::api
