#include "engine/image_transfer.h"

#include "engine/images.h"

namespace drydock::engine {

namespace {

template <class Map>
void drop_ended(Map& map) {
  std::erase_if(map, [](const auto& entry) { return entry.second.expired(); });
}

}  // namespace

BlobHold::~BlobHold() {
  // What cannot be removed now is removed at the next start.
  (void)content_.remove(digest_);
}

LayerTransfer::LayerTransfer(Images& images, std::shared_ptr<registry::Session> session, LayerToPull layer,
                             std::string holder)
    : images_(images),
      session_(std::move(session)),
      layer_(std::move(layer)),
      hold_(images.layers(), std::move(holder)) {
  if (images_.layers().find(layer_.chain) == nullptr || !hold_.move_to(layer_.chain).ok()) return;
  existed_ = true;
  stage_ = Stage::complete;
}

LayerTransfer::~LayerTransfer() {
  if (download_ && download_->stage() != registry::BlobDownload::Stage::complete) download_->discard();
  end_download();
}

void LayerTransfer::end_download() {
  if (!download_) return;
  download_.reset();
  images_.transfers().end_download();
}

Job::State LayerTransfer::step(const Clock& clock) {
  if (failure_ || stage_ == Stage::complete) return Job::State::done;
  auto state = advance(clock);
  if (state.ok()) return *state;
  failure_ = std::move(state).error();
  if (download_) download_->discard();
  end_download();
  unpack_.reset();
  return Job::State::done;
}

Result<Job::State> LayerTransfer::advance(const Clock& clock) {
  if (stage_ < Stage::downloaded) return download();
  return unpack(clock);
}

Result<Job::State> LayerTransfer::download() {
  if (!download_) {
    if (!images_.transfers().take_download()) return Job::State::waiting;
    blob_ = images_.transfers().hold_blob(images_.content(), layer_.blob.digest);
    download_ = std::make_unique<registry::BlobDownload>(session_, images_.content(), layer_.blob);
    stage_ = Stage::downloading;
  }
  const auto state = download_->step();
  if (download_->failure()) return *download_->failure();
  if (download_->stage() == registry::BlobDownload::Stage::verifying) stage_ = Stage::verifying;
  if (state == registry::Operation::State::waiting) return Job::State::waiting;
  if (state == registry::Operation::State::done) {
    end_download();
    stage_ = Stage::downloaded;
  }
  return Job::State::busy;
}

Result<Job::State> LayerTransfer::unpack(const Clock& clock) {
  if (!unpack_) {
    if (layer_.parent && images_.layers().find(*layer_.parent) == nullptr) return Job::State::waiting;
    auto file = TRY(images_.content().open_blob(layer_.blob.digest));
    auto started = ImageUnpack::start(images_.layers(), layer_.parent, layer_.diff,
                                      std::make_unique<FileSource>(std::move(file)), hold_.holder());
    if (!started.ok()) return with_context("failed to register layer", std::move(started).error());
    unpack_ = std::move(*started);
    stage_ = Stage::extracting;
  }
  const auto state = unpack_->step(clock);
  if (!state.ok()) return with_context("failed to register layer", state.error());
  if (state.value() != ImageUnpack::State::done) return Job::State::busy;
  hold_.adopt(unpack_->layer().chain);
  unpack_.reset();
  blob_.reset();
  stage_ = Stage::complete;
  return Job::State::done;
}

std::shared_ptr<LayerTransfer> Transfers::layer(Images& images, std::shared_ptr<registry::Session> session,
                                                LayerToPull layer, const std::string& holder) {
  drop_ended(layers_);
  const LayerKey key(layer.chain, layer.blob.digest);
  std::weak_ptr<LayerTransfer>& entry = layers_[key];
  std::shared_ptr<LayerTransfer> transfer = entry.lock();
  if (!transfer || transfer->failure()) {
    transfer = std::make_shared<LayerTransfer>(images, std::move(session), std::move(layer), holder);
    entry = transfer;
  }
  return transfer;
}

std::shared_ptr<BlobHold> Transfers::hold_blob(storage::ContentStore& content, const archive::Digest& digest) {
  drop_ended(blobs_);
  std::weak_ptr<BlobHold>& entry = blobs_[digest];
  std::shared_ptr<BlobHold> hold = entry.lock();
  if (!hold) {
    hold = std::make_shared<BlobHold>(content, digest);
    entry = hold;
  }
  return hold;
}

}  // namespace drydock::engine
