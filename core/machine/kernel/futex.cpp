// Futexes: keys, wake-ups, and what the end of a task does to them. futex(2), get_robust_list(2), set_tid_address(2).

#include "machine/kernel/futex.h"

#include "machine/kernel/schedule.h"
#include "machine/mm/address_space.h"
#include "machine/syscalls/call.h"

namespace drydock::machine {
namespace {

constexpr std::uint32_t kOwnerDied = 0x40000000, kWaiters = 0x80000000, kTidMask = 0x3fffffff;
constexpr int kRobustListMax = 2048;

void wake_word(Kernel& kernel, TaskId task, std::uint64_t address, std::uint32_t count) {
  const Result<std::uint64_t, Errno> shared = futex_key({kernel, task}, address, false);
  if (shared.ok()) (void)futex_wake(kernel, *shared, count, ~0u);
  const Result<std::uint64_t, Errno> own = futex_key({kernel, task}, address, true);
  if (own.ok() && (!shared.ok() || *own != *shared)) (void)futex_wake(kernel, *own, count, ~0u);
}

void release_robust_word(const Call& call, std::uint64_t address) {
  Kernel& kernel = call.kernel;
  const Result<std::uint32_t, Errno> word = call.load32(address);
  if (!word.ok() || (*word & kTidMask) != call.self().tids.back()) return;
  if (!call.store32(address, (*word & kWaiters) | kOwnerDied).ok()) return;
  if ((*word & kWaiters) != 0) wake_word(kernel, call.task, address, 1);
}

void walk_robust_list(const Call& call, std::uint64_t head) {
  const Result<std::uint64_t, Errno> offset = call.load64(head + 8);
  Result<std::uint64_t, Errno> entry = call.load64(head);
  const Result<std::uint64_t, Errno> pending = call.load64(head + 16);
  if (!offset.ok() || !pending.ok()) return;
  for (int count = 0; count < kRobustListMax && entry.ok() && *entry != head && *entry != 0; ++count) {
    const std::uint64_t at = *entry & ~std::uint64_t{1};
    entry = call.load64(at);
    if (at != *pending) release_robust_word(call, at + *offset);
  }
  if (*pending != 0) release_robust_word(call, (*pending & ~std::uint64_t{1}) + *offset);
}

}  // namespace

Result<std::uint64_t, Errno> futex_key(const Caller& caller, std::uint64_t address, bool is_private) {
  if (address % 4 != 0) return Errno::einval;
  const AddressSpaceId id = caller.self().memory;
  const AddressSpace* memory = caller.kernel.memories.find(id);
  if (memory == nullptr) return Errno::efault;
  const Mapping* mapping = is_private ? nullptr : memory->mapping_at(address);
  if (!is_private && mapping == nullptr) return Errno::efault;
  // Two kinds of names in one number: the top bit tells them apart, and words are four bytes apart.
  if (mapping != nullptr && mapping->shared && mapping->inode) {
    const std::uint64_t offset = mapping->offset + (address - mapping->start);
    return std::uint64_t{1} << 63 | std::uint64_t{mapping->inode.value & 0x7fffff} << 40 |
           (offset >> 2 & 0xff'ffff'ffff);
  }
  if (address >= kUserAddressEnd) return Errno::efault;
  return (std::uint64_t{id.value} & 0x3ffff) << 45 | address >> 2;
}

std::uint32_t futex_wake(Kernel& kernel, std::uint64_t key, std::uint32_t count, std::uint32_t bits) {
  std::vector<TaskId> woken;
  auto [first, last] = kernel.sleepers.equal_range({WaitKind::futex, key});
  for (; first != last && woken.size() < count; ++first) {
    Task& task = kernel.tasks[first->second];
    if ((task.restart.scratch[0] & bits) == 0) continue;
    task.restart.scratch[1] = 1;  // sys_futex: it was woken, and does not look at the word again
    woken.push_back(first->second);
  }
  for (TaskId task : woken) make_runnable(kernel, task);
  return static_cast<std::uint32_t>(woken.size());
}

void clear_child_tid(Kernel& kernel, TaskId id) {
  Task& task = kernel.tasks[id];
  const AddressSpace* memory = kernel.memories.find(task.memory);
  if (memory == nullptr) return;
  const Call call{{kernel, id}, {}};
  if (task.robust_list != 0) walk_robust_list(call, task.robust_list);
  task.robust_list = 0;
  const std::uint64_t word = task.clear_child_tid;
  task.clear_child_tid = 0;
  if (word == 0 || memory->users <= 1) return;
  if (call.store32(word, 0).ok()) wake_word(kernel, id, word, 1);
}

}  // namespace drydock::machine
