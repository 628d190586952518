#include "oci/descriptor_json.h"

#include "base/text.h"

namespace drydock::oci {
namespace {

Result<Platform> parse_platform_json(const Json& json) {
  Platform platform;
  platform.os = TRY(get_string(json, "os"));
  platform.architecture = TRY(get_string(json, "architecture"));
  platform.variant = TRY(get_string(json, "variant"));
  platform.os_version = TRY(get_string(json, "os.version"));
  platform.os_features = TRY(get_strings(json, "os.features"));
  return platform;
}

Json to_json(const Platform& platform) {
  Json json = {{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.os_version.empty()) json["os.version"] = platform.os_version;
  if (!platform.os_features.empty()) json["os.features"] = platform.os_features;
  if (!platform.variant.empty()) json["variant"] = platform.variant;
  return json;
}

}  // namespace

Result<Descriptor> parse_descriptor(const Json& json) {
  if (!json.is_object()) return fail(ErrorKind::invalid_argument, "descriptor is not an object");
  Descriptor descriptor;
  descriptor.media_type = TRY(get_string(json, "mediaType"));
  descriptor.digest = TRY(Digest::parse(TRY(get_string(json, "digest"))));
  const std::int64_t size = TRY(get_int(json, "size", -1));
  if (size < 0) return fail(ErrorKind::invalid_argument, "descriptor ", descriptor.digest.str(), " has no valid size");
  descriptor.size = static_cast<std::uint64_t>(size);
  descriptor.urls = TRY(get_strings(json, "urls"));
  if (descriptor.urls.size() > kUrlsMax) return fail(ErrorKind::too_large, "descriptor has too many urls");
  descriptor.annotations = TRY(get_string_map(json, "annotations"));
  descriptor.artifact_type = TRY(get_string(json, "artifactType"));
  if (const Json* platform = TRY(get_object(json, "platform"))) {
    descriptor.platform = TRY(parse_platform_json(*platform));
  }
  return descriptor;
}

Json to_json(const Annotations& map) {
  Json json = Json::object();
  for (const auto& [name, value] : map) json[name] = value;
  return json;
}

Json to_json(const Descriptor& descriptor, Dialect dialect) {
  Json json = {{"mediaType", descriptor.media_type}};
  if (dialect == Dialect::docker) json["size"] = descriptor.size;
  json["digest"] = descriptor.digest.str();
  if (dialect == Dialect::oci) json["size"] = descriptor.size;
  if (!descriptor.urls.empty()) json["urls"] = descriptor.urls;
  if (!descriptor.annotations.empty()) json["annotations"] = to_json(descriptor.annotations);
  if (descriptor.platform) json["platform"] = to_json(*descriptor.platform);
  if (!descriptor.artifact_type.empty()) json["artifactType"] = descriptor.artifact_type;
  return json;
}

std::string go_json_text(const Json& json, int indent) {
  std::string text = json.dump(indent, ' ', false, Json::error_handler_t::replace);
  // None of these can stand outside of a string.
  text = replace_all(text, "<", "\\u003c");
  text = replace_all(text, ">", "\\u003e");
  text = replace_all(text, "&", "\\u0026");
  text = replace_all(text, "\xe2\x80\xa8", "\\u2028");
  return replace_all(text, "\xe2\x80\xa9", "\\u2029");
}

}  // namespace drydock::oci
