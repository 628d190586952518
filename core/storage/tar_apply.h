#pragma once
// Makes a directory tree of a layer's tar (image-spec: layer.md), recording what the tar had besides the files'
// contents. Beneath LayerUnpack, which adds the digest and the place in the store.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "archive/tar_reader.h"
#include "base/result.h"
#include "storage/host_fs.h"
#include "storage/id_map.h"
#include "storage/merged_tree.h"
#include "storage/tar_headers.h"

namespace drydock::storage {

inline constexpr std::uint64_t kLayerHolesMax = 1ull << 40;  // bytes: a sparse file costs nothing to promise
inline constexpr std::uint64_t kLayerEntriesMax = 8'000'000;
inline constexpr std::size_t kTreeDepthMax = 2048;  // directories in one another

class TarApply {
 public:
  using OpenLower = std::function<Result<MergedTree>()>;

  /// Unpacks into diff/ below `tree`. `lower` opens the layers below, for the attributes of directories that a tar has
  /// files in without naming them.
  TarApply(HostFs& tree, TarHeaderRecorder recorder, const IdMaps& ids, OpenLower lower);

  Result<void> prepare();
  Result<void> feed(std::string_view bytes);
  Result<void> finish();
  std::uint64_t content_size() const { return content_size_; }

 private:
  Result<void> run(std::string_view slice);
  Result<void> begin_entry(const archive::TarEntry& entry);
  Result<void> end_entry();
  Result<void> apply_whiteout(const std::string& parent, std::string_view name);
  Result<void> make_opaque(const std::string& directory);
  Result<void> make_file(const archive::TarEntry& entry);
  Result<void> make_directory(const archive::TarEntry& entry);
  Result<void> make_special(const archive::TarEntry& entry);
  Result<void> make_link(const archive::TarEntry& entry);
  template <class Create>
  Result<void> create(Create create_it);
  Result<void> clear_way();

  Result<std::string> beneath(std::string_view name, const archive::TarEntry& entry) const;
  Result<std::string> canonical(std::string_view path) const;
  Result<void> ensure_directory(const std::string& path);
  Result<void> make_implied_directory(const std::string& path);
  Result<Metadata> metadata_of(const archive::TarEntry& entry) const;
  Result<void> set_metadata(const std::string& path, const Metadata& metadata);
  Result<void> restore_times();

  HostFs* tree_;
  TarHeaderRecorder recorder_;
  IdMaps ids_;
  OpenLower open_lower_;
  std::optional<MergedTree> lower_;
  HostFsFeatures features_;
  archive::TarReader reader_;

  std::string path_;  // of the current entry, below diff/, no links on the way
  std::unique_ptr<FileWriter> writer_;
  std::uint64_t position_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t content_size_ = 0;
  std::uint64_t holes_ = 0;
  bool ended_ = false;

  std::string last_parent_;                                // is there
  std::map<std::string, std::string, std::less<>> links_;  // symlinks made by this tar
  std::map<std::string, std::int64_t, std::less<>> directory_times_;
};

}  // namespace drydock::storage
