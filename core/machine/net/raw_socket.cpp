// raw(7) and icmp(7): sockets that speak ICMP, or any protocol over IP.

#include "machine/net/raw_socket.h"

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/net/ip.h"
#include "machine/syscalls/call.h"

namespace drydock::machine::net {

namespace {

RawSocket* find_raw(Kernel& kernel, FileId file) {
  return dynamic_cast<RawSocket*>(kernel.files.find(file));
}

std::uint8_t first_byte(const Packet& packet) {
  const std::string bytes = packet.transport_to_bytes();
  return bytes.empty() ? 0 : static_cast<std::uint8_t>(bytes[0]);
}

}  // namespace

Result<void, Errno> RawSocket::choose_echo_id(Kernel& kernel, std::uint16_t wanted) {
  NetNamespace& space = kernel.net_namespaces[net];
  const auto is_taken = [&](std::uint16_t candidate) {
    return std::any_of(space.ping_sockets.begin(), space.ping_sockets.end(), [&](FileId file) {
      const RawSocket* other = find_raw(kernel, file);
      return other != nullptr && !(other->id == id) && other->echo_id == candidate && other->family == family;
    });
  };
  if (wanted != 0 && is_taken(wanted) && !options.reuse_address) return Errno::eaddrinuse;
  echo_id = wanted != 0 ? wanted : choose_port(space, is_taken);
  return {};
}

Outcome RawSocket::bind(const Caller& caller, std::string_view address) {
  const InetName name = TRY(name_of(address));
  TRY(may_bind_address(caller, name.address));
  if (is_ping()) {
    if (echo_id != 0) return Errno::einval;
    TRY(choose_echo_id(caller.kernel, name.port));
  }
  local = name.address;
  return done();
}

Outcome RawSocket::connect(const Caller& caller, std::string_view address) {
  if (is_unspecified_family(address)) {
    connected = false;
    remote = IpAddress::any(v6());
    return done();
  }
  const InetName name = TRY(name_of(address));
  const IpAddress source = TRY(source_towards(caller.kernel, net, name.address, out_interface(name.scope)));
  if (is_ping() && echo_id == 0) TRY(choose_echo_id(caller.kernel, 0));
  if (local.is_unspecified()) local = source;
  remote = name.address;
  connected = true;
  return done();
}

/// A packet of what the program wrote: from the IP header on, or the protocol's own message.
Result<Packet, Errno> RawSocket::packet_from(std::string_view bytes) const {
  if (inet.header_included && !v6()) {
    const auto whole = parse_ip(bytes);
    if (!whole || whole->source.is_v6()) return Errno::einval;
    return *whole;
  }
  Packet packet;
  packet.source = local;
  packet.protocol = static_cast<std::uint8_t>(protocol);
  if (!parse_transport(&packet, bytes)) return Errno::einval;
  return packet;
}

Outcome RawSocket::send(const Caller& caller, const OutgoingMessage& message) {
  Kernel& kernel = caller.kernel;
  if (message.bytes.size() > 0xffff) return Errno::emsgsize;
  if ((message.flags & abi::msg_oob) != 0) return Errno::eopnotsupp;
  InetName to{remote, 0, 0};
  if (message.address) {
    to = TRY(name_of(*message.address));
  } else if (!connected) {
    return Errno::edestaddrreq;
  }
  if (const auto error = take_error()) return *error;
  Packet packet = TRY(packet_from(message.bytes));
  if (is_ping()) {
    if (packet.icmp_type != kIcmpEcho || packet.icmp_code != 0) return Errno::einval;
    if (echo_id == 0) TRY(choose_echo_id(kernel, 0));
    packet.echo_id = echo_id;
  }
  const PacketInfo info = packet_info_in(message);
  const std::uint32_t by = out_interface(info.interface != 0 ? info.interface : to.scope);
  const NetNamespace& space = std::as_const(kernel).net_namespaces[net];
  if (is_broadcast_address(space, 0, to.address) && !options.broadcast) return Errno::eacces;
  if (info.given && !info.source.is_unspecified()) packet.source = info.source;
  if (packet.source.is_unspecified()) packet.source = TRY(source_towards(kernel, net, to.address, by));
  packet.destination = to.address;
  if (!inet.header_included) packet.ttl = time_to_live(kernel, to.address);
  TRY(ip_output(kernel, net, std::move(packet), by));
  return static_cast<std::int64_t>(message.bytes.size());
}

Outcome RawSocket::receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags_in,
                           IncomingMessage* message) {
  if (const auto error = take_error()) return *error;
  if ((flags_in & abi::msg_errqueue) != 0) return Errno::eagain;
  if (queue.items.empty()) return wait_to_receive(caller, flags_in);
  const Datagram& datagram = queue.items.front();
  message->bytes = datagram.bytes.substr(0, bytes_max);
  message->full_bytes = datagram.bytes.size();
  if (message->bytes.size() < datagram.bytes.size()) message->flags |= abi::msg_trunc;
  message->address = sockaddr_of(datagram.source, 0, datagram.interface);
  add_packet_info(caller.kernel, datagram.destination, datagram.interface, datagram.ttl, message);
  const std::size_t told = (flags_in & abi::msg_trunc) != 0 ? datagram.bytes.size() : message->bytes.size();
  if ((flags_in & abi::msg_peek) == 0) queue.pop();
  return static_cast<std::int64_t>(told);
}

Outcome RawSocket::shutdown(const Caller& caller, int how) {
  if (how < abi::shut_rd || how > abi::shut_rdwr) return Errno::einval;
  if (!connected) return Errno::enotconn;
  read_shut = read_shut || how != abi::shut_wr;
  write_shut = write_shut || how != abi::shut_rd;
  wake_socket(caller.kernel, id);
  return done();
}

Result<std::string, Errno> RawSocket::local_address(const Caller&) {
  return sockaddr_of(local, is_ping() ? echo_id : static_cast<std::uint16_t>(protocol));
}

Result<std::string, Errno> RawSocket::peer_address(const Caller&) {
  if (!connected) return Errno::enotconn;
  return sockaddr_of(remote, 0);
}

Result<void, Errno> RawSocket::set_option(const Caller& caller, int level, int name, std::string_view value) {
  if (level == abi::sol_raw && name == abi::icmp_filter && protocol == abi::ipproto_icmp) {
    const auto number = int_option(value);
    if (!number) return Errno::einval;
    inet.icmp_filter = static_cast<std::uint32_t>(*number);
    return {};
  }
  if (level == abi::sol_icmpv6 && name == abi::icmpv6_filter && protocol == abi::ipproto_icmpv6) {
    const StructReader reader{std::string(value)};
    for (std::size_t n = 0; n < inet.icmp6_filter.size() && 4 * n + 4 <= value.size(); ++n)
      inet.icmp6_filter[n] = reader.u32(4 * n);
    return {};
  }
  // ipv6(7): checksums of raw sockets can be asked for at either level.
  if (level == abi::sol_raw && v6() && name == abi::ipv6_checksum) level = abi::ipproto_ipv6;
  return InetSocket::set_option(caller, level, name, value);
}

Result<std::string, Errno> RawSocket::get_option(const Caller& caller, int level, int name) {
  if (level == abi::sol_raw && name == abi::icmp_filter && protocol == abi::ipproto_icmp)
    return int_value(static_cast<std::int32_t>(inet.icmp_filter));
  return InetSocket::get_option(caller, level, name);
}

std::uint16_t RawSocket::poll(const Caller&) {
  std::uint16_t bits = kPollOut | kPollWrNorm;
  if (!queue.items.empty()) bits |= kPollIn | kPollRdNorm;
  if (pending_error != 0) bits |= kPollErr;
  return bits;
}

void RawSocket::release(Kernel& kernel) {
  NetNamespace& space = kernel.net_namespaces[net];
  std::erase(space.raw_sockets, id);
  std::erase(space.ping_sockets, id);
  Socket::release(kernel);
}

bool RawSocket::wants(const Packet& packet) const {
  if (v6() != packet.source.is_v6() || protocol != packet.protocol) return false;
  if (options.bound_interface != 0 && options.bound_interface != packet.came_by) return false;
  if (!local.is_unspecified() && !(local == packet.destination)) return false;
  if (connected && !(remote == packet.source)) return false;
  if (!packet.is_icmp()) return true;
  const std::uint8_t message_type = first_byte(packet);
  if (v6()) return (inet.icmp6_filter[message_type / 32] >> (message_type % 32) & 1) == 0;
  return message_type >= 32 || (inet.icmp_filter >> message_type & 1) == 0;
}

bool raw_sockets_receive(Kernel& kernel, InterfaceRef at, const Packet& packet) {
  const std::vector<FileId> sockets = std::as_const(kernel.net_namespaces)[at.net].raw_sockets;
  bool any = false;
  for (FileId file : sockets) {
    RawSocket* socket = find_raw(kernel, file);
    if (socket == nullptr || !socket->wants(packet)) continue;
    any = true;
    // raw(7): IPv4 sockets get the IP header too, IPv6 sockets do not.
    Datagram datagram{socket->v6() ? packet.transport_to_bytes() : packet.to_bytes(),
                      packet.source,
                      packet.destination,
                      0,
                      packet.came_by,
                      packet.ttl};
    if (socket->queue.push(std::move(datagram), socket->options.receive_buffer)) wake_socket(kernel, file);
  }
  return any;
}

void ping_sockets_receive(Kernel& kernel, InterfaceRef at, const Packet& packet) {
  const std::vector<FileId> sockets = std::as_const(kernel.net_namespaces)[at.net].ping_sockets;
  for (FileId file : sockets) {
    RawSocket* socket = find_raw(kernel, file);
    if (socket == nullptr || socket->echo_id != packet.echo_id || !socket->wants(packet)) continue;
    Datagram datagram{packet.transport_to_bytes(), packet.source, packet.destination, 0, packet.came_by, packet.ttl};
    if (socket->queue.push(std::move(datagram), socket->options.receive_buffer)) wake_socket(kernel, file);
    return;
  }
}

void ping_icmp_error(Kernel& kernel, NetNamespaceId net, const Packet& error) {
  bool hard = false;
  const Errno code = icmp_errno(error.icmp_type, error.icmp_code, &hard);
  for (FileId file : std::as_const(kernel.net_namespaces)[net].ping_sockets) {
    RawSocket* socket = find_raw(kernel, file);
    if (socket == nullptr || socket->echo_id != error.quoted->source_port) continue;
    if (!socket->inet.receive_errors && !(hard && socket->connected)) return;
    socket->pending_error = static_cast<int>(code);
    wake_socket(kernel, file);
    return;
  }
}

}  // namespace drydock::machine::net
