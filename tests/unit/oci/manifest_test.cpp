#include "oci/manifest.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "oci/media_types.h"

using namespace drydock;
using namespace drydock::oci;

namespace {

const std::string kA = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4f72b9807785afee48bb";

// As dockerd pushes it.
const std::string kSchema2 = R"({
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
   "config": {
      "mediaType": "application/vnd.docker.container.image.v1+json",
      "size": 1457,
      "digest": ")" + kA + R"("
   },
   "layers": [
      {
         "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
         "size": 772,
         "digest": ")" + kA + R"("
      }
   ]
})";

std::string descriptor(const std::string& extra = "") {
  return R"({"mediaType":"m","digest":")" + kA + R"(","size":1)" + extra + "}";
}

std::string oci_manifest(const std::string& layers, const std::string& extra = "") {
  return R"({"schemaVersion":2)" + extra + R"(,"config":)" + descriptor() + R"(,"layers":)" + layers + "}";
}

std::string index_of(const std::string& manifests, const std::string& extra = "") {
  return R"({"schemaVersion":2)" + extra + R"(,"manifests":)" + manifests + "}";
}

std::string on(const std::string& os, const std::string& architecture) {
  return descriptor(R"(,"platform":{"os":")" + os + R"(","architecture":")" + architecture + R"("})");
}

std::string repeated(std::size_t count) {
  return "[" + join(std::vector<std::string>(count, descriptor()), ",") + "]";
}

ErrorKind kind_of(const std::string& raw, std::string_view content_type = "") {
  auto result = parse_manifest(raw, content_type);
  return result.ok() ? ErrorKind::not_modified : result.error().kind;
}

const Platform kHost = {.os = "linux", .architecture = "amd64"};

}  // namespace

TEST_CASE("a Docker manifest is written byte for byte as dockerd writes it") {
  const ManifestDocument document = parse_manifest(kSchema2, kDockerManifest).value();
  REQUIRE(document.manifest() != nullptr);
  CHECK(document.raw == kSchema2);
  CHECK(document.digest == archive::digest_of(kSchema2));
  CHECK(document.media_type() == kDockerManifest);
  CHECK(document.manifest()->layers[0].size == 772);
  CHECK(to_json_text(*document.manifest()) == kSchema2);
}

TEST_CASE("an OCI manifest is written compactly with OCI's order of members") {
  const std::string raw =
      oci_manifest("[" + descriptor() + "]", R"(,"mediaType":")" + std::string(kOciManifest) + "\"");
  CHECK(to_json_text(*parse_manifest(raw, "").value().manifest()) == raw);
}

TEST_CASE("an index is known by its content type, its mediaType or its members") {
  const std::string raw = index_of("[" + on("linux", "amd64") + "]");
  CHECK(parse_manifest(raw, "").value().index() != nullptr);
  CHECK(parse_manifest(raw, kDockerManifestList).value().media_type() == kDockerManifestList);
  CHECK(parse_manifest(raw, "text/plain; charset=utf-8").value().media_type() == kOciIndex);
}

TEST_CASE("a document that could mean two things is refused") {
  const std::string index = index_of("[]");
  CHECK(kind_of(index, kOciManifest) == ErrorKind::invalid_argument);
  CHECK(kind_of(oci_manifest("[]"), kOciIndex) == ErrorKind::invalid_argument);
  CHECK(kind_of(oci_manifest("[]", R"(,"manifests":[])")) == ErrorKind::invalid_argument);
  CHECK(kind_of(oci_manifest("[]", R"(,"manifests":[])"), kOciManifest) == ErrorKind::invalid_argument);
  CHECK(kind_of(kSchema2, kOciManifest) == ErrorKind::invalid_argument);
}

TEST_CASE("manifests that are broken, old or without a part are refused") {
  for (const std::string& raw :
       {std::string("{"), std::string("[]"), std::string("null"), std::string("{}"),
        std::string(R"({"schemaVersion":3})"), oci_manifest("{}"), oci_manifest("[1]"), oci_manifest("[{}]"),
        oci_manifest("null"), std::string(R"({"schemaVersion":2,"layers":[]})"),
        oci_manifest("[]", R"(,"mediaType":"text/html")"),
        oci_manifest(R"([{"mediaType":"m","digest":")" + kA + R"(","size":-1}])"),
        oci_manifest(R"([{"mediaType":"m","digest":"sha256:../x","size":1}])"),
        oci_manifest(R"([{"mediaType":7,"digest":")" + kA + R"(","size":1}])")}) {
    CAPTURE(raw);
    CHECK(kind_of(raw) == ErrorKind::invalid_argument);
  }
  CHECK(kind_of(R"({"schemaVersion":1,"fsLayers":[]})") == ErrorKind::not_implemented);
  CHECK(kind_of("{}", kDockerSchema1Signed) == ErrorKind::not_implemented);
}

TEST_CASE("manifests are bounded in size and in layers") {
  CHECK(kind_of(oci_manifest(repeated(kLayersMax))) == ErrorKind::not_modified);
  CHECK(kind_of(oci_manifest(repeated(kLayersMax + 1))) == ErrorKind::too_large);
  CHECK(kind_of(index_of(repeated(kIndexManifestsMax + 1))) == ErrorKind::too_large);
  CHECK(kind_of(std::string(kManifestBytesMax + 1, ' ')) == ErrorKind::too_large);
}

TEST_CASE("the manifest for a host is chosen by platform, never an attestation") {
  const auto choose = [](const std::string& manifests) {
    return choose_manifest(*parse_manifest(index_of(manifests), "").value().index(), kHost);
  };
  const std::string attestation = on("unknown", "unknown");
  CHECK(choose("[" + attestation + "," + on("linux", "arm64") + "," + on("linux", "amd64") + "]")
            .value()
            .platform->architecture == "amd64");
  CHECK(choose("[" + descriptor() + "," + attestation + "]").ok());
  const auto none = choose("[" + on("linux", "arm64") + "," + attestation + "]");
  CHECK(none.error().kind == ErrorKind::not_found);
  CHECK(none.error().message == "no matching manifest for linux/amd64 in the manifest list entries");
  CHECK_FALSE(choose("[]").ok());
  CHECK_FALSE(choose("[" + descriptor() + "," + descriptor() + "]").ok());
}
