#pragma once
// Who may do what to an inode. path_resolution(7), "Permissions"; capabilities(7); user_namespaces(7).

#include <optional>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// Owner of the file, or CAP_FOWNER over it.
bool owns(const Caller& caller, const Attributes& attributes);
bool has_capability_over(const Caller& caller, int capability, const Attributes& attributes);

/// abi::may_*, by mode bits and capabilities only. EACCES.
Result<void, Errno> permission_of(const Caller& caller, const Attributes& attributes, int mask);
/// With the superblock's being read-only: EROFS.
Result<void, Errno> inode_permission(const Caller& caller, Inode& inode, int mask);
/// EROFS when the mount, or what it shows, is read-only.
Result<void, Errno> want_write(const Kernel& kernel, const Path& path);
/// The flags of the mount (MS_*), 0 for nameless files, which have none.
std::uint64_t mount_flags_of(const Kernel& kernel, const Path& path);
/// May the caller add a name to the directory?
Result<void, Errno> may_create_in(const Caller& caller, Inode& directory);
/// May the caller take `victim` out of the directory? Sticky directories included. EPERM, EACCES.
Result<void, Errno> may_delete_from(const Caller& caller, Inode& directory, Inode& victim);

/// Owner, group and mode of something new in `directory`: the file system ids, the directory's group where it is
/// setgid. `mode` has its type, and the umask applied.
Result<NewNode, Errno> new_node_in(const Caller& caller, Inode& directory, std::uint32_t mode);
/// setuid and setgid are lost when somebody without CAP_FSETID writes or chown(2) is called: nothing when nothing is.
std::optional<std::uint32_t> without_privilege_bits(const Attributes& attributes);

/// Reads move the time of access: as relatime does, unless the mount or the file says noatime.
void touch_on_read(const Caller& caller, const Path& path, Inode& inode, std::uint32_t open_flags);

}  // namespace drydock::machine
