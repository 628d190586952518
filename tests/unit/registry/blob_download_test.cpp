#include "registry/blob_download.h"

#include <doctest/doctest.h>

#include "registry_fixture.h"

using namespace drydock;
using namespace drydock::registry;
using testing::MemoryRegistry;

namespace {

struct DownloadFixture : Fixture {
  DownloadFixture() {
    for (int i = 0; i < 20'000; ++i) bytes += concat(i, " ");
    descriptor.digest = oci::Digest::parse(registry.add_blob("team/app", bytes)).value();
    descriptor.size = bytes.size();
  }

  std::unique_ptr<BlobDownload> download() { return std::make_unique<BlobDownload>(session(), *store, descriptor); }
  std::string stored() { return store->read_small(descriptor.digest, 1u << 20).value_or("not there"); }

  std::string bytes;
  oci::Descriptor descriptor;
};

}  // namespace

TEST_CASE("a blob is downloaded into the store, with its progress told") {
  DownloadFixture fixture;
  auto download = fixture.download();
  CHECK(download->stage() == BlobDownload::Stage::waiting);
  REQUIRE(fixture.run(*download));
  CHECK(Fixture::message_of(*download) == "");
  CHECK(download->stage() == BlobDownload::Stage::complete);
  CHECK(download->received_bytes() == fixture.bytes.size());
  CHECK(fixture.stored() == fixture.bytes);
}

TEST_CASE("a blob that is in the store is not asked for") {
  DownloadFixture fixture;
  REQUIRE(fixture.store->put(fixture.bytes).ok());
  auto download = fixture.download();
  REQUIRE(fixture.run(*download));
  CHECK(download->stage() == BlobDownload::Stage::exists);
  CHECK(fixture.registry.seen.empty());
}

TEST_CASE("what breaks off is resumed with a Range, after a pause") {
  DownloadFixture fixture;
  fixture.registry.faults.drops = 3;
  fixture.registry.faults.drop_after_bytes = 30'000;
  auto download = fixture.download();
  REQUIRE(fixture.run(*download));
  CHECK(Fixture::message_of(*download) == "");
  CHECK(fixture.stored() == fixture.bytes);
  CHECK(fixture.registry.seen.back().headers.get("Range") == "bytes=90000-");
  CHECK(fixture.waited_ns >= 3 * kNanosPerSecond);
}

TEST_CASE("a server without ranges sends all again, and only what is new is kept") {
  DownloadFixture fixture;
  fixture.registry.faults.drops = 1;
  fixture.registry.faults.drop_after_bytes = 50'000;
  fixture.registry.faults.no_ranges = true;
  auto download = fixture.download();
  REQUIRE(fixture.run(*download));
  CHECK(Fixture::message_of(*download) == "");
  CHECK(fixture.stored() == fixture.bytes);
}

TEST_CASE("a dropped download is resumed by the next one of the same blob") {
  DownloadFixture fixture;
  fixture.registry.faults.drops = 1;
  fixture.registry.faults.drop_after_bytes = 40'000;
  {
    auto first = fixture.download();
    for (int i = 0; i < 1000 && first->deadline_ns() == kNoDeadline; ++i) static_cast<void>(first->step());
    CHECK(first->received_bytes() == 40'000);
    CHECK(first->retry_in_seconds() == 1);
  }
  auto second = fixture.download();
  REQUIRE(fixture.run(*second));
  CHECK(fixture.registry.seen.back().headers.get("Range") == "bytes=40000-");
  CHECK(fixture.stored() == fixture.bytes);
}

TEST_CASE("a download of what another one has under way waits and finds it there") {
  DownloadFixture fixture;
  auto first = fixture.download();
  auto second = fixture.download();
  for (int i = 0; i < 1000 && first->received_bytes() == 0; ++i) static_cast<void>(first->step());
  CHECK(second->step() == Operation::State::waiting);
  CHECK(second->step() == Operation::State::waiting);
  REQUIRE(fixture.run(*first));
  REQUIRE(fixture.run(*second));
  CHECK(first->stage() == BlobDownload::Stage::complete);
  CHECK(second->stage() == BlobDownload::Stage::exists);
}

TEST_CASE("after five tries without progress it gives up") {
  DownloadFixture fixture;
  fixture.registry.faults.server_errors = 1000;
  auto download = fixture.download();
  REQUIRE(fixture.run(*download));
  CHECK(Fixture::message_of(*download) ==
        "download failed after attempts=5: received unexpected HTTP status: 500 Internal Server Error");
  CHECK(fixture.requests("GET", "/blobs/") == 5);
  CHECK(fixture.waited_ns == 15 * kNanosPerSecond);
}

TEST_CASE("a blob with other bytes than its digest says is refused and leaves nothing") {
  DownloadFixture fixture;
  fixture.registry.faults.wrong_bytes = true;
  auto download = fixture.download();
  REQUIRE(fixture.run(*download));
  CHECK(download->failure()->kind == ErrorKind::corrupt);
  CHECK(Fixture::message_of(*download) ==
        concat("filesystem layer verification failed for digest ", fixture.descriptor.digest.str()));
  CHECK(!fixture.store->contains(fixture.descriptor.digest));
  CHECK(fixture.requests("GET", "/blobs/") == 1);
}

TEST_CASE("pieces that do not fit together are downloaded anew in one piece") {
  DownloadFixture fixture;
  {
    auto ingest = fixture.store->ingest(fixture.descriptor.digest.str());
    REQUIRE(ingest.ok());
    REQUIRE(ingest.value()->write("rubbish of an earlier day").ok());
  }
  auto download = fixture.download();
  REQUIRE(fixture.run(*download));
  CHECK(Fixture::message_of(*download) == "");
  CHECK(fixture.stored() == fixture.bytes);
  CHECK(fixture.requests("GET", "/blobs/") == 2);
}

TEST_CASE("a blob of another size than its descriptor says is refused") {
  DownloadFixture fixture;
  for (const std::uint64_t size : {fixture.bytes.size() - 1, fixture.bytes.size() + 1}) {
    fixture.descriptor.size = size;
    auto download = fixture.download();
    REQUIRE(fixture.run(*download));
    CHECK(download->failure()->kind == ErrorKind::corrupt);
    CHECK(!fixture.store->contains(fixture.descriptor.digest));
  }
}

TEST_CASE("more bytes here than there are there: 416 begins anew") {
  DownloadFixture fixture;
  {
    auto ingest = fixture.store->ingest(fixture.descriptor.digest.str());
    REQUIRE(ingest.value()->write(std::string(fixture.bytes.size() + 10, 'x')).ok());
  }
  fixture.descriptor.size = fixture.bytes.size();
  auto download = fixture.download();
  REQUIRE(fixture.run(*download));
  CHECK(fixture.stored() == fixture.bytes);
}

TEST_CASE("an unknown blob is not tried again") {
  DownloadFixture fixture;
  fixture.descriptor.digest = oci::Digest::parse(concat("sha256:", std::string(64, 'e'))).value();
  auto download = fixture.download();
  REQUIRE(fixture.run(*download));
  CHECK(Fixture::message_of(*download) == "download failed after attempts=1: unknown blob");
}

TEST_CASE("a redirect to a storage host is followed without the credentials") {
  DownloadFixture fixture;
  fixture.registry.auth = MemoryRegistry::Auth::basic;
  fixture.registry.faults.redirect_blobs = true;
  fixture.credentials = Fixture::keeper();
  fixture.settings.insecure_registries = {"registry.test"};
  auto download = fixture.download();
  REQUIRE(fixture.run(*download));
  CHECK(Fixture::message_of(*download) == "");
  CHECK(fixture.stored() == fixture.bytes);
  REQUIRE(fixture.registry.seen.back().url.starts_with("https://storage.test/"));
  CHECK(!fixture.registry.seen.back().headers.has("Authorization"));
  CHECK(!fixture.registry.seen.back().accept_any_certificate);
}

TEST_CASE("redirects without end are stopped") {
  DownloadFixture fixture;
  fixture.registry.faults.redirect_forever = true;
  auto download = fixture.download();
  REQUIRE(fixture.run(*download));
  CHECK(Fixture::message_of(*download) == "download failed after attempts=1: stopped after 10 redirects");
  CHECK(fixture.requests("GET", "/blobs/") == 10);
}
