#include "engine/import.h"

#include <utility>

#include "base/text.h"
#include "engine/daemon.h"
#include "engine/image_changes.h"
#include "engine/image_unpack.h"
#include "engine/images.h"
#include "oci/image_config.h"
#include "oci/reference.h"

namespace drydock::engine {

namespace {

class ImportJob final : public Job {
 public:
  ImportJob(ImportRequest request, oci::RunConfig config, std::string name, std::shared_ptr<ProgressSink> sink)
      : request_(std::move(request)), config_(std::move(config)), name_(std::move(name)), sink_(std::move(sink)) {}

  State step(Daemon& daemon) override {
    if (sink_->closed()) return State::done;
    auto state = advance(daemon);
    if (!state.ok()) {
      sink_->fail(state.error());
      return State::done;
    }
    return *state;
  }
  std::string_view name() const override { return "import"; }

 private:
  Result<State> advance(Daemon& daemon);
  Result<std::unique_ptr<ByteSource>> source(Daemon& daemon);
  Result<void> make_image(Daemon& daemon, const storage::Layer& layer);

  ImportRequest request_;
  oci::RunConfig config_;
  std::string name_;  // "busybox:latest" or empty
  std::shared_ptr<ProgressSink> sink_;
  std::unique_ptr<http::Exchange> download_;
  std::unique_ptr<ImageUnpack> unpack_;
  std::unique_ptr<ChainHold> hold_;
};

/// Null while the head of a download has not come.
Result<std::unique_ptr<ByteSource>> ImportJob::source(Daemon& daemon) {
  if (request_.source == "-") return std::move(request_.body);
  if (!download_) {
    http::ClientRequest get;
    get.url = request_.source;
    download_ = daemon.host.transport.send(std::move(get));
    sink_->write(status_line(concat("Downloading from ", request_.source)));
  }
  if (download_->failure()) {
    return fail(ErrorKind::internal, "Get ", go_quoted(request_.source), ": ", download_->failure()->message);
  }
  if (download_->head() == nullptr) return std::unique_ptr<ByteSource>();
  if (download_->head()->status >= 400) {
    return fail(ErrorKind::internal, "failed to GET ", request_.source, ": status ", download_->head()->status);
  }
  return std::unique_ptr<ByteSource>(std::move(download_));
}

Result<Job::State> ImportJob::advance(Daemon& daemon) {
  Images& images = *daemon.images;
  if (!unpack_) {
    auto bytes = TRY(source(daemon));
    if (!bytes) return State::waiting;
    hold_ = std::make_unique<ChainHold>(images.layers(), "import:" + daemon.host.random.hex_id(8));
    unpack_ = TRY(ImageUnpack::start(images.layers(), {}, {}, std::move(bytes), hold_->holder()));
  }
  switch (TRY(unpack_->step(daemon.host.clock))) {
    case ImageUnpack::State::waiting:
      return State::waiting;
    case ImageUnpack::State::busy:
      return State::busy;
    case ImageUnpack::State::done:
      break;
  }
  hold_->adopt(unpack_->layer().chain);
  TRY(make_image(daemon, unpack_->layer()));
  sink_->finish();
  return State::done;
}

Result<void> ImportJob::make_image(Daemon& daemon, const storage::Layer& layer) {
  oci::ImageConfig image;
  image.platform = request_.platform.value_or(host_platform(daemon));
  image.created = daemon.host.clock.now();
  image.comment = request_.message.empty() ? concat("Imported from ", request_.source) : request_.message;
  image.docker_version = kVersion;
  image.config = std::move(config_);
  image.container_config = oci::RunConfig();
  image.diff_ids = {layer.diff};
  image.history = {{image.created, "", "", image.comment, false}};
  storage::ImageStore& store = daemon.images->store();
  const storage::ImageId id = TRY(store.add(oci::to_json_text(image)));
  if (!name_.empty()) {
    TRY(store.tag(name_, id, image.created));
    emit_image_event(daemon, "tag", id.str(), name_, store.find(id));
  }
  emit_image_event(daemon, "import", id.str(), id.str(), store.find(id));
  sink_->write(status_line(id.str()));
  return {};
}

/// The familiar name with a tag; empty if none is wanted.
Result<std::string> wanted_name(const ImportRequest& request) {
  if (request.repository.empty()) return std::string();
  oci::Reference reference = TRY(oci::Reference::parse(request.repository));
  if (!reference.digest().empty()) return fail(ErrorKind::invalid_argument, "cannot import digest reference");
  if (!request.tag.empty()) reference = TRY(reference.with_tag(request.tag));
  return reference.with_default_tag().familiar();
}

}  // namespace

Result<void> start_import(Daemon& daemon, ImportRequest request, std::shared_ptr<ProgressSink> sink) {
  std::string name = TRY(wanted_name(request));
  if (request.platform && request.platform->os != "linux") {
    return fail(ErrorKind::invalid_argument, "operating system is not supported");
  }
  oci::RunConfig config;
  TRY(apply_changes(request.changes, config));
  // As dockerd: a source without a scheme is an address.
  if (request.source != "-" && request.source.find("://") == std::string::npos) {
    request.source.insert(0, "http://");
  }
  daemon.add_job(std::make_unique<ImportJob>(std::move(request), std::move(config), std::move(name), std::move(sink)));
  return {};
}

}  // namespace drydock::engine
