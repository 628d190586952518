// overlayfs: creating, removing and renaming. What is removed from a lower layer leaves a whiteout in the upper one; a
// directory made where there was one before is opaque. redirect_dir=off: renaming a directory that a lower layer has a
// part in is EXDEV, and mv(1) copies.

#include "machine/abi/file.h"
#include "machine/fs/overlay/overlay.h"
#include "machine/vfs/dcache.h"

namespace drydock::machine {

Result<void, Errno> OverlayInode::clear_upper(const Caller& caller, std::string_view wanted) {
  const auto found = lookup_child(caller, layers.upper, wanted);
  if (!found.ok()) return found.error() == Errno::enoent ? Result<void, Errno>() : found.error();
  const DentryId place = *found;
  if (abi::is_directory(TRY(inode_of(caller, place).attributes(caller)).mode)) {
    // Empty as it is seen from here, it may be full of whiteouts.
    for (const DirectoryItem& item : TRY(inode_of(caller, place).list(caller, 0, ~std::size_t{0})))
      TRY(remove_child(caller, place, TRY(lookup_child(caller, place, item.name))));
  }
  return remove_child(caller, layers.upper, place);
}

Result<void, Errno> OverlayInode::put_whiteout(const Caller& caller, std::string_view wanted) {
  NewNode whiteout;
  whiteout.mode = abi::s_ifchr;
  TRY(create_child(caller, layers.upper, wanted, whiteout));
  return {};
}

Result<InodeId, Errno> OverlayInode::create(const Caller& caller, std::string_view wanted, const NewNode& node) {
  if (!layers.directory) return Errno::enotdir;
  const bool is_whiteout = (node.mode & abi::s_ifmt) == abi::s_ifchr && node.rdev_major == 0 && node.rdev_minor == 0;
  if (is_whiteout) return Errno::eperm;
  if (TRY(find(caller, wanted))) return Errno::eexist;
  TRY(copy_up(caller));
  const bool over_whiteout = lookup_child(caller, layers.upper, wanted).ok();
  TRY(clear_upper(caller, wanted));
  LayerEntry entry;
  const auto made = create_child(caller, layers.upper, wanted, node);
  if (!made.ok()) {
    if (over_whiteout) TRY(put_whiteout(caller, wanted));
    return made.error();
  }
  entry.upper = *made;
  entry.directory = abi::is_directory(node.mode);
  if (entry.directory && over_whiteout)
    TRY(inode_of(caller, entry.upper).set_xattr(caller, owner(caller.kernel).xattr_name("opaque"), "y", 0));
  return inode_for(caller, entry, wanted);
}

Result<void, Errno> OverlayInode::link(const Caller& caller, std::string_view wanted, InodeId target) {
  auto& file = static_cast<OverlayInode&>(caller.kernel.inodes[target]);
  TRY(file.copy_up(caller));
  TRY(copy_up(caller));
  TRY(clear_upper(caller, wanted));
  TRY(link_child(caller, layers.upper, wanted, file.real(caller.kernel)));
  return {};
}

Result<void, Errno> OverlayInode::remove(const Caller& caller, std::string_view wanted, const LayerEntry& entry) {
  Kernel& kernel = caller.kernel;
  TRY(copy_up(caller));
  pin_if_open(kernel, entry);
  if (entry.upper) {
    const InodeId real_id = kernel.dentries[entry.upper].inode;
    TRY(clear_upper(caller, wanted));
    const auto& known = owner(kernel).by_real;
    if (const auto at = known.find(real_id); at != known.end()) {
      auto* here = static_cast<OverlayInode*>(kernel.inodes.find(at->second));
      if (here != nullptr) here->nameless_ = kernel.inodes[real_id].is_nameless();
    }
  }
  if (lower_has(caller, wanted)) TRY(put_whiteout(caller, wanted));
  return {};
}

Result<void, Errno> OverlayInode::unlink(const Caller& caller, std::string_view wanted) {
  const LayerEntry entry = TRY(find(caller, wanted));
  if (!entry) return Errno::enoent;
  if (entry.directory) return Errno::eisdir;
  return remove(caller, wanted, entry);
}

Result<void, Errno> OverlayInode::rmdir(const Caller& caller, std::string_view wanted) {
  const LayerEntry entry = TRY(find(caller, wanted));
  if (!entry) return Errno::enoent;
  if (!entry.directory) return Errno::enotdir;
  OverlayInode looked_at;
  looked_at.superblock = superblock;
  looked_at.layers = entry;
  if (!TRY(looked_at.is_empty(caller))) return Errno::enotempty;
  return remove(caller, wanted, entry);
}

Result<void, Errno> OverlayInode::rename(const Caller& caller, std::string_view wanted, InodeId to_directory,
                                         std::string_view to_name, std::uint32_t flags) {
  if ((flags & ~(abi::rename_exchange | abi::rename_noreplace)) != 0) return Errno::einval;
  Kernel& kernel = caller.kernel;
  auto& to = static_cast<OverlayInode&>(kernel.inodes[to_directory]);
  const bool exchange = (flags & abi::rename_exchange) != 0;
  auto& moved = static_cast<OverlayInode&>(kernel.inodes[TRY(lookup(caller, wanted))]);
  const LayerEntry replaced = TRY(to.find(caller, to_name));
  const auto stays = [](const LayerEntry& entry) { return entry.directory && !entry.lowers.empty(); };
  if (stays(moved.layers) || (exchange && stays(replaced))) return Errno::exdev;
  OverlayInode* other = nullptr;
  if (replaced) other = static_cast<OverlayInode*>(&kernel.inodes[TRY(to.lookup(caller, to_name))]);
  if (replaced && !exchange && replaced.directory && !TRY(other->is_empty(caller))) return Errno::enotempty;
  TRY(moved.copy_up(caller));
  TRY(to.copy_up(caller));
  if (exchange) TRY(other->copy_up(caller));

  const bool leaves_whiteout = !exchange && lower_has(caller, wanted);
  const auto make_opaque = [&](OverlayInode& directory, const OverlayInode& into) -> Result<void, Errno> {
    if (!directory.layers.directory || into.layers.lowers.empty()) return {};
    return directory.real_inode(kernel).set_xattr(caller, owner(kernel).xattr_name("opaque"), "y", 0);
  };
  TRY(make_opaque(moved, to));
  if (exchange) TRY(make_opaque(*other, *this));
  if (!exchange) {
    pin_if_open(kernel, replaced);
    TRY(to.clear_upper(caller, to_name));
    if (other != nullptr && other->layers.upper) other->nameless_ = other->real_inode(kernel).is_nameless();
  }
  TRY(rename_child(caller, layers.upper, moved.layers.upper, to.layers.upper, to_name, flags));
  if (leaves_whiteout) TRY(put_whiteout(caller, wanted));
  if (exchange) {
    other->parent = id;
    other->name = std::string(wanted);
  }
  moved.parent = to_directory;
  moved.name = std::string(to_name);
  return {};
}

}  // namespace drydock::machine
