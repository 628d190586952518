// rtnetlink(7): RTM_GETROUTE, RTM_NEWROUTE, RTM_DELROUTE. A dump shows the main table in the order of its prefixes and
// then what the local table has by the interfaces' addresses.

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/net/ip.h"
#include "machine/net/links.h"
#include "machine/net/rtnetlink.h"

namespace drydock::machine::net {

namespace {

constexpr std::size_t kRtmsgBytes = 12;
constexpr std::uint16_t kDestination = 1, kInterface = 4, kGateway = 5, kPriority = 6, kPreferredSource = 7,
                        kCache = 12, kTable = 15, kPreference = 20;
constexpr std::uint32_t kMainTable = 254, kLocalTable = 255;
constexpr std::uint8_t kScopeHost = 254, kScopeLink = 253, kProtocolKernel = 2, kTypeLocal = 2, kTypeBroadcast = 3;

struct ShownRoute {
  Route route;
  std::uint8_t type = 1;
};

std::string route_message(const ShownRoute& shown, const NetlinkRequest& request, std::uint16_t flags) {
  const Route& route = shown.route;
  const bool v6 = route.destination.address.is_v6();
  NetlinkWriter writer(nl::new_route, flags, request);
  writer.body(StructWriter()
                  .u8(static_cast<std::uint8_t>(v6 ? abi::af_inet6 : abi::af_inet))
                  .u8(static_cast<std::uint8_t>(route.destination.length))
                  .u8(0)
                  .u8(0)
                  .u8(static_cast<std::uint8_t>(route.table))
                  .u8(route.protocol)
                  .u8(route.scope)
                  .u8(shown.type)
                  .u32(0));
  writer.attribute_u32(kTable, route.table);
  if (route.destination.length > 0) writer.attribute(kDestination, route.destination.address.bytes());
  if (route.metric != 0) writer.attribute_u32(kPriority, route.metric);
  if (!v6 && !route.preferred_source.is_unspecified())
    writer.attribute(kPreferredSource, route.preferred_source.bytes());
  if (!route.gateway.is_unspecified()) writer.attribute(kGateway, route.gateway.bytes());
  if (route.interface != 0) writer.attribute_u32(kInterface, route.interface);
  if (v6) {
    writer.attribute(kCache, std::string(32, '\0'));
    writer.attribute_u8(kPreference, 0);
  }
  return writer.bytes();
}

void add_local(std::vector<ShownRoute>* out, const Prefix& prefix, std::uint32_t interface, const IpAddress& source,
               std::uint8_t type) {
  ShownRoute shown;
  shown.route.destination = prefix;
  shown.route.interface = interface;
  shown.route.preferred_source = source;
  shown.route.gateway = IpAddress::any(prefix.address.is_v6());
  shown.route.protocol = kProtocolKernel;
  shown.route.scope = prefix.address.is_v6() ? 0 : type == kTypeBroadcast ? kScopeLink : kScopeHost;
  shown.route.table = kLocalTable;
  shown.type = type;
  out->push_back(shown);
}

std::vector<ShownRoute> local_routes(const NetNamespace& space, bool v6) {
  std::vector<ShownRoute> out;
  for (const auto& entry : space.interfaces) {
    if (!entry.second.up) continue;
    for (const InterfaceAddress& address : entry.second.addresses) {
      const IpAddress& own = address.prefix.address;
      if (own.is_v6() != v6) continue;
      const Prefix network{address.prefix.network(), address.prefix.length};
      const bool loopback = entry.second.kind == InterfaceKind::loopback;
      if (!v6 && loopback) add_local(&out, network, entry.first, own, kTypeLocal);
      add_local(&out, {own, own.bits()}, entry.first, own, kTypeLocal);
      if (!v6 && address.prefix.length < 31)
        add_local(&out, {network.broadcast(), 32}, entry.first, own, kTypeBroadcast);
    }
  }
  return out;
}

bool shown_before(const ShownRoute& a, const ShownRoute& b) {
  const Route &left = a.route, &right = b.route;
  if (!(left.destination.address == right.destination.address))
    return left.destination.address < right.destination.address;
  if (left.destination.length != right.destination.length) return left.destination.length > right.destination.length;
  return left.metric < right.metric;
}

Result<void, Errno> get_one(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request, Messages* out) {
  const AttributeSet attributes = request.attributes(kRtmsgBytes);
  const bool v6 = request.byte(0) == abi::af_inet6;
  const IpAddress destination = attributes.address(kDestination).value_or(IpAddress::any(v6));
  if (destination.is_v6() != v6) return Errno::einval;
  const std::uint32_t by = attributes.u32(kInterface).value_or(0);
  const RouteChoice choice = TRY(lookup_route(caller.kernel, net, destination, by));
  ShownRoute shown;
  shown.route.destination = {destination, destination.bits()};
  shown.route.interface = choice.interface;
  shown.route.gateway = choice.gateway;
  shown.route.preferred_source = TRY(source_towards(caller.kernel, net, destination, by));
  shown.route.protocol = 0;
  // The table is told only to who asks for it by RTM_F_LOOKUP_TABLE.
  constexpr std::uint32_t lookup_table = 0x1000;
  shown.route.table = choice.local && (request.word(8) & lookup_table) != 0 ? kLocalTable : kMainTable;
  shown.type = choice.local ? kTypeLocal : 1;
  out->push_back(route_message(shown, request, 0));
  return {};
}

}  // namespace

Result<void, Errno> get_routes(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request, Messages* out) {
  if (!wants_dump(request)) return get_one(caller, net, request, out);
  const NetNamespace& space = std::as_const(caller.kernel).net_namespaces[net];
  const int family = request.byte(0);
  for (bool v6 : {false, true}) {
    if (family != 0 && family != (v6 ? abi::af_inet6 : abi::af_inet)) continue;
    std::vector<ShownRoute> main;
    for (const Route& route : space.routes)
      if (route.destination.address.is_v6() == v6) main.push_back({route, static_cast<std::uint8_t>(route.kind)});
    std::stable_sort(main.begin(), main.end(), shown_before);
    std::vector<ShownRoute> local = local_routes(space, v6);
    std::stable_sort(local.begin(), local.end(), shown_before);
    for (const ShownRoute& shown : main) out->push_back(route_message(shown, request, nl::flag_multi));
    for (const ShownRoute& shown : local) out->push_back(route_message(shown, request, nl::flag_multi));
  }
  return {};
}

Result<void, Errno> change_route(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request) {
  if (request.body.size() < kRtmsgBytes) return Errno::einval;
  const int family = request.byte(0);
  if (family != abi::af_inet && family != abi::af_inet6) return Errno::eopnotsupp;
  const bool v6 = family == abi::af_inet6;
  const AttributeSet attributes = request.attributes(kRtmsgBytes);
  Route route;
  route.destination = {attributes.address(kDestination).value_or(IpAddress::any(v6)), request.byte(1)};
  route.gateway = attributes.address(kGateway).value_or(IpAddress::any(v6));
  route.preferred_source = attributes.address(kPreferredSource).value_or(IpAddress::any(v6));
  if (route.destination.address.is_v6() != v6 || route.gateway.is_v6() != v6 ||
      route.destination.length > (v6 ? 128 : 32))
    return Errno::einval;
  if (!v6 && !(route.destination.network() == route.destination.address)) return Errno::einval;
  route.interface = attributes.u32(kInterface).value_or(0);
  route.metric = attributes.u32(kPriority).value_or(0);
  route.protocol = request.byte(5);
  route.scope = request.byte(6);
  route.table = attributes.u32(kTable).value_or(request.byte(4));
  if (route.table == 0) route.table = kMainTable;
  const std::uint8_t type = request.byte(7);
  if (request.type == nl::del_route) return remove_route(caller.kernel, net, route);
  switch (type) {
    case 0:
    case 1:
      route.kind = RouteKind::unicast;
      break;
    case 6:
    case 7:
    case 8:
      route.kind = static_cast<RouteKind>(type);
      break;
    default:
      return Errno::einval;
  }
  if (route.table != kMainTable) return Errno::eopnotsupp;
  if (route.kind == RouteKind::unicast && route.interface == 0 && route.gateway.is_unspecified()) return Errno::enodev;
  const bool replace = (request.flags & nl::flag_replace) != 0;
  return add_route(caller.kernel, net, route, replace);
}

}  // namespace drydock::machine::net
