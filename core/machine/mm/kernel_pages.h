#pragma once
// The kernel as the source of an address space's pages: file pages come from inodes, private ones are charged.

#include "machine/kernel/kernel.h"
#include "machine/mm/frame.h"

namespace drydock::machine {

/// Of the task's own memory.
class KernelPages final : public PageProvider {
 public:
  KernelPages(Kernel& kernel, TaskId task) : kernel_(kernel), task_(task) {}
  Result<FrameRef, Errno> file_page(InodeId inode, std::uint64_t index, bool for_write) override;
  bool charge_page() override;
  std::uint64_t stack_bytes_max() override;
  std::uint64_t address_space_bytes_max() override;

 private:
  Kernel& kernel_;
  TaskId task_;
};

/// What the interpreter runs a task on. One for all tasks: bind() it before each run.
class TaskMemory final : public PageSource {
 public:
  /// The task has memory. References into the kernel's tables are kept until the next bind(), so that the kernel must
  /// not be copied (a snapshot) in between; after a copy or a restore call forget() first.
  void bind(Kernel& kernel, TaskId task);
  void forget();

  PageView page(std::uint64_t address, Access access) override;
  void mark_code(std::uint64_t address) override;

 private:
  Kernel* kernel_ = nullptr;
  TaskId task_;
  AddressSpace* memory_ = nullptr;
  AddressSpaceId memory_id_;
  std::uint64_t tlb_generation_ = 0, file_pages_epoch_ = 0;
};

/// Why an access failed, after page() gave null for it. The signal is the scheduler's affair.
FaultResult explain_fault(Kernel& kernel, TaskId task, std::uint64_t address, Access access);

}  // namespace drydock::machine
