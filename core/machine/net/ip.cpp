// Routing, sending, receiving and forwarding IP packets. ip(7), RFC 1122 §3.2, RFC 1812 §5.2.
// Not modelled: policy routing (one table), multicast routing, source routing, fragments.

#include "machine/net/ip.h"

#include <algorithm>

#include "machine/net/delivery.h"
#include "machine/net/icmp.h"
#include "machine/net/links.h"
#include "machine/net/nat.h"
#include "machine/net/raw_socket.h"
#include "machine/net/tcp.h"
#include "machine/net/udp_socket.h"

namespace drydock::machine::net {

namespace {

Errno route_errno(RouteKind kind) {
  switch (kind) {
    case RouteKind::prohibit:
      return Errno::eacces;
    case RouteKind::unreachable:
      return Errno::ehostunreach;
    case RouteKind::blackhole:
      return Errno::einval;
    default:
      return Errno::enetunreach;
  }
}

bool is_ours(const NetNamespace& space, const Packet& packet, const Kernel& kernel, InterfaceRef at) {
  return packet.destination.is_multicast() || is_broadcast_address(space, at.index, packet.destination) ||
         is_local_address(kernel, at.net, packet.destination);
}

void deliver(Kernel& kernel, InterfaceRef at, Packet packet) {
  nat_local_in(kernel, at.net, packet);
  NetNamespace& space = kernel.net_namespaces[at.net];
  ++space.counters.ip_delivered;
  packet.came_by = at.index;
  const bool raw_took = raw_sockets_receive(kernel, at, packet);
  switch (packet.protocol) {
    case kProtocolIcmp:
    case kProtocolIcmp6:
      return icmp_input(kernel, at, packet);
    case kProtocolTcp:
      return tcp_input(kernel, at, packet);
    case kProtocolUdp:
      return udp_input(kernel, at, packet);
    default:
      break;
  }
  if (!raw_took) send_icmp_error(kernel, at, packet, kIcmpUnreachable, kUnreachableProtocol);
}

void forward(Kernel& kernel, InterfaceRef at, Packet packet) {
  NetNamespace& space = kernel.net_namespaces[at.net];
  const bool allowed = packet.source.is_v6() ? space.settings.ipv6_forward : space.settings.ip_forward;
  if (!allowed || packet.mac_destination.is_group()) {
    ++space.counters.ip_discarded;
    return;
  }
  if (packet.ttl <= 1) return send_icmp_error(kernel, at, packet, kIcmpTimeExceeded, 0);
  const auto route = lookup_route(kernel, at.net, packet.destination);
  if (!route.ok()) {
    const bool prohibited = route.error() == Errno::eacces;
    const bool host = route.error() == Errno::ehostunreach;
    return send_icmp_error(kernel, at, packet, kIcmpUnreachable,
                           prohibited ? kUnreachableProhibited
                           : host     ? kUnreachableHost
                                      : kUnreachableNet);
  }
  const Verdict verdict = forward_verdict(space, at.index, route->interface, packet);
  if (verdict == Verdict::reject) return send_icmp_error(kernel, at, packet, kIcmpUnreachable, kUnreachablePort);
  if (verdict == Verdict::drop) return;
  const Interface* out = find_interface(std::as_const(kernel), {at.net, route->interface});
  if (out == nullptr) return;
  if (packet.protocol == kProtocolTcp && packet.ip_bytes() > out->mtu)
    return send_icmp_error(kernel, at, packet, kIcmpUnreachable, kUnreachableTooBig,
                           static_cast<std::uint16_t>(out->mtu));
  --packet.ttl;
  ++space.counters.ip_forwarded;
  nat_output(kernel, at.net, packet, at.index, route->interface);
  const IpAddress next = route->gateway.is_unspecified() ? packet.destination : route->gateway;
  send_to_neighbour(kernel, {at.net, route->interface}, next, std::move(packet));
}

}  // namespace

bool is_local_address(const Kernel& kernel, NetNamespaceId net, const IpAddress& address) {
  for (const auto& entry : kernel.net_namespaces[net].interfaces) {
    const Interface& interface = entry.second;
    if (!interface.up) continue;
    for (const InterfaceAddress& own : interface.addresses) {
      if (own.prefix.address == address) return true;
      // The local table has all of 127.0.0.0/8.
      if (interface.kind == InterfaceKind::loopback && !address.is_v6() && own.prefix.contains(address)) return true;
    }
  }
  return false;
}

bool is_broadcast_address(const NetNamespace& space, std::uint32_t only, const IpAddress& address) {
  if (address.is_v6()) return false;
  if (address.to_v4() == 0xffffffff) return true;
  for (const auto& entry : space.interfaces) {
    if ((only != 0 && entry.first != only) || entry.second.kind == InterfaceKind::loopback) continue;
    for (const InterfaceAddress& own : entry.second.addresses)
      if (!own.prefix.address.is_v6() && own.prefix.length < 31 && own.prefix.broadcast() == address) return true;
  }
  return false;
}

Result<RouteChoice, Errno> lookup_route(const Kernel& kernel, NetNamespaceId net, const IpAddress& destination,
                                        std::uint32_t interface) {
  const NetNamespace& space = kernel.net_namespaces[net];
  RouteChoice choice;
  choice.gateway = choice.source = IpAddress::any(destination.is_v6());
  const bool scoped = destination.is_v6() && (destination.is_link_local() || destination.is_multicast());
  if (is_local_address(kernel, net, destination)) {
    choice.interface = 1;
    choice.local = true;
    return choice;
  }
  if (interface != 0 && (scoped || is_broadcast_address(space, interface, destination))) {
    choice.interface = interface;
    return choice;
  }
  const Route* best = nullptr;
  for (const Route& route : space.routes) {
    if (!route.destination.contains(destination)) continue;
    if (interface != 0 && route.interface != interface) continue;
    const bool better = best == nullptr || route.destination.length > best->destination.length ||
                        (route.destination.length == best->destination.length && route.metric < best->metric);
    if (better) best = &route;
  }
  if (best == nullptr) {
    // ip(7): a socket bound to a device takes what it cannot route to be on that link.
    const auto found = space.interfaces.find(interface);
    if (interface == 0 || found == space.interfaces.end() || !found->second.up) return Errno::enetunreach;
    choice.interface = interface;
    return choice;
  }
  if (best->kind != RouteKind::unicast) return route_errno(best->kind);
  choice.interface = best->interface;
  choice.gateway = best->gateway;
  choice.source = best->preferred_source;
  return choice;
}

IpAddress choose_source(const Kernel& kernel, NetNamespaceId net, const IpAddress& destination,
                        std::uint32_t interface) {
  const NetNamespace& space = kernel.net_namespaces[net];
  const bool v6 = destination.is_v6();
  const InterfaceAddress* best = nullptr;
  bool best_on_link = false;
  const auto found = space.interfaces.find(interface);
  if (found != space.interfaces.end()) {
    for (const InterfaceAddress& own : found->second.addresses) {
      if (own.prefix.address.is_v6() != v6 || own.secondary) continue;
      if (v6 && own.prefix.address.is_link_local() != destination.is_link_local()) continue;
      const bool on_link = own.prefix.contains(destination);
      if (best != nullptr && (best_on_link || !on_link)) continue;
      best = &own;
      best_on_link = on_link;
    }
  }
  if (best != nullptr) return best->prefix.address;
  for (const auto& entry : space.interfaces) {
    if (!entry.second.up || entry.second.kind == InterfaceKind::loopback) continue;
    for (const InterfaceAddress& own : entry.second.addresses)
      if (own.prefix.address.is_v6() == v6 && !own.prefix.address.is_link_local()) return own.prefix.address;
  }
  return IpAddress::any(v6);
}

Result<IpAddress, Errno> source_towards(const Kernel& kernel, NetNamespaceId net, const IpAddress& destination,
                                        std::uint32_t interface) {
  if (destination.is_unspecified()) return IpAddress::loopback(destination.is_v6());
  const RouteChoice route = TRY(lookup_route(kernel, net, destination, interface));
  if (route.local) {
    // The rest of 127.0.0.0/8 is spoken to from lo's own address.
    const NetNamespace& space = kernel.net_namespaces[net];
    for (const auto& entry : space.interfaces)
      for (const InterfaceAddress& own : entry.second.addresses)
        if (own.prefix.address == destination) return destination;
    return choose_source(kernel, net, destination, 1);
  }
  if (!route.source.is_unspecified()) return route.source;
  const IpAddress towards = route.gateway.is_unspecified() ? destination : route.gateway;
  return choose_source(kernel, net, towards, route.interface);
}

Result<void, Errno> ip_output(Kernel& kernel, NetNamespaceId net, Packet packet, std::uint32_t interface) {
  NetNamespace& space = kernel.net_namespaces[net];
  ++space.counters.ip_sent;
  if (packet.identification == 0) packet.identification = space.next_identification++;
  const auto first = lookup_route(kernel, net, packet.destination, interface);
  if (!first.ok() && !is_broadcast_address(space, 0, packet.destination)) {
    ++space.counters.ip_no_route;
    return first.error();
  }
  if (packet.source.is_unspecified() && packet.source.is_v6() == packet.destination.is_v6()) {
    const auto source = source_towards(kernel, net, packet.destination, interface);
    if (source.ok()) packet.source = *source;
  }
  nat_input(kernel, net, packet, 0);
  RouteChoice route = TRY(lookup_route(kernel, net, packet.destination, interface));
  if (route.local) {
    nat_local_out_done(kernel, net, packet);
    deliver_locally(kernel, net, std::move(packet));
    run_local_deliveries(kernel);
    return {};
  }
  nat_output(kernel, net, packet, 0, route.interface);
  const IpAddress next = route.gateway.is_unspecified() ? packet.destination : route.gateway;
  packet.spread = packet.destination.is_multicast() || is_broadcast_address(space, route.interface, packet.destination);
  send_to_neighbour(kernel, {net, route.interface}, next, std::move(packet));
  run_local_deliveries(kernel);
  return {};
}

void ip_input(Kernel& kernel, InterfaceRef at, Packet packet) {
  NetNamespace& space = kernel.net_namespaces[at.net];
  ++space.counters.ip_received;
  packet.came_by = at.index;
  packet.connection = 0;
  packet.reply = false;
  packet.spread = packet.destination.is_multicast() || is_broadcast_address(space, at.index, packet.destination);
  nat_input(kernel, at.net, packet, at.index);
  if (is_ours(space, packet, kernel, at)) return deliver(kernel, at, std::move(packet));
  // A packet of this host's own that came over lo and is for nobody here is none to forward.
  if (at.index == 1) return;
  forward(kernel, at, std::move(packet));
}

}  // namespace drydock::machine::net
