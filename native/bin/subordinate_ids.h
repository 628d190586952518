#pragma once
// --userns-remap: which ids of the host a remapped container's ids are. subuid(5), subgid(5).

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/spec.h"

namespace drydock::native {

struct IdMappings {
  std::vector<runtime::IdMapping> uids, gids;
};

/// `value`: "default" (the user dockremap), "user", "user:group" or their numbers. Errors, in dockerd's words, when the
/// user is unknown or has no subordinate ids.
Result<IdMappings> resolve_userns_remap(std::string_view value);

/// The mappings that one line each of subuid(5) gives `name` (or `id` as text), container ids counted from 0.
std::vector<runtime::IdMapping> parse_subordinate_ids(std::string_view file, std::string_view name,
                                                      std::string_view id);

}  // namespace drydock::native
