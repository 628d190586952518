#pragma once
// Whether an address space may have more: RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK, and memory that could never be had.

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// ENOMEM. `replaced_bytes` of its place are given up for it.
Result<void, Errno> check_limits(const Caller& caller, const AddressSpace& memory, const Mapping& mapping,
                                 std::uint64_t replaced_bytes);
/// The same for mprotect(2) of `bytes` of a mapping. ENOMEM.
Result<void, Errno> check_becoming_writable(const Caller& caller, const AddressSpace& memory, const Mapping& mapping,
                                            std::uint32_t protection, std::uint64_t bytes);
bool exceeds_data_limit(const Caller& caller, std::uint64_t bytes);
bool exceeds_lock_limit(const Caller& caller, std::uint64_t bytes);
/// RLIMIT_MEMLOCK is not 0, or CAP_IPC_LOCK.
bool may_lock(const Caller& caller);

/// How many bytes of [start, end) are mapped.
std::uint64_t overlap(const AddressSpace& memory, std::uint64_t start, std::uint64_t end);
/// The inode whose pages a mapping of the file shows. ENODEV.
Result<InodeId, Errno> mappable_inode(const Caller& caller, const File& file);

}  // namespace drydock::machine
