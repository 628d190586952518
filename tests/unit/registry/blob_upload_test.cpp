#include "registry/blob_upload.h"

#include <doctest/doctest.h>

#include "registry_fixture.h"

using namespace drydock;
using namespace drydock::registry;
using testing::MemoryRegistry;

namespace {

struct UploadFixture : Fixture {
  UploadFixture() {
    for (int i = 0; i < 20'000; ++i) bytes += concat(i, " ");
    descriptor.digest = store->put(bytes).value().digest;
    descriptor.size = bytes.size();
  }

  std::unique_ptr<BlobUpload> upload(std::vector<std::string> mount_from = {}) {
    return std::make_unique<BlobUpload>(session("team/app", Access::push), descriptor,
                                        open_from(*store, descriptor.digest), std::move(mount_from));
  }
  bool arrived() const { return registry.has_blob("team/app", descriptor.digest.str()); }

  std::string bytes;
  oci::Descriptor descriptor;
};

}  // namespace

TEST_CASE("a blob is uploaded") {
  UploadFixture fixture;
  for (const bool without_host : {true, false}) {
    fixture.registry.blobs.clear();
    fixture.registry.faults.location_without_host = without_host;
    auto upload = fixture.upload();
    REQUIRE(fixture.run(*upload));
    CHECK(Fixture::message_of(*upload) == "");
    CHECK(upload->outcome() == BlobUpload::Outcome::uploaded);
    CHECK(upload->sent_bytes() == fixture.bytes.size());
    CHECK(fixture.registry.blobs["team/app"][fixture.descriptor.digest.str()] == fixture.bytes);
  }
}

TEST_CASE("a blob that is there already is not sent") {
  UploadFixture fixture;
  fixture.registry.add_blob("team/app", fixture.bytes);
  auto upload = fixture.upload();
  REQUIRE(fixture.run(*upload));
  CHECK(upload->outcome() == BlobUpload::Outcome::exists);
  CHECK(fixture.requests("POST", "") == 0);
}

TEST_CASE("a blob of another repository is mounted") {
  UploadFixture fixture;
  fixture.registry.auth = MemoryRegistry::Auth::bearer;
  fixture.credentials = Fixture::keeper();
  fixture.registry.add_blob("other/app", fixture.bytes);
  auto upload = fixture.upload({"team/app", "not/there", "other/app"});
  REQUIRE(fixture.run(*upload));
  CHECK(Fixture::message_of(*upload) == "");
  CHECK(upload->outcome() == BlobUpload::Outcome::mounted);
  CHECK(upload->mounted_from() == "other/app");
  CHECK(fixture.arrived());
  CHECK(fixture.requests("PATCH", "") == 0);
}

TEST_CASE("what cannot be mounted is uploaded") {
  UploadFixture fixture;
  auto upload = fixture.upload({"not/there"});
  REQUIRE(fixture.run(*upload));
  CHECK(upload->outcome() == BlobUpload::Outcome::uploaded);
  CHECK(fixture.arrived());
  CHECK(fixture.requests("POST", "") == 1);
}

TEST_CASE("an upload that breaks off goes on where the registry has got to") {
  UploadFixture fixture;
  fixture.registry.faults.upload_drops = 2;
  fixture.registry.faults.upload_drop_after = 40'000;
  auto upload = fixture.upload();
  REQUIRE(fixture.run(*upload));
  CHECK(Fixture::message_of(*upload) == "");
  CHECK(fixture.arrived());
  CHECK(fixture.requests("POST", "") == 1);
  CHECK(fixture.requests("PATCH", "") == 3);
}

TEST_CASE("an upload that never gets anywhere is given up") {
  UploadFixture fixture;
  fixture.registry.faults.upload_drops = 1000;
  fixture.registry.faults.upload_drop_after = 0;
  auto upload = fixture.upload();
  REQUIRE(fixture.run(*upload));
  CHECK(Fixture::message_of(*upload).ends_with("write: broken pipe"));
  CHECK(!fixture.arrived());
}

TEST_CASE("bytes that do not have the digest are refused by the registry, and that is told") {
  UploadFixture fixture;
  BlobUpload upload(fixture.session("team/app", Access::push), fixture.descriptor,
                    [&](std::uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
                      std::string wrong(fixture.bytes.size(), 'w');
                      return std::unique_ptr<ByteSource>(std::make_unique<StringSource>(wrong.substr(offset)));
                    });
  REQUIRE(fixture.run(upload));
  CHECK(Fixture::message_of(upload) == "digest invalid: provided digest did not match uploaded content");
  CHECK(!fixture.arrived());
}

TEST_CASE("a push without credentials is refused in Docker's words") {
  UploadFixture fixture;
  fixture.registry.auth = MemoryRegistry::Auth::basic;
  auto basic = fixture.upload();
  REQUIRE(fixture.run(*basic));
  CHECK(Fixture::message_of(*basic) == "no basic auth credentials");
  fixture.registry.auth = MemoryRegistry::Auth::bearer;
  auto bearer = fixture.upload();
  REQUIRE(fixture.run(*bearer));
  CHECK(Fixture::message_of(*bearer) == "denied: requested access to the resource is denied");
}

TEST_CASE("a server that stumbles is asked again") {
  UploadFixture fixture;
  fixture.registry.faults.server_errors = 2;
  auto upload = fixture.upload();
  REQUIRE(fixture.run(*upload));
  CHECK(Fixture::message_of(*upload) == "");
  CHECK(fixture.arrived());
}
