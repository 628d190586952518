#include "engine/pull_tag.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "engine/daemon.h"
#include "engine/images.h"
#include "oci/chain_id.h"

namespace drydock::engine {

TagPull::TagPull(std::shared_ptr<registry::Session> session, oci::Reference reference, oci::Platform platform,
                 std::shared_ptr<ProgressSink> sink)
    : session_(std::move(session)),
      reference_(std::move(reference)),
      platform_(std::move(platform)),
      sink_(std::move(sink)) {}

Result<Job::State> TagPull::step(Daemon& daemon) {
  switch (stage_) {
    case Stage::manifest:
      return fetch_manifest(daemon);
    case Stage::config:
      return fetch_config(daemon);
    case Stage::layers:
      return fetch_layers(daemon);
    case Stage::done:
      break;
  }
  return Job::State::done;
}

std::int64_t TagPull::deadline_ns() const {
  std::int64_t deadline = kNoDeadline;
  if (manifest_fetch_) deadline = manifest_fetch_->deadline_ns();
  if (config_download_) deadline = std::min(deadline, config_download_->deadline_ns());
  for (const Shown& shown : layers_) deadline = std::min(deadline, shown.transfer->deadline_ns());
  return deadline;
}

Result<Job::State> TagPull::fetch_manifest(Daemon& daemon) {
  if (!manifest_fetch_) {
    // Beneath an index the manifest is asked for by its digest; the errors still name what the user asked for.
    manifest_fetch_ = std::make_unique<registry::ManifestFetch>(session_, reference_);
  }
  const auto state = manifest_fetch_->step();
  if (manifest_fetch_->failure()) return *manifest_fetch_->failure();
  if (state == registry::Operation::State::waiting) return Job::State::waiting;
  if (state == registry::Operation::State::busy) return Job::State::busy;
  const oci::ManifestDocument document = manifest_fetch_->take();
  manifest_fetch_.reset();
  if (!digest_) {
    digest_ = document.digest;
    sink_->write(status_line("Pulling from " + reference_.path(),
                             reference_.digest().empty() ? reference_.tag() : reference_.digest().str()));
  }
  if (const oci::Index* index = document.index()) {
    if (*digest_ != document.digest) return fail(ErrorKind::invalid_argument, "an index within an index");
    const oci::Descriptor chosen = TRY(oci::choose_manifest(*index, platform_));
    manifest_fetch_ = std::make_unique<registry::ManifestFetch>(session_, reference_.with_digest(chosen.digest));
    return Job::State::busy;
  }
  manifest_ = *document.manifest();
  const Images& images = *daemon.images;
  if (const storage::Image* image = images.store().find(manifest_->config.digest)) {
    config_ = TRY(oci::parse_image_config(image->config));
    TRY(begin_layers(daemon, *manifest_));
  } else {
    stage_ = Stage::config;
  }
  return Job::State::busy;
}

Result<Job::State> TagPull::fetch_config(Daemon& daemon) {
  Images& images = *daemon.images;
  if (!config_download_) {
    if (manifest_->config.size > oci::kConfigBytesMax) {
      return fail(ErrorKind::too_large, "image config of ", manifest_->config.size, " bytes is too large");
    }
    config_hold_ = images.transfers().hold_blob(images.content(), manifest_->config.digest);
    config_download_ = std::make_unique<registry::BlobDownload>(session_, images.content(), manifest_->config);
  }
  const auto state = config_download_->step();
  if (const auto& failure = config_download_->failure()) {
    config_download_->discard();
    return with_context("error pulling image configuration", *failure);
  }
  if (state == registry::Operation::State::waiting) return Job::State::waiting;
  if (state == registry::Operation::State::busy) return Job::State::busy;
  config_download_.reset();
  std::string raw = TRY(images.content().read_small(manifest_->config.digest, oci::kConfigBytesMax));
  config_hold_.reset();
  config_ = TRY(oci::parse_image_config(std::move(raw)));
  TRY(begin_layers(daemon, *manifest_));
  return Job::State::busy;
}

Result<void> TagPull::begin_layers(Daemon& daemon, const oci::Manifest& manifest) {
  const std::string& os = config_.config.platform.os;
  if (!os.empty() && os != "linux") {
    return fail(ErrorKind::invalid_argument, "image operating system ", go_quoted(os),
                " cannot be used on this platform");
  }
  const std::vector<archive::Digest>& diffs = config_.config.diff_ids;
  if (diffs.size() != manifest.layers.size()) {
    return fail(ErrorKind::corrupt, "layers from manifest don't match image configuration");
  }
  const std::vector<archive::Digest> chains = oci::chain_ids(diffs);
  const std::string holder = "pull:" + daemon.host.random.hex_id(8);
  for (std::size_t i = 0; i < diffs.size(); ++i) {
    LayerToPull layer{manifest.layers[i], diffs[i], chains[i],
                      i == 0 ? std::nullopt : std::optional<storage::ChainId>(chains[i - 1])};
    auto transfer = daemon.images->transfers().layer(*daemon.images, session_, std::move(layer), holder);
    layers_.push_back({std::move(transfer), {}, false, {}, 0});
  }
  // An image that is here already has nothing to tell of its layers.
  const bool known = daemon.images->store().find(config_.digest) != nullptr;
  for (Shown& shown : layers_) {
    if (shown.transfer->existed()) shown.stage = LayerTransfer::Stage::complete;
    if (known) continue;
    sink_->write(action_line(shown.transfer->layer().blob.digest.short_hex(),
                             shown.transfer->existed() ? "Already exists" : "Pulling fs layer"));
  }
  stage_ = Stage::layers;
  return {};
}

Result<Job::State> TagPull::fetch_layers(Daemon& daemon) {
  if (sink_->full()) return Job::State::waiting;
  Job::State state = Job::State::waiting;
  bool complete = true;
  bool unpacking = false;
  for (Shown& shown : layers_) {
    LayerTransfer& transfer = *shown.transfer;
    // One layer unpacks at a time, so that a step stays short; downloads go on beside it.
    if (unpacking && transfer.stage() >= LayerTransfer::Stage::downloaded) {
      complete = false;
      continue;
    }
    if (transfer.step(daemon.host.clock) == Job::State::busy) state = Job::State::busy;
    if (transfer.failure()) return *transfer.failure();
    show(shown, daemon.host.clock.monotonic_ns());
    complete = complete && transfer.stage() == LayerTransfer::Stage::complete;
    unpacking = unpacking || transfer.stage() == LayerTransfer::Stage::extracting;
  }
  if (!complete) return state;
  TRY(finish(daemon));
  stage_ = Stage::done;
  return Job::State::done;
}

void TagPull::show_stage(const Shown& shown, LayerTransfer::Stage stage) {
  const LayerTransfer& transfer = *shown.transfer;
  const std::string id(transfer.layer().blob.digest.short_hex());
  const std::uint64_t size = transfer.layer().blob.size;
  switch (stage) {
    case LayerTransfer::Stage::queued:
      sink_->write(action_line(id, "Waiting"));
      break;
    case LayerTransfer::Stage::downloading:
      sink_->write(progress_line(id, "Downloading", std::min(transfer.downloaded_bytes(), size), size));
      break;
    case LayerTransfer::Stage::verifying:
      sink_->write(action_line(id, "Verifying Checksum"));
      break;
    case LayerTransfer::Stage::downloaded:
      sink_->write(action_line(id, "Download complete"));
      break;
    case LayerTransfer::Stage::extracting:
      sink_->write(progress_line(id, "Extracting", std::min(transfer.extracted_bytes(), size), size));
      break;
    case LayerTransfer::Stage::complete:
      sink_->write(action_line(id, "Pull complete"));
      break;
  }
}

/// Tells every stage that was reached since the last time, and progress within the present one now and then.
void TagPull::show(Shown& shown, std::int64_t now_ns) {
  using LayerStage = LayerTransfer::Stage;
  const LayerStage reached = shown.transfer->stage();
  if (reached == LayerStage::queued) {
    if (!shown.waiting_told) show_stage(shown, LayerStage::queued);
    shown.waiting_told = true;
    return;
  }
  const bool progresses = reached == LayerStage::downloading || reached == LayerStage::extracting;
  if (const int seconds = shown.transfer->retry_in_seconds(); seconds != shown.retry_told) {
    shown.retry_told = seconds;
    if (seconds > 0) {
      sink_->write(action_line(shown.transfer->layer().blob.digest.short_hex(),
                               concat("Retrying in ", seconds, seconds == 1 ? " second" : " seconds")));
    }
  }
  if (shown.stage == reached) {
    if (progresses && shown.pace.due(now_ns)) show_stage(shown, reached);
    return;
  }
  while (shown.stage != reached) {
    shown.stage = static_cast<LayerStage>(static_cast<int>(shown.stage) + 1);
    show_stage(shown, shown.stage);
  }
}

Result<void> TagPull::finish(Daemon& daemon) {
  Images& images = *daemon.images;
  const storage::ImageId id = TRY(images.store().add(config_.raw));
  for (const Shown& shown : layers_) {
    const LayerToPull& layer = shown.transfer->layer();
    TRY(images.sources().add(layer.diff,
                             {layer.blob.digest, layer.blob.size, layer.blob.media_type, reference_.repository()}));
  }
  sink_->write(status_line("Digest: " + digest_->str()));
  const oci::Reference by_digest = reference_.name_only().with_digest(*digest_);
  const Timestamp now = daemon.host.clock.now();
  std::vector<std::string> names;
  if (reference_.digest().empty()) names.push_back(reference_.familiar());
  names.push_back(by_digest.familiar());
  const auto had = images.store().names_of(id);
  changed_ = std::find(had.begin(), had.end(), names.front()) == had.end();
  for (const std::string& name : names) {
    if (std::find(had.begin(), had.end(), name) == had.end()) TRY(images.store().tag(name, id, now));
  }
  emit_image_event(daemon, "pull", reference_.familiar(), reference_.familiar_name(), images.store().find(id));
  return {};
}

}  // namespace drydock::engine
