// overlayfs: an inode stands for one in a layer, and asks it. st_dev and st_ino are those of the file before it was
// copied up, when all layers are of one file system; else a lower layer's files have a device of their own.

#include <algorithm>

#include "base/text.h"
#include "machine/abi/file.h"
#include "machine/fs/dev/device.h"
#include "machine/fs/overlay/overlay.h"
#include "machine/fs/pipe/pipe.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/garbage.h"
#include "machine/vfs/regular_file.h"

namespace drydock::machine {
namespace {

std::string_view private_prefix(const OverlaySuperblock& superblock) {
  return superblock.user_xattrs ? "user.overlay." : "trusted.overlay.";
}

/// The attributes that make a layer are not seen through the mount: one of such a name is kept below as
/// "trusted.overlay.overlay.NAME".
std::string name_below(const OverlaySuperblock& superblock, std::string_view name) {
  const std::string_view prefix = private_prefix(superblock);
  if (!name.starts_with(prefix)) return std::string(name);
  return concat(prefix, "overlay.", name.substr(prefix.size()));
}

}  // namespace

OverlaySuperblock& OverlayInode::owner(Kernel& kernel) const {
  return static_cast<OverlaySuperblock&>(kernel.superblocks[superblock]);
}

InodeId OverlayInode::real(const Kernel& kernel) const {
  return kernel.dentries[layers.upper ? layers.upper : layers.lowers.front()].inode;
}

Result<Attributes, Errno> OverlayInode::attributes(const Caller& caller) {
  Attributes all = TRY(real_inode(caller.kernel).attributes(caller));
  if (is_merged()) all.links = 1;
  return all;
}

Result<void, Errno> OverlayInode::change(const Caller& caller, const AttributeChange& change) {
  TRY(copy_up(caller, change.size != std::uint64_t{0}));
  return real_inode(caller.kernel).change(caller, change);
}

Result<std::string, Errno> OverlayInode::readlink(const Caller& caller) {
  return real_inode(caller.kernel).readlink(caller);
}

Result<std::vector<std::string>, Errno> OverlayInode::xattr_names(const Caller& caller) {
  const std::string_view prefix = private_prefix(owner(caller.kernel));
  const std::string escaped = concat(prefix, "overlay.");
  std::vector<std::string> names;
  for (const std::string& name : TRY(real_inode(caller.kernel).xattr_names(caller))) {
    if (name.starts_with(escaped))
      names.push_back(concat(prefix, name.substr(escaped.size())));
    else if (!name.starts_with(prefix))
      names.push_back(name);
  }
  return names;
}

Result<std::string, Errno> OverlayInode::xattr(const Caller& caller, std::string_view name) {
  return real_inode(caller.kernel).xattr(caller, name_below(owner(caller.kernel), name));
}

Result<void, Errno> OverlayInode::set_xattr(const Caller& caller, std::string_view name, std::string_view value,
                                            std::uint32_t flags) {
  TRY(copy_up(caller));
  return real_inode(caller.kernel).set_xattr(caller, name_below(owner(caller.kernel), name), value, flags);
}

Result<void, Errno> OverlayInode::remove_xattr(const Caller& caller, std::string_view name) {
  const std::string below = name_below(owner(caller.kernel), name);
  // Nothing is copied up for what is not there.
  if (!layers.upper) TRY(real_inode(caller.kernel).xattr(caller, below));
  TRY(copy_up(caller));
  return real_inode(caller.kernel).remove_xattr(caller, below);
}

Result<std::unique_ptr<File>, Errno> OverlayInode::open(const Caller& caller, const Path& path, std::uint32_t flags) {
  const Attributes all = TRY(attributes(caller));
  switch (all.mode & abi::s_ifmt) {
    case abi::s_ifreg:
      break;
    case abi::s_ifdir:
      return std::unique_ptr<File>(std::make_unique<DirectoryFile>());
    case abi::s_ififo:
      return open_fifo(caller, *this, flags);
    case abi::s_ifchr:
    case abi::s_ifblk:
      return open_device(caller, path, all.mode, all.rdev_major, all.rdev_minor, flags);
    case abi::s_ifsock:
      return Errno::enxio;
    default:
      return Errno::eloop;
  }
  const bool truncates = (flags & abi::o_trunc) != 0;
  if ((flags & abi::o_accmode) != abi::o_rdonly || truncates) TRY(copy_up(caller, !truncates));
  return std::unique_ptr<File>(std::make_unique<RegularFile>());
}

Outcome OverlayInode::before_open(const Caller& caller, std::uint32_t flags) {
  const std::uint32_t mode = TRY(attributes(caller)).mode;
  if ((mode & abi::s_ifmt) != abi::s_ififo) return done();
  return before_open_fifo(caller, *this, flags);
}

Result<FrameRef, Errno> OverlayInode::page(const Caller& caller, std::uint64_t index, bool for_write) {
  if (for_write) TRY(copy_up(caller));
  return real_inode(caller.kernel).page(caller, index, for_write);
}
Result<std::size_t, Errno> OverlayInode::read_data(const Caller& caller, std::uint64_t offset, std::span<char> out) {
  return real_inode(caller.kernel).read_data(caller, offset, out);
}
Result<std::size_t, Errno> OverlayInode::write_data(const Caller& caller, std::uint64_t offset,
                                                    std::span<const char> bytes) {
  TRY(copy_up(caller));
  return real_inode(caller.kernel).write_data(caller, offset, bytes);
}
Result<void, Errno> OverlayInode::allocate(const Caller& caller, std::uint32_t mode, std::uint64_t offset,
                                           std::uint64_t bytes) {
  TRY(copy_up(caller));
  return real_inode(caller.kernel).allocate(caller, mode, offset, bytes);
}
Result<std::uint64_t, Errno> OverlayInode::find_data(const Caller& caller, std::uint64_t offset, bool hole) {
  return real_inode(caller.kernel).find_data(caller, offset, hole);
}

std::optional<std::uint64_t> OverlayInode::own_device(const Kernel& kernel) const {
  const auto* mounted = static_cast<const OverlaySuperblock*>(kernel.superblocks.find(superblock));
  if (mounted == nullptr || mounted->one_filesystem || layers.directory) return std::nullopt;
  const DentryId top = layers.upper ? layers.upper : layers.lowers.front();
  const auto at = mounted->layer_devices.find(kernel.dentries[top].superblock);
  return at != mounted->layer_devices.end() ? std::optional(at->second) : std::nullopt;
}

void OverlayInode::touch_access_time(Kernel& kernel) {
  if (layers.upper) real_inode(kernel).touch_access_time(kernel);
}

void OverlayInode::pin_if_open(Kernel& kernel, const LayerEntry& entry) {
  // The real inode does not know who has it open here.
  if (!entry.upper || entry.directory) return;
  const InodeId real_id = kernel.dentries[entry.upper].inode;
  const auto& known = owner(kernel).by_real;
  const auto at = known.find(real_id);
  auto* here = at != known.end() ? static_cast<OverlayInode*>(kernel.inodes.find(at->second)) : nullptr;
  if (here == nullptr || here->pinned_) return;
  here->pinned_ = true;
  ++kernel.inodes[real_id].opens;
}

void OverlayInode::forget_data(Kernel& kernel) {
  if (!std::exchange(pinned_, false)) return;
  Inode& below = real_inode(kernel);
  if (--below.opens == 0 && below.is_nameless()) below.forget_data(kernel);
}

void OverlayInode::mark(Marker& marker) const {
  if (layers.upper) marker.dentry(layers.upper);
  for (const DentryId id : layers.lowers) marker.dentry(id);
  marker.inode(parent);
}

}  // namespace drydock::machine
