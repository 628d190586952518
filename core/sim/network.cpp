// What native/network does by rtnetlink and nftables, on the simulated stack. Not modelled: SCTP.

#include "sim/network.h"

#include <algorithm>

#include "base/text.h"
#include "machine/kernel/pids.h"
#include "machine/net/links.h"
#include "machine/net/nat.h"
#include "network/port_mapping.h"

namespace drydock::sim {

namespace net = machine::net;
using network::BridgePlan;
using network::EndpointPlan;
using network::PortPlan;

namespace {

constexpr std::uint16_t kFirstEphemeralPort = 32768;

net::IpAddress to_ip(const network::Address& address) {
  return address.is_v6() ? net::IpAddress::v6(address.bytes()) : net::IpAddress::v4(address.to_v4());
}
net::Prefix to_prefix(const network::Subnet& subnet) {
  return {to_ip(subnet.address), subnet.prefix};
}
network::Address from_ip(const net::IpAddress& address) {
  return address.is_v6() ? network::Address::v6(address.mapped()) : network::Address::v4(address.to_v4());
}
net::MacAddress to_mac(const network::Mac& mac) {
  return {mac.bytes};
}
std::uint8_t protocol_number(network::Protocol protocol) {
  return protocol == network::Protocol::udp ? net::kProtocolUdp : net::kProtocolTcp;
}

Result<void> check(const Result<void, Errno>& result, const char* operation, std::string_view object) {
  if (result.ok()) return {};
  return Error(SysError{result.error(), operation, std::string(object)});
}

bool is_same(const PortPlan& a, const PortPlan& b) {
  return a.endpoint_id == b.endpoint_id && a.protocol == b.protocol && a.host_address == b.host_address &&
         a.host_port == b.host_port;
}

}  // namespace

SimNetwork::SimNetwork(machine::Kernel& kernel) : kernel_(kernel) {
  net::set_up(kernel_, {kernel_.initial_net_namespace, 1}, true);
}

machine::NetNamespace& SimNetwork::host() const {
  return kernel_.net_namespaces[kernel_.initial_net_namespace];
}

Result<machine::NetNamespaceId> SimNetwork::find_namespace(const std::string& path) const {
  constexpr std::string_view kHead = "/proc/", kTail = "/ns/net";
  if (path.starts_with(kHead) && path.ends_with(kTail)) {
    const auto pid = parse_i64(std::string_view(path).substr(kHead.size(), path.size() - kHead.size() - kTail.size()));
    const auto process = machine::find_process(kernel_, kernel_.initial_pid_namespace, pid.value_or(0));
    const machine::Process* found = kernel_.processes.find(process);
    const machine::Task* task = found != nullptr ? kernel_.tasks.find(found->leader) : nullptr;
    if (task != nullptr && task->namespaces.net) return task->namespaces.net;
  }
  return Error(SysError{Errno::enoent, "open network namespace", path});
}

Result<void> SimNetwork::ensure_bridge(const BridgePlan& plan) {
  const machine::NetNamespaceId space = kernel_.initial_net_namespace;
  std::uint32_t index = net::interface_by_name(host(), plan.bridge);
  if (index == 0) {
    const auto made = net::create_bridge(kernel_, space, plan.bridge);
    if (!made.ok()) return Error(SysError{made.error(), "create bridge", plan.bridge});
    index = made->index;
    // Without an address of its own a bridge takes the lowest of its ports', and clients see it change.
    net::set_mac(kernel_, *made, to_mac(network::Mac::from_address(plan.gateway.address)));
    TRY(check(net::set_mtu(kernel_, *made, plan.mtu), "set mtu", plan.bridge));
  } else if (host().interfaces[index].kind != net::InterfaceKind::bridge) {
    return fail(ErrorKind::conflict, "interface ", plan.bridge, " exists and is no bridge");
  }
  const net::InterfaceRef bridge{space, index};
  const auto present = host().interfaces[index].addresses;
  for (const net::InterfaceAddress& address : present) {
    const bool wanted = address.prefix == to_prefix(plan.gateway) || address.prefix.address.is_v6();
    if (!wanted) TRY(check(net::remove_address(kernel_, bridge, address.prefix), "remove address", plan.bridge));
  }
  net::set_up(kernel_, bridge, true);
  for (const auto& gateway : {std::optional(plan.gateway), plan.gateway_v6}) {
    if (!gateway) continue;
    const auto added = net::add_address(kernel_, bridge, to_prefix(*gateway));
    if (!added.ok() && added.error() != Errno::eexist) TRY(check(added, "add address", plan.bridge));
  }
  if (!plan.internal) host().settings.ip_forward = true;
  bridges_[plan.bridge] = plan;
  write_rules();
  return {};
}

Result<void> SimNetwork::remove_bridge(const BridgePlan& plan) {
  bridges_.erase(plan.bridge);
  write_rules();
  if (const std::uint32_t index = net::interface_by_name(host(), plan.bridge); index != 0)
    net::remove_interface(kernel_, kernel_.initial_net_namespace, index);
  return {};
}

Result<std::vector<network::Subnet>> SimNetwork::used_subnets() {
  std::vector<network::Subnet> used;
  for (const auto& [index, interface] : host().interfaces) {
    for (const net::InterfaceAddress& address : interface.addresses)
      used.push_back(network::Subnet{from_ip(address.prefix.address), address.prefix.length}.network());
  }
  for (const net::Route& route : host().routes)
    if (route.destination.length != 0) used.push_back({from_ip(route.destination.address), route.destination.length});
  return used;
}

Result<bool> SimNetwork::has_interface(const std::string& name) {
  return net::interface_by_name(host(), name) != 0;
}

Result<void> SimNetwork::prepare_namespace(const std::string& network_namespace) {
  const machine::NetNamespaceId inside = TRY(find_namespace(network_namespace));
  // As Docker: where a network has no IPv6, containers see none.
  kernel_.net_namespaces[inside].settings.ipv6_disabled = true;
  net::set_up(kernel_, {inside, 1}, true);
  return {};
}

Result<void> SimNetwork::attach(const EndpointPlan& plan, const std::string& network_namespace) {
  const machine::NetNamespaceId inside = TRY(find_namespace(network_namespace));
  auto connected = connect(plan, inside);
  if (!connected.ok()) static_cast<void>(detach(plan));
  return connected;
}

Result<void> SimNetwork::connect(const EndpointPlan& plan, machine::NetNamespaceId inside) {
  const machine::NetNamespaceId outside = kernel_.initial_net_namespace;
  const auto pair = net::create_veth(kernel_, outside, plan.host_interface, inside, plan.container_interface);
  if (!pair.ok()) return Error(SysError{pair.error(), "create veth pair", plan.host_interface});
  const auto& [host_end, container_end] = *pair;
  net::set_mac(kernel_, container_end, to_mac(plan.mac));
  TRY(check(net::set_mtu(kernel_, host_end, plan.mtu), "set mtu", plan.host_interface));
  TRY(check(net::set_mtu(kernel_, container_end, plan.mtu), "set mtu", plan.container_interface));
  const std::uint32_t bridge = net::interface_by_name(host(), plan.bridge);
  TRY(check(net::set_master(kernel_, host_end, bridge), "join bridge", plan.bridge));
  const auto network = bridges_.find(plan.bridge);
  const bool isolated = network != bridges_.end() && !network->second.inter_container;
  if (net::Interface* port = net::find_interface(kernel_, host_end); port != nullptr) port->isolated = isolated;
  net::set_up(kernel_, host_end, true);
  kernel_.net_namespaces[inside].settings.ipv6_disabled = !plan.address_v6;
  net::set_up(kernel_, {inside, 1}, true);
  net::set_up(kernel_, container_end, true);
  for (const auto& address : {std::optional(plan.address), plan.address_v6})
    if (address)
      TRY(check(net::add_address(kernel_, container_end, to_prefix(*address)), "add address", address->str()));
  for (const auto& gateway : {plan.gateway, plan.gateway_v6})
    if (gateway) TRY(check(net::add_default_route(kernel_, inside, to_ip(*gateway)), "add route", gateway->str()));
  return {};
}

Result<void> SimNetwork::detach(const EndpointPlan& plan) {
  if (const std::uint32_t index = net::interface_by_name(host(), plan.host_interface); index != 0)
    net::remove_interface(kernel_, kernel_.initial_net_namespace, index);
  return {};
}

bool SimNetwork::is_taken(const PortPlan& plan) const {
  return std::any_of(ports_.begin(), ports_.end(), [&](const PortPlan& other) {
    const bool same_address = other.host_address == plan.host_address || other.host_address.is_unspecified() ||
                              plan.host_address.is_unspecified();
    return other.protocol == plan.protocol && other.host_port == plan.host_port && same_address &&
           other.host_address.is_v6() == plan.host_address.is_v6();
  });
}

Result<std::uint16_t> SimNetwork::publish(const PortPlan& plan) {
  PortPlan bound = plan;
  if (plan.protocol == network::Protocol::sctp)
    return fail(ErrorKind::not_implemented, "publishing SCTP ports is not implemented");
  if (bound.host_port == 0) {
    bound.host_port = kFirstEphemeralPort;
    while (is_taken(bound) && bound.host_port < 65535) ++bound.host_port;
  }
  if (is_taken(bound))
    return fail(ErrorKind::conflict, "Bind for ", bound.host_address.str(), ":", bound.host_port,
                " failed: port is already allocated");
  ports_.push_back(bound);
  write_rules();
  return bound.host_port;
}

Result<void> SimNetwork::unpublish(const PortPlan& plan) {
  std::erase_if(ports_, [&plan](const PortPlan& other) { return is_same(other, plan); });
  write_rules();
  return {};
}

Result<void> SimNetwork::retain_only(const std::vector<std::string>& endpoint_ids) {
  ports_.clear();
  write_rules();
  std::vector<std::uint32_t> gone;
  for (const auto& [index, interface] : host().interfaces) {
    if (interface.kind != net::InterfaceKind::veth || !interface.name.starts_with("ddv")) continue;
    const bool wanted = std::any_of(endpoint_ids.begin(), endpoint_ids.end(), [&name = interface.name](const auto& id) {
      return network::endpoint_interface(id) == name;
    });
    if (!wanted) gone.push_back(index);
  }
  for (const std::uint32_t index : gone) net::remove_interface(kernel_, kernel_.initial_net_namespace, index);
  return {};
}

/// Into a bridge goes what belongs to a known connection, what was translated by a published port, and the bridge's
/// own; all else, other bridges too, stays out. From and to internal networks nothing is forwarded.
void SimNetwork::write_rules() {
  net::Firewall& firewall = host().firewall;
  firewall.dnat.clear();
  firewall.masquerade.clear();
  firewall.forward.clear();
  for (const PortPlan& port : ports_) {
    const net::IpAddress target = to_ip(port.container_address);
    firewall.dnat.push_back(
        {protocol_number(port.protocol), to_ip(port.host_address), port.host_port, target, port.container_port});
    net::ForwardRule accept;
    accept.destination = {target, target.bits()};
    accept.protocol = protocol_number(port.protocol);
    accept.destination_port = port.container_port;
    firewall.forward.push_back(accept);
  }
  for (const auto& [name, plan] : bridges_) {
    net::ForwardRule into;  // from elsewhere, and not an answer
    into.out = name;
    into.in = name;
    into.not_in = true;
    into.only_new = !plan.internal;
    into.verdict = net::Verdict::drop;
    firewall.forward.push_back(into);
    if (plan.internal) {
      net::ForwardRule out_of;
      out_of.in = name;
      out_of.out = name;
      out_of.not_out = true;
      out_of.verdict = net::Verdict::drop;
      firewall.forward.push_back(out_of);
    }
    if (plan.masquerade && !plan.internal) {
      const net::Prefix source = to_prefix(plan.gateway);
      firewall.masquerade.push_back({{source.network(), source.length}, name});
    }
  }
}

}  // namespace drydock::sim
