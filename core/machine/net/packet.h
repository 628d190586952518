#pragma once
// What travels between interfaces: one Ethernet frame that carries an address resolution message or an IP packet. The
// headers are kept taken apart, because that is how they are routed, translated and drawn; to_bytes() gives what a raw
// socket sees. RFC 826, RFC 791, RFC 8200, RFC 792, RFC 4443, RFC 768, RFC 9293.
// Not modelled: fragments (a packet larger than the MTU that must be forwarded is answered with "fragmentation needed"
// or, from UDP, travels whole), IP options, checksums (there is no corruption; they are computed for raw sockets).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "machine/net/address.h"

namespace drydock::machine::net {

inline constexpr std::uint8_t kProtocolIcmp = 1, kProtocolTcp = 6, kProtocolUdp = 17, kProtocolIcmp6 = 58;

enum class PacketKind : std::uint8_t {
  resolve_request,  // ARP request, or neighbour solicitation
  resolve_reply,    // ARP reply, or neighbour advertisement
  ip,
};

inline constexpr std::uint8_t kTcpFin = 1, kTcpSyn = 2, kTcpRst = 4, kTcpPsh = 8, kTcpAck = 16;

/// The packet an ICMP error is about, as far as the error quotes it.
struct QuotedPacket {
  IpAddress source, destination;
  std::uint8_t protocol = 0;
  std::uint16_t source_port = 0, destination_port = 0;  // of ICMP echo: the identifier, 0
  std::uint32_t sequence = 0;
};

/// ICMP and ICMPv6 share one form here; the numbers are those of ICMP and are translated in to_bytes().
inline constexpr std::uint8_t kIcmpEchoReply = 0, kIcmpUnreachable = 3, kIcmpEcho = 8, kIcmpTimeExceeded = 11;
inline constexpr std::uint8_t kUnreachableNet = 0, kUnreachableHost = 1, kUnreachableProtocol = 2, kUnreachablePort = 3,
                              kUnreachableTooBig = 4, kUnreachableProhibited = 13;

struct Packet {
  MacAddress mac_source, mac_destination;
  PacketKind kind = PacketKind::ip;

  // Also of address resolution: who asks, and whom he asks for.
  IpAddress source, destination;
  std::uint8_t protocol = 0;
  std::uint8_t ttl = 64;
  std::uint8_t tos = 0;
  std::uint16_t identification = 0;

  std::uint16_t source_port = 0, destination_port = 0;          // TCP and UDP
  std::uint8_t tcp_flags = 0;                                   // TCP
  std::uint32_t sequence = 0, acknowledgement = 0, window = 0;  // TCP; the window is unscaled
  std::uint16_t segment_max = 0;                                // TCP, with SYN: MSS; 0: none
  std::uint8_t icmp_type = 0, icmp_code = 0;                    // ICMP
  std::uint16_t echo_id = 0, echo_sequence = 0;                 // ICMP echo; of "too big" the sequence is the MTU
  std::optional<QuotedPacket> quoted;                           // ICMP errors
  std::string payload;

  // Of this host, not of the wire:
  std::uint32_t connection = 0;  // firewall.h: the tracked connection it belongs to
  bool reply = false;            // goes against the direction of that connection's first packet
  std::uint32_t came_by = 0;     // the interface it was received on
  std::uint8_t hops = 0;         // interfaces it has passed: a loop of bridges ends
  bool spread = false;           // to a broadcast or multicast address

  std::uint32_t transport_bytes() const;  // the transport's header and the payload
  std::uint32_t ip_bytes() const;         // with the IP header
  bool is_icmp() const { return kind == PacketKind::ip && (protocol == kProtocolIcmp || protocol == kProtocolIcmp6); }
  bool is_icmp_error() const { return is_icmp() && (icmp_type == kIcmpUnreachable || icmp_type == kIcmpTimeExceeded); }

  /// The IP packet (or ARP message) in bytes, without the Ethernet header.
  std::string to_bytes() const;
  std::string transport_to_bytes() const;
  std::uint16_t ether_type() const;
  /// As tcpdump(8) words it: "IP 172.17.0.2.40000 > 172.17.0.3.80: Flags [S], seq 1, length 0".
  std::string summary() const;
};

/// Takes the transport part of an IP packet apart (an ICMP message as a raw or ping socket sends it). False when it is
/// too short for its header.
bool parse_transport(Packet* packet, std::string_view bytes);
/// A whole IP packet, or nothing when it is cut short (IP_HDRINCL, packet sockets).
std::optional<Packet> parse_ip(std::string_view bytes);
/// The part of it an ICMP error quotes.
QuotedPacket quote(const Packet& packet);

std::uint16_t internet_checksum(std::string_view bytes, std::uint32_t start = 0);

}  // namespace drydock::machine::net
