// Connection tracking and address translation. RFC 3022; iptables-extensions(8), DNAT and MASQUERADE.
// A connection that was redirected to where it came from (a published port of a neighbour on the same bridge), or that
// came from a loopback address, is masqueraded too, so that the answers find their way back through this host.

#include "machine/net/nat.h"

#include <algorithm>
#include <tuple>

#include "machine/net/ip.h"
#include "machine/net/links.h"

namespace drydock::machine::net {

bool operator<(const FlowKey& a, const FlowKey& b) {
  if (a.protocol != b.protocol) return a.protocol < b.protocol;
  if (a.source_port != b.source_port) return a.source_port < b.source_port;
  if (a.destination_port != b.destination_port) return a.destination_port < b.destination_port;
  if (!(a.source == b.source)) return a.source < b.source;
  return a.destination < b.destination;
}

bool operator==(const FlowKey& a, const FlowKey& b) {
  return !(a < b) && !(b < a);
}

namespace {

constexpr std::uint16_t kNatPortFirst = 32768;

FlowKey inverse(const FlowKey& key) {
  return {key.protocol, key.destination, key.source, key.destination_port, key.source_port};
}

/// Nothing for what is not tracked: ICMP errors and other protocols' messages.
bool flow_of(const Packet& packet, FlowKey* key) {
  *key = {packet.protocol, packet.source, packet.destination, packet.source_port, packet.destination_port};
  if (packet.protocol == kProtocolTcp || packet.protocol == kProtocolUdp) return true;
  if (!packet.is_icmp() || (packet.icmp_type != kIcmpEcho && packet.icmp_type != kIcmpEchoReply)) return false;
  key->source_port = key->destination_port = packet.echo_id;
  return true;
}

void set_source(Packet& packet, const IpAddress& address, std::uint16_t port) {
  packet.source = address;
  if (packet.is_icmp()) {
    packet.echo_id = port;
  } else {
    packet.source_port = port;
  }
}

void set_destination(Packet& packet, const IpAddress& address, std::uint16_t port) {
  packet.destination = address;
  if (packet.is_icmp()) {
    packet.echo_id = port;
  } else {
    packet.destination_port = port;
  }
}

void forget_connection(Firewall& firewall, std::uint32_t id) {
  const auto found = firewall.connections.find(id);
  if (found == firewall.connections.end()) return;
  for (const FlowKey& key : {found->second.original, found->second.reply}) {
    const auto flow = firewall.by_flow.find(key);
    if (flow != firewall.by_flow.end() && flow->second == id) firewall.by_flow.erase(flow);
  }
  firewall.connections.erase(found);
}

void forget_old(Firewall& firewall, std::uint64_t now_ns) {
  std::vector<std::uint32_t> old;
  for (const auto& entry : firewall.connections)
    if (entry.second.last_ns + kConnectionLifeNs < now_ns) old.push_back(entry.first);
  if (old.empty() && !firewall.connections.empty()) old.push_back(firewall.connections.begin()->first);
  for (std::uint32_t id : old) forget_connection(firewall, id);
}

const DnatRule* dnat_for(const Kernel& kernel, NetNamespaceId net, const FlowKey& key) {
  for (const DnatRule& rule : kernel.net_namespaces[net].firewall.dnat) {
    if (rule.protocol != key.protocol || rule.host_port != key.destination_port) continue;
    if (rule.container_address.is_v6() != key.destination.is_v6()) continue;
    const bool fits = rule.host_address.is_unspecified() ? is_local_address(kernel, net, key.destination)
                                                         : rule.host_address == key.destination;
    if (fits) return &rule;
  }
  return nullptr;
}

/// An ICMP error about a translated packet is itself translated back.
void translate_error(Firewall& firewall, Packet& packet) {
  if (!packet.is_icmp_error() || !packet.quoted) return;
  QuotedPacket& quoted = *packet.quoted;
  FlowKey key{quoted.protocol, quoted.source, quoted.destination, quoted.source_port, quoted.destination_port};
  if (quoted.protocol == kProtocolIcmp || quoted.protocol == kProtocolIcmp6) key.destination_port = key.source_port;
  const auto flow = firewall.by_flow.find(inverse(key));
  if (flow == firewall.by_flow.end()) return;
  const Connection& connection = firewall.connections.at(flow->second);
  const bool about_original = connection.reply == flow->first;
  const FlowKey before = about_original ? connection.original : connection.reply;
  quoted.source = before.source;
  quoted.source_port = before.source_port;
  quoted.destination = before.destination;
  quoted.destination_port = before.destination_port;
  packet.destination = before.source;
}

/// The connection's source becomes `address`, with its own port where that is free.
void masquerade(Firewall& firewall, std::uint32_t id, const IpAddress& address) {
  Connection& connection = firewall.connections.at(id);
  FlowKey reply = connection.reply;
  reply.destination = address;
  const auto taken = [&](const FlowKey& key) {
    const auto found = firewall.by_flow.find(key);
    return found != firewall.by_flow.end() && found->second != id;
  };
  for (std::uint32_t tries = 0; taken(reply) && tries < 28000; ++tries) {
    reply.destination_port = static_cast<std::uint16_t>(kNatPortFirst + firewall.next_port++ % 28000);
    if (reply.protocol == kProtocolIcmp || reply.protocol == kProtocolIcmp6) reply.source_port = reply.destination_port;
  }
  firewall.by_flow.erase(connection.reply);
  connection.reply = reply;
  firewall.by_flow[reply] = id;
}

bool wants_masquerade(const Kernel& kernel, NetNamespaceId net, const Connection& connection, std::uint32_t in,
                      std::uint32_t out) {
  const NetNamespace& space = kernel.net_namespaces[net];
  const Interface& leaves = space.interfaces.at(out);
  const bool redirected = !(connection.reply.source == connection.original.destination);
  if (redirected && (in == out || connection.original.source.is_loopback())) return true;
  for (const MasqueradeRule& rule : space.firewall.masquerade)
    if (rule.source.contains(connection.original.source) && leaves.name != rule.inside) return true;
  return false;
}

}  // namespace

void nat_input(Kernel& kernel, NetNamespaceId net, Packet& packet, std::uint32_t in) {
  Firewall& firewall = kernel.net_namespaces[net].firewall;
  if (!firewall.active()) return;
  (void)in;
  FlowKey key;
  if (!flow_of(packet, &key)) return translate_error(firewall, packet);
  const auto found = firewall.by_flow.find(key);
  if (found != firewall.by_flow.end()) {
    Connection& connection = firewall.connections.at(found->second);
    packet.connection = found->second;
    packet.reply = !(connection.original == key);
    connection.last_ns = kernel.now_ns();
    connection.answered = connection.answered || packet.reply;
    const FlowKey& towards = packet.reply ? connection.original : connection.reply;
    set_destination(packet, towards.source, towards.source_port);
    return;
  }
  if (packet.protocol == kProtocolTcp && (packet.tcp_flags & kTcpSyn) == 0) return;  // of none that is known
  if (packet.spread) return;
  Connection connection;
  connection.original = key;
  connection.reply = inverse(key);
  connection.last_ns = kernel.now_ns();
  if (const DnatRule* rule = dnat_for(kernel, net, key)) {
    connection.reply.source = rule->container_address;
    connection.reply.source_port = rule->container_port;
    set_destination(packet, rule->container_address, rule->container_port);
  }
  if (firewall.by_flow.count(connection.reply) != 0) return;
  if (firewall.connections.size() >= kConnectionsMax) forget_old(firewall, kernel.now_ns());
  const std::uint32_t id = firewall.next_connection++;
  firewall.by_flow[connection.original] = id;
  firewall.by_flow[connection.reply] = id;
  firewall.connections.emplace(id, connection);
  packet.connection = id;
}

void nat_output(Kernel& kernel, NetNamespaceId net, Packet& packet, std::uint32_t in, std::uint32_t out) {
  NetNamespace& space = kernel.net_namespaces[net];
  const auto found = space.firewall.connections.find(packet.connection);
  if (packet.connection == 0 || found == space.firewall.connections.end()) return;
  Connection& connection = found->second;
  if (!packet.reply && !connection.confirmed) {
    connection.confirmed = true;
    if (wants_masquerade(kernel, net, connection, in, out)) {
      const IpAddress own = choose_source(kernel, net, packet.destination, out);
      if (!own.is_unspecified()) masquerade(space.firewall, packet.connection, own);
    }
  }
  const FlowKey& from = packet.reply ? connection.original : connection.reply;
  set_source(packet, from.destination, from.destination_port);
}

void nat_local_in(Kernel& kernel, NetNamespaceId net, Packet& packet) {
  Firewall& firewall = kernel.net_namespaces[net].firewall;
  const auto found = firewall.connections.find(packet.connection);
  if (packet.connection == 0 || found == firewall.connections.end()) return;
  if (!packet.reply) {
    found->second.confirmed = true;
    return;
  }
  set_source(packet, found->second.original.destination, found->second.original.destination_port);
}

void nat_local_out_done(Kernel& kernel, NetNamespaceId net, Packet& packet) {
  // Seen on lo it would be taken for a second packet, which is right: the connection is found by its flow there.
  nat_local_in(kernel, net, packet);
  packet.connection = 0;
}

Verdict forward_verdict(const NetNamespace& space, std::uint32_t in, std::uint32_t out, const Packet& packet) {
  const std::string& in_name = space.interfaces.at(in).name;
  const std::string& out_name = space.interfaces.at(out).name;
  const auto found = space.firewall.connections.find(packet.connection);
  const bool known = found != space.firewall.connections.end() && found->second.answered;
  for (const ForwardRule& rule : space.firewall.forward) {
    if (!rule.in.empty() && (rule.in == in_name) == rule.not_in) continue;
    if (!rule.out.empty() && (rule.out == out_name) == rule.not_out) continue;
    if (rule.only_new && (known || packet.is_icmp_error())) continue;
    if (rule.destination.length != 0 && !rule.destination.contains(packet.destination)) continue;
    if (rule.protocol != 0 && rule.protocol != packet.protocol) continue;
    if (rule.destination_port != 0 && rule.destination_port != packet.destination_port) continue;
    return rule.verdict;
  }
  return space.firewall.forward_policy;
}

namespace {

bool same(const DnatRule& a, const DnatRule& b) {
  return a.protocol == b.protocol && a.host_port == b.host_port && a.host_address == b.host_address &&
         a.container_address == b.container_address && a.container_port == b.container_port;
}

bool same(const MasqueradeRule& a, const MasqueradeRule& b) {
  return a.source == b.source && a.inside == b.inside;
}

bool same(const ForwardRule& a, const ForwardRule& b) {
  return a.in == b.in && a.out == b.out && a.not_in == b.not_in && a.not_out == b.not_out && a.only_new == b.only_new &&
         a.destination == b.destination && a.protocol == b.protocol && a.destination_port == b.destination_port &&
         a.verdict == b.verdict;
}

template <class Rule>
Result<void, Errno> append(std::vector<Rule>& rules, const Rule& rule) {
  if (rules.size() >= kRulesMax) return Errno::enospc;
  rules.push_back(rule);
  return {};
}

template <class Rule>
Result<void, Errno> remove(std::vector<Rule>& rules, const Rule& rule) {
  const auto found = std::find_if(rules.begin(), rules.end(), [&](const Rule& present) { return same(present, rule); });
  if (found == rules.end()) return Errno::enoent;
  rules.erase(found);
  return {};
}

}  // namespace

Result<void, Errno> add_dnat(NetNamespace& space, const DnatRule& rule) {
  for (const DnatRule& present : space.firewall.dnat) {
    const bool overlap = present.host_address == rule.host_address || present.host_address.is_unspecified() ||
                         rule.host_address.is_unspecified();
    if (overlap && present.protocol == rule.protocol && present.host_port == rule.host_port &&
        present.container_address.is_v6() == rule.container_address.is_v6())
      return Errno::eexist;
  }
  return append(space.firewall.dnat, rule);
}

Result<void, Errno> remove_dnat(NetNamespace& space, const DnatRule& rule) {
  TRY(remove(space.firewall.dnat, rule));
  std::vector<std::uint32_t> stale;
  for (const auto& entry : space.firewall.connections) {
    const Connection& connection = entry.second;
    if (connection.original.protocol == rule.protocol && connection.reply.source == rule.container_address &&
        connection.original.destination_port == rule.host_port)
      stale.push_back(entry.first);
  }
  for (std::uint32_t id : stale) forget_connection(space.firewall, id);
  return {};
}

Result<void, Errno> add_masquerade(NetNamespace& space, const MasqueradeRule& rule) {
  return append(space.firewall.masquerade, rule);
}
Result<void, Errno> remove_masquerade(NetNamespace& space, const MasqueradeRule& rule) {
  return remove(space.firewall.masquerade, rule);
}
Result<void, Errno> add_forward_rule(NetNamespace& space, const ForwardRule& rule) {
  return append(space.firewall.forward, rule);
}
Result<void, Errno> remove_forward_rule(NetNamespace& space, const ForwardRule& rule) {
  return remove(space.firewall.forward, rule);
}

}  // namespace drydock::machine::net
