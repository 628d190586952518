#include "network/port_mapping.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::network;

TEST_CASE("a container's port names its protocol or means tcp") {
  CHECK(ContainerPort::parse("80").value().str() == "80/tcp");
  CHECK(ContainerPort::parse("53/UDP").value().str() == "53/udp");
  CHECK(ContainerPort::parse("80/icmp").error().message == "invalid proto: icmp");
  CHECK(ContainerPort::parse("65536").error().message == "invalid port: 65536");
  CHECK(!ContainerPort::parse("0").ok());
  CHECK(!ContainerPort::parse("").ok());
}

TEST_CASE("the host's port may be a range or left open") {
  CHECK(HostPortRange::parse("").value().first == 0);
  CHECK(HostPortRange::parse("8080-8090").value().last == 8090);
  CHECK(!HostPortRange::parse("9-8").ok());
  CHECK(!HostPortRange::parse("8-").ok());
}

TEST_CASE("a port on every address clashes with the same port on one") {
  PortAllocator ports;
  const Address any = *Address::parse("0.0.0.0");
  const Address loopback = *Address::parse("127.0.0.1");
  CHECK(ports.allocate(loopback, Protocol::tcp, {80, 80}).value() == 80);
  CHECK(ports.allocate(any, Protocol::tcp, {80, 80}).error().message ==
        "Bind for 0.0.0.0:80 failed: port is already allocated");
  CHECK(ports.allocate(*Address::parse("127.0.0.2"), Protocol::tcp, {80, 80}).ok());
  CHECK(ports.allocate(any, Protocol::udp, {80, 80}).ok());
  CHECK(ports.allocate(*Address::parse("::"), Protocol::tcp, {80, 80}).ok());
  ports.release(loopback, Protocol::tcp, 80);
  ports.release(*Address::parse("127.0.0.2"), Protocol::tcp, 80);
  CHECK(ports.allocate(any, Protocol::tcp, {80, 80}).ok());
}

TEST_CASE("a range gives its first free port") {
  PortAllocator ports;
  const Address any;
  CHECK(ports.allocate(any, Protocol::tcp, {8000, 8001}).value() == 8000);
  CHECK(ports.allocate(any, Protocol::tcp, {8000, 8001}).value() == 8001);
  CHECK(ports.allocate(any, Protocol::tcp, {8000, 8001}).error().kind == ErrorKind::conflict);
}

TEST_CASE("open ports come from the ephemeral range, one after another") {
  PortAllocator ports;
  CHECK(ports.allocate({}, Protocol::tcp, {}).value() == 32768);
  ports.release({}, Protocol::tcp, 32768);
  CHECK(ports.allocate({}, Protocol::tcp, {}).value() == 32769);
}
