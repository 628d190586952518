#include "native/server/proxy.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include "base/text.h"

namespace drydock::native {

namespace ip = boost::asio::ip;

namespace {

std::string first_set(const std::function<const char*(const char*)>& lookup, const char* upper, const char* lower) {
  for (const char* name : {upper, lower}) {
    const char* const value = lookup(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

bool is_local(const std::string& host) {
  boost::system::error_code not_an_address;
  const ip::address address = ip::make_address(host, not_an_address);
  return host == "localhost" || (!not_an_address && address.is_loopback());
}

bool network_holds(std::string_view network, const ip::address& address) {
  boost::system::error_code code;
  const std::string text(network);
  if (address.is_v4()) {
    const auto v4 = ip::make_network_v4(text, code);
    return !code && ip::network_v4(address.to_v4(), v4.prefix_length()).canonical() == v4.canonical();
  }
  const auto v6 = ip::make_network_v6(text, code);
  return !code && ip::network_v6(address.to_v6(), v6.prefix_length()).canonical() == v6.canonical();
}

bool exempts(std::string entry, const http::Url& url) {
  if (entry == "*") return true;
  boost::system::error_code not_an_address;
  const ip::address address = ip::make_address(url.host, not_an_address);
  if (entry.find('/') != std::string::npos) return !not_an_address && network_holds(entry, address);
  boost::system::error_code entry_is_name;
  const ip::address entry_address = ip::make_address(entry, entry_is_name);
  if (!entry_is_name) return !not_an_address && entry_address == address;
  if (const std::size_t colon = entry.rfind(':'); colon != std::string::npos) {
    if (parse_u64(std::string_view(entry).substr(colon + 1)) != std::uint64_t{url.port}) return false;
    entry.resize(colon);
  }
  if (entry.starts_with("*.")) entry.erase(0, 1);
  // ".example.com" is for the names below it, "example.com" for itself as well.
  if (entry.starts_with('.')) return url.host.ends_with(entry);
  return url.host == entry || url.host.ends_with(concat(".", entry));
}

}  // namespace

ProxySettings proxies_from(const std::function<const char*(const char*)>& lookup) {
  return {first_set(lookup, "HTTP_PROXY", "http_proxy"), first_set(lookup, "HTTPS_PROXY", "https_proxy"),
          first_set(lookup, "NO_PROXY", "no_proxy")};
}

Result<std::optional<http::Url>> proxy_for(const ProxySettings& settings, const http::Url& url) {
  const std::string& proxy = url.is_https() ? settings.https_proxy : settings.http_proxy;
  if (url.is_unix() || proxy.empty() || is_local(url.host)) return std::optional<http::Url>();
  for (const std::string& entry : split(settings.no_proxy, ',')) {
    const std::string wanted = to_lower(trim(entry));
    if (!wanted.empty() && exempts(wanted, url)) return std::optional<http::Url>();
  }
  auto parsed = http::parse_url(proxy.find("://") == std::string::npos ? concat("http://", proxy) : proxy);
  if (!parsed.ok() || parsed->scheme != "http") {
    return fail(ErrorKind::invalid_argument, "invalid proxy address ", go_quoted(proxy.substr(0, 256)));
  }
  return std::optional<http::Url>(std::move(parsed).value());
}

}  // namespace drydock::native
