#pragma once
// Network interfaces, routes and neighbours: what ip(8) lists. netdevice(7), rtnetlink(7), arp(7).

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "machine/kernel/ids.h"
#include "machine/net/packet.h"

namespace drydock::machine::net {

inline constexpr std::size_t kInterfaceNameMax = 15, kInterfacesMax = 4096, kAddressesMax = 1024, kRoutesMax = 16384,
                             kNeighboursMax = 1024, kFdbEntriesMax = 4096, kUnresolvedPacketsMax = 64;
inline constexpr std::uint64_t kFdbLifeNs = 300'000'000'000;

enum class InterfaceKind : std::uint8_t { loopback, veth, bridge, dummy, wire };

struct InterfaceRef {
  NetNamespaceId net;
  std::uint32_t index = 0;  // 0: none
  explicit operator bool() const { return index != 0; }
  friend bool operator==(const InterfaceRef& a, const InterfaceRef& b) { return a.net == b.net && a.index == b.index; }
};

struct InterfaceAddress {
  Prefix prefix;
  IpAddress peer;       // IFA_ADDRESS when it is another one (point to point)
  IpAddress broadcast;  // 0.0.0.0: none
  std::uint8_t scope = 0;
  std::string label;
  bool secondary = false;
  bool permanent = true;
};

struct InterfaceCounters {
  std::uint64_t packets = 0, bytes = 0, errors = 0, dropped = 0, multicast = 0;
};

struct FdbEntry {
  std::uint32_t port = 0;
  std::uint64_t seen_ns = 0;
};

struct Interface {
  std::uint32_t index = 0;
  std::string name, alias;
  InterfaceKind kind = InterfaceKind::dummy;
  bool up = false;
  bool was_up = false;            // its queue has been made
  bool had_ports = false;         // bridge: without ever a port it counts as connected
  std::uint32_t extra_flags = 0;  // IFF_PROMISC, IFF_ALLMULTI, IFF_NOARP as set
  std::uint32_t mtu = 1500;
  std::uint32_t queue_length = 1000;
  MacAddress mac;
  bool mac_was_set = false;  // a bridge keeps its address then
  bool isolated = false;     // as a bridge's port: no frames to or from other isolated ones
  std::uint32_t master = 0;  // the bridge it is a port of
  InterfaceRef peer;         // veth: the other end
  std::uint32_t peer_link = 0;
  std::string wire;  // wire: the segment's name (wire.h)
  std::vector<InterfaceAddress> addresses;
  std::map<MacAddress, FdbEntry> fdb;  // bridge
  InterfaceCounters received, sent;
  std::uint64_t busy_until_ns = 0;  // frames leave in order
};

enum class RouteKind : std::uint8_t { unicast = 1, local = 2, blackhole = 6, unreachable = 7, prohibit = 8 };

struct Route {
  Prefix destination;
  IpAddress gateway;  // unspecified: on the link
  std::uint32_t interface = 0;
  IpAddress preferred_source;
  std::uint32_t metric = 0;
  std::uint8_t protocol = 3;  // RTPROT_BOOT
  std::uint8_t scope = 0;
  RouteKind kind = RouteKind::unicast;
  std::uint32_t table = 254;  // main: the only one that is looked up
};

enum class NeighbourState : std::uint8_t { incomplete, reachable, failed, permanent };

struct Neighbour {
  NeighbourState state = NeighbourState::incomplete;
  MacAddress mac;
  std::uint64_t since_ns = 0;
  unsigned probes = 0;
  std::vector<Packet> waiting;  // for the answer
};

using NeighbourKey = std::pair<std::uint32_t, IpAddress>;  // interface index

}  // namespace drydock::machine::net
