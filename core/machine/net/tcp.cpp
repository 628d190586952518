// TCP: binding, connecting, sending and closing. tcp(7), RFC 9293. What comes in: tcp_input.cpp.

#include "machine/net/tcp.h"

#include <algorithm>

#include "machine/net/delivery.h"
#include "machine/net/inet_socket.h"
#include "machine/net/ip.h"
#include "machine/net/links.h"
#include "machine/net/tcp_segment.h"

namespace drydock::machine::net {

namespace {

constexpr std::size_t kTimeWaitsMax = 4096;

bool has_finished(const Kernel& kernel, const TcpEndpoint& endpoint) {
  return endpoint.dies_ns != 0 && endpoint.dies_ns <= kernel.now_ns();
}

TcpKey key_of(const TcpEndpoint& endpoint) {
  return {endpoint.local, endpoint.remote, endpoint.local_port, endpoint.remote_port};
}

/// May both have the same port? tcp(7), SO_REUSEADDR and SO_REUSEPORT.
bool collide(const TcpEndpoint& a, const TcpEndpoint& b, const IpAddress& address, bool v6_only) {
  if (a.device != 0 && b.device != 0 && a.device != b.device) return false;
  const bool a_any = address.is_unspecified(), b_any = b.local.is_unspecified();
  if (!a_any && !b_any && !(address == b.local)) return false;
  if (address.is_v6() != b.local.is_v6()) {
    // :: stands for every IPv4 address too, unless it is IPv6 only.
    const bool both = (address.is_v6() && a_any && !v6_only) || (b.local.is_v6() && b_any && !b.v6_only);
    if (!both) return false;
  }
  if (a.reuse_port && b.reuse_port && a.uid == b.uid) return false;
  return !(a.reuse && b.reuse && b.state != TcpState::listen);
}

bool port_is_taken(Kernel& kernel, const TcpEndpoint& endpoint, const IpAddress& address, std::uint16_t port,
                   bool v6_only) {
  const auto& bound = std::as_const(kernel.net_namespaces)[endpoint.net].tcp_bound;
  const auto range = bound.equal_range(port);
  std::vector<TcpId> finished;
  bool taken = false;
  for (auto entry = range.first; entry != range.second; ++entry) {
    const TcpEndpoint* other = std::as_const(kernel.network.tcp).find(entry->second);
    if (other == nullptr || other->id == endpoint.id) continue;
    if (has_finished(kernel, *other)) {
      finished.push_back(other->id);
    } else if (collide(endpoint, *other, address, v6_only)) {
      taken = true;
    }
  }
  for (TcpId id : finished) forget_endpoint(kernel, id);
  return taken;
}

}  // namespace

TcpId make_endpoint(Kernel& kernel, NetNamespaceId net, FileId file, bool v6) {
  const TcpId id = kernel.network.tcp.emplace();
  TcpEndpoint& endpoint = kernel.network.tcp[id];
  endpoint.id = id;
  endpoint.net = net;
  endpoint.file = file;
  endpoint.v6 = v6;
  endpoint.local = endpoint.remote = IpAddress::any(v6);
  return id;
}

std::uint32_t next_sequence(Kernel& kernel) {
  // RFC 9293 §3.4.1 wants a clock; a clock and a step keep traces repeatable.
  kernel.network.next_sequence += 64'000;
  return kernel.network.next_sequence + static_cast<std::uint32_t>(kernel.now_ns() / 4000);
}

std::uint16_t segment_max_towards(const Kernel& kernel, NetNamespaceId net, const IpAddress& address) {
  const auto route = lookup_route(kernel, net, address);
  if (!route.ok()) return 536;
  const Interface* interface = find_interface(kernel, {net, route->interface});
  if (interface == nullptr) return 536;
  const std::uint32_t headers = address.is_v6() ? 60 : 40;
  return static_cast<std::uint16_t>(std::clamp<std::uint32_t>(interface->mtu, headers + 88, 65535 + headers) - headers);
}

Result<void, Errno> tcp_bind(Kernel& kernel, TcpId id, const IpAddress& address, std::uint16_t port, bool v6_only) {
  TcpEndpoint& endpoint = kernel.network.tcp[id];
  NetNamespace& space = kernel.net_namespaces[endpoint.net];
  if (port == 0) {
    port = choose_port(space, [&](std::uint16_t candidate) { return space.tcp_bound.count(candidate) != 0; });
    if (port == 0) return Errno::eaddrinuse;
  } else if (port_is_taken(kernel, endpoint, address, port, v6_only)) {
    return Errno::eaddrinuse;
  }
  endpoint.v6_only = v6_only;
  endpoint.local = address;
  endpoint.local_port = port;
  endpoint.bound = true;
  space.tcp_bound.emplace(port, id);
  return {};
}

Result<void, Errno> tcp_listen(Kernel& kernel, TcpId id, std::uint32_t backlog) {
  TcpEndpoint& endpoint = kernel.network.tcp[id];
  if (endpoint.state == TcpState::closed) {
    if (!endpoint.bound) TRY(tcp_bind(kernel, id, endpoint.local, 0, endpoint.v6_only));
    const auto& bound = std::as_const(kernel.net_namespaces)[endpoint.net].tcp_bound;
    const auto range = bound.equal_range(endpoint.local_port);
    for (auto entry = range.first; entry != range.second; ++entry) {
      const TcpEndpoint& other = std::as_const(kernel.network.tcp)[entry->second];
      if (other.id == id || other.state != TcpState::listen) continue;
      TcpEndpoint wanting = endpoint;
      wanting.reuse = false;
      if (collide(wanting, other, endpoint.local, endpoint.v6_only)) return Errno::eaddrinuse;
    }
    endpoint.state = TcpState::listen;
  }
  endpoint.backlog = backlog;
  return {};
}

Result<void, Errno> tcp_connect(Kernel& kernel, TcpId id, const IpAddress& wanted, std::uint16_t port) {
  TcpEndpoint& endpoint = kernel.network.tcp[id];
  NetNamespace& space = kernel.net_namespaces[endpoint.net];
  const IpAddress address = wanted.is_unspecified() ? IpAddress::loopback(wanted.is_v6()) : wanted;
  if (address.is_multicast() || is_broadcast_address(space, 0, address)) return Errno::enetunreach;
  const IpAddress source = TRY(source_towards(kernel, endpoint.net, address, endpoint.device));
  if (source.is_unspecified()) return Errno::eaddrnotavail;
  const IpAddress local = endpoint.local.is_unspecified() ? source : endpoint.local;
  if (local.is_v6() != address.is_v6()) return Errno::enetunreach;
  const auto free_with = [&](std::uint16_t candidate) {
    const auto found = space.tcp_connections.find({local, address, candidate, port});
    if (found == space.tcp_connections.end()) return true;
    const TcpEndpoint* other = std::as_const(kernel.network.tcp).find(found->second);
    if (other != nullptr && other->state != TcpState::time_wait) return false;
    forget_endpoint(kernel, found->second);
    return true;
  };
  if (!endpoint.bound) {
    const std::uint16_t chosen = choose_port(space, [&](std::uint16_t candidate) {
      const auto range = space.tcp_bound.equal_range(candidate);
      const bool held = std::any_of(range.first, range.second, [&](const auto& entry) {
        const TcpEndpoint* other = std::as_const(kernel.network.tcp).find(entry.second);
        return other != nullptr && other->remote_port == 0;
      });
      return held || !free_with(candidate);
    });
    if (chosen == 0) return Errno::eaddrnotavail;
    endpoint.local_port = chosen;
    endpoint.bound = true;
    space.tcp_bound.emplace(chosen, id);
  } else if (!free_with(endpoint.local_port)) {
    return Errno::eaddrnotavail;
  }
  endpoint.local = local;
  endpoint.remote = address;
  endpoint.remote_port = port;
  endpoint.segment_max = segment_max_towards(kernel, endpoint.net, address);
  endpoint.send_unacknowledged = next_sequence(kernel);
  endpoint.send_next = endpoint.send_unacknowledged;
  endpoint.state = TcpState::syn_sent;
  endpoint.syn_retries = space.settings.tcp_syn_retries;
  endpoint.retries = 0;
  space.tcp_connections[key_of(endpoint)] = id;
  ++space.counters.tcp_active_opens;
  start_timer(kernel, endpoint);
  // The answer may come, and end the connection, before this returns.
  endpoint.send_next = endpoint.send_unacknowledged + 1;
  send_segment(kernel, endpoint, kTcpSyn);
  return {};
}

std::uint64_t receive_space(const TcpEndpoint& endpoint) {
  return endpoint.receive_limit - std::min<std::uint64_t>(endpoint.receive_limit, endpoint.in.size());
}

namespace {

Packet segment_of(const Kernel& kernel, const TcpEndpoint& endpoint, std::uint8_t flags) {
  Packet packet;
  packet.source = endpoint.local;
  packet.destination = endpoint.remote;
  packet.protocol = kProtocolTcp;
  packet.ttl = static_cast<std::uint8_t>(kernel.net_namespaces[endpoint.net].settings.default_ttl);
  packet.source_port = endpoint.local_port;
  packet.destination_port = endpoint.remote_port;
  packet.tcp_flags = flags;
  packet.sequence = endpoint.send_next;
  packet.window = static_cast<std::uint32_t>(receive_space(endpoint));
  if ((flags & kTcpAck) != 0) packet.acknowledgement = endpoint.receive_next;
  if ((flags & kTcpSyn) != 0) {
    packet.sequence = endpoint.send_unacknowledged;
    packet.segment_max = segment_max_towards(kernel, endpoint.net, endpoint.remote);
  }
  return packet;
}

void emit(Kernel& kernel, NetNamespaceId net, std::uint32_t device, Packet packet) {
  ++kernel.net_namespaces[net].counters.tcp_sent;
  const bool scoped = packet.destination.is_v6() && packet.destination.is_link_local();
  (void)ip_output(kernel, net, std::move(packet), scoped ? device : 0);
}

}  // namespace

void send_segment(Kernel& kernel, const TcpEndpoint& endpoint, std::uint8_t flags) {
  emit(kernel, endpoint.net, endpoint.device, segment_of(kernel, endpoint, flags));
}

void answer_with_reset(Kernel& kernel, NetNamespaceId net, const Packet& packet) {
  if ((packet.tcp_flags & kTcpRst) != 0 || packet.spread) return;
  Packet reset;
  reset.source = packet.destination;
  reset.destination = packet.source;
  reset.protocol = kProtocolTcp;
  reset.source_port = packet.destination_port;
  reset.destination_port = packet.source_port;
  reset.tcp_flags = kTcpRst;
  if ((packet.tcp_flags & kTcpAck) != 0) {
    reset.sequence = packet.acknowledgement;
  } else {
    reset.tcp_flags |= kTcpAck;
    const auto length = static_cast<std::uint32_t>(packet.payload.size());
    reset.acknowledgement = packet.sequence + length + ((packet.tcp_flags & (kTcpSyn | kTcpFin)) != 0 ? 1 : 0);
  }
  ++kernel.net_namespaces[net].counters.tcp_resets_sent;
  emit(kernel, net, packet.came_by, std::move(reset));
}

void tcp_push(Kernel& kernel, TcpId id) {
  TcpEndpoint& endpoint = kernel.network.tcp[id];
  const bool open = endpoint.state == TcpState::established || endpoint.state == TcpState::close_wait ||
                    endpoint.state == TcpState::fin_wait_1 || endpoint.state == TcpState::closing ||
                    endpoint.state == TcpState::last_ack;
  if (!open) return;
  std::vector<Packet> segments;
  while (true) {
    const std::uint32_t in_flight = endpoint.send_next - endpoint.send_unacknowledged;
    if (endpoint.fin_sent && in_flight > endpoint.out.size()) break;
    const std::uint64_t room = endpoint.send_window > in_flight ? endpoint.send_window - in_flight : 0;
    const std::uint64_t left = endpoint.out.size() - in_flight;
    const std::uint64_t count = std::min<std::uint64_t>({left, room, endpoint.segment_max});
    if (count == 0) break;
    Packet packet = segment_of(kernel, endpoint, kTcpAck | (count == left ? kTcpPsh : 0));
    packet.payload = endpoint.out.view(in_flight, count);
    segments.push_back(std::move(packet));
    endpoint.send_next += static_cast<std::uint32_t>(count);
  }
  const bool all_sent = endpoint.send_next - endpoint.send_unacknowledged == endpoint.out.size();
  if (endpoint.fin_wanted && all_sent && (!endpoint.fin_sent || endpoint.retries > 0)) {
    segments.push_back(segment_of(kernel, endpoint, kTcpFin | kTcpAck));
    ++endpoint.send_next;
    endpoint.fin_sent = true;
    if (endpoint.state == TcpState::established) endpoint.state = TcpState::fin_wait_1;
    if (endpoint.state == TcpState::close_wait) endpoint.state = TcpState::last_ack;
  }
  if (endpoint.send_next != endpoint.send_unacknowledged && endpoint.timer_ns == 0) start_timer(kernel, endpoint);
  const NetNamespaceId net = endpoint.net;
  const std::uint32_t device = endpoint.device;
  for (Packet& packet : segments) emit(kernel, net, device, std::move(packet));
}

void tcp_shut_down_writing(Kernel& kernel, TcpId id) {
  TcpEndpoint& endpoint = kernel.network.tcp[id];
  if (endpoint.fin_wanted) return;
  endpoint.fin_wanted = true;
  tcp_push(kernel, id);
}

void tcp_window_opened(Kernel& kernel, TcpId id) {
  TcpEndpoint& endpoint = kernel.network.tcp[id];
  if (!endpoint.window_closed ||
      receive_space(endpoint) < std::min<std::uint64_t>(endpoint.segment_max, endpoint.receive_limit / 2))
    return;
  endpoint.window_closed = false;
  if (endpoint.state == TcpState::established || endpoint.state == TcpState::fin_wait_1 ||
      endpoint.state == TcpState::fin_wait_2)
    send_segment(kernel, endpoint, kTcpAck);
}

void start_timer(Kernel& kernel, TcpEndpoint& endpoint) {
  stop_timer(kernel, endpoint);
  const unsigned doublings = std::min(endpoint.retries, 6u);
  endpoint.timer_ns = kernel.now_ns() + (kTcpRetransmitNs << doublings);
  NetEvent event;
  event.kind = NetEventKind::tcp_timer;
  event.tcp = endpoint.id;
  schedule_event(kernel, endpoint.timer_ns, std::move(event));
}

void stop_timer(Kernel& kernel, TcpEndpoint& endpoint) {
  if (endpoint.timer_ns != 0) cancel_tcp_timer(kernel, endpoint.timer_ns, endpoint.id);
  endpoint.timer_ns = 0;
}

void tcp_timer(Kernel& kernel, TcpId id, std::uint64_t due_ns) {
  TcpEndpoint* endpoint = kernel.network.tcp.find(id);
  if (endpoint == nullptr || endpoint->timer_ns != due_ns) return;
  endpoint->timer_ns = 0;
  const bool opening = endpoint->state == TcpState::syn_sent || endpoint->state == TcpState::syn_received;
  if (++endpoint->retries > (opening ? endpoint->syn_retries : kTcpRetries))
    return end_connection(kernel, id, static_cast<int>(Errno::etimedout));
  ++kernel.net_namespaces[endpoint->net].counters.tcp_retransmitted;
  start_timer(kernel, *endpoint);
  if (opening) {
    send_segment(kernel, *endpoint, endpoint->state == TcpState::syn_sent ? kTcpSyn : kTcpSyn | kTcpAck);
    return;
  }
  endpoint->send_next = endpoint->send_unacknowledged;  // all again, from the first that was not acknowledged
  tcp_push(kernel, id);
}

void forget_endpoint(Kernel& kernel, TcpId id) {
  TcpEndpoint* endpoint = kernel.network.tcp.find(id);
  if (endpoint == nullptr) return;
  stop_timer(kernel, *endpoint);
  NetNamespace& space = kernel.net_namespaces[endpoint->net];
  const auto connection = space.tcp_connections.find(key_of(*endpoint));
  if (connection != space.tcp_connections.end() && connection->second == id) space.tcp_connections.erase(connection);
  const auto range = space.tcp_bound.equal_range(endpoint->local_port);
  for (auto entry = range.first; entry != range.second; ++entry) {
    if (!(entry->second == id)) continue;
    space.tcp_bound.erase(entry);
    break;
  }
  kernel.network.tcp.erase(id);
}

void end_connection(Kernel& kernel, TcpId id, int error) {
  TcpEndpoint* endpoint = kernel.network.tcp.find(id);
  if (endpoint == nullptr) return;
  const FileId file = endpoint->file;
  TcpEndpoint* listener = kernel.network.tcp.find(endpoint->listener);
  const bool embryo = endpoint->state == TcpState::syn_received && listener != nullptr;
  if (embryo && listener->embryos > 0) --listener->embryos;
  if (!file && (listener == nullptr || embryo)) return forget_endpoint(kernel, id);
  // A connection that waits to be accepted is handed out all the same.
  NetNamespace& space = kernel.net_namespaces[endpoint->net];
  stop_timer(kernel, *endpoint);
  const auto connection = space.tcp_connections.find(key_of(*endpoint));
  if (connection != space.tcp_connections.end() && connection->second == id) space.tcp_connections.erase(connection);
  endpoint->state = TcpState::closed;
  endpoint->error = error;
  endpoint->out.clear();
  wake_socket(kernel, file);
}

void enter_time_wait(Kernel& kernel, TcpEndpoint& endpoint) {
  stop_timer(kernel, endpoint);
  endpoint.state = TcpState::time_wait;
  endpoint.dies_ns = kernel.now_ns() + kTcpTimeWaitNs;
  auto& waiting = kernel.net_namespaces[endpoint.net].time_waits;
  waiting.push_back(endpoint.id);
  std::vector<TcpId> finished;
  while (!waiting.empty()) {
    const TcpEndpoint* oldest = std::as_const(kernel.network.tcp).find(waiting.front());
    if (oldest != nullptr && !has_finished(kernel, *oldest) && waiting.size() <= kTimeWaitsMax) break;
    if (oldest != nullptr && !oldest->file && !(oldest->id == endpoint.id)) finished.push_back(oldest->id);
    waiting.pop_front();
  }
  for (TcpId id : finished) forget_endpoint(kernel, id);
}

void tcp_close(Kernel& kernel, TcpId id, bool reset) {
  TcpEndpoint* endpoint = kernel.network.tcp.find(id);
  if (endpoint == nullptr) return;
  endpoint->file = {};
  if (endpoint->state == TcpState::listen) {
    std::vector<TcpId> waiting(endpoint->accept_queue.begin(), endpoint->accept_queue.end());
    if (endpoint->embryos > 0)
      for (TcpId other : kernel.network.tcp.ids()) {
        const TcpEndpoint& embryo = std::as_const(kernel.network.tcp)[other];
        if (embryo.listener == id && embryo.state == TcpState::syn_received) waiting.push_back(other);
      }
    forget_endpoint(kernel, id);
    for (TcpId other : waiting) tcp_close(kernel, other, true);
    return;
  }
  switch (endpoint->state) {
    case TcpState::closed:
    case TcpState::syn_sent:
      return forget_endpoint(kernel, id);
    case TcpState::time_wait:
      return;
    case TcpState::fin_wait_2:
      endpoint->dies_ns = kernel.now_ns() + kTcpTimeWaitNs;
      break;
    default:
      break;
  }
  // RFC 2525 §2.17: what was received and never read is told with a reset.
  if (reset || !endpoint->in.empty()) {
    const TcpEndpoint last = *endpoint;
    ++kernel.net_namespaces[last.net].counters.tcp_resets_sent;
    forget_endpoint(kernel, id);
    send_segment(kernel, last, kTcpRst | kTcpAck);
    return;
  }
  tcp_shut_down_writing(kernel, id);
}

void forget_tcp(Kernel& kernel, NetNamespaceId net) {
  for (TcpId id : kernel.network.tcp.ids())
    if (std::as_const(kernel.network.tcp)[id].net == net) forget_endpoint(kernel, id);
}

}  // namespace drydock::machine::net
