#pragma once
// URLs as the transports and the registry client need them (RFC 3986), and the targets of request lines (RFC 9112
// §3.2). Not here: internationalised host names, userinfo is kept as text.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace drydock::http {

inline constexpr std::size_t kUrlBytesMax = 64u << 10;

/// An absolute URL: "https://user@registry.example:5000/v2/?n=10" or "http+unix://%2Frun%2Fdocker.sock/v1.41/info".
struct Url {
  std::string scheme;      // lower case
  std::string user_info;   // percent-decoded; mostly empty
  std::string host;        // without brackets and port; of http+unix the path of the socket
  std::uint16_t port = 0;  // as written, else the scheme's; 0 of http+unix
  std::string target;      // path and query as they go on the request line; at least "/"

  bool is_unix() const { return scheme == "http+unix"; }
  bool is_https() const { return scheme == "https"; }
  /// The Host field: without the port where it is the scheme's own.
  std::string authority() const;
  /// Scheme, host and port: what keep-alive pools and credentials are bound to.
  std::string origin() const;
};

/// Schemes: http, https, http+unix. The fragment is dropped. Errors: invalid_argument in the words of Go's url.Parse.
Result<Url> parse_url(std::string_view text);
std::string to_string(const Url& url);

/// What a Location field means when it came from `base` (RFC 3986 §5.2): absolute, "//host/…", "/path", "path",
/// "?query".
Result<Url> resolve_reference(const Url& base, std::string_view reference);

/// Where a request goes: the decoded path and the query. Takes origin-form, absolute-form and "*".
struct RequestTarget {
  std::string path;
  Query query;
};
/// Errors: invalid_argument for a path that does not begin with '/', holds a control character or a broken escape.
Result<RequestTarget> parse_request_target(std::string_view target);

}  // namespace drydock::http
