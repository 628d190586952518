#pragma once
// Inodes: what a file system implements. inode(7).
//
// Inodes and dentries are not counted: nothing depends on the moment they go. vfs/garbage.h sweeps what cannot be
// reached any more from mounts, tasks, open files and mappings. What does depend on it (the data of a deleted file, the
// other end of a pipe) goes by `links`, `opens` and the counts of open files.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "machine/kernel/caller.h"
#include "machine/kernel/outcome.h"
#include "machine/state/shared.h"
#include "machine/vfs/path.h"
#include "machine/vfs/pipe_buffer.h"

namespace drydock::machine {

class File;
class FrameRef;
class Marker;  // vfs/garbage.h

/// What stat(2) tells, and chmod(2), chown(2), utimensat(2) change. Ids are the initial user namespace's.
struct Attributes {
  std::uint32_t mode = 0;  // type (S_IFMT) and permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  std::uint32_t links = 1;
  std::uint32_t rdev_major = 0, rdev_minor = 0;
  std::int64_t atime_ns = 0, mtime_ns = 0, ctime_ns = 0, btime_ns = 0;
  std::uint64_t blocks = 0;  // of 512 bytes
  std::uint32_t block_size = 4096;
};

/// What is not set stays. The caller (vfs) has checked permissions and cleared setuid bits where it must.
struct AttributeChange {
  std::optional<std::uint32_t> permissions;  // 07777
  std::optional<std::uint32_t> uid, gid;
  std::optional<std::uint64_t> size;
  std::optional<std::int64_t> atime_ns, mtime_ns;
};

struct NewNode {
  std::uint32_t mode = 0;  // type and permissions, the umask applied
  std::uint32_t uid = 0, gid = 0;
  std::uint32_t rdev_major = 0, rdev_minor = 0;
  std::string link_target;  // of a symbolic link
};

struct DirectoryItem {
  std::string name;
  std::uint64_t inode_number = 0;
  std::uint8_t type = 0;          // DT_*: mode >> 12
  std::uint64_t next_cookie = 0;  // where the next getdents(2) goes on after this one
};

class Inode {
 public:
  virtual ~Inode() = default;
  virtual std::unique_ptr<Inode> clone() const = 0;

  InodeId id;  // its own; set by add_inode(), at the latest when a dentry names it
  SuperblockId superblock;
  std::uint64_t number = 0;
  // Kept by vfs/file.cpp:
  std::uint32_t opens = 0;      // open files that refer to it
  std::uint32_t writers = 0;    // of these, those open for writing: execve(2) says ETXTBSY
  std::uint32_t executors = 0;  // of these, those opened with abi::o_exec_internal: open(2) for writing says ETXTBSY
  Shared<PipeBuffer> pipe;      // of FIFOs and pipes, while they are open

  /// Not cached by the caller: procfs computes it.
  virtual Result<Attributes, Errno> attributes(const Caller& caller) = 0;
  virtual Result<void, Errno> change(const Caller& caller, const AttributeChange& change);  // EPERM unless overridden
  /// A rule of its own in place of the mode bits (a process's own /proc/PID/fd); none: the mode bits decide.
  virtual std::optional<Result<void, Errno>> own_permission(const Caller&, int /*mask*/) { return std::nullopt; }

  // Directories. ENOTDIR unless overridden; names have been checked (no '/', at most 255 bytes, not "." or "..").
  virtual Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name);  // ENOENT
  virtual Result<InodeId, Errno> create(const Caller& caller, std::string_view name, const NewNode& node);
  virtual Result<void, Errno> link(const Caller& caller, std::string_view name, InodeId target);
  virtual Result<void, Errno> unlink(const Caller& caller, std::string_view name);  // not a directory
  virtual Result<void, Errno> rmdir(const Caller& caller, std::string_view name);
  /// Within one superblock. flags: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT.
  virtual Result<void, Errno> rename(const Caller& caller, std::string_view name, InodeId to_directory,
                                     std::string_view to_name, std::uint32_t flags);
  /// Entries after `cookie` (0: from the start), without "." and "..", at most `count_max`. Stable when others are
  /// removed meanwhile.
  virtual Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                         std::size_t count_max);

  /// Symbolic links. EINVAL unless overridden.
  virtual Result<std::string, Errno> readlink(const Caller& caller);
  /// Magic links of /proc (exe, cwd, root, fd/N, ns/*): jumps there without reading text.
  virtual std::optional<Result<Path, Errno>> follow(const Caller& caller);

  virtual Result<std::vector<std::string>, Errno> xattr_names(const Caller& caller);
  virtual Result<std::string, Errno> xattr(const Caller& caller, std::string_view name);  // ENODATA
  virtual Result<void, Errno> set_xattr(const Caller& caller, std::string_view name, std::string_view value,
                                        std::uint32_t flags);
  virtual Result<void, Errno> remove_xattr(const Caller& caller, std::string_view name);

  /// An open file of the right kind (regular, directory, FIFO, device ...). `path` is how it was reached.
  /// May block (FIFOs): then the Outcome form below is used. flags: abi::o_*.
  virtual Result<std::unique_ptr<File>, Errno> open(const Caller& caller, const Path& path, std::uint32_t flags) = 0;
  /// What open(2) has to wait for before open() may be called (a FIFO's other end); done() for all else.
  virtual Outcome before_open(const Caller& caller, std::uint32_t flags);

  /// The page cache, for mmap(2), execve(2) and read(2): page `index` of the data. ENODEV: cannot be mapped.
  /// for_write: the returned frame is the file's own, to be written through (shared mappings).
  virtual Result<FrameRef, Errno> page(const Caller& caller, std::uint64_t index, bool for_write);

  /// Bytes of a regular file, by page() unless overridden. Fewer than asked only at the end of the file.
  virtual Result<std::size_t, Errno> read_data(const Caller& caller, std::uint64_t offset, std::span<char> out);
  /// Extends the file where it must. Fewer than asked when there is no more space (ENOSPC when none is written).
  virtual Result<std::size_t, Errno> write_data(const Caller& caller, std::uint64_t offset,
                                                std::span<const char> bytes);  // EINVAL
  /// fallocate(2), whose arguments have been checked. EOPNOTSUPP unless overridden.
  virtual Result<void, Errno> allocate(const Caller& caller, std::uint32_t mode, std::uint64_t offset,
                                       std::uint64_t bytes);
  /// lseek(2) SEEK_DATA, SEEK_HOLE: ENXIO beyond the end. All is data unless overridden.
  virtual Result<std::uint64_t, Errno> find_data(const Caller& caller, std::uint64_t offset, bool hole);
  /// A new file without a name (O_TMPFILE), of links 0, to be open()ed. EOPNOTSUPP unless overridden.
  virtual Result<InodeId, Errno> create_unnamed(const Caller& caller, const NewNode& node);
  /// The last access is now (read(2), readlink(2), getdents(2)); the caller has considered noatime and relatime.
  virtual void touch_access_time(Kernel&) {}

  /// False when a cached dentry must not be used any more (a /proc/PID whose process is gone).
  virtual bool still_valid(const Caller&) const { return true; }
  /// st_dev, where it is not the superblock's.
  virtual std::optional<std::uint64_t> own_device(const Kernel&) const { return std::nullopt; }
  /// It has no name (left): forget_data() is called when nobody has it open either.
  virtual bool is_nameless() const { return false; }
  /// Last link and last open file are gone: give the data back. Called by vfs.
  virtual void forget_data(Kernel&) {}
  /// Marks the inodes and dentries that this one refers to (garbage.h).
  virtual void mark(Marker&) const {}
};

/// Puts a new inode into the table and tells it its id.
InodeId add_inode(Kernel& kernel, std::unique_ptr<Inode> inode);
/// The next number for inodes of nameless files and namespaces.
std::uint64_t take_inode_number(Kernel& kernel);

}  // namespace drydock::machine
