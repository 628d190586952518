#pragma once
// One end of a TCP connection, or a listener. It outlives its socket until the connection is closed. RFC 9293, tcp(7).
// Links here neither lose nor reorder, so there is no congestion control, no selective acknowledgement and no window
// scaling on the wire (the window is told unscaled); what was sent while a link was down is sent again.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "machine/kernel/ids.h"
#include "machine/net/address.h"

namespace drydock::machine::net {

class TcpEndpoint;
using TcpId = Id<TcpEndpoint>;

/// Bytes, first in first out.
class ByteQueue {
 public:
  std::size_t size() const { return bytes_.size() - head_; }
  bool empty() const { return size() == 0; }
  void append(std::string_view bytes) { bytes_.append(bytes); }
  std::string_view view(std::size_t offset, std::size_t count) const {
    return offset >= size() ? std::string_view() : std::string_view(bytes_).substr(head_ + offset, count);
  }
  void consume(std::size_t count) {
    head_ += count < size() ? count : size();
    if (head_ < bytes_.size() && head_ < kCompactBytes) return;
    bytes_.erase(0, head_);
    head_ = 0;
  }
  void clear() {
    bytes_.clear();
    head_ = 0;
  }

 private:
  static constexpr std::size_t kCompactBytes = 32768;
  std::string bytes_;
  std::size_t head_ = 0;
};

/// In the numbers of /proc/net/tcp.
enum class TcpState : std::uint8_t {
  established = 1,
  syn_sent,
  syn_received,
  fin_wait_1,
  fin_wait_2,
  time_wait,
  closed,
  close_wait,
  last_ack,
  listen,
  closing,
};

inline constexpr std::uint64_t kTcpRetransmitNs = 1'000'000'000, kTcpTimeWaitNs = 60'000'000'000;
inline constexpr unsigned kTcpSynRetries = 6, kTcpRetries = 15;

class TcpEndpoint {
 public:
  TcpId id;
  NetNamespaceId net;
  FileId file;  // its socket; none: not accepted yet, or closed by the program
  bool v6 = false;
  TcpState state = TcpState::closed;
  bool bound = false;  // has a local port
  bool reuse = false;  // SO_REUSEADDR when it was bound
  bool reuse_port = false;
  bool v6_only = false;
  IpAddress local, remote;
  std::uint16_t local_port = 0, remote_port = 0;
  std::uint32_t device = 0;  // SO_BINDTODEVICE, or the scope of a link-local address

  std::uint32_t send_unacknowledged = 0, send_next = 0, send_window = 0;
  std::uint32_t receive_next = 0;
  std::uint16_t segment_max = 536;
  ByteQueue out;  // from send_unacknowledged (after SYN) on
  ByteQueue in;   // received in order, not yet read
  std::uint64_t send_limit = 16384 * 8, receive_limit = 131072;
  bool fin_wanted = false;  // nothing more will be written
  bool fin_sent = false;
  bool fin_received = false;
  bool window_closed = false;  // the last window told was below one segment
  int error = 0;               // an Errno for the socket's next call

  TcpId listener;  // of a connection that nobody has accepted yet
  std::uint32_t backlog = 0;
  std::deque<TcpId> accept_queue;
  std::uint32_t embryos = 0;  // connections in SYN_RECV

  std::uint64_t timer_ns = 0;  // 0: not running
  unsigned retries = 0;
  unsigned syn_retries = kTcpSynRetries;
  std::uint64_t dies_ns = 0;  // TIME_WAIT, FIN_WAIT_2 of an orphan: when it is forgotten
  std::uint32_t uid = 0;
  std::uint64_t inode_number = 0;
  std::uint64_t bytes_received = 0, bytes_acknowledged = 0;
};

struct TcpKey {
  IpAddress local, remote;
  std::uint16_t local_port = 0, remote_port = 0;
  friend bool operator<(const TcpKey& a, const TcpKey& b) {
    if (a.local_port != b.local_port) return a.local_port < b.local_port;
    if (a.remote_port != b.remote_port) return a.remote_port < b.remote_port;
    if (!(a.local == b.local)) return a.local < b.local;
    return a.remote < b.remote;
  }
};

}  // namespace drydock::machine::net
