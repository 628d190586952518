// Frames between interfaces: veth pairs, bridges that learn, loopback, wires; address resolution. RFC 826, RFC 4861,
// bridge(8). Not modelled: the spanning tree, VLANs, queueing disciplines. A frame takes kHopNs over a link, whatever
// its size.

#include "machine/net/delivery.h"

#include <algorithm>

#include "machine/kernel/tracer.h"
#include "machine/net/ip.h"
#include "machine/net/links.h"
#include "machine/net/raw_socket.h"

namespace drydock::machine::net {

namespace {

constexpr std::uint64_t kResolveNs = 1'000'000'000, kNeighbourLifeNs = 60'000'000'000;
constexpr unsigned kResolveProbes = 3;

void note_packet(const Kernel& kernel, InterfaceRef ref, const Interface& interface, const Packet& packet) {
  if (kernel.tracer == nullptr) return;
  const std::string text = packet.summary();
  kernel.tracer->packet_passed(kernel, PacketNote{ref.net, interface.name, text, packet.ip_bytes()});
}

void count(InterfaceCounters& counters, const Packet& packet) {
  ++counters.packets;
  counters.bytes += packet.ip_bytes() + 14;
}

/// Out of every port of the bridge that may have it, but not back where it came from.
void flood(Kernel& kernel, InterfaceRef bridge, std::uint32_t from_port, const Packet& packet) {
  const NetNamespace& space = std::as_const(kernel).net_namespaces[bridge.net];
  const auto from = space.interfaces.find(from_port);
  const bool isolated = from != space.interfaces.end() && from->second.isolated;
  std::vector<std::uint32_t> ports;
  for (const auto& entry : space.interfaces)
    if (entry.second.master == bridge.index && entry.first != from_port && !(isolated && entry.second.isolated))
      ports.push_back(entry.first);
  for (std::uint32_t port : ports) transmit(kernel, {bridge.net, port}, packet);
}

/// Where the bridge has seen that address; 0: nowhere.
std::uint32_t port_of(const Kernel& kernel, const Interface& bridge, const MacAddress& mac) {
  const auto found = bridge.fdb.find(mac);
  if (found == bridge.fdb.end() || found->second.seen_ns + kFdbLifeNs < kernel.now_ns()) return 0;
  return found->second.port;
}

void bridge_sends(Kernel& kernel, InterfaceRef bridge, std::uint32_t from_port, const Packet& packet) {
  const Interface& self = *find_interface(std::as_const(kernel), bridge);
  const std::uint32_t port = packet.mac_destination.is_group() ? 0 : port_of(kernel, self, packet.mac_destination);
  if (port == 0) return flood(kernel, bridge, from_port, packet);
  const Interface* to = find_interface(std::as_const(kernel), {bridge.net, port});
  const Interface* from = find_interface(std::as_const(kernel), {bridge.net, from_port});
  if (to == nullptr || port == from_port || (from != nullptr && from->isolated && to->isolated)) return;
  transmit(kernel, {bridge.net, port}, packet);
}

void host_receives(Kernel& kernel, InterfaceRef at, Packet packet);

void bridge_receives(Kernel& kernel, InterfaceRef bridge, std::uint32_t port, const Packet& packet) {
  Interface* self = find_interface(kernel, bridge);
  if (self == nullptr || !self->up) return;
  if (!packet.mac_source.is_group() && (self->fdb.size() < kFdbEntriesMax || self->fdb.count(packet.mac_source) != 0))
    self->fdb[packet.mac_source] = FdbEntry{port, kernel.now_ns()};
  const bool group = packet.mac_destination.is_group();
  if (group || packet.mac_destination == self->mac) {
    count(self->received, packet);
    host_receives(kernel, bridge, packet);
  }
  if (group || !(packet.mac_destination == self->mac)) bridge_sends(kernel, bridge, port, packet);
}

void send_request(Kernel& kernel, InterfaceRef from, const IpAddress& address) {
  const Interface* interface = find_interface(std::as_const(kernel), from);
  if (interface == nullptr) return;
  Packet request;
  request.kind = PacketKind::resolve_request;
  request.mac_source = interface->mac;
  request.mac_destination = MacAddress::broadcast();
  request.source = choose_source(kernel, from.net, address, from.index);
  request.destination = address;
  transmit(kernel, from, std::move(request));
}

void learn(Kernel& kernel, InterfaceRef at, const IpAddress& address, const MacAddress& mac, bool create) {
  auto& neighbours = kernel.net_namespaces[at.net].neighbours;
  auto found = neighbours.find({at.index, address});
  if (found == neighbours.end()) {
    if (!create || neighbours.size() >= kNeighboursMax) return;
    found = neighbours.emplace(NeighbourKey{at.index, address}, Neighbour{}).first;
  }
  Neighbour& neighbour = found->second;
  if (neighbour.state == NeighbourState::permanent) return;
  neighbour.state = NeighbourState::reachable;
  neighbour.mac = mac;
  neighbour.since_ns = kernel.now_ns();
  neighbour.probes = 0;
  std::vector<Packet> waiting = std::move(neighbour.waiting);
  neighbour.waiting.clear();
  for (auto event = kernel.network.events.begin(); event != kernel.network.events.end();) {
    const bool stale = event->second.kind == NetEventKind::resolve_timeout && event->second.at == at &&
                       event->second.neighbour == address;
    event = stale ? kernel.network.events.erase(event) : std::next(event);
  }
  for (Packet& packet : waiting) send_to_neighbour(kernel, at, address, std::move(packet));
}

/// An address resolution message for this host.
void resolve_message(Kernel& kernel, InterfaceRef at, const Packet& packet) {
  const bool asked = packet.kind == PacketKind::resolve_request;
  const bool ours = is_local_address(kernel, at.net, packet.destination) && !packet.destination.is_loopback();
  if (!packet.source.is_unspecified()) learn(kernel, at, packet.source, packet.mac_source, ours);
  if (!asked || !ours) return;
  Packet reply;
  reply.kind = PacketKind::resolve_reply;
  reply.mac_source = find_interface(std::as_const(kernel), at)->mac;
  reply.mac_destination = packet.mac_source;
  reply.source = packet.destination;
  reply.destination = packet.source;
  transmit(kernel, at, std::move(reply));
}

void host_receives(Kernel& kernel, InterfaceRef at, Packet packet) {
  packet_sockets_receive(kernel, at, packet, false);
  if (packet.kind != PacketKind::ip) return resolve_message(kernel, at, packet);
  const Interface* interface = find_interface(std::as_const(kernel), at);
  if (interface == nullptr) return;
  if (!packet.mac_destination.is_group() && !(packet.mac_destination == interface->mac)) return;
  ip_input(kernel, at, std::move(packet));
}

}  // namespace

void schedule_event(Kernel& kernel, std::uint64_t at_ns, NetEvent event) {
  if (kernel.network.events.size() >= kFramesInFlightMax && event.kind == NetEventKind::frame) return;  // lost
  kernel.network.events.emplace(at_ns, std::move(event));
}

void cancel_tcp_timer(Kernel& kernel, std::uint64_t at_ns, TcpId tcp) {
  auto range = kernel.network.events.equal_range(at_ns);
  for (auto event = range.first; event != range.second; ++event) {
    if (event->second.kind != NetEventKind::tcp_timer || !(event->second.tcp == tcp)) continue;
    kernel.network.events.erase(event);
    return;
  }
}

void deliver_locally(Kernel& kernel, NetNamespaceId net, Packet packet) {
  if (kernel.network.local.size() >= kFramesInFlightMax) return;
  kernel.network.local.emplace_back(net, std::move(packet));
}

void run_local_deliveries(Kernel& kernel) {
  Stack& network = kernel.network;
  if (network.delivering) return;
  network.delivering = true;
  while (!network.local.empty()) {
    std::pair<NetNamespaceId, Packet> next = std::move(network.local.front());
    network.local.pop_front();
    const InterfaceRef lo{next.first, 1};
    Interface* interface = find_interface(kernel, lo);
    if (interface == nullptr || !interface->up) continue;
    count(interface->sent, next.second);
    count(interface->received, next.second);
    note_packet(kernel, lo, *interface, next.second);
    packet_sockets_receive(kernel, lo, next.second, false);
    ip_input(kernel, lo, std::move(next.second));
  }
  network.delivering = false;
}

void transmit(Kernel& kernel, InterfaceRef from, Packet packet) {
  Interface* interface = find_interface(kernel, from);
  if (interface == nullptr) return;
  if (!interface->up || ++packet.hops == 0) {
    ++interface->sent.dropped;
    return;
  }
  packet.connection = 0;
  packet.reply = false;
  count(interface->sent, packet);
  note_packet(kernel, from, *interface, packet);
  packet_sockets_receive(kernel, from, packet, true);
  switch (interface->kind) {
    case InterfaceKind::loopback:
      deliver_locally(kernel, from.net, std::move(packet));
      return;
    case InterfaceKind::bridge:
      bridge_sends(kernel, from, 0, packet);
      return;
    case InterfaceKind::dummy:
      return;
    case InterfaceKind::wire:
      if (kernel.network.wire_out.size() < kWireFramesMax)
        kernel.network.wire_out.push_back({interface->wire, kernel.now_ns(), std::move(packet)});
      return;
    case InterfaceKind::veth:
      break;
  }
  NetEvent event;
  event.at = interface->peer;
  event.packet = std::move(packet);
  if (event.at) schedule_event(kernel, kernel.now_ns() + kHopNs, std::move(event));
}

void frame_arrives(Kernel& kernel, InterfaceRef at, Packet packet) {
  Interface* interface = find_interface(kernel, at);
  if (interface == nullptr || !interface->up) return;
  count(interface->received, packet);
  note_packet(kernel, at, *interface, packet);
  if (interface->master != 0) {
    packet_sockets_receive(kernel, at, packet, false);
    return bridge_receives(kernel, {at.net, interface->master}, at.index, packet);
  }
  host_receives(kernel, at, std::move(packet));
}

void send_to_neighbour(Kernel& kernel, InterfaceRef from, const IpAddress& next, Packet packet) {
  const Interface* interface = find_interface(std::as_const(kernel), from);
  if (interface == nullptr) return;
  packet.mac_source = interface->mac;
  const NetNamespace& space = std::as_const(kernel).net_namespaces[from.net];
  if (packet.spread || next.is_multicast() || is_broadcast_address(space, from.index, next)) {
    packet.spread = true;
    packet.mac_destination = MacAddress::broadcast();
    return transmit(kernel, from, std::move(packet));
  }
  if (interface->kind == InterfaceKind::loopback || interface->kind == InterfaceKind::dummy)
    return transmit(kernel, from, std::move(packet));
  auto& neighbours = kernel.net_namespaces[from.net].neighbours;
  if (neighbours.size() >= kNeighboursMax)
    std::erase_if(neighbours, [](const auto& entry) { return entry.second.state == NeighbourState::failed; });
  if (neighbours.size() >= kNeighboursMax && neighbours.count({from.index, next}) == 0) return;
  Neighbour& neighbour = neighbours[{from.index, next}];
  const bool fresh = neighbour.since_ns + kNeighbourLifeNs > kernel.now_ns();
  if (neighbour.state == NeighbourState::permanent || (neighbour.state == NeighbourState::reachable && fresh)) {
    packet.mac_destination = neighbour.mac;
    return transmit(kernel, from, std::move(packet));
  }
  if (neighbour.waiting.size() < kUnresolvedPacketsMax) neighbour.waiting.push_back(std::move(packet));
  if (neighbour.state == NeighbourState::incomplete && neighbour.probes > 0) return;
  neighbour.state = NeighbourState::incomplete;
  neighbour.probes = 1;
  neighbour.since_ns = kernel.now_ns();
  NetEvent event;
  event.kind = NetEventKind::resolve_timeout;
  event.at = from;
  event.neighbour = next;
  schedule_event(kernel, kernel.now_ns() + kResolveNs, std::move(event));
  send_request(kernel, from, next);
}

void resolve_timeout(Kernel& kernel, InterfaceRef ref, const IpAddress& address) {
  NetNamespace* space = kernel.net_namespaces.find(ref.net);
  if (space == nullptr) return;
  const auto found = space->neighbours.find({ref.index, address});
  if (found == space->neighbours.end() || found->second.state != NeighbourState::incomplete) return;
  Neighbour& neighbour = found->second;
  if (neighbour.probes < kResolveProbes) {
    ++neighbour.probes;
    NetEvent event;
    event.kind = NetEventKind::resolve_timeout;
    event.at = ref;
    event.neighbour = address;
    schedule_event(kernel, kernel.now_ns() + kResolveNs, std::move(event));
    return send_request(kernel, ref, address);
  }
  neighbour.state = NeighbourState::failed;
  neighbour.probes = 0;
  const std::vector<Packet> waiting = std::move(neighbour.waiting);
  neighbour.waiting.clear();
  for (const Packet& packet : waiting) send_icmp_error(kernel, ref, packet, kIcmpUnreachable, kUnreachableHost);
}

void forget_neighbours(Kernel& kernel, InterfaceRef ref) {
  std::erase_if(kernel.net_namespaces[ref.net].neighbours,
                [&](const auto& entry) { return entry.first.first == ref.index; });
  for (auto event = kernel.network.events.begin(); event != kernel.network.events.end();) {
    const bool stale = event->second.kind == NetEventKind::resolve_timeout && event->second.at == ref;
    event = stale ? kernel.network.events.erase(event) : std::next(event);
  }
}

}  // namespace drydock::machine::net
