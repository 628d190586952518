#pragma once
// overlayfs: Documentation/filesystems/overlayfs.rst. Directories are merged from an upper layer, that takes all
// changes, and lower layers, that are only read.

#include <map>
#include <string>
#include <vector>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

inline constexpr std::size_t kOverlayLayersMax = 500;  // OVL_MAX_STACK
inline constexpr std::uint32_t kOverlayStackMax = 2;   // FILESYSTEM_MAX_STACK_DEPTH

class OverlaySuperblock final : public Superblock {
 public:
  // As they were given, for /proc/mounts.
  std::string lower_text, upper_text, work_text, extra_options;
  Path upper;  // none: read-only
  std::vector<Path> lowers;
  std::vector<SuperblockId> held;  // the layers' file systems: they live at least as long as this one
  bool user_xattrs = false;        // user.overlay.* instead of trusted.overlay.*
  bool one_filesystem = true;      // all layers are of one
  std::uint32_t stack_depth = 1;
  std::map<SuperblockId, std::uint64_t> layer_devices;  // st_dev of files of lower layers, when they are of several
  std::map<InodeId, InodeId> by_real;                   // the inode here of a real one; entries may be stale
  std::uint64_t next_number = 1;

  std::unique_ptr<Superblock> clone() const override { return std::make_unique<OverlaySuperblock>(*this); }
  bool keeps_names() const override { return true; }
  FileSystemUse use(const Caller& caller) override;
  std::string show_options(const Caller& caller) const override;
  void shut_down(Kernel& kernel) override;
  void mark(Marker& marker) const override;

  /// "opaque" as the name of the attribute.
  std::string xattr_name(std::string_view name) const;
};

/// Where a name is found in the layers.
struct LayerEntry {
  DentryId upper;                // none: not there
  std::vector<DentryId> lowers;  // of a directory all that are merged, topmost first; of another file one
  bool directory = false;
  explicit operator bool() const { return upper || !lowers.empty(); }
};

class OverlayInode final : public Inode {
 public:
  LayerEntry layers;
  InodeId parent;    // of the directory here; none for the root
  std::string name;  // in it: what copying up needs

  std::unique_ptr<Inode> clone() const override { return std::make_unique<OverlayInode>(*this); }

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
  std::optional<std::uint64_t> own_device(const Kernel& kernel) const override;
  void touch_access_time(Kernel& kernel) override;
  bool is_nameless() const override { return nameless_; }
  void forget_data(Kernel& kernel) override;
  void mark(Marker& marker) const override;

  /// The inode that has the data and the attributes.
  InodeId real(const Kernel& kernel) const;
  Inode& real_inode(Kernel& kernel) const { return kernel.inodes[real(kernel)]; }
  bool is_merged() const { return layers.directory && layers.lowers.size() + (layers.upper ? 1 : 0) > 1; }
  /// It, and what it is in, are in the upper layer from now on. `with_data`: not when it is about to be truncated.
  Result<void, Errno> copy_up(const Caller& caller, bool with_data = true);

 private:
  OverlaySuperblock& owner(Kernel& kernel) const;
  /// What the layers of this directory have of that name.
  Result<LayerEntry, Errno> find(const Caller& caller, std::string_view name) const;
  bool lower_has(const Caller& caller, std::string_view name) const;
  Result<bool, Errno> is_empty(const Caller& caller);
  Result<InodeId, Errno> inode_for(const Caller& caller, const LayerEntry& entry, std::string_view name);
  Result<void, Errno> copy_up_this(const Caller& caller, bool with_data);
  /// Clears the upper layer's place of that name: a whiteout, a file, a directory of whiteouts.
  Result<void, Errno> clear_upper(const Caller& caller, std::string_view name);
  Result<void, Errno> put_whiteout(const Caller& caller, std::string_view name);
  Result<void, Errno> remove(const Caller& caller, std::string_view name, const LayerEntry& entry);
  void pin_if_open(Kernel& kernel, const LayerEntry& entry);

  bool nameless_ = false;
  bool pinned_ = false;  // the real inode's `opens` counts this one
};

Result<SuperblockId, Errno> mount_overlay(const Caller& caller, std::string_view source, std::uint64_t flags,
                                          std::string_view data);

}  // namespace drydock::machine
