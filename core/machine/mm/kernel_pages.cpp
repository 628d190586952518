// Pages for a task's address space, as the kernel has them.

#include "machine/mm/kernel_pages.h"

#include "machine/kernel/cgroup_accounting.h"

namespace drydock::machine {
namespace {

std::uint64_t soft_limit(Kernel& kernel, TaskId task, int resource) {
  return kernel.processes[kernel.tasks[task].process].limits[static_cast<std::size_t>(resource)].soft;
}

}  // namespace

Result<FrameRef, Errno> KernelPages::file_page(InodeId inode, std::uint64_t index, bool for_write) {
  Inode* found = kernel_.inodes.find(inode);
  if (found == nullptr) return Errno::eio;
  return found->page(Caller{kernel_, task_}, index, for_write);
}

bool KernelPages::charge_page() {
  return drydock::machine::charge_page(kernel_, task_, kernel_.tasks[task_].memory);
}

std::uint64_t KernelPages::stack_bytes_max() {
  return soft_limit(kernel_, task_, kRlimitStack);
}

std::uint64_t KernelPages::address_space_bytes_max() {
  return soft_limit(kernel_, task_, kRlimitAddressSpace);
}

void TaskMemory::bind(Kernel& kernel, TaskId task) {
  const AddressSpaceId id = kernel.tasks[task].memory;
  AddressSpace& memory = kernel.memories[id];
  const bool same = kernel_ == &kernel && memory_ == &memory && memory_id_ == id &&
                    tlb_generation_ == memory.tlb_generation() && file_pages_epoch_ == kernel.file_pages_epoch;
  if (!same) advance_epoch();
  kernel_ = &kernel;
  task_ = task;
  memory_ = &memory;
  memory_id_ = id;
  tlb_generation_ = memory.tlb_generation();
  file_pages_epoch_ = kernel.file_pages_epoch;
}

void TaskMemory::forget() {
  kernel_ = nullptr;
  memory_ = nullptr;
  advance_epoch();
}

PageView TaskMemory::page(std::uint64_t address, Access access) {
  KernelPages pages(*kernel_, task_);
  return memory_->view(pages, address, access);
}

void TaskMemory::mark_code(std::uint64_t address) {
  KernelPages pages(*kernel_, task_);
  memory_->mark_code(pages, address);
}

FaultResult explain_fault(Kernel& kernel, TaskId task, std::uint64_t address, Access access) {
  AddressSpace* memory = kernel.memories.find(kernel.tasks[task].memory);
  if (memory == nullptr) return FaultResult::segv_maperr;
  KernelPages pages(kernel, task);
  return memory->fault(pages, address, access);
}

}  // namespace drydock::machine
