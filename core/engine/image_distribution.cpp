#include "engine/image_distribution.h"

#include <utility>

#include "engine/daemon.h"
#include "engine/image_transfer.h"
#include "engine/images.h"
#include "engine/pull.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "registry/blob_download.h"
#include "registry/login.h"
#include "registry/manifest_fetch.h"

namespace drydock::engine {

namespace {

Job::State to_job_state(registry::Operation::State state) {
  return state == registry::Operation::State::waiting ? Job::State::waiting : Job::State::busy;
}

class DistributionJob final : public Job {
 public:
  DistributionJob(std::shared_ptr<registry::Session> session, const oci::Reference& reference,
                  std::function<void(const Result<DistributionInfo>&)> done)
      : session_(session), fetch_(std::move(session), reference), done_(std::move(done)) {}

  State step(Daemon& daemon) override {
    auto state = advance(daemon);
    if (state.ok() && *state != State::done) return *state;
    if (state.ok()) {
      done_(info_);
    } else {
      done_(Result<DistributionInfo>(state.error()));
    }
    return State::done;
  }
  std::int64_t deadline_ns() const override { return config_ ? config_->deadline_ns() : fetch_.deadline_ns(); }
  std::string_view name() const override { return "distribution"; }

 private:
  Result<State> advance(Daemon& daemon) {
    if (!config_) {
      const auto state = fetch_.step();
      if (fetch_.failure()) return *fetch_.failure();
      if (state != registry::Operation::State::done) return to_job_state(state);
      return take_manifest(daemon);
    }
    const auto state = config_->step();
    if (config_->failure()) {
      config_->discard();
      return *config_->failure();
    }
    if (state != registry::Operation::State::done) return to_job_state(state);
    const auto raw = TRY(daemon.images->content().read_small(config_->descriptor().digest, oci::kConfigBytesMax));
    info_.platforms.push_back(TRY(oci::parse_image_config(raw)).config.platform);
    return State::done;
  }

  Result<State> take_manifest(Daemon& daemon) {
    const oci::ManifestDocument& document = fetch_.document();
    info_.descriptor = {document.media_type(), document.digest, document.raw.size(), {}, {}, {}, {}};
    if (const oci::Index* index = document.index()) {
      for (const oci::Descriptor& entry : index->manifests) {
        if (entry.platform) info_.platforms.push_back(*entry.platform);
      }
      return State::done;
    }
    const oci::Descriptor& config = document.manifest()->config;
    if (config.size > oci::kConfigBytesMax) return fail(ErrorKind::too_large, "image config is too large");
    hold_ = daemon.images->transfers().hold_blob(daemon.images->content(), config.digest);
    config_ = std::make_unique<registry::BlobDownload>(session_, daemon.images->content(), config);
    return State::busy;
  }

  std::shared_ptr<registry::Session> session_;
  registry::ManifestFetch fetch_;
  std::function<void(const Result<DistributionInfo>&)> done_;
  std::shared_ptr<BlobHold> hold_;
  std::unique_ptr<registry::BlobDownload> config_;
  DistributionInfo info_;
};

class LoginJob final : public Job {
 public:
  LoginJob(std::shared_ptr<registry::Session> session, std::function<void(const Result<std::string>&)> done)
      : check_(std::move(session)), done_(std::move(done)) {}

  State step(Daemon&) override {
    const auto state = check_.step();
    if (check_.failure()) {
      done_(Result<std::string>(*check_.failure()));
      return State::done;
    }
    if (state != registry::Operation::State::done) return to_job_state(state);
    done_(Result<std::string>(check_.identity_token()));
    return State::done;
  }
  std::int64_t deadline_ns() const override { return check_.deadline_ns(); }
  std::string_view name() const override { return "login"; }

 private:
  registry::LoginCheck check_;
  std::function<void(const Result<std::string>&)> done_;
};

}  // namespace

void start_distribution_inspect(Daemon& daemon, DistributionRequest request,
                                std::function<void(const Result<DistributionInfo>&)> done) {
  auto session = std::make_shared<registry::Session>(
      daemon.host.transport, daemon.host.clock, daemon.trace,
      session_options(daemon, request.reference, std::move(request.credentials), registry::Access::pull));
  daemon.add_job(std::make_unique<DistributionJob>(std::move(session), request.reference, std::move(done)));
}

void start_login(Daemon& daemon, registry::Credentials credentials,
                 std::function<void(const Result<std::string>&)> done) {
  registry::SessionOptions options;
  options.domain = registry::login_domain(credentials.server_address);
  options.credentials = std::move(credentials);
  options.settings.insecure_registries = daemon.settings.insecure_registries;
  auto session =
      std::make_shared<registry::Session>(daemon.host.transport, daemon.host.clock, daemon.trace, std::move(options));
  daemon.add_job(std::make_unique<LoginJob>(std::move(session), std::move(done)));
}

}  // namespace drydock::engine
