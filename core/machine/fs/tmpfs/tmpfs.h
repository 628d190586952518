#pragma once
// tmpfs(5): files in frames. It is the machine's root, what is mounted on /tmp and /dev/shm, the data of shared
// anonymous memory, and what stands in for the disk.

#include <map>
#include <optional>
#include <string>

#include "machine/kernel/kernel.h"
#include "machine/mm/frame_tree.h"

namespace drydock::machine {

class TmpfsSuperblock final : public Superblock {
 public:
  // No limit: nothing.
  std::optional<std::uint64_t> pages_max;
  std::optional<std::uint64_t> inodes_max;
  bool size_given = false, inodes_given = false;  // options that /proc/mounts shows
  std::uint64_t pages = 0, inodes = 0;
  std::uint64_t next_number = 1;
  std::uint32_t root_mode = 01777, root_uid = 0, root_gid = 0;
  std::uint64_t xattr_bytes = 0;

  std::unique_ptr<Superblock> clone() const override { return std::make_unique<TmpfsSuperblock>(*this); }
  bool keeps_names() const override { return true; }
  FileSystemUse use(const Caller& caller) override;
  std::string show_options(const Caller& caller) const override;
  Result<void, Errno> remount(const Caller& caller, std::string_view data) override;
  void shut_down(Kernel& kernel) override;

  /// size=, nr_blocks=, nr_inodes=, mode=, uid=, gid=. EINVAL.
  Result<void, Errno> parse(const Caller& caller, std::string_view data);
};

/// A new inode with one link (two for a directory), in no directory yet; counted in the superblock.
InodeId add_tmpfs_inode(Kernel& kernel, TmpfsSuperblock& superblock, SuperblockId id, const NewNode& node);

class TmpfsInode final : public Inode {
 public:
  std::unique_ptr<Inode> clone() const override { return std::make_unique<TmpfsInode>(*this); }

  Result<Attributes, Errno> attributes(const Caller& caller) override;
  Result<void, Errno> change(const Caller& caller, const AttributeChange& change) override;
  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override;
  Result<InodeId, Errno> create(const Caller& caller, std::string_view name, const NewNode& node) override;
  Result<void, Errno> link(const Caller& caller, std::string_view name, InodeId target) override;
  Result<void, Errno> unlink(const Caller& caller, std::string_view name) override;
  Result<void, Errno> rmdir(const Caller& caller, std::string_view name) override;
  Result<void, Errno> rename(const Caller& caller, std::string_view name, InodeId to_directory,
                             std::string_view to_name, std::uint32_t flags) override;
  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override;
  Result<std::string, Errno> readlink(const Caller& caller) override;
  Result<std::vector<std::string>, Errno> xattr_names(const Caller& caller) override;
  Result<std::string, Errno> xattr(const Caller& caller, std::string_view name) override;
  Result<void, Errno> set_xattr(const Caller& caller, std::string_view name, std::string_view value,
                                std::uint32_t flags) override;
  Result<void, Errno> remove_xattr(const Caller& caller, std::string_view name) override;
  Result<std::unique_ptr<File>, Errno> open(const Caller& caller, const Path& path, std::uint32_t flags) override;
  Outcome before_open(const Caller& caller, std::uint32_t flags) override;
  Result<FrameRef, Errno> page(const Caller& caller, std::uint64_t index, bool for_write) override;
  Result<std::size_t, Errno> read_data(const Caller& caller, std::uint64_t offset, std::span<char> out) override;
  Result<std::size_t, Errno> write_data(const Caller& caller, std::uint64_t offset,
                                        std::span<const char> bytes) override;
  Result<void, Errno> allocate(const Caller& caller, std::uint32_t mode, std::uint64_t offset,
                               std::uint64_t bytes) override;
  Result<std::uint64_t, Errno> find_data(const Caller& caller, std::uint64_t offset, bool hole) override;
  Result<InodeId, Errno> create_unnamed(const Caller& caller, const NewNode& node) override;
  void touch_access_time(Kernel& kernel) override { attributes_.atime_ns = kernel.wall_ns(); }
  bool is_nameless() const override { return attributes_.links == 0; }
  void forget_data(Kernel& kernel) override;
  void mark(Marker& marker) const override;
  /// Takes over the other's bytes: the same frames, until one of the two writes. ENOSPC.
  Result<void, Errno> share_data(Kernel& kernel, const TmpfsInode& from);
  /// It never had a name, or has none yet.
  void set_nameless() { attributes_.links = 0; }

 private:
  struct Entry {
    InodeId inode;
    std::uint64_t cookie = 0;
    std::uint8_t type = 0;
  };
  friend InodeId add_tmpfs_inode(Kernel& kernel, TmpfsSuperblock& superblock, SuperblockId id, const NewNode& node);

  TmpfsSuperblock* owner(Kernel& kernel) const;
  void touch_modified(Kernel& kernel);
  Result<void, Errno> add_entry(Kernel& kernel, std::string_view name, const TmpfsInode& child);
  void remove_entry(Kernel& kernel, std::string_view name);
  Result<Frame*, Errno> frame_for_write(Kernel& kernel, std::uint64_t index);
  void set_size(Kernel& kernel, std::uint64_t size);
  void free_pages(Kernel& kernel, std::uint64_t first, std::uint64_t count);

  Attributes attributes_;
  FrameTree data_;
  std::string link_target_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::uint64_t, std::string> order_;          // names by cookie
  std::uint64_t next_cookie_ = std::uint64_t{1} << 62;  // they count down
  std::map<std::string, std::string, std::less<>> xattrs_;
  bool forgotten_ = false;
};

Result<SuperblockId, Errno> mount_tmpfs(const Caller& caller, std::string_view source, std::uint64_t flags,
                                        std::string_view data);
Result<SuperblockId, Errno> mount_ramfs(const Caller& caller, std::string_view source, std::uint64_t flags,
                                        std::string_view data);
/// A tmpfs for before there are tasks: a machine's root.
SuperblockId add_tmpfs(Kernel& kernel, std::uint32_t root_mode);

/// An open, nameless file of that size for MAP_SHARED|MAP_ANONYMOUS and memfds: one reference, the caller's. ENOSPC.
Result<FileId, Errno> open_shared_memory(const Caller& caller, std::string name, std::uint64_t bytes);

}  // namespace drydock::machine
