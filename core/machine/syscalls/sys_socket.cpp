// socket(2), socketpair(2), bind(2), listen(2), accept(2), connect(2), getsockname(2), getpeername(2), shutdown(2),
// setsockopt(2), getsockopt(2). Sending and receiving: sys_socket_message.cpp.

#include "machine/syscalls/sys_socket.h"

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/abi/socket.h"
#include "machine/net/unix_socket.h"
#include "machine/syscalls/families.h"

namespace drydock::machine {

Result<std::string, Errno> address_in(const Call& call, std::uint64_t address, std::int32_t bytes) {
  if (bytes < 0 || bytes > static_cast<std::int32_t>(kSockaddrBytesMax)) return Errno::einval;
  std::string text(static_cast<std::size_t>(bytes), '\0');
  TRY(call.copy_in(address, text));
  return text;
}

Result<void, Errno> address_out(const Call& call, std::uint64_t address, std::uint64_t length_at,
                                std::string_view socket_address) {
  const auto room = static_cast<std::int32_t>(TRY(call.load32(length_at)));
  if (room < 0) return Errno::einval;
  TRY(call.copy_out(address, socket_address.substr(0, static_cast<std::size_t>(room))));
  return call.store32(length_at, static_cast<std::uint32_t>(socket_address.size()));
}

namespace {

constexpr int kTypeFlags = abi::sock_nonblock | abi::sock_cloexec;

Result<int, Errno> install_socket(const Call& call, FileId file, int type_flags) {
  if ((type_flags & abi::sock_nonblock) != 0) call.kernel.files[file].flags |= abi::o_nonblock;
  return install_fd(call, file, (type_flags & abi::sock_cloexec) != 0);
}

// socket(2). EAFNOSUPPORT, EINVAL, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPERM, EMFILE.
Outcome sys_socket(const Call& call) {
  const int type = call.i32(1) & abi::sock_type_mask, flags = call.i32(1) & ~abi::sock_type_mask;
  if ((flags & ~kTypeFlags) != 0) return Errno::einval;
  const FileId file = TRY(make_socket(call, call.i32(0), type, call.i32(2)));
  return static_cast<std::int64_t>(TRY(install_socket(call, file, flags)));
}

// socketpair(2). EOPNOTSUPP: not AF_UNIX.
Outcome sys_socketpair(const Call& call) {
  const int family = call.i32(0), type = call.i32(1) & abi::sock_type_mask, flags = call.i32(1) & ~abi::sock_type_mask;
  if ((flags & ~kTypeFlags) != 0) return Errno::einval;
  if (family < 0 || family >= abi::af_max) return Errno::eafnosupport;
  if (family != abi::af_unix) {
    const FileId probe = TRY(make_socket(call, family, type, call.i32(2)));
    put_file(call.kernel, probe);
    return Errno::eopnotsupp;
  }
  if (call.i32(2) != 0 && call.i32(2) != abi::af_unix) return Errno::eprotonosupport;
  if (type != abi::sock_stream && type != abi::sock_dgram && type != abi::sock_seqpacket) return Errno::esocktnosupport;
  if (call.writable_bytes(call.address(3), 8) < 8) return Errno::efault;
  const auto ends = net::make_unix_pair(call, type);
  const auto first = install_socket(call, ends.first, flags);
  if (!first.ok()) {
    put_file(call.kernel, ends.second);
    return first.error();
  }
  const auto second = install_socket(call, ends.second, flags);
  if (!second.ok()) {
    TRY(close_fd(call, *first));
    return second.error();
  }
  TRY(call.store32(call.address(3), static_cast<std::uint32_t>(*first)));
  TRY(call.store32(call.address(3) + 4, static_cast<std::uint32_t>(*second)));
  return done();
}

// bind(2).
Outcome sys_bind(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  return socket->bind(call, TRY(address_in(call, call.address(1), call.i32(2))));
}

// connect(2).
Outcome sys_connect(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  return socket->connect(call, TRY(address_in(call, call.address(1), call.i32(2))));
}

// listen(2). The backlog is cut to net.core.somaxconn.
Outcome sys_listen(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  const std::uint32_t most = call.kernel.net_namespaces[socket->net].settings.somaxconn;
  return socket->listen(call, static_cast<int>(std::min(call.u32(1), most)));
}

Outcome accept_with(const Call& call, int flags) {
  if ((flags & ~kTypeFlags) != 0) return Errno::einval;
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  std::string peer;
  const Outcome accepted = socket->accept(call, &peer);
  if (!accepted.ok()) return accepted;
  const FileId file{static_cast<std::uint32_t>(accepted.value())};
  const int fd = TRY(install_socket(call, file, flags));
  if (call.address(1) == 0) return static_cast<std::int64_t>(fd);
  const auto stored = address_out(call, call.address(1), call.address(2), peer);
  if (!stored.ok()) {
    TRY(close_fd(call, fd));
    return stored.error();
  }
  return static_cast<std::int64_t>(fd);
}

// accept(2), accept4(2).
Outcome sys_accept(const Call& call) {
  return accept_with(call, 0);
}
Outcome sys_accept4(const Call& call) {
  return accept_with(call, call.i32(3));
}

// getsockname(2), getpeername(2).
Outcome sys_getsockname(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  const std::string address = TRY(socket->local_address(call));
  TRY(address_out(call, call.address(1), call.address(2), address));
  return done();
}
Outcome sys_getpeername(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  const std::string address = TRY(socket->peer_address(call));
  TRY(address_out(call, call.address(1), call.address(2), address));
  return done();
}

// shutdown(2).
Outcome sys_shutdown(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  return socket->shutdown(call, call.i32(1));
}

// setsockopt(2).
Outcome sys_setsockopt(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  const std::int32_t bytes = call.i32(4);
  if (bytes < 0) return Errno::einval;
  std::string value(std::min<std::size_t>(static_cast<std::size_t>(bytes), kSockaddrBytesMax), '\0');
  TRY(call.copy_in(call.address(3), value));
  if (call.i32(1) == abi::sol_socket) {
    TRY(socket->set_socket_option(call, call.i32(2), value));
  } else {
    TRY(socket->set_option(call, call.i32(1), call.i32(2), value));
  }
  return done();
}

// getsockopt(2).
Outcome sys_getsockopt(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  const auto room = static_cast<std::int32_t>(TRY(call.load32(call.address(4))));
  if (room < 0) return Errno::einval;
  const std::string value = TRY(call.i32(1) == abi::sol_socket ? socket->get_socket_option(call, call.i32(2))
                                                               : socket->get_option(call, call.i32(1), call.i32(2)));
  const std::size_t count = std::min(value.size(), static_cast<std::size_t>(room));
  TRY(call.copy_out(call.address(3), std::span(value.data(), count)));
  TRY(call.store32(call.address(4), static_cast<std::uint32_t>(count)));
  return done();
}

constexpr std::string_view kOptionsNote = "the options of abi/socket.h";

constexpr SyscallRow kRows[] = {
    {41,
     "socket",
     sys_socket,
     {Arg::socket_family, Arg::socket_type, Arg::i32},
     "socket(2)",
     Support::partial,
     "AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (route), AF_PACKET"},
    {42, "connect", sys_connect, {Arg::fd, Arg::sockaddr, Arg::u32}, "connect(2)", Support::full, ""},
    {43, "accept", sys_accept, {Arg::fd, Arg::address, Arg::address}, "accept(2)", Support::full, ""},
    {44,
     "sendto",
     sys_sendto,
     {Arg::fd, Arg::buffer_in, Arg::size, Arg::hex, Arg::sockaddr, Arg::u32},
     "send(2)",
     Support::partial,
     "no MSG_OOB, MSG_ERRQUEUE, MSG_ZEROCOPY"},
    {45,
     "recvfrom",
     sys_recvfrom,
     {Arg::fd, Arg::buffer_out, Arg::size, Arg::hex, Arg::address, Arg::address},
     "recv(2)",
     Support::partial,
     "no MSG_OOB, MSG_ERRQUEUE"},
    {46,
     "sendmsg",
     sys_sendmsg,
     {Arg::fd, Arg::msghdr, Arg::hex},
     "send(2)",
     Support::partial,
     "SCM_RIGHTS, SCM_CREDENTIALS, IP_PKTINFO"},
    {47,
     "recvmsg",
     sys_recvmsg,
     {Arg::fd, Arg::msghdr, Arg::hex},
     "recv(2)",
     Support::partial,
     "SCM_RIGHTS, SCM_CREDENTIALS, IP_PKTINFO"},
    {48, "shutdown", sys_shutdown, {Arg::fd, Arg::i32}, "shutdown(2)", Support::full, ""},
    {49, "bind", sys_bind, {Arg::fd, Arg::sockaddr, Arg::u32}, "bind(2)", Support::full, ""},
    {50, "listen", sys_listen, {Arg::fd, Arg::i32}, "listen(2)", Support::full, ""},
    {51, "getsockname", sys_getsockname, {Arg::fd, Arg::address, Arg::address}, "getsockname(2)", Support::full, ""},
    {52, "getpeername", sys_getpeername, {Arg::fd, Arg::address, Arg::address}, "getpeername(2)", Support::full, ""},
    {53,
     "socketpair",
     sys_socketpair,
     {Arg::socket_family, Arg::socket_type, Arg::i32, Arg::fd_pair},
     "socketpair(2)",
     Support::full,
     ""},
    {54,
     "setsockopt",
     sys_setsockopt,
     {Arg::fd, Arg::sockopt_level, Arg::sockopt_name, Arg::address, Arg::u32},
     "setsockopt(2)",
     Support::partial,
     kOptionsNote},
    {55,
     "getsockopt",
     sys_getsockopt,
     {Arg::fd, Arg::sockopt_level, Arg::sockopt_name, Arg::address, Arg::address},
     "getsockopt(2)",
     Support::partial,
     kOptionsNote},
    {288, "accept4", sys_accept4, {Arg::fd, Arg::address, Arg::address, Arg::hex}, "accept4(2)", Support::full, ""},
    {299,
     "recvmmsg",
     sys_recvmmsg,
     {Arg::fd, Arg::address, Arg::u32, Arg::hex, Arg::timespec},
     "recvmmsg(2)",
     Support::partial,
     "the timeout is looked at between messages"},
    {307, "sendmmsg", sys_sendmmsg, {Arg::fd, Arg::address, Arg::u32, Arg::hex}, "sendmmsg(2)", Support::full, ""},
};

}  // namespace

std::span<const SyscallRow> socket_calls() {
  return kRows;
}

}  // namespace drydock::machine
