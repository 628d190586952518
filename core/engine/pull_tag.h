#pragma once
// One image on its way from a registry: manifest, the right one of an index, config, layers, and the names at the end.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/image_progress.h"
#include "engine/image_transfer.h"
#include "engine/job.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/manifest_fetch.h"

namespace drydock::engine {

struct Daemon;

class TagPull {
 public:
  /// `reference` has a tag or a digest.
  TagPull(std::shared_ptr<registry::Session> session, oci::Reference reference, oci::Platform platform,
          std::shared_ptr<ProgressSink> sink);

  /// Works for one slice; done when the image is there under its name.
  Result<Job::State> step(Daemon& daemon);
  std::int64_t deadline_ns() const;
  /// Once done: the name points at another image than before.
  bool changed() const { return changed_; }

 private:
  enum class Stage { manifest, config, layers, done };
  struct Shown {
    std::shared_ptr<LayerTransfer> transfer;
    LayerTransfer::Stage stage = LayerTransfer::Stage::queued;
    bool waiting_told = false;
    ProgressPace pace;
    int retry_told = 0;
  };

  Result<Job::State> fetch_manifest(Daemon& daemon);
  Result<Job::State> fetch_config(Daemon& daemon);
  Result<Job::State> fetch_layers(Daemon& daemon);
  Result<void> begin_layers(Daemon& daemon, const oci::Manifest& manifest);
  Result<void> finish(Daemon& daemon);
  void show(Shown& shown, std::int64_t now_ns);
  void show_stage(const Shown& shown, LayerTransfer::Stage stage);

  std::shared_ptr<registry::Session> session_;
  oci::Reference reference_;
  oci::Platform platform_;
  std::shared_ptr<ProgressSink> sink_;

  Stage stage_ = Stage::manifest;
  std::unique_ptr<registry::ManifestFetch> manifest_fetch_;
  std::optional<archive::Digest> digest_;  // of what the tag names: an index, or the manifest itself
  std::optional<oci::Manifest> manifest_;
  std::shared_ptr<BlobHold> config_hold_;
  std::unique_ptr<registry::BlobDownload> config_download_;
  oci::ImageConfigDocument config_;
  std::vector<Shown> layers_;
  bool changed_ = false;
};

}  // namespace drydock::engine
