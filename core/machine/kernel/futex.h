#pragma once
// futex(2): sleeping on a word of memory.
// Not modelled: priority inheritance (FUTEX_LOCK_PI and its kin answer ENOSYS).

#include <cstdint>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// What sleepers on that word wait for. Private ones are named by address space and address, shared ones by inode and
/// offset (or, in private memory, as private ones). EFAULT.
Result<std::uint64_t, Errno> futex_key(const Caller& caller, std::uint64_t address, bool is_private);
/// Wakes up to `count` sleepers whose bits are in `bits`; returns how many.
std::uint32_t futex_wake(Kernel& kernel, std::uint64_t key, std::uint32_t count, std::uint32_t bits);
/// CLONE_CHILD_CLEARTID and the robust list: for a task that ends, while it still has its memory.
void clear_child_tid(Kernel& kernel, TaskId task);

}  // namespace drydock::machine
