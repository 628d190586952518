#pragma once
// Processes by pidfd: clone3(2), pidfd_open(2), pidfd_send_signal(2), waitid(2). A pidfd never names another process
// than the one it was made for, which a pid may do once its process was reaped.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "native/kernel/fd.h"

namespace drydock::native {

struct CloneResult {
  pid_t pid = 0;  // 0 in the child
  Fd pidfd;       // in the parent
};

/// clone3(2) without CLONE_VM: the child goes on from here with a copy of everything, as after fork(2).
/// `cgroup_fd`: a cgroup v2 directory that the child is born in; -1: the parent's.
Result<CloneResult, SysError> clone_process(std::uint64_t namespace_flags, int cgroup_fd = -1);

Result<Fd, SysError> open_pidfd(pid_t pid);
/// ESRCH once the process has ended.
Result<void, SysError> send_signal(int pidfd, int signal);
/// Reaps a child that has ended: its exit code, or 128 plus the signal. Nothing if it still runs (or is no child).
std::optional<int> reap(int pidfd);

/// Start of a process in clock ticks since boot (proc_pid_stat(5), field 22): with the pid it names a process for good.
std::optional<std::uint64_t> process_start_ticks(pid_t pid);

}  // namespace drydock::native
