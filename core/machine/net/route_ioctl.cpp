// The ioctls of route(8) and arp(8).

#include "machine/net/route_ioctl.h"

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/net/ip.h"
#include "machine/net/links.h"

namespace drydock::machine::net {

namespace {

constexpr std::size_t kRtentryBytes = 120, kArpreqBytes = 68;
constexpr std::uint32_t kRouteGateway = 2, kRouteHost = 4, kRouteReject = 0x200;
constexpr std::uint32_t kArpComplete = 2, kArpPermanent = 4;

IpAddress address_at(const StructReader& reader, std::size_t at) {
  return IpAddress::from_bytes(StructWriter().u32(reader.u32(at + 4)).bytes());
}

/// The mask's prefix; nothing for one with gaps.
std::optional<unsigned> prefix_of(const IpAddress& mask) {
  unsigned length = 0;
  while (length < 32 && (mask.to_v4() >> (31 - length) & 1) != 0) ++length;
  if (!(Prefix{IpAddress::v4(0xffffffff), length}.network() == mask)) return std::nullopt;
  return length;
}

}  // namespace

Outcome route_ioctl(const Call& call, NetNamespaceId net, bool add, std::uint64_t argument) {
  std::string raw(kRtentryBytes, '\0');
  TRY(call.copy_in(argument, raw));
  const StructReader entry(std::move(raw));
  // rt_pad1, rt_dst (8), rt_gateway (24), rt_genmask (40), rt_flags (56), ..., rt_metric (80), rt_dev (88)
  if (entry.u16(8) != abi::af_inet) return Errno::eafnosupport;
  const std::uint32_t flags = entry.u16(56);
  Route route;
  const IpAddress mask = address_at(entry, 40);
  const auto length = (flags & kRouteHost) != 0 ? std::optional<unsigned>(32) : prefix_of(mask);
  if (!length) return Errno::einval;
  route.destination = {address_at(entry, 8), *length};
  if (!(route.destination.network() == route.destination.address)) return Errno::einval;
  const std::uint32_t metric = entry.u16(80);
  route.metric = metric > 0 ? metric - 1 : 0;
  if ((flags & kRouteReject) != 0) route.kind = RouteKind::unreachable;
  if ((flags & kRouteGateway) != 0) {
    route.gateway = address_at(entry, 24);
    if (add && route.gateway.is_unspecified()) return Errno::einval;
  }
  route.scope = add || (flags & kRouteGateway) != 0 ? 0 : kAnyScope;
  if (const std::uint64_t name_at = entry.u64(88)) {
    std::string name = TRY(call.string(name_at, 16));
    route.interface = interface_by_name(std::as_const(call.kernel).net_namespaces[net], name);
    if (route.interface == 0) return Errno::enodev;
  }
  if (add && route.kind == RouteKind::unicast && route.interface == 0 && route.gateway.is_unspecified())
    return Errno::enodev;
  TRY(add ? add_route(call.kernel, net, route) : remove_route(call.kernel, net, route));
  return done();
}

Outcome neighbour_ioctl(const Call& call, NetNamespaceId net, std::uint64_t request, std::uint64_t argument) {
  std::string raw(kArpreqBytes, '\0');
  TRY(call.copy_in(argument, raw));
  const StructReader entry(raw);
  // arp_pa (0), arp_ha (16), arp_flags (32), arp_netmask (36), arp_dev (52)
  if (entry.u16(0) != abi::af_inet) return Errno::eafnosupport;
  const IpAddress address = address_at(entry, 0);
  NetNamespace& space = call.kernel.net_namespaces[net];
  const std::string name = raw.substr(52, std::min(raw.find('\0', 52), kArpreqBytes) - 52);
  std::uint32_t index = name.empty() ? 0 : interface_by_name(space, name);
  if (!name.empty() && index == 0) return Errno::enodev;
  if (index == 0) {
    for (const auto& neighbour : space.neighbours)
      if (neighbour.first.second == address) index = neighbour.first.first;
    // A new entry is for the interface that leads there.
    if (index == 0 && request == abi::siocsarp) {
      const RouteChoice towards = TRY(lookup_route(call.kernel, net, address, 0));
      index = towards.interface;
    }
    if (index == 0) return Errno::enxio;
  }
  const auto found = space.neighbours.find({index, address});
  if (request == abi::siocsarp) {
    if (found == space.neighbours.end() && space.neighbours.size() >= kNeighboursMax) return Errno::enobufs;
    Neighbour& neighbour = space.neighbours[{index, address}];
    neighbour.state = (entry.u32(32) & kArpPermanent) != 0 ? NeighbourState::permanent : NeighbourState::reachable;
    neighbour.since_ns = call.kernel.now_ns();
    for (std::size_t n = 0; n < 6; ++n) neighbour.mac.bytes[n] = static_cast<std::uint8_t>(entry.at(18 + n, 1));
    return done();
  }
  if (found == space.neighbours.end()) return Errno::enxio;
  if (request == abi::siocdarp) {
    space.neighbours.erase(found);
    return done();
  }
  const bool permanent = found->second.state == NeighbourState::permanent;
  const bool known = permanent || found->second.state == NeighbourState::reachable;
  TRY(call.copy_out(argument + 16, StructWriter().u16(1).span()));
  TRY(call.copy_out(argument + 18, found->second.mac.raw()));
  TRY(call.store32(argument + 32, (known ? kArpComplete : 0) | (permanent ? kArpPermanent : 0)));
  TRY(call.copy_out(argument + 52, StructWriter().text(space.interfaces.at(index).name, 16).span()));
  return done();
}

}  // namespace drydock::machine::net
