#include "storage/blob_sources.h"

#include <doctest/doctest.h>

#include "storage/id_map.h"
#include "tests/support/memory_host_fs.h"

using namespace drydock;
using namespace drydock::storage;
using archive::digest_of;

TEST_CASE("a layer remembers its blobs, the newest first, and forgets them") {
  testing::MemoryHostFs fs;
  BlobSources sources(fs);
  const auto diff = digest_of("diff");
  CHECK(sources.add(diff, {digest_of("one"), 10, "application/gzip", "docker.io/library/a"}).ok());
  CHECK(sources.add(diff, {digest_of("two"), 20, "application/zstd", "localhost:5000/b"}).ok());
  CHECK(sources.add(diff, {digest_of("one"), 10, "application/gzip", "docker.io/library/a"}).ok());
  const auto found = BlobSources(fs).of_diff(diff);
  REQUIRE(found.size() == 2);
  CHECK(found[0].repository == "docker.io/library/a");
  CHECK(found[1].size == 20);
  CHECK(sources.diff_of(digest_of("two")) == diff);
  CHECK(sources.forget(diff, digest_of("two"), "localhost:5000/b").ok());
  CHECK(!sources.diff_of(digest_of("two")));
  CHECK(sources.remove(diff).ok());
  CHECK(sources.of_diff(diff).empty());
  CHECK(!sources.diff_of(digest_of("one")));
}

TEST_CASE("a layer remembers at most fifty blobs") {
  testing::MemoryHostFs fs;
  BlobSources sources(fs);
  const auto diff = digest_of("diff");
  for (int i = 0; i < 60; ++i) CHECK(sources.add(diff, {digest_of(concat("b", i)), 1, "", ""}).ok());
  CHECK(sources.of_diff(diff).size() == kBlobSourcesMax);
  CHECK(!sources.diff_of(digest_of("b0")));
  CHECK(sources.diff_of(digest_of("b59")) == diff);
}

TEST_CASE("a damaged entry is as good as none") {
  testing::MemoryHostFs fs;
  BlobSources sources(fs);
  const auto diff = digest_of("diff");
  CHECK(sources.add(diff, {digest_of("one"), 10, "", ""}).ok());
  CHECK(fs.write_atomic(concat("distribution/diffs/", diff.hex(), ".json"), "{\"blobs\":[1,{}", 0600).ok());
  CHECK(fs.write_atomic(concat("distribution/blobs/", digest_of("one").hex()), "junk", 0600).ok());
  CHECK(sources.of_diff(diff).empty());
  CHECK(!sources.diff_of(digest_of("one")));
}

TEST_CASE("ids are mapped both ways, and only within their ranges") {
  const IdMap map({{0, 100000, 10}, {1000, 5000, 1}});
  CHECK(map.to_host(9) == 100009);
  CHECK(!map.to_host(10));
  CHECK(map.to_host(1000) == 5000);
  CHECK(map.to_container(5000) == 1000);
  CHECK(!map.to_container(0));
  CHECK(IdMap().to_host(77) == 77);
}
