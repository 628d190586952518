#include "storage/layer_unpack.h"

#include "oci/chain_id.h"
#include "storage/layer_json.h"
#include "storage/tar_apply.h"

namespace drydock::storage {

struct LayerUnpack::State {
  LayerStore& store;
  std::string directory;  // layers/new-<random>
  std::optional<ChainId> parent;
  std::size_t depth = 1;
  std::optional<archive::Digest> expected_diff;
  std::unique_ptr<HostFs> tree;  // rooted at `directory`
  TarApply apply;
  archive::Digester digester;
  std::uint64_t tar_size = 0;
  std::optional<Error> failure;
  bool over = false;
};

LayerUnpack::LayerUnpack(std::unique_ptr<State> state) : state_(std::move(state)) {}

LayerUnpack::~LayerUnpack() {
  if (state_->over) return;
  // What cannot be removed now is removed when the store is opened next.
  static_cast<void>(state_->store.fs().remove_tree(state_->directory).ok());
}

std::uint64_t LayerUnpack::size() const {
  return state_->tar_size;
}

Result<std::unique_ptr<LayerUnpack>> LayerStore::unpack(std::optional<ChainId> parent,
                                                        std::optional<archive::Digest> expected_diff) {
  if (parent && parent->empty()) parent.reset();
  std::size_t depth = 1;
  std::vector<std::string> lower;
  if (parent) {
    const std::vector<const Layer*> below = TRY(chain(*parent));
    depth = below.size() + 1;
    for (const Layer* layer : below) lower.push_back(layer->diff_directory());
  }
  if (depth > kChainDepthMax) return fail(ErrorKind::invalid_argument, "max depth exceeded");
  const std::string directory = concat("layers/new-", random_.hex_id(16));
  TRY(make_directories(fs_, concat(directory, "/diff")));
  auto tree = TRY(fs_.subtree(directory));
  auto recorder = TRY(TarHeaderRecorder::create(*tree, ""));
  TarApply apply(*tree, std::move(recorder), ids_, [this, lower]() { return MergedTree::open(fs_, lower); });
  TRY(apply.prepare());
  auto state = std::unique_ptr<LayerUnpack::State>(new LayerUnpack::State{*this,
                                                                          directory,
                                                                          std::move(parent),
                                                                          depth,
                                                                          std::move(expected_diff),
                                                                          std::move(tree),
                                                                          std::move(apply),
                                                                          {},
                                                                          0,
                                                                          {},
                                                                          false});
  return std::unique_ptr<LayerUnpack>(new LayerUnpack(std::move(state)));
}

Result<void> LayerUnpack::feed(std::string_view bytes) {
  if (state_->over) return fail(ErrorKind::conflict, "layer is unpacked already");
  if (state_->failure) return fail(*state_->failure);
  state_->digester.update(bytes);
  state_->tar_size += bytes.size();
  auto applied = state_->apply.feed(bytes);
  if (!applied.ok()) state_->failure = applied.error();
  return applied;
}

Result<Layer> LayerUnpack::finish(std::string_view holder) {
  if (state_->over) return fail(ErrorKind::conflict, "layer is unpacked already");
  if (state_->failure) return fail(*state_->failure);
  TRY(state_->apply.finish());
  Layer layer;
  layer.diff = state_->digester.finish();
  if (state_->expected_diff && *state_->expected_diff != layer.diff) {
    return fail(ErrorKind::corrupt, "wrong diff id calculated on extraction invalid diffID for layer: expected ",
                state_->expected_diff->str(), ", got ", layer.diff.str());
  }
  layer.parent = state_->parent;
  layer.chain = oci::chain_id(layer.parent.value_or(archive::Digest()), layer.diff);
  layer.size = state_->apply.content_size();
  layer.tar_size = state_->tar_size;
  layer.depth = state_->depth;
  LayerStore& store = state_->store;
  if (store.find(layer.chain) == nullptr) {
    // The parent may have gone while this layer was on its way.
    if (layer.parent && store.find(*layer.parent) == nullptr) {
      return fail(ErrorKind::not_found, "layer does not exist");
    }
    TRY(store.adopt(layer, state_->directory));
    state_->over = true;
  }
  TRY(store.hold(layer.chain, holder));
  return *store.find(layer.chain);
}

}  // namespace drydock::storage
