#include "api/version.h"

#include "base/text.h"

namespace drydock::api {

Result<ApiVersion> parse_api_version(std::string_view text) {
  if (text.empty()) return kApiVersionMax;
  const auto halves = split_once(text, '.');
  const auto major = parse_u64(halves ? halves->first : text);
  const auto minor = halves ? parse_u64(halves->second) : 0;
  constexpr std::uint64_t kPartMax = 1'000'000;
  ApiVersion version{0, 0};
  if (major && minor && *major <= kPartMax && *minor <= kPartMax)
    version = {static_cast<unsigned>(*major), static_cast<unsigned>(*minor)};
  if (version < kApiVersionMin)
    return fail(ErrorKind::invalid_argument, "client version ", text, " is too old. Minimum supported API version is ",
                kApiVersionMinText, ", please upgrade your client to a newer version");
  if (version > kApiVersionMax)
    return fail(ErrorKind::invalid_argument, "client version ", text, " is too new. Maximum supported API version is ",
                kApiVersionMaxText);
  return version;
}

}  // namespace drydock::api
