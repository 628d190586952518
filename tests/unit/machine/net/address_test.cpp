// Addresses as text: RFC 4291 §2.2 and RFC 5952.

#include "machine/net/address.h"

#include <doctest/doctest.h>

using namespace drydock::machine::net;

TEST_CASE("IPv6 addresses are written as RFC 5952 wants them") {
  const char* const pairs[][2] = {
      {"::", "::"},
      {"::1", "::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:0DB8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"fe80:0:0:0:0:0:0:0", "fe80::"},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
  };
  for (const auto& pair : pairs) {
    const auto address = IpAddress::parse(pair[0]);
    REQUIRE(address.has_value());
    CHECK(address->str() == pair[1]);
  }
}

TEST_CASE("an IPv4-mapped IPv6 address is the IPv4 address") {
  CHECK(IpAddress::parse("::ffff:10.0.0.1") == IpAddress::parse("10.0.0.1"));
  CHECK(IpAddress::parse("10.0.0.1")->mapped()[15] == 1);
}

TEST_CASE("what is no address is none") {
  for (const char* text :
       {"", "1.2.3", "1.2.3.256", "1.2.3.4.5", "1:2", "1::2::3", "12345::", "a.b.c.d", "1:2:3:4:5:6:7:8:9"})
    CHECK_FALSE(IpAddress::parse(text).has_value());
}

TEST_CASE("a prefix knows its network, its broadcast address and who is within") {
  const Prefix prefix{*IpAddress::parse("172.17.5.9"), 16};
  CHECK(prefix.network().str() == "172.17.0.0");
  CHECK(prefix.broadcast().str() == "172.17.255.255");
  CHECK(prefix.contains(*IpAddress::parse("172.17.0.1")));
  CHECK_FALSE(prefix.contains(*IpAddress::parse("172.18.0.1")));
  CHECK_FALSE(prefix.contains(*IpAddress::parse("fd00::1")));
  CHECK(Prefix{*IpAddress::parse("10.0.0.1"), 0}.contains(*IpAddress::parse("8.8.8.8")));
  CHECK(Prefix{*IpAddress::parse("fd00::1"), 10}.network().str() == "fd00::");
}
