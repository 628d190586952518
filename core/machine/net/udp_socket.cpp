// UDP: binding, sending, receiving. udp(7), RFC 768, RFC 1122 §4.1.

#include "machine/net/udp_socket.h"

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/net/ip.h"
#include "machine/syscalls/call.h"

namespace drydock::machine::net {

namespace {

UdpSocket* find_udp(Kernel& kernel, FileId file) {
  return dynamic_cast<UdpSocket*>(kernel.files.find(file));
}

}  // namespace

bool DatagramQueue::push(Datagram datagram, std::uint64_t limit) {
  if (charged_bytes > 0 && charged_bytes + datagram.bytes.size() + kDatagramOverheadBytes > limit) return false;
  charged_bytes += datagram.bytes.size() + kDatagramOverheadBytes;
  items.push_back(std::move(datagram));
  return true;
}

void DatagramQueue::pop() {
  charged_bytes -= items.front().bytes.size() + kDatagramOverheadBytes;
  items.pop_front();
}

PacketInfo packet_info_in(const OutgoingMessage& message) {
  PacketInfo info;
  for (const ControlMessage& control : message.control) {
    const StructReader data(control.data);
    if (control.level == abi::ipproto_ip && control.type == abi::ip_pktinfo && control.data.size() >= 12) {
      info.interface = data.u32(0);
      info.source = IpAddress::from_bytes(std::string_view(control.data).substr(4, 4));
      info.given = true;
    }
    if (control.level == abi::ipproto_ipv6 && control.type == abi::ipv6_pktinfo && control.data.size() >= 20) {
      info.source = IpAddress::from_bytes(std::string_view(control.data).substr(0, 16));
      info.interface = data.u32(16);
      info.given = true;
    }
  }
  return info;
}

bool UdpSocket::collides(const UdpSocket& other, const IpAddress& address) const {
  const std::uint32_t by = options.bound_interface, other_by = other.options.bound_interface;
  if (by != 0 && other_by != 0 && by != other_by) return false;
  const bool any = address.is_unspecified(), other_any = other.local.is_unspecified();
  if (address.is_v6() != other.local.is_v6()) {
    const bool both =
        (address.is_v6() && any && !inet.v6_only) || (other.local.is_v6() && other_any && !other.inet.v6_only);
    if (!both) return false;
  } else if (!any && !other_any && !(address == other.local)) {
    return false;
  }
  if (options.reuse_address && other.options.reuse_address) return false;
  return !(options.reuse_port && other.options.reuse_port && uid == other.uid);
}

Result<void, Errno> UdpSocket::bind_port(Kernel& kernel, const IpAddress& address, std::uint16_t port) {
  NetNamespace& space = kernel.net_namespaces[net];
  if (port == 0) {
    port = choose_port(space, [&](std::uint16_t candidate) { return space.udp_bound.count(candidate) != 0; });
    if (port == 0) return Errno::eaddrinuse;
  } else {
    const auto range = space.udp_bound.equal_range(port);
    for (auto entry = range.first; entry != range.second; ++entry) {
      const UdpSocket* other = find_udp(kernel, entry->second);
      if (other != nullptr && collides(*other, address)) return Errno::eaddrinuse;
    }
  }
  local = address;
  local_port = port;
  space.udp_bound.emplace(port, id);
  return {};
}

Outcome UdpSocket::bind(const Caller& caller, std::string_view address) {
  // ip(7): AF_UNSPEC with INADDR_ANY is taken for AF_INET.
  std::string patched(address);
  if (!v6() && patched.size() >= 16 && is_unspecified_family(address) && patched.substr(4, 4) == std::string(4, '\0'))
    patched[0] = abi::af_inet;
  const InetName name = TRY(name_of(patched));
  if (local_port != 0) return Errno::einval;
  TRY(may_bind_address(caller, name.address));
  TRY(may_bind_port(caller, name.port));
  TRY(bind_port(caller.kernel, name.address, name.port));
  address_was_bound = !name.address.is_unspecified();
  port_was_bound = name.port != 0;
  return done();
}

Outcome UdpSocket::connect(const Caller& caller, std::string_view address) {
  Kernel& kernel = caller.kernel;
  if (is_unspecified_family(address)) {
    remote = IpAddress::any(v6());
    remote_port = 0;
    if (!address_was_bound) local = IpAddress::any(v6());
    if (!port_was_bound) give_up_port(kernel);
    return done();
  }
  InetName name = TRY(name_of(address));
  if (name.address.is_unspecified()) name.address = IpAddress::loopback(name.address.is_v6());
  const NetNamespace& space = std::as_const(kernel).net_namespaces[net];
  if (is_broadcast_address(space, 0, name.address) && !options.broadcast) return Errno::eacces;
  const IpAddress source = TRY(source_towards(kernel, net, name.address, out_interface(name.scope)));
  if (local_port == 0) TRY(bind_port(kernel, IpAddress::any(v6()), 0));
  if (local.is_unspecified()) local = source;
  if (name.scope != 0) options.bound_interface = name.scope;
  remote = name.address;
  remote_port = name.port;
  return done();
}

Outcome UdpSocket::send(const Caller& caller, const OutgoingMessage& message) {
  Kernel& kernel = caller.kernel;
  if ((message.flags & abi::msg_oob) != 0) return Errno::eopnotsupp;
  if (message.bytes.size() > 0xffff) return Errno::emsgsize;
  InetName to{remote, remote_port, 0};
  if (message.address) {
    to = TRY(name_of(*message.address));
    if (to.port == 0) return Errno::einval;
    if (to.address.is_unspecified()) to.address = IpAddress::loopback(to.address.is_v6());
  } else if (remote_port == 0) {
    return Errno::edestaddrreq;
  }
  if (const auto error = take_error()) return *error;
  if (write_shut) return broken_pipe(caller, message.flags);
  const PacketInfo info = packet_info_in(message);
  std::uint32_t by = out_interface(info.interface != 0 ? info.interface : to.scope);
  if (by == 0 && to.address.is_multicast()) by = inet.multicast_interface;
  if (message.bytes.size() > kUdpPayloadMax) return Errno::emsgsize;
  const NetNamespace& space = std::as_const(kernel).net_namespaces[net];
  if (is_broadcast_address(space, 0, to.address) && !options.broadcast) return Errno::eacces;
  const IpAddress source = TRY(source_towards(kernel, net, to.address, by));
  if (local_port == 0) TRY(bind_port(kernel, IpAddress::any(v6()), 0));
  Packet packet;
  packet.source = info.given && !info.source.is_unspecified() ? info.source : local.is_unspecified() ? source : local;
  if (packet.source.is_v6() != to.address.is_v6()) packet.source = source;
  packet.destination = to.address;
  packet.protocol = kProtocolUdp;
  packet.source_port = local_port;
  packet.destination_port = to.port;
  packet.ttl = time_to_live(kernel, to.address);
  packet.tos = static_cast<std::uint8_t>(inet.tos);
  packet.payload = message.bytes;
  ++kernel.net_namespaces[net].counters.udp_sent;
  TRY(ip_output(kernel, net, std::move(packet), by));
  return static_cast<std::int64_t>(message.bytes.size());
}

Outcome UdpSocket::receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags_in,
                           IncomingMessage* message) {
  if (const auto error = take_error()) return *error;
  if ((flags_in & (abi::msg_oob | abi::msg_errqueue)) != 0) return Errno::eagain;
  if (queue.items.empty()) {
    if (read_shut) return done();
    return wait_to_receive(caller, flags_in);
  }
  const Datagram& datagram = queue.items.front();
  message->bytes = datagram.bytes.substr(0, bytes_max);
  message->full_bytes = datagram.bytes.size();
  if (message->bytes.size() < datagram.bytes.size()) message->flags |= abi::msg_trunc;
  message->address = sockaddr_of(datagram.source, datagram.source_port, datagram.interface);
  add_packet_info(caller.kernel, datagram.destination, datagram.interface, datagram.ttl, message);
  const std::size_t told = (flags_in & abi::msg_trunc) != 0 ? datagram.bytes.size() : message->bytes.size();
  if ((flags_in & abi::msg_peek) == 0) queue.pop();
  return static_cast<std::int64_t>(told);
}

Outcome UdpSocket::shutdown(const Caller& caller, int how) {
  if (how < abi::shut_rd || how > abi::shut_rdwr) return Errno::einval;
  // It takes effect on a socket that is not connected too, which is told all the same.
  read_shut = read_shut || how != abi::shut_wr;
  write_shut = write_shut || how != abi::shut_rd;
  wake_socket(caller.kernel, id);
  if (remote_port == 0) return Errno::enotconn;
  return done();
}

Result<std::string, Errno> UdpSocket::local_address(const Caller&) {
  return sockaddr_of(local, local_port, options.bound_interface);
}

Result<std::string, Errno> UdpSocket::peer_address(const Caller&) {
  if (remote_port == 0) return Errno::enotconn;
  return sockaddr_of(remote, remote_port, options.bound_interface);
}

Result<std::string, Errno> UdpSocket::get_option(const Caller& caller, int level, int name) {
  if (level == abi::ipproto_udp)
    return name == abi::udp_cork ? int_value(0) : Result<std::string, Errno>(Errno::enoprotoopt);
  return InetSocket::get_option(caller, level, name);
}

Result<void, Errno> UdpSocket::set_option(const Caller& caller, int level, int name, std::string_view value) {
  if (level == abi::ipproto_udp) return name == abi::udp_cork ? Result<void, Errno>() : Errno::enoprotoopt;
  return InetSocket::set_option(caller, level, name, value);
}

std::uint16_t UdpSocket::poll(const Caller&) {
  std::uint16_t bits = kPollOut | kPollWrNorm;
  if (!queue.items.empty()) bits |= kPollIn | kPollRdNorm;
  if (pending_error != 0) bits |= kPollErr;
  if (read_shut) bits |= kPollIn | kPollRdNorm | kPollRdHup;
  if (read_shut && write_shut) bits |= kPollHup;
  return bits;
}

void UdpSocket::release(Kernel& kernel) {
  give_up_port(kernel);
  Socket::release(kernel);
}

void UdpSocket::give_up_port(Kernel& kernel) {
  auto& bound = kernel.net_namespaces[net].udp_bound;
  const auto range = bound.equal_range(local_port);
  for (auto entry = range.first; entry != range.second; ++entry) {
    if (!(entry->second == id)) continue;
    bound.erase(entry);
    break;
  }
  local_port = 0;
}

namespace {

/// How well a socket fits a packet; -1: not at all.
int fit(const UdpSocket& socket, InterfaceRef at, const Packet& packet) {
  const bool v6 = packet.destination.is_v6();
  int score = 0;
  if (socket.options.bound_interface != 0) {
    if (socket.options.bound_interface != at.index) return -1;
    score += 1;
  }
  if (!socket.local.is_unspecified()) {
    if (!(socket.local == packet.destination)) return -1;
    score += 4;
  } else if (socket.local.is_v6() != v6) {
    if (v6 || socket.inet.v6_only || !socket.v6()) return -1;
  } else {
    score += 1;
  }
  if (socket.remote_port != 0) {
    if (!(socket.remote == packet.source) || socket.remote_port != packet.source_port) return -1;
    score += 8;
  }
  return score;
}

void give(Kernel& kernel, UdpSocket& socket, const Packet& packet) {
  Datagram datagram{packet.payload, packet.source, packet.destination, packet.source_port, packet.came_by, packet.ttl};
  auto& counters = kernel.net_namespaces[socket.net].counters;
  if (!socket.queue.push(std::move(datagram), socket.options.receive_buffer)) {
    ++counters.udp_errors;
    return;
  }
  ++counters.udp_received;
  wake_socket(kernel, socket.id);
}

}  // namespace

void udp_input(Kernel& kernel, InterfaceRef at, const Packet& packet) {
  NetNamespace& space = kernel.net_namespaces[at.net];
  const auto range = space.udp_bound.equal_range(packet.destination_port);
  UdpSocket* best = nullptr;
  int best_score = -1;
  for (auto entry = range.first; entry != range.second; ++entry) {
    UdpSocket* socket = find_udp(kernel, entry->second);
    const int score = socket == nullptr ? -1 : fit(*socket, at, packet);
    if (score < 0) continue;
    if (packet.spread) {
      const bool wants = !packet.destination.is_multicast() || socket->has_joined(packet.destination, at.index);
      if (wants) give(kernel, *socket, packet);
    } else if (score > best_score) {
      best = socket;
      best_score = score;
    }
  }
  if (packet.spread) return;
  if (best != nullptr) return give(kernel, *best, packet);
  ++space.counters.udp_no_ports;
  send_icmp_error(kernel, at, packet, kIcmpUnreachable, kUnreachablePort);
}

void udp_icmp_error(Kernel& kernel, NetNamespaceId net, const Packet& error) {
  const QuotedPacket& quoted = *error.quoted;
  NetNamespace& space = kernel.net_namespaces[net];
  const auto range = space.udp_bound.equal_range(quoted.source_port);
  bool hard = false;
  const Errno code = icmp_errno(error.icmp_type, error.icmp_code, &hard);
  for (auto entry = range.first; entry != range.second; ++entry) {
    UdpSocket* socket = find_udp(kernel, entry->second);
    if (socket == nullptr) continue;
    if (!socket->local.is_unspecified() && !(socket->local == quoted.source)) continue;
    const bool connected = socket->remote_port == quoted.destination_port && socket->remote == quoted.destination;
    if (socket->remote_port != 0 && !connected) continue;
    const bool wants_all = quoted.source.is_v6() ? socket->inet.v6_receive_errors : socket->inet.receive_errors;
    if (!wants_all && !(hard && connected)) continue;
    socket->pending_error = static_cast<int>(code);
    wake_socket(kernel, socket->id);
    return;
  }
}

}  // namespace drydock::machine::net
