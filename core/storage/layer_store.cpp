#include "storage/layer_store.h"

#include <algorithm>

#include "storage/layer_json.h"
#include "storage/tar_headers.h"

namespace drydock::storage {

using archive::Digest;

namespace {

constexpr std::string_view kLayers = "layers";
constexpr std::string_view kLinks = "l";
constexpr std::string_view kTemporaryPrefix = "new-";
constexpr std::uint64_t kLayerJsonMax = 64 * 1024;
constexpr std::size_t kLinkDigits = 10;

Failure<Error> no_such_layer() {
  return fail(ErrorKind::not_found, "layer does not exist");
}

std::string link_target(const Layer& layer) {
  return concat("../", layer.diff_directory());
}

}  // namespace

std::string Layer::directory() const {
  return concat(kLayers, "/", chain.hex());
}

std::string Layer::diff_directory() const {
  return directory() + "/diff";
}

LayerStore::LayerStore(HostFs& fs, Random& random, IdMaps ids) : fs_(fs), random_(random), ids_(std::move(ids)) {}

LayerStore::~LayerStore() = default;

Result<std::unique_ptr<LayerStore>> LayerStore::open(HostFs& fs, Random& random, IdMaps ids) {
  TRY(make_directories(fs, kLayers, 0711));
  TRY(make_directories(fs, kLinks, 0711));
  auto store = std::unique_ptr<LayerStore>(new LayerStore(fs, random, std::move(ids)));
  TRY(store->load());
  return store;
}

Result<void> LayerStore::load() {
  const std::vector<DirectoryEntry> entries = TRY(fs_.list(kLayers));
  for (const DirectoryEntry& entry : entries) {
    if (entry.name.starts_with(kTemporaryPrefix)) {
      TRY(fs_.remove_tree(concat(kLayers, "/", entry.name)));
      continue;
    }
    auto layer = load_layer(entry.name);
    if (layer.ok()) {
      layers_.emplace(layer->chain, *layer);
    } else {
      damage_.push_back(concat("layer ", entry.name, ": ", layer.error().message));
    }
  }
  drop_orphans();
  for (const auto& [chain, layer] : layers_) {
    if (layer.parent) ++children_[*layer.parent];
  }
  return restore_links();
}

Result<Layer> LayerStore::load_layer(std::string_view hex) const {
  const std::string directory = concat(kLayers, "/", hex);
  Layer layer = TRY(parse_layer_json(TRY(read_file(fs_, concat(directory, "/layer.json"), kLayerJsonMax))));
  if (layer.chain.hex() != hex) return fail(ErrorKind::corrupt, "is another layer's directory");
  if (TRY(fs_.stat(layer.diff_directory())).type != FileType::directory) {
    return fail(ErrorKind::corrupt, "diff is no directory");
  }
  return layer;
}

/// Leaves out layers whose parents are missing, and counts the depth of the others.
void LayerStore::drop_orphans() {
  std::set<ChainId> orphans;
  for (auto& [chain, layer] : layers_) {
    layer.depth = 1;
    for (const Layer* at = &layer; at->parent; ++layer.depth) {
      const auto parent = layers_.find(*at->parent);
      // A chain id names its parent's, so there are no circles.
      if (parent == layers_.end()) {
        orphans.insert(chain);
        break;
      }
      at = &parent->second;
    }
  }
  for (const ChainId& chain : orphans) {
    layers_.erase(chain);
    damage_.push_back(concat("layer ", chain.hex(), ": a layer below it is missing"));
  }
}

/// Exactly the links that the layers have.
Result<void> LayerStore::restore_links() {
  std::map<std::string, std::string> wanted;
  for (const auto& [chain, layer] : layers_) {
    wanted[layer.link] = link_target(layer);
    wanted[layer.link + "-i"] = concat("../", layer.directory(), "/init");
  }
  const std::vector<DirectoryEntry> entries = TRY(fs_.list(kLinks));
  for (const DirectoryEntry& entry : entries) {
    const auto at = wanted.find(entry.name);
    if (at != wanted.end() && entry.info.link_target == at->second) continue;
    TRY(fs_.remove_tree(concat(kLinks, "/", entry.name)));
  }
  for (const auto& [chain, layer] : layers_) {
    NodeSpec spec;
    spec.type = FileType::symlink;
    spec.link_target = link_target(layer);
    auto made = fs_.make_node(concat(kLinks, "/", layer.link), spec);
    if (!made.ok() && made.error().code != Errno::eexist) return Error(made.error());
  }
  return {};
}

/// The shortest start of the chain id that no other layer has: another image could be made to share ten digits.
std::string LayerStore::free_link(const ChainId& chain) const {
  for (std::size_t digits = kLinkDigits; digits < chain.hex().size(); ++digits) {
    std::string link(chain.hex().substr(0, digits));
    const bool taken =
        std::any_of(layers_.begin(), layers_.end(), [&](const auto& other) { return other.second.link == link; });
    if (!taken) return link;
  }
  return std::string(chain.hex());
}

/// Makes the unpacked directory `from` the layer.
Result<void> LayerStore::adopt(Layer layer, const std::string& from) {
  layer.link = free_link(layer.chain);
  TRY(fs_.write_atomic(from + "/layer.json", to_layer_json(layer), 0644));
  // There may be a damaged one.
  TRY(fs_.remove_tree(layer.directory()));
  TRY(fs_.rename(from, layer.directory()));
  TRY(fs_.remove_tree(concat(kLinks, "/", layer.link)));
  NodeSpec spec;
  spec.type = FileType::symlink;
  spec.link_target = link_target(layer);
  TRY(fs_.make_node(concat(kLinks, "/", layer.link), spec));
  if (layer.parent) ++children_[*layer.parent];
  layers_.emplace(layer.chain, std::move(layer));
  return {};
}

const Layer* LayerStore::find(const ChainId& chain) const {
  const auto at = layers_.find(chain);
  return at == layers_.end() ? nullptr : &at->second;
}

std::vector<const Layer*> LayerStore::list() const {
  std::vector<const Layer*> all;
  for (const auto& [chain, layer] : layers_) all.push_back(&layer);
  return all;
}

Result<std::vector<const Layer*>> LayerStore::chain(const ChainId& top) const {
  std::vector<const Layer*> layers;
  const Layer* layer = find(top);
  while (layer != nullptr) {
    layers.push_back(layer);
    if (!layer->parent) return layers;
    layer = find(*layer->parent);
  }
  return no_such_layer();
}

Result<std::uint64_t> LayerStore::chain_size(const ChainId& top) const {
  std::uint64_t size = 0;
  const std::vector<const Layer*> layers = TRY(chain(top));
  for (const Layer* layer : layers) size += layer->size;
  return size;
}

Result<std::unique_ptr<ByteSource>> LayerStore::open_tar(const ChainId& chain) {
  const Layer* layer = find(chain);
  if (layer == nullptr) return no_such_layer();
  return open_recorded_tar(fs_, layer->directory(), layer->diff);
}

Result<void> LayerStore::hold(const ChainId& chain, std::string_view holder) {
  if (find(chain) == nullptr) return no_such_layer();
  holders_[chain].insert(std::string(holder));
  return {};
}

bool LayerStore::is_held(const ChainId& chain) const {
  const auto children = children_.find(chain);
  return holders_.contains(chain) || (children != children_.end() && children->second > 0);
}

Result<bool> LayerStore::remove_if_unheld(const ChainId& chain) {
  const auto at = layers_.find(chain);
  if (at == layers_.end() || is_held(chain)) return false;
  const Layer& layer = at->second;
  // Renamed first: a daemon killed meanwhile leaves no half layer under its name.
  const std::string temporary = concat(kLayers, "/", kTemporaryPrefix, random_.hex_id(16));
  TRY(fs_.rename(layer.directory(), temporary));
  TRY(fs_.remove_tree(concat(kLinks, "/", layer.link)));
  TRY(fs_.remove_tree(concat(kLinks, "/", layer.link, "-i")));
  if (layer.parent && --children_[*layer.parent] == 0) children_.erase(*layer.parent);
  layers_.erase(at);
  TRY(fs_.remove_tree(temporary));
  return true;
}

Result<std::vector<ChainId>> LayerStore::release(const ChainId& chain, std::string_view holder) {
  const auto holders = holders_.find(chain);
  if (holders != holders_.end()) {
    const auto one = holders->second.find(std::string(holder));
    if (one != holders->second.end()) holders->second.erase(one);
    if (holders->second.empty()) holders_.erase(holders);
  }
  std::vector<ChainId> removed;
  std::optional<ChainId> next = chain;
  while (next) {
    const Layer* layer = find(*next);
    if (layer == nullptr) break;
    const std::optional<ChainId> parent = layer->parent;
    if (!TRY(remove_if_unheld(*next))) break;
    removed.push_back(*next);
    next = parent;
  }
  return removed;
}

Result<std::vector<ChainId>> LayerStore::remove_unheld() {
  std::vector<const Layer*> all = list();
  // The topmost first, so that a layer has lost its children when its turn comes.
  std::stable_sort(all.begin(), all.end(), [](const Layer* a, const Layer* b) { return a->depth > b->depth; });
  std::vector<ChainId> candidates;
  for (const Layer* layer : all) candidates.push_back(layer->chain);
  std::vector<ChainId> removed;
  for (const ChainId& chain : candidates) {
    if (TRY(remove_if_unheld(chain))) removed.push_back(chain);
  }
  return removed;
}

}  // namespace drydock::storage
