// Packets in bytes and in words. RFC 791, RFC 8200, RFC 792, RFC 4443, RFC 768, RFC 9293, RFC 826; tcpdump(8).

#include "machine/net/packet.h"

#include "base/text.h"

namespace drydock::machine::net {

namespace {

constexpr std::size_t kIp4HeaderBytes = 20, kIp6HeaderBytes = 40;

void put16(std::string* out, std::uint32_t value) {
  out->push_back(static_cast<char>(value >> 8 & 0xff));
  out->push_back(static_cast<char>(value & 0xff));
}

void put32(std::string* out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}

std::uint32_t get(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t n = 0; n < count; ++n)
    value = value << 8 | (at + n < bytes.size() ? static_cast<std::uint8_t>(bytes[at + n]) : 0u);
  return value;
}

void patch16(std::string* out, std::size_t at, std::uint32_t value) {
  (*out)[at] = static_cast<char>(value >> 8 & 0xff);
  (*out)[at + 1] = static_cast<char>(value & 0xff);
}

struct IcmpNumbers {
  std::uint8_t v4_type, v4_code, v6_type, v6_code;
};
constexpr IcmpNumbers kIcmpNumbers[] = {
    {kIcmpEchoReply, 0, 129, 0},
    {kIcmpEcho, 0, 128, 0},
    {kIcmpTimeExceeded, 0, 3, 0},
    {kIcmpUnreachable, kUnreachableNet, 1, 0},
    {kIcmpUnreachable, kUnreachableHost, 1, 3},
    {kIcmpUnreachable, kUnreachablePort, 1, 4},
    {kIcmpUnreachable, kUnreachableProtocol, 4, 1},
    {kIcmpUnreachable, kUnreachableTooBig, 2, 0},
    {kIcmpUnreachable, kUnreachableProhibited, 1, 1},
};

std::string ip_header(const Packet& packet, std::size_t transport_bytes) {
  std::string out;
  if (packet.source.is_v6()) {
    put32(&out, 0x60000000u | static_cast<std::uint32_t>(packet.tos) << 20);
    put16(&out, static_cast<std::uint32_t>(transport_bytes));
    out.push_back(static_cast<char>(packet.protocol));
    out.push_back(static_cast<char>(packet.ttl));
    return out + packet.source.bytes() + packet.destination.bytes();
  }
  out.push_back(0x45);
  out.push_back(static_cast<char>(packet.tos));
  put16(&out, static_cast<std::uint32_t>(transport_bytes + kIp4HeaderBytes));
  put16(&out, packet.identification);
  put16(&out, 0x4000);  // don't fragment
  out.push_back(static_cast<char>(packet.ttl));
  out.push_back(static_cast<char>(packet.protocol));
  put16(&out, 0);
  out += packet.source.bytes() + packet.destination.bytes();
  patch16(&out, 10, internet_checksum(out));
  return out;
}

/// The sum over the pseudo header, to start a transport's checksum with.
std::uint32_t pseudo_sum(const Packet& packet, std::size_t transport_bytes) {
  std::string pseudo = packet.source.bytes() + packet.destination.bytes();
  put16(&pseudo, packet.protocol);
  put16(&pseudo, static_cast<std::uint32_t>(transport_bytes));
  return static_cast<std::uint16_t>(~internet_checksum(pseudo));
}

std::string tcp_bytes(const Packet& packet) {
  std::string out;
  put16(&out, packet.source_port);
  put16(&out, packet.destination_port);
  put32(&out, packet.sequence);
  put32(&out, packet.acknowledgement);
  const bool has_option = packet.segment_max != 0;
  put16(&out, (has_option ? 0x6000u : 0x5000u) | packet.tcp_flags);
  put16(&out, packet.window > 65535 ? 65535 : packet.window);
  put32(&out, 0);
  if (has_option) put32(&out, 0x02040000u | packet.segment_max);
  out += packet.payload;
  patch16(&out, 16, internet_checksum(out, pseudo_sum(packet, out.size())));
  return out;
}

std::string udp_bytes(const Packet& packet) {
  std::string out;
  put16(&out, packet.source_port);
  put16(&out, packet.destination_port);
  put16(&out, static_cast<std::uint32_t>(packet.payload.size() + 8));
  put16(&out, 0);
  out += packet.payload;
  const std::uint16_t sum = internet_checksum(out, pseudo_sum(packet, out.size()));
  patch16(&out, 6, sum == 0 ? 0xffff : sum);
  return out;
}

std::string quoted_bytes(const QuotedPacket& quoted) {
  Packet inner;
  inner.source = quoted.source;
  inner.destination = quoted.destination;
  inner.protocol = quoted.protocol;
  std::string transport;
  if (quoted.protocol == kProtocolIcmp || quoted.protocol == kProtocolIcmp6) {
    put32(&transport, quoted.protocol == kProtocolIcmp ? 0x08000000u : 0x80000000u);
    put16(&transport, quoted.source_port);
  } else {
    put16(&transport, quoted.source_port);
    put16(&transport, quoted.destination_port);
    put32(&transport, quoted.sequence);
  }
  transport.resize(8, '\0');
  return ip_header(inner, transport.size()) + transport;
}

std::string icmp_bytes(const Packet& packet) {
  const bool v6 = packet.protocol == kProtocolIcmp6;
  std::uint8_t type = packet.icmp_type, code = packet.icmp_code;
  for (const IcmpNumbers& numbers : kIcmpNumbers) {
    if (!v6 || numbers.v4_type != type || (type == kIcmpUnreachable && numbers.v4_code != code)) continue;
    type = numbers.v6_type;
    code = numbers.v6_code;
    break;
  }
  std::string out;
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(code));
  put16(&out, 0);
  put16(&out, packet.echo_id);
  put16(&out, packet.echo_sequence);
  out += packet.quoted ? quoted_bytes(*packet.quoted) : packet.payload;
  patch16(&out, 2, internet_checksum(out, v6 ? pseudo_sum(packet, out.size()) : 0));
  return out;
}

std::string arp_bytes(const Packet& packet) {
  std::string out;
  put16(&out, 1);
  put16(&out, 0x0800);
  put16(&out, 0x0604);
  put16(&out, packet.kind == PacketKind::resolve_request ? 1 : 2);
  out += packet.mac_source.raw() + packet.source.bytes();
  out += packet.kind == PacketKind::resolve_request ? std::string(6, '\0') : packet.mac_destination.raw();
  return out + packet.destination.bytes();
}

std::string flags_text(std::uint8_t flags) {
  std::string out;
  if ((flags & kTcpSyn) != 0) out += 'S';
  if ((flags & kTcpFin) != 0) out += 'F';
  if ((flags & kTcpRst) != 0) out += 'R';
  if ((flags & kTcpPsh) != 0) out += 'P';
  if ((flags & kTcpAck) != 0) out += '.';
  return out;
}

std::string icmp_text(const Packet& packet) {
  const std::string name = packet.protocol == kProtocolIcmp6 ? "ICMP6" : "ICMP";
  if (packet.icmp_type == kIcmpEcho || packet.icmp_type == kIcmpEchoReply)
    return concat(name, packet.icmp_type == kIcmpEcho ? " echo request, id " : " echo reply, id ", packet.echo_id,
                  ", seq ", packet.echo_sequence, ", length ", packet.payload.size() + 8);
  if (packet.icmp_type == kIcmpTimeExceeded) return name + " time exceeded in-transit, length 36";
  if (packet.icmp_type != kIcmpUnreachable || !packet.quoted) return concat(name, " type ", +packet.icmp_type);
  const QuotedPacket& quoted = *packet.quoted;
  if (packet.icmp_code == kUnreachablePort)
    return concat(name, " ", quoted.destination.str(), quoted.protocol == kProtocolTcp ? " tcp port " : " udp port ",
                  quoted.destination_port, " unreachable, length 36");
  if (packet.icmp_code == kUnreachableNet) return concat(name, " net ", quoted.destination.str(), " unreachable");
  if (packet.icmp_code == kUnreachableTooBig)
    return concat(name, " ", quoted.destination.str(), " unreachable - need to frag (mtu ", packet.echo_sequence, ")");
  return concat(name, " host ", quoted.destination.str(), " unreachable, length 36");
}

}  // namespace

std::uint16_t internet_checksum(std::string_view bytes, std::uint32_t start) {
  std::uint32_t sum = start;
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    sum += get(bytes, at, 2);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(~sum);
}

std::uint32_t Packet::transport_bytes() const {
  const auto data = static_cast<std::uint32_t>(payload.size());
  if (protocol == kProtocolTcp) return data + 20 + (segment_max != 0 ? 4 : 0);
  if (protocol == kProtocolUdp) return data + 8;
  if (is_icmp()) return quoted ? 36 : data + 8;
  return data;
}

std::uint32_t Packet::ip_bytes() const {
  if (kind != PacketKind::ip) return 28;
  return transport_bytes() + static_cast<std::uint32_t>(source.is_v6() ? kIp6HeaderBytes : kIp4HeaderBytes);
}

std::uint16_t Packet::ether_type() const {
  if (source.is_v6()) return 0x86dd;
  return kind == PacketKind::ip ? 0x0800 : 0x0806;
}

std::string Packet::transport_to_bytes() const {
  if (protocol == kProtocolTcp) return tcp_bytes(*this);
  if (protocol == kProtocolUdp) return udp_bytes(*this);
  if (is_icmp()) return icmp_bytes(*this);
  return payload;
}

std::string Packet::to_bytes() const {
  if (kind != PacketKind::ip && !source.is_v6()) return arp_bytes(*this);
  if (kind != PacketKind::ip) {  // neighbour discovery, RFC 4861 §4.3
    Packet carrier = *this;
    carrier.kind = PacketKind::ip;
    carrier.protocol = 0;
    carrier.payload = std::string(1, kind == PacketKind::resolve_request ? '\x87' : '\x88') + std::string(7, '\0') +
                      (kind == PacketKind::resolve_request ? destination : source).bytes();
    return carrier.to_bytes();
  }
  const std::string transport = transport_to_bytes();
  return ip_header(*this, transport.size()) + transport;
}

std::string Packet::summary() const {
  if (kind == PacketKind::resolve_request)
    return source.is_v6() ? concat("IP6 ", source.str(), ": ICMP6, neighbor solicitation, who has ", destination.str())
                          : concat("ARP, Request who-has ", destination.str(), " tell ", source.str(), ", length 28");
  if (kind == PacketKind::resolve_reply)
    return source.is_v6() ? concat("IP6 ICMP6, neighbor advertisement, tgt is ", source.str())
                          : concat("ARP, Reply ", source.str(), " is-at ", mac_source.str(), ", length 28");
  const bool ports = protocol == kProtocolTcp || protocol == kProtocolUdp;
  std::string out = source.is_v6() ? "IP6 " : "IP ";
  out += ports ? concat(source.str(), ".", source_port, " > ", destination.str(), ".", destination_port, ": ")
               : concat(source.str(), " > ", destination.str(), ": ");
  if (protocol == kProtocolUdp) return out + concat("UDP, length ", payload.size());
  if (is_icmp()) return out + icmp_text(*this);
  if (protocol != kProtocolTcp) return out + concat("ip-proto-", +protocol, " ", payload.size());
  out += concat("Flags [", flags_text(tcp_flags), "]");
  if ((tcp_flags & (kTcpSyn | kTcpFin | kTcpRst)) != 0 || !payload.empty()) out += concat(", seq ", sequence);
  if ((tcp_flags & kTcpAck) != 0) out += concat(", ack ", acknowledgement);
  return out + concat(", win ", window, ", length ", payload.size());
}

namespace {

bool parse_icmp(Packet* packet, std::string_view bytes) {
  if (bytes.size() < 8) return false;
  const bool v6 = packet->protocol == kProtocolIcmp6;
  packet->icmp_type = static_cast<std::uint8_t>(bytes[0]);
  packet->icmp_code = static_cast<std::uint8_t>(bytes[1]);
  for (const IcmpNumbers& numbers : kIcmpNumbers) {
    const bool coded = numbers.v4_type == kIcmpUnreachable;
    if (!v6 || numbers.v6_type != packet->icmp_type || (coded && numbers.v6_code != packet->icmp_code)) continue;
    packet->icmp_type = numbers.v4_type;
    packet->icmp_code = numbers.v4_code;
    break;
  }
  packet->echo_id = static_cast<std::uint16_t>(get(bytes, 4, 2));
  packet->echo_sequence = static_cast<std::uint16_t>(get(bytes, 6, 2));
  packet->payload = bytes.substr(8);
  if (packet->is_icmp_error()) {
    if (const auto inner = parse_ip(packet->payload)) packet->quoted = quote(*inner);
  }
  return true;
}

}  // namespace

bool parse_transport(Packet* packet, std::string_view bytes) {
  if (packet->is_icmp()) return parse_icmp(packet, bytes);
  if (packet->protocol == kProtocolUdp) {
    if (bytes.size() < 8) return false;
    packet->source_port = static_cast<std::uint16_t>(get(bytes, 0, 2));
    packet->destination_port = static_cast<std::uint16_t>(get(bytes, 2, 2));
    packet->payload = bytes.substr(8);
    return true;
  }
  if (packet->protocol != kProtocolTcp) {
    packet->payload = bytes;
    return true;
  }
  if (bytes.size() < 8) return false;
  packet->source_port = static_cast<std::uint16_t>(get(bytes, 0, 2));
  packet->destination_port = static_cast<std::uint16_t>(get(bytes, 2, 2));
  packet->sequence = get(bytes, 4, 4);
  packet->acknowledgement = get(bytes, 8, 4);
  packet->tcp_flags = static_cast<std::uint8_t>(get(bytes, 13, 1) & 0x1f);
  packet->window = get(bytes, 14, 2);
  const std::size_t header = get(bytes, 12, 1) / 16 * 4;
  packet->payload = header < bytes.size() ? bytes.substr(header) : std::string_view();
  return true;
}

std::optional<Packet> parse_ip(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  const unsigned version = static_cast<std::uint8_t>(bytes[0]) >> 4;
  Packet packet;
  std::size_t header = kIp6HeaderBytes;
  if (version == 4) {
    header = (static_cast<std::uint8_t>(bytes[0]) & 15u) * 4u;
    if (header < kIp4HeaderBytes || bytes.size() < header) return std::nullopt;
    packet.tos = static_cast<std::uint8_t>(bytes[1]);
    packet.identification = static_cast<std::uint16_t>(get(bytes, 4, 2));
    packet.ttl = static_cast<std::uint8_t>(bytes[8]);
    packet.protocol = static_cast<std::uint8_t>(bytes[9]);
    packet.source = IpAddress::from_bytes(bytes.substr(12, 4));
    packet.destination = IpAddress::from_bytes(bytes.substr(16, 4));
  } else if (version == 6 && bytes.size() >= header) {
    packet.protocol = static_cast<std::uint8_t>(bytes[6]);
    packet.ttl = static_cast<std::uint8_t>(bytes[7]);
    packet.source = IpAddress::from_bytes(bytes.substr(8, 16));
    packet.destination = IpAddress::from_bytes(bytes.substr(24, 16));
  } else {
    return std::nullopt;
  }
  if (!parse_transport(&packet, bytes.substr(header))) return std::nullopt;
  return packet;
}

QuotedPacket quote(const Packet& packet) {
  QuotedPacket quoted;
  quoted.source = packet.source;
  quoted.destination = packet.destination;
  quoted.protocol = packet.protocol;
  quoted.source_port = packet.is_icmp() ? packet.echo_id : packet.source_port;
  quoted.destination_port = packet.destination_port;
  quoted.sequence = packet.sequence;
  return quoted;
}

}  // namespace drydock::machine::net
