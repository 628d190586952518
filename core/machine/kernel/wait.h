#pragma once
// What a sleeping task waits for. Nothing is ever suspended in the middle: a system call that cannot go on returns
// Outcome::block(...), and is run again from its beginning when one of its keys was woken, its deadline has come, or a
// signal interrupts it. Waking more than needed is harmless, waking less is a hang.

#include <cstdint>
#include <optional>
#include <vector>

namespace drydock::machine {

enum class WaitKind : std::uint8_t {
  none,
  inode,    // a pipe, FIFO, or other inode's state has changed; id: InodeId
  socket,   // id: the socket's FileId
  tty,      // id: the terminal's number in the machine
  process,  // a child of this process has changed state (wait4(2)); id: ProcessId of the parent
  task,     // something happened to this very task (signal for sigsuspend, vfork's child is done); id: TaskId
  futex,    // id: a key made by the futex code
  queue,    // a POSIX message queue; id: InodeId
  cgroup,   // frozen or thawed, populated or not; id: CgroupId
  epoll,    // id: FileId
  host,     // an in-process peer outside of the machine (an attached stream); id: chosen by it
};

struct WaitKey {
  WaitKind kind = WaitKind::none;
  std::uint64_t id = 0;
  friend bool operator==(const WaitKey&, const WaitKey&) = default;
  friend bool operator<(const WaitKey& left, const WaitKey& right) {
    return left.kind != right.kind ? left.kind < right.kind : left.id < right.id;
  }
};

/// What becomes of a blocked call that a signal handler interrupts. signal(7), "Interruption of system calls".
enum class Interruption : std::uint8_t {
  restart,  // run again when the handler was set with SA_RESTART, else EINTR
  eintr,    // always EINTR, also with SA_RESTART (poll, epoll_wait, nanosleep, pause, sigsuspend ...)
  never,    // not interruptible, but by SIGKILL (vfork's parent)
};

struct Block {
  std::vector<WaitKey> keys;                 // may be empty: only the deadline or a signal ends the wait
  std::optional<std::uint64_t> deadline_ns;  // Kernel::now_ns(); see RestartState for how it survives being run again
  Interruption interruption = Interruption::restart;
  std::optional<std::int64_t> partial;  // returned instead of EINTR or a restart: bytes already transferred
  /// Where to tell the time left until deadline_ns when the call ends with EINTR; 0: nowhere.
  std::uint64_t remaining_at = 0;
  bool remaining_as_timeval = false;  // else a struct timespec
};

}  // namespace drydock::machine
