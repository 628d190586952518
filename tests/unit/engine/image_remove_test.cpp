#include "engine/image_remove.h"

#include "engine/commit.h"
#include "tests/unit/engine/images_fixture.h"

using namespace drydock;
using namespace drydock::engine;
using Words = std::vector<std::string>;

namespace {

Words lines_of(const std::vector<RemovedImage>& removed) {
  Words lines;
  for (const auto& item : removed) lines.push_back(item.untagged.empty() ? "deleted" : "untagged " + item.untagged);
  return lines;
}

Words remove(ImagesFixture& fixture, const std::string& name, Force force = Force::no) {
  auto removed = remove_image(*fixture.daemon, name, force, PruneParents::yes);
  REQUIRE_MESSAGE(removed.ok(), removed.error().message);
  return lines_of(*removed);
}

std::string conflict(ImagesFixture& fixture, const std::string& name, Force force = Force::no) {
  const auto removed = remove_image(*fixture.daemon, name, force, PruneParents::yes);
  REQUIRE_FALSE(removed.ok());
  CHECK(removed.error().kind == ErrorKind::conflict);
  return removed.error().message;
}

storage::ImageId commit(ImagesFixture& fixture, const std::string& container, const std::string& name,
                        Words changes = {}) {
  CommitRequest request;
  request.container = container;
  request.repository = name;
  request.author = "me";
  request.message = "said so";
  request.changes = std::move(changes);
  std::optional<Result<storage::ImageId>> answer;
  const auto started =
      start_commit(*fixture.daemon, std::move(request), [&answer](const Result<storage::ImageId>& id) { answer = id; });
  REQUIRE_MESSAGE(started.ok(), started.error().message);
  fixture.run();
  REQUIRE(answer.has_value());
  REQUIRE_MESSAGE(answer->ok(), answer->error().message);
  return answer->value();
}

void write_into(ImagesFixture& fixture, const std::string& container, const std::string& file) {
  const std::string path = "snapshots/" + container + "/upper/" + file;
  REQUIRE(fixture.disk.write_atomic(path, "new", 0644).ok());
}

}  // namespace

TEST_CASE("the last name takes the image with it, an earlier one does not") {
  ImagesFixture fixture;
  const std::string id = fixture.import("busybox:a", small_tar());
  REQUIRE(tag_image(*fixture.daemon, "busybox:a", "busybox", "b").ok());
  CHECK(remove(fixture, "busybox:a") == Words{"untagged busybox:a"});
  CHECK(remove(fixture, "busybox:b") == Words{"untagged busybox:b", "deleted", "deleted"});
  CHECK_FALSE(fixture.images().lookup(id).ok());
  CHECK(fixture.images().layers().list().empty());
}

TEST_CASE("an image in two repositories is only removed by id with force") {
  ImagesFixture fixture;
  const std::string id = fixture.import("busybox:a", small_tar());
  REQUIRE(tag_image(*fixture.daemon, "busybox:a", "other", "").ok());
  CHECK(conflict(fixture, id) == "conflict: unable to delete " + id.substr(7, 12) +
                                     " (must be forced) - image is referenced in multiple repositories");
  CHECK(remove(fixture, id, Force::yes) == Words{"untagged busybox:a", "untagged other:latest", "deleted", "deleted"});
}

TEST_CASE("a digest goes with the last tag of its repository") {
  ImagesFixture fixture;
  const std::string id = fixture.import("busybox:a", small_tar());
  const std::string digest = "busybox@sha256:" + std::string(64, '0');
  auto& store = fixture.images().store();
  REQUIRE(store.tag(digest, archive::Digest::parse(id).value(), fixture.clock.now()).ok());
  CHECK(remove(fixture, "busybox:a") == Words{"untagged busybox:a", "untagged " + digest, "deleted", "deleted"});
}

TEST_CASE("an image that a container uses stays, in dockerd's words") {
  ImagesFixture fixture;
  const std::string id = fixture.import("busybox:a", small_tar());
  fixture.add_container("c0ffee000000ffff", id);
  CHECK(conflict(fixture, "busybox:a") ==
        "conflict: unable to remove repository reference \"busybox:a\" (must force) - container c0ffee000000 is using "
        "its referenced image " +
            id.substr(7, 12));
  CHECK(conflict(fixture, id) == "conflict: unable to delete " + id.substr(7, 12) +
                                     " (must be forced) - image is being used by stopped container c0ffee000000");
  CHECK(remove(fixture, "busybox:a", Force::yes) == Words{"untagged busybox:a", "deleted"});
  CHECK(fixture.images().layers().list().size() == 1);
}

TEST_CASE("an image that a running container uses cannot be removed by id at all") {
  ImagesFixture fixture;
  const std::string id = fixture.import("busybox:a", small_tar());
  fixture.add_container("c0ffee000000ffff", id, Status::running);
  CHECK(conflict(fixture, id, Force::yes) ==
        "conflict: unable to delete " + id.substr(7, 12) +
            " (cannot be forced) - image is being used by running container c0ffee000000");
}

TEST_CASE("an image that is not there is not_found") {
  ImagesFixture fixture;
  const auto removed = remove_image(*fixture.daemon, "nosuch", Force::no, PruneParents::yes);
  CHECK(removed.error().kind == ErrorKind::not_found);
  CHECK(removed.error().message == "No such image: nosuch:latest");
}

TEST_CASE("tags are refused in dockerd's words") {
  ImagesFixture fixture;
  fixture.import("busybox:a", small_tar());
  const auto refused = [&](const std::string& repository, const std::string& tag) {
    return tag_image(*fixture.daemon, "busybox:a", repository, tag).error().message;
  };
  CHECK(refused("UPPER", "") == "invalid reference format: repository name must be lowercase");
  CHECK(refused("", "") == "invalid reference format");
  CHECK(refused("x", "-bad") == "invalid tag format");
  CHECK(refused("x@sha256:" + std::string(64, '0'), "") == "refusing to create a tag with a digest reference");
}

TEST_CASE("prune takes images without a tag, or all that nobody uses") {
  ImagesFixture fixture;
  const std::string loose = fixture.import("", small_tar("a"));
  const std::string used = fixture.import("used:v1", small_tar("b"));
  fixture.import("idle:v1", small_tar("c"));
  fixture.add_container("c0ffee000000ffff", used);
  const auto any = [](const storage::Image&) { return true; };
  auto pruned = prune_images(*fixture.daemon, true, any);
  CHECK(lines_of(pruned.removed) == Words{"deleted", "deleted"});
  CHECK(pruned.bytes == 5);
  CHECK_FALSE(fixture.images().lookup(loose).ok());
  pruned = prune_images(*fixture.daemon, false, any);
  CHECK(lines_of(pruned.removed) == Words{"untagged idle:v1", "deleted", "deleted"});
  CHECK(fixture.images().lookup("used:v1").ok());
}

TEST_CASE("a commit makes an image with one more layer, whose parent keeps the container's image") {
  ImagesFixture fixture;
  const std::string base = fixture.import("busybox:a", small_tar());
  fixture.add_container("c0ffee000000ffff", base);
  write_into(fixture, "c0ffee000000ffff", "added");
  const auto id = commit(fixture, "c0ffee000000ffff", "made:v1", {"CMD [\"ls\"]", "ENV A=b"});
  const auto found = fixture.images().find("made:v1");
  REQUIRE(found.ok());
  CHECK(found->id == id);
  CHECK(found->config.diff_ids.size() == 2);
  CHECK(found->config.config.cmd == Words{"ls"});
  CHECK(found->config.config.env == Words{"A=b"});
  CHECK(found->config.author == "me");
  REQUIRE(found->config.history.size() == 2);
  CHECK(found->config.history[1].created_by == "sh -c true");
  CHECK(found->config.history[1].comment == "said so");
  CHECK(fixture.images().store().find(id)->parent->str() == base);
  CHECK(fixture.images().layers().remove_unheld().value().empty());
  CHECK(conflict(fixture, base, Force::yes).find("image has dependent child images") != std::string::npos);
}

TEST_CASE("a commit of a container that changed nothing adds no layer") {
  ImagesFixture fixture;
  fixture.add_container("c0ffee000000ffff", fixture.import("busybox:a", small_tar()));
  commit(fixture, "c0ffee000000ffff", "made:v1");
  const auto found = fixture.images().find("made:v1");
  CHECK(found->config.diff_ids.size() == 1);
  CHECK(found->config.history.back().empty_layer);
}

TEST_CASE("a running container is paused while it is committed, and goes on") {
  ImagesFixture fixture;
  fixture.add_container("c0ffee000000ffff", fixture.import("busybox:a", small_tar()), Status::running);
  commit(fixture, "c0ffee000000ffff", "made:v1");
  CHECK(fixture.runtime.frozen.empty());
  const auto actions = fixture.event_actions();
  CHECK(std::find(actions.begin(), actions.end(), "pause") != actions.end());
  CHECK(std::find(actions.begin(), actions.end(), "unpause") != actions.end());
}
