// LinuxNetwork against the real kernel: each case runs in a network namespace of its own, which stands for the host;
// children with namespaces of their own stand for containers.
#include "native/network/linux_network.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/text.h"

using namespace drydock;
using namespace drydock::native;
using network::Address;
using network::BridgePlan;
using network::EndpointPlan;
using network::PortPlan;
using network::Subnet;

namespace {

bool may_run() {
  static const bool root = [] {
    if (::geteuid() == 0) return true;
    std::puts("skip: native network tests need root");
    return false;
  }();
  return root;
}

/// A process in a network namespace of its own that answers each TCP connection to `port` with its name.
class Container {
 public:
  Container(const std::string& name, std::uint16_t port) {
    std::array<int, 2> ready{};
    REQUIRE(::pipe(ready.data()) == 0);
    pid_ = ::fork();
    if (pid_ == 0) serve(name, port, ready[1]);
    ::close(ready[1]);
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
  }
  ~Container() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  std::string network_namespace() const { return concat("/proc/", pid_, "/ns/net"); }

 private:
  [[noreturn]] static void serve(const std::string& name, std::uint16_t port, int ready) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::unshare(CLONE_NEWNET) != 0) ::_exit(1);
    auto listener = bind_port(network::Protocol::tcp, Address(), port);
    if (!listener.ok() || ::write(ready, "r", 1) != 1) ::_exit(1);
    while (true) {
      const int client = ::accept(listener->get(), nullptr, nullptr);
      if (client < 0) continue;
      static_cast<void>(::write(client, name.data(), name.size()));
      ::close(client);
    }
  }

  pid_t pid_ = 0;
};

/// What a server says to a connection from this process's namespace; "" if there is none within a second.
std::string ask(const Address& address, std::uint16_t port) {
  Fd socket(::socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval second{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_in);
  if (address.is_v6()) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    std::memcpy(&v6->sin6_addr, address.bytes().data(), 16);
    length = sizeof(sockaddr_in6);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::memcpy(&v4->sin_addr, address.bytes().data(), 4);
  }
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) return "";
  std::array<char, 64> buffer{};
  const ssize_t size = ::read(socket.get(), buffer.data(), buffer.size());
  return std::string(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
}

/// The same, asked from inside a container.
std::string ask_from(const Container& container, const Address& address, std::uint16_t port) {
  std::array<int, 2> answer{};
  REQUIRE(::pipe(answer.data()) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::FILE* file = std::fopen(container.network_namespace().c_str(), "r");
    if (file == nullptr || ::setns(::fileno(file), CLONE_NEWNET) != 0) ::_exit(1);
    const std::string said = ask(address, port);
    static_cast<void>(::write(answer[1], said.data(), said.size()));
    ::_exit(0);
  }
  ::close(answer[1]);
  std::array<char, 64> buffer{};
  const ssize_t size = ::read(answer[0], buffer.data(), buffer.size());
  ::close(answer[0]);
  ::waitpid(pid, nullptr, 0);
  return std::string(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
}

/// A fresh network namespace that plays the host, with a driver in it.
struct TestHost {
  TestHost() {
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
    std::array<char, 32> pattern{"/tmp/drydock-net-XXXXXX"};
    directory = ::mkdtemp(pattern.data());
    driver = open();
    // Not prepare_namespace(): that is for containers, and takes IPv6 away.
    REQUIRE(Netlink::open().value().set_up("lo").ok());
  }
  ~TestHost() {
    if (driver) static_cast<void>(driver->retain_only({}));
    std::filesystem::remove_all(directory);
  }

  std::unique_ptr<LinuxNetwork> open() const {
    const std::string here = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
    // Tests are in BUILD/tests/unit/native, programs in BUILD/bin.
    auto opened = LinuxNetwork::open({directory, here + "/../../../bin/drydock-proxy"});
    REQUIRE(opened.ok());
    return std::move(opened).value();
  }

  std::string directory;
  std::unique_ptr<LinuxNetwork> driver;
};

BridgePlan bridge(const std::string& name, const char* gateway) {
  BridgePlan plan;
  plan.network_id = name;
  plan.bridge = name;
  plan.gateway = *Subnet::parse(gateway);
  return plan;
}

EndpointPlan endpoint(const BridgePlan& on, char id, const char* address) {
  EndpointPlan plan;
  plan.endpoint_id = std::string(64, id);
  plan.bridge = on.bridge;
  plan.host_interface = network::endpoint_interface(plan.endpoint_id);
  plan.container_interface = "eth0";
  plan.address = *Subnet::parse(address);
  plan.mac = network::Mac::from_address(plan.address.address);
  plan.gateway = on.gateway.address;
  return plan;
}

PortPlan port(const EndpointPlan& to, const char* host_address, std::uint16_t host_port) {
  PortPlan plan;
  plan.endpoint_id = to.endpoint_id;
  plan.host_address = *Address::parse(host_address);
  plan.host_port = host_port;
  plan.container_address = to.address.address;
  plan.container_port = 80;
  return plan;
}

}  // namespace

TEST_CASE("containers on one bridge reach each other and the host reaches them") {
  if (!may_run()) return;
  TestHost host;
  const BridgePlan plan = bridge("dd0", "10.77.0.1/24");
  REQUIRE(host.driver->ensure_bridge(plan).ok());
  const Container a("a", 80);
  const Container b("b", 80);
  REQUIRE(host.driver->attach(endpoint(plan, 'a', "10.77.0.2/24"), a.network_namespace()).ok());
  REQUIRE(host.driver->attach(endpoint(plan, 'b', "10.77.0.3/24"), b.network_namespace()).ok());
  CHECK(ask(*Address::parse("10.77.0.2"), 80) == "a");
  CHECK(ask_from(a, *Address::parse("10.77.0.3"), 80) == "b");
}

TEST_CASE("containers of a bridge without inter-container traffic reach the host only") {
  if (!may_run()) return;
  TestHost host;
  BridgePlan plan = bridge("dd0", "10.77.0.1/24");
  plan.inter_container = false;
  REQUIRE(host.driver->ensure_bridge(plan).ok());
  const Container a("a", 80);
  const Container b("b", 80);
  REQUIRE(host.driver->attach(endpoint(plan, 'a', "10.77.0.2/24"), a.network_namespace()).ok());
  REQUIRE(host.driver->attach(endpoint(plan, 'b', "10.77.0.3/24"), b.network_namespace()).ok());
  CHECK(ask(*Address::parse("10.77.0.2"), 80) == "a");
  CHECK(ask_from(a, *Address::parse("10.77.0.3"), 80) == "");
}

TEST_CASE("bridges are kept apart") {
  if (!may_run()) return;
  TestHost host;
  const BridgePlan one = bridge("dd0", "10.77.0.1/24");
  const BridgePlan two = bridge("dd1", "10.78.0.1/24");
  REQUIRE(host.driver->ensure_bridge(one).ok());
  REQUIRE(host.driver->ensure_bridge(two).ok());
  const Container a("a", 80);
  const Container b("b", 80);
  REQUIRE(host.driver->attach(endpoint(one, 'a', "10.77.0.2/24"), a.network_namespace()).ok());
  REQUIRE(host.driver->attach(endpoint(two, 'b', "10.78.0.2/24"), b.network_namespace()).ok());
  CHECK(ask(*Address::parse("10.78.0.2"), 80) == "b");
  CHECK(ask_from(a, *Address::parse("10.78.0.2"), 80) == "");
}

TEST_CASE("a published port is reached by every address of the host, loopback too") {
  if (!may_run()) return;
  TestHost host;
  const BridgePlan plan = bridge("dd0", "10.77.0.1/24");
  REQUIRE(host.driver->ensure_bridge(plan).ok());
  const Container a("a", 80);
  const EndpointPlan to = endpoint(plan, 'a', "10.77.0.2/24");
  REQUIRE(host.driver->attach(to, a.network_namespace()).ok());
  REQUIRE(host.driver->publish(port(to, "0.0.0.0", 8080)).value() == 8080);
  CHECK(ask(*Address::parse("127.0.0.1"), 8080) == "a");
  CHECK(ask(*Address::parse("10.77.0.1"), 8080) == "a");
  CHECK(ask_from(a, *Address::parse("10.77.0.1"), 8080) == "a");
  REQUIRE(host.driver->unpublish(port(to, "0.0.0.0", 8080)).ok());
  CHECK(ask(*Address::parse("127.0.0.1"), 8080) == "");
}

TEST_CASE("a port published on one address is not there on another") {
  if (!may_run()) return;
  TestHost host;
  const BridgePlan plan = bridge("dd0", "10.77.0.1/24");
  REQUIRE(host.driver->ensure_bridge(plan).ok());
  const Container a("a", 80);
  const EndpointPlan to = endpoint(plan, 'a', "10.77.0.2/24");
  REQUIRE(host.driver->attach(to, a.network_namespace()).ok());
  REQUIRE(host.driver->publish(port(to, "127.0.0.1", 8080)).ok());
  CHECK(ask(*Address::parse("127.0.0.1"), 8080) == "a");
  CHECK(ask(*Address::parse("10.77.0.1"), 8080) == "");
}

TEST_CASE("a port that another program has is refused by name") {
  if (!may_run()) return;
  TestHost host;
  const Fd other = bind_port(network::Protocol::tcp, Address(), 8080).value();
  const BridgePlan plan = bridge("dd0", "10.77.0.1/24");
  const auto refused = host.driver->publish(port(endpoint(plan, 'a', "10.77.0.2/24"), "0.0.0.0", 8080));
  REQUIRE(!refused.ok());
  CHECK(refused.error().message == "listen tcp4 0.0.0.0:8080: bind: address already in use");
}

TEST_CASE("an IPv6 address of the host reaches an IPv4 container through the proxy, also after a restart") {
  if (!may_run()) return;
  TestHost host;
  if (!host.driver->features().ipv6) {
    std::puts("skip: no IPv6 in this kernel");
    return;
  }
  const BridgePlan plan = bridge("dd0", "10.77.0.1/24");
  REQUIRE(host.driver->ensure_bridge(plan).ok());
  const Container a("a", 80);
  const EndpointPlan to = endpoint(plan, 'a', "10.77.0.2/24");
  REQUIRE(host.driver->attach(to, a.network_namespace()).ok());
  REQUIRE(host.driver->publish(port(to, "::", 8080)).value() == 8080);
  CHECK(ask(*Address::parse("::1"), 8080) == "a");
  host.driver = host.open();
  REQUIRE(host.driver->retain_only({to.endpoint_id}).ok());
  CHECK(ask(*Address::parse("::1"), 8080) == "a");
  CHECK(host.driver->publish(port(to, "::", 8080)).value() == 8080);
  REQUIRE(host.driver->unpublish(port(to, "::", 8080)).ok());
  CHECK(ask(*Address::parse("::1"), 8080) == "");
}

TEST_CASE("an attach that fails leaves no interface behind") {
  if (!may_run()) return;
  TestHost host;
  const BridgePlan plan = bridge("dd0", "10.77.0.1/24");
  const Container a("a", 80);
  const EndpointPlan to = endpoint(plan, 'a', "10.77.0.2/24");
  CHECK(!host.driver->attach(to, a.network_namespace()).ok());
  CHECK(::if_nametoindex(to.host_interface.c_str()) == 0);
  CHECK(!host.driver->attach(to, "/proc/1/ns/nosuch").ok());
}

TEST_CASE("a restarted daemon finds the bridge and removes strangers among its endpoints") {
  if (!may_run()) return;
  TestHost host;
  const BridgePlan plan = bridge("dd0", "10.77.0.1/24");
  REQUIRE(host.driver->ensure_bridge(plan).ok());
  const Container a("a", 80);
  const EndpointPlan kept = endpoint(plan, 'a', "10.77.0.2/24");
  REQUIRE(host.driver->attach(kept, a.network_namespace()).ok());
  EndpointPlan stray = endpoint(plan, 'b', "10.77.0.3/24");
  stray.container_interface = "eth1";
  stray.gateway.reset();
  REQUIRE(host.driver->attach(stray, a.network_namespace()).ok());
  host.driver = host.open();
  REQUIRE(host.driver->ensure_bridge(bridge("dd0", "10.77.0.9/24")).ok());
  REQUIRE(host.driver->retain_only({kept.endpoint_id}).ok());
  CHECK(::if_nametoindex(kept.host_interface.c_str()) != 0);
  CHECK(::if_nametoindex(stray.host_interface.c_str()) == 0);
  CHECK(ask(*Address::parse("10.77.0.2"), 80) == "a");
}

TEST_CASE("subnets in use are told, the default route is none") {
  if (!may_run()) return;
  TestHost host;
  REQUIRE(host.driver->ensure_bridge(bridge("dd0", "10.77.0.1/24")).ok());
  const auto used = host.driver->used_subnets().value();
  REQUIRE(used.size() == 1);
  CHECK(used[0].str() == "10.77.0.0/24");
}
