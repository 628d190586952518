#pragma once
// Images as the Engine API shows them, by version.

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "api/filters.h"
#include "api/version.h"
#include "base/result.h"
#include "engine/daemon.h"
#include "engine/image_distribution.h"
#include "engine/image_remove.h"
#include "storage/image_store.h"

namespace drydock {
using Json = nlohmann::ordered_json;
}

namespace drydock::api {

struct ImageListOptions {
  bool all = false;          // intermediate images too
  bool shared_size = false;  // compute SharedSize
  bool containers = false;   // count Containers
};

/// GET /images/json. Errors: invalid_argument (filters), not_found (before, since).
Result<Json> list_images_json(engine::Daemon& daemon, const Filters& filters, ImageListOptions options,
                              ApiVersion version);
/// GET /images/{name}/json.
Result<Json> inspect_image_json(engine::Daemon& daemon, const storage::Image& image, ApiVersion version);
/// GET /images/{name}/history. Errors: invalid_argument (more layers in the history than there are).
Result<Json> image_history_json(engine::Daemon& daemon, const storage::Image& image);
/// GET /distribution/{name}/json.
Json distribution_json(const engine::DistributionInfo& info);
/// [{"Untagged":…},{"Deleted":…}]
Json removed_images_json(const std::vector<engine::RemovedImage>& removed);

}  // namespace drydock::api
