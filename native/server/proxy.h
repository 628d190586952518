#pragma once
// Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Go's net/http reads them.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "http/url.h"

namespace drydock::native {

struct ProxySettings {
  std::string http_proxy{};   // for http://, "http://user:password@host:port" or "host:port"
  std::string https_proxy{};  // for https://
  std::string no_proxy{};     // comma-separated: "*", host, .domain, address, address/bits, each with an optional port
};

/// Upper-case names first, then lower-case ones, as Go does. `lookup` is getenv-like; missing is nullptr.
ProxySettings proxies_from(const std::function<const char*(const char*)>& lookup);

/// Nothing: connect directly. Requests to localhost and loopback addresses never go through a proxy.
/// Errors: invalid_argument for a proxy that is no http URL.
Result<std::optional<http::Url>> proxy_for(const ProxySettings& settings, const http::Url& url);

}  // namespace drydock::native
