// mmap(2), munmap(2), mprotect(2), brk(2): checks in the order of Linux 6.1 (mm/mmap.c, mm/mprotect.c), because which
// errno a wrong call gets depends on it.
// Not modelled: MAP_HUGETLB (there are no huge pages: ENOMEM), MAP_SYNC, MAP_32BIT's range (the flag is ignored).

#include "machine/mm/map_memory.h"

#include <algorithm>
#include <utility>

#include "machine/abi/file.h"
#include "machine/fs/tmpfs/tmpfs.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/cgroup_accounting.h"
#include "machine/mm/kernel_pages.h"
#include "machine/mm/limits.h"
#include "machine/vfs/access.h"

namespace drydock::machine {
namespace {

/// What mmap(2) has always known: MAP_SHARED_VALIDATE refuses all else.
constexpr std::uint64_t kLegacyFlags =
    map_flag::shared | map_flag::private_copy | map_flag::fixed | map_flag::anonymous | map_flag::below_4g |
    map_flag::grows_down | map_flag::deny_write | map_flag::executable | map_flag::locked | map_flag::no_reserve |
    map_flag::populate | map_flag::nonblock | map_flag::stack | map_flag::huge_pages | 0x200 /* MAP_GROWSUP */;

/// Protection and type against how the file was opened.
Result<void, Errno> check_file(const Caller& caller, const File& file, const MapRequest& request, Mapping* mapping) {
  const std::uint64_t type = request.flags & map_flag::type;
  switch (type) {
    case map_flag::shared_validate:
      if ((request.flags & ~kLegacyFlags & ~map_flag::type) != 0) return Errno::eopnotsupp;
      [[fallthrough]];
    case map_flag::shared:
      if ((request.protection & kProtWrite) != 0 && !file.writable()) return Errno::eacces;
      mapping->may_write = file.writable();
      mapping->shared = true;
      [[fallthrough]];
    case map_flag::private_copy:
      break;
    default:
      return Errno::einval;
  }
  if (!file.readable() || (file.flags & abi::o_path) != 0) return Errno::eacces;
  if ((mount_flags_of(caller.kernel, file.path) & abi::ms_noexec) != 0) {
    if ((request.protection & kProtExec) != 0) return Errno::eperm;
    mapping->may_execute = false;
  }
  if ((request.flags & map_flag::grows_down) != 0) return Errno::einval;
  return {};
}

Result<std::uint64_t, Errno> choose_address(const Caller& caller, const AddressSpace& memory, const MapRequest& request,
                                            std::uint64_t bytes) {
  if (bytes > kUserAddressEnd) return Errno::enomem;
  if ((request.flags & (map_flag::fixed | map_flag::fixed_no_replace)) == 0) {
    std::uint64_t hint = request.address & kPageMask;
    if (hint != 0) hint = std::max(hint, kLowestAddress);
    if (auto free = memory.find_free(bytes, hint)) return *free;
    return Errno::enomem;
  }
  if (request.address > kUserAddressEnd - bytes) return Errno::enomem;
  if (request.address % kPageBytes != 0) return Errno::einval;
  if (request.address < kLowestAddress && !capable(caller, cap::sys_rawio)) return Errno::eperm;
  if ((request.flags & map_flag::fixed_no_replace) != 0) {
    const Mapping* above = memory.first_above(request.address);
    if (above != nullptr && above->start < request.address + bytes) return Errno::eexist;
  }
  return request.address;
}

/// MAP_LOCKED and mlockall(MCL_FUTURE).
Result<void, Errno> check_locking(const Caller& caller, const AddressSpace& memory, const MapRequest& request,
                                  Mapping* mapping) {
  if ((request.flags & map_flag::locked) != 0 && !may_lock(caller)) return Errno::eperm;
  mapping->locked = (request.flags & map_flag::locked) != 0 || memory.lock_future;
  if (mapping->locked && exceeds_lock_limit(caller, memory.locked_bytes() + mapping->bytes())) return Errno::eagain;
  return {};
}

/// The nameless file behind shared anonymous memory.
Result<void, Errno> back_with_file(const Caller& caller, Mapping* mapping) {
  mapping->file = TRY(open_shared_memory(caller, "dev/zero", mapping->bytes()));
  mapping->inode = caller.kernel.files[mapping->file].inode;
  mapping->shared = true;
  return {};
}

Result<void, Errno> check_anonymous(const MapRequest& request) {
  const std::uint64_t type = request.flags & map_flag::type;
  if (type != map_flag::shared && type != map_flag::private_copy) return Errno::einval;
  if (type == map_flag::shared && (request.flags & map_flag::grows_down) != 0) return Errno::einval;
  return {};
}

Result<std::uint64_t, Errno> page_rounded(std::uint64_t bytes) {
  const std::uint64_t rounded = (bytes + kPageBytes - 1) & kPageMask;
  if (rounded == 0) return Errno::enomem;
  return rounded;
}

}  // namespace

void settle_files(Kernel& kernel, const FileReferences& files) {
  for (FileId file : files.kept) get_file(kernel, file);
  for (FileId file : files.dropped) put_file(kernel, file);
}

Result<std::uint64_t, Errno> map_memory(const Caller& caller, const MapRequest& request) {
  Kernel& kernel = caller.kernel;
  const AddressSpaceId id = caller.self().memory;
  AddressSpace* memory = kernel.memories.find(id);
  if (memory == nullptr) return Errno::enomem;
  if (request.bytes == 0) return Errno::einval;
  Mapping mapping;
  const std::uint64_t bytes = TRY(page_rounded(request.bytes));
  if (request.offset / kPageBytes + bytes / kPageBytes > (std::uint64_t{1} << 52)) return Errno::eoverflow;
  if (memory->mappings().size() >= kMappingsMax) return Errno::enomem;
  mapping.start = TRY(choose_address(caller, *memory, request, bytes));
  mapping.end = mapping.start + bytes;
  mapping.protection = static_cast<std::uint32_t>(request.protection & (kProtRead | kProtWrite | kProtExec));
  mapping.grows_down = (request.flags & map_flag::grows_down) != 0;
  mapping.no_reserve = (request.flags & map_flag::no_reserve) != 0;
  TRY(check_locking(caller, *memory, request, &mapping));
  if (request.file) {
    const File& file = kernel.files[request.file];
    TRY(check_file(caller, file, request, &mapping));
    mapping.inode = TRY(mappable_inode(caller, file));
    mapping.file = request.file;
    mapping.offset = request.offset;
  } else {
    TRY(check_anonymous(request));
  }
  if ((request.flags & map_flag::huge_pages) != 0) return request.file ? Errno::einval : Errno::enomem;
  const std::uint64_t replaced = overlap(*memory, mapping.start, mapping.end);
  TRY(check_limits(caller, *memory, mapping, replaced));
  if (request.file)
    get_file(kernel, request.file);
  else if ((request.flags & map_flag::type) == map_flag::shared)
    TRY(back_with_file(caller, &mapping));
  memory = kernel.memories.find(id);
  FileReferences files;
  const std::uint64_t start = mapping.start, end = mapping.end;
  const bool populate =
      mapping.locked || (request.flags & (map_flag::populate | map_flag::nonblock)) == map_flag::populate;
  memory->map(std::move(mapping), &files);
  settle_files(kernel, files);
  if (replaced != 0) settle_memory(kernel, id);
  if (populate) populate_memory(caller, start, end);
  return start;
}

Result<void, Errno> unmap_memory(const Caller& caller, std::uint64_t address, std::uint64_t bytes) {
  AddressSpace* memory = caller.kernel.memories.find(caller.self().memory);
  if (memory == nullptr) return Errno::einval;
  if (address % kPageBytes != 0 || address > kUserAddressEnd || bytes > kUserAddressEnd - address) return Errno::einval;
  if (bytes == 0) return Errno::einval;
  const std::uint64_t end = address + ((bytes + kPageBytes - 1) & kPageMask);
  const Mapping* inside = memory->mapping_at(address);
  if (inside != nullptr && inside->start < address && inside->end > end && memory->mappings().size() >= kMappingsMax)
    return Errno::enomem;
  FileReferences files;
  memory->unmap(address, end, &files);
  settle_files(caller.kernel, files);
  settle_memory(caller.kernel, caller.self().memory);
  return {};
}

Result<void, Errno> protect_memory(const Caller& caller, std::uint64_t address, std::uint64_t bytes,
                                   std::uint64_t protection) {
  constexpr std::uint64_t kProtSem = 8, kProtGrowsDown = 0x01000000, kProtGrowsUp = 0x02000000;
  AddressSpace* memory = caller.kernel.memories.find(caller.self().memory);
  if (memory == nullptr) return Errno::enomem;
  const std::uint64_t grows = protection & (kProtGrowsDown | kProtGrowsUp);
  if (grows == (kProtGrowsDown | kProtGrowsUp)) return Errno::einval;
  if (address % kPageBytes != 0) return Errno::einval;
  if (bytes == 0) return {};
  const std::uint64_t rounded = (bytes + kPageBytes - 1) & kPageMask;
  const std::uint64_t end = address + rounded;
  if (end <= address) return Errno::enomem;
  if ((protection & ~(kProtRead | kProtWrite | kProtExec | kProtSem | kProtGrowsDown | kProtGrowsUp)) != 0)
    return Errno::einval;
  const auto wanted = static_cast<std::uint32_t>(protection & (kProtRead | kProtWrite | kProtExec));
  const Mapping* first = memory->first_above(address);
  if (first == nullptr) return Errno::enomem;
  if ((grows & kProtGrowsDown) != 0) {
    if (first->start >= end) return Errno::enomem;
    if (!first->grows_down) return Errno::einval;
    address = first->start;
  } else if (first->start > address) {
    return Errno::enomem;
  } else if ((grows & kProtGrowsUp) != 0) {
    return Errno::einval;
  }
  // What comes before a hole, or before what may not be changed so, is changed all the same.
  while (address < end) {
    const Mapping* mapping = memory->mapping_at(address);
    if (mapping == nullptr) return Errno::enomem;
    if ((wanted & kProtWrite) != 0 && !mapping->may_write) return Errno::eacces;
    if ((wanted & kProtExec) != 0 && !mapping->may_execute) return Errno::eacces;
    const std::uint64_t stop = std::min(end, mapping->end);
    TRY(check_becoming_writable(caller, *memory, *mapping, wanted, stop - address));
    if ((mapping->start < address || stop < mapping->end) && memory->mappings().size() >= kMappingsMax)
      return Errno::enomem;
    FileReferences files;
    memory->change(address, stop, &files, [wanted](Mapping& changed) { changed.protection = wanted; });
    settle_files(caller.kernel, files);
    address = stop;
  }
  return {};
}

std::uint64_t set_program_break(const Caller& caller, std::uint64_t address) {
  const AddressSpaceId id = caller.self().memory;
  AddressSpace* memory = caller.kernel.memories.find(id);
  if (memory == nullptr) return 0;
  const std::uint64_t before = memory->brk_end;
  if (address < memory->brk_start || address > kUserAddressEnd - kPageBytes) return before;
  const std::uint64_t old_end = (before + kPageBytes - 1) & kPageMask;
  const std::uint64_t new_end = (address + kPageBytes - 1) & kPageMask;
  if (exceeds_data_limit(caller, (address - memory->brk_start) + (memory->data_end - memory->data_start)))
    return before;
  FileReferences files;
  if (new_end < old_end) {
    memory->unmap(new_end, old_end, &files);
  } else if (new_end > old_end) {
    const Mapping* above = memory->first_above(old_end);
    if (above != nullptr && above->start < new_end + kPageBytes + (above->grows_down ? kStackGuardBytes : 0))
      return before;
    Mapping heap;
    heap.start = old_end;
    heap.end = new_end;
    heap.protection = kProtRead | kProtWrite;
    heap.name = "[heap]";
    heap.locked = memory->lock_future;
    if (memory->mappings().size() >= kMappingsMax || !check_limits(caller, *memory, heap, 0).ok()) return before;
    memory->map(std::move(heap), &files);
  }
  memory->brk_end = address;
  settle_files(caller.kernel, files);
  settle_memory(caller.kernel, id);
  return address;
}

void populate_memory(const Caller& caller, std::uint64_t start, std::uint64_t end) {
  AddressSpace* memory = caller.kernel.memories.find(caller.self().memory);
  if (memory == nullptr) return;
  KernelPages pages(caller.kernel, caller.task);
  while (start < end) {
    const Mapping* mapping = memory->mapping_at(start);
    if (mapping == nullptr) return;
    const std::uint64_t stop = std::min(end, mapping->end);
    const bool private_write = !mapping->shared && (mapping->protection & kProtWrite) != 0;
    const Access access = private_write ? Access::write : Access::read;
    if (mapping->protection != 0 && memory->accessible(pages, start, stop - start, access) < stop - start) return;
    start = stop;
  }
}

AddressSpaceId copy_address_space(Kernel& kernel, AddressSpaceId from) {
  FileReferences files;
  auto copy = std::make_unique<AddressSpace>(kernel.memories[from].forked(&files));
  settle_files(kernel, files);
  return kernel.memories.insert(std::move(copy));
}

void destroy_address_space(Kernel& kernel, AddressSpaceId id) {
  AddressSpace* memory = kernel.memories.find(id);
  if (memory == nullptr) return;
  FileReferences files;
  memory->unmap(0, kUserAddressEnd, &files);
  if (memory->executable_file) files.dropped.push_back(memory->executable_file);
  uncharge_all(kernel, id);
  kernel.memories.erase(id);
  settle_files(kernel, files);
}

}  // namespace drydock::machine
