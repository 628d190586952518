#pragma once
// GET /containers/json with its filters, and what prune chooses by them.

#include <nlohmann/json_fwd.hpp>

#include "api/context.h"
#include "base/result.h"

namespace drydock {
using Json = nlohmann::ordered_json;
}

namespace drydock::api {

Result<Json> list_json(Context& context);
Result<Json> prune_json(Context& context);

}  // namespace drydock::api
