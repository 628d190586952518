#pragma once
// From a reference's domain to the addresses that are tried for it, as Docker does.

#include <string>
#include <string_view>
#include <vector>

namespace drydock::registry {

struct RegistrySettings {
  std::vector<std::string> insecure_registries;  // host, host:port, or a CIDR of literal addresses
  std::vector<std::string> mirrors;              // URLs; for docker.io only
  std::string user_agent = "docker/20.10.24 (drydock)";
};

struct Endpoint {
  std::string url;  // "https://registry-1.docker.io", without a slash at the end
  bool accept_any_certificate = false;
  bool mirror = false;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// In the order in which they are tried. Mirrors serve pulls only. An insecure registry is tried with TLS first
/// (whatever its certificate), then without; 127.0.0.0/8, ::1 and localhost are insecure by default.
std::vector<Endpoint> endpoints_for_pull(std::string_view domain, const RegistrySettings& settings);
std::vector<Endpoint> endpoints_for_push(std::string_view domain, const RegistrySettings& settings);

bool is_insecure(std::string_view domain, const RegistrySettings& settings);

}  // namespace drydock::registry
