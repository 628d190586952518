// open(2), openat2(2). O_DSYNC, O_SYNC, O_DIRECT and O_NOCTTY change nothing here (the terminal's open looks at the
// last). Not modelled: leases, O_ASYNC's signals.

#include "machine/abi/file.h"
#include "machine/vfs/access.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/mounts.h"
#include "machine/vfs/operations.h"
#include "machine/vfs/path_walk.h"

namespace drydock::machine {
namespace {

int access_wanted(std::uint32_t flags) {
  int mask = 0;
  switch (flags & abi::o_accmode) {
    case abi::o_rdonly:
      mask = abi::may_read;
      break;
    case abi::o_wronly:
      mask = abi::may_write;
      break;
    default:
      mask = abi::may_read | abi::may_write;
      break;
  }
  if ((flags & abi::o_trunc) != 0) mask |= abi::may_write;
  if ((flags & abi::o_exec_internal) != 0) mask = abi::may_exec;
  return mask;
}

/// may_open() of Linux: what the kind of file and its mount say, and the permissions.
Result<void, Errno> may_open(const Caller& caller, const Path& place, std::uint32_t mode, std::uint32_t flags) {
  const int mask = access_wanted(flags);
  switch (mode & abi::s_ifmt) {
    case abi::s_iflnk:
      return Errno::eloop;
    case abi::s_ifdir:
      if ((mask & abi::may_write) != 0) return Errno::eisdir;
      if ((mask & abi::may_exec) != 0) return Errno::eacces;
      break;
    case abi::s_ifchr:
    case abi::s_ifblk:
      if ((mount_flags_of(caller.kernel, place) & abi::ms_nodev) != 0) return Errno::eacces;
      break;
    case abi::s_ifreg:
      if ((mask & abi::may_exec) != 0 && (mount_flags_of(caller.kernel, place) & abi::ms_noexec) != 0)
        return Errno::eacces;
      break;
    default:
      break;
  }
  Inode& inode = inode_of(caller, place);
  TRY(inode_permission(caller, inode, mask));
  if ((flags & abi::o_noatime) != 0 && !owns(caller, TRY(inode.attributes(caller)))) return Errno::eperm;
  return {};
}

/// The last step: the file itself. `created`: it is new, whatever its mode says the creator may.
Outcome finish_open(const Caller& caller, const Path& place, std::uint32_t flags, bool created) {
  Kernel& kernel = caller.kernel;
  const InodeId id = kernel.dentries[place.dentry].inode;
  Inode& inode = kernel.inodes[id];
  const std::uint32_t mode = TRY(inode.attributes(caller)).mode;
  const std::uint32_t asked = flags;  // may_open() asks for the right to write for O_TRUNC, whatever the file is
  if (!abi::is_regular(mode)) flags &= ~abi::o_trunc;
  if (!created) {
    if ((flags & abi::o_trunc) != 0) TRY(want_write(kernel, place));
    TRY(may_open(caller, place, mode, asked));
  }
  const bool writes = (flags & abi::o_accmode) != abi::o_rdonly;
  const bool data = abi::is_regular(mode) || abi::is_directory(mode);
  if (writes && data) TRY(want_write(kernel, place));
  if ((writes || (flags & abi::o_trunc) != 0) && abi::is_regular(mode) && inode.executors > 0) return Errno::etxtbsy;
  if ((flags & abi::o_exec_internal) != 0 && inode.writers > 0) return Errno::etxtbsy;
  if (kernel.files.size() >= kernel.limits.open_files_max) return Errno::enfile;

  Outcome ready = inode.before_open(caller, flags);
  if (!ready.ok()) return ready;
  auto file = TRY(inode.open(caller, place, flags));
  // The open of an overlay's file may have copied it up; the dentry stays.
  file->flags = flags & ~(abi::o_creat | abi::o_excl | abi::o_noctty | abi::o_trunc | abi::o_cloexec);
  file->path = place;
  if (!file->inode) file->inode = kernel.dentries[place.dentry].inode;
  const FileId opened = open_file(kernel, std::move(file));
  if ((flags & abi::o_trunc) == 0) return static_cast<std::int64_t>(opened.value);
  const auto truncated = truncate_inode(caller, kernel.inodes[id], 0);
  if (truncated.ok()) return static_cast<std::int64_t>(opened.value);
  put_file(kernel, opened);
  return truncated.error();
}

class PathFile final : public File {  // O_PATH
 public:
  std::unique_ptr<File> clone() const override { return std::make_unique<PathFile>(*this); }
  Outcome read(const Caller&, std::span<char>, const std::uint64_t*) override { return Errno::ebadf; }
  Outcome write(const Caller&, std::span<const char>, const std::uint64_t*) override { return Errno::ebadf; }
  Outcome seek(const Caller&, std::int64_t, int) override { return Errno::ebadf; }
  Outcome ioctl(const Caller&, std::uint64_t, std::uint64_t) override { return Errno::ebadf; }
  std::uint16_t poll(const Caller&) override { return kPollNval; }
};

Outcome open_path_only(const Caller& caller, const Path& place, std::uint32_t flags) {
  auto file = std::make_unique<PathFile>();
  file->flags = flags & (abi::o_path | abi::o_directory | abi::o_nofollow);
  file->path = place;
  file->inode = caller.kernel.dentries[place.dentry].inode;
  return static_cast<std::int64_t>(open_file(caller.kernel, std::move(file)).value);
}

Outcome open_existing(const Caller& caller, const Path& place, std::uint32_t flags) {
  const std::uint32_t mode = TRY(inode_of(caller, place).attributes(caller)).mode;
  if ((flags & abi::o_creat) != 0) {
    if ((flags & abi::o_excl) != 0) return Errno::eexist;
    if (abi::is_directory(mode)) return Errno::eisdir;
  }
  if ((flags & abi::o_directory) != 0 && !abi::is_directory(mode)) return Errno::enotdir;
  if ((flags & abi::o_path) != 0) return open_path_only(caller, place, flags);
  return finish_open(caller, place, flags, false);
}

Outcome create_and_open(const Caller& caller, const PathWalk& walker, const OpenRequest& request) {
  Kernel& kernel = caller.kernel;
  const Path directory = walker.at();
  TRY(want_write(kernel, directory));
  TRY(may_create_in(caller, inode_of(caller, directory)));
  const std::uint32_t umask = kernel.fs_contexts[caller.self().fs].umask;
  const NewNode node =
      TRY(new_node_in(caller, inode_of(caller, directory), abi::s_ifreg | (request.mode & 07777 & ~umask)));
  const DentryId child = TRY(create_child(caller, directory.dentry, walker.last(), node));
  return finish_open(caller, Path{directory.mount, child}, request.flags & ~abi::o_trunc, true);
}

Outcome open_unnamed(const Caller& caller, int dirfd, std::string_view path, const OpenRequest& request) {
  Kernel& kernel = caller.kernel;
  WalkOptions options;
  options.resolve = request.resolve;
  const Path directory = TRY(walk(caller, dirfd, path, options));
  Inode& inode = inode_of(caller, directory);
  if (!abi::is_directory(TRY(inode.attributes(caller)).mode)) return Errno::enotdir;
  TRY(want_write(kernel, directory));
  TRY(may_create_in(caller, inode));
  const std::uint32_t umask = kernel.fs_contexts[caller.self().fs].umask;
  const NewNode node = TRY(new_node_in(caller, inode, abi::s_ifreg | (request.mode & 07777 & ~umask)));
  const InodeId id = TRY(inode.create_unnamed(caller, node));
  Path place = nameless_path(kernel, id, "#" + std::to_string(kernel.inodes[id].number));
  place.mount = directory.mount;
  kernel.dentries[place.dentry].unlinked = true;
  kernel.dentries[place.dentry].superblock = kernel.inodes[id].superblock;
  return finish_open(caller, place, request.flags & ~(abi::o_tmpfile | abi::o_creat | abi::o_trunc), true);
}

/// EINVAL for flags that do not go together; what O_PATH makes of the others.
Result<std::uint32_t, Errno> checked_flags(std::uint32_t flags) {
  if ((flags & abi::o_path) != 0) return flags & (abi::o_directory | abi::o_nofollow | abi::o_path | abi::o_cloexec);
  if ((flags & (abi::o_creat | abi::o_directory)) == (abi::o_creat | abi::o_directory)) return Errno::einval;
  if ((flags & abi::o_tmpfile_bit) != 0) {
    if ((flags & abi::o_directory) == 0 || (flags & abi::o_creat) != 0) return Errno::einval;
    if ((flags & abi::o_accmode) == abi::o_rdonly) return Errno::einval;
  }
  return flags;
}

}  // namespace

Outcome open_place(const Caller& caller, const Path& place, std::uint32_t flags) {
  return open_existing(caller, place, flags);
}

Outcome open_at(const Caller& caller, int dirfd, std::string_view path, const OpenRequest& asked) {
  OpenRequest request = asked;
  request.flags = TRY(checked_flags(request.flags));
  if ((request.flags & abi::o_tmpfile_bit) != 0) return open_unnamed(caller, dirfd, path, request);
  const std::uint32_t flags = request.flags;
  const bool creates = (flags & abi::o_creat) != 0;
  PathWalk walker(caller, request.resolve);
  TRY(walker.begin(dirfd, path));
  for (;;) {
    TRY(walker.to_parent());
    if (creates && walker.trailing_slash() && !walker.last().empty() && !walker.last_is_dots()) return Errno::eisdir;
    const auto found = walker.step(walker.last());
    if (!found.ok()) {
      if (found.error() == Errno::enoent && creates) return create_and_open(caller, walker, request);
      return found.error();
    }
    const std::uint32_t mode = TRY(inode_of(caller, *found).attributes(caller)).mode;
    if (!abi::is_symlink(mode)) {
      if (walker.trailing_slash() && !abi::is_directory(mode)) return Errno::enotdir;
      return open_existing(caller, *found, flags);
    }
    if (creates && (flags & abi::o_excl) != 0) return Errno::eexist;
    if ((flags & abi::o_nofollow) != 0 && !walker.trailing_slash()) {
      if ((flags & abi::o_path) != 0 && (flags & abi::o_directory) == 0) return open_path_only(caller, *found, flags);
      return (flags & abi::o_directory) != 0 ? Errno::enotdir : Errno::eloop;
    }
    TRY(walker.follow(*found));
    if (walker.arrived()) return open_existing(caller, walker.at(), flags);
  }
}

}  // namespace drydock::machine
