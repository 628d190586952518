#include "storage/image_store.h"

#include <doctest/doctest.h>

#include "tests/support/layer_fixture.h"
#include "tests/support/memory_host_fs.h"

using namespace drydock;
using namespace drydock::storage;
using testing::TarBuilder;

namespace {

struct Fixture {
  testing::MemoryHostFs fs;
  SeededRandom random{1};
  std::unique_ptr<LayerStore> layers;
  std::unique_ptr<ImageStore> images;

  Fixture() { reopen(); }
  void reopen() {
    images.reset();
    layers = LayerStore::open(fs, random).value();
    images = ImageStore::open(*layers).value();
  }
  ImageId add(std::string_view name) {
    const Layer layer = testing::unpack(*layers, std::nullopt, TarBuilder().file(name, "x").finish(), "pull").value();
    const std::string config =
        concat("{\"architecture\":\"amd64\",\"os\":\"linux\",\"author\":\"", name,
               "\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"", layer.diff.str(), "\"]}}");
    auto id = images->add(config);
    REQUIRE_MESSAGE(id.ok(), id.error().message);
    CHECK(layers->release(layer.chain, "pull").value().empty());
    return *id;
  }
};

}  // namespace

TEST_CASE("an image is found by name, id and the start of its id") {
  Fixture f;
  const ImageId id = f.add("a");
  CHECK(f.images->tag("busybox:latest", id, {1}).ok());
  for (const std::string& name : {std::string("busybox"), std::string("docker.io/library/busybox:latest"), id.str(),
                                  std::string(id.hex()), std::string(id.short_hex()), id.str().substr(0, 20)}) {
    CAPTURE(name);
    CHECK(f.images->lookup(name).value()->id == id);
  }
  CHECK(f.images->names_of(id) == std::vector<std::string>{"busybox:latest"});
  CHECK(f.images->find(id)->last_tagged.ns == 1);
}

TEST_CASE("what is not there is missed in dockerd's words") {
  Fixture f;
  f.add("a");
  CHECK(f.images->lookup("nosuch").error().message == "No such image: nosuch:latest");
  CHECK(f.images->lookup("nosuch").error().kind == ErrorKind::not_found);
  CHECK(f.images->lookup("UPPER").error().kind == ErrorKind::invalid_argument);
  const std::string id = "sha256:" + std::string(64, 'a');
  CHECK(f.images->lookup(id).error().message == "No such image: " + id);
}

TEST_CASE("the start of several ids names none of them") {
  Fixture f;
  std::map<char, int> starts;
  char twice = 0;
  for (int i = 0; i < 17; ++i) {
    const ImageId id = f.add(concat("image", i));
    if (++starts[id.hex()[0]] == 2) twice = id.hex()[0];
  }
  REQUIRE(twice != 0);  // 17 ids, 16 digits
  const std::string prefix(1, twice);
  CHECK(f.images->lookup(prefix).error().message == concat("No such image: ", prefix, ":latest"));
}

TEST_CASE("a name moves to another image, and goes alone") {
  Fixture f;
  const ImageId a = f.add("a");
  const ImageId b = f.add("b");
  CHECK(f.images->tag("app:1", a, {1}).ok());
  CHECK(f.images->tag("app:1", b, {2}).ok());
  CHECK(f.images->lookup("app:1").value()->id == b);
  CHECK(f.images->names_of(a).empty());
  CHECK(f.images->untag("app:1").value());
  CHECK(!f.images->untag("app:1").value());
  CHECK(f.images->find(b) != nullptr);
  CHECK(f.images->tag("sha256:1", a, {1}).error().kind == ErrorKind::invalid_argument);
  CHECK(f.images->tag("x", archive::digest_of("x"), {1}).error().kind == ErrorKind::not_found);
}

TEST_CASE("images, names and parents survive the daemon, layers go with the last image") {
  Fixture f;
  const ImageId a = f.add("a");
  const ImageId b = f.add("b");
  const std::string digest_name = "repo/app@" + archive::digest_of("manifest").str();
  CHECK(f.images->tag("app:1", a, {1}).ok());
  CHECK(f.images->tag(digest_name, a, {1}).ok());
  CHECK(f.images->add(f.images->find(b)->config, a).value() == b);
  f.reopen();
  CHECK(f.layers->remove_unheld().value().empty());
  CHECK(f.images->names().size() == 2);
  CHECK(f.images->lookup(digest_name).value()->id == a);
  CHECK(f.images->find(b)->parent == a);
  CHECK(f.images->children(a).size() == 1);
  CHECK(f.images->remove(a).value().size() == 1);
  CHECK(f.images->names().empty());
  CHECK(f.layers->list().size() == 1);
  CHECK(f.images->remove(a).error().kind == ErrorKind::not_found);
  f.reopen();
  CHECK(f.images->list().size() == 1);
}

TEST_CASE("an image needs its layers") {
  Fixture f;
  const std::string config =
      concat("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"", archive::digest_of("absent").str(), "\"]}}");
  CHECK(f.images->add(config).error().kind == ErrorKind::not_found);
  CHECK(!f.images->add("{}").ok());
  CHECK(!f.images->add("no json").ok());
  CHECK(f.fs.list("images/config").value().empty());
}

TEST_CASE("damaged images and names are left out and named") {
  Fixture f;
  const ImageId a = f.add("a");
  const ImageId b = f.add("b");
  CHECK(f.images->tag("a", a, {1}).ok());
  CHECK(f.images->tag("b", b, {1}).ok());
  REQUIRE(f.fs.write_atomic(concat("images/config/", a.hex()), "{}", 0600).ok());
  f.reopen();
  CHECK(f.images->list().size() == 1);
  CHECK(f.images->damage().size() == 2);
  CHECK(f.images->lookup("b").value()->id == b);
  REQUIRE(f.fs.write_atomic("images/repositories.json", "{\"Repos", 0600).ok());
  f.reopen();
  CHECK(f.images->lookup(b.str()).ok());
  CHECK(f.images->names().empty());
}
