#pragma once
// The API versions that are spoken (Docker Engine API, /v1.NN prefixes), and Docker's words for the others.

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace drydock::api {

struct ApiVersion {
  unsigned major = 1;
  unsigned minor = 0;
  friend auto operator<=>(const ApiVersion&, const ApiVersion&) = default;
};

inline constexpr ApiVersion kApiVersionMin = {1, 24};
inline constexpr ApiVersion kApiVersionMax = {1, 48};
inline constexpr std::string_view kApiVersionMaxText = "1.48";
inline constexpr std::string_view kApiVersionMinText = "1.24";

/// The version of a path's prefix; without one (empty) it is the newest. Errors: invalid_argument, "client version 1.12
/// is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version", "client version
/// 1.99 is too new. Maximum supported API version is 1.48".
Result<ApiVersion> parse_api_version(std::string_view text);

}  // namespace drydock::api
