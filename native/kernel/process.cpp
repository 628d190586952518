#include "native/kernel/process.h"

#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

namespace drydock::native {

Result<CloneResult, SysError> clone_process(std::uint64_t namespace_flags, int cgroup_fd) {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = namespace_flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (cgroup_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  }
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof(arguments));
  if (pid < 0) return last_error("clone3");
  CloneResult result;
  result.pid = static_cast<pid_t>(pid);
  if (pid > 0) result.pidfd = Fd(pidfd);
  return result;
}

Result<Fd, SysError> open_pidfd(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return last_error("pidfd_open", std::to_string(pid));
  return Fd(static_cast<int>(fd));
}

Result<void, SysError> send_signal(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) < 0) return last_error("pidfd_send_signal");
  return {};
}

std::optional<int> reap(int pidfd) {
  siginfo_t info{};
  int done = 0;
  do {
    done = ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG);
  } while (done < 0 && errno == EINTR);
  if (done < 0 || info.si_pid == 0) return std::nullopt;
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

std::optional<std::uint64_t> process_start_ticks(pid_t pid) {
  const auto stat = read_file(concat("/proc/", pid, "/stat"), 4096);
  if (!stat.ok()) return std::nullopt;
  // The name (field 2) may hold spaces and parentheses: the fields after it are counted from its last ")".
  const auto name_end = stat->rfind(')');
  if (name_end == std::string::npos || name_end + 2 > stat->size()) return std::nullopt;
  const auto fields = split(std::string_view(*stat).substr(name_end + 2), ' ');
  constexpr std::size_t kStartTimeAfterName = 19;
  if (fields.size() <= kStartTimeAfterName) return std::nullopt;
  return parse_u64(fields[kStartTimeAfterName]);
}

}  // namespace drydock::native
