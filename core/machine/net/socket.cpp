// What all sockets share: waiting, errors, read(2) and write(2), and the table entry. socket(7).

#include "machine/net/socket.h"

#include <algorithm>

#include "base/text.h"
#include "machine/abi/file.h"
#include "machine/abi/socket.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/send_signal.h"
#include "machine/net/interface_ioctl.h"
#include "machine/net/socket_inode.h"
#include "machine/syscalls/call.h"

namespace drydock::machine {

Outcome Socket::bind(const Caller&, std::string_view) {
  return Errno::eopnotsupp;
}
Outcome Socket::connect(const Caller&, std::string_view) {
  return Errno::eopnotsupp;
}
Outcome Socket::listen(const Caller&, int) {
  return Errno::eopnotsupp;
}
Outcome Socket::accept(const Caller&, std::string*) {
  return Errno::eopnotsupp;
}
Outcome Socket::shutdown(const Caller&, int) {
  return Errno::eopnotsupp;
}
Result<std::string, Errno> Socket::peer_address(const Caller&) {
  return Errno::enotconn;
}
Result<void, Errno> Socket::set_option(const Caller&, int, int, std::string_view) {
  return Errno::enoprotoopt;
}
Result<std::string, Errno> Socket::get_option(const Caller&, int, int) {
  return Errno::enoprotoopt;
}

Outcome Socket::read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) {
  if (offset != nullptr) return Errno::espipe;
  IncomingMessage message;
  Outcome outcome = receive(caller, out.size(), 0, &message);
  if (!outcome.ok()) return outcome;
  for (FileId file : message.files) put_file(caller.kernel, file);
  std::copy(message.bytes.begin(), message.bytes.end(), out.begin());
  return static_cast<std::int64_t>(message.bytes.size());
}

Outcome Socket::write(const Caller& caller, std::span<const char> bytes, const std::uint64_t* offset) {
  if (offset != nullptr) return Errno::espipe;
  OutgoingMessage message;
  message.bytes = {bytes.data(), bytes.size()};
  return send(caller, message);
}

Outcome Socket::ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) {
  const Call call{caller, {}};
  if (request == abi::siocinq) {
    if (is_listening()) return Errno::einval;
    TRY(call.store32(argument, static_cast<std::uint32_t>(readable_bytes())));
    return done();
  }
  if (request == abi::siocoutq) {
    TRY(call.store32(argument, static_cast<std::uint32_t>(unsent_bytes(caller.kernel))));
    return done();
  }
  if (request == abi::siocatmark && is_stream()) {
    TRY(call.store32(argument, 0));
    return done();
  }
  return net::interface_ioctl(caller, net, request, argument);
}

std::string Socket::nameless_text() const {
  return concat("socket:[", inode_number, "]");
}

void Socket::release(Kernel& kernel) {
  put_net_namespace(kernel, net);
}

Outcome Socket::wait_for(const Caller& caller, std::uint32_t message_flags, std::uint64_t timeout_ns,
                         std::int64_t done) const {
  if ((message_flags & abi::msg_dontwait) != 0 || (flags & abi::o_nonblock) != 0)
    return done > 0 ? Outcome(done) : Outcome(Errno::eagain);
  Block block;
  block.keys.push_back(wait_key());
  if (done > 0) block.partial = done;
  if (timeout_ns != 0) {
    std::optional<std::uint64_t>& deadline = caller.self().restart.deadline_ns;
    if (!deadline) deadline = caller.kernel.now_ns() + timeout_ns;
    if (*deadline <= caller.kernel.now_ns()) return done > 0 ? Outcome(done) : Outcome(Errno::eagain);
    block.deadline_ns = deadline;
    block.interruption = Interruption::eintr;  // signal(7): never restarted when a timeout is set
  }
  return block;
}

Outcome Socket::wait_to_receive(const Caller& caller, std::uint32_t message_flags, std::int64_t done) const {
  return wait_for(caller, message_flags, options.receive_timeout_ns, done);
}

Outcome Socket::wait_to_send(const Caller& caller, std::uint32_t message_flags, std::int64_t done) const {
  return wait_for(caller, message_flags, options.send_timeout_ns, done);
}

std::optional<Errno> Socket::take_error() {
  if (pending_error == 0) return std::nullopt;
  const auto error = static_cast<Errno>(pending_error);
  pending_error = 0;
  return error;
}

FileId add_socket(const Caller& caller, std::unique_ptr<Socket> socket, NetNamespaceId net, int family, int type,
                  int protocol) {
  Kernel& kernel = caller.kernel;
  socket->family = family;
  socket->type = type;
  socket->protocol = protocol;
  socket->net = net;
  socket->flags = abi::o_rdwr;
  socket->uid = caller.credentials().fsuid;
  socket->inode = net::make_socket_inode(kernel, caller.credentials());
  socket->inode_number = kernel.inodes[socket->inode].number;
  get_net_namespace(kernel, net);
  return open_file(kernel, std::move(socket));
}

Socket* find_socket(Kernel& kernel, FileId file) {
  return dynamic_cast<Socket*>(kernel.files.find(file));
}

Result<Socket*, Errno> socket_of(const Caller& caller, int fd) {
  const FileId file = TRY(file_of(caller, fd));
  File* found = caller.kernel.files.find(file);
  if (found != nullptr && (found->flags & abi::o_path) != 0) return Errno::ebadf;
  auto* socket = dynamic_cast<Socket*>(found);
  if (socket == nullptr) return Errno::enotsock;
  return socket;
}

Outcome broken_pipe(const Caller& caller, std::uint32_t flags) {
  if ((flags & abi::msg_nosignal) == 0) (void)send_signal_to_task(caller.kernel, caller.task, kernel_signal(sig_pipe));
  return Errno::epipe;
}

std::uint32_t shown_pid(const Caller& caller, const PeerCredentials& who) {
  if (!who.known || !who.process) return 0;
  const std::uint32_t pid = pid_of(caller, who.process);
  return pid != 0 || caller.kernel.processes.find(who.process) != nullptr ? pid : who.shown_pid;
}

void wake_socket(Kernel& kernel, FileId file) {
  if (file) wake(kernel, {WaitKind::socket, file.value});
}

std::optional<std::int32_t> int_option(std::string_view value) {
  if (value.size() < 4) return std::nullopt;
  std::uint32_t number = 0;
  for (unsigned n = 0; n < 4; ++n) number |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(value[n])) << (8 * n);
  return static_cast<std::int32_t>(number);
}

std::string int_value(std::int64_t value) {
  return StructWriter().i32(static_cast<std::int32_t>(value)).bytes();
}

}  // namespace drydock::machine
