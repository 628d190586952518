#include "api/images_json.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "engine/config_json.h"
#include "engine/containers.h"
#include "engine/images.h"
#include "oci/image_config.h"
#include "oci/reference.h"

namespace drydock::api {

namespace {

using engine::Images;
using storage::Image;

constexpr std::int64_t kGoZeroTimeSeconds = -62'135'596'800;  // time.Time{}.Unix()

struct Listed {
  const Image* image;
  oci::ImageConfig config;
  Images::Names names;
};

std::int64_t unix_seconds(Timestamp time) {
  return time.is_zero() ? kGoZeroTimeSeconds : time.seconds();
}

Json strings_or_null(const std::vector<std::string>& strings) {
  return strings.empty() ? Json() : Json(strings);
}

Json labels_json(const oci::StringMap& labels) {
  if (labels.empty()) return nullptr;
  Json object = Json::object();
  for (const auto& [name, value] : labels) object[name] = value;
  return object;
}

/// `docker images "busy*"`: by the name with its tag, or by the repository alone.
bool matches_reference(const std::vector<std::string>& patterns, const std::string& name) {
  const auto reference = oci::Reference::parse(name);
  const std::string repository = reference.ok() ? reference->familiar_name() : name;
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return glob_matches(pattern, name) || glob_matches(pattern, repository);
  });
}

class Selection {
 public:
  static Result<Selection> make(engine::Daemon& daemon, const Filters& filters, bool all) {
    TRY(filters.allow({"dangling", "label", "before", "since", "reference"}));
    Selection selection(daemon, filters, all);
    if (filters.has("dangling")) selection.dangling_ = TRY(filters.flag("dangling", false));
    for (const std::string& name : filters.get("before")) selection.before_ = TRY(created(daemon, name));
    for (const std::string& name : filters.get("since")) selection.since_ = TRY(created(daemon, name));
    return selection;
  }

  std::optional<Listed> pick(const Image& image) const {
    auto document = oci::parse_image_config(image.config);
    if (!document.ok()) return std::nullopt;
    Listed listed{&image, std::move(document->config), images_.names(image.id)};
    if (before_ && listed.config.created >= *before_) return std::nullopt;
    if (since_ && listed.config.created <= *since_) return std::nullopt;
    if (!filters_.matches_labels("label", listed.config.config.labels)) return std::nullopt;
    if (!keep_names(listed)) return std::nullopt;
    return listed;
  }

 private:
  Selection(engine::Daemon& daemon, const Filters& filters, bool all)
      : images_(*daemon.images), filters_(filters), all_(all) {}

  static Result<Timestamp> created(engine::Daemon& daemon, const std::string& name) {
    return TRY(daemon.images->find(name)).config.created;
  }

  bool keep_names(Listed& listed) const {
    const bool by_reference = filters_.has("reference");
    const bool is_parent = !images_.store().children(listed.image->id).empty();
    if (dangling_ == true && is_parent) return false;
    if (by_reference) {
      const auto patterns = filters_.get("reference");
      const auto drop = [&patterns](const std::string& name) { return !matches_reference(patterns, name); };
      std::erase_if(listed.names.tags, drop);
      std::erase_if(listed.names.digests, drop);
    }
    if (!listed.names.tags.empty() || !listed.names.digests.empty()) {
      return dangling_ != true || listed.names.tags.empty();
    }
    return (all_ || !is_parent) && dangling_ != false && !by_reference;
  }

  const Images& images_;
  const Filters& filters_;
  bool all_;
  std::optional<bool> dangling_;
  std::optional<Timestamp> before_, since_;
};

/// Bytes of layers that other images have too.
std::map<storage::ImageId, std::uint64_t> shared_sizes(engine::Daemon& daemon) {
  std::map<storage::ChainId, std::size_t> users;
  std::map<storage::ImageId, std::vector<const storage::Layer*>> chains;
  for (const Image* image : daemon.images->store().list()) {
    if (!image->chain) continue;
    auto chain = daemon.images->layers().chain(*image->chain);
    if (!chain.ok()) continue;
    for (const storage::Layer* layer : *chain) ++users[layer->chain];
    chains[image->id] = std::move(*chain);
  }
  std::map<storage::ImageId, std::uint64_t> sizes;
  for (const auto& [id, chain] : chains) {
    for (const storage::Layer* layer : chain) sizes[id] += users[layer->chain] > 1 ? layer->size : 0;
  }
  return sizes;
}

std::int64_t container_count(engine::Daemon& daemon, const Image& image) {
  std::int64_t count = 0;
  if (!daemon.containers) return count;
  for (const engine::Container* container : daemon.containers->list()) count += container->image_id == image.id.str();
  return count;
}

/// API 1.43 shows no names as empty lists; before, a nameless image was called <none>.
void set_names(Json& json, const Images::Names& names, ApiVersion version) {
  const bool nameless = names.tags.empty() && names.digests.empty();
  if (version >= ApiVersion{1, 43}) {
    json["RepoDigests"] = names.digests;
    json["RepoTags"] = names.tags;
  } else if (nameless) {
    json["RepoDigests"] = {"<none>@<none>"};
    json["RepoTags"] = {"<none>:<none>"};
  } else {
    json["RepoDigests"] = strings_or_null(names.digests);
    json["RepoTags"] = strings_or_null(names.tags);
  }
}

/// A config as Go prints it: every member, null where the image has null.
Json run_config_json(const Json& image, std::string_view member, ApiVersion version) {
  const auto found = image.find(member);
  const auto config =
      engine::decode_container_config(found == image.end() || found->is_null() ? Json::object() : *found);
  return config.ok() ? engine::encode(*config, version.minor) : Json();
}

Json graph_driver_json(engine::Daemon& daemon, const Image& image) {
  Json data = Json::object();
  const Images& images = *daemon.images;
  if (image.chain) {
    if (const auto chain = images.layers().chain(*image.chain); chain.ok()) {
      storage::HostFs& fs = images.layers().fs();
      std::string lower;
      for (std::size_t i = 1; i < chain->size(); ++i) {
        lower += (i > 1 ? ":" : "") + fs.host_path((*chain)[i]->diff_directory());
      }
      const std::string top = fs.host_path(chain->front()->directory());
      if (!lower.empty()) data["LowerDir"] = lower;
      data["MergedDir"] = top + "/merged";
      data["UpperDir"] = fs.host_path(chain->front()->diff_directory());
      data["WorkDir"] = top + "/work";
    }
  }
  return {{"Data", data}, {"Name", "overlay2"}};
}

}  // namespace

Result<Json> list_images_json(engine::Daemon& daemon, const Filters& filters, ImageListOptions options,
                              ApiVersion version) {
  const Selection selection = TRY(Selection::make(daemon, filters, options.all));
  std::vector<Listed> listed;
  for (const Image* image : daemon.images->store().list()) {
    if (auto picked = selection.pick(*image)) listed.push_back(std::move(*picked));
  }
  std::stable_sort(listed.begin(), listed.end(),
                   [](const Listed& a, const Listed& b) { return a.config.created > b.config.created; });
  const auto shared = options.shared_size ? shared_sizes(daemon) : std::map<storage::ImageId, std::uint64_t>();
  Json list = Json::array();
  for (const Listed& item : listed) {
    Json json = Json::object();
    json["Containers"] = options.containers ? container_count(daemon, *item.image) : -1;
    json["Created"] = unix_seconds(item.config.created);
    json["Id"] = item.image->id.str();
    json["Labels"] = labels_json(item.config.config.labels);
    json["ParentId"] = item.image->parent ? item.image->parent->str() : "";
    set_names(json, item.names, version);
    const auto size = shared.find(item.image->id);
    json["SharedSize"] = options.shared_size ? static_cast<std::int64_t>(size == shared.end() ? 0 : size->second) : -1;
    json["Size"] = daemon.images->size(*item.image);
    if (version < ApiVersion{1, 44}) json["VirtualSize"] = json["Size"];
    list.push_back(std::move(json));
  }
  return list;
}

Result<Json> inspect_image_json(engine::Daemon& daemon, const Image& image, ApiVersion version) {
  const auto document = TRY(oci::parse_image_config(image.config));
  const oci::ImageConfig& config = document.config;
  const Json raw = TRY(parse_json(image.config));
  const Images::Names names = daemon.images->names(image.id);
  Json json = Json::object();
  json["Id"] = image.id.str();
  json["RepoTags"] = names.tags;
  json["RepoDigests"] = names.digests;
  json["Parent"] = image.parent ? image.parent->str() : "";
  json["Comment"] = config.comment.empty() && !config.history.empty() ? config.history.back().comment : config.comment;
  // Since 1.44 an image without a time has no Created; before it was Go's zero time.
  if (!config.created.is_zero() || version < ApiVersion{1, 44}) json["Created"] = to_rfc3339(config.created);
  if (version < ApiVersion{1, 45}) {
    json["Container"] = config.container;
    json["ContainerConfig"] = run_config_json(raw, "container_config", version);
  }
  json["DockerVersion"] = config.docker_version;
  json["Author"] = config.author;
  json["Config"] = run_config_json(raw, "config", version);
  json["Architecture"] = config.platform.architecture;
  if (!config.platform.variant.empty()) json["Variant"] = config.platform.variant;
  json["Os"] = config.platform.os;
  if (!config.platform.os_version.empty()) json["OsVersion"] = config.platform.os_version;
  json["Size"] = daemon.images->size(image);
  if (version < ApiVersion{1, 44}) json["VirtualSize"] = json["Size"];
  json["GraphDriver"] = graph_driver_json(daemon, image);
  json["RootFS"] = {{"Type", "layers"}};
  Json layers = Json::array();
  for (const archive::Digest& diff : config.diff_ids) layers.push_back(diff.str());
  if (!layers.empty()) json["RootFS"]["Layers"] = std::move(layers);
  json["Metadata"] = {{"LastTagTime", to_rfc3339(image.last_tagged)}};
  return json;
}

Result<Json> image_history_json(engine::Daemon& daemon, const Image& image) {
  const auto document = TRY(oci::parse_image_config(image.config));
  std::vector<const storage::Layer*> layers;
  if (image.chain) layers = TRY(daemon.images->layers().chain(*image.chain));
  std::reverse(layers.begin(), layers.end());
  std::vector<Json> rows;
  std::size_t layer = 0;
  for (const oci::HistoryEntry& entry : document.config.history) {
    std::uint64_t size = 0;
    if (!entry.empty_layer) {
      if (layer >= layers.size()) {
        return fail(ErrorKind::invalid_argument, "too many non-empty layers in History section");
      }
      size = layers[layer++]->size;
    }
    rows.push_back({{"Comment", entry.comment},
                    {"Created", unix_seconds(entry.created)},
                    {"CreatedBy", entry.created_by},
                    {"Id", "<missing>"},
                    {"Size", size},
                    {"Tags", nullptr}});
  }
  std::reverse(rows.begin(), rows.end());
  // Parents are known for what was built or committed here.
  const Image* known = &image;
  for (Json& row : rows) {
    row["Id"] = known->id.str();
    row["Tags"] = strings_or_null(daemon.images->names(known->id).tags);
    known = known->parent ? daemon.images->store().find(*known->parent) : nullptr;
    if (known == nullptr) break;
  }
  return Json(std::move(rows));
}

Json distribution_json(const engine::DistributionInfo& info) {
  Json platforms = Json::array();
  for (const oci::Platform& platform : info.platforms) {
    Json json = {{"architecture", platform.architecture}, {"os", platform.os}};
    if (!platform.os_version.empty()) json["os.version"] = platform.os_version;
    if (!platform.os_features.empty()) json["os.features"] = platform.os_features;
    if (!platform.variant.empty()) json["variant"] = platform.variant;
    platforms.push_back(std::move(json));
  }
  return {{"Descriptor",
           {{"mediaType", info.descriptor.media_type},
            {"digest", info.descriptor.digest.str()},
            {"size", info.descriptor.size}}},
          {"Platforms", std::move(platforms)}};
}

Json removed_images_json(const std::vector<engine::RemovedImage>& removed) {
  Json list = Json::array();
  for (const engine::RemovedImage& item : removed) {
    if (!item.untagged.empty()) list.push_back({{"Untagged", item.untagged}});
    if (!item.deleted.empty()) list.push_back({{"Deleted", item.deleted}});
  }
  return list;
}

}  // namespace drydock::api
