// Addresses and options of Internet sockets. ip(7), ipv6(7).
// Kept and told, but without effect: IP_MTU_DISCOVER, IP_TOS, IP_TRANSPARENT. Not modelled: IP_OPTIONS, error queues.

#include "machine/net/inet_socket.h"

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/kernel/capabilities.h"
#include "machine/net/ip.h"
#include "machine/net/links.h"
#include "machine/syscalls/call.h"

namespace drydock::machine::net {

namespace {

std::uint16_t network16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[at]) << 8 |
                                    static_cast<std::uint8_t>(bytes[at + 1]));
}

std::string mapped_bytes(const IpAddress& address) {
  const auto bytes = address.mapped();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

bool InetSocket::is_unspecified_family(std::string_view address) const {
  return address.size() >= 2 && StructReader(std::string(address)).u16(0) == abi::af_unspec;
}

Result<InetName, Errno> InetSocket::name_of(std::string_view address) const {
  if (address.size() < 2) return Errno::einval;
  const StructReader reader{std::string(address)};
  const int named = reader.u16(0);
  InetName name;
  if (named == abi::af_inet && (!v6() || (type == abi::sock_dgram && !inet.v6_only))) {
    if (address.size() < 16) return Errno::einval;
    name.port = network16(address, 2);
    name.address = IpAddress::from_bytes(address.substr(4, 4));
    return name;
  }
  if (address.size() < (v6() ? 24u : 16u)) return Errno::einval;
  if (named != family) return Errno::eafnosupport;
  name.port = network16(address, 2);
  name.address = IpAddress::from_bytes(address.substr(8, 16));
  if (address.size() >= 28) name.scope = reader.u32(24);
  if (!name.address.is_v6() && inet.v6_only) return Errno::enetunreach;
  return name;
}

std::string InetSocket::sockaddr_of(const IpAddress& address, std::uint16_t port, std::uint32_t scope) const {
  StructWriter writer;
  writer.u16(static_cast<std::uint16_t>(family)).u8(static_cast<std::uint8_t>(port >> 8)).u8(port & 0xff);
  if (!v6()) return writer.bytes() + address.bytes().substr(0, 4) + std::string(8, '\0');
  const bool is_any4 = !address.is_v6() && address.is_unspecified();
  const std::string bytes = is_any4 ? std::string(16, '\0') : mapped_bytes(address);
  return writer.u32(0).bytes() + bytes + StructWriter().u32(address.is_link_local() ? scope : 0).bytes();
}

Result<void, Errno> InetSocket::may_bind_port(const Caller& caller, std::uint16_t port) const {
  const NetNamespace& space = std::as_const(caller.kernel).net_namespaces[net];
  if (port == 0 || port >= space.settings.unprivileged_port_start) return {};
  if (capable(caller, cap::net_bind_service, space.owner)) return {};
  return Errno::eacces;
}

Result<void, Errno> InetSocket::may_bind_address(const Caller& caller, const IpAddress& address) const {
  const NetNamespace& space = std::as_const(caller.kernel).net_namespaces[net];
  if (address.is_unspecified() || inet.free_bind || inet.transparent || space.settings.ip_nonlocal_bind) return {};
  if (type != abi::sock_stream && (address.is_multicast() || is_broadcast_address(space, 0, address))) return {};
  if (is_local_address(caller.kernel, net, address)) return {};
  // Linux has no local table to look into before the first address, and lets everything be bound then.
  const bool no_addresses = std::all_of(space.interfaces.begin(), space.interfaces.end(),
                                        [](const auto& entry) { return entry.second.addresses.empty(); });
  if (no_addresses && !address.is_v6()) return {};
  return Errno::eaddrnotavail;
}

std::uint32_t InetSocket::out_interface(std::uint32_t scope) const {
  return options.bound_interface != 0 ? options.bound_interface : scope;
}

std::uint8_t InetSocket::time_to_live(const Kernel& kernel, const IpAddress& destination) const {
  int hops = destination.is_v6() ? inet.hops : inet.ttl;
  if (destination.is_multicast()) hops = destination.is_v6() ? inet.multicast_hops : inet.multicast_ttl;
  if (hops < 0) hops = static_cast<int>(kernel.net_namespaces[net].settings.default_ttl);
  return static_cast<std::uint8_t>(hops);
}

bool InetSocket::has_joined(const IpAddress& group, std::uint32_t interface) const {
  return std::any_of(inet.groups.begin(), inet.groups.end(), [&](const auto& joined) {
    return joined.first == group && (joined.second == 0 || joined.second == interface);
  });
}

void InetSocket::add_packet_info(const Kernel& kernel, const IpAddress& destination, std::uint32_t interface,
                                 std::uint8_t ttl, IncomingMessage* message) const {
  const auto put = [&](int level, int type, std::string data) {
    message->control.push_back({level, type, std::move(data)});
  };
  if (!destination.is_v6() && inet.packet_info) {
    const bool spread = destination.is_multicast() || !is_local_address(kernel, net, destination);
    const IpAddress own = spread ? choose_source(kernel, net, destination, interface) : destination;
    put(abi::ipproto_ip, abi::ip_pktinfo, StructWriter().u32(interface).bytes() + own.bytes() + destination.bytes());
  }
  if (!destination.is_v6() && inet.receive_ttl) put(abi::ipproto_ip, abi::ip_ttl, int_value(ttl));
  if (!destination.is_v6() && inet.receive_tos) put(abi::ipproto_ip, abi::ip_tos, std::string(1, '\0'));
  if (!v6()) return;
  const std::string info = mapped_bytes(destination) + StructWriter().u32(interface).bytes();
  if (inet.v6_packet_info) put(abi::ipproto_ipv6, abi::ipv6_pktinfo, info);
  if (inet.v6_old_packet_info) put(abi::ipproto_ipv6, abi::ipv6_2292pktinfo, info);
  if (inet.v6_hop_limit) put(abi::ipproto_ipv6, abi::ipv6_hoplimit, int_value(ttl));
  if (inet.v6_old_hop_limit) put(abi::ipproto_ipv6, abi::ipv6_2292hoplimit, int_value(ttl));
}

bool* InetSocket::flag(int level, int name) {
  if (level == abi::ipproto_ip) {
    switch (name) {
      case abi::ip_pktinfo:
        return &inet.packet_info;
      case abi::ip_recvttl:
        return &inet.receive_ttl;
      case abi::ip_recvtos:
        return &inet.receive_tos;
      case abi::ip_recverr:
        return &inet.receive_errors;
      case abi::ip_freebind:
        return &inet.free_bind;
      case abi::ip_multicast_loop:
        return &inet.multicast_loop;
      case abi::ip_bind_address_no_port:
        return &inet.bind_no_port;
      case abi::ip_hdrincl:
        return type == abi::sock_raw ? &inet.header_included : nullptr;
      default:
        return nullptr;
    }
  }
  switch (name) {
    case abi::ipv6_recvpktinfo:
      return &inet.v6_packet_info;
    case abi::ipv6_2292pktinfo:
      return &inet.v6_old_packet_info;
    case abi::ipv6_recvhoplimit:
      return &inet.v6_hop_limit;
    case abi::ipv6_2292hoplimit:
      return &inet.v6_old_hop_limit;
    case abi::ipv6_recverr:
      return &inet.v6_receive_errors;
    case abi::ipv6_recvtclass:
      return &inet.v6_traffic_class;
    case abi::ipv6_multicast_loop:
      return &inet.multicast_loop;
    case abi::ipv6_v6only:
      return &inet.v6_only;
    default:
      return nullptr;
  }
}

Result<void, Errno> InetSocket::join_or_leave(const Caller& caller, bool join, const IpAddress& group,
                                              std::uint32_t interface) {
  if (!group.is_multicast()) return Errno::einval;
  const auto joined = std::pair(group, interface);
  const auto found = std::find(inet.groups.begin(), inet.groups.end(), joined);
  if (!join) {
    if (found == inet.groups.end()) return Errno::eaddrnotavail;
    inet.groups.erase(found);
    return {};
  }
  if (found != inet.groups.end()) return Errno::eaddrinuse;
  if (inet.groups.size() >= kGroupsMax) return Errno::enobufs;
  if (interface != 0 && find_interface(std::as_const(caller.kernel), {net, interface}) == nullptr) return Errno::enodev;
  if (interface == 0 && !lookup_route(caller.kernel, net, group).ok()) return Errno::enodev;
  inet.groups.push_back(joined);
  return {};
}

Result<void, Errno> InetSocket::set_ip_option(const Caller& caller, int name, std::string_view value) {
  if (name == abi::ip_add_membership || name == abi::ip_drop_membership) {
    if (value.size() < 8) return Errno::einval;
    std::uint32_t interface = value.size() >= 12 ? StructReader(std::string(value)).u32(8) : 0;
    const IpAddress by = IpAddress::from_bytes(value.substr(4, 4));
    for (const auto& entry : std::as_const(caller.kernel).net_namespaces[net].interfaces)
      for (const InterfaceAddress& own : entry.second.addresses)
        if (interface == 0 && own.prefix.address == by) interface = entry.first;
    return join_or_leave(caller, name == abi::ip_add_membership, IpAddress::from_bytes(value.substr(0, 4)), interface);
  }
  if (name == abi::ip_multicast_if) {
    if (value.size() < 4) return Errno::einval;
    inet.multicast_interface = value.size() >= 12 ? StructReader(std::string(value)).u32(8) : 0;
    return {};
  }
  // ip(7): a single byte will do.
  const int number = value.size() >= 4 ? *int_option(value) : value.empty() ? 0 : static_cast<std::uint8_t>(value[0]);
  const UserNamespaceId owner = caller.kernel.net_namespaces[net].owner;
  if (bool* kept = flag(abi::ipproto_ip, name)) {
    *kept = number != 0;
    return {};
  }
  switch (name) {
    case abi::ip_ttl:
      if (value.empty() || (number != -1 && (number < 1 || number > 255))) return Errno::einval;
      inet.ttl = number;
      return {};
    case abi::ip_multicast_ttl:
      if (type == abi::sock_stream || number < -1 || number > 255) return Errno::einval;
      inet.multicast_ttl = number == -1 ? 1 : number;
      return {};
    case abi::ip_tos:
      inet.tos = number & 0xff;
      return {};
    case abi::ip_mtu_discover:
      if (number < 0 || number > 5) return Errno::einval;
      inet.mtu_discover = number;
      return {};
    case abi::ip_transparent:
      if (number != 0 && !capable(caller, cap::net_raw, owner) && !capable(caller, cap::net_admin, owner))
        return Errno::eperm;
      inet.transparent = number != 0;
      return {};
    default:
      return Errno::enoprotoopt;
  }
}

Result<void, Errno> InetSocket::set_ipv6_option(const Caller& caller, int name, std::string_view value) {
  if (name == abi::ipv6_join_group || name == abi::ipv6_leave_group) {
    if (value.size() < 20) return Errno::einval;
    return join_or_leave(caller, name == abi::ipv6_join_group, IpAddress::from_bytes(value.substr(0, 16)),
                         StructReader(std::string(value)).u32(16));
  }
  const auto number = int_option(value);
  if (!number) return Errno::einval;
  if (bool* kept = flag(abi::ipproto_ipv6, name)) {
    *kept = *number != 0;
    return {};
  }
  if ((name == abi::ipv6_unicast_hops || name == abi::ipv6_multicast_hops) && (*number < -1 || *number > 255))
    return Errno::einval;
  switch (name) {
    case abi::ipv6_unicast_hops:
      inet.hops = *number;
      return {};
    case abi::ipv6_multicast_hops:
      inet.multicast_hops = *number == -1 ? 1 : *number;
      return {};
    case abi::ipv6_multicast_if:
      inet.multicast_interface = static_cast<std::uint32_t>(*number);
      return {};
    case abi::ipv6_tclass:
      inet.tclass = *number;
      return {};
    case abi::ipv6_mtu_discover:
      inet.v6_mtu_discover = *number;
      return {};
    case abi::ipv6_checksum:
      if (type != abi::sock_raw || (*number > 0 && *number % 2 != 0)) return Errno::einval;
      inet.checksum_at = *number;
      return {};
    default:
      return Errno::enoprotoopt;
  }
}

Result<void, Errno> InetSocket::set_option(const Caller& caller, int level, int name, std::string_view value) {
  if (level == abi::ipproto_ip) return set_ip_option(caller, name, value);
  if (level == abi::ipproto_ipv6 && v6()) return set_ipv6_option(caller, name, value);
  return Errno::enoprotoopt;
}

Result<std::string, Errno> InetSocket::get_option(const Caller& caller, int level, int name) {
  if (level != abi::ipproto_ip && !(level == abi::ipproto_ipv6 && v6())) return Errno::enoprotoopt;
  if (const bool* kept = flag(level, name)) return int_value(*kept ? 1 : 0);
  const int fallback = static_cast<int>(caller.kernel.net_namespaces[net].settings.default_ttl);
  if (level == abi::ipproto_ip) {
    switch (name) {
      case abi::ip_ttl:
        return int_value(inet.ttl < 0 ? fallback : inet.ttl);
      case abi::ip_multicast_ttl:
        return int_value(inet.multicast_ttl);
      case abi::ip_tos:
        return int_value(inet.tos);
      case abi::ip_mtu_discover:
        return int_value(inet.mtu_discover);
      case abi::ip_transparent:
        return int_value(inet.transparent ? 1 : 0);
      default:
        return Errno::enoprotoopt;
    }
  }
  switch (name) {
    case abi::ipv6_unicast_hops:
      return int_value(inet.hops < 0 ? fallback : inet.hops);
    case abi::ipv6_multicast_hops:
      return int_value(inet.multicast_hops);
    case abi::ipv6_multicast_if:
      return int_value(inet.multicast_interface);
    case abi::ipv6_tclass:
      return int_value(inet.tclass);
    case abi::ipv6_mtu_discover:
      return int_value(inet.v6_mtu_discover);
    default:
      return Errno::enoprotoopt;
  }
}

}  // namespace drydock::machine::net
