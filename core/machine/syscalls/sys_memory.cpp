// mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), madvise(2), msync(2), mincore(2), mlock(2), membarrier(2),
// process_vm_readv(2), get_mempolicy(2). The work is in mm/map_memory.h.
// Not modelled: protection keys (ENOSPC, as on a processor without them), userfaultfd(2), remap_file_pages(2), NUMA
// (one node; only the default policy).

#include <algorithm>
#include <array>
#include <vector>

#include "machine/mm/limits.h"
#include "machine/mm/map_memory.h"
#include "machine/syscalls/families.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t rounded_up(std::uint64_t bytes) {
  return (bytes + kPageBytes - 1) & kPageMask;
}

Outcome finish(Result<void, Errno> result) {
  if (!result.ok()) return result.error();
  return done();
}

Outcome finish(Result<std::uint64_t, Errno> result) {
  if (!result.ok()) return result.error();
  return static_cast<std::int64_t>(*result);
}

// mmap(2). EBADF: no such descriptor, unless MAP_ANONYMOUS.
Outcome sys_mmap(const Call& call) {
  MapRequest request{call.address(0), call.u64(1), call.u64(2), call.u64(3), FileId{}, call.u64(5)};
  if (request.offset % kPageBytes != 0) return Errno::einval;
  if ((request.flags & map_flag::anonymous) == 0) request.file = TRY(file_of(call, call.fd(4)));
  return finish(map_memory(call, request));
}

Outcome sys_munmap(const Call& call) {
  return finish(unmap_memory(call, call.address(0), call.u64(1)));
}

Outcome sys_mprotect(const Call& call) {
  return finish(protect_memory(call, call.address(0), call.u64(1), call.u64(2)));
}

// pkey_mprotect(2) with no key is mprotect(2).
Outcome sys_pkey_mprotect(const Call& call) {
  if (call.i32(3) != -1) return Errno::einval;
  return sys_mprotect(call);
}

Outcome sys_pkey_alloc(const Call& call) {
  if (call.u64(0) != 0 || (call.u64(1) & ~std::uint64_t{3}) != 0) return Errno::einval;
  return Errno::enospc;
}

Outcome sys_pkey_free(const Call&) {
  return Errno::einval;
}

Outcome sys_mremap(const Call& call) {
  return finish(remap_memory(call, call.address(0), call.u64(1), call.u64(2), call.u64(3), call.address(4)));
}

Outcome sys_brk(const Call& call) {
  return static_cast<std::int64_t>(set_program_break(call, call.address(0)));
}

Outcome sys_madvise(const Call& call) {
  return finish(advise_memory(call, call.address(0), call.u64(1), call.i32(2)));
}

// msync(2). Every mapping of a file shows the file's own pages, so that there is nothing to write back.
Outcome sys_msync(const Call& call) {
  constexpr std::uint32_t kAsync = 1, kInvalidate = 2, kSync = 4;
  const std::uint64_t start = call.address(0);
  const std::uint32_t flags = call.u32(2);
  if ((flags & ~(kAsync | kInvalidate | kSync)) != 0 || start % kPageBytes != 0) return Errno::einval;
  if ((flags & kAsync) != 0 && (flags & kSync) != 0) return Errno::einval;
  const std::uint64_t end = start + rounded_up(call.u64(1));
  if (end < start) return Errno::enomem;
  if (end == start) return done();
  const AddressSpace& memory = call.kernel.memories[call.self().memory];
  for (const Mapping* at = memory.first_above(start); at != nullptr && at->start < end;
       at = memory.first_above(at->end))
    if ((flags & kInvalidate) != 0 && at->locked) return Errno::ebusy;
  if (!memory.is_mapped(start, end)) return Errno::enomem;
  return done();
}

// mincore(2). A byte a page, whose lowest bit says that the page is in memory.
Outcome sys_mincore(const Call& call) {
  const std::uint64_t start = call.address(0), bytes = call.u64(1);
  if (start % kPageBytes != 0) return Errno::einval;
  if (start > kUserAddressEnd || bytes > kUserAddressEnd - start) return Errno::enomem;
  const std::uint64_t end = start + rounded_up(bytes);
  const AddressSpace& memory = call.kernel.memories[call.self().memory];
  std::uint64_t vector = call.address(2);
  std::vector<char> answer;
  for (std::uint64_t at = start; at < end;) {
    answer.clear();
    for (; at < end && answer.size() < kPageBytes && memory.mapping_at(at) != nullptr; at += kPageBytes)
      answer.push_back(memory.is_resident(at) ? 1 : 0);
    TRY(call.copy_out(vector, answer));
    vector += answer.size();
    if (at < end && answer.size() < kPageBytes) return Errno::enomem;
  }
  return done();
}

Outcome sys_mlock(const Call& call) {
  return finish(lock_memory(call, call.address(0), call.u64(1), true, true));
}

Outcome sys_mlock2(const Call& call) {
  constexpr std::uint32_t kOnFault = 1;
  if ((call.u32(2) & ~kOnFault) != 0) return Errno::einval;
  return finish(lock_memory(call, call.address(0), call.u64(1), true, (call.u32(2) & kOnFault) == 0));
}

Outcome sys_munlock(const Call& call) {
  return finish(lock_memory(call, call.address(0), call.u64(1), false, false));
}

void lock_everything(const Call& call, bool lock) {
  FileReferences files;
  call.kernel.memories[call.self().memory].change(0, kUserAddressEnd, &files,
                                                  [lock](Mapping& mapping) { mapping.locked = lock; });
  settle_files(call.kernel, files);
}

Outcome sys_mlockall(const Call& call) {
  constexpr std::uint32_t kCurrent = 1, kFuture = 2, kOnFault = 4;
  const std::uint32_t flags = call.u32(0);
  if (flags == 0 || (flags & ~(kCurrent | kFuture | kOnFault)) != 0 || flags == kOnFault) return Errno::einval;
  if (!may_lock(call)) return Errno::eperm;
  AddressSpace& memory = call.kernel.memories[call.self().memory];
  if ((flags & kCurrent) != 0 && exceeds_lock_limit(call, memory.mapped_bytes())) return Errno::enomem;
  memory.lock_future = (flags & kFuture) != 0;
  if ((flags & kCurrent) != 0) lock_everything(call, true);
  return done();
}

Outcome sys_munlockall(const Call& call) {
  call.kernel.memories[call.self().memory].lock_future = false;
  lock_everything(call, false);
  return done();
}

// membarrier(2). One task runs at a time, so that every barrier is there already.
Outcome sys_membarrier(const Call& call) {
  constexpr std::uint32_t kQuery = 0, kGlobal = 1, kRegisterGlobal = 4, kPrivate = 8, kRegisterPrivate = 16,
                          kSyncCore = 32, kRegisterSyncCore = 64, kRseq = 128, kRegisterRseq = 256,
                          kGlobalExpedited = 2;
  const std::uint32_t command = call.u32(0);
  if (call.u32(1) != 0 && command != kRseq) return Errno::einval;
  std::uint32_t& registered = call.kernel.memories[call.self().memory].membarrier_registered;
  switch (command) {
    case kQuery:
      return std::int64_t{0x1ff};
    case kGlobal:
    case kGlobalExpedited:
      return done();
    case kRegisterGlobal:
    case kRegisterPrivate:
    case kRegisterSyncCore:
    case kRegisterRseq:
      registered |= command;
      return done();
    case kPrivate:
    case kSyncCore:
    case kRseq:
      // The command that registers for it is the next bit.
      if ((registered & command << 1) == 0) return Errno::eperm;
      return done();
    default:
      return Errno::einval;
  }
}

// get_mempolicy(2): the default policy, node 0.
Outcome sys_get_mempolicy(const Call& call) {
  constexpr std::uint64_t kNode = 1, kAddress = 2, kMemsAllowed = 4;
  const std::uint64_t flags = call.u64(4);
  if ((flags & ~(kNode | kAddress | kMemsAllowed)) != 0) return Errno::einval;
  if (call.address(0) != 0) TRY(call.store32(call.address(0), 0));
  if (call.address(1) != 0 && call.u64(2) != 0) {
    // The mask comes in words of 64 bits.
    std::vector<char> mask((std::min<std::uint64_t>(call.u64(2), 1024) + 63) / 64 * 8, 0);
    if ((flags & kMemsAllowed) != 0) mask[0] = 1;
    TRY(call.copy_out(call.address(1), mask));
  }
  return done();
}

// set_mempolicy(2): MPOL_DEFAULT to MPOL_PREFERRED_MANY on the one node make no difference.
Outcome sys_set_mempolicy(const Call& call) {
  constexpr std::uint32_t kPolicies = 6, kModeFlags = 0xe000;
  if ((call.u32(0) & ~kModeFlags) >= kPolicies) return Errno::einval;
  return done();
}

constexpr std::array kRows = {
    SyscallRow{9,
               "mmap",
               sys_mmap,
               {Arg::address, Arg::size, Arg::mmap_prot, Arg::mmap_flags, Arg::fd, Arg::hex},
               "mmap(2)",
               Support::partial,
               "no huge pages, MAP_32BIT is ignored"},
    SyscallRow{
        10, "mprotect", sys_mprotect, {Arg::address, Arg::size, Arg::mmap_prot}, "mprotect(2)", Support::full, ""},
    SyscallRow{11, "munmap", sys_munmap, {Arg::address, Arg::size}, "munmap(2)", Support::full, ""},
    SyscallRow{12, "brk", sys_brk, {Arg::address}, "brk(2)", Support::full, ""},
    SyscallRow{25,
               "mremap",
               sys_mremap,
               {Arg::address, Arg::size, Arg::size, Arg::hex, Arg::address},
               "mremap(2)",
               Support::full,
               ""},
    SyscallRow{26, "msync", sys_msync, {Arg::address, Arg::size, Arg::hex}, "msync(2)", Support::full, ""},
    SyscallRow{27, "mincore", sys_mincore, {Arg::address, Arg::size, Arg::address}, "mincore(2)", Support::full, ""},
    SyscallRow{28,
               "madvise",
               sys_madvise,
               {Arg::address, Arg::size, Arg::i32},
               "madvise(2)",
               Support::partial,
               "no MADV_REMOVE, no MADV_HWPOISON"},
    SyscallRow{149, "mlock", sys_mlock, {Arg::address, Arg::size}, "mlock(2)", Support::full, ""},
    SyscallRow{150, "munlock", sys_munlock, {Arg::address, Arg::size}, "mlock(2)", Support::full, ""},
    SyscallRow{151, "mlockall", sys_mlockall, {Arg::hex}, "mlockall(2)", Support::full, ""},
    SyscallRow{152, "munlockall", sys_munlockall, {}, "mlockall(2)", Support::full, ""},
    SyscallRow{238,
               "set_mempolicy",
               sys_set_mempolicy,
               {Arg::i32, Arg::address, Arg::u64},
               "set_mempolicy(2)",
               Support::partial,
               "one node"},
    SyscallRow{239,
               "get_mempolicy",
               sys_get_mempolicy,
               {Arg::address, Arg::address, Arg::u64, Arg::address, Arg::hex},
               "get_mempolicy(2)",
               Support::partial,
               "one node"},
    SyscallRow{324, "membarrier", sys_membarrier, {Arg::i32, Arg::hex, Arg::i32}, "membarrier(2)", Support::full, ""},
    SyscallRow{325, "mlock2", sys_mlock2, {Arg::address, Arg::size, Arg::hex}, "mlock(2)", Support::full, ""},
    SyscallRow{329,
               "pkey_mprotect",
               sys_pkey_mprotect,
               {Arg::address, Arg::size, Arg::mmap_prot, Arg::i32},
               "pkey_mprotect(2)",
               Support::partial,
               "no keys"},
    SyscallRow{330, "pkey_alloc", sys_pkey_alloc, {Arg::hex, Arg::hex}, "pkey_alloc(2)", Support::partial, "no keys"},
    SyscallRow{331, "pkey_free", sys_pkey_free, {Arg::i32}, "pkey_free(2)", Support::partial, "no keys"},
};

}  // namespace

std::span<const SyscallRow> memory_calls() {
  return kRows;
}

}  // namespace drydock::machine
