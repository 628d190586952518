#pragma once
// GET /containers/{name}/stats.

#include "api/context.h"

namespace drydock::api {

void container_stats(Context& context);

}  // namespace drydock::api
