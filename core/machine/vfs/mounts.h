#pragma once
// What is done to mounts: mount(2), umount2(2), pivot_root(2), mount_setattr(2), mount_namespaces(7). The caller's
// rights over its mount namespace are checked here.

#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// The place that is seen at `path`: what is mounted there, if anything is.
Path cross_mounts(const Kernel& kernel, Path path);
/// All mounts on that dentry go, in every namespace: its name was removed.
void detach_mounts_on(Kernel& kernel, DentryId dentry);

/// CAP_SYS_ADMIN in the user namespace that owns the caller's mount namespace. EPERM.
Result<void, Errno> may_mount(const Caller& caller);

/// mount(2) as a whole: `flags` says which of the operations below it is.
Result<void, Errno> mount_at(const Caller& caller, std::string_view source, std::string_view target,
                             std::string_view type, std::uint64_t flags, std::string_view data);

Result<void, Errno> mount_new(const Caller& caller, const Path& at, std::string_view type, std::string_view source,
                              std::uint64_t flags, std::string_view data);
Result<void, Errno> mount_bind(const Caller& caller, const Path& from, const Path& at, bool recursive);
Result<void, Errno> mount_move(const Caller& caller, const Path& from, const Path& at);
/// `flags`: one of MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE.
Result<void, Errno> mount_propagation(const Caller& caller, const Path& at, std::uint64_t flags, bool recursive);
Result<void, Errno> remount_bind(const Caller& caller, const Path& at, std::uint64_t flags);
Result<void, Errno> remount_superblock(const Caller& caller, const Path& at, std::uint64_t flags,
                                       std::string_view data);

/// umount2(2): MNT_*, UMOUNT_NOFOLLOW is the caller's business.
Result<void, Errno> unmount(const Caller& caller, const Path& at, std::uint32_t flags);
Result<void, Errno> pivot_root(const Caller& caller, const Path& new_root, const Path& put_old);

/// mount_setattr(2): flags of MS_OF_MOUNT to set and to clear, and a propagation type or 0.
struct MountAttributes {
  std::uint64_t set = 0, clear = 0, propagation = 0;
};
Result<void, Errno> change_mount_attributes(const Caller& caller, const Path& at, const MountAttributes& change,
                                            bool recursive);

}  // namespace drydock::machine
