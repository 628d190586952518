// ICMP: echo, and the errors that routers and hosts answer with. RFC 792, RFC 1122 §3.2.2, RFC 4443.

#include "machine/net/icmp.h"

#include "machine/net/delivery.h"
#include "machine/net/ip.h"
#include "machine/net/raw_socket.h"
#include "machine/net/tcp.h"
#include "machine/net/udp_socket.h"

namespace drydock::machine::net {

namespace {

void answer_echo(Kernel& kernel, InterfaceRef at, const Packet& request) {
  NetNamespace& space = kernel.net_namespaces[at.net];
  ++space.counters.icmp_echos;
  if (space.settings.icmp_echo_ignore_all || (request.spread && !request.source.is_v6())) return;
  Packet reply;
  reply.source = request.spread ? IpAddress::any(request.source.is_v6()) : request.destination;
  reply.destination = request.source;
  reply.protocol = request.protocol;
  reply.icmp_type = kIcmpEchoReply;
  reply.echo_id = request.echo_id;
  reply.echo_sequence = request.echo_sequence;
  reply.ttl = static_cast<std::uint8_t>(space.settings.default_ttl);
  reply.payload = request.payload;
  ++space.counters.icmp_sent;
  const bool scoped = reply.destination.is_v6() && reply.destination.is_link_local();
  (void)ip_output(kernel, at.net, std::move(reply), scoped ? at.index : 0);
}

}  // namespace

Errno icmp_errno(std::uint8_t type, std::uint8_t code, bool* hard) {
  *hard = false;
  if (type != kIcmpUnreachable) return Errno::ehostunreach;
  switch (code) {
    case kUnreachableNet:
      return Errno::enetunreach;
    case kUnreachablePort:
      *hard = true;
      return Errno::econnrefused;
    case kUnreachableProtocol:
      *hard = true;
      return Errno::enoprotoopt;
    case kUnreachableTooBig:
      return Errno::emsgsize;
    case kUnreachableProhibited:
      *hard = true;
      return Errno::ehostunreach;
    default:
      return Errno::ehostunreach;
  }
}

void send_icmp_error(Kernel& kernel, InterfaceRef at, const Packet& packet, std::uint8_t type, std::uint8_t code,
                     std::uint16_t mtu) {
  if (packet.kind != PacketKind::ip || packet.is_icmp_error() || packet.spread || packet.source.is_unspecified())
    return;
  if (packet.mac_destination.is_group() || packet.source.is_multicast()) return;
  NetNamespace& space = kernel.net_namespaces[at.net];
  ++space.counters.icmp_sent;
  if (type == kIcmpUnreachable) ++space.counters.icmp_unreachable_sent;
  if (type == kIcmpTimeExceeded) ++space.counters.icmp_time_exceeded_sent;
  Packet error;
  const bool v6 = packet.source.is_v6();
  error.source = is_local_address(kernel, at.net, packet.destination)
                     ? packet.destination
                     : choose_source(kernel, at.net, packet.source, at.index);
  error.destination = packet.source;
  error.protocol = v6 ? kProtocolIcmp6 : kProtocolIcmp;
  error.icmp_type = type;
  error.icmp_code = code;
  error.echo_sequence = mtu;
  error.tos = v6 ? 0 : 0xc0;
  error.ttl = static_cast<std::uint8_t>(space.settings.default_ttl);
  error.quoted = quote(packet);
  (void)ip_output(kernel, at.net, std::move(error));
}

void icmp_input(Kernel& kernel, InterfaceRef at, const Packet& packet) {
  NetNamespace& space = kernel.net_namespaces[at.net];
  ++space.counters.icmp_received;
  if (packet.icmp_type == kIcmpEcho) return answer_echo(kernel, at, packet);
  if (packet.icmp_type == kIcmpEchoReply) {
    ++space.counters.icmp_echo_replies;
    return ping_sockets_receive(kernel, at, packet);
  }
  if (!packet.is_icmp_error() || !packet.quoted) return;
  if (packet.icmp_type == kIcmpUnreachable) ++space.counters.icmp_unreachable_received;
  if (packet.icmp_type == kIcmpTimeExceeded) ++space.counters.icmp_time_exceeded_received;
  switch (packet.quoted->protocol) {
    case kProtocolTcp:
      return tcp_icmp_error(kernel, at.net, packet);
    case kProtocolUdp:
      return udp_icmp_error(kernel, at.net, packet);
    default:
      return ping_icmp_error(kernel, at.net, packet);
  }
}

}  // namespace drydock::machine::net
