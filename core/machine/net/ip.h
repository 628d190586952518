#pragma once
// IP: routing, forwarding, ICMP and what is delivered to this host's sockets. ip(7), icmp(7), RFC 1122, RFC 1812.

#include "machine/kernel/kernel.h"
#include "machine/net/interface.h"

namespace drydock::machine::net {

struct RouteChoice {
  std::uint32_t interface = 0;
  IpAddress gateway;  // unspecified: the destination is on the link
  IpAddress source;   // preferred; unspecified: none
  bool local = false;
};

/// An address of an interface that is up; all of 127.0.0.0/8 while lo has its address.
bool is_local_address(const Kernel& kernel, NetNamespaceId net, const IpAddress& address);
/// 255.255.255.255, or that of a network of the interface (0: of any).
bool is_broadcast_address(const NetNamespace& space, std::uint32_t interface, const IpAddress& address);
/// The longest prefix wins, then the lowest metric. `interface` 0: any. ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL.
Result<RouteChoice, Errno> lookup_route(const Kernel& kernel, NetNamespaceId net, const IpAddress& destination,
                                        std::uint32_t interface = 0);
/// The address to speak to `destination` from by that interface; unspecified when there is none.
IpAddress choose_source(const Kernel& kernel, NetNamespaceId net, const IpAddress& destination,
                        std::uint32_t interface);
/// lookup_route() and choose_source() together: what a socket without an address of its own sends from.
Result<IpAddress, Errno> source_towards(const Kernel& kernel, NetNamespaceId net, const IpAddress& destination,
                                        std::uint32_t interface = 0);

/// Sends a packet of this host. Its source is chosen when it is unspecified. `interface` 0: by the routes.
Result<void, Errno> ip_output(Kernel& kernel, NetNamespaceId net, Packet packet, std::uint32_t interface = 0);
void ip_input(Kernel& kernel, InterfaceRef at, Packet packet);
/// Tells the sender of `packet` what became of it. Never about an ICMP error or a broadcast.
void send_icmp_error(Kernel& kernel, InterfaceRef at, const Packet& packet, std::uint8_t type, std::uint8_t code,
                     std::uint16_t mtu = 0);
/// What a socket is told for an ICMP error; `hard`: also one that did not ask for it.
Errno icmp_errno(std::uint8_t type, std::uint8_t code, bool* hard);

}  // namespace drydock::machine::net
