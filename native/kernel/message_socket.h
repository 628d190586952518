#pragma once
// UNIX sockets that keep message boundaries (SOCK_SEQPACKET) and carry descriptors (SCM_RIGHTS). All are non-blocking.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "native/kernel/fd.h"

namespace drydock::native {

inline constexpr std::size_t kMessageFdsMax = 4;

struct SocketPair {
  Fd first;
  Fd second;
};
Result<SocketPair, SysError> make_socket_pair();
/// `directory` keeps the name short: a socket address holds 107 bytes at most, paths may be longer.
Result<Fd, SysError> listen_in(int directory, const std::string& name);
Result<Fd, SysError> connect_in(int directory, const std::string& name);
Result<Fd, SysError> accept_connection(int listener);

enum class SendStatus { sent, full, closed };
SendStatus send_message(int socket, std::string_view bytes, std::span<const int> fds = {});

struct ReceivedMessage {
  std::string bytes;
  std::vector<Fd> fds;
};
enum class ReceiveStatus { message, nothing, closed };
/// A message longer than `max_bytes`, or with more descriptors than kMessageFdsMax, counts as closed: the peer is not
/// one of ours.
ReceiveStatus receive_message(int socket, std::size_t max_bytes, ReceivedMessage& out);

/// Waits until the descriptor is ready for `events` (POLLIN ...) or the deadline (monotonic, ns). False: deadline.
bool wait_ready(int fd, short events, std::int64_t deadline_ns);

}  // namespace drydock::native
