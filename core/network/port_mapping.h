#pragma once
// Published ports: what is asked for ("80/tcp" to 127.0.0.1:8080-8090), and who has which.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "base/result.h"
#include "network/network_driver.h"

namespace drydock::network {

std::string_view to_string(Protocol protocol);
std::optional<Protocol> parse_protocol(std::string_view text);

/// "80/tcp"; without a protocol it is tcp.
struct ContainerPort {
  std::uint16_t port = 0;
  Protocol protocol = Protocol::tcp;

  static Result<ContainerPort> parse(std::string_view text);
  std::string str() const;
  friend bool operator==(const ContainerPort&, const ContainerPort&) = default;
  friend bool operator<(const ContainerPort& a, const ContainerPort& b) {
    return std::tuple(a.port, a.protocol) < std::tuple(b.port, b.protocol);
  }
};

/// The host's side as asked for: 0 to 0 lets the daemon choose.
struct HostPortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  /// "", "8080" or "8080-8090".
  static Result<HostPortRange> parse(std::string_view text);
};

/// Ports handed out by this daemon. That no other program has one is found out when it is bound.
class PortAllocator {
 public:
  /// Linux's default ip_local_port_range, which Docker chooses from too.
  static constexpr std::uint16_t kEphemeralFirst = 32768;
  static constexpr std::uint16_t kEphemeralLast = 60999;

  /// A port of the range that no one has on that address (or on every address). Errors: conflict
  /// "Bind for 0.0.0.0:80 failed: port is already allocated".
  Result<std::uint16_t> allocate(const Address& address, Protocol protocol, HostPortRange range);
  void release(const Address& address, Protocol protocol, std::uint16_t port);

 private:
  bool is_free(const Address& address, Protocol protocol, std::uint16_t port) const;

  std::map<std::pair<Protocol, std::uint16_t>, std::set<Address>> taken_;
  std::uint16_t next_ephemeral_ = kEphemeralFirst;
};

}  // namespace drydock::network
