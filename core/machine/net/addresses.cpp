// Addresses of interfaces and the routes that come with them. ip-address(8), ip-route(8), RFC 4291 §2.5.6.

#include <algorithm>

#include "machine/net/delivery.h"
#include "machine/net/ip.h"
#include "machine/net/links.h"

namespace drydock::machine::net {

namespace {

constexpr std::uint8_t kProtocolKernel = 2, kScopeLink = 253, kScopeHost = 254;
constexpr std::uint32_t kIp6Metric = 256;

bool same_route(const Route& a, const Route& b) {
  return a.destination.length == b.destination.length && a.destination.network() == b.destination.network() &&
         a.metric == b.metric && a.table == b.table;
}

/// The route to an address's own network.
void add_connected_route(NetNamespace& space, const Interface& interface, const InterfaceAddress& address) {
  if (!interface.up || interface.kind == InterfaceKind::loopback) return;
  const bool v6 = address.prefix.address.is_v6();
  if (!v6 && address.prefix.length == 32 && address.peer.is_unspecified()) return;
  Route route;
  const IpAddress towards = address.peer.is_unspecified() ? address.prefix.address : address.peer;
  route.destination = {Prefix{towards, address.prefix.length}.network(), address.prefix.length};
  route.interface = interface.index;
  route.protocol = kProtocolKernel;
  route.metric = v6 ? kIp6Metric : 0;
  if (!v6) {
    route.scope = kScopeLink;
    route.preferred_source = address.prefix.address;
  } else {
    route.preferred_source = IpAddress::any(true);
  }
  route.gateway = IpAddress::any(v6);
  for (const Route& present : space.routes)
    if (same_route(present, route) && present.interface == route.interface) return;
  if (space.routes.size() < kRoutesMax) space.routes.push_back(route);
}

/// fe80:: and the interface's address as RFC 4291 appendix A makes an identifier of it.
IpAddress link_local_address(const MacAddress& mac) {
  std::array<std::uint8_t, 16> bytes{};
  bytes[0] = 0xfe;
  bytes[1] = 0x80;
  for (unsigned n = 0; n < 3; ++n) {
    bytes[8 + n] = mac.bytes[n];
    bytes[13 + n] = mac.bytes[3 + n];
  }
  bytes[8] ^= 2;
  bytes[11] = 0xff;
  bytes[12] = 0xfe;
  return IpAddress::v6(bytes);
}

void add_link_local(NetNamespace& space, Interface& interface) {
  if (space.settings.ipv6_disabled || interface.master != 0) return;
  for (const InterfaceAddress& address : interface.addresses)
    if (address.prefix.address.is_v6() && address.prefix.address.is_link_local()) return;
  InterfaceAddress address;
  address.prefix = {link_local_address(interface.mac), 64};
  address.scope = kScopeLink;
  interface.addresses.push_back(address);
  add_connected_route(space, interface, address);
}

void bring_up(NetNamespace& space, Interface& interface) {
  if (interface.kind == InterfaceKind::loopback) {
    const bool has_v4 = std::any_of(interface.addresses.begin(), interface.addresses.end(),
                                    [](const InterfaceAddress& address) { return !address.prefix.address.is_v6(); });
    InterfaceAddress own;
    own.scope = kScopeHost;
    own.label = interface.name;
    own.prefix = {IpAddress::loopback(false), 8};
    if (!has_v4) interface.addresses.push_back(own);
    own.label.clear();
    own.prefix = {IpAddress::loopback(true), 128};
    if (!space.settings.ipv6_disabled) interface.addresses.push_back(own);
  }
  for (const InterfaceAddress& address : interface.addresses) add_connected_route(space, interface, address);
}

void take_down(Kernel& kernel, InterfaceRef ref, NetNamespace& space, Interface& interface) {
  std::erase_if(space.routes, [&](const Route& route) { return route.interface == ref.index; });
  std::erase_if(interface.addresses, [](const InterfaceAddress& address) { return address.prefix.address.is_v6(); });
  interface.fdb.clear();
  forget_neighbours(kernel, ref);
}

/// The interface that has this address.
std::uint32_t owner_of(const NetNamespace& space, const IpAddress& address) {
  for (const auto& entry : space.interfaces)
    for (const InterfaceAddress& own : entry.second.addresses)
      if (own.prefix.address == address) return entry.first;
  return 1;
}

}  // namespace

void set_up(Kernel& kernel, InterfaceRef ref, bool up) {
  Interface* interface = find_interface(kernel, ref);
  if (interface == nullptr || interface->up == up) return;
  NetNamespace& space = kernel.net_namespaces[ref.net];
  interface->up = up;
  interface->was_up = interface->was_up || up;
  if (up) {
    bring_up(space, *interface);
  } else {
    take_down(kernel, ref, space, *interface);
  }
  carrier_changed(kernel, ref);
  if (interface->peer) carrier_changed(kernel, interface->peer);
}

void carrier_changed(Kernel& kernel, InterfaceRef ref) {
  Interface* interface = find_interface(kernel, ref);
  if (interface == nullptr) return;
  if (interface->kind != InterfaceKind::loopback && has_carrier(kernel, ref))
    add_link_local(kernel.net_namespaces[ref.net], *interface);
  if (interface->master != 0) carrier_changed(kernel, {ref.net, interface->master});
}

Result<void, Errno> add_address(Kernel& kernel, InterfaceRef ref, InterfaceAddress address) {
  Interface* interface = find_interface(kernel, ref);
  if (interface == nullptr) return Errno::enodev;
  NetNamespace& space = kernel.net_namespaces[ref.net];
  const bool v6 = address.prefix.address.is_v6();
  if (address.prefix.length > address.prefix.address.bits()) return Errno::einval;
  if (v6 && space.settings.ipv6_disabled) return Errno::eacces;
  if (interface->addresses.size() >= kAddressesMax) return Errno::enobufs;
  for (const InterfaceAddress& present : interface->addresses) {
    if (present.prefix.address == address.prefix.address && (v6 || present.prefix.length == address.prefix.length))
      return Errno::eexist;
    if (!v6 && present.prefix.length == address.prefix.length && present.prefix.contains(address.prefix.address))
      address.secondary = true;
  }
  if (v6 && address.prefix.address.is_link_local()) address.scope = kScopeLink;
  if (address.label.empty() && !v6) address.label = interface->name;
  // Primary addresses come before all secondary ones.
  const auto place =
      std::find_if(interface->addresses.begin(), interface->addresses.end(),
                   [&](const InterfaceAddress& present) { return !address.secondary && present.secondary; });
  interface->addresses.insert(place, address);
  if (!address.secondary) add_connected_route(space, *interface, address);
  return {};
}

Result<void, Errno> add_address(Kernel& kernel, InterfaceRef ref, const Prefix& prefix) {
  InterfaceAddress address;
  address.prefix = prefix;
  if (!prefix.address.is_v6() && prefix.length < 31) address.broadcast = prefix.broadcast();
  return add_address(kernel, ref, std::move(address));
}

Result<void, Errno> remove_address(Kernel& kernel, InterfaceRef ref, const Prefix& prefix) {
  Interface* interface = find_interface(kernel, ref);
  if (interface == nullptr) return Errno::enodev;
  auto& addresses = interface->addresses;
  const auto found = std::find_if(addresses.begin(), addresses.end(),
                                  [&](const InterfaceAddress& address) { return address.prefix == prefix; });
  if (found == addresses.end()) return Errno::eaddrnotavail;
  const bool primary = !found->secondary;
  addresses.erase(found);
  NetNamespace& space = kernel.net_namespaces[ref.net];
  if (primary && !prefix.address.is_v6())  // promote_secondaries is off: they go with their primary
    std::erase_if(addresses, [&](const InterfaceAddress& address) {
      return address.secondary && address.prefix.length == prefix.length && prefix.contains(address.prefix.address);
    });
  std::erase_if(space.routes, [&](const Route& route) {
    const bool by_source = !route.preferred_source.is_unspecified() && route.preferred_source == prefix.address;
    const bool own_network = route.protocol == kProtocolKernel && route.interface == ref.index &&
                             route.destination == Prefix{prefix.network(), prefix.length};
    return by_source || (own_network && (primary || prefix.address.is_v6()));
  });
  return {};
}

Result<void, Errno> add_route(Kernel& kernel, NetNamespaceId net, Route route, bool replace) {
  NetNamespace& space = kernel.net_namespaces[net];
  if (route.destination.length > route.destination.address.bits()) return Errno::einval;
  const bool v6 = route.destination.address.is_v6();
  route.destination.address = route.destination.network();
  if (v6 && route.metric == 0) route.metric = kIp6Metric * 4;
  if (route.kind == RouteKind::unicast) {
    if (!route.gateway.is_unspecified()) {
      const auto next = lookup_route(kernel, net, route.gateway, route.interface);
      if (!next.ok() || !next->gateway.is_unspecified()) return Errno::enetunreach;
      const bool on_lo = next->local && route.interface == 0;
      if (route.interface == 0) route.interface = on_lo ? owner_of(space, route.gateway) : next->interface;
    } else if (!v6) {
      route.scope = kScopeLink;
    }
    const Interface* interface = find_interface(std::as_const(kernel), {net, route.interface});
    if (interface == nullptr) return Errno::enodev;
    if (!interface->up) return Errno::enetdown;
    if (!route.preferred_source.is_unspecified() && !is_local_address(kernel, net, route.preferred_source))
      return Errno::einval;
  }
  for (Route& present : space.routes) {
    if (!same_route(present, route)) continue;
    if (!replace) return Errno::eexist;
    present = route;
    return {};
  }
  if (space.routes.size() >= kRoutesMax) return Errno::enospc;
  space.routes.push_back(route);
  return {};
}

Result<void, Errno> remove_route(Kernel& kernel, NetNamespaceId net, const Route& wanted) {
  auto& routes = kernel.net_namespaces[net].routes;
  const auto found = std::find_if(routes.begin(), routes.end(), [&](const Route& route) {
    return route.destination.length == wanted.destination.length &&
           route.destination.network() == wanted.destination.network() &&
           (wanted.interface == 0 || route.interface == wanted.interface) &&
           (wanted.gateway.is_unspecified() || route.gateway == wanted.gateway) &&
           (wanted.metric == 0 || route.metric == wanted.metric) &&
           (wanted.scope == kAnyScope || wanted.destination.address.is_v6() || route.scope == wanted.scope);
  });
  if (found == routes.end()) return Errno::esrch;
  routes.erase(found);
  return {};
}

Result<void, Errno> add_default_route(Kernel& kernel, NetNamespaceId net, const IpAddress& gateway) {
  Route route;
  route.destination = {IpAddress::any(gateway.is_v6()), 0};
  route.gateway = gateway;
  route.preferred_source = IpAddress::any(gateway.is_v6());
  return add_route(kernel, net, route);
}

}  // namespace drydock::machine::net
