#pragma once
// Address translation and forward rules with connection tracking: as much of netfilter as published ports, masquerade
// and isolated bridges need. Not modelled: iptables' and nftables' own interfaces (a guest cannot see the rules).

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "machine/net/packet.h"

namespace drydock::machine {
class NetNamespace;
}

namespace drydock::machine::net {

inline constexpr std::size_t kRulesMax = 16384, kConnectionsMax = 65536;
inline constexpr std::uint64_t kConnectionLifeNs = 180'000'000'000;

/// Connections to host_address:host_port go to container_address:container_port. host_address unspecified: to every
/// address of this host.
struct DnatRule {
  std::uint8_t protocol = kProtocolTcp;
  IpAddress host_address;
  std::uint16_t host_port = 0;
  IpAddress container_address;
  std::uint16_t container_port = 0;
};

/// What leaves from these sources by another interface than `inside` gets that interface's address.
struct MasqueradeRule {
  Prefix source;
  std::string inside;
};

enum class Verdict : std::uint8_t { accept, drop, reject };

/// For forwarded packets; the first rule that fits decides. Empty names and unspecified addresses fit all.
struct ForwardRule {
  std::string in, out;
  bool not_in = false, not_out = false;  // the interface is another one than named
  bool only_new = false;                 // not for packets of known connections
  Prefix destination;                    // length 0: all
  std::uint8_t protocol = 0;
  std::uint16_t destination_port = 0;
  Verdict verdict = Verdict::accept;
};

struct FlowKey {
  std::uint8_t protocol = 0;
  IpAddress source, destination;
  std::uint16_t source_port = 0, destination_port = 0;
  friend bool operator<(const FlowKey& a, const FlowKey& b);
  friend bool operator==(const FlowKey& a, const FlowKey& b);
};

struct Connection {
  FlowKey original, reply;
  std::uint64_t last_ns = 0;
  bool confirmed = false;  // its first packet got through
  bool answered = false;
};

struct Firewall {
  std::vector<DnatRule> dnat;
  std::vector<MasqueradeRule> masquerade;
  std::vector<ForwardRule> forward;
  Verdict forward_policy = Verdict::accept;
  std::map<std::uint32_t, Connection> connections;
  std::map<FlowKey, std::uint32_t> by_flow;  // both directions
  std::uint32_t next_connection = 1;
  std::uint16_t next_port = 0;

  bool active() const { return !dnat.empty() || !masquerade.empty() || !forward.empty() || !connections.empty(); }
};

}  // namespace drydock::machine::net
