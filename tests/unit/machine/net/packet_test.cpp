// Packets in bytes: the numbers are those of captures on Linux.

#include "machine/net/packet.h"

#include <doctest/doctest.h>

#include "base/text.h"

using namespace drydock::machine::net;
using drydock::to_hex;

namespace {

Packet between(const char* source, const char* destination, std::uint8_t protocol) {
  Packet packet;
  packet.source = *IpAddress::parse(source);
  packet.destination = *IpAddress::parse(destination);
  packet.protocol = protocol;
  return packet;
}

}  // namespace

TEST_CASE("an echo request has the bytes and the checksums of RFC 791 and RFC 792") {
  Packet packet = between("127.0.0.1", "127.0.0.1", kProtocolIcmp);
  packet.icmp_type = kIcmpEcho;
  packet.echo_id = 0x1234;
  packet.echo_sequence = 1;
  packet.payload = "ab";
  CHECK(to_hex(packet.to_bytes()) ==
        "4500001e0000400040013cdd7f0000017f000001"
        "0800846812340001"
        "6162");
}

TEST_CASE("checksums of whole packets come to nothing") {
  for (const bool v6 : {false, true}) {
    Packet packet = between(v6 ? "fd00::1" : "10.0.0.1", v6 ? "fd00::2" : "10.0.0.2", kProtocolTcp);
    packet.source_port = 40000;
    packet.destination_port = 80;
    packet.tcp_flags = kTcpPsh | kTcpAck;
    packet.payload = "odd";
    const std::string transport = packet.transport_to_bytes();
    std::string pseudo = packet.source.bytes() + packet.destination.bytes() + std::string(1, '\0');
    pseudo += std::string(1, static_cast<char>(kProtocolTcp));
    pseudo += std::string(1, '\0') + std::string(1, static_cast<char>(transport.size()));
    if (pseudo.size() % 2 != 0) pseudo += '\0';
    CHECK(internet_checksum(pseudo + transport) == 0);
  }
}

TEST_CASE("what is written as bytes is read back the same") {
  Packet packet = between("10.0.0.1", "10.0.0.2", kProtocolUdp);
  packet.source_port = 53;
  packet.destination_port = 40001;
  packet.ttl = 7;
  packet.payload = "hello";
  const auto parsed = parse_ip(packet.to_bytes());
  REQUIRE(parsed.has_value());
  CHECK(parsed->summary() == "IP 10.0.0.1.53 > 10.0.0.2.40001: UDP, length 5");
  CHECK(parsed->ttl == 7);
  CHECK(parsed->payload == "hello");
}

TEST_CASE("an ICMP error quotes the head of the packet it is about") {
  Packet about = between("10.0.0.2", "10.0.0.1", kProtocolUdp);
  about.source_port = 5000;
  about.destination_port = 6000;
  Packet error = between("10.0.0.1", "10.0.0.2", kProtocolIcmp);
  error.icmp_type = kIcmpUnreachable;
  error.icmp_code = kUnreachablePort;
  error.quoted = quote(about);
  const auto parsed = parse_ip(error.to_bytes());
  REQUIRE(parsed.has_value());
  REQUIRE(parsed->quoted.has_value());
  CHECK(parsed->quoted->destination_port == 6000);
  CHECK(parsed->summary() == "IP 10.0.0.1 > 10.0.0.2: ICMP 10.0.0.1 udp port 6000 unreachable, length 36");
}

TEST_CASE("ICMPv6 has numbers of its own") {
  Packet packet = between("fd00::1", "fd00::2", kProtocolIcmp6);
  packet.icmp_type = kIcmpEcho;
  CHECK(static_cast<std::uint8_t>(packet.transport_to_bytes()[0]) == 128);
  packet.icmp_type = kIcmpTimeExceeded;
  CHECK(static_cast<std::uint8_t>(packet.transport_to_bytes()[0]) == 3);
}

TEST_CASE("bytes that are no packet are none") {
  for (const std::string& bytes : {std::string(), std::string("E"), std::string(19, 'E'), std::string(60, '\0'),
                                   std::string("\x4f") + std::string(20, '\0')})
    CHECK_FALSE(parse_ip(bytes).has_value());
}
