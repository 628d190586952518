#include "engine/pull.h"

#include <utility>
#include <vector>

#include "engine/daemon.h"
#include "engine/images.h"
#include "engine/pull_tag.h"
#include "registry/tag_list.h"

namespace drydock::engine {

registry::SessionOptions session_options(const Daemon& daemon, const oci::Reference& reference,
                                         registry::Credentials credentials, registry::Access access) {
  auto options = registry::SessionOptions::for_reference(reference, access);
  options.credentials = std::move(credentials);
  options.settings.insecure_registries = daemon.settings.insecure_registries;
  options.settings.mirrors = daemon.settings.registry_mirrors;
  return options;
}

namespace {

class PullJob final : public Job {
 public:
  PullJob(PullRequest request, oci::Platform platform, std::shared_ptr<registry::Session> session,
          std::shared_ptr<ProgressSink> sink)
      : request_(std::move(request)),
        platform_(std::move(platform)),
        session_(std::move(session)),
        sink_(std::move(sink)) {
    if (!request_.reference.is_name_only()) todo_ = {request_.reference};
  }

  State step(Daemon& daemon) override {
    // Docker cancels a pull whose client goes away; layers that others wait for go on with them.
    if (sink_->closed()) return State::done;
    auto state = advance(daemon);
    if (!state.ok()) {
      sink_->fail(state.error());
      return State::done;
    }
    return *state;
  }
  std::int64_t deadline_ns() const override {
    if (tags_) return tags_->deadline_ns();
    return tag_ ? tag_->deadline_ns() : kNoDeadline;
  }
  std::string_view name() const override { return "pull"; }

 private:
  Result<State> advance(Daemon& daemon);
  Result<State> list_tags();

  PullRequest request_;
  oci::Platform platform_;
  std::shared_ptr<registry::Session> session_;
  std::shared_ptr<ProgressSink> sink_;
  std::unique_ptr<registry::TagList> tags_;
  std::vector<oci::Reference> todo_;
  std::size_t at_ = 0;
  std::unique_ptr<TagPull> tag_;
  bool changed_ = false;
};

Result<Job::State> PullJob::list_tags() {
  if (!tags_) tags_ = std::make_unique<registry::TagList>(session_, request_.reference);
  const auto state = tags_->step();
  if (tags_->failure()) return *tags_->failure();
  if (state == registry::Operation::State::waiting) return State::waiting;
  if (state == registry::Operation::State::busy) return State::busy;
  for (const std::string& tag : tags_->tags()) {
    if (auto reference = request_.reference.with_tag(tag); reference.ok()) todo_.push_back(std::move(*reference));
  }
  tags_.reset();
  if (todo_.empty()) {
    return fail(ErrorKind::not_found, "No tags for repository ", request_.reference.familiar_name());
  }
  return State::busy;
}

Result<Job::State> PullJob::advance(Daemon& daemon) {
  if (todo_.empty()) return list_tags();
  if (at_ == todo_.size()) {
    sink_->write(status_line((changed_ ? "Status: Downloaded newer image for " : "Status: Image is up to date for ") +
                             request_.reference.familiar()));
    sink_->finish();
    return State::done;
  }
  if (!tag_) tag_ = std::make_unique<TagPull>(session_, todo_[at_], platform_, sink_);
  const State state = TRY(tag_->step(daemon));
  if (state != State::done) return state;
  changed_ = changed_ || tag_->changed();
  tag_.reset();
  ++at_;
  return State::busy;
}

}  // namespace

Result<void> start_pull(Daemon& daemon, PullRequest request, std::shared_ptr<ProgressSink> sink) {
  if (request.reference.repository() == "docker.io/library/scratch") {
    return fail(ErrorKind::forbidden, "'scratch' is a reserved name");
  }
  auto platform = request.platform.value_or(host_platform(daemon));
  auto session = std::make_shared<registry::Session>(
      daemon.host.transport, daemon.host.clock, daemon.trace,
      session_options(daemon, request.reference, std::move(request.credentials), registry::Access::pull));
  daemon.add_job(
      std::make_unique<PullJob>(std::move(request), std::move(platform), std::move(session), std::move(sink)));
  return {};
}

}  // namespace drydock::engine
