#pragma once
// Sockets as open files: what all families share. socket(7). Each family and type is a class of its own
// (unix_socket.h, tcp_socket.h, udp_socket.h, raw_socket.h, netlink_socket.h); sys_socket.cpp moves guest memory in and
// out and calls these.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

inline constexpr std::uint64_t kSocketBufferDefault = 212992, kSocketBufferMin = 2304, kSocketBufferMax = 425984;
inline constexpr std::size_t kSockaddrBytesMax = 128, kControlBytesMax = 131072;
/// Descriptors in messages that nobody has received, in the whole machine. Cycles of sockets that hold each other may
/// leak; this bounds them.
inline constexpr std::size_t kFilesInFlightMax = 65536;

/// SO_PEERCRED, SCM_CREDENTIALS; in kernel ids, the process by its id.
struct PeerCredentials {
  ProcessId process;
  std::uint32_t uid = 0, gid = 0;
  bool known = false;
  std::uint32_t shown_pid = 0;  // its number where it sent: told when the process is gone
};

struct ControlMessage {
  int level = 0, type = 0;
  std::string data;
};

struct OutgoingMessage {
  std::string_view bytes;
  std::optional<std::string> address;  // a struct sockaddr
  std::uint32_t flags = 0;             // MSG_*
  std::vector<FileId> files;           // SCM_RIGHTS: the callee takes references of its own
  std::optional<PeerCredentials> credentials;
  std::vector<ControlMessage> control;
};

struct IncomingMessage {
  std::string bytes;
  std::string address;        // a struct sockaddr, empty: none
  std::vector<FileId> files;  // with a reference each, for the caller
  PeerCredentials credentials;
  std::vector<ControlMessage> control;
  std::uint32_t flags = 0;       // MSG_TRUNC, MSG_EOR, for msg_flags
  std::uint64_t full_bytes = 0;  // of the datagram, before it was cut
};

struct SocketOptions {
  bool reuse_address = false, reuse_port = false, keep_alive = false, broadcast = false, dont_route = false,
       oob_inline = false, pass_credentials = false, timestamp = false, debug = false, no_check = false;
  bool linger = false;
  std::uint32_t linger_seconds = 0;
  std::uint64_t send_buffer = kSocketBufferDefault, receive_buffer = kSocketBufferDefault;
  std::uint64_t receive_timeout_ns = 0, send_timeout_ns = 0;  // 0: none
  std::int32_t receive_low_water = 1;
  std::uint32_t priority = 0, mark = 0;
  std::uint32_t bound_interface = 0;  // SO_BINDTODEVICE
};

class Socket : public File {
 public:
  int family = 0, type = 0, protocol = 0;
  NetNamespaceId net;
  SocketOptions options;
  int pending_error = 0;  // an Errno's number: SO_ERROR
  bool read_shut = false, write_shut = false;
  std::uint32_t uid = 0;
  std::uint64_t inode_number = 0;

  virtual Outcome bind(const Caller& caller, std::string_view address);
  virtual Outcome connect(const Caller& caller, std::string_view address);
  virtual Outcome listen(const Caller& caller, int backlog);
  /// The value is the FileId of the new socket, with one reference. `peer` becomes its peer's address.
  virtual Outcome accept(const Caller& caller, std::string* peer);
  /// Streams take what there is room for, at least one byte, and are called again with the rest.
  virtual Outcome send(const Caller& caller, const OutgoingMessage& message) = 0;
  virtual Outcome receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags,
                          IncomingMessage* message) = 0;
  virtual Outcome shutdown(const Caller& caller, int how);
  virtual Result<std::string, Errno> local_address(const Caller& caller) = 0;
  virtual Result<std::string, Errno> peer_address(const Caller& caller);  // ENOTCONN
  /// Levels other than SOL_SOCKET; values are what the guest gave, at most kSockaddrBytesMax bytes. ENOPROTOOPT.
  virtual Result<void, Errno> set_option(const Caller& caller, int level, int name, std::string_view value);
  virtual Result<std::string, Errno> get_option(const Caller& caller, int level, int name);
  virtual bool is_listening() const { return false; }
  virtual PeerCredentials peer_credentials() const { return {}; }
  /// SO_RCVBUF and the like have changed.
  virtual void options_changed(Kernel&) {}
  /// FIONREAD and SIOCOUTQ.
  virtual std::uint64_t readable_bytes() const { return 0; }
  virtual std::uint64_t unsent_bytes(const Kernel&) const { return 0; }
  virtual bool is_stream() const { return type == 1; }

  /// What SO_ERROR tells without waiting for a call to fail.
  virtual void collect_error(Kernel&) {}

  Outcome read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) override;
  Outcome write(const Caller& caller, std::span<const char> bytes, const std::uint64_t* offset) override;
  Outcome ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) override;
  WaitKey wait_key() const override { return {WaitKind::socket, id.value}; }
  std::string nameless_text() const override;
  void release(Kernel& kernel) override;

  Result<void, Errno> set_socket_option(const Caller& caller, int name, std::string_view value);  // SOL_SOCKET
  Result<std::string, Errno> get_socket_option(const Caller& caller, int name);

  /// "Not now": EAGAIN for a non-blocking socket, and when the timeout has passed.
  Outcome wait_to_receive(const Caller& caller, std::uint32_t flags, std::int64_t done = 0) const;
  Outcome wait_to_send(const Caller& caller, std::uint32_t flags, std::int64_t done = 0) const;
  /// The error that is pending, which is no longer pending then.
  std::optional<Errno> take_error();

 private:
  Outcome wait_for(const Caller& caller, std::uint32_t flags, std::uint64_t timeout_ns, std::int64_t done) const;
};

/// The number of the process as the caller sees it.
std::uint32_t shown_pid(const Caller& caller, const PeerCredentials& who);

/// socket(2): a new socket of the caller's network namespace, in the table with one reference.
Result<FileId, Errno> make_socket(const Caller& caller, int family, int type, int protocol);
/// Fills in what all sockets have and puts it into the table: for socketpair(2) and accept(2).
FileId add_socket(const Caller& caller, std::unique_ptr<Socket> socket, NetNamespaceId net, int family, int type,
                  int protocol);
/// ENOTSOCK, EBADF.
Result<Socket*, Errno> socket_of(const Caller& caller, int fd);
/// Null when it is gone or no socket.
Socket* find_socket(Kernel& kernel, FileId file);

/// SIGPIPE and EPIPE for a write to a closed connection.
Outcome broken_pipe(const Caller& caller, std::uint32_t flags);

void wake_socket(Kernel& kernel, FileId file);

/// Little-endian values of option buffers; nothing when the buffer is too short.
std::optional<std::int32_t> int_option(std::string_view value);
std::string int_value(std::int64_t value);

}  // namespace drydock::machine
