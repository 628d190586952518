#include "oci/image_config.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "oci/descriptor_json.h"
#include "oci/manifest.h"
#include "oci/run_config_json.h"

namespace drydock::oci {
namespace {

Result<Timestamp> parse_time(const Json& json, const char* name) {
  const std::string text = TRY(get_string(json, name));
  if (text.empty() || text == "0001-01-01T00:00:00Z") return Timestamp{};
  return parse_rfc3339(text);
}

Result<std::vector<Digest>> parse_diff_ids(const Json& json) {
  const Json* rootfs = TRY(get_object(json, "rootfs"));
  if (rootfs == nullptr) return fail(ErrorKind::invalid_argument, "invalid image JSON, no RootFS key");
  const std::string type = TRY(get_string(*rootfs, "type", "layers"));
  if (type != "layers") return fail(ErrorKind::invalid_argument, "unsupported rootfs type ", go_quoted(type));
  const std::vector<std::string> texts = TRY(get_strings(*rootfs, "diff_ids"));
  if (texts.size() > kLayersMax) return fail(ErrorKind::too_large, "image has more than ", kLayersMax, " layers");
  std::vector<Digest> diff_ids;
  for (const std::string& text : texts) diff_ids.push_back(TRY(Digest::parse(text)));
  return diff_ids;
}

Result<std::vector<HistoryEntry>> parse_history(const Json& json) {
  std::vector<HistoryEntry> history;
  const Json* array = TRY(get_array(json, "history"));
  if (array == nullptr) return history;
  if (array->size() > kConfigHistoryMax) return fail(ErrorKind::too_large, "image history is too long");
  for (const Json& element : *array) {
    if (!element.is_object()) return fail(ErrorKind::invalid_argument, "image history entry is not an object");
    HistoryEntry entry;
    entry.created = TRY(parse_time(element, "created"));
    entry.author = TRY(get_string(element, "author"));
    entry.created_by = TRY(get_string(element, "created_by"));
    entry.comment = TRY(get_string(element, "comment"));
    entry.empty_layer = TRY(get_bool(element, "empty_layer"));
    history.push_back(std::move(entry));
  }
  return history;
}

Json to_json(const HistoryEntry& entry) {
  Json json = {{"created", to_rfc3339(entry.created)}};
  if (!entry.author.empty()) json["author"] = entry.author;
  if (!entry.created_by.empty()) json["created_by"] = entry.created_by;
  if (!entry.comment.empty()) json["comment"] = entry.comment;
  if (entry.empty_layer) json["empty_layer"] = true;
  return json;
}

}  // namespace

Result<ImageConfigDocument> parse_image_config(std::string raw) {
  if (raw.size() > kConfigBytesMax) {
    return fail(ErrorKind::too_large, "image config is larger than ", kConfigBytesMax, " bytes");
  }
  const Json json = TRY(parse_json(raw));
  if (!json.is_object()) return fail(ErrorKind::invalid_argument, "image config is not an object");
  ImageConfigDocument document;
  ImageConfig& config = document.config;
  config.platform.os = TRY(get_string(json, "os"));
  config.platform.architecture = TRY(get_string(json, "architecture"));
  config.platform.variant = TRY(get_string(json, "variant"));
  config.platform.os_version = TRY(get_string(json, "os.version"));
  config.platform.os_features = TRY(get_strings(json, "os.features"));
  config.created = TRY(parse_time(json, "created"));
  config.author = TRY(get_string(json, "author"));
  config.comment = TRY(get_string(json, "comment"));
  config.container = TRY(get_string(json, "container"));
  config.docker_version = TRY(get_string(json, "docker_version"));
  if (const Json* run = TRY(get_object(json, "config"))) config.config = TRY(parse_run_config(*run));
  if (const Json* run = TRY(get_object(json, "container_config")))
    config.container_config = TRY(parse_run_config(*run));
  config.diff_ids = TRY(parse_diff_ids(json));
  config.history = TRY(parse_history(json));
  const auto layers = std::count_if(config.history.begin(), config.history.end(),
                                    [](const HistoryEntry& entry) { return !entry.empty_layer; });
  if (static_cast<std::size_t>(layers) > config.diff_ids.size()) {
    return fail(ErrorKind::invalid_argument, "invalid image JSON, history has ", layers, " layers, rootfs ",
                config.diff_ids.size());
  }
  document.digest = archive::digest_of(raw);
  document.raw = std::move(raw);
  return document;
}

std::string to_json_text(const ImageConfig& config) {
  // dockerd decodes its own text and encodes it again, so that the top-level members come out sorted.
  Json json = {{"architecture", config.platform.architecture}};
  if (!config.author.empty()) json["author"] = config.author;
  if (!config.comment.empty()) json["comment"] = config.comment;
  json["config"] = to_json(config.config);
  if (!config.container.empty()) json["container"] = config.container;
  if (config.container_config) json["container_config"] = to_json(*config.container_config);
  json["created"] = to_rfc3339(config.created);
  if (!config.docker_version.empty()) json["docker_version"] = config.docker_version;
  if (!config.history.empty()) {
    json["history"] = Json::array();
    for (const HistoryEntry& entry : config.history) json["history"].push_back(to_json(entry));
  }
  json["os"] = config.platform.os;
  if (!config.platform.os_features.empty()) json["os.features"] = config.platform.os_features;
  if (!config.platform.os_version.empty()) json["os.version"] = config.platform.os_version;
  Json diff_ids = Json::array();
  for (const Digest& diff_id : config.diff_ids) diff_ids.push_back(diff_id.str());
  json["rootfs"] = {{"type", "layers"}};
  if (!diff_ids.empty()) json["rootfs"]["diff_ids"] = diff_ids;
  if (!config.platform.variant.empty()) json["variant"] = config.platform.variant;
  return go_json_text(json, -1);
}

ImageConfigDocument make_document(const ImageConfig& config) {
  std::string raw = to_json_text(config);
  Digest digest = archive::digest_of(raw);
  return {config, std::move(raw), std::move(digest)};
}

}  // namespace drydock::oci
