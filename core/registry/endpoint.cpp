#include "registry/endpoint.h"

#include <array>
#include <cstdint>
#include <optional>

#include "base/text.h"

namespace drydock::registry {

namespace {

constexpr std::string_view kHubDomain = "docker.io";
constexpr std::string_view kHubUrl = "https://registry-1.docker.io";

std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
  const std::vector<std::string> parts = split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  std::uint32_t address = 0;
  for (const std::string& part : parts) {
    const auto number = parse_u64(part);
    if (!number || *number > 255 || part.size() > 3) return std::nullopt;
    address = address << 8 | static_cast<std::uint32_t>(*number);
  }
  return address;
}

/// The host without its port, an IPv6 address without its brackets.
std::string_view host_of(std::string_view domain) {
  if (domain.starts_with('[')) return domain.substr(1, domain.find(']') - 1);
  return domain.substr(0, domain.find(':'));
}

bool network_holds(std::string_view network, std::string_view host) {
  const auto pair = split_once(network, '/');
  if (!pair) return false;
  const auto base = parse_ipv4(pair->first);
  const auto bits = parse_u64(pair->second);
  const auto address = parse_ipv4(host);
  if (!base || !bits || *bits > 32 || !address) return false;
  const std::uint32_t mask = *bits == 0 ? 0 : ~std::uint32_t{0} << (32 - *bits);
  return (*base & mask) == (*address & mask);
}

std::vector<Endpoint> own_endpoints(std::string_view domain, const RegistrySettings& settings) {
  if (domain == kHubDomain) return {{std::string(kHubUrl), false, false}};
  if (!is_insecure(domain, settings)) return {{concat("https://", domain), false, false}};
  return {{concat("https://", domain), true, false}, {concat("http://", domain), true, false}};
}

}  // namespace

bool is_insecure(std::string_view domain, const RegistrySettings& settings) {
  const std::string_view host = host_of(domain);
  if (host == "localhost" || host == "::1" || network_holds("127.0.0.0/8", host)) return true;
  for (const std::string& entry : settings.insecure_registries) {
    if (equals_ignoring_case(entry, domain) || network_holds(entry, host)) return true;
  }
  return false;
}

std::vector<Endpoint> endpoints_for_pull(std::string_view domain, const RegistrySettings& settings) {
  std::vector<Endpoint> endpoints;
  if (domain == kHubDomain) {
    for (std::string url : settings.mirrors) {
      if (url.find("://") == std::string::npos) url.insert(0, "https://");
      while (url.ends_with('/')) url.pop_back();
      const std::string_view host = std::string_view(url).substr(url.find("://") + 3);
      endpoints.push_back({url, is_insecure(host.substr(0, host.find('/')), settings), true});
    }
  }
  for (Endpoint& endpoint : own_endpoints(domain, settings)) endpoints.push_back(std::move(endpoint));
  return endpoints;
}

std::vector<Endpoint> endpoints_for_push(std::string_view domain, const RegistrySettings& settings) {
  return own_endpoints(domain, settings);
}

}  // namespace drydock::registry
