#pragma once
// What system calls, and the code that plays the host's daemons, do with files by path: permissions are the caller's.
// open(2), mkdir(2), link(2), unlink(2), rename(2), chmod(2) ...

#include <optional>
#include <string>
#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

struct OpenRequest {
  std::uint32_t flags = 0;  // abi::o_*
  std::uint32_t mode = 0;   // of a new file, before the umask
  std::uint64_t resolve = 0;
};
/// A new file with one reference, the caller's: its id is the outcome's value. Blocks on FIFOs.
Outcome open_at(const Caller& caller, int dirfd, std::string_view path, const OpenRequest& request);
/// Of what has been found already: a new file for that place. The permissions for `flags` are checked.
Outcome open_place(const Caller& caller, const Path& place, std::uint32_t flags);

/// mknod(2), mkdir(2), symlink(2): node.mode tells what; the umask is applied here, owner and group are set here.
Result<void, Errno> make_node(const Caller& caller, int dirfd, std::string_view path, NewNode node);
Result<void, Errno> make_link(const Caller& caller, const Path& existing, int dirfd, std::string_view path);
Result<void, Errno> remove_file(const Caller& caller, int dirfd, std::string_view path);
Result<void, Errno> remove_directory(const Caller& caller, int dirfd, std::string_view path);
Result<void, Errno> rename_at(const Caller& caller, int from_dirfd, std::string_view from, int to_dirfd,
                              std::string_view to, std::uint32_t flags);

/// stat(2).
Result<Attributes, Errno> attributes_of(const Caller& caller, const Path& place);
/// st_dev.
std::uint64_t device_of(const Kernel& kernel, const Inode& inode);
Result<void, Errno> change_mode(const Caller& caller, const Path& place, std::uint32_t permissions);
/// Kernel ids; nothing: stays.
Result<void, Errno> change_owner(const Caller& caller, const Path& place, std::optional<std::uint32_t> uid,
                                 std::optional<std::uint32_t> gid);
/// `to_now`: write permission is enough.
Result<void, Errno> change_times(const Caller& caller, const Path& place, std::optional<std::int64_t> atime_ns,
                                 std::optional<std::int64_t> mtime_ns, bool to_now);
Result<void, Errno> truncate_place(const Caller& caller, const Path& place, std::uint64_t size);
/// ftruncate(2), of a file that is open for writing.
Result<void, Errno> truncate_inode(const Caller& caller, Inode& inode, std::uint64_t size);

/// xattr(7).
Result<std::string, Errno> read_xattr(const Caller& caller, const Path& place, std::string_view name);
Result<std::vector<std::string>, Errno> list_xattrs(const Caller& caller, const Path& place);
Result<void, Errno> write_xattr(const Caller& caller, const Path& place, std::string_view name, std::string_view value,
                                std::uint32_t flags);
Result<void, Errno> erase_xattr(const Caller& caller, const Path& place, std::string_view name);

/// The whole directory with "." and "..", as getdents(2) gives it from `position` on; next_cookie is a position.
Result<std::vector<DirectoryItem>, Errno> list_directory(const Caller& caller, const Path& place,
                                                         std::uint64_t position, std::size_t count_max);
/// statfs(2).
Result<FileSystemUse, Errno> use_of(const Caller& caller, const Path& place);

}  // namespace drydock::machine
