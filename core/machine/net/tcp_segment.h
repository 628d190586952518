#pragma once
// Inside of TCP: segments of one endpoint and its way through the tables. For tcp*.cpp only.

#include "machine/net/tcp.h"

namespace drydock::machine::net {

std::uint64_t receive_space(const TcpEndpoint& endpoint);
/// A segment without data at send_next.
void send_segment(Kernel& kernel, const TcpEndpoint& endpoint, std::uint8_t flags);
/// RFC 9293 §3.10.7.1: the answer to what is for nobody.
void answer_with_reset(Kernel& kernel, NetNamespaceId net, const Packet& packet);
void start_timer(Kernel& kernel, TcpEndpoint& endpoint);
void stop_timer(Kernel& kernel, TcpEndpoint& endpoint);
/// Out of all tables. The endpoint is gone.
void forget_endpoint(Kernel& kernel, TcpId id);
/// The connection is over, with an error for the program. Forgotten when there is no program.
void end_connection(Kernel& kernel, TcpId id, int error);
void enter_time_wait(Kernel& kernel, TcpEndpoint& endpoint);
std::uint16_t segment_max_towards(const Kernel& kernel, NetNamespaceId net, const IpAddress& address);
std::uint32_t next_sequence(Kernel& kernel);

inline bool sequence_before(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) < 0;
}

}  // namespace drydock::machine::net
