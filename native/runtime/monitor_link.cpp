#include "native/runtime/monitor_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <memory>

#include "native/kernel/process.h"

namespace drydock::native {

namespace {

/// vfork(2)-like: the daemon may be large, and the child only moves two descriptors and executes the monitor.
struct SpawnWork {
  const char* program;
  int control;
  int directory;
  int error;
};

[[noreturn]] void become_monitor(SpawnWork& work) {
  // Above the two targets first, so that neither overwrites the other.
  const int control = ::fcntl(work.control, F_DUPFD_CLOEXEC, 10);
  const int directory = ::fcntl(work.directory, F_DUPFD_CLOEXEC, 10);
  if (control < 0 || directory < 0 || ::dup2(control, kMonitorControlFd) < 0 ||
      ::dup2(directory, kMonitorDirectoryFd) < 0) {
    work.error = errno;
    ::_exit(127);
  }
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3 && null >= 0; ++fd) ::dup2(null, fd);
  char name[] = "drydock-monitor";
  char* const arguments[] = {name, nullptr};
  char* const environment[] = {nullptr};
  ::execve(work.program, arguments, environment);
  work.error = errno;
  ::_exit(127);
}

Result<pid_t, SysError> spawn_monitor(const std::string& program, int control, int directory) {
  SpawnWork work{program.c_str(), control, directory, 0};
  sigset_t all, old;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &old);  // no handler of the daemon may run in the child, on the shared memory
  const pid_t pid = ::vfork();
  if (pid == 0) become_monitor(work);
  const int code = errno;
  ::sigprocmask(SIG_SETMASK, &old, nullptr);
  if (pid < 0) return SysError{static_cast<Errno>(code), "vfork", ""};
  if (work.error != 0) {
    ::waitpid(pid, nullptr, 0);
    return SysError{static_cast<Errno>(work.error), "exec", program};
  }
  return pid;
}

}  // namespace

Result<std::unique_ptr<MonitorLink>, SysError> MonitorLink::spawn(const std::string& program,
                                                                  const std::string& directory) {
  const Fd folder = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  // The monitor inherits this open file, and with it the lock, for as long as it lives (lock_folder).
  if (::flock(folder.get(), LOCK_EX | LOCK_NB) < 0) return last_error("flock", directory);
  SocketPair pair = TRY(make_socket_pair());
  const pid_t pid = TRY(spawn_monitor(program, pair.second.get(), folder.get()));
  Fd pidfd = TRY(open_pidfd(pid));
  return std::unique_ptr<MonitorLink>(new MonitorLink(std::move(pair.first), std::move(pidfd)));
}

Result<std::unique_ptr<MonitorLink>, SysError> MonitorLink::connect(const std::string& directory,
                                                                    std::int64_t monitor_pid) {
  const Fd folder = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  Fd socket = TRY(connect_in(folder.get(), kMonitorSocketName));
  auto pidfd = open_pidfd(static_cast<pid_t>(monitor_pid));
  return std::unique_ptr<MonitorLink>(new MonitorLink(std::move(socket), pidfd.ok() ? std::move(pidfd).value() : Fd()));
}

Result<Fd, SysError> MonitorLink::lock_folder(const std::string& directory) {
  Fd folder = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  if (::flock(folder.get(), LOCK_EX | LOCK_NB) < 0) return last_error("flock", directory);
  return folder;
}

bool MonitorLink::receive(std::optional<Reply>& reply, std::uint32_t sequence) {
  ReceivedMessage message;
  const auto status = receive_message(socket_.get(), kControlMessageMax, message);
  if (status == ReceiveStatus::nothing) return false;
  auto decoded = status == ReceiveStatus::message ? from_wire<MonitorMessage>(message.bytes) : std::nullopt;
  if (!decoded) {
    closed_ = true;
    return false;
  }
  if (auto* answer = std::get_if<Reply>(&*decoded)) {
    if (answer->sequence == sequence) reply = std::move(*answer);
    return true;  // one that nobody waits for any more is dropped
  }
  notices_.push_back(std::move(*decoded));
  return true;
}

Result<Reply, SysError> MonitorLink::call(decltype(Request::body) body, std::span<const int> fds,
                                          std::int64_t timeout_ns) {
  const std::int64_t deadline = monotonic_clock_ns() + timeout_ns;
  const Request request{++sequence_, std::move(body)};
  const std::string bytes = to_wire(request);
  for (;;) {
    const auto sent = send_message(socket_.get(), bytes, fds);
    if (sent == SendStatus::sent) break;
    if (sent == SendStatus::closed) return SysError{Errno::epipe, "monitor", ""};
    if (!wait_ready(socket_.get(), POLLOUT, deadline)) return SysError{Errno::etimedout, "monitor", ""};
  }
  std::optional<Reply> reply;
  while (!reply) {
    if (receive(reply, request.sequence)) continue;
    if (closed_) return SysError{Errno::epipe, "monitor", ""};
    if (!wait_ready(socket_.get(), POLLIN, deadline)) return SysError{Errno::etimedout, "monitor", ""};
  }
  return std::move(*reply);
}

void MonitorLink::post(decltype(Request::body) body) {
  static_cast<void>(send_message(socket_.get(), to_wire(Request{++sequence_, std::move(body)})));
}

std::optional<MonitorMessage> MonitorLink::next() {
  std::optional<Reply> nobody;
  while (notices_.empty() && !closed_ && receive(nobody, 0)) {
  }
  if (notices_.empty()) return std::nullopt;
  MonitorMessage message = std::move(notices_.front());
  notices_.pop_front();
  return message;
}

void MonitorLink::kill_monitor() {
  if (pidfd_) static_cast<void>(send_signal(pidfd_.get(), SIGKILL));
}

bool MonitorLink::wait_closed(std::int64_t timeout_ns) {
  const std::int64_t deadline = monotonic_clock_ns() + timeout_ns;
  std::optional<Reply> nobody;
  while (!closed_) {
    if (receive(nobody, 0)) continue;
    if (!closed_ && !wait_ready(socket_.get(), POLLIN, deadline)) return false;
  }
  return true;
}

}  // namespace drydock::native
