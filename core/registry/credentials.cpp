#include "registry/credentials.h"

#include "base/json.h"
#include "base/text.h"

namespace drydock::registry {

Result<Credentials> parse_auth_config(std::string_view text) {
  const Json json = TRY(parse_json(text));
  if (json.is_null()) return Credentials{};
  if (!json.is_object()) return fail(ErrorKind::invalid_argument, "auth configuration is no object");
  Credentials credentials;
  credentials.username = TRY(get_string(json, "username"));
  credentials.password = TRY(get_string(json, "password"));
  credentials.identity_token = TRY(get_string(json, "identitytoken"));
  credentials.registry_token = TRY(get_string(json, "registrytoken"));
  credentials.server_address = TRY(get_string(json, "serveraddress"));
  const std::string packed = TRY(get_string(json, "auth"));
  if (!packed.empty() && credentials.username.empty()) {
    const auto plain = from_base64(packed);
    const auto pair = plain ? split_once(*plain, ':') : std::nullopt;
    if (!pair) return fail(ErrorKind::invalid_argument, "invalid auth configuration file");
    credentials.username = std::string(pair->first);
    credentials.password = std::string(pair->second);
  }
  return credentials;
}

Result<Credentials> parse_registry_auth(std::string_view header) {
  if (header.empty()) return Credentials{};
  if (header.size() > kAuthHeaderBytesMax) return fail(ErrorKind::too_large, "X-Registry-Auth is too long");
  const auto text = from_base64(header);
  if (!text) return fail(ErrorKind::invalid_argument, "invalid X-Registry-Auth header: illegal base64 data");
  return parse_auth_config(*text);
}

}  // namespace drydock::registry
