#pragma once
// Unpacked layers by chain id (image-spec: config.md, Layer ChainID).
//
//   layers/<chain hex>/layer.json      diff id, parent, size, link name
//   layers/<chain hex>/diff/           the tree, whiteouts as overlayfs has them
//   layers/<chain hex>/init/           what a container's root has on top of this chain (snapshotter.h)
//   layers/<chain hex>/tar-headers.gz  everything of the layer's tar but the files' contents (tar_headers.h)
//   layers/new-<random>/               being unpacked; renamed once the diff id is verified
//   l/<link>                           -> ../layers/<chain hex>/diff; short names, since overlayfs takes its options in
//                                      one page of 4096 bytes
//
// Who holds a layer is not written down: at start every image and every snapshot holds its chain again, and
// remove_unheld() takes what is left. So a daemon killed at any point leaks nothing and loses nothing.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "archive/digest.h"
#include "base/random.h"
#include "base/result.h"
#include "base/stream.h"
#include "storage/host_fs.h"
#include "storage/id_map.h"

namespace drydock::storage {

using ChainId = archive::Digest;

/// As dockerd: overlayfs takes a limited number of lower directories, and one more is the container's init layer.
inline constexpr std::size_t kChainDepthMax = 125;

struct Layer {
  ChainId chain;
  std::optional<ChainId> parent;
  archive::Digest diff;
  std::uint64_t size = 0;      // bytes in files
  std::uint64_t tar_size = 0;  // of the uncompressed tar
  std::size_t depth = 1;       // layers in the chain, this one counted
  std::string link;            // l/<link>

  /// Below the data root.
  std::string directory() const;
  std::string diff_directory() const;
};

class LayerUnpack;

class LayerStore {
 public:
  /// Removes what a dead daemon left half done. Damaged layers are left out and named in damage().
  /// The ports outlive the store.
  static Result<std::unique_ptr<LayerStore>> open(HostFs& fs, Random& random, IdMaps ids = {});
  ~LayerStore();

  /// Starts unpacking a layer on top of `parent`. Errors: not_found (parent), invalid_argument (max depth exceeded).
  Result<std::unique_ptr<LayerUnpack>> unpack(std::optional<ChainId> parent,
                                              std::optional<archive::Digest> expected_diff);

  /// Null if there is none. Valid until the layer is removed.
  const Layer* find(const ChainId& chain) const;
  std::vector<const Layer*> list() const;
  /// From `top` down to the base layer. Errors: not_found.
  Result<std::vector<const Layer*>> chain(const ChainId& top) const;
  /// Bytes in files of the whole chain.
  Result<std::uint64_t> chain_size(const ChainId& top) const;

  /// The uncompressed tar, byte for byte as it was unpacked: its digest is the diff id. Reports corrupt at the end when
  /// the files were changed since.
  Result<std::unique_ptr<ByteSource>> open_tar(const ChainId& chain);

  /// `holder` ("image:<id>", "container:<id>", "pull:<n>") keeps the chain and all below it. Errors: not_found.
  Result<void> hold(const ChainId& chain, std::string_view holder);
  /// Ends the hold and removes the layers that nobody holds any more; returns them, as `docker rmi` prints them.
  Result<std::vector<ChainId>> release(const ChainId& chain, std::string_view holder);
  /// Removes all that nobody holds: after images and snapshots were opened.
  Result<std::vector<ChainId>> remove_unheld();

  const std::vector<std::string>& damage() const { return damage_; }
  HostFs& fs() const { return fs_; }
  const IdMaps& ids() const { return ids_; }

 private:
  friend class LayerUnpack;
  LayerStore(HostFs& fs, Random& random, IdMaps ids);
  Result<void> load();
  Result<Layer> load_layer(std::string_view hex) const;
  void drop_orphans();
  Result<void> restore_links();
  std::string free_link(const ChainId& chain) const;
  Result<void> adopt(Layer layer, const std::string& from);
  bool is_held(const ChainId& chain) const;
  Result<bool> remove_if_unheld(const ChainId& chain);

  HostFs& fs_;
  Random& random_;
  IdMaps ids_;
  std::map<ChainId, Layer> layers_;
  std::map<ChainId, std::size_t> children_;
  std::map<ChainId, std::multiset<std::string>> holders_;
  std::vector<std::string> damage_;
};

}  // namespace drydock::storage
