#pragma once
// The HostFs port: files below one root, which nothing that is given to these calls can leave.
//
// Paths are relative to the root, "" being the root itself; a leading '/' is ignored. A path is resolved beneath the
// root as chroot(2) would: ".." at the root stays there, and symbolic links, absolute ones too, are followed inside
// the root only. The last component is never followed. Natively this is openat2(2) with RESOLVE_IN_ROOT.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace drydock::storage {

enum class FileType { regular, directory, symlink, character_device, block_device, fifo, socket };

using Xattrs = std::vector<std::pair<std::string, std::string>>;

/// What lstat(2) and readlink(2) tell.
struct FileInfo {
  FileType type = FileType::regular;
  std::uint32_t mode = 0;  // permission bits incl. setuid, setgid, sticky: 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint32_t device_major = 0;  // of a device node
  std::uint32_t device_minor = 0;
  std::uint64_t inode = 0;  // with `filesystem` it tells hard links
  std::uint64_t filesystem = 0;
  std::uint32_t links = 1;
  std::string link_target;  // of a symlink
};

struct DirectoryEntry {
  std::string name;
  FileInfo info;
};

struct NodeSpec {
  FileType type = FileType::directory;  // directory, symlink, device, fifo; not regular (use open_write), not socket
  std::uint32_t mode = 0755;            // exactly this: the umask does not apply
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string link_target;
};

/// What is not set stays as it is. Order: owner, mode (chown clears setuid), xattrs, then time.
struct Metadata {
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::uint32_t> mode;  // not for symlinks
  std::optional<std::int64_t> mtime_ns;
  Xattrs xattrs;  // set one by one; others stay
};

class FileReader {
 public:
  virtual ~FileReader() = default;
  virtual std::uint64_t size() const = 0;  // when it was opened
  /// pread(2): fewer bytes than asked only at the end of the file; 0 there.
  virtual Result<std::size_t, SysError> read_at(std::uint64_t offset, std::span<char> out) = 0;
};

class FileWriter {
 public:
  virtual ~FileWriter() = default;
  /// All of it, at the present end.
  virtual Result<void, SysError> write(std::string_view bytes) = 0;
  /// Makes a hole of that many bytes at the end (sparse files).
  virtual Result<void, SysError> skip(std::uint64_t bytes) = 0;
  /// As HostFs::set_metadata on the open file: cheaper than by path.
  virtual Result<void, SysError> set_metadata(const Metadata& metadata) = 0;
  /// fsync(2).
  virtual Result<void, SysError> sync() = 0;
};

enum class WriteMode {
  create_new,  // EEXIST if there is one
  truncate,
  append,
};

struct HostFsFeatures {
  bool overlay = false;  // overlayfs can be mounted with upper directories in this root
  bool overlay_in_userns = false;
  bool trusted_xattrs = false;  // "trusted.overlay.*"; else "user.overlay.*" (userxattr)
  bool device_nodes = false;    // mknod(2) of devices other than whiteouts
  bool chown = false;           // to any owner
};

class HostFs {
 public:
  virtual ~HostFs() = default;
  virtual HostFsFeatures features() const = 0;
  /// The root as the host's absolute path: what a mount on this host is given as its source.
  virtual std::string host_path(std::string_view path) const = 0;
  /// A HostFs rooted at an existing directory below this one. Its paths cannot leave that directory.
  virtual Result<std::unique_ptr<HostFs>, SysError> subtree(std::string_view path) = 0;

  virtual Result<FileInfo, SysError> stat(std::string_view path) = 0;
  /// Sorted by name, without "." and "..".
  virtual Result<std::vector<DirectoryEntry>, SysError> list(std::string_view path) = 0;
  virtual Result<Xattrs, SysError> xattrs(std::string_view path) = 0;
  virtual Result<std::unique_ptr<FileReader>, SysError> open_read(std::string_view path) = 0;
  virtual Result<std::unique_ptr<FileWriter>, SysError> open_write(std::string_view path, WriteMode mode,
                                                                   std::uint32_t permissions) = 0;
  /// The file has the old bytes or the new ones at any moment (write beside it, rename). Not synced: it survives the
  /// daemon's death, and the host's with what the file system gives.
  virtual Result<void, SysError> write_atomic(std::string_view path, std::string_view bytes,
                                              std::uint32_t permissions) = 0;
  virtual Result<void, SysError> make_node(std::string_view path, const NodeSpec& spec) = 0;
  virtual Result<void, SysError> make_hard_link(std::string_view existing, std::string_view path) = 0;
  virtual Result<void, SysError> set_metadata(std::string_view path, const Metadata& metadata) = 0;
  virtual Result<void, SysError> rename(std::string_view from, std::string_view to) = 0;
  /// The path and all below it, on one file system only; nothing there is success.
  virtual Result<void, SysError> remove_tree(std::string_view path) = 0;
};

/// The whole file; EFBIG when it is larger than `size_max` bytes.
Result<std::string, SysError> read_file(HostFs& fs, std::string_view path, std::uint64_t size_max);
/// mkdir -p; existing directories stay as they are.
Result<void, SysError> make_directories(HostFs& fs, std::string_view path, std::uint32_t mode = 0755);
/// Bytes used below path: each inode once, apparent size.
Result<std::uint64_t, SysError> tree_size(HostFs& fs, std::string_view path);

}  // namespace drydock::storage
