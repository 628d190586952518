#pragma once
// Advisory locks on files: fcntl(2) (of a process, and of an open file description), flock(2).

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "machine/kernel/ids.h"
#include "machine/kernel/wait.h"

namespace drydock::machine {

enum class LockKind : std::uint8_t {
  posix,  // owner: the descriptor table, as threads that share it share the locks; gone with any close(2) of the file
  ofd,    // owner: the open file description
  flock,  // owner: the same; whole files, and not in each other's way with the two above
};

struct FileLock {
  LockKind kind = LockKind::posix;
  bool exclusive = false;
  std::uint32_t owner = 0;  // value of a FdTableId or a FileId
  ProcessId process;        // F_GETLK tells its pid
  std::uint64_t start = 0;
  std::uint64_t end = ~std::uint64_t{0};  // the last byte
};

/// The first lock that is in the way.
std::optional<FileLock> find_conflict(const Kernel& kernel, InodeId inode, const FileLock& wanted);
/// Sets, changes or removes (`unlock`) what the owner holds of that range; wakes those who wait. The caller has found
/// no conflict.
void set_lock(Kernel& kernel, InodeId inode, const FileLock& lock, bool unlock);
/// All of one owner on that file.
void drop_locks(Kernel& kernel, InodeId inode, LockKind kind, std::uint32_t owner);
/// Would `waiter` (a descriptor table) wait for somebody who waits, in the end, for it? Looks at the tasks that are
/// blocked in fcntl(F_SETLKW).
bool would_deadlock(const Kernel& kernel, std::uint32_t waiter, std::uint32_t holder);
WaitKey lock_wait_key(InodeId inode);

}  // namespace drydock::machine
