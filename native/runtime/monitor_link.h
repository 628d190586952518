#pragma once
// The daemon's end of the connection to one monitor: requests and their replies, notices that come in between.

#include <deque>
#include <optional>
#include <span>
#include <string>

#include "native/kernel/message_socket.h"
#include "native/kernel/poller.h"
#include "native/runtime/monitor_protocol.h"

namespace drydock::native {

class MonitorLink {
 public:
  /// Starts a monitor for the container whose folder this is. Its process leads a session of its own.
  static Result<std::unique_ptr<MonitorLink>, SysError> spawn(const std::string& program, const std::string& directory);
  /// Connects to a monitor that runs already.
  static Result<std::unique_ptr<MonitorLink>, SysError> connect(const std::string& directory, std::int64_t monitor_pid);

  /// A living monitor holds a lock on its container's folder: EWOULDBLOCK. Else nobody starts one while the result
  /// lives.
  static Result<Fd, SysError> lock_folder(const std::string& directory);

  /// Sends a request and waits for its reply. What else arrives is kept for next(). ETIMEDOUT, EPIPE: monitor gone.
  Result<Reply, SysError> call(decltype(Request::body) body, std::span<const int> fds, std::int64_t timeout_ns);
  /// Sends without waiting; the reply is skipped when it comes.
  void post(decltype(Request::body) body);
  /// The next notice, if one is there.
  std::optional<MonitorMessage> next();
  bool closed() const { return closed_; }

  int fd() const { return socket_.get(); }
  Fd take_pidfd() { return std::move(pidfd_); }
  void kill_monitor();
  /// Waits until the monitor has closed the connection, which it does by ending.
  bool wait_closed(std::int64_t timeout_ns);

  std::uint64_t token = 0;  // in the owner's Poller

 private:
  MonitorLink(Fd socket, Fd pidfd) : socket_(std::move(socket)), pidfd_(std::move(pidfd)) {}
  /// False: nothing more there now.
  bool receive(std::optional<Reply>& reply, std::uint32_t sequence);

  Fd socket_;
  Fd pidfd_;
  std::uint32_t sequence_ = 0;
  bool closed_ = false;
  std::deque<MonitorMessage> notices_;
};

}  // namespace drydock::native
