#pragma once
// What the daemon has of images: the stores below the data root, and the questions that every verb asks of them.
// The verbs are free functions, a file each (image_list.h, image_remove.h, pull.h, load.h ...).

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "oci/image_config.h"
#include "storage/blob_sources.h"
#include "storage/content_store.h"
#include "storage/image_store.h"
#include "storage/layer_store.h"
#include "storage/snapshotter.h"

namespace drydock::engine {

struct Daemon;
class Transfers;  // image_transfer.h: layers being downloaded or unpacked, each once for all who wait for it

/// "image busybox:latest" of a user, found: what a container is made from.
struct FoundImage {
  storage::ImageId id;
  oci::ImageConfig config;
  std::optional<storage::ChainId> chain;  // nothing: no layers
};

class Images {
 public:
  /// Opens every store, in the order in which they hold one another, and removes what nobody holds.
  /// The ports outlive the object.
  static Result<std::unique_ptr<Images>> open(storage::HostFs& data, Random& random, storage::IdMaps ids = {},
                                              storage::SnapshotterOptions options = {});
  ~Images();

  /// By name, id or unambiguous prefix of an id. Errors: not_found "No such image: x:latest", invalid_argument
  /// "invalid reference format ...".
  Result<const storage::Image*> lookup(std::string_view name_or_id) const;
  /// The same with its config parsed: Config (Env, Cmd, Entrypoint ...), architecture, os.
  Result<FoundImage> find(std::string_view name_or_id) const;

  /// Bytes in files of all its layers.
  std::uint64_t size(const storage::Image& image) const;
  /// The names of the image, tags first ("busybox:latest") and digests ("busybox@sha256:…") apart.
  struct Names {
    std::vector<std::string> tags;
    std::vector<std::string> digests;
  };
  Names names(const storage::ImageId& id) const;

  storage::ContentStore& content() { return *content_; }
  storage::LayerStore& layers() { return *layers_; }
  const storage::LayerStore& layers() const { return *layers_; }
  storage::ImageStore& store() { return *store_; }
  const storage::ImageStore& store() const { return *store_; }
  storage::BlobSources& sources() { return *sources_; }
  /// Containers' roots. Here because the layers that they hold must be known before unheld ones are removed.
  storage::Snapshotter& snapshots() { return *snapshots_; }
  Transfers& transfers() { return *transfers_; }
  storage::HostFs& files() { return layers_->fs(); }

  /// What is damaged on disk and was left out: for the daemon's log.
  std::vector<std::string> damage() const;

 private:
  Images();

  std::unique_ptr<storage::ContentStore> content_;
  std::unique_ptr<storage::LayerStore> layers_;
  std::unique_ptr<storage::ImageStore> store_;
  std::unique_ptr<storage::BlobSources> sources_;
  std::unique_ptr<storage::Snapshotter> snapshots_;
  std::unique_ptr<Transfers> transfers_;
};

/// Folder below the data root for what lives no longer than one job; emptied at start.
inline constexpr std::string_view kTemporaryDirectory = "tmp";

/// What images must be made for: linux and the host's architecture.
oci::Platform host_platform(const Daemon& daemon);

/// An image event for `docker events`: the image's labels, and `name`.
void emit_image_event(Daemon& daemon, std::string_view action, std::string_view actor, std::string_view name,
                      const storage::Image* image);

}  // namespace drydock::engine
