// Pages for a task's address space, as the kernel has them.

#include "machine/mm/kernel_pages.h"

namespace drydock::machine {

Result<FrameRef, Errno> KernelPages::file_page(InodeId inode, std::uint64_t index, bool for_write) {
  Inode* found = kernel_.inodes.find(inode);
  if (found == nullptr) return Errno::eio;
  return found->page(Caller{kernel_, task_}, index, for_write);
}

bool KernelPages::charge_page() {
  return true;
}

}  // namespace drydock::machine
