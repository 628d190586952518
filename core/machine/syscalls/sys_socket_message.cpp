// sendto(2), sendmsg(2), sendmmsg(2), recvfrom(2), recvmsg(2), recvmmsg(2), cmsg(3).
// A stream is moved in pieces: Task::restart.progress counts the bytes of earlier attempts.

#include <algorithm>
#include <limits>

#include "machine/abi/file.h"
#include "machine/abi/socket.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/pids.h"
#include "machine/syscalls/sys_socket.h"

namespace drydock::machine {

namespace {

constexpr std::uint64_t kIovecsMax = 1024, kMessagesMax = 1024, kDatagramBytesMax = 1 << 20;
constexpr std::uint64_t kMsghdrBytes = 56, kMmsghdrBytes = 64, kCmsgHeaderBytes = 16;

struct GuestRange {
  std::uint64_t address = 0, bytes = 0;
};

/// A struct msghdr, and the buffers it names.
struct GuestMessage {
  std::uint64_t header = 0;
  std::uint64_t name = 0, control = 0, control_bytes = 0;
  std::int32_t name_bytes = 0;
  std::vector<GuestRange> ranges;
  std::uint64_t bytes = 0;
};

Result<GuestMessage, Errno> message_at(const Call& call, std::uint64_t address) {
  std::string raw(kMsghdrBytes, '\0');
  TRY(call.copy_in(address, raw));
  const StructReader reader(std::move(raw));
  GuestMessage message;
  message.header = address;
  message.name = reader.u64(0);
  message.name_bytes = static_cast<std::int32_t>(reader.u32(8));
  message.control = reader.u64(32);
  message.control_bytes = reader.u64(40);
  if (message.name == 0) message.name_bytes = 0;
  if (message.name_bytes < 0) return Errno::einval;
  message.name_bytes = std::min(message.name_bytes, static_cast<std::int32_t>(kSockaddrBytesMax));
  const std::uint64_t iovecs = reader.u64(16), count = reader.u64(24);
  if (count > kIovecsMax) return Errno::emsgsize;
  for (std::uint64_t n = 0; n < count; ++n) {
    const GuestRange range{TRY(call.load64(iovecs + 16 * n)), TRY(call.load64(iovecs + 16 * n + 8))};
    if (range.bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return Errno::einval;
    message.ranges.push_back({range.address, std::min(range.bytes, kIoBytesMax - message.bytes)});
    message.bytes += message.ranges.back().bytes;
  }
  return message;
}

/// Up to `most` bytes of the message from `skip` on. EFAULT.
Result<std::string, Errno> gather(const Call& call, const GuestMessage& message, std::uint64_t skip,
                                  std::uint64_t most) {
  std::string bytes;
  for (const GuestRange& range : message.ranges) {
    if (skip >= range.bytes) {
      skip -= range.bytes;
      continue;
    }
    const std::uint64_t count = std::min(range.bytes - skip, most - bytes.size());
    if (count == 0) break;
    std::string part(count, '\0');
    TRY(call.copy_in(range.address + skip, part));
    bytes += part;
    skip = 0;
  }
  return bytes;
}

Result<void, Errno> scatter(const Call& call, const GuestMessage& message, std::uint64_t skip, std::string_view bytes) {
  for (const GuestRange& range : message.ranges) {
    if (skip >= range.bytes) {
      skip -= range.bytes;
      continue;
    }
    const std::string_view part = bytes.substr(0, range.bytes - skip);
    TRY(call.copy_out(range.address + skip, part));
    bytes.remove_prefix(part.size());
    skip = 0;
    if (bytes.empty()) break;
  }
  return {};
}

/// unix(7), SCM_CREDENTIALS: one may only say what is true, unless one has the right to lie. EPERM.
Result<PeerCredentials, Errno> credentials_in(const Call& call, const StructReader& ucred) {
  const Credentials& own = call.credentials();
  const UserNamespaceId space = own.user_namespace;
  const std::uint32_t pid = ucred.u32(0);
  const auto uid = uid_from(call.kernel, space, ucred.u32(4));
  const auto gid = gid_from(call.kernel, space, ucred.u32(8));
  if (!uid || !gid) return Errno::einval;
  PeerCredentials claimed;
  claimed.known = true;
  claimed.process = call.self().process;
  const bool own_pid = pid == pid_of(call, call.self().process);
  const bool own_uid = *uid == own.uid || *uid == own.euid || *uid == own.suid;
  const bool own_gid = *gid == own.gid || *gid == own.egid || *gid == own.sgid;
  if (!own_pid && !own_capable(call, cap::sys_admin)) return Errno::eperm;
  if (!own_uid && !own_capable(call, cap::setuid)) return Errno::eperm;
  if (!own_gid && !own_capable(call, cap::setgid)) return Errno::eperm;
  if (!own_pid) {
    claimed.process = find_process(call.kernel, call.self().pid_namespace, pid);
    if (!claimed.process) return Errno::esrch;
  }
  claimed.uid = *uid;
  claimed.gid = *gid;
  claimed.shown_pid = pid;
  return claimed;
}

Result<void, Errno> control_in(const Call& call, const GuestMessage& guest, const Socket& socket,
                               OutgoingMessage* message) {
  if (guest.control == 0 || guest.control_bytes == 0) return {};
  if (guest.control_bytes > kControlBytesMax) return Errno::enobufs;
  std::string raw(guest.control_bytes, '\0');
  TRY(call.copy_in(guest.control, raw));
  const StructReader reader(raw);
  std::size_t at = 0;
  while (at + kCmsgHeaderBytes <= raw.size()) {
    const std::uint64_t bytes = reader.u64(at);
    if (bytes < kCmsgHeaderBytes || bytes > raw.size() - at) return Errno::einval;
    const int level = static_cast<int>(reader.u32(at + 8)), type = static_cast<int>(reader.u32(at + 12));
    const std::string data = raw.substr(at + kCmsgHeaderBytes, bytes - kCmsgHeaderBytes);
    at += (bytes + 7) & ~std::uint64_t{7};
    if (level != abi::sol_socket) {
      message->control.push_back({level, type, data});
      continue;
    }
    const bool local = socket.family == abi::af_unix || socket.family == abi::af_netlink;
    const StructReader values(data);
    if (type == abi::scm_rights && socket.family == abi::af_unix) {
      for (std::size_t n = 0; n + 4 <= data.size(); n += 4) {
        if (message->files.size() >= abi::scm_rights_max) return Errno::einval;
        message->files.push_back(TRY(file_of(call, static_cast<int>(values.u32(n)))));
      }
    } else if (type == abi::scm_credentials && local) {
      if (data.size() != 12) return Errno::einval;
      message->credentials = TRY(credentials_in(call, values));
    } else if (type != abi::scm_rights && type != abi::scm_credentials) {
      return Errno::einval;
    }
  }
  return {};
}

/// A stream's bytes, piece by piece until all are taken.
Outcome send_stream(const Call& call, Socket& socket, const GuestMessage& guest, OutgoingMessage& message) {
  std::uint64_t& progress = call.self().restart.progress;
  const std::uint32_t flags = message.flags;
  do {
    auto bytes = gather(call, guest, progress, kIoChunkBytes / 4);
    if (!bytes.ok()) return progress > 0 ? Outcome(static_cast<std::int64_t>(progress)) : Outcome(bytes.error());
    message.bytes = *bytes;
    if (progress > 0) {
      message.flags = flags | abi::msg_nosignal;  // what was sent is told first, the broken pipe with the next call
      message.files.clear();
    }
    Outcome sent = socket.send(call, message);
    if (sent.blocked() && progress > 0) sent.wait().partial = static_cast<std::int64_t>(progress);
    if (sent.failed() && progress > 0) return static_cast<std::int64_t>(progress);
    if (!sent.ok()) return sent;
    progress += static_cast<std::uint64_t>(sent.value());
    if (sent.value() == 0) break;
  } while (progress < guest.bytes);
  return static_cast<std::int64_t>(progress);
}

Outcome send_message(const Call& call, Socket& socket, const GuestMessage& guest, OutgoingMessage& message) {
  if (guest.name != 0 && guest.name_bytes > 0) message.address = TRY(address_in(call, guest.name, guest.name_bytes));
  TRY(control_in(call, guest, socket, &message));
  if (socket.is_stream()) return send_stream(call, socket, guest, message);
  if (guest.bytes > kDatagramBytesMax) return Errno::emsgsize;
  const std::string bytes = TRY(gather(call, guest, 0, guest.bytes));
  message.bytes = bytes;
  return socket.send(call, message);
}

GuestMessage plain_message(const Call& call) {
  GuestMessage guest;
  guest.bytes = std::min(call.u64(2), kIoBytesMax);
  guest.ranges.push_back({call.address(1), guest.bytes});
  return guest;
}

std::uint64_t room_in(const Call& call, const GuestMessage& guest) {
  std::uint64_t room = 0;
  for (const GuestRange& range : guest.ranges) {
    const std::uint64_t usable = call.writable_bytes(range.address, range.bytes);
    room += usable;
    if (usable < range.bytes) break;
  }
  return room;
}

/// recv(2): MSG_WAITALL goes on until all of it is there. Fills `message` with what came along.
Outcome receive_message(const Call& call, Socket& socket, const GuestMessage& guest, std::uint32_t flags,
                        IncomingMessage* message) {
  const std::uint64_t room = room_in(call, guest);
  if (room == 0 && guest.bytes > 0) return Errno::efault;
  const bool all = (flags & abi::msg_waitall) != 0 && socket.is_stream() && (flags & abi::msg_peek) == 0;
  std::uint64_t& progress = call.self().restart.progress;
  while (true) {
    message->bytes.clear();
    const std::uint64_t most = socket.is_stream() ? std::min(room - progress, kIoChunkBytes) : room;
    Outcome got = socket.receive(call, most, flags, message);
    if (got.blocked() && progress > 0) got.wait().partial = static_cast<std::int64_t>(progress);
    if (got.failed() && progress > 0) return static_cast<std::int64_t>(progress);
    if (!got.ok()) return got;
    TRY(scatter(call, guest, progress, message->bytes));
    if (!all) return got;
    progress += message->bytes.size();
    if (message->bytes.empty() || progress >= room || !message->files.empty())
      return static_cast<std::int64_t>(progress);
  }
}

/// Control messages as they are laid out for the guest, within the room it has given.
class ControlWriter {
 public:
  explicit ControlWriter(std::uint64_t room) : room_(room) {}
  std::uint64_t room_for_data() const {
    const std::uint64_t left = room_ - bytes_.size();
    return left > kCmsgHeaderBytes ? left - kCmsgHeaderBytes : 0;
  }
  void put(int level, int type, std::string_view data) {
    const std::uint64_t left = room_ - bytes_.size();
    if (left < kCmsgHeaderBytes) {
      truncated = true;
      return;
    }
    if (data.size() > left - kCmsgHeaderBytes) truncated = true;
    data = data.substr(0, left - kCmsgHeaderBytes);
    bytes_ += StructWriter().u64(kCmsgHeaderBytes + data.size()).i32(level).i32(type).bytes();
    bytes_ += data;
    const std::size_t aligned = (bytes_.size() + 7) & ~std::size_t{7};
    bytes_.append(std::min<std::uint64_t>(aligned, room_) - bytes_.size(), '\0');
  }
  const std::string& bytes() const { return bytes_; }
  bool truncated = false;

 private:
  std::uint64_t room_;
  std::string bytes_;
};

void put_rights(const Call& call, std::vector<FileId>& files, std::uint32_t flags, ControlWriter* writer) {
  std::string numbers;
  std::size_t taken = 0;
  const std::uint64_t most = writer->room_for_data() / 4;
  for (; taken < files.size() && taken < most; ++taken) {
    const auto fd = install_fd(call, files[taken], (flags & abi::msg_cmsg_cloexec) != 0);
    if (!fd.ok()) {
      ++taken;  // install_fd() has given the reference up
      writer->truncated = true;
      break;
    }
    numbers += int_value(*fd);
  }
  if (!numbers.empty()) writer->put(abi::sol_socket, abi::scm_rights, numbers);
  if (taken < files.size()) writer->truncated = true;
  for (; taken < files.size(); ++taken) put_file(call.kernel, files[taken]);
  files.clear();
}

Result<void, Errno> control_out(const Call& call, const Socket& socket, const GuestMessage& guest, std::uint32_t flags,
                                IncomingMessage* message) {
  ControlWriter writer(guest.control == 0 ? 0 : std::min<std::uint64_t>(guest.control_bytes, kControlBytesMax));
  for (const ControlMessage& control : message->control) writer.put(control.level, control.type, control.data);
  if (socket.options.pass_credentials && (socket.family == abi::af_unix || socket.family == abi::af_netlink)) {
    const PeerCredentials& from = message->credentials;
    writer.put(abi::sol_socket, abi::scm_credentials,
               StructWriter()
                   .u32(shown_pid(call, from))
                   .u32(from.known ? uid_shown(call, from.uid) : kOverflowId)
                   .u32(from.known ? gid_shown(call, from.gid) : kOverflowId)
                   .bytes());
  }
  if (!message->files.empty()) put_rights(call, message->files, flags, &writer);
  if (writer.truncated) message->flags |= abi::msg_ctrunc;
  TRY(call.copy_out(guest.control, writer.bytes()));
  return call.store64(guest.header + 40, writer.bytes().size());
}

Outcome receive_into(const Call& call, Socket& socket, std::uint64_t header, std::uint32_t flags) {
  const GuestMessage guest = TRY(message_at(call, header));
  IncomingMessage message;
  Outcome got = receive_message(call, socket, guest, flags, &message);
  if (!got.ok()) return got;
  const auto control = control_out(call, socket, guest, flags, &message);
  for (FileId file : message.files) put_file(call.kernel, file);
  if (!control.ok()) return control.error();
  if (guest.name != 0) {
    const std::string_view address(message.address);
    TRY(call.copy_out(guest.name, address.substr(0, static_cast<std::size_t>(guest.name_bytes))));
    TRY(call.store32(guest.header + 8, static_cast<std::uint32_t>(address.size())));
  }
  if ((flags & abi::msg_cmsg_cloexec) != 0) message.flags |= abi::msg_cmsg_cloexec;
  TRY(call.store32(guest.header + 48, message.flags));
  return got;
}

}  // namespace

// sendto(2).
Outcome sys_sendto(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  GuestMessage guest = plain_message(call);
  if (call.address(4) != 0) {
    if (call.i32(5) < 0 || call.i32(5) > static_cast<std::int32_t>(kSockaddrBytesMax)) return Errno::einval;
    guest.name = call.address(4);
    guest.name_bytes = call.i32(5);
  }
  OutgoingMessage message;
  message.flags = call.u32(3);
  return send_message(call, *socket, guest, message);
}

// sendmsg(2).
Outcome sys_sendmsg(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  const GuestMessage guest = TRY(message_at(call, call.address(1)));
  OutgoingMessage message;
  message.flags = call.u32(2);
  return send_message(call, *socket, guest, message);
}

// sendmmsg(2). An error after the first message is told as their number.
Outcome sys_sendmmsg(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  const std::uint64_t count = std::min<std::uint64_t>(call.u32(2), kMessagesMax);
  for (std::uint64_t n = 0; n < count; ++n) {
    const std::uint64_t header = call.address(1) + kMmsghdrBytes * n;
    const auto guest = message_at(call, header);
    OutgoingMessage message;
    message.flags = call.u32(3);
    const Outcome sent = guest.ok() ? send_message(call, *socket, *guest, message) : Outcome(guest.error());
    if (!sent.ok()) return n > 0 ? Outcome(static_cast<std::int64_t>(n)) : sent;
    call.self().restart.progress = 0;
    TRY(call.store32(header + kMsghdrBytes, static_cast<std::uint32_t>(sent.value())));
  }
  return static_cast<std::int64_t>(count);
}

// recvfrom(2).
Outcome sys_recvfrom(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  IncomingMessage message;
  Outcome got = receive_message(call, *socket, plain_message(call), call.u32(3), &message);
  for (FileId file : message.files) put_file(call.kernel, file);
  if (!got.ok() || call.address(4) == 0) return got;
  TRY(address_out(call, call.address(4), call.address(5), message.address));
  return got;
}

// recvmsg(2).
Outcome sys_recvmsg(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  return receive_into(call, *socket, call.address(1), call.u32(2));
}

// recvmmsg(2). MSG_WAITFORONE: what is there after the first is enough.
Outcome sys_recvmmsg(const Call& call) {
  Socket* socket = TRY(socket_of(call, call.fd(0)));
  const std::uint64_t count = std::min<std::uint64_t>(call.u32(2), kMessagesMax);
  // Messages of earlier attempts stay received: scratch[0] counts them.
  std::uint64_t& got = call.self().restart.scratch[0];
  std::uint32_t flags = call.u32(3);
  while (got < count) {
    if (got > 0 && (flags & abi::msg_waitforone) != 0) flags |= abi::msg_dontwait;
    const std::uint64_t header = call.address(1) + kMmsghdrBytes * got;
    Outcome one = receive_into(call, *socket, header, flags & ~abi::msg_waitforone);
    if (one.blocked() && got > 0) one.wait().partial = static_cast<std::int64_t>(got);
    if (one.blocked()) return one;
    if (one.failed()) return got > 0 ? Outcome(static_cast<std::int64_t>(got)) : one;
    TRY(call.store32(header + kMsghdrBytes, static_cast<std::uint32_t>(one.value())));
    call.self().restart.progress = 0;
    ++got;
  }
  return static_cast<std::int64_t>(got);
}

}  // namespace drydock::machine
