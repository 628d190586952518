#include "engine/commit.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "engine/container_events.h"
#include "engine/containers.h"
#include "engine/daemon.h"
#include "engine/image_changes.h"
#include "engine/image_unpack.h"
#include "engine/images.h"
#include "oci/image_config.h"
#include "oci/reference.h"

namespace drydock::engine {

namespace {

/// Of a tar without members (two zero blocks): an image gets no layer for nothing.
constexpr std::string_view kEmptyDiff = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

std::vector<std::string> names_of(const NameSet& set) {
  std::vector<std::string> names;
  if (!set) return names;
  for (const auto& [name, present] : *set) names.push_back(name);
  return names;
}

oci::RunConfig to_run_config(const ContainerConfig& from) {
  oci::RunConfig config;
  config.hostname = from.hostname;
  config.domainname = from.domainname;
  config.user = from.user;
  config.attach_stdin = from.attach_stdin;
  config.attach_stdout = from.attach_stdout;
  config.attach_stderr = from.attach_stderr;
  config.exposed_ports = names_of(from.exposed_ports);
  config.tty = from.tty;
  config.open_stdin = from.open_stdin;
  config.stdin_once = from.stdin_once;
  config.env = from.env.value_or(Strings());
  config.cmd = from.cmd.value_or(Strings());
  if (from.healthcheck) {
    const HealthConfig& health = *from.healthcheck;
    config.healthcheck =
        oci::HealthcheckConfig{health.test.value_or(Strings()), health.interval, health.timeout, health.start_period,
                               health.start_interval,           health.retries};
  }
  config.args_escaped = from.args_escaped;
  config.image = from.image;
  config.volumes = names_of(from.volumes);
  config.working_dir = from.working_dir;
  config.entrypoint = from.entrypoint.value_or(Strings());
  config.network_disabled = from.network_disabled;
  config.mac_address = from.mac_address;
  config.on_build = from.on_build.value_or(Strings());
  if (from.labels) config.labels.assign(from.labels->begin(), from.labels->end());
  config.stop_signal = from.stop_signal;
  config.stop_timeout_s = from.stop_timeout;
  config.shell = from.shell.value_or(Strings());
  return config;
}

void add_missing(std::vector<std::string>& set, const std::vector<std::string>& more) {
  set.insert(set.end(), more.begin(), more.end());
  std::sort(set.begin(), set.end());
  set.erase(std::unique(set.begin(), set.end()), set.end());
}

/// What the wanted config leaves open is as the container has it (dockerd's merge).
void merge(oci::RunConfig& wanted, const oci::RunConfig& container) {
  if (wanted.user.empty()) wanted.user = container.user;
  add_missing(wanted.exposed_ports, container.exposed_ports);
  add_missing(wanted.volumes, container.volumes);
  for (const std::string& entry : container.env) {
    const std::string name = entry.substr(0, entry.find('=')) + "=";
    const bool known = std::any_of(wanted.env.begin(), wanted.env.end(),
                                   [&name](const std::string& own) { return own.starts_with(name); });
    if (!known) wanted.env.push_back(entry);
  }
  for (const auto& [name, value] : container.labels) {
    const bool known = std::any_of(wanted.labels.begin(), wanted.labels.end(),
                                   [&name = name](const auto& label) { return label.first == name; });
    if (!known) wanted.labels.emplace_back(name, value);
  }
  std::sort(wanted.labels.begin(), wanted.labels.end());
  if (wanted.entrypoint.empty()) {
    if (wanted.cmd.empty()) wanted.cmd = container.cmd;
    wanted.entrypoint = container.entrypoint;
  }
  if (!wanted.healthcheck) wanted.healthcheck = container.healthcheck;
  if (wanted.working_dir.empty()) wanted.working_dir = container.working_dir;
}

class CommitJob final : public Job {
 public:
  CommitJob(CommitRequest request, std::string container, oci::RunConfig config, std::string name, CommitDone done)
      : request_(std::move(request)),
        container_(std::move(container)),
        config_(std::move(config)),
        name_(std::move(name)),
        done_(std::move(done)) {}

  State step(Daemon& daemon) override {
    auto state = advance(daemon);
    if (state.ok() && *state != State::done) return *state;
    unpack_.reset();
    resume(daemon);
    if (state.ok()) {
      done_(id_);
    } else {
      done_(Result<storage::ImageId>(state.error()));
    }
    return State::done;
  }
  std::string_view name() const override { return "commit"; }

 private:
  Result<State> advance(Daemon& daemon);
  Result<void> begin(Daemon& daemon);
  Result<void> make_image(Daemon& daemon);
  void resume(Daemon& daemon);

  CommitRequest request_;
  std::string container_;
  oci::RunConfig config_;
  std::string name_;
  CommitDone done_;
  bool paused_ = false;
  std::unique_ptr<ChainHold> hold_;
  std::unique_ptr<ImageUnpack> unpack_;
  storage::ImageId id_;
};

Result<Job::State> CommitJob::advance(Daemon& daemon) {
  if (!unpack_) TRY(begin(daemon));
  const auto state = TRY(unpack_->step(daemon.host.clock));
  if (state == ImageUnpack::State::waiting) return State::waiting;
  if (state == ImageUnpack::State::busy) return State::busy;
  hold_->adopt(unpack_->layer().chain);
  TRY(make_image(daemon));
  return State::done;
}

Result<void> CommitJob::begin(Daemon& daemon) {
  Images& images = *daemon.images;
  Container* container = daemon.containers->by_id(container_);
  if (container == nullptr) return fail(ErrorKind::not_found, "No such container: ", request_.container);
  const storage::Snapshot* snapshot = images.snapshots().find(container_);
  if (snapshot == nullptr) return fail(ErrorKind::not_found, "container ", container_, " has no file system");
  if (request_.pause && container->state.status == Status::running) {
    TRY(daemon.host.runtime.pause(container_));
    paused_ = true;
    emit_container_event(daemon, *container, "pause", {});
  }
  auto tar = TRY(images.snapshots().open_diff_tar(container_));
  hold_ = std::make_unique<ChainHold>(images.layers(), "commit:" + daemon.host.random.hex_id(8));
  unpack_ = TRY(ImageUnpack::start(images.layers(), snapshot->chain, {}, std::move(tar), hold_->holder()));
  return {};
}

void CommitJob::resume(Daemon& daemon) {
  if (!paused_) return;
  paused_ = false;
  Container* container = daemon.containers->by_id(container_);
  // A container that ended meanwhile has nothing to resume.
  if (container == nullptr || !daemon.host.runtime.resume(container_).ok()) return;
  emit_container_event(daemon, *container, "unpause", {});
}

Result<void> CommitJob::make_image(Daemon& daemon) {
  Container* container = daemon.containers->by_id(container_);
  if (container == nullptr) return fail(ErrorKind::not_found, "No such container: ", request_.container);
  const FoundImage base = TRY(daemon.images->find(container->image_id));
  const bool empty = unpack_->layer().diff.str() == kEmptyDiff;
  oci::ImageConfig image;
  image.platform = base.config.platform;
  image.created = daemon.host.clock.now();
  image.author = request_.author;
  image.container = container_;
  image.docker_version = kVersion;
  image.config = config_;
  image.container_config = to_run_config(container->config);
  image.diff_ids = base.config.diff_ids;
  if (!empty) image.diff_ids.push_back(unpack_->layer().diff);
  image.history = base.config.history;
  image.history.push_back(
      {image.created, request_.author, join(image.container_config->cmd, " "), request_.message, empty});

  storage::ImageStore& store = daemon.images->store();
  id_ = TRY(store.add(oci::to_json_text(image), base.id));
  if (!name_.empty()) {
    TRY(store.tag(name_, id_, image.created));
    emit_image_event(daemon, "tag", id_.str(), name_, store.find(id_));
  }
  trace::Attributes more = {{"comment", request_.message}, {"imageID", id_.str()}};
  more.emplace_back("imageRef", name_);
  emit_container_event(daemon, *container, "commit", std::move(more));
  return {};
}

Result<std::string> wanted_name(const CommitRequest& request) {
  if (request.repository.empty()) return std::string();
  oci::Reference reference = TRY(oci::Reference::parse(request.repository));
  if (!reference.digest().empty()) {
    return fail(ErrorKind::invalid_argument, "refusing to create a tag with a digest reference");
  }
  if (!request.tag.empty()) reference = TRY(reference.with_tag(request.tag));
  return reference.with_default_tag().familiar();
}

}  // namespace

Result<void> start_commit(Daemon& daemon, CommitRequest request, CommitDone done) {
  const Container* container = TRY(daemon.containers->find(request.container));
  if (container->state.status == Status::dead) {
    return fail(ErrorKind::conflict, "You cannot commit container ", container->id, " which is Dead");
  }
  if (container->state.status == Status::removing) {
    return fail(ErrorKind::conflict, "You cannot commit container ", container->id, " which is being removed");
  }
  std::string name = TRY(wanted_name(request));
  const oci::RunConfig own = to_run_config(container->config);
  oci::RunConfig config = request.config ? to_run_config(*request.config) : own;
  TRY(apply_changes(request.changes, config));
  merge(config, own);
  std::string id = container->id;
  daemon.add_job(std::make_unique<CommitJob>(std::move(request), std::move(id), std::move(config), std::move(name),
                                             std::move(done)));
  return {};
}

}  // namespace drydock::engine
