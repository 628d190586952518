#pragma once
// "-u USER[:GROUP]" looked up in an image's passwd(5) and group(5), by the rules of runc's libcontainer/user.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/spec.h"

namespace drydock::engine {

struct ResolvedUser {
  runtime::User user;
  std::string home = "/";
};

/// `passwd` and `group` are the files' texts, empty where there are none. Errors: "unable to find user nosuch: no
/// matching entries in passwd file", "uids and gids must be in range 0-2147483647".
Result<ResolvedUser> resolve_user(std::string_view spec, std::string_view passwd, std::string_view group);

/// --group-add: names or numbers. Errors: "Unable to find group nosuch: no matching entries in group file".
Result<std::vector<std::uint32_t>> resolve_groups(const std::vector<std::string>& groups, std::string_view group);

}  // namespace drydock::engine
