#include "engine/pull.h"

#include "tests/unit/engine/images_fixture.h"

using namespace drydock;
using namespace drydock::engine;

namespace {

struct PullFixture : ImagesFixture {
  std::shared_ptr<Lines> begin(const std::string& name, std::optional<oci::Platform> platform = std::nullopt) {
    PullRequest request;
    request.reference = oci::Reference::parse(name).value();
    request.platform = std::move(platform);
    auto sink = std::make_shared<Lines>();
    const auto started = start_pull(*daemon, std::move(request), sink);
    REQUIRE_MESSAGE(started.ok(), started.error().message);
    return sink;
  }
  std::shared_ptr<Lines> pull(const std::string& name, std::optional<oci::Platform> platform = std::nullopt) {
    auto sink = begin(name, std::move(platform));
    run();
    return sink;
  }
  std::string failure_of(const std::string& name, std::optional<oci::Platform> platform = std::nullopt) {
    auto sink = pull(name, std::move(platform));
    REQUIRE(sink->error.has_value());
    check_no_leftovers();
    CHECK(images().store().list().empty());
    return sink->error->message;
  }
};

const std::string kName = "registry.test/team/app:v1";

}  // namespace

TEST_CASE("a pulled image has its config's digest as id, its layers, and two names") {
  PullFixture fixture;
  const auto remote = add_remote(fixture.registry, "team/app", "v1", {small_tar("a", "1"), small_tar("b", "2")});
  const auto lines = fixture.pull(kName);
  REQUIRE_MESSAGE(lines->finished, lines->error->message);
  const auto image = fixture.images().lookup(kName);
  REQUIRE(image.ok());
  CHECK(image.value()->id == archive::digest_of(remote.config));
  CHECK(fixture.images().size(*image.value()) == 2);
  const auto names = fixture.images().names(image.value()->id);
  CHECK(names.tags == std::vector<std::string>{kName});
  CHECK(names.digests == std::vector<std::string>{"registry.test/team/app@" + remote.manifest_digest});
  CHECK(fixture.event_actions() == std::vector<std::string>{"pull"});
  fixture.check_no_leftovers();
}

TEST_CASE("a pull tells of each layer in dockerd's words and order") {
  PullFixture fixture;
  const auto remote = add_remote(fixture.registry, "team/app", "v1", {small_tar()});
  const auto lines = fixture.pull(kName);
  const std::string id = remote.blobs[0].substr(7, 12);
  std::size_t at = 0;
  for (const std::string& part :
       {std::string("\"Pulling from team/app\",\"id\":\"v1\""),
        "\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"" + id, std::string("\"Downloading\""),
        std::string("\"Download complete\""), std::string("\"Extracting\""), std::string("\"Pull complete\""),
        "\"Digest: " + remote.manifest_digest + "\"",
        std::string("\"Status: Downloaded newer image for registry.test/team/app:v1\"")}) {
    CAPTURE(part);
    at = lines->text.find(part, at);
    CHECK(at != std::string::npos);
  }
}

TEST_CASE("a second pull transfers nothing and says so") {
  PullFixture fixture;
  add_remote(fixture.registry, "team/app", "v1", {small_tar()});
  fixture.pull(kName);
  fixture.registry.blobs.clear();
  const auto again = fixture.pull(kName);
  CHECK(again->finished);
  CHECK(again->contains("Status: Image is up to date for registry.test/team/app:v1"));
  CHECK_FALSE(again->contains("Pulling fs layer"));
}

TEST_CASE("a layer that another image has is not fetched again") {
  PullFixture fixture;
  add_remote(fixture.registry, "team/app", "v1", {small_tar("a", "1")});
  fixture.pull(kName);
  const auto remote = add_remote(fixture.registry, "team/app", "v2", {small_tar("a", "1"), small_tar("b", "2")});
  const auto lines = fixture.pull("registry.test/team/app:v2");
  CHECK(lines->finished);
  CHECK(lines->contains("\"Already exists\",\"progressDetail\":{},\"id\":\"" + remote.blobs[0].substr(7, 12)));
}

TEST_CASE("two pulls of the same layers at once fetch each blob once") {
  PullFixture fixture;
  const auto remote = add_remote(fixture.registry, "team/app", "v1", {small_tar("a", noise(50'000))});
  auto first = fixture.begin(kName);
  auto second = fixture.begin(kName);
  fixture.run();
  CHECK(first->finished);
  CHECK(second->finished);
  int fetched = 0;
  for (const auto& seen : fixture.registry.seen) fetched += seen.url.find(remote.blobs[0]) != std::string::npos;
  CHECK(fetched == 1);
  fixture.check_no_leftovers();
}

TEST_CASE("a pull goes on for the other client when one goes away") {
  PullFixture fixture;
  add_remote(fixture.registry, "team/app", "v1", {small_tar("a", noise(200'000)), small_tar("b", "2")});
  auto first = fixture.begin(kName);
  auto second = fixture.begin(kName);
  for (int i = 0; i < 12; ++i) fixture.daemon->step();
  first->gone = true;
  fixture.run();
  CHECK_FALSE(first->finished);
  CHECK(second->finished);
  fixture.check_no_leftovers();
}

TEST_CASE("a pull whose client goes away leaves nothing, whenever that is") {
  for (int steps = 0; steps < 60; steps += 3) {
    CAPTURE(steps);
    PullFixture fixture;
    add_remote(fixture.registry, "team/app", "v1", {small_tar("a", noise(20'000)), small_tar("b", "2")});
    auto sink = fixture.begin(kName);
    for (int i = 0; i < steps; ++i) fixture.daemon->step();
    if (sink->finished) break;
    sink->gone = true;
    fixture.run();
    fixture.check_no_leftovers();
    CHECK(fixture.images().store().list().empty());
  }
}

TEST_CASE("an index gives the manifest for the host's platform") {
  PullFixture fixture;
  const auto remote = add_remote(fixture.registry, "team/app", "inner", {small_tar()});
  oci::Index index;
  index.media_type = oci::kOciIndex;
  oci::Descriptor entry;
  entry.media_type = oci::kDockerManifest;
  entry.digest = archive::Digest::parse(remote.manifest_digest).value();
  entry.size = fixture.registry.manifests["team/app"]["inner"].bytes.size();
  entry.platform = oci::Platform{"linux", "amd64", "", "", {}};
  index.manifests.push_back(entry);
  const std::string digest =
      fixture.registry.add_manifest("team/app", "multi", oci::to_json_text(index), std::string(oci::kOciIndex));
  const auto lines = fixture.pull("registry.test/team/app:multi");
  REQUIRE(lines->finished);
  CHECK(lines->contains("Digest: " + digest));

  auto other = fixture.pull("registry.test/team/app:multi", oci::Platform{"linux", "arm64", "", "", {}});
  REQUIRE(other->error.has_value());
  CHECK(other->error->kind == ErrorKind::not_found);
  CHECK(other->error->message.find("no matching manifest for linux/arm64") != std::string::npos);
}

TEST_CASE("a name without a tag pulls every tag") {
  PullFixture fixture;
  add_remote(fixture.registry, "team/app", "v1", {small_tar("a", "1")});
  add_remote(fixture.registry, "team/app", "v2", {small_tar("b", "2")});
  const auto lines = fixture.pull("registry.test/team/app");
  CHECK(lines->finished);
  CHECK(lines->contains("Status: Downloaded newer image for registry.test/team/app\""));
  CHECK(fixture.images().lookup("registry.test/team/app:v1").ok());
  CHECK(fixture.images().lookup("registry.test/team/app:v2").ok());
}

TEST_CASE("an image that is not there is not_found in dockerd's words") {
  PullFixture fixture;
  add_remote(fixture.registry, "team/app", "v1", {small_tar()});
  CHECK(fixture.failure_of("registry.test/team/app:nosuch")
            .find("manifest for registry.test/team/app:nosuch not found") == 0);
}

TEST_CASE("a blob with other bytes than its digest says is refused and nothing stays") {
  PullFixture fixture;
  add_remote(fixture.registry, "team/app", "v1", {small_tar()});
  fixture.registry.faults.wrong_bytes = true;
  CHECK_FALSE(fixture.failure_of(kName).empty());
}

TEST_CASE("a layer whose tar has another diff id than the config says is refused and nothing stays") {
  PullFixture fixture;
  add_remote(fixture.registry, "team/app", "v1", {small_tar("a", "1")});
  const auto liar = add_remote(fixture.registry, "team/app", "v2", {small_tar("b", "2")});
  // A manifest that puts the second image's layer below the first one's config.
  oci::Manifest manifest =
      *oci::parse_manifest(fixture.registry.manifests["team/app"]["v1"].bytes, "").value().manifest();
  manifest.layers =
      oci::parse_manifest(fixture.registry.manifests["team/app"]["v2"].bytes, "").value().manifest()->layers;
  fixture.registry.add_manifest("team/app", "v3", oci::to_json_text(manifest), manifest.media_type);
  CHECK(fixture.failure_of("registry.test/team/app:v3").find("failed to register layer") == 0);
}

TEST_CASE("a config with another number of layers than the manifest is refused") {
  PullFixture fixture;
  add_remote(fixture.registry, "team/app", "v1", {small_tar("a", "1")});
  oci::Manifest manifest =
      *oci::parse_manifest(fixture.registry.manifests["team/app"]["v1"].bytes, "").value().manifest();
  manifest.layers.push_back(manifest.layers[0]);
  fixture.registry.add_manifest("team/app", "v3", oci::to_json_text(manifest), manifest.media_type);
  CHECK(fixture.failure_of("registry.test/team/app:v3") == "layers from manifest don't match image configuration");
}

TEST_CASE("a connection that breaks off is resumed") {
  PullFixture fixture;
  add_remote(fixture.registry, "team/app", "v1", {small_tar("a", noise(100'000))});
  fixture.registry.faults.drops = 1;
  fixture.registry.faults.drop_after_bytes = 5000;  // more than the documents have
  CHECK(fixture.pull(kName)->finished);
  fixture.check_no_leftovers();
}

TEST_CASE("scratch cannot be pulled") {
  PullFixture fixture;
  PullRequest request;
  request.reference = oci::Reference::parse("scratch").value();
  const auto refused = start_pull(*fixture.daemon, std::move(request), std::make_shared<Lines>());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().kind == ErrorKind::forbidden);
  CHECK(refused.error().message == "'scratch' is a reserved name");
}

TEST_CASE("a pulled image is there after the daemon was killed") {
  PullFixture fixture;
  add_remote(fixture.registry, "team/app", "v1", {small_tar()});
  fixture.pull(kName);
  fixture.reopen();
  CHECK(fixture.images().lookup(kName).ok());
  fixture.check_no_leftovers();
}

TEST_CASE("a daemon killed in the middle of a pull leaves nothing to the next one") {
  for (int steps = 3; steps < 40; steps += 4) {
    CAPTURE(steps);
    PullFixture fixture;
    add_remote(fixture.registry, "team/app", "v1", {small_tar("a", noise(20'000)), small_tar("b", "2")});
    auto sink = fixture.begin(kName);
    for (int i = 0; i < steps; ++i) fixture.daemon->step();
    // Dead: nothing it does from here on reaches the disk.
    fixture.disk.disk().writes_left = 0;
    fixture.daemon.reset();
    fixture.disk.disk().writes_left = UINT64_MAX;
    fixture.reopen();
    fixture.check_no_leftovers();
    CHECK(fixture.pull(kName)->finished);
  }
}
