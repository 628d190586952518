#pragma once
// A daemon with images alone: files in memory, a registry in memory, a kernel that runs nothing.

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "engine/containers.h"
#include "engine/daemon.h"
#include "engine/image_progress.h"
#include "engine/image_transfer.h"
#include "engine/images.h"
#include "engine/import.h"
#include "engine/networks.h"
#include "engine/volumes.h"
#include "oci/manifest.h"
#include "oci/media_types.h"
#include "tests/support/layer_fixture.h"
#include "tests/support/memory_host_fs.h"
#include "tests/support/memory_registry.h"

namespace drydock::engine {

class IdleRuntime final : public runtime::Runtime {
 public:
  const runtime::KernelFeatures& features() const override { return features_; }
  Result<runtime::Created> create(const runtime::CreateRequest&) override { return none(); }
  Result<void> start(const std::string&) override { return none(); }
  Result<void> kill(const runtime::ProcessKey&, int) override { return none(); }
  Result<void> pause(const std::string& id) override { return frozen.push_back(id), Result<void>(); }
  Result<void> resume(const std::string& id) override { return std::erase(frozen, id), Result<void>(); }
  Result<std::int64_t> exec(const runtime::ExecRequest&) override { return none(); }
  Result<void> resize(const runtime::ProcessKey&, runtime::ConsoleSize) override { return none(); }
  Result<void> update(const std::string&, const runtime::Resources&) override { return none(); }
  Result<runtime::ContainerStats> stats(const std::string&) override { return none(); }
  Result<std::vector<std::int64_t>> processes(const std::string&) override { return none(); }
  Result<std::unique_ptr<runtime::AttachedStream>> attach(const runtime::ProcessKey&, bool) override { return none(); }
  void watch_log(const std::string&) override {}
  Result<void> remove(const std::string&) override { return none(); }
  std::vector<runtime::Recovered> recover() override { return {}; }
  std::vector<runtime::RuntimeEvent> drain() override { return {}; }

  std::vector<std::string> frozen;

 private:
  static Failure<Error> none() { return fail(ErrorKind::not_implemented, "nothing runs here"); }
  runtime::KernelFeatures features_;
};

class IdleNetwork final : public network::NetworkDriver {
 public:
  network::NetworkFeatures features() const override { return {}; }
  Result<void> ensure_bridge(const network::BridgePlan&) override { return {}; }
  Result<void> remove_bridge(const network::BridgePlan&) override { return {}; }
  Result<std::vector<network::Subnet>> used_subnets() override { return std::vector<network::Subnet>(); }
  Result<bool> has_interface(const std::string&) override { return false; }
  Result<void> prepare_namespace(const std::string&) override { return {}; }
  Result<void> attach(const network::EndpointPlan&, const std::string&) override { return {}; }
  Result<void> detach(const network::EndpointPlan&) override { return {}; }
  Result<std::uint16_t> publish(const network::PortPlan&) override { return std::uint16_t{0}; }
  Result<void> unpublish(const network::PortPlan&) override { return {}; }
  Result<void> retain_only(const std::vector<std::string>&) override { return {}; }
};

/// Keeps what a job tells.
class Lines final : public ProgressSink {
 public:
  void write(std::string_view line) override { text += line; }
  void finish() override { finished = true; }
  void fail(const Error& failure) override { error = failure; }
  bool closed() const override { return gone; }

  bool contains(std::string_view part) const { return text.find(part) != std::string::npos; }
  std::string text;
  bool finished = false;
  bool gone = false;
  std::optional<Error> error;
};

struct ImagesFixture {
  ImagesFixture() { reopen(); }

  /// As a daemon that was killed and started again.
  void reopen() {
    daemon.reset();
    HostFacts facts;
    facts.architecture = "x86_64";
    daemon = std::make_unique<Daemon>(Host{disk, disk, runtime, network, registry, clock, random, facts}, Settings());
    auto images = Images::open(disk, random);
    REQUIRE_MESSAGE(images.ok(), images.error().message);
    daemon->images = std::move(*images);
    daemon->containers = std::make_unique<Containers>(disk, random);
  }
  Images& images() { return *daemon->images; }

  /// Steps until no job is left; time passes only where nothing else happens.
  void run() {
    for (int i = 0; i < 200'000 && (i == 0 || daemon->job_count() > 0); ++i) {
      const Daemon::Progress progress = daemon->step();
      if (!progress.busy && progress.deadline_ns != kNoDeadline && progress.deadline_ns > clock.monotonic_ns()) {
        clock.advance_ns(progress.deadline_ns - clock.monotonic_ns());
      }
    }
    REQUIRE(daemon->job_count() == 0);
  }

  /// Imports `tar` as `name` and returns the image's id.
  std::string import(const std::string& name, std::string tar, std::vector<std::string> changes = {}) {
    clock.advance_ns(kNanosPerSecond);
    ImportRequest request;
    request.source = "-";
    request.repository = name;
    request.changes = std::move(changes);
    request.body = std::make_unique<StringSource>(std::move(tar));
    auto sink = std::make_shared<Lines>();
    const auto started = start_import(*daemon, std::move(request), sink);
    REQUIRE_MESSAGE(started.ok(), started.error().message);
    run();
    REQUIRE_MESSAGE(sink->finished, (sink->error ? sink->error->message : "not finished"));
    const auto line = parse_json(sink->text);
    REQUIRE(line.ok());
    return get_string(*line, "status").value_or("");
  }

  /// A container in the table, on a root of its own that holds the image's layers.
  Container& add_container(const std::string& id, const std::string& image, Status status = Status::exited) {
    auto container = std::make_unique<Container>();
    container->id = id;
    container->name = "box-" + id;
    container->image_id = image;
    container->config.image = "busybox";
    container->config.cmd = Strings{"sh", "-c", "true"};
    container->state.status = status;
    const auto found = images().lookup(image);
    REQUIRE(found.ok());
    REQUIRE(images().snapshots().prepare(id, found.value()->chain).ok());
    return daemon->containers->add(std::move(container));
  }

  std::vector<std::string> event_actions() const {
    std::vector<std::string> actions;
    for (std::uint64_t seq = daemon->trace.first_held_seq(); seq <= daemon->trace.last_seq(); ++seq) {
      const trace::Event* event = daemon->trace.find(seq);
      if (const auto* payload = std::get_if<trace::EngineEvent>(&event->payload)) actions.push_back(payload->action);
    }
    return actions;
  }

  /// Nothing of a job is left: no blob, no temporary file, no layer that no image or container holds.
  void check_no_leftovers() {
    CHECK(images().content().list().value().empty());
    CHECK(disk.list(kTemporaryDirectory).value().empty());
    CHECK(images().layers().remove_unheld().value().empty());
  }

  testing::MemoryHostFs disk;
  testing::MemoryRegistry registry;
  IdleRuntime runtime;
  IdleNetwork network;
  ManualClock clock;
  SeededRandom random{1};
  std::unique_ptr<Daemon> daemon;
};

inline std::string small_tar(std::string_view name = "etc/motd", std::string_view text = "hello") {
  return testing::TarBuilder().file(name, text).finish();
}

/// Bytes that no compression makes smaller.
inline std::string noise(std::size_t size) {
  SeededRandom random(7);
  std::string bytes(size, '\0');
  random.fill({bytes.data(), bytes.size()});
  return bytes;
}

inline std::string gzip(std::string_view bytes) {
  auto compressor = archive::make_compressor(archive::Compression::gzip).value();
  std::string out;
  REQUIRE(compressor->write(bytes, out).ok());
  REQUIRE(compressor->finish(out).ok());
  return out;
}

/// An image in the registry: its layers' tars, lowest first.
struct RemoteImage {
  std::string config;
  std::string manifest_digest;
  std::vector<std::string> blobs;  // digests
};

inline RemoteImage add_remote(testing::MemoryRegistry& registry, const std::string& repository, const std::string& tag,
                              const std::vector<std::string>& tars) {
  RemoteImage remote;
  oci::ImageConfig config;
  config.platform = {"linux", "amd64", "", "", {}};
  config.created = {1'600'000'000 * kNanosPerSecond};
  oci::Manifest manifest;
  manifest.media_type = oci::kDockerManifest;
  for (const std::string& tar : tars) {
    config.diff_ids.push_back(archive::digest_of(tar));
    config.history.push_back({config.created, "", "layer", "", false});
    const std::string blob = gzip(tar);
    oci::Descriptor layer;
    layer.media_type = oci::kDockerLayerGzip;
    layer.digest = archive::digest_of(blob);
    layer.size = blob.size();
    remote.blobs.push_back(registry.add_blob(repository, blob));
    manifest.layers.push_back(layer);
  }
  remote.config = oci::to_json_text(config);
  manifest.config.media_type = oci::kDockerConfig;
  manifest.config.digest = archive::digest_of(remote.config);
  manifest.config.size = remote.config.size();
  registry.add_blob(repository, remote.config);
  remote.manifest_digest =
      registry.add_manifest(repository, tag, oci::to_json_text(manifest), std::string(oci::kDockerManifest));
  return remote;
}

}  // namespace drydock::engine
