#pragma once
// The kernel as the source of an address space's pages: file pages come from inodes, private ones are charged.

#include "machine/kernel/kernel.h"
#include "machine/mm/frame.h"

namespace drydock::machine {

class KernelPages final : public PageProvider {
 public:
  KernelPages(Kernel& kernel, TaskId task) : kernel_(kernel), task_(task) {}
  Result<FrameRef, Errno> file_page(InodeId inode, std::uint64_t index, bool for_write) override;
  bool charge_page() override;

 private:
  Kernel& kernel_;
  TaskId task_;
};

}  // namespace drydock::machine
