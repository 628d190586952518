// How much memory a process may map. getrlimit(2), proc(5): overcommit_memory is 0, so that only what is more than the
// machine could ever give is refused.

#include "machine/mm/limits.h"

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/kernel/capabilities.h"
#include "machine/mm/frame.h"

namespace drydock::machine {
namespace {

std::uint64_t soft_limit(const Caller& caller, int resource) {
  return caller.kernel.processes[caller.self().process].limits[static_cast<std::size_t>(resource)].soft;
}

bool exceeds(const Caller& caller, int resource, std::uint64_t bytes) {
  const std::uint64_t limit = soft_limit(caller, resource);
  return limit != ~std::uint64_t{0} && bytes > limit;
}

bool is_data(const Mapping& mapping, std::uint32_t protection) {
  return !mapping.shared && !mapping.grows_down && (protection & kProtWrite) != 0;
}

bool could_never_be_had(const Caller& caller, std::uint64_t bytes) {
  return bytes / kPageBytes > caller.kernel.limits.memory_pages_max;
}

}  // namespace

Result<void, Errno> check_limits(const Caller& caller, const AddressSpace& memory, const Mapping& mapping,
                                 std::uint64_t replaced_bytes) {
  const std::uint64_t bytes = mapping.bytes();
  if (soft_limit(caller, kRlimitAddressSpace) != ~std::uint64_t{0} &&
      exceeds(caller, kRlimitAddressSpace, memory.mapped_bytes() - replaced_bytes + bytes))
    return Errno::enomem;
  if (!is_data(mapping, mapping.protection)) return {};
  if (soft_limit(caller, kRlimitData) != ~std::uint64_t{0} && exceeds(caller, kRlimitData, memory.data_bytes() + bytes))
    return Errno::enomem;
  if (!mapping.no_reserve && could_never_be_had(caller, bytes)) return Errno::enomem;
  return {};
}

Result<void, Errno> check_becoming_writable(const Caller& caller, const AddressSpace& memory, const Mapping& mapping,
                                            std::uint32_t protection, std::uint64_t bytes) {
  if (!is_data(mapping, protection) || is_data(mapping, mapping.protection)) return {};
  if (soft_limit(caller, kRlimitData) != ~std::uint64_t{0} && exceeds(caller, kRlimitData, memory.data_bytes() + bytes))
    return Errno::enomem;
  if (!mapping.no_reserve && could_never_be_had(caller, bytes)) return Errno::enomem;
  return {};
}

bool exceeds_data_limit(const Caller& caller, std::uint64_t bytes) {
  return exceeds(caller, kRlimitData, bytes);
}

bool exceeds_lock_limit(const Caller& caller, std::uint64_t bytes) {
  return exceeds(caller, kRlimitMemlock, bytes) && !capable(caller, cap::ipc_lock);
}

bool may_lock(const Caller& caller) {
  return soft_limit(caller, kRlimitMemlock) != 0 || capable(caller, cap::ipc_lock);
}

std::uint64_t overlap(const AddressSpace& memory, std::uint64_t start, std::uint64_t end) {
  std::uint64_t total = 0;
  for (const Mapping* mapping = memory.first_above(start); mapping != nullptr && mapping->start < end;
       mapping = memory.first_above(mapping->end))
    total += std::min(end, mapping->end) - std::max(start, mapping->start);
  return total;
}

Result<InodeId, Errno> mappable_inode(const Caller& caller, const File& file) {
  Inode* inode = caller.kernel.inodes.find(file.inode);
  if (inode == nullptr) return Errno::enodev;
  // A page beyond the end is told from a file that has no pages at all by the errno.
  auto page = inode->page(caller, 0, false);
  if (!page.ok() && page.error() == Errno::enodev) return Errno::enodev;
  return file.inode;
}

}  // namespace drydock::machine
