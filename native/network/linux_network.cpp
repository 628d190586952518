#include "native/network/linux_network.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>

#include "network/port_mapping.h"

namespace drydock::native {

using network::BridgePlan;
using network::EndpointPlan;
using network::PortPlan;

namespace {

Result<Fd, SysError> open_namespace(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return SysError{static_cast<Errno>(errno), "open network namespace", path};
  return fd;
}

/// Best effort: a kernel without the setting does without it, and what needs it fails where it is needed.
void write_sysctl(const std::string& path, std::string_view value) {
  std::ofstream file(path);
  file << value;
}

/// The kernel notices a new veth pair's carrier in the background, most often within a millisecond. A packet sent
/// before that is lost, and a TCP connection's first one comes again only after a second.
void wait_until_operational(Netlink& netlink, const std::string& name) {
  constexpr int kTriesMax = 1000;
  constexpr timespec kPause{0, 200'000};
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto link = netlink.link(name);
    if (!link.ok() || link->operational) return;
    ::nanosleep(&kPause, nullptr);
  }
}

std::string reservation_key(const PortPlan& plan) {
  return concat(network::to_string(plan.protocol), ' ', plan.host_address.str(), ':', plan.host_port);
}

}  // namespace

LinuxNetwork::LinuxNetwork(Netlink netlink, Fd own_namespace, LinuxNetworkOptions options)
    : netlink_(std::move(netlink)),
      own_namespace_(std::move(own_namespace)),
      proxies_(concat(options.state_directory, "/proxies"), options.proxy_program) {}

LinuxNetwork::~LinuxNetwork() = default;

Result<std::unique_ptr<LinuxNetwork>> LinuxNetwork::open(LinuxNetworkOptions options) {
  if (::mkdir(options.state_directory.c_str(), 0700) < 0 && errno != EEXIST) {
    return fail(SysError{static_cast<Errno>(errno), "mkdir", options.state_directory});
  }
  Fd own = TRY(open_namespace("/proc/self/ns/net"));
  Netlink netlink = TRY(Netlink::open());
  std::unique_ptr<LinuxNetwork> driver(new LinuxNetwork(std::move(netlink), std::move(own), std::move(options)));
  driver->probe();
  return driver;
}

void LinuxNetwork::probe() {
  // Asking is cheaper than guessing from capabilities: a name that cannot collide, gone at once.
  const std::string name = concat("ddp", ::getpid());
  features_.bridge = netlink_.create_bridge(name, 1500).ok();
  if (features_.bridge) static_cast<void>(netlink_.delete_link(name));
  features_.nat = features_.bridge && firewall_.reset().ok();
  features_.ipv6 = ::access("/proc/net/if_inet6", F_OK) == 0;
}

Result<void> LinuxNetwork::ensure_bridge(const BridgePlan& plan) {
  if (!features_.bridge) return fail(ErrorKind::unavailable, "cannot make bridges here: operation not permitted");
  auto existing = netlink_.link(plan.bridge);
  if (!existing.ok()) {
    TRY(netlink_.create_bridge(plan.bridge, plan.mtu));
    // Without an address of its own a bridge takes the lowest of its ports', and clients see it change.
    TRY(netlink_.set_hardware_address(plan.bridge, network::Mac::from_address(plan.gateway.address)));
  } else if (existing->kind != "bridge") {
    return fail(ErrorKind::conflict, "interface ", plan.bridge, " exists and is no bridge");
  }
  for (const network::Subnet& address : TRY(netlink_.addresses(plan.bridge))) {
    const bool wanted = address == plan.gateway || (plan.gateway_v6 && address == *plan.gateway_v6);
    if (!wanted && !address.address.is_v6()) TRY(netlink_.remove_address(plan.bridge, address));
  }
  TRY(netlink_.add_address(plan.bridge, plan.gateway));
  if (plan.gateway_v6) TRY(netlink_.add_address(plan.bridge, *plan.gateway_v6));
  TRY(netlink_.set_up(plan.bridge));
  if (!plan.internal) write_sysctl("/proc/sys/net/ipv4/ip_forward", "1");
  write_sysctl(concat("/proc/sys/net/ipv4/conf/", plan.bridge, "/route_localnet"), "1");
  inter_container_[plan.bridge] = plan.inter_container;
  if (features_.nat) TRY(firewall_.add_bridge(plan));
  return {};
}

Result<void> LinuxNetwork::remove_bridge(const BridgePlan& plan) {
  if (features_.nat) TRY(firewall_.remove_bridge(plan));
  inter_container_.erase(plan.bridge);
  TRY(netlink_.delete_link(plan.bridge));
  return {};
}

Result<std::vector<network::Subnet>> LinuxNetwork::used_subnets() {
  return TRY(netlink_.used_subnets());
}

Result<bool> LinuxNetwork::has_interface(const std::string& name) {
  const auto link = netlink_.link(name);
  if (!link.ok() && link.error().code != Errno::enodev) return fail(link.error());
  return link.ok();
}

Result<Netlink, SysError> LinuxNetwork::netlink_in(const Fd& network_namespace, Ipv6 ipv6) {
  if (::setns(network_namespace.get(), CLONE_NEWNET) < 0) {
    return SysError{static_cast<Errno>(errno), "setns", "network namespace"};
  }
  // As Docker: where a network has no IPv6, containers see none, not even link-local addresses.
  for (const char* which : {"all", "default"}) {
    write_sysctl(concat("/proc/sys/net/ipv6/conf/", which, "/disable_ipv6"), ipv6 == Ipv6::off ? "1" : "0");
  }
  auto netlink = Netlink::open();
  // A thread that stayed in a container's network would do the next work of the daemon there.
  DD_ASSERT(::setns(own_namespace_.get(), CLONE_NEWNET) == 0);
  return netlink;
}

Result<void> LinuxNetwork::prepare_namespace(const std::string& network_namespace) {
  const Fd fd = TRY(open_namespace(network_namespace));
  Netlink inside = TRY(netlink_in(fd, Ipv6::off));
  TRY(inside.set_up("lo"));
  return {};
}

Result<void> LinuxNetwork::attach_container_side(const EndpointPlan& plan, const Fd& network_namespace) {
  Netlink inside = TRY(netlink_in(network_namespace, plan.address_v6 ? Ipv6::on : Ipv6::off));
  TRY(inside.set_up("lo"));
  TRY(inside.add_address(plan.container_interface, plan.address));
  if (plan.address_v6) TRY(inside.add_address(plan.container_interface, *plan.address_v6));
  TRY(inside.set_up(plan.container_interface));
  if (plan.gateway) TRY(inside.add_default_route(*plan.gateway));
  if (plan.gateway_v6) TRY(inside.add_default_route(*plan.gateway_v6));
  wait_until_operational(inside, plan.container_interface);
  return {};
}

Result<void> LinuxNetwork::attach(const EndpointPlan& plan, const std::string& network_namespace) {
  const Fd fd = TRY(open_namespace(network_namespace));
  TRY(netlink_.create_veth(plan.host_interface, plan.mtu, plan.container_interface, fd.get(), plan.mac));
  const auto connect = [&]() -> Result<void> {
    const auto talks = inter_container_.find(plan.bridge);
    const bool isolated = talks != inter_container_.end() && !talks->second;
    TRY(netlink_.join_bridge(plan.host_interface, plan.bridge, {.hairpin = true, .isolated = isolated}));
    TRY(netlink_.set_up(plan.host_interface));
    TRY(attach_container_side(plan, fd));
    wait_until_operational(netlink_, plan.host_interface);
    wait_until_operational(netlink_, plan.bridge);
    return {};
  };
  auto connected = connect();
  if (!connected.ok()) static_cast<void>(netlink_.delete_link(plan.host_interface));
  return connected;
}

Result<void> LinuxNetwork::detach(const EndpointPlan& plan) {
  TRY(netlink_.delete_link(plan.host_interface));
  return {};
}

Result<std::uint16_t> LinuxNetwork::publish(const PortPlan& plan) {
  const bool translated = features_.nat && !plan.host_address.is_v6() && !plan.container_address.is_v6() &&
                          plan.protocol != network::Protocol::sctp;
  if (!translated) return proxies_.start(plan);
  Fd socket = TRY(bind_port(plan.protocol, plan.host_address, plan.host_port));
  PortPlan bound = plan;
  bound.host_port = bound_port(socket);
  TRY(firewall_.publish(bound));
  reserved_.insert_or_assign(reservation_key(bound), std::move(socket));
  return bound.host_port;
}

Result<void> LinuxNetwork::unpublish(const PortPlan& plan) {
  if (reserved_.erase(reservation_key(plan)) > 0) return firewall_.unpublish(plan);
  proxies_.stop(plan);
  return {};
}

Result<void> LinuxNetwork::retain_only(const std::vector<std::string>& endpoint_ids) {
  proxies_.retain_only(endpoint_ids);
  reserved_.clear();
  std::set<std::string> wanted;
  for (const std::string& id : endpoint_ids) wanted.insert(network::endpoint_interface(id));
  for (const Link& link : TRY(netlink_.links())) {
    if (link.kind == "veth" && link.name.starts_with("ddv") && !wanted.contains(link.name)) {
      TRY(netlink_.delete_link(link.name));
    }
  }
  return {};
}

}  // namespace drydock::native
