// The calls of a TCP socket. tcp(7), connect(2), accept(2).

#include "machine/net/tcp_socket.h"

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/abi/socket.h"
#include "machine/net/tcp.h"
#include "machine/syscalls/call.h"

namespace drydock::machine::net {

namespace {

bool may_send_in(TcpState state) {
  return state == TcpState::established || state == TcpState::close_wait;
}

/// SO_SNDBUF and SO_RCVBUF count bookkeeping too: half is for data.
std::uint64_t data_bytes(std::uint64_t buffer) {
  return std::max<std::uint64_t>(buffer / 2, 2048);
}

}  // namespace

Outcome TcpSocket::bind(const Caller& caller, std::string_view address) {
  const InetName name = TRY(name_of(address));
  Kernel& kernel = caller.kernel;
  const TcpEndpoint& current = std::as_const(kernel.network.tcp)[endpoint];
  if (current.bound || current.state != TcpState::closed) return Errno::einval;
  TRY(may_bind_address(caller, name.address));
  TRY(may_bind_port(caller, name.port));
  TcpEndpoint& end = kernel.network.tcp[endpoint];
  options_changed(kernel);
  if (name.address.is_v6() && name.address.is_link_local() && end.device == 0) end.device = name.scope;
  const bool any4 = v6() && !name.address.is_v6() && name.address.is_unspecified();
  TRY(tcp_bind(kernel, endpoint, any4 ? IpAddress::v4(0) : name.address, name.port, inet.v6_only));
  return done();
}

void TcpSocket::options_changed(Kernel& kernel) {
  TcpEndpoint& end = kernel.network.tcp[endpoint];
  end.reuse = options.reuse_address;
  end.reuse_port = options.reuse_port;
  end.v6_only = inet.v6_only;
  end.uid = uid;
  end.inode_number = inode_number;
  end.send_limit = data_bytes(options.send_buffer);
  end.receive_limit = data_bytes(options.receive_buffer);
  if (options.bound_interface != 0) end.device = options.bound_interface;
}

Outcome TcpSocket::listen(const Caller& caller, int backlog) {
  const TcpState state = std::as_const(caller.kernel.network.tcp)[endpoint].state;
  if (connecting || (state != TcpState::closed && state != TcpState::listen)) return Errno::einval;
  options_changed(caller.kernel);
  TRY(tcp_listen(caller.kernel, endpoint, static_cast<std::uint32_t>(std::max(backlog, 0))));
  listening = true;
  return done();
}

Outcome TcpSocket::accept(const Caller& caller, std::string* peer) {
  Kernel& kernel = caller.kernel;
  TcpEndpoint& listener = kernel.network.tcp[endpoint];
  if (listener.state != TcpState::listen) return Errno::einval;
  if (listener.accept_queue.empty()) return wait_to_receive(caller, 0);
  const TcpId id = listener.accept_queue.front();
  listener.accept_queue.pop_front();
  const FileId file = add_socket(caller, std::make_unique<TcpSocket>(), net, family, type, protocol);
  auto& accepted = static_cast<TcpSocket&>(kernel.files[file]);
  accepted.endpoint = id;
  accepted.was_connected = true;
  accepted.options = options;
  accepted.inet = inet;
  accepted.inet.groups.clear();
  accepted.tcp = tcp;
  TcpEndpoint& end = kernel.network.tcp[id];
  end.file = file;
  end.listener = {};
  end.uid = uid;
  end.inode_number = accepted.inode_number;
  *peer = accepted.sockaddr_of(end.remote, end.remote_port, end.device);
  return static_cast<std::int64_t>(file.value);
}

void TcpSocket::collect_error(Kernel& kernel) {
  TcpEndpoint& end = kernel.network.tcp[endpoint];
  if (pending_error == 0) pending_error = end.error;
  end.error = 0;
}

/// How far connect(2) has come.
Outcome TcpSocket::await_connection(const Caller& caller, Errno when_not_now) {
  Kernel& kernel = caller.kernel;
  TcpEndpoint& end = kernel.network.tcp[endpoint];
  if (end.state == TcpState::syn_sent || end.state == TcpState::syn_received) {
    Outcome outcome = wait_to_send(caller, 0);
    return outcome.is(Errno::eagain) ? Outcome(when_not_now) : outcome;
  }
  connecting = false;
  if (end.state == TcpState::closed) {
    const int error = std::exchange(end.error, 0);
    const int told = pending_error != 0 ? std::exchange(pending_error, 0) : error;
    // The socket may call again, from a port of its own if it has not chosen one.
    return told != 0 ? static_cast<Errno>(told) : Errno::econnaborted;
  }
  was_connected = true;
  return done();
}

Outcome TcpSocket::disconnect(const Caller& caller) {
  Kernel& kernel = caller.kernel;
  tcp_close(kernel, endpoint, true);
  endpoint = make_endpoint(kernel, net, id, v6());
  options_changed(kernel);
  connecting = was_connected = listening = false;
  return done();
}

Outcome TcpSocket::connect(const Caller& caller, std::string_view address) {
  if (is_unspecified_family(address)) return disconnect(caller);
  const InetName name = TRY(name_of(address));
  Kernel& kernel = caller.kernel;
  const TcpState state = std::as_const(kernel.network.tcp)[endpoint].state;
  if (connecting) {
    const bool non_blocking = (flags & abi::o_nonblock) != 0;
    return await_connection(caller,
                            non_blocking && !caller.self().restart.again ? Errno::ealready : Errno::einprogress);
  }
  if (was_connected && state != TcpState::closed) return Errno::eisconn;
  if (state == TcpState::listen) return Errno::eisconn;
  if (was_connected || (state == TcpState::closed && std::as_const(kernel.network.tcp)[endpoint].remote_port != 0)) {
    // A new try after one that failed.
    const TcpEndpoint before = std::as_const(kernel.network.tcp)[endpoint];
    tcp_close(kernel, endpoint, false);
    endpoint = make_endpoint(kernel, net, id, v6());
    kernel.network.tcp[endpoint].device = before.device;
    was_connected = false;
  }
  options_changed(kernel);
  TcpEndpoint& end = kernel.network.tcp[endpoint];
  end.segment_max = 536;
  const std::uint32_t by = out_interface(name.scope);
  if (by != 0) end.device = by;
  const auto begun = tcp_connect(kernel, endpoint, name.address, name.port);
  if (!begun.ok()) return begun.error();
  connecting = true;
  if ((flags & abi::o_nonblock) != 0) return Errno::einprogress;  // also when the answer is here already
  return await_connection(caller, Errno::einprogress);
}

Outcome TcpSocket::send(const Caller& caller, const OutgoingMessage& message) {
  if ((message.flags & abi::msg_oob) != 0) return Errno::eopnotsupp;
  Kernel& kernel = caller.kernel;
  TcpEndpoint& end = kernel.network.tcp[endpoint];
  collect_error(kernel);
  if (const auto error = take_error()) {
    connecting = false;
    if (*error == Errno::epipe) return broken_pipe(caller, message.flags);
    return *error;
  }
  if (end.state == TcpState::syn_sent || end.state == TcpState::syn_received)
    return wait_to_send(caller, message.flags);
  if (write_shut || !may_send_in(end.state)) return broken_pipe(caller, message.flags);
  connecting = false;
  was_connected = true;
  if (message.bytes.empty()) return done();
  const std::uint64_t room = end.send_limit - std::min<std::uint64_t>(end.send_limit, end.out.size());
  if (room == 0) return wait_to_send(caller, message.flags);
  const std::string_view bytes = message.bytes.substr(0, room);
  end.out.append(bytes);
  tcp_push(kernel, endpoint);
  return static_cast<std::int64_t>(bytes.size());
}

Outcome TcpSocket::receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags_in,
                           IncomingMessage* message) {
  Kernel& kernel = caller.kernel;
  if ((flags_in & abi::msg_oob) != 0) return Errno::einval;
  TcpEndpoint& end = kernel.network.tcp[endpoint];
  if (end.state == TcpState::listen) return Errno::enotconn;
  if (!end.in.empty()) {
    const std::size_t count = std::min<std::uint64_t>(bytes_max, end.in.size());
    // tcp(7): with MSG_TRUNC the bytes are thrown away.
    if ((flags_in & abi::msg_trunc) == 0) message->bytes = end.in.view(0, count);
    message->full_bytes = count;
    if ((flags_in & abi::msg_peek) == 0) {
      end.in.consume(count);
      tcp_window_opened(kernel, endpoint);
    }
    return static_cast<std::int64_t>(count);
  }
  collect_error(kernel);
  if (const auto error = take_error()) {
    connecting = false;
    return *error == Errno::epipe ? done() : Outcome(*error);
  }
  if (end.fin_received || read_shut) return done();
  if (end.state == TcpState::closed || end.state == TcpState::time_wait) {
    if (was_connected) return done();
    return Errno::enotconn;
  }
  if (bytes_max == 0) return done();
  return wait_to_receive(caller, flags_in);
}

Outcome TcpSocket::shutdown(const Caller& caller, int how) {
  if (how < abi::shut_rd || how > abi::shut_rdwr) return Errno::einval;
  Kernel& kernel = caller.kernel;
  TcpEndpoint& end = kernel.network.tcp[endpoint];
  if (end.state == TcpState::listen) {
    if (how == abi::shut_wr) return done();
    // inet_shutdown() disconnects: whoever waits in accept(2) is told EINVAL.
    const std::uint16_t port = end.local_port;
    const IpAddress address = end.local;
    tcp_close(kernel, endpoint, true);
    endpoint = make_endpoint(kernel, net, id, v6());
    options_changed(kernel);
    listening = false;
    (void)tcp_bind(kernel, endpoint, address, port, inet.v6_only);
    wake_socket(kernel, id);
    return done();
  }
  if (end.state == TcpState::closed || end.state == TcpState::time_wait) return Errno::enotconn;
  if (how != abi::shut_wr) read_shut = true;
  if (how != abi::shut_rd) {
    write_shut = true;
    if (end.state == TcpState::syn_sent) {
      const Outcome ended = disconnect(caller);
      wake_socket(kernel, id);
      return ended;
    }
    tcp_shut_down_writing(kernel, endpoint);
  }
  wake_socket(kernel, id);
  return done();
}

Result<std::string, Errno> TcpSocket::local_address(const Caller& caller) {
  const TcpEndpoint& end = std::as_const(caller.kernel.network.tcp)[endpoint];
  return sockaddr_of(end.local, end.local_port, end.device);
}

Result<std::string, Errno> TcpSocket::peer_address(const Caller& caller) {
  const TcpEndpoint& end = std::as_const(caller.kernel.network.tcp)[endpoint];
  if (end.state == TcpState::closed || end.state == TcpState::syn_sent || end.state == TcpState::listen)
    return Errno::enotconn;
  return sockaddr_of(end.remote, end.remote_port, end.device);
}

std::uint16_t TcpSocket::poll(const Caller& caller) {
  const TcpEndpoint& end = std::as_const(caller.kernel.network.tcp)[endpoint];
  if (end.state == TcpState::listen) return end.accept_queue.empty() ? 0 : kPollIn | kPollRdNorm;
  std::uint16_t bits = 0;
  const bool closed = end.state == TcpState::closed;
  const bool no_more_in = read_shut || end.fin_received || (closed && was_connected);
  const bool no_more_out = write_shut || end.fin_sent || closed;
  if ((no_more_in && no_more_out) || closed) bits |= kPollHup;
  if (no_more_in || (closed && end.error != 0)) bits |= kPollIn | kPollRdNorm | kPollRdHup;
  if (end.error != 0 || pending_error != 0) bits |= kPollErr;
  if (end.state == TcpState::syn_sent || end.state == TcpState::syn_received) return bits;
  if (!end.in.empty()) bits |= kPollIn | kPollRdNorm;
  // Writing is announced when a third of the buffer is free, or when it would fail at once.
  if (no_more_out || end.out.size() * 3 <= end.send_limit * 2) bits |= kPollOut | kPollWrNorm;
  return bits;
}

Outcome TcpSocket::ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) {
  const TcpEndpoint& end = std::as_const(caller.kernel.network.tcp)[endpoint];
  if (request != abi::siocinq && request != abi::siocoutq) return Socket::ioctl(caller, request, argument);
  if (end.state == TcpState::listen) return Errno::einval;
  const std::size_t bytes = request == abi::siocinq ? end.in.size() : end.out.size();
  TRY(Call{caller, {}}.store32(argument, static_cast<std::uint32_t>(bytes)));
  return done();
}

void TcpSocket::release(Kernel& kernel) {
  tcp_close(kernel, endpoint, options.linger && options.linger_seconds == 0);
  Socket::release(kernel);
}

}  // namespace drydock::machine::net
