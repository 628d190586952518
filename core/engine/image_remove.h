#pragma once
// docker rmi, docker tag, docker image prune: names and images come and go by dockerd's rules.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/image_store.h"

namespace drydock::engine {

struct Daemon;

/// A line of rmi's answer: exactly one is set.
struct RemovedImage {
  std::string untagged;
  std::string deleted;  // an image's id or a layer's chain id
};

enum class Force { no, yes };
enum class PruneParents { no, yes };

/// Errors: not_found, conflict "conflict: unable to remove repository reference "x" (must force) - container …",
/// "conflict: unable to delete … (must be forced) - image is referenced in multiple repositories".
Result<std::vector<RemovedImage>> remove_image(Daemon& daemon, std::string_view name_or_id, Force force,
                                               PruneParents prune);

/// Names the image `repository`:`tag` too. Errors: not_found, invalid_argument.
Result<void> tag_image(Daemon& daemon, std::string_view name_or_id, std::string_view repository, std::string_view tag);

struct PrunedImages {
  std::vector<RemovedImage> removed;
  std::uint64_t bytes = 0;
};
/// Removes the images that no container uses, no other image needs and `wanted` picks: those without a tag, or all.
PrunedImages prune_images(Daemon& daemon, bool only_dangling, const std::function<bool(const storage::Image&)>& wanted);

}  // namespace drydock::engine
