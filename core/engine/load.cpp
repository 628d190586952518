#include "engine/load.h"

#include <utility>
#include <vector>

#include "base/text.h"
#include "engine/daemon.h"
#include "engine/image_unpack.h"
#include "engine/images.h"
#include "engine/load_archive.h"
#include "engine/load_manifest.h"
#include "oci/chain_id.h"

namespace drydock::engine {

namespace {

class LoadJob final : public Job {
 public:
  LoadJob(std::unique_ptr<ByteSource> body, Quiet quiet, std::shared_ptr<ProgressSink> sink)
      : body_(std::move(body)), quiet_(quiet), sink_(std::move(sink)) {}

  State step(Daemon& daemon) override {
    if (sink_->closed()) return State::done;
    auto state = advance(daemon);
    if (!state.ok()) {
      sink_->fail(state.error());
      return State::done;
    }
    return *state;
  }
  std::string_view name() const override { return "load"; }

 private:
  Result<State> advance(Daemon& daemon);
  Result<State> receive(Daemon& daemon);
  Result<State> load_layer(Daemon& daemon);
  Result<void> make_image(Daemon& daemon);
  void tell_progress(const Daemon& daemon, bool last);

  std::unique_ptr<ByteSource> body_;
  Quiet quiet_;
  std::shared_ptr<ProgressSink> sink_;

  std::unique_ptr<LoadArchive> archive_;
  bool received_ = false;
  std::vector<LoadImage> images_;
  std::size_t image_ = 0;
  std::size_t layer_ = 0;
  std::vector<archive::Digest> chains_;  // of the present image
  std::unique_ptr<ChainHold> hold_;
  std::unique_ptr<ImageUnpack> unpack_;
  std::uint64_t layer_bytes_ = 0;  // of the member being unpacked
  ProgressPace pace_;
  std::string nameless_;  // lines about images without a name
  bool named_ = false;
};

Result<Job::State> LoadJob::advance(Daemon& daemon) {
  if (!received_) return receive(daemon);
  if (image_ == images_.size()) {
    // As dockerd: ids are told where no image has a name.
    if (!named_ && !nameless_.empty()) sink_->write(stream_line(nameless_));
    sink_->finish();
    return State::done;
  }
  if (layer_ == 0 && !hold_) {
    chains_ = oci::chain_ids(images_[image_].config.config.diff_ids);
    hold_ = std::make_unique<ChainHold>(daemon.images->layers(), "load:" + daemon.host.random.hex_id(8));
  }
  if (layer_ < images_[image_].layers.size()) return load_layer(daemon);
  TRY(make_image(daemon));
  hold_.reset();
  layer_ = 0;
  ++image_;
  return State::busy;
}

Result<Job::State> LoadJob::receive(Daemon& daemon) {
  if (!archive_) {
    std::string directory = concat(kTemporaryDirectory, "/docker-import-", daemon.host.random.hex_id(8));
    archive_ = TRY(LoadArchive::start(daemon.images->files(), std::move(directory), std::move(body_)));
  }
  const auto state = TRY(archive_->step(daemon.host.clock));
  if (state == LoadArchive::State::waiting) return State::waiting;
  if (state == LoadArchive::State::done) {
    images_ = TRY(read_load_manifest(*archive_, host_platform(daemon)));
    received_ = true;
  }
  return State::busy;
}

Result<Job::State> LoadJob::load_layer(Daemon& daemon) {
  storage::LayerStore& layers = daemon.images->layers();
  const LoadImage& image = images_[image_];
  if (!unpack_) {
    if (layers.find(chains_[layer_]) != nullptr) {
      TRY(hold_->move_to(chains_[layer_++]));
      return State::busy;
    }
    auto file = TRY(archive_->open(image.layers[layer_]));
    layer_bytes_ = file->size();
    unpack_ = TRY(
        ImageUnpack::start(layers, hold_->top(), {}, std::make_unique<FileSource>(std::move(file)), hold_->holder()));
  }
  const auto state = TRY(unpack_->step(daemon.host.clock));
  tell_progress(daemon, state == ImageUnpack::State::done);
  if (state != ImageUnpack::State::done) return State::busy;
  hold_->adopt(unpack_->layer().chain);
  const archive::Digest& expected = image.config.config.diff_ids[layer_];
  if (unpack_->layer().diff != expected) {
    return fail(ErrorKind::corrupt, "invalid diffID for layer ", layer_, ": expected ", go_quoted(expected.str()),
                ", got ", go_quoted(unpack_->layer().diff.str()));
  }
  unpack_.reset();
  ++layer_;
  return State::busy;
}

void LoadJob::tell_progress(const Daemon& daemon, bool last) {
  if (quiet_ == Quiet::yes || (!last && !pace_.due(daemon.host.clock.monotonic_ns()))) return;
  sink_->write(progress_line(images_[image_].config.config.diff_ids[layer_].short_hex(), "Loading layer",
                             unpack_->bytes_read(), layer_bytes_));
}

Result<void> LoadJob::make_image(Daemon& daemon) {
  storage::ImageStore& store = daemon.images->store();
  const LoadImage& image = images_[image_];
  const bool parent_known = image.parent && store.find(*image.parent) != nullptr;
  const storage::ImageId id = TRY(store.add(image.config.raw, parent_known ? image.parent : std::nullopt));
  nameless_ += concat("Loaded image ID: ", id.str(), '\n');
  for (const std::string& name : image.names) {
    for (const storage::ImageName& old : store.names()) {
      if (old.name != name || old.image == id) continue;
      sink_->write(stream_line(concat("The image ", name, " already exists, renaming the old one with ID ",
                                      old.image.str(), " to empty string\n")));
    }
    TRY(store.tag(name, id, daemon.host.clock.now()));
    sink_->write(stream_line(concat("Loaded image: ", name, '\n')));
    named_ = true;
  }
  emit_image_event(daemon, "load", id.str(), id.str(), store.find(id));
  return {};
}

}  // namespace

void start_load(Daemon& daemon, std::unique_ptr<ByteSource> body, Quiet quiet, std::shared_ptr<ProgressSink> sink) {
  daemon.add_job(std::make_unique<LoadJob>(std::move(body), quiet, std::move(sink)));
}

}  // namespace drydock::engine
