#include "engine/push.h"

#include "engine/image_remove.h"
#include "engine/pull.h"
#include "tests/unit/engine/images_fixture.h"

using namespace drydock;
using namespace drydock::engine;

namespace {

struct PushFixture : ImagesFixture {
  std::shared_ptr<Lines> push(const std::string& name) {
    PushRequest request;
    request.reference = oci::Reference::parse(name).value();
    auto sink = std::make_shared<Lines>();
    start_push(*daemon, std::move(request), sink);
    run();
    return sink;
  }
  std::shared_ptr<Lines> pull(const std::string& name) {
    PullRequest request;
    request.reference = oci::Reference::parse(name).value();
    auto sink = std::make_shared<Lines>();
    REQUIRE(start_pull(*daemon, std::move(request), sink).ok());
    run();
    return sink;
  }
  int requests(std::string_view method, std::string_view part) const {
    int count = 0;
    for (const auto& seen : registry.seen) count += seen.method == method && seen.url.find(part) != std::string::npos;
    return count;
  }
};

const std::string kName = "registry.test/team/app:v1";

}  // namespace

TEST_CASE("a pushed image comes back with the same id and the digest that was told") {
  PushFixture fixture;
  const std::string id = fixture.import(kName, small_tar());
  const auto lines = fixture.push(kName);
  REQUIRE_MESSAGE(lines->finished, lines->error->message);
  fixture.check_no_leftovers();
  REQUIRE(fixture.registry.manifests["team/app"].count("v1") == 1);
  const std::string digest = archive::digest_of(fixture.registry.manifests["team/app"]["v1"].bytes).str();
  CHECK(lines->contains("\"v1: digest: " + digest + " size: "));
  CHECK(lines->contains("\"aux\":{\"Tag\":\"v1\",\"Digest\":\"" + digest + "\""));

  REQUIRE(remove_image(*fixture.daemon, id, Force::yes, PruneParents::yes).ok());
  CHECK(fixture.pull(kName)->contains("Digest: " + digest));
  CHECK(fixture.images().lookup(kName).value()->id.str() == id);
}

TEST_CASE("a push tells what it does in dockerd's words") {
  PushFixture fixture;
  fixture.import(kName, small_tar());
  const auto lines = fixture.push(kName);
  const std::string diff(archive::digest_of(small_tar()).short_hex());
  CHECK(lines->text.find("{\"status\":\"The push refers to repository [registry.test/team/app]\"}\r\n"
                         "{\"status\":\"Preparing\",\"progressDetail\":{},\"id\":\"" +
                         diff + "\"}\r\n") == 0);
  CHECK(lines->contains("{\"status\":\"Pushed\",\"progressDetail\":{},\"id\":\"" + diff + "\"}\r\n"));
  const auto actions = fixture.event_actions();
  CHECK(actions.back() == "push");
}

TEST_CASE("layers that the registry has are not sent again") {
  PushFixture fixture;
  fixture.import(kName, small_tar());
  fixture.push(kName);
  const int uploads = fixture.requests("PATCH", "/uploads/");
  const auto again = fixture.push(kName);
  CHECK(again->finished);
  CHECK(again->contains("Layer already exists"));
  CHECK(fixture.requests("PATCH", "/uploads/") == uploads);
}

TEST_CASE("a layer is mounted from the repository that has it") {
  PushFixture fixture;
  fixture.import(kName, small_tar());
  fixture.push(kName);
  REQUIRE(tag_image(*fixture.daemon, kName, "registry.test/other", "v2").ok());
  const auto lines = fixture.push("registry.test/other:v2");
  CHECK(lines->finished);
  CHECK(lines->contains("Mounted from team/app"));
}

TEST_CASE("a layer that the registry has lost meanwhile is made and sent anew") {
  PushFixture fixture;
  fixture.import(kName, small_tar());
  fixture.push(kName);
  fixture.registry.blobs.clear();
  const auto again = fixture.push(kName);
  CHECK(again->finished);
  CHECK(again->contains("\"Pushed\""));
  fixture.check_no_leftovers();
}

TEST_CASE("the same layer makes the same blob each time") {
  PushFixture one, two;
  for (PushFixture* fixture : {&one, &two}) {
    fixture->import(kName, small_tar());
    fixture->push(kName);
  }
  CHECK(one.registry.manifests["team/app"]["v1"].bytes == two.registry.manifests["team/app"]["v1"].bytes);
}

TEST_CASE("a name that is not there cannot be pushed") {
  PushFixture fixture;
  fixture.import(kName, small_tar());
  CHECK(fixture.push("nosuchimg")->error->message == "An image does not exist locally with the tag: nosuchimg");
  CHECK(fixture.push("registry.test/team/app:nosuch")->error->message ==
        "tag does not exist: registry.test/team/app:nosuch");
}

TEST_CASE("a push without a tag pushes every tag of the repository") {
  PushFixture fixture;
  fixture.import(kName, small_tar());
  REQUIRE(tag_image(*fixture.daemon, kName, "registry.test/team/app", "v2").ok());
  const auto lines = fixture.push("registry.test/team/app");
  CHECK(lines->contains("v1: digest: "));
  CHECK(lines->contains("v2: digest: "));
}
