#pragma once
// Media types of image-spec v1 and of Docker's image manifest V2, schema 2. Schema 1 is known only to be refused.

#include <string_view>

#include "archive/compression.h"
#include "base/result.h"

namespace drydock::oci {

inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciEmpty = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kDockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
inline constexpr std::string_view kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view kDockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";

bool is_manifest(std::string_view media_type);
bool is_index(std::string_view media_type);
bool is_schema1(std::string_view media_type);
bool is_image_config(std::string_view media_type);
/// A layer that may be fetched and unpacked, or that names its own URLs (foreign, non-distributable).
bool is_layer(std::string_view media_type);
bool is_foreign_layer(std::string_view media_type);
/// A Content-Type without its parameters: "application/json; charset=utf-8" gives "application/json".
std::string_view without_parameters(std::string_view content_type);

/// What a layer's media type promises. Errors: invalid_argument for what is no layer.
Result<archive::Compression> layer_compression(std::string_view media_type);
/// Errors: invalid_argument for zstd with Docker's types, which have none.
Result<std::string_view> docker_layer_type(archive::Compression compression);
std::string_view oci_layer_type(archive::Compression compression);

}  // namespace drydock::oci
