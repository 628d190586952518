#include "storage/image_store.h"

#include <algorithm>

#include "base/json.h"
#include "oci/chain_id.h"
#include "oci/image_config.h"
#include "oci/reference.h"

namespace drydock::storage {

using archive::Digest;

namespace {

constexpr std::string_view kConfigs = "images/config";
constexpr std::string_view kMetas = "images/meta";
constexpr std::string_view kRepositories = "images/repositories.json";
constexpr std::uint64_t kMetaSizeMax = 64 * 1024;
constexpr std::uint64_t kRepositoriesSizeMax = 64u << 20;

std::string config_path(std::string_view hex) {
  return concat(kConfigs, "/", hex);
}

std::string meta_path(std::string_view hex) {
  return concat(kMetas, "/", hex, ".json");
}

std::string holder_of(const ImageId& id) {
  return concat("image:", id.hex());
}

Failure<Error> no_such_image(std::string_view name) {
  return fail(ErrorKind::not_found, "No such image: ", name);
}

/// The key of a name: a digest outweighs a tag, and no tag is "latest".
std::string key_of(const oci::Reference& reference) {
  if (!reference.digest().empty()) return reference.name_only().with_digest(reference.digest()).familiar();
  return reference.with_default_tag().familiar();
}

Result<Image> parse_image(std::string raw) {
  const oci::ImageConfigDocument document = TRY(oci::parse_image_config(std::move(raw)));
  Image image;
  image.id = document.digest;
  image.config = document.raw;
  image.diffs = document.config.diff_ids;
  if (!image.diffs.empty()) image.chain = oci::chain_ids(image.diffs).back();
  return image;
}

}  // namespace

Result<std::unique_ptr<ImageStore>> ImageStore::open(LayerStore& layers) {
  TRY(make_directories(layers.fs(), kConfigs, 0700));
  TRY(make_directories(layers.fs(), kMetas, 0700));
  auto store = std::unique_ptr<ImageStore>(new ImageStore(layers));
  TRY(store->load_images());
  TRY(store->load_names());
  return store;
}

Result<void> ImageStore::load_images() {
  const std::vector<DirectoryEntry> entries = TRY(layers_.fs().list(kConfigs));
  for (const DirectoryEntry& entry : entries) {
    if (entry.name.starts_with('.')) {
      // Half of an atomic write.
      TRY(layers_.fs().remove_tree(config_path(entry.name)));
      continue;
    }
    auto image = load_image(entry.name);
    if (!image.ok()) {
      damage_.push_back(concat("image ", entry.name, ": ", image.error().message));
      continue;
    }
    if (image->chain) TRY(layers_.hold(*image->chain, holder_of(image->id)));
    images_.emplace(image->id, std::move(image).value());
  }
  return {};
}

Result<Image> ImageStore::load_image(std::string_view hex) const {
  Image image = TRY(parse_image(TRY(read_file(layers_.fs(), config_path(hex), kConfigSizeMax))));
  if (image.id.hex() != hex) return fail(ErrorKind::corrupt, "digest verification failed");
  if (image.chain && layers_.find(*image.chain) == nullptr) return fail(ErrorKind::corrupt, "layer does not exist");
  auto meta = read_file(layers_.fs(), meta_path(hex), kMetaSizeMax);
  if (!meta.ok()) return image;  // it only adds to the config
  auto json = parse_json(*meta);
  if (!json.ok() || !json->is_object()) return image;
  auto parent = Digest::parse(get_string(*json, "parent").value_or(""));
  if (parent.ok()) image.parent = *parent;
  image.last_tagged.ns = get_int(*json, "last_tagged_ns").value_or(0);
  return image;
}

Result<void> ImageStore::load_names() {
  auto bytes = read_file(layers_.fs(), kRepositories, kRepositoriesSizeMax);
  if (!bytes.ok() && bytes.error().code == Errno::enoent) return {};
  if (!bytes.ok()) return Error(bytes.error());
  auto json = parse_json(*bytes);
  auto repositories = json.ok() ? get_object(*json, "Repositories") : Result<const Json*>(json.error());
  if (!repositories.ok() || *repositories == nullptr) {
    damage_.push_back(
        concat(kRepositories, ": ", repositories.ok() ? "no Repositories" : repositories.error().message));
    return {};
  }
  for (const auto& [repository, names] : (*repositories)->items()) {
    if (!names.is_object()) continue;
    for (const auto& [name, value] : names.items()) {
      auto id = Digest::parse(value.is_string() ? std::string_view(value.get_ref<const std::string&>()) : "");
      auto reference = oci::Reference::parse(name);
      if (id.ok() && reference.ok() && images_.contains(*id)) {
        names_.emplace(key_of(*reference), *id);
      } else {
        damage_.push_back(concat("name ", go_quoted(name), ": its image is missing"));
      }
    }
  }
  return {};
}

Result<void> ImageStore::save_names() const {
  Json repositories = Json::object();
  for (const auto& [name, id] : names_) {
    const oci::Reference reference = TRY(oci::Reference::parse(name));
    repositories[reference.familiar_name()][name] = id.str();
  }
  Json json = Json::object();
  json["Repositories"] = std::move(repositories);
  TRY(layers_.fs().write_atomic(kRepositories, to_json_text(json), 0600));
  return {};
}

Result<void> ImageStore::save_meta(const Image& image) const {
  Json json = Json::object();
  if (image.parent) json["parent"] = image.parent->str();
  if (!image.last_tagged.is_zero()) json["last_tagged_ns"] = image.last_tagged.ns;
  TRY(layers_.fs().write_atomic(meta_path(image.id.hex()), to_json_text(json), 0600));
  return {};
}

Result<ImageId> ImageStore::add(std::string_view config, std::optional<ImageId> parent) {
  if (config.size() > kConfigSizeMax) return fail(ErrorKind::too_large, "image config is too large");
  Image image = TRY(parse_image(std::string(config)));
  const ImageId id = image.id;
  if (const auto there = images_.find(id); there != images_.end()) {
    if (!parent || there->second.parent == parent) return id;
    there->second.parent = std::move(parent);
    TRY(save_meta(there->second));
    return id;
  }
  if (image.chain && layers_.find(*image.chain) == nullptr) {
    return fail(ErrorKind::not_found, "layer does not exist");
  }
  image.parent = std::move(parent);
  // The config last: an image is there when its config is.
  if (image.parent) TRY(save_meta(image));
  TRY(layers_.fs().write_atomic(config_path(id.hex()), config, 0600));
  if (image.chain) TRY(layers_.hold(*image.chain, holder_of(id)));
  images_.emplace(id, std::move(image));
  return id;
}

Result<std::vector<ChainId>> ImageStore::remove(const ImageId& id) {
  const auto at = images_.find(id);
  if (at == images_.end()) return no_such_image(id.str());
  // Names first, then the config, then the layers: whatever is there at any moment refers to things that are there.
  const std::size_t before = names_.size();
  std::erase_if(names_, [&](const auto& name) { return name.second == id; });
  if (names_.size() != before) TRY(save_names());
  TRY(layers_.fs().remove_tree(config_path(id.hex())));
  TRY(layers_.fs().remove_tree(meta_path(id.hex())));
  const std::optional<ChainId> chain = at->second.chain;
  const std::string holder = holder_of(id);
  images_.erase(at);
  if (!chain) return std::vector<ChainId>{};
  return layers_.release(*chain, holder);
}

Result<void> ImageStore::tag(std::string_view name, const ImageId& id, Timestamp now) {
  const auto at = images_.find(id);
  if (at == images_.end()) return no_such_image(id.str());
  const oci::Reference reference = TRY(oci::Reference::parse(name));
  if (reference.familiar_name() == "sha256") {
    return fail(ErrorKind::invalid_argument, "refusing to create an ambiguous tag using digest algorithm as name");
  }
  const std::string key = key_of(reference);
  const auto there = names_.find(key);
  if (there != names_.end() && there->second == id) return {};
  const std::optional<ImageId> old = there == names_.end() ? std::nullopt : std::optional(there->second);
  names_[key] = id;
  auto saved = save_names();
  if (!saved.ok()) {
    if (old) {
      names_[key] = *old;
    } else {
      names_.erase(key);
    }
    return saved;
  }
  at->second.last_tagged = now;
  return save_meta(at->second);
}

Result<bool> ImageStore::untag(std::string_view name) {
  auto reference = oci::Reference::parse(name);
  if (!reference.ok()) return false;
  const auto at = names_.find(key_of(*reference));
  if (at == names_.end()) return false;
  const auto removed = *at;
  names_.erase(at);
  auto saved = save_names();
  if (!saved.ok()) {
    names_.insert(removed);
    return saved.error();
  }
  return true;
}

const Image* ImageStore::find(const ImageId& id) const {
  const auto at = images_.find(id);
  return at == images_.end() ? nullptr : &at->second;
}

/// As dockerd's GetImage: a whole id, then a name, then the start of an id. A start that several images have names
/// none.
Result<const Image*> ImageStore::lookup(std::string_view name_or_id) const {
  const std::string_view hex = name_or_id.starts_with("sha256:") ? name_or_id.substr(7) : name_or_id;
  if (auto id = Digest::from_hex(hex); id.ok()) {
    const Image* image = find(*id);
    if (image == nullptr) return no_such_image(id->str());
    return image;
  }
  const oci::Reference reference = TRY(oci::Reference::parse(name_or_id));
  const std::string key = key_of(reference);
  if (const auto at = names_.find(key); at != names_.end()) {
    if (const Image* image = find(at->second)) return image;
  }
  if (!hex.empty() && hex.size() <= 64 && is_lower_hex(hex)) {
    const Image* match = nullptr;
    std::size_t matches = 0;
    for (const auto& [id, image] : images_) {
      if (!id.hex().starts_with(hex)) continue;
      match = &image;
      ++matches;
    }
    if (matches == 1) return match;
  }
  return no_such_image(key);
}

std::vector<const Image*> ImageStore::list() const {
  std::vector<const Image*> all;
  for (const auto& [id, image] : images_) all.push_back(&image);
  return all;
}

std::vector<const Image*> ImageStore::children(const ImageId& id) const {
  std::vector<const Image*> found;
  for (const auto& [other, image] : images_) {
    if (image.parent == id) found.push_back(&image);
  }
  return found;
}

std::vector<ImageName> ImageStore::names() const {
  std::vector<ImageName> all;
  for (const auto& [name, id] : names_) all.push_back({name, id});
  return all;
}

std::vector<std::string> ImageStore::names_of(const ImageId& id) const {
  std::vector<std::string> found;
  for (const auto& [name, other] : names_) {
    if (other == id) found.push_back(name);
  }
  return found;
}

}  // namespace drydock::storage
