#pragma once
// A HostFs in memory that behaves as Linux does, for tests on every platform: inodes, hard links, symbolic links
// resolved beneath the root, device nodes, extended attributes. Each modification moves its clock by one second.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "storage/host_fs.h"

namespace drydock::testing {

inline constexpr std::uint64_t kMemoryFileMax = 64u << 20;

struct MemoryInode {
  storage::FileInfo info;
  std::string bytes;
  storage::Xattrs xattrs;
  std::map<std::string, std::shared_ptr<MemoryInode>> entries;  // of a directory
};

/// Shared by a root and its subtrees.
struct MemoryDisk {
  storage::HostFsFeatures features{
      .overlay = true, .overlay_in_userns = true, .trusted_xattrs = true, .device_nodes = true, .chown = true};
  std::uint64_t last_inode = 1;
  std::int64_t clock_ns = 1'700'000'000'000'000'000;
  /// Calls that change something fail with EIO once this many have succeeded: the daemon dies here.
  std::uint64_t writes_left = UINT64_MAX;
};

class MemoryHostFs final : public storage::HostFs {
 public:
  MemoryHostFs();
  MemoryHostFs(std::shared_ptr<MemoryDisk> disk, std::shared_ptr<MemoryInode> root, std::string host_root);

  MemoryDisk& disk() { return *disk_; }

  storage::HostFsFeatures features() const override { return disk_->features; }
  std::string host_path(std::string_view path) const override;
  Result<std::unique_ptr<HostFs>, SysError> subtree(std::string_view path) override;
  Result<storage::FileInfo, SysError> stat(std::string_view path) override;
  Result<std::vector<storage::DirectoryEntry>, SysError> list(std::string_view path) override;
  Result<storage::Xattrs, SysError> xattrs(std::string_view path) override;
  Result<std::unique_ptr<storage::FileReader>, SysError> open_read(std::string_view path) override;
  Result<std::unique_ptr<storage::FileWriter>, SysError> open_write(std::string_view path, storage::WriteMode mode,
                                                                    std::uint32_t permissions) override;
  Result<void, SysError> write_atomic(std::string_view path, std::string_view bytes,
                                      std::uint32_t permissions) override;
  Result<void, SysError> make_node(std::string_view path, const storage::NodeSpec& spec) override;
  Result<void, SysError> make_hard_link(std::string_view existing, std::string_view path) override;
  Result<void, SysError> set_metadata(std::string_view path, const storage::Metadata& metadata) override;
  Result<void, SysError> rename(std::string_view from, std::string_view to) override;
  Result<void, SysError> remove_tree(std::string_view path) override;

 private:
  struct Slot {
    std::shared_ptr<MemoryInode> directory;
    std::string name;
  };
  Result<std::shared_ptr<MemoryInode>, SysError> walk(std::string_view path, bool follow_last) const;
  Result<Slot, SysError> slot(std::string_view path) const;
  Result<std::shared_ptr<MemoryInode>, SysError> create(std::string_view path, storage::FileType type,
                                                        std::uint32_t mode);

  std::shared_ptr<MemoryDisk> disk_;
  std::shared_ptr<MemoryInode> root_;
  std::string host_root_;
};

}  // namespace drydock::testing
