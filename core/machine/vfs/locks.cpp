// fcntl(2) "Advisory record locking", flock(2). A lock's range includes its last byte.

#include "machine/vfs/locks.h"

#include <algorithm>
#include <set>

#include "machine/kernel/kernel.h"

namespace drydock::machine {
namespace {

constexpr std::int64_t kSysFcntl = 72;
constexpr std::uint64_t kSetLockWait = 7;

bool overlap(const FileLock& left, const FileLock& right) {
  return left.start <= right.end && right.start <= left.end;
}

bool same_owner(const FileLock& left, const FileLock& right) {
  return left.kind == right.kind && left.owner == right.owner;
}

}  // namespace

std::optional<FileLock> find_conflict(const Kernel& kernel, InodeId inode, const FileLock& wanted) {
  const auto at = kernel.file_locks.find(inode);
  if (at == kernel.file_locks.end()) return std::nullopt;
  for (const FileLock& held : at->second) {
    if ((held.kind == LockKind::flock) != (wanted.kind == LockKind::flock)) continue;
    if (same_owner(held, wanted) || !overlap(held, wanted)) continue;
    if (held.exclusive || wanted.exclusive) return held;
  }
  return std::nullopt;
}

void set_lock(Kernel& kernel, InodeId inode, const FileLock& lock, bool unlock) {
  std::vector<FileLock>& held = kernel.file_locks[inode];
  std::vector<FileLock> result;
  FileLock merged = lock;
  for (const FileLock& old : held) {
    const bool adjacent = !unlock && same_owner(old, lock) && old.exclusive == lock.exclusive &&
                          (old.start == 0 || old.start - 1 <= merged.end) &&
                          (merged.start == 0 || merged.start - 1 <= old.end);
    if (adjacent) {
      merged.start = std::min(merged.start, old.start);
      merged.end = std::max(merged.end, old.end);
      continue;
    }
    if (!same_owner(old, lock) || !overlap(old, lock)) {
      result.push_back(old);
      continue;
    }
    if (old.start < lock.start) {
      result.push_back(old);
      result.back().end = lock.start - 1;
    }
    if (old.end > lock.end) {
      result.push_back(old);
      result.back().start = lock.end + 1;
    }
  }
  if (!unlock) result.push_back(merged);
  std::stable_sort(result.begin(), result.end(),
                   [](const FileLock& left, const FileLock& right) { return left.start < right.start; });
  if (result.empty())
    kernel.file_locks.erase(inode);
  else
    held = std::move(result);
  wake(kernel, lock_wait_key(inode));
}

void drop_locks(Kernel& kernel, InodeId inode, LockKind kind, std::uint32_t owner) {
  const auto at = kernel.file_locks.find(inode);
  if (at == kernel.file_locks.end()) return;
  std::vector<FileLock>& held = at->second;
  const auto gone = std::remove_if(held.begin(), held.end(),
                                   [&](const FileLock& lock) { return lock.kind == kind && lock.owner == owner; });
  if (gone == held.end()) return;
  held.erase(gone, held.end());
  if (held.empty()) kernel.file_locks.erase(at);
  wake(kernel, lock_wait_key(inode));
}

bool would_deadlock(const Kernel& kernel, std::uint32_t waiter, std::uint32_t holder) {
  // Whom a blocked F_SETLKW waits for is in the task's RestartState: scratch[0], the holder's descriptor table.
  std::set<std::uint32_t> seen;
  for (std::uint32_t at = holder; seen.insert(at).second;) {
    if (at == waiter) return true;
    for (const TaskId id : kernel.tasks.ids()) {
      const Task& task = kernel.tasks[id];
      if (task.fds.value != at || task.state != TaskState::blocked || task.call_number != kSysFcntl) continue;
      if ((task.call_arguments[1] & 0xffffffff) != kSetLockWait || task.restart.scratch[0] == 0) continue;
      at = static_cast<std::uint32_t>(task.restart.scratch[0]);
      break;
    }
  }
  return false;
}

WaitKey lock_wait_key(InodeId inode) {
  // Beside the inode's own key: who waits for a pipe's bytes has nothing to do with locks.
  return {WaitKind::inode, (std::uint64_t{1} << 32) | inode.value};
}

}  // namespace drydock::machine
