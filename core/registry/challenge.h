#pragma once
// WWW-Authenticate (RFC 9110 §11.6.1) as registries send it: Bearer realm="…",service="…",scope="…"; Basic realm="…".

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"

namespace drydock::registry {

inline constexpr std::size_t kChallengesMax = 16;

struct Challenge {
  std::string scheme;                                           // lower case
  std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case

  /// Empty if there is none.
  std::string get(std::string_view name) const;
};

/// Several challenges may stand in one field or in several; what can't be parsed is left out.
std::vector<Challenge> parse_challenges(const http::Headers& headers);

}  // namespace drydock::registry
