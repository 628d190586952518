// mount(2) MS_REMOUNT and the propagation types, mount_setattr(2): changes of what is mounted already.

#include "machine/abi/file.h"
#include "machine/fs/overlay/overlay.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/tracer.h"
#include "machine/vfs/mount_tree.h"
#include "machine/vfs/mounts.h"
#include "machine/vfs/propagation.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kTimes = abi::ms_noatime | abi::ms_nodiratime | abi::ms_relatime;

/// The mount whose root `at` is, in the caller's namespace. EINVAL.
Result<MountId, Errno> mount_root(const Caller& caller, const Path& at) {
  const MountPoint* mount = std::as_const(caller.kernel.mounts).find(at.mount);
  if (mount == nullptr || mount->root != at.dentry) return Errno::einval;
  if (!mount->mount_namespace || mount->mount_namespace != caller.self().namespaces.mnt) return Errno::einval;
  return at.mount;
}

/// What a more privileged namespace has set stays set. EPERM.
Result<void, Errno> may_change_flags(const MountPoint& mount, std::uint64_t flags) {
  const std::uint64_t guarded = abi::ms_rdonly | abi::ms_nosuid | abi::ms_nodev | abi::ms_noexec;
  if ((mount.locked_flags & guarded & ~flags) != 0) return Errno::eperm;
  if ((mount.locked_flags & kTimes) != 0 && (mount.flags & kTimes) != (flags & kTimes)) return Errno::eperm;
  return {};
}

bool has_writers(const Kernel& kernel, MountId mount, SuperblockId superblock) {
  for (const FileId id : kernel.files.ids()) {
    const File& file = kernel.files[id];
    if (!file.writable() || (file.flags & abi::o_path) != 0) continue;
    if (mount && file.path.mount == mount) return true;
    const MountPoint* its = kernel.mounts.find(file.path.mount);
    if (!mount && its != nullptr && its->superblock == superblock) return true;
  }
  return false;
}

void note_changed(const Caller& caller, MountId mount) {
  note_mounts(caller.kernel, MountNote{MountNote::Kind::changed, caller.self().namespaces.mnt, mount});
}

}  // namespace

Result<void, Errno> mount_propagation(const Caller& caller, const Path& at, std::uint64_t flags, bool recursive) {
  Kernel& kernel = caller.kernel;
  const MountId top = TRY(mount_root(caller, at));
  const std::vector<MountId> all = recursive ? mount_subtree(kernel, top) : std::vector<MountId>{top};
  for (const MountId id : all) set_propagation(kernel, id, flags);
  note_changed(caller, top);
  return {};
}

Result<void, Errno> remount_bind(const Caller& caller, const Path& at, std::uint64_t flags) {
  Kernel& kernel = caller.kernel;
  const MountId id = TRY(mount_root(caller, at));
  MountPoint& mount = kernel.mounts[id];
  TRY(may_change_flags(mount, flags));
  if ((flags & ~mount.flags & abi::ms_rdonly) != 0 && has_writers(kernel, id, {})) return Errno::ebusy;
  mount.flags = flags;
  note_changed(caller, id);
  return {};
}

Result<void, Errno> remount_superblock(const Caller& caller, const Path& at, std::uint64_t flags,
                                       std::string_view data) {
  Kernel& kernel = caller.kernel;
  const MountId id = TRY(mount_root(caller, at));
  MountPoint& mount = kernel.mounts[id];
  TRY(may_change_flags(mount, flags & abi::ms_of_mount));
  Superblock& superblock = kernel.superblocks[mount.superblock];
  if (!capable(caller, cap::sys_admin, superblock.user_namespace)) return Errno::eperm;
  const bool read_only = (flags & abi::ms_rdonly) != 0;
  if (read_only && !superblock.read_only && has_writers(kernel, {}, mount.superblock)) return Errno::ebusy;
  const auto* overlay = dynamic_cast<const OverlaySuperblock*>(&superblock);
  if (!read_only && overlay != nullptr && !overlay->upper) return Errno::erofs;
  TRY(superblock.remount(caller, data));
  superblock.read_only = read_only;
  mount.flags = flags & abi::ms_of_mount;
  note_changed(caller, id);
  return {};
}

Result<void, Errno> change_mount_attributes(const Caller& caller, const Path& at, const MountAttributes& change,
                                            bool recursive) {
  Kernel& kernel = caller.kernel;
  const MountId top = TRY(mount_root(caller, at));
  const std::vector<MountId> all = recursive ? mount_subtree(kernel, top) : std::vector<MountId>{top};
  // All or nothing.
  for (const MountId id : all) {
    const MountPoint& mount = kernel.mounts[id];
    const std::uint64_t flags = (mount.flags & ~change.clear) | change.set;
    TRY(may_change_flags(mount, flags));
    if ((flags & ~mount.flags & abi::ms_rdonly) != 0 && has_writers(kernel, id, {})) return Errno::ebusy;
  }
  for (const MountId id : all) {
    MountPoint& mount = kernel.mounts[id];
    mount.flags = (mount.flags & ~change.clear) | change.set;
    if (change.propagation != 0) set_propagation(kernel, id, change.propagation);
  }
  note_changed(caller, top);
  return {};
}

}  // namespace drydock::machine
