#pragma once
// A mounted file system's own data, one per instance, however often it is bound.

#include <cstdint>
#include <memory>
#include <string>

#include "machine/vfs/inode.h"

namespace drydock::machine {

/// statfs(2).
struct FileSystemUse {
  std::uint64_t magic = 0;
  std::uint64_t block_size = 4096;
  std::uint64_t blocks = 0, blocks_free = 0, blocks_available = 0;
  std::uint64_t files = 0, files_free = 0;
  std::uint64_t name_max = 255;
};

class Superblock {
 public:
  virtual ~Superblock() = default;
  virtual std::unique_ptr<Superblock> clone() const = 0;

  std::string type;          // "tmpfs", as in /proc/mounts
  std::uint64_t device = 0;  // makedev(0, n): st_dev
  DentryId root;
  bool read_only = false;
  UserNamespaceId user_namespace;
  std::uint32_t mounts = 0;  // mount points that show it; at 0 it goes

  /// Cached names are kept while the files have them: the file system has data, and a path that was found stays good.
  virtual bool keeps_names() const { return false; }
  virtual FileSystemUse use(const Caller& caller) = 0;
  /// ",size=65536k,mode=755" as /proc/mounts shows it after the generic options; empty or with a leading comma.
  virtual std::string show_options(const Caller& caller) const = 0;
  /// mount -o remount: data is the options' text.
  virtual Result<void, Errno> remount(const Caller& caller, std::string_view data);
  /// It is mounted for the first time, or again after shut_down().
  virtual void first_mount(Kernel&) {}
  /// The last mount is gone.
  virtual void shut_down(Kernel&) {}
  virtual void mark(Marker&) const {}
};

/// A registered type. mount(2) looks it up by name; `allowed_in_userns` is FS_USERNS_MOUNT.
struct FileSystemType {
  std::string_view name;
  bool needs_device = false;  // not "nodev" in /proc/filesystems
  bool allowed_in_userns = false;
  Result<SuperblockId, Errno> (*mount)(const Caller& caller, std::string_view source, std::uint64_t flags,
                                       std::string_view data);
};

}  // namespace drydock::machine
