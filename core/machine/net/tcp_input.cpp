// TCP: what comes in. RFC 9293 §3.10.7, "SEGMENT ARRIVES", in its order of checks. What comes out of order is dropped
// and asked for again: links do not reorder.

#include <algorithm>

#include "machine/net/delivery.h"
#include "machine/net/ip.h"
#include "machine/net/socket.h"
#include "machine/net/tcp.h"
#include "machine/net/tcp_segment.h"

namespace drydock::machine::net {

namespace {

TcpId find_connection(const NetNamespace& space, const Packet& packet) {
  const auto found =
      space.tcp_connections.find({packet.destination, packet.source, packet.destination_port, packet.source_port});
  return found == space.tcp_connections.end() ? TcpId{} : found->second;
}

TcpId find_listener(const Kernel& kernel, InterfaceRef at, const Packet& packet) {
  const NetNamespace& space = kernel.net_namespaces[at.net];
  const auto range = space.tcp_bound.equal_range(packet.destination_port);
  TcpId best;
  int best_score = -1;
  for (auto entry = range.first; entry != range.second; ++entry) {
    const TcpEndpoint* endpoint = kernel.network.tcp.find(entry->second);
    if (endpoint == nullptr || endpoint->state != TcpState::listen) continue;
    if (endpoint->device != 0 && endpoint->device != at.index) continue;
    const bool any = endpoint->local.is_unspecified();
    const bool same_family = endpoint->v6 == packet.destination.is_v6();
    if (!any && !(endpoint->local == packet.destination)) continue;
    if (any && !same_family && (!endpoint->v6 || endpoint->v6_only || packet.destination.is_v6())) continue;
    const int score = (any ? 0 : 4) + (same_family ? 2 : 0) + (endpoint->device != 0 ? 1 : 0);
    if (score <= best_score) continue;
    best = endpoint->id;
    best_score = score;
  }
  return best;
}

/// A SYN for a listener: a connection in SYN_RECV is made.
void open_passively(Kernel& kernel, InterfaceRef at, TcpId listener_id, const Packet& packet) {
  TcpEndpoint& listener = kernel.network.tcp[listener_id];
  NetNamespace& space = kernel.net_namespaces[at.net];
  // listen(2): a full queue makes the SYN unheard; the other end tries again.
  if (listener.accept_queue.size() > listener.backlog || listener.embryos > listener.backlog + 1) return;
  const TcpId id = make_endpoint(kernel, at.net, FileId{}, packet.destination.is_v6());
  TcpEndpoint& endpoint = kernel.network.tcp[id];
  endpoint.v6 = listener.v6;
  endpoint.v6_only = listener.v6_only;
  endpoint.reuse = listener.reuse;
  endpoint.reuse_port = listener.reuse_port;
  endpoint.uid = listener.uid;
  endpoint.send_limit = listener.send_limit;
  endpoint.receive_limit = listener.receive_limit;
  endpoint.device = listener.device;
  if (packet.source.is_v6() && packet.source.is_link_local()) endpoint.device = at.index;
  endpoint.local = packet.destination;
  endpoint.local_port = packet.destination_port;
  endpoint.remote = packet.source;
  endpoint.remote_port = packet.source_port;
  endpoint.bound = true;
  endpoint.state = TcpState::syn_received;
  endpoint.listener = listener_id;
  endpoint.receive_next = packet.sequence + 1;
  endpoint.send_unacknowledged = next_sequence(kernel);
  endpoint.send_next = endpoint.send_unacknowledged + 1;
  endpoint.send_window = packet.window;
  endpoint.segment_max = std::min(segment_max_towards(kernel, at.net, packet.source),
                                  packet.segment_max == 0 ? std::uint16_t{536} : packet.segment_max);
  ++listener.embryos;
  space.tcp_connections[{endpoint.local, endpoint.remote, endpoint.local_port, endpoint.remote_port}] = id;
  space.tcp_bound.emplace(endpoint.local_port, id);
  start_timer(kernel, endpoint);
  send_segment(kernel, endpoint, kTcpSyn | kTcpAck);
}

/// In SYN_SENT. True when the connection stands.
void answer_to_syn(Kernel& kernel, TcpId id, const Packet& packet) {
  TcpEndpoint& endpoint = kernel.network.tcp[id];
  NetNamespace& space = kernel.net_namespaces[endpoint.net];
  const bool acknowledged = (packet.tcp_flags & kTcpAck) != 0;
  if (acknowledged && packet.acknowledgement != endpoint.send_next)
    return answer_with_reset(kernel, endpoint.net, packet);
  if ((packet.tcp_flags & kTcpRst) != 0) {
    if (!acknowledged) return;
    ++space.counters.tcp_failed;
    return end_connection(kernel, id, static_cast<int>(Errno::econnrefused));
  }
  if ((packet.tcp_flags & kTcpSyn) == 0) return;
  endpoint.receive_next = packet.sequence + 1;
  endpoint.send_window = packet.window;
  if (packet.segment_max != 0) endpoint.segment_max = std::min(endpoint.segment_max, packet.segment_max);
  if (!acknowledged) {  // both ends have called at once
    endpoint.state = TcpState::syn_received;
    return send_segment(kernel, endpoint, kTcpSyn | kTcpAck);
  }
  stop_timer(kernel, endpoint);
  endpoint.retries = 0;
  endpoint.send_unacknowledged = packet.acknowledgement;
  endpoint.state = TcpState::established;
  wake_socket(kernel, endpoint.file);
  send_segment(kernel, endpoint, kTcpAck);
  if (kernel.network.tcp.find(id) != nullptr) tcp_push(kernel, id);
}

/// The third segment of the handshake. False: it was not that, or nobody listens any more.
bool establish(Kernel& kernel, TcpEndpoint& endpoint, const Packet& packet) {
  if (packet.acknowledgement != endpoint.send_next) {
    answer_with_reset(kernel, endpoint.net, packet);
    return false;
  }
  stop_timer(kernel, endpoint);
  endpoint.retries = 0;
  endpoint.send_unacknowledged = packet.acknowledgement;
  endpoint.state = TcpState::established;
  if (endpoint.file) {
    wake_socket(kernel, endpoint.file);
    return true;
  }
  TcpEndpoint* listener = kernel.network.tcp.find(endpoint.listener);
  if (listener == nullptr || listener->state != TcpState::listen) {
    tcp_close(kernel, endpoint.id, true);
    return false;
  }
  if (listener->embryos > 0) --listener->embryos;
  listener->accept_queue.push_back(endpoint.id);
  ++kernel.net_namespaces[endpoint.net].counters.tcp_passive_opens;
  wake_socket(kernel, listener->file);
  return true;
}

/// Takes what is acknowledged off the queue. False when the endpoint is gone.
bool take_acknowledgement(Kernel& kernel, TcpEndpoint& endpoint, const Packet& packet) {
  const std::uint32_t acknowledged = packet.acknowledgement - endpoint.send_unacknowledged;
  // After a timeout everything is sent anew, but what was sent before may be acknowledged yet.
  const std::uint64_t most = endpoint.out.size() + (endpoint.fin_sent ? 1 : 0);
  if (acknowledged > most) return true;
  endpoint.send_window = packet.window;
  if (acknowledged == 0) return true;
  const bool fin_acknowledged = endpoint.fin_sent && acknowledged == most;
  endpoint.out.consume(std::min<std::size_t>(acknowledged, endpoint.out.size()));
  endpoint.bytes_acknowledged += acknowledged;
  endpoint.send_unacknowledged = packet.acknowledgement;
  if (sequence_before(endpoint.send_next, endpoint.send_unacknowledged)) endpoint.send_next = packet.acknowledgement;
  endpoint.retries = 0;
  stop_timer(kernel, endpoint);
  if (endpoint.send_next != endpoint.send_unacknowledged) start_timer(kernel, endpoint);
  wake_socket(kernel, endpoint.file);
  if (!fin_acknowledged) return true;
  switch (endpoint.state) {
    case TcpState::fin_wait_1:
      endpoint.state = TcpState::fin_wait_2;
      if (!endpoint.file) endpoint.dies_ns = kernel.now_ns() + kTcpTimeWaitNs;
      return true;
    case TcpState::closing:
      enter_time_wait(kernel, endpoint);
      return true;
    case TcpState::last_ack:
      end_connection(kernel, endpoint.id, 0);
      return false;
    default:
      return true;
  }
}

/// Data in order. False when the endpoint is gone: data for a program that has closed are answered with a reset.
bool take_data(Kernel& kernel, TcpEndpoint& endpoint, const Packet& packet, bool* answer) {
  if (packet.payload.empty()) return true;
  *answer = true;
  const std::uint32_t known = endpoint.receive_next - packet.sequence;  // of them, those that came before
  if (static_cast<std::int32_t>(known) < 0 || known > packet.payload.size()) return true;
  if (endpoint.fin_received) return true;
  if (!endpoint.file && !endpoint.listener) {
    const TcpEndpoint last = endpoint;
    forget_endpoint(kernel, last.id);
    send_segment(kernel, last, kTcpRst | kTcpAck);
    return false;
  }
  const std::string_view fresh = std::string_view(packet.payload).substr(known, receive_space(endpoint));
  endpoint.in.append(fresh);
  endpoint.bytes_received += fresh.size();
  endpoint.receive_next += static_cast<std::uint32_t>(fresh.size());
  endpoint.window_closed = receive_space(endpoint) < endpoint.segment_max;
  wake_socket(kernel, endpoint.file);
  return true;
}

void take_fin(Kernel& kernel, TcpEndpoint& endpoint, const Packet& packet, bool* answer) {
  if ((packet.tcp_flags & kTcpFin) == 0) return;
  *answer = true;
  if (packet.sequence + static_cast<std::uint32_t>(packet.payload.size()) != endpoint.receive_next) return;
  ++endpoint.receive_next;
  endpoint.fin_received = true;
  switch (endpoint.state) {
    case TcpState::established:
      endpoint.state = TcpState::close_wait;
      break;
    case TcpState::fin_wait_1:
      endpoint.state = TcpState::closing;
      break;
    case TcpState::fin_wait_2:
      enter_time_wait(kernel, endpoint);
      break;
    default:
      break;
  }
  wake_socket(kernel, endpoint.file);
}

void connection_reset(Kernel& kernel, TcpEndpoint& endpoint, const Packet& packet) {
  // RFC 5961 §3.2: only one that is exactly in place counts.
  if (packet.sequence != endpoint.receive_next) return;
  ++kernel.net_namespaces[endpoint.net].counters.tcp_resets;
  if (endpoint.state == TcpState::time_wait) return;
  const bool half_closed = endpoint.state == TcpState::close_wait;
  end_connection(kernel, endpoint.id, static_cast<int>(half_closed ? Errno::epipe : Errno::econnreset));
}

void segment_arrives(Kernel& kernel, TcpId id, const Packet& packet) {
  TcpEndpoint& endpoint = kernel.network.tcp[id];
  if (endpoint.state == TcpState::syn_sent) return answer_to_syn(kernel, id, packet);
  if ((packet.tcp_flags & kTcpRst) != 0) return connection_reset(kernel, endpoint, packet);
  if ((packet.tcp_flags & kTcpSyn) != 0 && endpoint.state == TcpState::syn_received) {
    if ((packet.tcp_flags & kTcpAck) == 0) return send_segment(kernel, endpoint, kTcpSyn | kTcpAck);
  } else if ((packet.tcp_flags & kTcpSyn) != 0) {
    return send_segment(kernel, endpoint, kTcpAck);
  }
  if ((packet.tcp_flags & kTcpAck) == 0) return;
  if (endpoint.state == TcpState::time_wait) {
    if ((packet.tcp_flags & kTcpFin) != 0) send_segment(kernel, endpoint, kTcpAck);
    return;
  }
  if (endpoint.state == TcpState::syn_received && !establish(kernel, endpoint, packet)) return;
  if (!take_acknowledgement(kernel, endpoint, packet)) return;
  bool answer = false;
  if (!take_data(kernel, endpoint, packet, &answer)) return;
  take_fin(kernel, endpoint, packet, &answer);
  // A segment below what is expected asks what is expected (a window probe).
  if (packet.payload.empty() && sequence_before(packet.sequence, endpoint.receive_next) &&
      (packet.tcp_flags & kTcpFin) == 0)
    answer = true;
  if (answer) send_segment(kernel, endpoint, kTcpAck);
  if (kernel.network.tcp.find(id) != nullptr) tcp_push(kernel, id);
}

}  // namespace

void tcp_input(Kernel& kernel, InterfaceRef at, const Packet& packet) {
  NetNamespace& space = kernel.net_namespaces[at.net];
  ++space.counters.tcp_received;
  if (packet.spread) return;
  TcpId id = find_connection(space, packet);
  const TcpEndpoint* found = std::as_const(kernel.network.tcp).find(id);
  const bool begins = (packet.tcp_flags & (kTcpSyn | kTcpAck | kTcpRst)) == kTcpSyn;
  const bool finished = found != nullptr && ((found->dies_ns != 0 && found->dies_ns <= kernel.now_ns()) ||
                                             (found->state == TcpState::time_wait && begins));
  if (finished && !found->file) {
    forget_endpoint(kernel, id);
    found = nullptr;
  }
  if (found != nullptr) return segment_arrives(kernel, id, packet);
  const TcpId listener = find_listener(kernel, at, packet);
  if (!listener || !begins) return answer_with_reset(kernel, at.net, packet);
  open_passively(kernel, at, listener, packet);
}

void tcp_icmp_error(Kernel& kernel, NetNamespaceId net, const Packet& error) {
  const QuotedPacket& quoted = *error.quoted;
  const NetNamespace& space = kernel.net_namespaces[net];
  const auto found =
      space.tcp_connections.find({quoted.source, quoted.destination, quoted.source_port, quoted.destination_port});
  if (found == space.tcp_connections.end()) return;
  TcpEndpoint& endpoint = kernel.network.tcp[found->second];
  if (error.icmp_type == kIcmpUnreachable && error.icmp_code == kUnreachableTooBig) {
    const std::uint32_t mtu = std::max<std::uint32_t>(error.echo_sequence, 128);
    endpoint.segment_max = static_cast<std::uint16_t>(std::min<std::uint32_t>(endpoint.segment_max, mtu - 40));
    endpoint.send_next = endpoint.send_unacknowledged;
    return tcp_push(kernel, endpoint.id);
  }
  // tcp(7): an established connection waits on and may yet recover.
  if (endpoint.state != TcpState::syn_sent) return;
  bool hard = false;
  const Errno code = icmp_errno(error.icmp_type, error.icmp_code, &hard);
  end_connection(kernel, endpoint.id, static_cast<int>(code));
}

}  // namespace drydock::machine::net
