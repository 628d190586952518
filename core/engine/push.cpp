#include "engine/push.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "engine/daemon.h"
#include "engine/images.h"
#include "engine/pull.h"
#include "engine/push_layer.h"
#include "oci/manifest.h"
#include "oci/media_types.h"
#include "registry/manifest_put.h"

namespace drydock::engine {

namespace {

/// One tag of the repository on its way.
class TagPush {
 public:
  TagPush(std::shared_ptr<registry::Session> session, oci::Reference reference, storage::ImageId image,
          std::shared_ptr<ProgressSink> sink)
      : session_(std::move(session)),
        reference_(std::move(reference)),
        image_(std::move(image)),
        sink_(std::move(sink)) {}

  Result<Job::State> step(Daemon& daemon);
  std::int64_t deadline_ns() const {
    std::int64_t deadline = kNoDeadline;
    for (const Shown& shown : layers_) deadline = std::min(deadline, shown.push->deadline_ns());
    if (config_) deadline = std::min(deadline, config_->deadline_ns());
    return deadline;
  }

 private:
  enum class Stage { begin, layers, config, manifest };
  struct Shown {
    std::unique_ptr<PushLayer> push;
    bool end_told = false;
    ProgressPace pace;
  };

  Result<void> begin(Daemon& daemon);
  Result<Job::State> push_layers(Daemon& daemon);
  Result<Job::State> push_config(Daemon& daemon);
  Result<Job::State> push_manifest(Daemon& daemon);
  void show(Shown& shown, std::int64_t now_ns);

  std::shared_ptr<registry::Session> session_;
  oci::Reference reference_;
  storage::ImageId image_;
  std::shared_ptr<ProgressSink> sink_;
  Stage stage_ = Stage::begin;
  std::unique_ptr<ChainHold> hold_;
  std::string config_bytes_;
  std::vector<Shown> layers_;  // the topmost first, as dockerd shows them
  std::unique_ptr<registry::BlobUpload> config_;
  std::unique_ptr<registry::ManifestPut> manifest_;
  std::size_t manifest_size_ = 0;
};

Result<Job::State> TagPush::step(Daemon& daemon) {
  switch (stage_) {
    case Stage::begin:
      TRY(begin(daemon));
      stage_ = Stage::layers;
      return Job::State::busy;
    case Stage::layers:
      return push_layers(daemon);
    case Stage::config:
      return push_config(daemon);
    case Stage::manifest:
      break;
  }
  return push_manifest(daemon);
}

Result<void> TagPush::begin(Daemon& daemon) {
  Images& images = *daemon.images;
  const storage::Image* image = images.store().find(image_);
  if (image == nullptr) return fail(ErrorKind::not_found, "tag does not exist: ", reference_.familiar());
  config_bytes_ = image->config;
  if (!image->chain) return {};
  hold_ = std::make_unique<ChainHold>(images.layers(), "push:" + daemon.host.random.hex_id(8));
  TRY(hold_->move_to(*image->chain));
  for (const storage::Layer* layer : TRY(images.layers().chain(*image->chain))) {
    layers_.push_back({std::make_unique<PushLayer>(images, session_, reference_.name_only(), *layer), false, {}});
    sink_->write(action_line(layer->diff.short_hex(), "Preparing"));
  }
  return {};
}

Result<Job::State> TagPush::push_layers(Daemon& daemon) {
  Job::State state = Job::State::waiting;
  bool complete = true;
  bool compressing = false;
  for (Shown& shown : layers_) {
    PushLayer& push = *shown.push;
    // One layer is compressed at a time, so that a step stays short; uploads go on beside it.
    if (push.stage() == PushLayer::Stage::done || (compressing && push.stage() == PushLayer::Stage::compressing)) {
      complete = complete && push.stage() == PushLayer::Stage::done;
      continue;
    }
    compressing = compressing || push.stage() == PushLayer::Stage::compressing;
    if (TRY(push.step(daemon.host.clock)) == Job::State::busy) state = Job::State::busy;
    show(shown, daemon.host.clock.monotonic_ns());
    complete = complete && push.stage() == PushLayer::Stage::done;
  }
  if (!complete) return state;
  stage_ = Stage::config;
  return Job::State::busy;
}

void TagPush::show(Shown& shown, std::int64_t now_ns) {
  const PushLayer& push = *shown.push;
  const std::string id(push.layer().diff.short_hex());
  if (push.stage() == PushLayer::Stage::uploading && shown.pace.due(now_ns)) {
    sink_->write(progress_line(id, "Pushing", push.sent_bytes(), push.blob().size));
  }
  if (push.stage() != PushLayer::Stage::done || std::exchange(shown.end_told, true)) return;
  switch (push.outcome()) {
    case PushLayer::Outcome::exists:
      sink_->write(action_line(id, "Layer already exists"));
      break;
    case PushLayer::Outcome::mounted:
      sink_->write(action_line(id, "Mounted from " + push.mounted_from()));
      break;
    case PushLayer::Outcome::pushed:
    case PushLayer::Outcome::none:
      sink_->write(action_line(id, "Pushed"));
      break;
  }
}

Result<Job::State> TagPush::push_config(Daemon&) {
  if (!config_) {
    oci::Descriptor descriptor;
    descriptor.media_type = oci::kDockerConfig;
    descriptor.digest = image_;
    descriptor.size = config_bytes_.size();
    const auto open = [bytes = config_bytes_](std::uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
      if (offset > bytes.size()) return fail(ErrorKind::invalid_argument, "offset ", offset, " is behind the config");
      return std::unique_ptr<ByteSource>(
          std::make_unique<StringSource>(bytes.substr(static_cast<std::size_t>(offset))));
    };
    config_ = std::make_unique<registry::BlobUpload>(session_, std::move(descriptor), open);
  }
  const auto state = config_->step();
  if (config_->failure()) return *config_->failure();
  if (state == registry::Operation::State::waiting) return Job::State::waiting;
  if (state == registry::Operation::State::done) stage_ = Stage::manifest;
  return Job::State::busy;
}

Result<Job::State> TagPush::push_manifest(Daemon& daemon) {
  if (!manifest_) {
    oci::Manifest manifest;
    manifest.media_type = oci::kDockerManifest;
    manifest.config = config_->descriptor();
    for (auto shown = layers_.rbegin(); shown != layers_.rend(); ++shown) {
      manifest.layers.push_back(shown->push->blob());
    }
    std::string raw = oci::to_json_text(manifest);
    manifest_size_ = raw.size();
    manifest_ =
        std::make_unique<registry::ManifestPut>(session_, std::move(raw), manifest.media_type, reference_.tag());
  }
  const auto state = manifest_->step();
  if (manifest_->failure()) return *manifest_->failure();
  if (state == registry::Operation::State::waiting) return Job::State::waiting;
  if (state == registry::Operation::State::busy) return Job::State::busy;

  const std::string digest = manifest_->digest().str();
  sink_->write(status_line(concat(reference_.tag(), ": digest: ", digest, " size: ", manifest_size_)));
  sink_->write(aux_line(
      concat("{\"Tag\":\"", reference_.tag(), "\",\"Digest\":\"", digest, "\",\"Size\":", manifest_size_, "}")));
  const oci::Reference by_digest = reference_.name_only().with_digest(manifest_->digest());
  TRY(daemon.images->store().tag(by_digest.familiar(), image_, daemon.host.clock.now()));
  return Job::State::done;
}

class PushJob final : public Job {
 public:
  PushJob(PushRequest request, std::shared_ptr<registry::Session> session, std::shared_ptr<ProgressSink> sink)
      : request_(std::move(request)), session_(std::move(session)), sink_(std::move(sink)) {}

  State step(Daemon& daemon) override {
    if (sink_->closed()) return State::done;
    auto state = advance(daemon);
    if (!state.ok()) {
      sink_->fail(state.error());
      return State::done;
    }
    return *state;
  }
  std::int64_t deadline_ns() const override { return tag_ ? tag_->deadline_ns() : kNoDeadline; }
  std::string_view name() const override { return "push"; }

 private:
  Result<void> choose_tags(const Images& images);

  Result<State> advance(Daemon& daemon) {
    if (!begun_) {
      begun_ = true;
      sink_->write(status_line(concat("The push refers to repository [", request_.reference.repository(), "]")));
      TRY(choose_tags(*daemon.images));
    }
    if (at_ == todo_.size()) {
      emit_image_event(daemon, "push", request_.reference.familiar(), request_.reference.familiar_name(),
                       pushed(daemon));
      sink_->finish();
      return State::done;
    }
    if (!tag_) tag_ = std::make_unique<TagPush>(session_, todo_[at_].first, todo_[at_].second, sink_);
    const State state = TRY(tag_->step(daemon));
    if (state != State::done) return state;
    tag_.reset();
    ++at_;
    return State::busy;
  }

  const storage::Image* pushed(const Daemon& daemon) const {
    return todo_.empty() ? nullptr : daemon.images->store().find(todo_.back().second);
  }

  PushRequest request_;
  std::shared_ptr<registry::Session> session_;
  std::shared_ptr<ProgressSink> sink_;
  bool begun_ = false;
  std::vector<std::pair<oci::Reference, storage::ImageId>> todo_;
  std::size_t at_ = 0;
  std::unique_ptr<TagPush> tag_;
};

Result<void> PushJob::choose_tags(const Images& images) {
  const std::string repository = request_.reference.familiar_name();
  bool known = false;
  for (const storage::ImageName& name : images.store().names()) {
    auto reference = oci::Reference::parse(name.name);
    if (!reference.ok() || reference->familiar_name() != repository || reference->tag().empty()) continue;
    known = true;
    if (!request_.reference.tag().empty() && reference->tag() != request_.reference.tag()) continue;
    todo_.emplace_back(std::move(*reference), name.image);
  }
  if (!known) {
    return fail(ErrorKind::not_found, "An image does not exist locally with the tag: ", repository);
  }
  if (todo_.empty()) return fail(ErrorKind::not_found, "tag does not exist: ", request_.reference.familiar());
  return {};
}

}  // namespace

void start_push(Daemon& daemon, PushRequest request, std::shared_ptr<ProgressSink> sink) {
  auto session = std::make_shared<registry::Session>(
      daemon.host.transport, daemon.host.clock, daemon.trace,
      session_options(daemon, request.reference, std::move(request.credentials), registry::Access::push));
  daemon.add_job(std::make_unique<PushJob>(std::move(request), std::move(session), std::move(sink)));
}

}  // namespace drydock::engine
