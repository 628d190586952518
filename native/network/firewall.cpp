#include "native/network/firewall.h"

#include <nftables/libnftables.h>

#include "network/port_mapping.h"

namespace drydock::native {

using network::Address;
using network::BridgePlan;
using network::PortPlan;

namespace {

// Guard: route_localnet, without which 127.0.0.1:PORT could not be translated, would let containers reach the host's
// loopback; what comes from a bridge for 127.0.0.0/8 is dropped before it is routed.
// Forward: into a bridge goes what belongs to a known connection or was translated by a published port; all else, other
// bridges too, stays out. From and to internal networks nothing is forwarded.
constexpr std::string_view kRules = R"(
add table ip drydock
add set ip drydock bridges { type ifname; }
add set ip drydock internal { type ifname; }
add set ip drydock same_bridge { type ifname . ifname; }
add set ip drydock masqueraded { type ipv4_addr; flags interval; }
add map ip drydock tcp_at { type ipv4_addr . inet_service : ipv4_addr . inet_service; }
add map ip drydock tcp_any { type inet_service : ipv4_addr . inet_service; }
add map ip drydock udp_at { type ipv4_addr . inet_service : ipv4_addr . inet_service; }
add map ip drydock udp_any { type inet_service : ipv4_addr . inet_service; }
add chain ip drydock guard { type filter hook prerouting priority raw; }
add chain ip drydock prerouting { type nat hook prerouting priority dstnat; }
add chain ip drydock output { type nat hook output priority -100; }
add chain ip drydock postrouting { type nat hook postrouting priority srcnat; }
add chain ip drydock forwarding { type filter hook forward priority filter; }
add chain ip drydock published
flush table ip drydock
flush set ip drydock bridges
flush set ip drydock internal
flush set ip drydock same_bridge
flush set ip drydock masqueraded
flush map ip drydock tcp_at
flush map ip drydock tcp_any
flush map ip drydock udp_at
flush map ip drydock udp_any
add rule ip drydock guard iifname @bridges ip daddr 127.0.0.0/8 drop
add rule ip drydock published dnat ip to ip daddr . tcp dport map @tcp_at
add rule ip drydock published dnat ip to tcp dport map @tcp_any
add rule ip drydock published dnat ip to ip daddr . udp dport map @udp_at
add rule ip drydock published dnat ip to udp dport map @udp_any
add rule ip drydock prerouting fib daddr type local jump published
add rule ip drydock output fib daddr type local jump published
add rule ip drydock postrouting ip saddr @masqueraded oifname != @bridges masquerade
add rule ip drydock postrouting ct status dnat ip saddr @masqueraded oifname @bridges masquerade
add rule ip drydock postrouting ip saddr 127.0.0.0/8 oifname @bridges masquerade
add rule ip drydock forwarding iifname @internal drop
add rule ip drydock forwarding oifname @internal drop
add rule ip drydock forwarding oifname @bridges ct state established,related accept
add rule ip drydock forwarding oifname @bridges ct status dnat accept
add rule ip drydock forwarding iifname . oifname @same_bridge accept
add rule ip drydock forwarding oifname @bridges drop
)";

/// Names come from core's plans, but text that reaches a parser is checked where it is put together.
bool is_interface_name(std::string_view name) {
  if (name.empty() || name.size() > 15) return false;
  for (char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

std::string element(std::string_view verb, std::string_view set, std::string_view value) {
  return concat(verb, " element ip drydock ", set, " { ", value, " }\n");
}

std::string bridge_elements(std::string_view verb, const BridgePlan& plan) {
  const std::string name = concat('"', plan.bridge, '"');
  std::string commands = element(verb, "bridges", name);
  commands += element(verb, "same_bridge", concat(name, " . ", name));
  if (plan.internal) commands += element(verb, "internal", name);
  if (plan.masquerade && !plan.internal) commands += element(verb, "masqueraded", plan.gateway.network().str());
  return commands;
}

struct PortElement {
  std::string map;
  std::string key;
  std::string target;
};

PortElement element_of(const PortPlan& plan) {
  PortElement out;
  const bool any = plan.host_address.is_unspecified();
  out.map = concat(network::to_string(plan.protocol), any ? "_any" : "_at");
  out.key = any ? std::to_string(plan.host_port) : concat(plan.host_address.str(), " . ", plan.host_port);
  out.target = concat(plan.container_address.str(), " . ", plan.container_port);
  return out;
}

}  // namespace

void Firewall::FreeContext::operator()(nft_ctx* context) const {
  nft_ctx_free(context);
}

Firewall::Firewall() = default;
Firewall::~Firewall() = default;

Result<void> Firewall::run(const std::string& commands) {
  // Made when it is first needed: the library's caches are several hundred kilobytes.
  if (!context_) {
    context_.reset(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context_) return fail(ErrorKind::internal, "nftables: cannot allocate memory");
    nft_ctx_buffer_error(context_.get());
    nft_ctx_buffer_output(context_.get());
  }
  const bool done = nft_run_cmd_from_buffer(context_.get(), commands.c_str()) == 0;
  const char* said = nft_ctx_get_error_buffer(context_.get());
  static_cast<void>(nft_ctx_get_output_buffer(context_.get()));  // reading empties it
  if (done) return {};
  const std::string_view first_line = std::string_view(said != nullptr ? said : "").substr(0, 300);
  return fail(ErrorKind::not_implemented, "nftables: ", trim(first_line.substr(0, first_line.find('\n'))));
}

void Firewall::run_ignoring_errors(const std::string& commands) {
  static_cast<void>(run(commands));
}

Result<void> Firewall::reset() {
  return run(std::string(kRules));
}

Result<void> Firewall::add_bridge(const BridgePlan& plan) {
  if (!is_interface_name(plan.bridge)) {
    return fail(ErrorKind::invalid_argument, "invalid interface name: ", go_quoted(plan.bridge));
  }
  return run(bridge_elements("add", plan));
}

Result<void> Firewall::remove_bridge(const BridgePlan& plan) {
  if (!is_interface_name(plan.bridge)) {
    return fail(ErrorKind::invalid_argument, "invalid interface name: ", go_quoted(plan.bridge));
  }
  run_ignoring_errors(bridge_elements("delete", plan));
  return {};
}

Result<void> Firewall::publish(const PortPlan& plan) {
  const PortElement port = element_of(plan);
  return run(element("add", port.map, concat(port.key, " : ", port.target)));
}

Result<void> Firewall::unpublish(const PortPlan& plan) {
  const PortElement port = element_of(plan);
  run_ignoring_errors(element("delete", port.map, port.key));
  return {};
}

}  // namespace drydock::native
