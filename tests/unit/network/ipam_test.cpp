#include "network/ipam.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::network;

TEST_CASE("addresses are handed out in order, neither network nor broadcast") {
  AddressPool pool(*Subnet::parse("10.0.0.0/30"));
  CHECK(pool.allocate().value().str() == "10.0.0.1");
  CHECK(pool.allocate().value().str() == "10.0.0.2");
  CHECK(pool.allocate().error().message == "no available IPv4 addresses on this network's address pools");
}

TEST_CASE("an address given back is taken again only after the others had their turn") {
  AddressPool pool(*Subnet::parse("10.0.0.0/29"));
  const Address first = pool.allocate().value();
  pool.release(first);
  CHECK(pool.allocate().value().str() == "10.0.0.2");
  for (int i = 0; i < 4; ++i) CHECK(pool.allocate().ok());
  CHECK(pool.allocate().value() == first);
}

TEST_CASE("a reserved address is not handed out") {
  AddressPool pool(*Subnet::parse("10.0.0.0/29"));
  CHECK(pool.reserve(*Address::parse("10.0.0.1")).ok());
  CHECK(pool.reserve(*Address::parse("10.0.0.1")).error().message == "Address already in use");
  CHECK(pool.reserve(*Address::parse("10.0.1.1")).error().kind == ErrorKind::invalid_argument);
  CHECK(pool.allocate().value().str() == "10.0.0.2");
}

TEST_CASE("a range narrows what is chosen, not what can be reserved") {
  AddressPool pool(*Subnet::parse("10.0.0.0/16"), *Subnet::parse("10.0.5.0/30"));
  CHECK(pool.reserve(*Address::parse("10.0.9.9")).ok());
  CHECK(pool.allocate().value().str() == "10.0.5.0");
  CHECK(pool.allocate().value().str() == "10.0.5.1");
  CHECK(pool.allocate().value().str() == "10.0.5.2");
  CHECK(pool.allocate().value().str() == "10.0.5.3");
  CHECK(!pool.allocate().ok());
}

TEST_CASE("a point-to-point network has two hosts") {
  AddressPool pool(*Subnet::parse("10.0.0.0/31"));
  CHECK(pool.allocate().value().str() == "10.0.0.0");
  CHECK(pool.allocate().value().str() == "10.0.0.1");
  CHECK(!pool.allocate().ok());
}

TEST_CASE("the first default pool that is free is chosen") {
  CHECK(choose_subnet(default_address_pools(), {}).value().str() == "172.17.0.0/16");
  CHECK(choose_subnet(default_address_pools(), {*Subnet::parse("172.17.5.1/24"), *Subnet::parse("172.18.0.0/16")})
            .value()
            .str() == "172.19.0.0/16");
  CHECK(choose_subnet(default_address_pools(), {*Subnet::parse("172.16.0.0/12")}).value().str() == "192.168.0.0/20");
  CHECK(choose_subnet(default_address_pools(), {*Subnet::parse("0.0.0.0/0")}).error().kind == ErrorKind::unavailable);
}
