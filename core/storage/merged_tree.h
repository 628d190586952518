#pragma once
// Directories laid over one another and read as one tree, as overlayfs would show them: without mounting anything.
// Symbolic links are followed inside the tree only. Read-only.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/host_fs.h"

namespace drydock::storage {

enum class FollowLast { no, yes };

inline constexpr int kSymlinksMax = 255;  // as Docker's FollowSymlinkInScope

class MergedTree {
 public:
  /// `directories` below `fs`, the topmost first. Errors: a directory that is not there.
  static Result<MergedTree> open(HostFs& fs, const std::vector<std::string>& directories);
  MergedTree(MergedTree&&) = default;
  MergedTree& operator=(MergedTree&&) = default;

  /// The path with every symbolic link on the way replaced: "etc/passwd" without leading '/', "" for the root. Parts
  /// that do not exist stay as they are; FollowLast::no leaves a link in the last place alone.
  /// Errors: ELOOP, ENOTDIR.
  Result<std::string, SysError> resolve(std::string_view path, FollowLast follow = FollowLast::yes) const;

  /// These follow links, the last one only where `follow` says so. Errors: ENOENT, ENOTDIR, ELOOP ...
  Result<FileInfo, SysError> stat(std::string_view path, FollowLast follow = FollowLast::no) const;
  /// Sorted by name.
  Result<std::vector<DirectoryEntry>, SysError> list(std::string_view path) const;
  Result<std::unique_ptr<FileReader>, SysError> open_read(std::string_view path) const;
  /// Without overlayfs' own.
  Result<Xattrs, SysError> xattrs(std::string_view path) const;
  /// EFBIG when it is larger than `size_max` bytes.
  Result<std::string, SysError> read_file(std::string_view path, std::uint64_t size_max) const;

 private:
  struct Place;  // where a name lives: in which directories, under which path
  MergedTree() = default;
  Result<Place, SysError> root_place() const;
  Result<Place, SysError> child(const Place& parent, std::string_view name) const;
  Result<Place, SysError> find(std::string_view path, FollowLast follow) const;

  std::vector<std::unique_ptr<HostFs>> layers_;
};

/// True for a name that overlayfs hides what lies below it with.
bool is_overlay_whiteout(const FileInfo& info);
/// "trusted.overlay.…" and "user.overlay.…".
bool is_overlay_xattr(std::string_view name);
bool is_opaque(const Xattrs& xattrs);

}  // namespace drydock::storage
