#include "storage/layer_store.h"

#include <doctest/doctest.h>

#include "tests/support/layer_fixture.h"
#include "tests/support/memory_host_fs.h"

using namespace drydock;
using namespace drydock::storage;
using testing::TarBuilder;
using testing::unpack;

namespace {

struct Fixture {
  testing::MemoryHostFs fs;
  SeededRandom random{1};
  std::unique_ptr<LayerStore> store = LayerStore::open(fs, random).value();

  Layer add(std::optional<ChainId> parent, std::string_view name, std::string_view holder = "test") {
    return unpack(*store, std::move(parent), TarBuilder().file(name, "x").finish(), holder).value();
  }
  void reopen() { store = LayerStore::open(fs, random).value(); }
};

}  // namespace

TEST_CASE("a chain is kept as long as someone holds its top") {
  Fixture f;
  const Layer base = f.add(std::nullopt, "base", "pull");
  const Layer left = f.add(base.chain, "left", "image:1");
  const Layer right = f.add(base.chain, "right", "image:2");
  CHECK(f.store->release(base.chain, "pull").value().empty());
  CHECK(f.store->release(left.chain, "image:1").value() == std::vector<ChainId>{left.chain});
  CHECK(f.store->find(base.chain) != nullptr);
  CHECK(f.store->release(right.chain, "image:2").value() == std::vector<ChainId>{right.chain, base.chain});
  CHECK(f.fs.list("layers").value().empty());
  CHECK(f.fs.list("l").value().empty());
}

TEST_CASE("the same holder may hold twice and has to release twice") {
  Fixture f;
  const Layer layer = f.add(std::nullopt, "a", "x");
  CHECK(f.store->hold(layer.chain, "x").ok());
  CHECK(f.store->release(layer.chain, "x").value().empty());
  CHECK(f.store->release(layer.chain, "stranger").value().empty());
  CHECK(f.store->release(layer.chain, "x").value().size() == 1);
  CHECK(f.store->hold(layer.chain, "x").error().kind == ErrorKind::not_found);
}

TEST_CASE("layers are found again, and what nobody holds goes") {
  Fixture f;
  const Layer base = f.add(std::nullopt, "base");
  const Layer kept = f.add(base.chain, "kept");
  const Layer lost = f.add(kept.chain, "lost");
  REQUIRE(f.fs.remove_tree("l").ok());
  f.reopen();
  CHECK(f.store->list().size() == 3);
  CHECK(f.store->chain_size(lost.chain).value() == 3);
  CHECK(f.store->find(lost.chain)->depth == 3);
  CHECK(f.fs.stat(concat("l/", kept.link)).value().link_target == concat("../", kept.diff_directory()));
  CHECK(f.store->hold(kept.chain, "image:1").ok());
  CHECK(f.store->remove_unheld().value() == std::vector<ChainId>{lost.chain});
  CHECK(f.store->find(base.chain) != nullptr);
}

TEST_CASE("what a dead daemon was unpacking is removed at start") {
  Fixture f;
  auto job = f.store->unpack(std::nullopt, std::nullopt).value();
  CHECK(job->feed(TarBuilder().file("a", "x").finish()).ok());
  f.fs.disk().writes_left = 0;  // dead: it cannot clean up either
  job.reset();
  f.fs.disk().writes_left = UINT64_MAX;
  CHECK(f.fs.list("layers").value().size() == 1);
  f.reopen();
  CHECK(f.fs.list("layers").value().empty());
}

TEST_CASE("a daemon may die at any write: the layer is there whole, or not at all") {
  const std::string tar = TarBuilder().directory("d").file("d/a", "one").file("d/a", "two").finish();
  std::uint64_t deaths = 0;
  for (std::uint64_t writes = 0;; ++writes) {
    testing::MemoryHostFs fs;
    SeededRandom random(1);
    auto store = LayerStore::open(fs, random).value();
    fs.disk().writes_left = writes;
    auto layer = unpack(*store, std::nullopt, tar);
    fs.disk().writes_left = UINT64_MAX;
    store = LayerStore::open(fs, random).value();
    CHECK(store->damage().empty());
    for (const Layer* found : store->list()) {
      auto source = store->open_tar(found->chain).value();
      CHECK(testing::read_all(*source).value() == tar);
      CHECK(fs.stat(concat("l/", found->link)).ok());
    }
    if (layer.ok()) break;
    ++deaths;
  }
  CHECK(deaths > 10);
}

TEST_CASE("a damaged layer is left out and named, with all on top of it, and can be unpacked again") {
  Fixture f;
  const Layer base = f.add(std::nullopt, "base");
  const Layer top = f.add(base.chain, "top");
  REQUIRE(f.fs.write_atomic(base.directory() + "/layer.json", "{\"chain\":", 0644).ok());
  f.reopen();
  CHECK(f.store->list().empty());
  CHECK(f.store->damage().size() == 2);
  CHECK(f.add(std::nullopt, "base").chain == base.chain);
  CHECK(f.add(base.chain, "top").chain == top.chain);
  f.reopen();
  CHECK(f.store->damage().empty());
  CHECK(f.store->list().size() == 2);
}

TEST_CASE("unpacking a layer twice gives the one that was there first") {
  Fixture f;
  const std::string tar = TarBuilder().file("a", "x").finish();
  auto one = f.store->unpack(std::nullopt, std::nullopt).value();
  auto two = f.store->unpack(std::nullopt, std::nullopt).value();
  CHECK(one->feed(tar).ok());
  CHECK(two->feed(tar).ok());
  const ChainId first = one->finish("pull:1").value().chain;
  CHECK(two->finish("pull:2").value().chain == first);
  two.reset();
  CHECK(f.fs.list("layers").value().size() == 1);
}

TEST_CASE("a chain has at most 125 layers") {
  Fixture f;
  std::optional<ChainId> top;
  for (std::size_t depth = 1; depth <= kChainDepthMax; ++depth) top = f.add(top, concat("f", depth)).chain;
  CHECK(f.store->unpack(top, std::nullopt).error().message == "max depth exceeded");
  CHECK(f.store->unpack(archive::digest_of("x"), std::nullopt).error().kind == ErrorKind::not_found);
}
