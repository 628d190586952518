#include "storage/content_store.h"

#include <doctest/doctest.h>

#include "tests/support/memory_host_fs.h"

using namespace drydock;
using namespace drydock::storage;
using archive::digest_of;

TEST_CASE("a blob is there once its size and digest are verified") {
  testing::MemoryHostFs fs;
  auto store = ContentStore::open(fs).value();
  auto ingest = store->ingest("layer").value();
  CHECK(ingest->write("hello ").ok());
  CHECK(ingest->write("world").ok());
  const auto digest = digest_of("hello world");
  CHECK(!store->contains(digest));
  CHECK(ingest->commit(digest, 11).value().size == 11);
  CHECK(store->contains(digest));
  CHECK(store->read_small(digest, 11).value() == "hello world");
  CHECK(store->list().value().size() == 1);
  CHECK(fs.stat("content/blobs/sha256/b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9").ok());
  CHECK(!ingest->write("more").ok());
}

TEST_CASE("another digest or size than promised is corrupt and leaves nothing") {
  testing::MemoryHostFs fs;
  auto store = ContentStore::open(fs).value();
  SUBCASE("digest") {
    auto ingest = store->ingest("x").value();
    CHECK(ingest->write("evil").ok());
    CHECK(ingest->commit(digest_of("good"), 4).error().kind == ErrorKind::corrupt);
  }
  SUBCASE("size") {
    auto ingest = store->ingest("x").value();
    CHECK(ingest->write("evil").ok());
    CHECK(ingest->commit(digest_of("evil"), 5).error().kind == ErrorKind::corrupt);
  }
  CHECK(store->list().value().empty());
  CHECK(fs.list("content/ingest").value().empty());
}

TEST_CASE("an ingest goes on where the one before it stopped") {
  testing::MemoryHostFs fs;
  auto store = ContentStore::open(fs).value();
  CHECK(store->ingest("pull:1").value()->write("hello ").ok());
  auto ingest = store->ingest("pull:1").value();
  CHECK(ingest->size() == 6);
  CHECK(store->ingest("pull:1").error().kind == ErrorKind::conflict);
  CHECK(ingest->write("world").ok());
  CHECK(ingest->commit(digest_of("hello world"), std::nullopt).ok());
  ingest.reset();
  CHECK(store->ingest("pull:1").value()->size() == 0);
}

TEST_CASE("ingests end with the daemon, blobs do not") {
  testing::MemoryHostFs fs;
  {
    auto store = ContentStore::open(fs).value();
    CHECK(store->put("kept").ok());
    CHECK(store->ingest("half").value()->write("lost").ok());
  }
  auto store = ContentStore::open(fs).value();
  CHECK(store->contains(digest_of("kept")));
  CHECK(store->ingest("half").value()->size() == 0);
}

TEST_CASE("a blob that was changed on disk is not handed out") {
  testing::MemoryHostFs fs;
  auto store = ContentStore::open(fs).value();
  const auto blob = store->put("true").value();
  CHECK(fs.write_atomic(concat("content/blobs/sha256/", blob.digest.hex()), "fake", 0644).ok());
  CHECK(store->read_small(blob.digest, 100).error().kind == ErrorKind::corrupt);
  CHECK(store->read_small(blob.digest, 3).error().kind == ErrorKind::too_large);
  CHECK(store->read_small(digest_of("other"), 100).error().kind == ErrorKind::not_found);
  CHECK(store->remove(blob.digest).ok());
  CHECK(store->remove(blob.digest).ok());
  CHECK(!store->contains(blob.digest));
}
