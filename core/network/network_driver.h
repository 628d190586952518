#pragma once
// The NetworkDriver port: applies plans that core computed, knows no container but by its network namespace.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "network/address.h"

namespace drydock::network {

/// A bridge on the host with the rules around it (forwarding, masquerade, isolation from other bridges).
struct BridgePlan {
  std::string network_id;
  std::string bridge;  // "docker0", "br-0123456789ab"; at most 15 characters
  Subnet gateway;      // the bridge's own address: 172.17.0.1/16
  std::optional<Subnet> gateway_v6;
  std::uint32_t mtu = 1500;
  bool internal = false;        // no way out
  bool inter_container = true;  // "com.docker.network.bridge.enable_icc"
  bool masquerade = true;       // "com.docker.network.bridge.enable_ip_masquerade"
};

/// The host's end of an endpoint's veth pair: "ddv" and the head of the endpoint's id (64 hexadecimal digits).
/// The prefix tells ours from those of other engines on the same host.
std::string endpoint_interface(std::string_view endpoint_id);

/// A veth pair from a bridge into a container's network namespace.
struct EndpointPlan {
  std::string endpoint_id;
  std::string bridge;
  std::string host_interface;       // endpoint_interface(endpoint_id)
  std::string container_interface;  // "eth0"
  Mac mac;
  Subnet address;
  std::optional<Subnet> address_v6;
  std::optional<Address> gateway;  // default route; nothing: internal network, or not the first endpoint
  std::optional<Address> gateway_v6;
  std::uint32_t mtu = 1500;
};

enum class Protocol { tcp, udp, sctp };

struct PortPlan {
  std::string endpoint_id;
  Protocol protocol = Protocol::tcp;
  Address host_address;         // 0.0.0.0 or ::: every address
  std::uint16_t host_port = 0;  // 0: the driver chooses a free one
  Address container_address;
  std::uint16_t container_port = 0;
};

struct NetworkFeatures {
  bool bridge = false;  // bridges and veth pairs can be made
  bool nat = false;     // address translation by the kernel; else published ports go through a proxy process
  bool ipv6 = false;
};

class NetworkDriver {
 public:
  virtual ~NetworkDriver() = default;
  virtual NetworkFeatures features() const = 0;
  /// Makes the bridge and its rules, or brings an existing one into this shape (a restarted daemon).
  virtual Result<void> ensure_bridge(const BridgePlan& plan) = 0;
  virtual Result<void> remove_bridge(const BridgePlan& plan) = 0;
  /// Subnets in use on the host (addresses and routes): IPAM keeps away from them.
  virtual Result<std::vector<Subnet>> used_subnets() = 0;
  /// True if the host has an interface of that name, whoever made it.
  virtual Result<bool> has_interface(const std::string& name) = 0;
  /// Every new network namespace: brings its loopback up.
  virtual Result<void> prepare_namespace(const std::string& network_namespace) = 0;
  /// On an error nothing is left of the endpoint.
  virtual Result<void> attach(const EndpointPlan& plan, const std::string& network_namespace) = 0;
  /// Fine when it is gone already (with its namespace).
  virtual Result<void> detach(const EndpointPlan& plan) = 0;
  /// Returns the host port that was bound. Errors: conflict, in Docker's words
  /// ("driver failed programming external connectivity ... Bind for 0.0.0.0:80 failed: port is already allocated").
  virtual Result<std::uint16_t> publish(const PortPlan& plan) = 0;
  virtual Result<void> unpublish(const PortPlan& plan) = 0;
  /// After a restart, before the first publish(): removes every endpoint of ours that is not among these and every
  /// published port; those of running containers are published anew.
  virtual Result<void> retain_only(const std::vector<std::string>& endpoint_ids) = 0;
};

}  // namespace drydock::network
