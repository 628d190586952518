// Published ports, masquerade and isolation, between a host with a bridge, two containers and a neighbour on its
// network.

#include "machine/net/nat.h"

#include <doctest/doctest.h>

#include "machine/abi/file.h"
#include "machine/net/links.h"
#include "machine/net/socket.h"
#include "machine/syscalls/call.h"
#include "tests/support/machine/booted_machine.h"

using namespace drydock;
using namespace drydock::machine;
using namespace drydock::machine::net;

namespace {

IpAddress ip(const char* text) {
  return *IpAddress::parse(text);
}

struct Network {
  testing::BootedMachine booted;
  Kernel& kernel = booted.kernel();
  NetNamespaceId host = kernel.initial_net_namespace, one = fresh(), two = fresh(), client = fresh();

  Network() {
    for (NetNamespaceId net : {host, one, two, client}) set_up(kernel, {net, 1}, true);
    const InterfaceRef bridge = *create_bridge(kernel, host, "docker0");
    REQUIRE(add_address(kernel, bridge, Prefix{ip("172.17.0.1"), 16}).ok());
    set_up(kernel, bridge, true);
    plug(one, "veth1", "172.17.0.2", bridge.index);
    plug(two, "veth2", "172.17.0.3", bridge.index);
    const auto lan = *create_veth(kernel, host, "eth0", client, "eth0");
    REQUIRE(add_address(kernel, lan.first, Prefix{ip("10.0.0.1"), 24}).ok());
    REQUIRE(add_address(kernel, lan.second, Prefix{ip("10.0.0.9"), 24}).ok());
    set_up(kernel, lan.first, true);
    set_up(kernel, lan.second, true);
    NetNamespace& space = kernel.net_namespaces[host];
    space.settings.ip_forward = true;
    REQUIRE(add_masquerade(space, {{ip("172.17.0.0"), 16}, "docker0"}).ok());
    REQUIRE(add_dnat(space, {kProtocolTcp, ip("0.0.0.0"), 8080, ip("172.17.0.2"), 80}).ok());
  }
  NetNamespaceId fresh() {
    const NetNamespaceId id = new_net_namespace(kernel, kernel.initial_user_namespace);
    get_net_namespace(kernel, id);
    return id;
  }
  void plug(NetNamespaceId net, const char* name, const char* address, std::uint32_t bridge) {
    const auto pair = *create_veth(kernel, host, name, net, "eth0");
    REQUIRE(set_master(kernel, pair.first, bridge).ok());
    set_up(kernel, pair.first, true);
    set_up(kernel, pair.second, true);
    REQUIRE(add_address(kernel, pair.second, Prefix{ip(address), 16}).ok());
    REQUIRE(add_default_route(kernel, net, ip("172.17.0.1")).ok());
  }
  void run() {
    while (const auto next = net_next_event_ns(kernel)) {
      kernel.clock_ns = std::max(kernel.clock_ns, *next);
      net_run(kernel);
    }
  }
  Socket& stream(NetNamespaceId net) {
    const Caller caller = booted.caller();
    const NetNamespaceId before = std::exchange(caller.self().namespaces.net, net);
    const FileId file = *make_socket(caller, 2, 1, 0);
    caller.self().namespaces.net = before;
    kernel.files[file].flags |= abi::o_nonblock;
    return *find_socket(kernel, file);
  }
  static std::string name(const char* address, std::uint16_t port) {
    return StructWriter().u16(2).u8(static_cast<std::uint8_t>(port >> 8)).u8(port & 0xff).bytes() +
           ip(address).bytes() + std::string(8, '\0');
  }
  Socket& listener(NetNamespaceId net, std::uint16_t port) {
    Socket& socket = stream(net);
    REQUIRE(socket.bind(booted.caller(), name("0.0.0.0", port)).ok());
    REQUIRE(socket.listen(booted.caller(), 4).ok());
    return socket;
  }
  /// Whom the listener sees when `from` connects there; "" when the connection does not come about.
  std::string seen_by(Socket& listening, NetNamespaceId from, const char* address, std::uint16_t port) {
    const Caller caller = booted.caller();
    Socket& socket = stream(from);
    (void)socket.connect(caller, name(address, port));
    run();
    std::string peer;
    const Outcome accepted = listening.accept(caller, &peer);
    if (!accepted.ok()) return "";
    Socket& server = *find_socket(kernel, FileId{static_cast<std::uint32_t>(accepted.value())});
    OutgoingMessage words;
    words.bytes = "hello";
    REQUIRE(server.send(caller, words).ok());
    run();
    IncomingMessage heard;
    REQUIRE(socket.receive(caller, 100, 0, &heard).ok());
    CHECK(heard.bytes == "hello");
    CHECK(socket.peer_address(caller).value_or("") == name(address, port));
    return IpAddress::from_bytes(std::string_view(peer).substr(4, 4)).str();
  }
};

}  // namespace

TEST_CASE("a published port is reached from the network, and the container sees who calls") {
  Network network;
  Socket& server = network.listener(network.one, 80);
  CHECK(network.seen_by(server, network.client, "10.0.0.1", 8080) == "10.0.0.9");
}

TEST_CASE("a published port is reached from the host itself, by any of its addresses") {
  Network network;
  Socket& server = network.listener(network.one, 80);
  CHECK(network.seen_by(server, network.host, "127.0.0.1", 8080) == "172.17.0.1");
  CHECK(network.seen_by(server, network.host, "10.0.0.1", 8080) != "");
}

TEST_CASE("a published port is reached from the same bridge, and from the container itself") {
  Network network;
  Socket& server = network.listener(network.one, 80);
  CHECK(network.seen_by(server, network.two, "10.0.0.1", 8080) == "172.17.0.1");
  CHECK(network.seen_by(server, network.one, "10.0.0.1", 8080) == "172.17.0.1");
}

TEST_CASE("what a container sends out has the host's address") {
  Network network;
  Socket& server = network.listener(network.client, 7);
  CHECK(network.seen_by(server, network.one, "10.0.0.9", 7) == "10.0.0.1");
}

TEST_CASE("a forward rule that drops keeps the neighbour out, and answers in") {
  Network network;
  ForwardRule rule;
  rule.in = "eth0";
  rule.only_new = true;
  rule.verdict = Verdict::drop;
  REQUIRE(add_forward_rule(network.kernel.net_namespaces[network.host], rule).ok());
  Socket& inside = network.listener(network.one, 80);
  Socket& outside = network.listener(network.client, 7);
  CHECK(network.seen_by(inside, network.client, "10.0.0.1", 8080) == "");
  CHECK(network.seen_by(outside, network.one, "10.0.0.9", 7) == "10.0.0.1");
}

TEST_CASE("isolated ports of a bridge do not hear each other") {
  Network network;
  for (const char* name : {"veth1", "veth2"}) {
    NetNamespace& space = network.kernel.net_namespaces[network.host];
    space.interfaces.at(interface_by_name(space, name)).isolated = true;
  }
  Socket& server = network.listener(network.one, 80);
  CHECK(network.seen_by(server, network.two, "172.17.0.2", 80) == "");
  CHECK(network.seen_by(server, network.host, "172.17.0.2", 80) == "172.17.0.1");
}

TEST_CASE("a host's port belongs to one rule only") {
  Network network;
  NetNamespace& space = network.kernel.net_namespaces[network.host];
  const DnatRule rule{kProtocolTcp, ip("10.0.0.1"), 8080, ip("172.17.0.3"), 80};
  CHECK(add_dnat(space, rule).error() == Errno::eexist);
  CHECK(remove_dnat(space, rule).error() == Errno::enoent);
}
