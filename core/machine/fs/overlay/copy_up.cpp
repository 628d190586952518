// overlayfs: copying up. A file of a lower layer that is to be changed is copied into the upper one first, with all it
// is in; readers that have it open see the copy from then on, mappings the file they have mapped.

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/fs/overlay/overlay.h"
#include "machine/fs/tmpfs/tmpfs.h"
#include "machine/vfs/dcache.h"

namespace drydock::machine {
namespace {

constexpr std::size_t kCopyBytes = 65536;

Result<void, Errno> copy_data(const Caller& caller, Inode& from, Inode& to) {
  // The same frames, until one of them is written to.
  auto* from_tmpfs = dynamic_cast<TmpfsInode*>(&from);
  auto* to_tmpfs = dynamic_cast<TmpfsInode*>(&to);
  if (from_tmpfs != nullptr && to_tmpfs != nullptr) return to_tmpfs->share_data(caller.kernel, *from_tmpfs);
  std::string chunk;
  for (std::uint64_t offset = 0;; offset += chunk.size()) {
    chunk.resize(kCopyBytes);
    chunk.resize(TRY(from.read_data(caller, offset, chunk)));
    if (chunk.empty()) return {};
    if (TRY(to.write_data(caller, offset, chunk)) < chunk.size()) return Errno::enospc;
  }
}

Result<void, Errno> copy_xattrs(const Caller& caller, Inode& from, Inode& to, const OverlaySuperblock& superblock) {
  const std::string own = superblock.xattr_name("");
  for (const std::string& name : TRY(from.xattr_names(caller))) {
    if (name.starts_with(own)) continue;
    TRY(to.set_xattr(caller, name, TRY(from.xattr(caller, name)), 0));
  }
  return {};
}

}  // namespace

Result<void, Errno> OverlayInode::copy_up(const Caller& caller, bool with_data) {
  if (layers.upper) return {};
  Kernel& kernel = caller.kernel;
  if (!owner(kernel).upper) return Errno::erofs;
  std::vector<OverlayInode*> missing;  // lowest first
  for (OverlayInode* at = this; at != nullptr && !at->layers.upper;
       at = static_cast<OverlayInode*>(kernel.inodes.find(at->parent)))
    missing.push_back(at);
  while (!missing.empty()) {
    OverlayInode* const next = missing.back();
    missing.pop_back();
    TRY(next->copy_up_this(caller, next != this || with_data));
  }
  return {};
}

Result<void, Errno> OverlayInode::copy_up_this(const Caller& caller, bool with_data) {
  Kernel& kernel = caller.kernel;
  OverlaySuperblock& mounted = owner(kernel);
  auto* above = static_cast<OverlayInode*>(kernel.inodes.find(parent));
  if (above == nullptr || !above->layers.upper) return Errno::estale;
  const DentryId directory = above->layers.upper;
  const Attributes before = TRY(inode_of(caller, directory).attributes(caller));
  Inode& original = real_inode(kernel);
  const Attributes all = TRY(original.attributes(caller));
  NewNode node;
  node.mode = all.mode;
  node.uid = all.uid;
  node.gid = all.gid;
  node.rdev_major = all.rdev_major;
  node.rdev_minor = all.rdev_minor;
  if (abi::is_symlink(all.mode)) node.link_target = TRY(original.readlink(caller));
  const DentryId copy = TRY(create_child(caller, directory, name, node));
  const InodeId copy_id = kernel.dentries[copy].inode;
  Inode& fresh = kernel.inodes[copy_id];
  const auto fill = [&]() -> Result<void, Errno> {
    TRY(copy_xattrs(caller, original, fresh, mounted));
    if (abi::is_regular(all.mode) && with_data) TRY(copy_data(caller, original, fresh));
    AttributeChange times;
    times.atime_ns = all.atime_ns;
    times.mtime_ns = all.mtime_ns;
    TRY(fresh.change(caller, times));
    if (all.links > 1 && !layers.directory) {  // parted from its other names: a file of its own
      number = fresh.number;
      return {};
    }
    std::string origin;
    for (int at = 0; at < 8; ++at) origin.push_back(static_cast<char>(number >> (8 * at) & 0xff));
    (void)fresh.set_xattr(caller, mounted.xattr_name("origin"), origin, 0);
    return {};
  };
  if (const auto filled = fill(); !filled.ok()) {
    (void)remove_child(caller, directory, copy);
    return filled.error();
  }
  // The directory has not changed for anybody who looks here.
  AttributeChange restored;
  restored.atime_ns = before.atime_ns;
  restored.mtime_ns = before.mtime_ns;
  TRY(inode_of(caller, directory).change(caller, restored));
  layers.upper = copy;
  if (!layers.directory) {
    ++kernel.file_pages_epoch;  // what is mapped of it is looked up anew
    layers.lowers.clear();
  }
  mounted.by_real[copy_id] = id;
  return {};
}

}  // namespace drydock::machine
