#include "network/address.h"

#include <doctest/doctest.h>

using namespace drydock::network;

TEST_CASE("IPv4 addresses are read strictly") {
  CHECK(Address::parse("172.17.0.2")->str() == "172.17.0.2");
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.4 ", "a.b.c.d", "1..2.3"}) {
    CAPTURE(text);
    CHECK(!Address::parse(text));
  }
}

TEST_CASE("IPv6 addresses are printed as RFC 5952 says") {
  CHECK(Address::parse("2001:0db8:0:0:1:0:0:1")->str() == "2001:db8::1:0:0:1");
  CHECK(Address::parse("::")->str() == "::");
  CHECK(Address::parse("::1")->str() == "::1");
  CHECK(Address::parse("fe80::")->str() == "fe80::");
  CHECK(Address::parse("2001:db8:0:1:1:1:1:1")->str() == "2001:db8:0:1:1:1:1:1");
  CHECK(Address::parse("::ffff:1.2.3.4")->str() == "::ffff:102:304");
}

TEST_CASE("malformed IPv6 addresses are refused") {
  for (const char* text : {":", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1%eth0",
                           "g::", "1:2:3:4:5:6:7::8"}) {
    CAPTURE(text);
    CHECK(!Address::parse(text));
  }
}

TEST_CASE("a subnet knows its members and its neighbours") {
  const Subnet subnet = *Subnet::parse("172.17.0.1/16");
  CHECK(subnet.network().str() == "172.17.0.0/16");
  CHECK(subnet.last().str() == "172.17.255.255");
  CHECK(subnet.contains(*Address::parse("172.17.9.9")));
  CHECK(!subnet.contains(*Address::parse("172.18.0.1")));
  CHECK(!subnet.contains(*Address::parse("::1")));
  CHECK(subnet.overlaps(*Subnet::parse("172.16.0.0/12")));
  CHECK(!subnet.overlaps(*Subnet::parse("172.18.0.0/16")));
  CHECK(Subnet::parse("fd00::5/64")->network().str() == "fd00::/64");
}

TEST_CASE("malformed subnets are refused") {
  for (const char* text : {"1.2.3.4", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/08", "::/129", "/8"}) {
    CAPTURE(text);
    CHECK(!Subnet::parse(text));
  }
}

TEST_CASE("adding carries over bytes") {
  CHECK(Address::parse("10.0.0.255")->plus(1).str() == "10.0.1.0");
  CHECK(Address::parse("10.0.0.0")->plus(65536).str() == "10.1.0.0");
  CHECK(Address::parse("fd00::ffff")->plus(1).str() == "fd00::1:0");
}

TEST_CASE("a MAC address is made from the IPv4 address as Docker makes it") {
  CHECK(Mac::from_address(*Address::parse("172.17.0.2")).str() == "02:42:ac:11:00:02");
  CHECK(Mac::parse("02:42:ac:11:00:02")->str() == "02:42:ac:11:00:02");
  CHECK(!Mac::parse("02:42:ac:11:00"));
  CHECK(!Mac::parse("02:42:ac:11:00:0g"));
}
