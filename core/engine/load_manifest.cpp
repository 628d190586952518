#include "engine/load_manifest.h"

#include <utility>

#include "base/json.h"
#include "oci/manifest.h"
#include "oci/media_types.h"
#include "oci/reference.h"

namespace drydock::engine {

namespace {

constexpr std::string_view kContainerdName = "io.containerd.image.name";
constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";

Result<void> check_image(const LoadImage& image) {
  const std::string& os = image.config.config.platform.os;
  if (!os.empty() && os != "linux") return fail(ErrorKind::invalid_argument, "cannot load ", os, " image on linux");
  const std::size_t expected = image.config.config.diff_ids.size();
  if (expected == image.layers.size()) return {};
  return fail(ErrorKind::invalid_argument, "invalid manifest, layers length mismatch: expected ", image.layers.size(),
              ", got ", expected);
}

Result<LoadImage> read_docker_image(const LoadArchive& archive, const Json& item) {
  LoadImage image;
  const std::string config = TRY(get_string(item, "Config"));
  image.config = TRY(oci::parse_image_config(TRY(archive.read(config, oci::kConfigBytesMax))));
  image.layers = TRY(get_strings(item, "Layers"));
  TRY(check_image(image));
  for (const std::string& tag : TRY(get_strings(item, "RepoTags"))) {
    const auto reference = oci::Reference::parse(tag);
    if (!reference.ok()) return reference.error();
    if (reference->tag().empty()) return fail(ErrorKind::invalid_argument, "invalid tag ", go_quoted(tag));
    image.names.push_back(reference->familiar());
  }
  if (const std::string parent = TRY(get_string(item, "Parent")); !parent.empty()) {
    image.parent = TRY(archive::Digest::parse(parent));
  }
  return image;
}

Result<std::vector<LoadImage>> read_docker_manifest(const LoadArchive& archive) {
  const Json list = TRY(parse_json(TRY(archive.read("manifest.json"))));
  if (list.is_null()) return std::vector<LoadImage>();
  if (!list.is_array()) return fail(ErrorKind::invalid_argument, "manifest.json is not a list");
  if (list.size() > kLoadImagesMax) return fail(ErrorKind::too_large, "more than ", kLoadImagesMax, " images");
  std::vector<LoadImage> images;
  for (const Json& item : list) images.push_back(TRY(read_docker_image(archive, item)));
  return images;
}

Result<oci::ManifestDocument> read_blob_manifest(const LoadArchive& archive, const oci::Descriptor& descriptor) {
  const std::string name = TRY(archive.blob_name(descriptor.digest));
  auto document = TRY(oci::parse_manifest(TRY(archive.read(name, oci::kManifestBytesMax)), descriptor.media_type));
  if (document.digest != descriptor.digest) {
    return fail(ErrorKind::corrupt, "blob ", descriptor.digest.str(), " has the digest ", document.digest.str());
  }
  return document;
}

std::optional<std::string> annotated_name(const oci::Annotations& annotations) {
  for (const std::string_view wanted : {kContainerdName, kRefName}) {
    for (const auto& [key, value] : annotations) {
      if (key != wanted) continue;
      // ref.name may be a bare tag, which names nothing here.
      const auto reference = oci::Reference::parse(value);
      if (reference.ok() && !reference->tag().empty()) return reference->familiar();
    }
  }
  return std::nullopt;
}

Result<LoadImage> read_oci_image(const LoadArchive& archive, const oci::Descriptor& entry, const oci::Platform& host) {
  LoadImage image;
  if (auto name = annotated_name(entry.annotations)) image.names.push_back(std::move(*name));
  auto document = TRY(read_blob_manifest(archive, entry));
  if (const oci::Index* index = document.index()) {
    const oci::Descriptor chosen = TRY(oci::choose_manifest(*index, host));
    document = TRY(read_blob_manifest(archive, chosen));
  }
  const oci::Manifest* manifest = document.manifest();
  if (manifest == nullptr) return fail(ErrorKind::invalid_argument, "an index within an index within index.json");
  const std::string config = TRY(archive.blob_name(manifest->config.digest));
  image.config = TRY(oci::parse_image_config(TRY(archive.read(config, oci::kConfigBytesMax))));
  for (const oci::Descriptor& layer : manifest->layers) image.layers.push_back(TRY(archive.blob_name(layer.digest)));
  TRY(check_image(image));
  return image;
}

/// The entries that this host can run: an archive may hold an image for several platforms side by side.
bool is_for(const oci::Descriptor& entry, const oci::Platform& host) {
  return !entry.platform || entry.platform->os.empty() || oci::can_run(host, *entry.platform);
}

Result<std::vector<LoadImage>> read_oci_layout(const LoadArchive& archive, const oci::Platform& host) {
  const auto document = TRY(oci::parse_manifest(TRY(archive.read("index.json", oci::kManifestBytesMax)), ""));
  const oci::Index* index = document.index();
  if (index == nullptr) return fail(ErrorKind::invalid_argument, "index.json is not an index");
  std::vector<LoadImage> images;
  for (const oci::Descriptor& entry : index->manifests) {
    if (is_for(entry, host)) images.push_back(TRY(read_oci_image(archive, entry, host)));
  }
  if (images.empty() && !index->manifests.empty()) TRY(oci::choose_manifest(*index, host));
  return images;
}

}  // namespace

Result<std::vector<LoadImage>> read_load_manifest(const LoadArchive& archive, const oci::Platform& host) {
  if (archive.contains("manifest.json")) return read_docker_manifest(archive);
  if (archive.contains("oci-layout") && archive.contains("index.json")) return read_oci_layout(archive, host);
  // dockerd looks for the oldest format last and says that it is not there.
  TRY(archive.open("repositories"));
  return fail(ErrorKind::not_implemented, "archives without manifest.json (Docker before 1.10) are not supported");
}

}  // namespace drydock::engine
