#include "oci/media_types.h"

#include "base/text.h"

namespace drydock::oci {
namespace {

constexpr std::string_view kOciForeignPrefix = "application/vnd.oci.image.layer.nondistributable.v1.tar";
constexpr std::string_view kDockerForeignPlain = "application/vnd.docker.image.rootfs.foreign.diff.tar";

}  // namespace

bool is_manifest(std::string_view media_type) {
  return media_type == kOciManifest || media_type == kDockerManifest;
}

bool is_index(std::string_view media_type) {
  return media_type == kOciIndex || media_type == kDockerManifestList;
}

bool is_schema1(std::string_view media_type) {
  return media_type == kDockerSchema1 || media_type == kDockerSchema1Signed;
}

bool is_image_config(std::string_view media_type) {
  return media_type == kOciConfig || media_type == kDockerConfig;
}

bool is_layer(std::string_view media_type) {
  return layer_compression(media_type).ok();
}

bool is_foreign_layer(std::string_view media_type) {
  return is_layer(media_type) && (media_type.starts_with(kOciForeignPrefix) || media_type == kDockerForeignLayer ||
                                  media_type == kDockerForeignPlain);
}

std::string_view without_parameters(std::string_view content_type) {
  return trim(content_type.substr(0, content_type.find(';')));
}

Result<archive::Compression> layer_compression(std::string_view media_type) {
  std::string_view rest = media_type;
  if (media_type == kDockerLayerGzip || media_type == kDockerForeignLayer) return archive::Compression::gzip;
  if (media_type == kDockerLayer || media_type == kDockerForeignPlain) return archive::Compression::none;
  if (media_type.starts_with(kOciLayer)) {
    rest.remove_prefix(kOciLayer.size());
  } else if (media_type.starts_with(kOciForeignPrefix)) {
    rest.remove_prefix(kOciForeignPrefix.size());
  } else {
    return fail(ErrorKind::invalid_argument, "unsupported layer media type ", go_quoted(media_type));
  }
  if (rest.empty()) return archive::Compression::none;
  if (rest == "+gzip") return archive::Compression::gzip;
  if (rest == "+zstd") return archive::Compression::zstd;
  return fail(ErrorKind::invalid_argument, "unsupported layer media type ", go_quoted(media_type));
}

Result<std::string_view> docker_layer_type(archive::Compression compression) {
  switch (compression) {
    case archive::Compression::none:
      return kDockerLayer;
    case archive::Compression::gzip:
      return kDockerLayerGzip;
    case archive::Compression::zstd:
      break;
  }
  return fail(ErrorKind::invalid_argument, "zstd layers have no Docker schema 2 media type");
}

std::string_view oci_layer_type(archive::Compression compression) {
  switch (compression) {
    case archive::Compression::none:
      break;
    case archive::Compression::gzip:
      return kOciLayerGzip;
    case archive::Compression::zstd:
      return kOciLayerZstd;
  }
  return kOciLayer;
}

}  // namespace drydock::oci
