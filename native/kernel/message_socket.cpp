#include "native/kernel/message_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "native/kernel/poller.h"

namespace drydock::native {

namespace {

Result<sockaddr_un, SysError> address_in(int directory, const std::string& name) {
  const std::string path = concat("/proc/self/fd/", directory, "/", name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return SysError{Errno::enametoolong, "socket", name};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<Fd, SysError> make_socket() {
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return last_error("socket");
  return socket;
}

void take_fds(const msghdr& header, std::vector<Fd>& fds) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(&header), part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
}

}  // namespace

Result<SocketPair, SysError> make_socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) {
    return last_error("socketpair");
  }
  return SocketPair{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd, SysError> listen_in(int directory, const std::string& name) {
  const sockaddr_un address = TRY(address_in(directory, name));
  Fd socket = TRY(make_socket());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(socket.get(), generic, sizeof(address)) < 0) return last_error("bind", name);
  if (::listen(socket.get(), 16) < 0) return last_error("listen", name);
  return socket;
}

Result<Fd, SysError> connect_in(int directory, const std::string& name) {
  const sockaddr_un address = TRY(address_in(directory, name));
  Fd socket = TRY(make_socket());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), generic, sizeof(address)) < 0) return last_error("connect", name);
  return socket;
}

Result<Fd, SysError> accept_connection(int listener) {
  Fd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) return last_error("accept4");
  return socket;
}

SendStatus send_message(int socket, std::string_view bytes, std::span<const int> fds) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMessageFdsMax)] = {};
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  }
  for (;;) {
    if (::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return SendStatus::sent;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == ENOBUFS ? SendStatus::full : SendStatus::closed;
  }
}

ReceiveStatus receive_message(int socket, std::size_t max_bytes, ReceivedMessage& out) {
  out.bytes.resize(max_bytes);
  out.fds.clear();
  iovec part{out.bytes.data(), out.bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMessageFdsMax)];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  ssize_t count = 0;
  bool reset = false;
  do {
    count = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    // A peer that closed without reading everything: told once, and before what it had sent, which is still there.
  } while (count < 0 && (errno == EINTR || (errno == ECONNRESET && !std::exchange(reset, true))));
  if (count < 0) return errno == EAGAIN ? ReceiveStatus::nothing : ReceiveStatus::closed;
  take_fds(header, out.fds);
  if (count == 0 || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return ReceiveStatus::closed;
  out.bytes.resize(static_cast<std::size_t>(count));
  return ReceiveStatus::message;
}

bool wait_ready(int fd, short events, std::int64_t deadline_ns) {
  for (;;) {
    const std::int64_t left_ms = (deadline_ns - monotonic_clock_ns() + 999'999) / 1'000'000;
    if (left_ms <= 0) return false;
    pollfd watched{fd, events, 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(std::min<std::int64_t>(left_ms, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace drydock::native
