#pragma once
// What a client sends along to authenticate at a registry: the X-Registry-Auth field of the Engine API.

#include <string>
#include <string_view>

#include "base/result.h"

namespace drydock::registry {

inline constexpr std::size_t kAuthHeaderBytesMax = 64u << 10;

struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // an OAuth2 refresh token
  std::string registry_token;  // a bearer token to be used as it is
  std::string server_address;

  bool empty() const { return username.empty() && identity_token.empty() && registry_token.empty(); }
};

/// From base64url of JSON {"username", "password", "auth", "serveraddress", "identitytoken", "registrytoken"}; empty
/// text is no credentials. "auth" is base64 of "user:password". Errors: invalid_argument; a pull ignores them, as
/// dockerd does.
Result<Credentials> parse_registry_auth(std::string_view header);
/// The same from JSON as it stands in the body of POST /auth.
Result<Credentials> parse_auth_config(std::string_view json);

}  // namespace drydock::registry
