// Shared anonymous memory. Not modelled: charging its pages to a cgroup.

#include "machine/mm/unnamed_memory.h"

#include "machine/abi/file.h"
#include "machine/mm/frame_tree.h"

namespace drydock::machine {
namespace {

class UnnamedMemory final : public Inode {
 public:
  explicit UnnamedMemory(std::uint64_t bytes) : bytes_(bytes) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<UnnamedMemory>(*this); }

  Result<Attributes, Errno> attributes(const Caller&) override {
    Attributes attributes;
    attributes.mode = abi::s_ifreg | 0777;
    attributes.size = bytes_;
    attributes.links = 0;
    attributes.blocks = pages_.size() * (kPageBytes / 512);
    return attributes;
  }
  Result<std::unique_ptr<File>, Errno> open(const Caller&, const Path&, std::uint32_t) override { return Errno::enxio; }

  Result<FrameRef, Errno> page(const Caller& caller, std::uint64_t index, bool for_write) override {
    if (index >= (bytes_ + kPageBytes - 1) / kPageBytes) return Errno::efault;
    const FrameRef* present = pages_.find(index);
    if (present == nullptr) {
      pages_.set(index, FrameRef::zeroed());
    } else if (for_write) {
      bool replaced = false;
      pages_.unshare(index, &replaced);
      if (replaced) ++caller.kernel.page_cache_generation;
    }
    return *pages_.find(index);
  }
  bool is_nameless() const override { return true; }

 private:
  std::uint64_t bytes_;
  FrameTree pages_;
};

}  // namespace

Result<InodeId, Errno> make_unnamed_memory(const Caller& caller, std::uint64_t bytes) {
  auto inode = std::make_unique<UnnamedMemory>(bytes);
  inode->number = take_inode_number(caller.kernel);
  return add_inode(caller.kernel, std::move(inode));
}

}  // namespace drydock::machine
