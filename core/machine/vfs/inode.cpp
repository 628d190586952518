// What an inode does that a file system has not said otherwise. inode(7).

#include "machine/vfs/inode.h"

#include <algorithm>
#include <cstring>

#include "machine/kernel/kernel.h"
#include "machine/mm/frame.h"

namespace drydock::machine {

Result<void, Errno> Inode::change(const Caller&, const AttributeChange&) {
  return Errno::eperm;
}
Result<InodeId, Errno> Inode::lookup(const Caller&, std::string_view) {
  return Errno::enotdir;
}
Result<InodeId, Errno> Inode::create(const Caller&, std::string_view, const NewNode&) {
  return Errno::eperm;
}
Result<void, Errno> Inode::link(const Caller&, std::string_view, InodeId) {
  return Errno::eperm;
}
Result<void, Errno> Inode::unlink(const Caller&, std::string_view) {
  return Errno::eperm;
}
Result<void, Errno> Inode::rmdir(const Caller&, std::string_view) {
  return Errno::eperm;
}
Result<void, Errno> Inode::rename(const Caller&, std::string_view, InodeId, std::string_view, std::uint32_t) {
  return Errno::eperm;
}
Result<std::vector<DirectoryItem>, Errno> Inode::list(const Caller&, std::uint64_t, std::size_t) {
  return Errno::enotdir;
}
Result<std::string, Errno> Inode::readlink(const Caller&) {
  return Errno::einval;
}
std::optional<Result<Path, Errno>> Inode::follow(const Caller&) {
  return std::nullopt;
}
Result<std::vector<std::string>, Errno> Inode::xattr_names(const Caller&) {
  return std::vector<std::string>{};
}
Result<std::string, Errno> Inode::xattr(const Caller&, std::string_view) {
  return Errno::eopnotsupp;
}
Result<void, Errno> Inode::set_xattr(const Caller&, std::string_view, std::string_view, std::uint32_t) {
  return Errno::eopnotsupp;
}
Result<void, Errno> Inode::remove_xattr(const Caller&, std::string_view) {
  return Errno::eopnotsupp;
}
Outcome Inode::before_open(const Caller&, std::uint32_t) {
  return done();
}
Result<FrameRef, Errno> Inode::page(const Caller&, std::uint64_t, bool) {
  return Errno::enodev;
}

Result<std::size_t, Errno> Inode::read_data(const Caller& caller, std::uint64_t offset, std::span<char> out) {
  const std::uint64_t size = TRY(attributes(caller)).size;
  std::size_t copied = 0;
  while (copied < out.size() && offset < size) {
    const std::uint64_t within = offset % kPageBytes;
    const std::uint64_t step = std::min({kPageBytes - within, size - offset, std::uint64_t{out.size() - copied}});
    const FrameRef frame = TRY(page(caller, offset / kPageBytes, false));
    std::memcpy(out.data() + copied, frame->bytes.data() + within, step);
    copied += step;
    offset += step;
  }
  return copied;
}
Result<std::size_t, Errno> Inode::write_data(const Caller&, std::uint64_t, std::span<const char>) {
  return Errno::einval;
}
Result<void, Errno> Inode::allocate(const Caller&, std::uint32_t, std::uint64_t, std::uint64_t) {
  return Errno::eopnotsupp;
}
Result<std::uint64_t, Errno> Inode::find_data(const Caller& caller, std::uint64_t offset, bool hole) {
  const std::uint64_t size = TRY(attributes(caller)).size;
  if (offset >= size) return Errno::enxio;
  return hole ? size : offset;
}
Result<InodeId, Errno> Inode::create_unnamed(const Caller&, const NewNode&) {
  return Errno::eopnotsupp;
}

InodeId add_inode(Kernel& kernel, std::unique_ptr<Inode> inode) {
  const InodeId id = kernel.inodes.insert(std::move(inode));
  kernel.inodes[id].id = id;
  return id;
}

std::uint64_t take_inode_number(Kernel& kernel) {
  return kernel.next_inode_number++;
}

Result<void, Errno> Superblock::remount(const Caller&, std::string_view) {
  return {};
}

}  // namespace drydock::machine
