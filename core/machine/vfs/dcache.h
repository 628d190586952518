#pragma once
// The cached tree of names, and every change of it: whoever creates, removes or renames goes through these, so that the
// cache and the file system say the same. No permissions are checked here (vfs/operations.h does).

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// The root of a superblock: a dentry that is its own parent. Sets Superblock::root.
DentryId add_root_dentry(Kernel& kernel, SuperblockId superblock, InodeId inode);
/// A place for an inode that is in no tree: pipes, sockets. "pipe:[12]"
Path nameless_path(Kernel& kernel, InodeId inode, std::string name);
/// Where the file is: for nameless ones such a place is made.
Path path_of_file(Kernel& kernel, FileId file);

Inode& inode_of(const Caller& caller, DentryId dentry);
Inode& inode_of(const Caller& caller, const Path& path);

/// ENOENT, ENOTDIR, ENAMETOOLONG.
Result<DentryId, Errno> lookup_child(const Caller& caller, DentryId directory, std::string_view name);
/// The name is free (the caller has looked).
Result<DentryId, Errno> create_child(const Caller& caller, DentryId directory, std::string_view name,
                                     const NewNode& node);
Result<DentryId, Errno> link_child(const Caller& caller, DentryId directory, std::string_view name, InodeId target);
/// A file or an empty directory. What was mounted on it goes, in all namespaces but where it stopped the caller
/// (EBUSY).
Result<void, Errno> remove_child(const Caller& caller, DentryId directory, DentryId child);
Result<void, Errno> rename_child(const Caller& caller, DentryId from_directory, DentryId child, DentryId to_directory,
                                 std::string_view to_name, std::uint32_t flags);
/// The cached child, or none: for those who change a file system from below.
void forget_child(Kernel& kernel, DentryId directory, std::string_view name);

/// Is `below` in the tree of `top`, or it?
bool is_below(const Kernel& kernel, DentryId below, DentryId top);

}  // namespace drydock::machine
