// AF_UNIX: messages on their way. unix(7), "Ancillary messages". A stream's bytes run together, but not across the
// border of what two senders wrote while credentials are passed, and a read ends after descriptors.

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/abi/socket.h"
#include "machine/kernel/pids.h"
#include "machine/net/unix_socket.h"
#include "machine/syscalls/call.h"

namespace drydock::machine::net {

namespace {

constexpr std::size_t kRecordOverheadBytes = 512;  // what an empty record is charged with
constexpr std::size_t kDatagramsMax = 10;          // net.unix.max_dgram_qlen
constexpr std::size_t kMergeBytesMax = 65536;

UnixSocket* find_unix(Kernel& kernel, FileId file) {
  return dynamic_cast<UnixSocket*>(kernel.files.find(file));
}

bool same_sender(const PeerCredentials& a, const PeerCredentials& b) {
  return a.known == b.known && a.process == b.process && a.uid == b.uid && a.gid == b.gid && a.shown_pid == b.shown_pid;
}

/// Hands the message's files to the reader; a peek takes references of its own.
void give_files(Kernel& kernel, UnixMessage& message, bool peek, IncomingMessage* incoming) {
  if (peek) {
    for (FileId file : message.files) get_file(kernel, file);
    incoming->files.insert(incoming->files.end(), message.files.begin(), message.files.end());
    return;
  }
  kernel.network.files_in_flight -= std::min(message.files.size(), kernel.network.files_in_flight);
  incoming->files.insert(incoming->files.end(), message.files.begin(), message.files.end());
  message.files.clear();
}

}  // namespace

bool UnixSocket::keeps_records() const {
  return type != abi::sock_stream;
}

std::uint64_t UnixSocket::readable_bytes() const {
  if (type == abi::sock_dgram) return queue.empty() ? 0 : queue.front().left();
  return queued_bytes;
}

bool UnixSocket::has_room_for(const UnixSocket& sender, std::size_t bytes) const {
  if (type == abi::sock_dgram) return queue.size() <= kDatagramsMax;
  if (type == abi::sock_seqpacket) bytes += kRecordOverheadBytes * (queue.size() + 1);
  return queue.empty() || queued_bytes + bytes <= sender.options.send_buffer;
}

Result<UnixMessage, Errno> UnixSocket::pack(const Caller& caller, const OutgoingMessage& message,
                                            const UnixSocket& target, std::string_view bytes) const {
  Kernel& kernel = caller.kernel;
  if (kernel.network.files_in_flight + message.files.size() > kFilesInFlightMax) return fail(Errno::etoomanyrefs);
  UnixMessage packed;
  packed.bytes = bytes;
  packed.sender_file = id;
  if (!name.empty()) packed.sender = own_address();
  if (message.credentials) {
    packed.credentials = *message.credentials;
  } else if (options.pass_credentials || target.options.pass_credentials) {
    packed.credentials.known = true;
    packed.credentials.process = caller.self().process;
    packed.credentials.shown_pid = pid_of(caller, packed.credentials.process);
    packed.credentials.uid = caller.credentials().uid;
    packed.credentials.gid = caller.credentials().gid;
  }
  for (FileId file : message.files) get_file(kernel, file);
  packed.files = message.files;
  kernel.network.files_in_flight += message.files.size();
  return packed;
}

void UnixSocket::enqueue(Kernel& kernel, UnixMessage message) {
  queued_bytes += message.bytes.size();
  UnixMessage* last = queue.empty() ? nullptr : &queue.back();
  if (!keeps_records() && last != nullptr && message.files.empty() && last->files.empty() &&
      same_sender(last->credentials, message.credentials) && last->bytes.size() < kMergeBytesMax) {
    last->bytes += message.bytes;
  } else {
    queue.push_back(std::move(message));
  }
  wake_socket(kernel, id);
}

Outcome UnixSocket::send(const Caller& caller, const OutgoingMessage& message) {
  if ((message.flags & abi::msg_oob) != 0) return Errno::eopnotsupp;
  return keeps_records() ? send_record(caller, message) : send_stream(caller, message);
}

Outcome UnixSocket::send_stream(const Caller& caller, const OutgoingMessage& message) {
  Kernel& kernel = caller.kernel;
  if (message.address) return state == State::connected ? Errno::eisconn : Errno::eopnotsupp;
  if (state != State::connected) return Errno::enotconn;
  UnixSocket* other = find_unix(kernel, peer);
  if (write_shut || other == nullptr) return broken_pipe(caller, message.flags);
  if (const auto error = take_error()) return *error;
  if (message.bytes.empty()) return done();
  const std::uint64_t room = options.send_buffer - std::min(options.send_buffer, other->queued_bytes);
  if (room == 0) return wait_to_send(caller, message.flags);
  const std::string_view bytes = message.bytes.substr(0, room);
  other->enqueue(kernel, TRY(pack(caller, message, *other, bytes)));
  return static_cast<std::int64_t>(bytes.size());
}

Outcome UnixSocket::send_record(const Caller& caller, const OutgoingMessage& message) {
  Kernel& kernel = caller.kernel;
  FileId target = peer;
  if (type == abi::sock_seqpacket) {
    if (state != State::connected) return Errno::enotconn;
    if (write_shut || find_unix(kernel, peer) == nullptr) return broken_pipe(caller, message.flags);
  } else if (message.address) {
    UnixSocket finder(*this);  // looks the name up as connect(2) would, and is thrown away
    finder.state = State::unconnected;
    finder.peer = {};
    finder.options.pass_credentials = false;
    const Outcome found = finder.connect(caller, *message.address);
    if (!found.ok()) return found;
    target = finder.peer;
  } else if (!peer) {
    return Errno::enotconn;
  }
  if (message.bytes.size() > options.send_buffer - 32) return Errno::emsgsize;
  if (const auto error = take_error()) return *error;
  if (write_shut) return broken_pipe(caller, message.flags);
  UnixSocket* other = find_unix(kernel, target);
  if (other == nullptr) {
    peer = {};
    state = State::unconnected;
    return Errno::econnrefused;
  }
  if (other->read_shut) return broken_pipe(caller, message.flags);
  if (!other->has_room_for(*this, message.bytes.size())) {
    Outcome outcome = wait_to_send(caller, message.flags);
    if (outcome.blocked()) outcome.wait().keys.push_back(other->wait_key());
    return outcome;
  }
  other->enqueue(kernel, TRY(pack(caller, message, *other, message.bytes)));
  return static_cast<std::int64_t>(message.bytes.size());
}

Outcome UnixSocket::receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags,
                            IncomingMessage* message) {
  if ((flags & abi::msg_oob) != 0) return Errno::eopnotsupp;
  return keeps_records() ? receive_record(caller, bytes_max, flags, message)
                         : receive_stream(caller, bytes_max, flags, message);
}

Outcome UnixSocket::receive_stream(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags,
                                   IncomingMessage* message) {
  if (state != State::connected) return Errno::einval;
  Kernel& kernel = caller.kernel;
  const bool peek = (flags & abi::msg_peek) != 0;
  if (bytes_max == 0) return done();
  if (queue.empty()) {
    if (const auto error = take_error()) return *error;
    if (read_shut || find_unix(kernel, peer) == nullptr) return done();
    return wait_to_receive(caller, flags);
  }
  std::size_t at = 0;
  while (message->bytes.size() < bytes_max && at < queue.size()) {
    UnixMessage& part = queue[at];
    if (at == 0 && message->bytes.empty()) {
      message->credentials = part.credentials;
      message->address = part.sender;
    } else if (options.pass_credentials && !same_sender(message->credentials, part.credentials)) {
      break;
    }
    const std::size_t count = std::min<std::uint64_t>(part.left(), bytes_max - message->bytes.size());
    message->bytes.append(part.bytes, part.taken, count);
    const bool had_files = !part.files.empty();
    if (had_files) give_files(kernel, part, peek, message);
    if (peek) {
      ++at;
    } else {
      part.taken += count;
      queued_bytes -= count;
      if (part.left() == 0) queue.pop_front();
    }
    if (had_files) break;
  }
  if (!peek) wake_socket(kernel, peer);  // its sender may have waited for room
  message->full_bytes = message->bytes.size();
  return static_cast<std::int64_t>(message->bytes.size());
}

Outcome UnixSocket::receive_record(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags,
                                   IncomingMessage* message) {
  Kernel& kernel = caller.kernel;
  if (type == abi::sock_seqpacket && state != State::connected) return Errno::enotconn;
  if (queue.empty()) {
    if (const auto error = take_error()) return *error;
    if (read_shut) return done();
    return wait_to_receive(caller, flags);
  }
  const bool peek = (flags & abi::msg_peek) != 0;
  UnixMessage& record = queue.front();
  message->bytes = record.bytes.substr(0, bytes_max);
  message->full_bytes = record.bytes.size();
  if (message->bytes.size() < record.bytes.size()) message->flags |= abi::msg_trunc;
  message->credentials = record.credentials;
  if (type == abi::sock_dgram) message->address = record.sender;
  give_files(kernel, record, peek, message);
  if (!peek) {
    queued_bytes -= record.bytes.size();
    queue.pop_front();
    wake_socket(kernel, id);  // senders of datagrams wait for the queue itself
    wake_socket(kernel, peer);
  }
  return static_cast<std::int64_t>((flags & abi::msg_trunc) != 0 ? message->full_bytes : message->bytes.size());
}

std::uint16_t UnixSocket::poll(const Caller& caller) {
  std::uint16_t bits = 0;
  if (pending_error != 0) bits |= kPollErr;
  if (read_shut && write_shut) bits |= kPollHup;
  if (read_shut) bits |= kPollRdHup | kPollIn | kPollRdNorm;
  if (state == State::listening) {
    if (!pending.empty()) bits |= kPollIn | kPollRdNorm;
    return bits;
  }
  if (!queue.empty()) bits |= kPollIn | kPollRdNorm;
  if (type != abi::sock_dgram && state == State::unconnected) bits |= kPollHup;
  UnixSocket* other = find_unix(caller.kernel, peer);
  const bool room =
      other == nullptr || (keeps_records() ? other->has_room_for(*this, 1) : other->queued_bytes < options.send_buffer);
  if (room) bits |= kPollOut | kPollWrNorm;
  return bits;
}

}  // namespace drydock::machine::net
