// mremap(2), madvise(2), mlock(2). Checks in the order of Linux 6.1 (mm/mremap.c, mm/madvise.c, mm/mlock.c).
// Not modelled: MREMAP_DONTUNMAP on file mappings, MADV_HWPOISON, MADV_REMOVE (EOPNOTSUPP); the advice about how memory
// will be used is taken and makes no difference; MADV_FREE keeps the pages, which is one of the things it may do.

#include <algorithm>
#include <utility>

#include "machine/kernel/capabilities.h"
#include "machine/kernel/cgroup_accounting.h"
#include "machine/mm/limits.h"
#include "machine/mm/map_memory.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kMayMove = 1, kRemapFixed = 2, kDontUnmap = 4;

constexpr std::uint64_t rounded_up(std::uint64_t bytes) {
  return (bytes + kPageBytes - 1) & kPageMask;
}

struct Remap {
  std::uint64_t address, old_bytes, new_bytes, flags, new_address;
};

Result<void, Errno> check_remap(const Remap& remap) {
  if ((remap.flags & ~(kMayMove | kRemapFixed | kDontUnmap)) != 0) return Errno::einval;
  if ((remap.flags & kRemapFixed) != 0 && (remap.flags & kMayMove) == 0) return Errno::einval;
  if ((remap.flags & kDontUnmap) != 0 && ((remap.flags & kMayMove) == 0 || remap.old_bytes != remap.new_bytes))
    return Errno::einval;
  if (remap.address % kPageBytes != 0) return Errno::einval;
  if (rounded_up(remap.new_bytes) == 0) return Errno::einval;
  return {};
}

Result<void, Errno> check_new_place(const Remap& remap) {
  if (remap.new_address % kPageBytes != 0) return Errno::einval;
  if (remap.new_bytes > kUserAddressEnd || remap.new_address > kUserAddressEnd - remap.new_bytes) return Errno::einval;
  if (remap.address < remap.new_address + remap.new_bytes && remap.new_address < remap.address + remap.old_bytes)
    return Errno::einval;
  if (remap.new_address < kLowestAddress) return Errno::eperm;
  return {};
}

/// The mapping that the old range lies in.
Result<Mapping, Errno> mapping_to_resize(const AddressSpace& memory, const Remap& remap) {
  const Mapping* found = memory.mapping_at(remap.address);
  if (found == nullptr) return Errno::efault;
  // An old size of 0 makes a second mapping of shared pages; private ones cannot be had twice.
  if (remap.old_bytes == 0 && !found->shared) return Errno::einval;
  if ((remap.flags & kDontUnmap) != 0 && (found->inode || found->shared)) return Errno::einval;
  if (remap.old_bytes > found->end - remap.address) return Errno::efault;
  if (remap.new_bytes <= remap.old_bytes) return *found;
  if (found->inode && (found->offset + (remap.address - found->start)) / kPageBytes + remap.new_bytes / kPageBytes >
                          (std::uint64_t{1} << 52))
    return Errno::einval;
  return *found;
}

Result<void, Errno> check_growth(const Caller& caller, const AddressSpace& memory, const Mapping& found,
                                 std::uint64_t more) {
  Mapping growth = found;
  growth.start = 0;
  growth.end = more;
  TRY(check_limits(caller, memory, growth, 0));
  if (found.locked && exceeds_lock_limit(caller, memory.locked_bytes() + more)) return Errno::eagain;
  return {};
}

/// A mapping like `found`, beginning where the range to be moved does, at another place.
Mapping moved_mapping(const Mapping& found, const Remap& remap, std::uint64_t to) {
  Mapping mapping = found;
  mapping.start = to;
  mapping.end = to + remap.new_bytes;
  mapping.grows_down = false;
  if (mapping.inode) mapping.offset = found.offset + (remap.address - found.start);
  return mapping;
}

Result<std::uint64_t, Errno> move_mapping(const Caller& caller, AddressSpace& memory, const Mapping& found,
                                          const Remap& remap, std::uint64_t to) {
  if (memory.mappings().size() >= kMappingsMax - 3) return Errno::enomem;
  FileReferences files;
  memory.unmap(to, to + remap.new_bytes, &files);
  Mapping mapping = moved_mapping(found, remap, to);
  const std::uint64_t carried = std::min(remap.old_bytes, remap.new_bytes);
  if (carried > 0) memory.move(remap.address, carried, to, &files);
  if (remap.new_bytes > carried) {
    Mapping rest = mapping;
    rest.start = to + carried;
    if (rest.inode) rest.offset += carried;
    if (rest.file) files.kept.push_back(rest.file);
    memory.map(std::move(rest), &files);
  }
  if (remap.old_bytes > carried) memory.unmap(remap.address + carried, remap.address + remap.old_bytes, &files);
  if ((remap.flags & kDontUnmap) != 0) {
    Mapping empty = found;
    empty.start = remap.address;
    empty.end = remap.address + remap.old_bytes;
    empty.locked = false;
    memory.map(std::move(empty), &files);
  }
  settle_files(caller.kernel, files);
  settle_memory(caller.kernel, caller.self().memory);
  if (mapping.locked) populate_memory(caller, to, to + remap.new_bytes);
  return to;
}

Result<std::uint64_t, Errno> grow(const Caller& caller, AddressSpace& memory, const Mapping& found,
                                  const Remap& remap) {
  const std::uint64_t old_end = remap.address + remap.old_bytes, new_end = remap.address + remap.new_bytes;
  const Mapping* above = memory.first_above(found.end);
  const bool fits = found.end == old_end && remap.new_bytes <= kUserAddressEnd - remap.address &&
                    (above == nullptr || above->start >= new_end);
  if (fits) {
    Mapping more = found;
    more.start = old_end;
    more.end = new_end;
    more.grows_down = false;
    if (more.inode) more.offset = found.offset + (old_end - found.start);
    if (more.file) get_file(caller.kernel, more.file);
    FileReferences files;
    memory.map(std::move(more), &files);
    settle_files(caller.kernel, files);
    if (found.locked) populate_memory(caller, old_end, new_end);
    return remap.address;
  }
  if ((remap.flags & kMayMove) == 0) return Errno::enomem;
  const auto place = memory.find_free(remap.new_bytes, 0);
  if (!place) return Errno::enomem;
  return move_mapping(caller, memory, found, remap, *place);
}

enum Advice : int {
  advise_dont_need = 4,
  advise_free = 8,
  advise_remove = 9,
  advise_dont_fork = 10,
  advise_do_fork = 11,
  advise_wipe_on_fork = 18,
  advise_keep_on_fork = 19,
  advise_cold = 20,
  advise_page_out = 21,
  advise_populate_read = 22,
  advise_populate_write = 23,
  advise_dont_need_locked = 24,
  advise_collapse = 25,
};

bool is_known_advice(int advice) {
  return (advice >= 0 && advice <= 4) || (advice >= 8 && advice <= 25);
}

/// The part of a mapping from `start` to `end`.
Result<void, Errno> advise_part(const Caller& caller, AddressSpace& memory, const Mapping& mapping, std::uint64_t start,
                                std::uint64_t end, int advice) {
  FileReferences files;
  switch (advice) {
    case advise_dont_need:
      if (mapping.locked) return Errno::einval;
      [[fallthrough]];
    case advise_dont_need_locked:
      if (!mapping.shared) memory.discard(start, end);
      return {};
    case advise_free:
      if (mapping.inode) return Errno::einval;
      return {};
    case advise_remove:
      return mapping.locked || !mapping.inode || !mapping.shared ? Errno::einval : Errno::eopnotsupp;
    case advise_dont_fork:
    case advise_do_fork:
      memory.change(start, end, &files, [advice](Mapping& part) { part.dont_fork = advice == advise_dont_fork; });
      break;
    case advise_wipe_on_fork:
    case advise_keep_on_fork:
      if (advice == advise_wipe_on_fork && (mapping.inode || mapping.shared)) return Errno::einval;
      memory.change(start, end, &files, [advice](Mapping& part) { part.wipe_on_fork = advice == advise_wipe_on_fork; });
      break;
    case advise_cold:
    case advise_page_out:
      if (mapping.locked) return Errno::einval;
      return {};
    case advise_collapse:
      return Errno::einval;
    default:
      return {};
  }
  settle_files(caller.kernel, files);
  return {};
}

Result<void, Errno> populate_checked(const Caller& caller, const AddressSpace& memory, std::uint64_t start,
                                     std::uint64_t end, bool write) {
  if (!memory.is_mapped(start, end)) return Errno::enomem;
  for (const Mapping* at = memory.first_above(start); at != nullptr && at->start < end;
       at = memory.first_above(at->end))
    if (at->protection == 0 || (write && (at->protection & kProtWrite) == 0)) return Errno::einval;
  populate_memory(caller, start, end);
  return {};
}

}  // namespace

Result<std::uint64_t, Errno> remap_memory(const Caller& caller, std::uint64_t address, std::uint64_t old_bytes,
                                          std::uint64_t new_bytes, std::uint64_t flags, std::uint64_t new_address) {
  AddressSpace* memory = caller.kernel.memories.find(caller.self().memory);
  if (memory == nullptr) return Errno::efault;
  Remap remap{address, old_bytes, new_bytes, flags, new_address};
  TRY(check_remap(remap));
  remap.old_bytes = rounded_up(old_bytes);
  remap.new_bytes = rounded_up(new_bytes);
  if ((flags & (kRemapFixed | kDontUnmap)) != 0) {
    if ((flags & kRemapFixed) != 0) TRY(check_new_place(remap));
    const Mapping found = TRY(mapping_to_resize(*memory, remap));
    if (remap.new_bytes > remap.old_bytes) TRY(check_growth(caller, *memory, found, remap.new_bytes - remap.old_bytes));
    if ((flags & kRemapFixed) != 0) return move_mapping(caller, *memory, found, remap, remap.new_address);
    const auto place = memory->find_free(remap.new_bytes, new_address & kPageMask);
    if (!place) return Errno::enomem;
    return move_mapping(caller, *memory, found, remap, *place);
  }
  if (memory->mapping_at(address) == nullptr) return Errno::efault;
  if (remap.old_bytes >= remap.new_bytes) {
    if (remap.old_bytes > remap.new_bytes)
      TRY(unmap_memory(caller, address + remap.new_bytes, remap.old_bytes - remap.new_bytes));
    return address;
  }
  const Mapping found = TRY(mapping_to_resize(*memory, remap));
  TRY(check_growth(caller, *memory, found, remap.new_bytes - remap.old_bytes));
  return grow(caller, *memory, found, remap);
}

Result<void, Errno> advise_memory(const Caller& caller, std::uint64_t address, std::uint64_t bytes, int advice) {
  AddressSpace* memory = caller.kernel.memories.find(caller.self().memory);
  if (memory == nullptr) return Errno::enomem;
  if (!is_known_advice(advice)) return Errno::einval;
  if (address % kPageBytes != 0) return Errno::einval;
  const std::uint64_t rounded = rounded_up(bytes);
  if (bytes != 0 && rounded == 0) return Errno::einval;
  const std::uint64_t end = address + rounded;
  if (end < address) return Errno::einval;
  if (end == address) return {};
  if (advice == advise_populate_read || advice == advise_populate_write)
    return populate_checked(caller, *memory, address, end, advice == advise_populate_write);
  bool hole = false;
  while (address < end) {
    const Mapping* mapping = memory->first_above(address);
    if (mapping == nullptr || mapping->start >= end) {
      hole = true;
      break;
    }
    if (mapping->start > address) hole = true;
    const std::uint64_t start = std::max(address, mapping->start), stop = std::min(end, mapping->end);
    const Mapping before = *mapping;
    TRY(advise_part(caller, *memory, before, start, stop, advice));
    address = stop;
  }
  settle_memory(caller.kernel, caller.self().memory);
  if (hole) return Errno::enomem;
  return {};
}

Result<void, Errno> lock_memory(const Caller& caller, std::uint64_t address, std::uint64_t bytes, bool lock,
                                bool fault_in) {
  AddressSpace* memory = caller.kernel.memories.find(caller.self().memory);
  if (memory == nullptr) return Errno::enomem;
  if (lock && !may_lock(caller)) return Errno::eperm;
  const std::uint64_t start = address & kPageMask;
  const std::uint64_t end = start + rounded_up(bytes + address % kPageBytes);
  if (end < start) return Errno::einval;
  if (lock && exceeds_lock_limit(caller, memory->locked_bytes() + (end - start))) return Errno::enomem;
  if (end == start) return {};
  bool hole = false;
  for (std::uint64_t at = start; at < end;) {
    const Mapping* mapping = memory->mapping_at(at);
    if (mapping == nullptr) {
      hole = true;
      break;
    }
    const std::uint64_t stop = std::min(end, mapping->end);
    FileReferences files;
    memory->change(at, stop, &files, [lock](Mapping& part) { part.locked = lock; });
    settle_files(caller.kernel, files);
    at = stop;
  }
  if (hole) return Errno::enomem;
  if (lock && fault_in) populate_memory(caller, start, end);
  return {};
}

}  // namespace drydock::machine
