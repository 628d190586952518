#pragma once
// mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), madvise(2) and friends on the caller's memory, with their checks,
// limits and the counts of open files. The system calls (sys_memory.cpp) only decode.

#include <cstdint>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

namespace map_flag {
inline constexpr std::uint64_t shared = 1, private_copy = 2, shared_validate = 3, type = 0xf, fixed = 0x10,
                               anonymous = 0x20, below_4g = 0x40, grows_down = 0x100, deny_write = 0x800,
                               executable = 0x1000, locked = 0x2000, no_reserve = 0x4000, populate = 0x8000,
                               nonblock = 0x10000, stack = 0x20000, huge_pages = 0x40000, sync = 0x80000,
                               fixed_no_replace = 0x100000;
}

struct MapRequest {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  std::uint64_t protection = 0;
  std::uint64_t flags = 0;
  FileId file;  // none: anonymous
  std::uint64_t offset = 0;
};

/// Returns where the memory is.
Result<std::uint64_t, Errno> map_memory(const Caller& caller, const MapRequest& request);
Result<void, Errno> unmap_memory(const Caller& caller, std::uint64_t address, std::uint64_t bytes);
Result<void, Errno> protect_memory(const Caller& caller, std::uint64_t address, std::uint64_t bytes,
                                   std::uint64_t protection);
Result<std::uint64_t, Errno> remap_memory(const Caller& caller, std::uint64_t address, std::uint64_t old_bytes,
                                          std::uint64_t new_bytes, std::uint64_t flags, std::uint64_t new_address);
/// Returns the break as it is then: the old one when it could not be moved.
std::uint64_t set_program_break(const Caller& caller, std::uint64_t address);
Result<void, Errno> advise_memory(const Caller& caller, std::uint64_t address, std::uint64_t bytes, int advice);
Result<void, Errno> lock_memory(const Caller& caller, std::uint64_t address, std::uint64_t bytes, bool lock,
                                bool fault_in);
/// Makes the pages present, as far as that is possible (MAP_POPULATE, mlock(2)).
void populate_memory(const Caller& caller, std::uint64_t start, std::uint64_t end);

/// For fork(2): a new address space with the same contents.
AddressSpaceId copy_address_space(Kernel& kernel, AddressSpaceId from);
/// Takes everything out of it, and the address space away: its last user is gone. What was charged is given back.
void destroy_address_space(Kernel& kernel, AddressSpaceId memory);
/// Does to the counts of open files what a change of mappings asks for.
void settle_files(Kernel& kernel, const FileReferences& files);

}  // namespace drydock::machine
