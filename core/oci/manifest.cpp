#include "oci/manifest.h"

#include "base/json.h"
#include "base/text.h"
#include "oci/descriptor_json.h"
#include "oci/media_types.h"

namespace drydock::oci {
namespace {

constexpr int kDockerIndent = 3;  // json.MarshalIndent(manifest, "", "   ") in distribution

// Which of the two a document is: by what was said about it, then by what it says itself, then by its members.
Result<std::string> media_type_of(const Json& json, std::string_view content_type) {
  const std::string_view outer = without_parameters(content_type);
  const std::string inner = TRY(get_string(json, "mediaType"));
  if (is_schema1(outer) || is_schema1(inner) || TRY(get_int(json, "schemaVersion")) == 1) {
    return fail(ErrorKind::not_implemented, "Docker image manifest version 2, schema 1 is not supported");
  }
  const bool said = is_manifest(outer) || is_index(outer);
  if (said && !inner.empty() && inner != outer) {
    return fail(ErrorKind::invalid_argument, "mediaType in manifest should be '", outer, "' not '", inner, "'");
  }
  if (said) return std::string(outer);
  if (!inner.empty()) {
    if (is_manifest(inner) || is_index(inner)) return inner;
    return fail(ErrorKind::invalid_argument, "unsupported manifest media type ", go_quoted(inner));
  }
  return std::string(json.contains("manifests") ? kOciIndex : kOciManifest);
}

Result<std::vector<Descriptor>> parse_descriptors(const Json& json, const char* name, std::size_t count_max) {
  const Json* array = TRY(get_array(json, name));
  if (array == nullptr) return fail(ErrorKind::invalid_argument, "manifest has no ", name);
  if (array->size() > count_max) return fail(ErrorKind::too_large, "manifest has more than ", count_max, " ", name);
  std::vector<Descriptor> all;
  for (const Json& element : *array) all.push_back(TRY(parse_descriptor(element)));
  return all;
}

template <class Document>
Result<void> parse_common(const Json& json, std::string media_type, Document& document) {
  document.media_type = std::move(media_type);
  document.annotations = TRY(get_string_map(json, "annotations"));
  document.artifact_type = TRY(get_string(json, "artifactType"));
  if (const Json* subject = TRY(get_object(json, "subject"))) document.subject = TRY(parse_descriptor(*subject));
  return {};
}

Result<Manifest> parse_image_manifest(const Json& json, std::string media_type) {
  if (json.contains("manifests")) return fail(ErrorKind::invalid_argument, "image manifest must not have manifests");
  Manifest manifest;
  TRY(parse_common(json, std::move(media_type), manifest));
  const Json* config = TRY(get_object(json, "config"));
  if (config == nullptr) return fail(ErrorKind::invalid_argument, "manifest has no config");
  manifest.config = TRY(parse_descriptor(*config));
  if (manifest.config.size > kConfigBytesMax) {
    return fail(ErrorKind::too_large, "image config is larger than ", kConfigBytesMax, " bytes");
  }
  manifest.layers = TRY(parse_descriptors(json, "layers", kLayersMax));
  return manifest;
}

Result<Index> parse_image_index(const Json& json, std::string media_type) {
  if (json.contains("layers") || json.contains("config")) {
    return fail(ErrorKind::invalid_argument, "index must not have layers or a config");
  }
  Index index;
  TRY(parse_common(json, std::move(media_type), index));
  index.manifests = TRY(parse_descriptors(json, "manifests", kIndexManifestsMax));
  return index;
}

template <class Document>
void add_common_end(const Document& document, Json& json) {
  if (document.subject) json["subject"] = to_json(*document.subject, Dialect::oci);
  if (!document.annotations.empty()) json["annotations"] = to_json(document.annotations);
}

Json begin_json(const std::string& media_type, const std::string& artifact_type) {
  DD_ASSERT(!media_type.empty());
  Json json = {{"schemaVersion", 2}, {"mediaType", media_type}};
  if (!artifact_type.empty()) json["artifactType"] = artifact_type;
  return json;
}

Json to_json(const std::vector<Descriptor>& descriptors, Dialect dialect) {
  Json json = Json::array();
  for (const Descriptor& descriptor : descriptors) json.push_back(to_json(descriptor, dialect));
  return json;
}

bool is_attestation(const Descriptor& descriptor) {
  return descriptor.platform && descriptor.platform->os == "unknown";
}

}  // namespace

const std::string& ManifestDocument::media_type() const {
  return manifest() != nullptr ? manifest()->media_type : index()->media_type;
}

Result<ManifestDocument> parse_manifest(std::string raw, std::string_view content_type) {
  if (raw.size() > kManifestBytesMax) {
    return fail(ErrorKind::too_large, "manifest is larger than ", kManifestBytesMax, " bytes");
  }
  const Json json = TRY(parse_json(raw));
  if (!json.is_object()) return fail(ErrorKind::invalid_argument, "manifest is not an object");
  std::string media_type = TRY(media_type_of(json, content_type));
  const std::int64_t version = TRY(get_int(json, "schemaVersion"));
  if (version != 2) return fail(ErrorKind::invalid_argument, "unsupported manifest schemaVersion ", version);

  ManifestDocument document;
  if (is_index(media_type)) {
    document.content = TRY(parse_image_index(json, std::move(media_type)));
  } else {
    document.content = TRY(parse_image_manifest(json, std::move(media_type)));
  }
  document.digest = archive::digest_of(raw);
  document.raw = std::move(raw);
  return document;
}

std::string to_json_text(const Manifest& manifest) {
  const bool docker = manifest.media_type == kDockerManifest;
  const Dialect dialect = docker ? Dialect::docker : Dialect::oci;
  Json json = begin_json(manifest.media_type, manifest.artifact_type);
  json["config"] = to_json(manifest.config, dialect);
  json["layers"] = to_json(manifest.layers, dialect);
  add_common_end(manifest, json);
  return go_json_text(json, docker ? kDockerIndent : -1);
}

std::string to_json_text(const Index& index) {
  const bool docker = index.media_type == kDockerManifestList;
  Json json = begin_json(index.media_type, index.artifact_type);
  json["manifests"] = to_json(index.manifests, docker ? Dialect::docker : Dialect::oci);
  add_common_end(index, json);
  return go_json_text(json, docker ? kDockerIndent : -1);
}

Result<Descriptor> choose_manifest(const Index& index, const Platform& host) {
  std::vector<const Descriptor*> eligible;
  std::vector<Platform> platforms;
  for (const Descriptor& descriptor : index.manifests) {
    if (is_attestation(descriptor)) continue;
    eligible.push_back(&descriptor);
    platforms.push_back(descriptor.platform.value_or(Platform()));
  }
  if (eligible.size() == 1 && !eligible[0]->platform) return *eligible[0];
  const auto chosen = choose_platform(host, platforms);
  if (!chosen) {
    return fail(ErrorKind::not_found, "no matching manifest for ", to_string(host), " in the manifest list entries");
  }
  return *eligible[*chosen];
}

}  // namespace drydock::oci
