#include "oci/media_types.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::oci;
using archive::Compression;

TEST_CASE("media types tell manifests, indexes, layers and schema 1 apart") {
  CHECK(is_manifest(kOciManifest));
  CHECK(is_manifest(kDockerManifest));
  CHECK_FALSE(is_manifest(kOciIndex));
  CHECK(is_index(kDockerManifestList));
  CHECK(is_schema1(kDockerSchema1Signed));
  CHECK(is_image_config(kDockerConfig));
  CHECK(is_foreign_layer(kDockerForeignLayer));
  CHECK(is_foreign_layer("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"));
  CHECK_FALSE(is_foreign_layer(kOciLayerGzip));
  CHECK_FALSE(is_layer("application/json"));
  CHECK_FALSE(is_layer(""));
}

TEST_CASE("a layer's media type promises its compression") {
  CHECK(layer_compression(kOciLayer).value() == Compression::none);
  CHECK(layer_compression(kOciLayerZstd).value() == Compression::zstd);
  CHECK(layer_compression(kDockerLayerGzip).value() == Compression::gzip);
  CHECK(layer_compression("application/vnd.oci.image.layer.v1.tar+xz").error().kind == ErrorKind::invalid_argument);
  CHECK(layer_compression("+gzip").error().kind == ErrorKind::invalid_argument);
  CHECK(layer_compression("").error().kind == ErrorKind::invalid_argument);
  for (const Compression compression : {Compression::none, Compression::gzip, Compression::zstd}) {
    CHECK(layer_compression(oci_layer_type(compression)).value() == compression);
  }
  CHECK(docker_layer_type(Compression::gzip).value() == kDockerLayerGzip);
  CHECK_FALSE(docker_layer_type(Compression::zstd).ok());
}

TEST_CASE("a content type is compared without its parameters") {
  CHECK(without_parameters("application/json; charset=utf-8") == "application/json");
  CHECK(without_parameters("") == "");
}
