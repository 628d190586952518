// socket(2): which families, types and protocols there are. The errors are those of Linux' own lookup: a type that the
// family does not have is ESOCKTNOSUPPORT, a protocol that the type does not have EPROTONOSUPPORT.

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/kernel/capabilities.h"
#include "machine/net/netlink_socket.h"
#include "machine/net/raw_socket.h"
#include "machine/net/tcp.h"
#include "machine/net/tcp_socket.h"
#include "machine/net/udp_socket.h"
#include "machine/net/unix_socket.h"

namespace drydock::machine {

namespace {

NetNamespaceId net_of(const Caller& caller) {
  return caller.self().namespaces.net;
}

Result<FileId, Errno> make_unix(const Caller& caller, int type, int protocol) {
  if (protocol != 0 && protocol != abi::af_unix) return Errno::eprotonosupport;
  if (type == abi::sock_raw) type = abi::sock_dgram;
  if (type != abi::sock_stream && type != abi::sock_dgram && type != abi::sock_seqpacket) return Errno::esocktnosupport;
  const FileId file = add_socket(caller, std::make_unique<net::UnixSocket>(), net_of(caller), abi::af_unix, type, 0);
  caller.kernel.net_namespaces[net_of(caller)].unix_sockets.push_back(file);
  return file;
}

/// icmp(7): net.ipv4.ping_group_range.
bool may_ping(const Caller& caller) {
  const net::NetSettings& settings = caller.kernel.net_namespaces[net_of(caller)].settings;
  const auto within = [&](std::uint32_t gid) {
    return gid >= settings.ping_group_first && gid <= settings.ping_group_last;
  };
  const Credentials& who = caller.credentials();
  return within(who.egid) || std::any_of(who.groups.begin(), who.groups.end(), within);
}

FileId make_tcp(const Caller& caller, int family) {
  Kernel& kernel = caller.kernel;
  const FileId file = add_socket(caller, std::make_unique<net::TcpSocket>(), net_of(caller), family, abi::sock_stream,
                                 abi::ipproto_tcp);
  auto& socket = static_cast<net::TcpSocket&>(kernel.files[file]);
  socket.options.send_buffer = 16384;
  socket.options.receive_buffer = 131072;
  socket.endpoint = net::make_endpoint(kernel, socket.net, file, socket.v6());
  net::TcpEndpoint& endpoint = kernel.network.tcp[socket.endpoint];
  endpoint.uid = socket.uid;
  endpoint.inode_number = socket.inode_number;
  return file;
}

FileId make_udp(const Caller& caller, int family) {
  auto socket = std::make_unique<net::UdpSocket>();
  socket->local = socket->remote = net::IpAddress::any(family == abi::af_inet6);
  return add_socket(caller, std::move(socket), net_of(caller), family, abi::sock_dgram, abi::ipproto_udp);
}

Result<FileId, Errno> make_raw(const Caller& caller, int family, int type, int protocol) {
  NetNamespace& space = caller.kernel.net_namespaces[net_of(caller)];
  if (type == abi::sock_raw && !capable(caller, cap::net_raw, space.owner)) return Errno::eperm;
  if (type == abi::sock_dgram && !may_ping(caller)) return Errno::eacces;
  auto socket = std::make_unique<net::RawSocket>();
  socket->local = socket->remote = net::IpAddress::any(family == abi::af_inet6);
  socket->inet.header_included = protocol == abi::ipproto_raw;
  const FileId file = add_socket(caller, std::move(socket), net_of(caller), family, type, protocol);
  (type == abi::sock_raw ? space.raw_sockets : space.ping_sockets).push_back(file);
  return file;
}

Result<FileId, Errno> make_inet(const Caller& caller, int family, int type, int protocol) {
  if (protocol < 0 || protocol > 262) return Errno::einval;
  const int icmp = family == abi::af_inet6 ? abi::ipproto_icmpv6 : abi::ipproto_icmp;
  switch (type) {
    case abi::sock_stream:
      if (protocol != 0 && protocol != abi::ipproto_tcp) return Errno::eprotonosupport;
      return make_tcp(caller, family);
    case abi::sock_dgram:
      if (protocol == icmp) return make_raw(caller, family, type, protocol);
      if (protocol != 0 && protocol != abi::ipproto_udp) return Errno::eprotonosupport;
      return make_udp(caller, family);
    case abi::sock_raw:
      if (protocol == 0) return Errno::eprotonosupport;
      if (protocol > 255) return Errno::einval;
      return make_raw(caller, family, type, protocol);
    default:
      return Errno::esocktnosupport;
  }
}

Result<FileId, Errno> make_packet(const Caller& caller, int type, int protocol) {
  NetNamespace& space = caller.kernel.net_namespaces[net_of(caller)];
  if (!capable(caller, cap::net_raw, space.owner)) return Errno::eperm;
  if (type != abi::sock_dgram && type != abi::sock_raw) return Errno::esocktnosupport;
  auto socket = std::make_unique<net::PacketSocket>();
  const auto wanted = static_cast<std::uint16_t>(protocol);
  socket->ether_type = static_cast<std::uint16_t>(wanted << 8 | wanted >> 8);
  const FileId file = add_socket(caller, std::move(socket), net_of(caller), abi::af_packet, type, protocol);
  space.packet_sockets.push_back(file);
  return file;
}

Result<FileId, Errno> make_netlink(const Caller& caller, int type, int protocol) {
  if (type != abi::sock_raw && type != abi::sock_dgram) return Errno::esocktnosupport;
  if (protocol != abi::netlink_route) return Errno::eprotonosupport;
  const FileId file =
      add_socket(caller, std::make_unique<net::NetlinkSocket>(), net_of(caller), abi::af_netlink, type, protocol);
  caller.kernel.net_namespaces[net_of(caller)].netlink_sockets.push_back(file);
  return file;
}

}  // namespace

Result<FileId, Errno> make_socket(const Caller& caller, int family, int type, int protocol) {
  if (family < 0 || family >= abi::af_max) return Errno::eafnosupport;
  if (type < 0 || type > abi::sock_packet) return Errno::einval;
  switch (family) {
    case abi::af_unix:
      return make_unix(caller, type, protocol);
    case abi::af_inet:
    case abi::af_inet6:
      return make_inet(caller, family, type, protocol);
    case abi::af_netlink:
      return make_netlink(caller, type, protocol);
    case abi::af_packet:
      return make_packet(caller, type, protocol);
    default:
      return Errno::eafnosupport;
  }
}

}  // namespace drydock::machine
