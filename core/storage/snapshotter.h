#pragma once
// A container's root directory on top of an image's layers: by overlayfs, or by a copy of the layers where overlayfs
// cannot be mounted.
//
//   snapshots/<id>/snapshot.json   chain, kind
//   snapshots/<id>/upper, work     what the container writes (overlay)
//   snapshots/<id>/root            the whole tree (copy)
//   snapshots/new-<id>/            being prepared
//
// Between the image and the container lies an init layer, as dockerd has it: mount points and empty files that every
// container needs (/proc, /etc/hosts, /dev/console ...), so that they show neither in `docker diff` nor in a commit. It
// is the same for all containers of a chain and kept with the chain's top layer.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/layer_diff.h"
#include "storage/layer_store.h"
#include "storage/merged_tree.h"

namespace drydock::storage {

enum class SnapshotKind { overlay, copy };

/// What makes a container's root: data for whoever mounts it. Every path is relative to `base`.
struct RootMounts {
  SnapshotKind kind = SnapshotKind::overlay;
  std::string base;                  // the data root on the host
  std::vector<std::string> lower;    // overlay: the topmost first
  std::string upper;                 // overlay
  std::string work;                  // overlay
  std::vector<std::string> options;  // overlay: "index=off" ...
  std::string directory;             // copy: this is the root itself
};

inline constexpr std::size_t kMountDataMax = 4095;  // one page, less the final zero

/// "lowerdir=…,upperdir=…,workdir=…,index=off" with absolute paths if that fits into kMountDataMax, else relative to
/// `base`: the mounting process then has to chdir(2) there first. Errors: invalid_argument when that is too long too.
struct OverlayData {
  std::string data;
  bool relative = false;
};
Result<OverlayData> overlay_data(const RootMounts& mounts);

struct Snapshot {
  std::string id;
  std::optional<ChainId> chain;  // nothing: an empty root (FROM scratch)
  SnapshotKind kind = SnapshotKind::overlay;
};

struct SnapshotterOptions {
  /// Nothing: overlay if the host's features have it.
  std::optional<SnapshotKind> kind;
};

class Snapshotter {
 public:
  /// Removes what a dead daemon left half done; every snapshot holds its chain. `layers` outlives the snapshotter.
  static Result<std::unique_ptr<Snapshotter>> open(LayerStore& layers, SnapshotterOptions options = {});

  /// A writable root on top of `chain`. `id`: the container's, [a-z0-9_.-].
  /// Errors: conflict (id in use), not_found (chain).
  Result<void> prepare(std::string_view id, std::optional<ChainId> chain);
  /// Errors: not_found.
  Result<RootMounts> mounts(std::string_view id);
  /// Must not be mounted. Nothing there is success.
  Result<void> remove(std::string_view id);

  const Snapshot* find(std::string_view id) const;
  std::vector<std::string> list() const;
  /// Bytes the container wrote (SizeRw).
  Result<std::uint64_t> usage(std::string_view id);

  /// The container's root as it is now, without mounting it.
  Result<MergedTree> tree(std::string_view id);
  Result<std::vector<Change>> changes(std::string_view id);
  /// The tar of those changes: feed it to LayerStore::unpack on the snapshot's chain to commit it.
  Result<std::unique_ptr<ByteSource>> open_diff_tar(std::string_view id);
  /// The whole root: docker export.
  Result<std::unique_ptr<ByteSource>> open_tree_tar(std::string_view id);

  SnapshotKind kind() const { return kind_; }
  const std::vector<std::string>& damage() const { return damage_; }

 private:
  Snapshotter(LayerStore& layers, SnapshotKind kind) : layers_(layers), kind_(kind) {}
  Result<void> load();
  Result<const Snapshot*> get(std::string_view id) const;
  Result<std::vector<std::string>> lower_directories(const std::optional<ChainId>& chain);
  Result<std::string> init_directory(const std::optional<ChainId>& chain);
  Result<MergedTree> lower_tree(const Snapshot& snapshot);
  Result<void> fill_overlay(const std::string& directory, const std::vector<std::string>& lower);
  Result<void> fill_copy(const std::string& directory, const std::vector<std::string>& lower);

  LayerStore& layers_;
  SnapshotKind kind_;
  std::map<std::string, Snapshot, std::less<>> snapshots_;
  std::vector<std::string> damage_;
};

}  // namespace drydock::storage
