#include "engine/images.h"

#include <algorithm>
#include <utility>

#include "engine/daemon.h"
#include "engine/image_transfer.h"

namespace drydock::engine {

namespace {

/// Blobs are only on their way through the content store: an image is its config and its unpacked layers.
Result<void> drop_transient(storage::HostFs& data, storage::ContentStore& content) {
  for (const storage::BlobInfo& blob : TRY(content.list())) TRY(content.remove(blob.digest));
  if (auto removed = data.remove_tree(kTemporaryDirectory); !removed.ok()) return Error(removed.error());
  if (auto made = storage::make_directories(data, kTemporaryDirectory, 0700); !made.ok()) return Error(made.error());
  return {};
}

}  // namespace

Images::Images() : transfers_(std::make_unique<Transfers>()) {}
Images::~Images() = default;

Result<std::unique_ptr<Images>> Images::open(storage::HostFs& data, Random& random, storage::IdMaps ids,
                                             storage::SnapshotterOptions options) {
  std::unique_ptr<Images> images(new Images());
  images->content_ = TRY(storage::ContentStore::open(data));
  TRY(drop_transient(data, *images->content_));
  images->layers_ = TRY(storage::LayerStore::open(data, random, std::move(ids)));
  images->store_ = TRY(storage::ImageStore::open(*images->layers_));
  images->snapshots_ = TRY(storage::Snapshotter::open(*images->layers_, options));
  images->sources_ = std::make_unique<storage::BlobSources>(data);
  TRY(images->layers_->remove_unheld());
  return images;
}

Result<const storage::Image*> Images::lookup(std::string_view name_or_id) const {
  return store_->lookup(name_or_id);
}

Result<FoundImage> Images::find(std::string_view name_or_id) const {
  const storage::Image* image = TRY(lookup(name_or_id));
  auto document = TRY(oci::parse_image_config(image->config));
  return FoundImage{image->id, std::move(document.config), image->chain};
}

std::uint64_t Images::size(const storage::Image& image) const {
  return image.chain ? layers_->chain_size(*image.chain).value_or(0) : 0;
}

Images::Names Images::names(const storage::ImageId& id) const {
  Names names;
  for (std::string& name : store_->names_of(id)) {
    auto& group = name.find('@') == std::string::npos ? names.tags : names.digests;
    group.push_back(std::move(name));
  }
  return names;
}

std::vector<std::string> Images::damage() const {
  std::vector<std::string> all = layers_->damage();
  for (const auto* more : {&store_->damage(), &snapshots_->damage()}) all.insert(all.end(), more->begin(), more->end());
  return all;
}

oci::Platform host_platform(const Daemon& daemon) {
  return oci::normalised({"linux", daemon.host.facts.architecture, "", "", {}});
}

void emit_image_event(Daemon& daemon, std::string_view action, std::string_view actor, std::string_view name,
                      const storage::Image* image) {
  trace::Attributes attributes;
  if (image != nullptr) {
    if (auto document = oci::parse_image_config(image->config); document.ok()) {
      attributes = std::move(document->config.config.labels);
    }
  }
  std::erase_if(attributes, [](const auto& attribute) { return attribute.first == "name"; });
  if (!name.empty()) attributes.emplace_back("name", name);
  std::stable_sort(attributes.begin(), attributes.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  emit_event(daemon, "image", action, actor, std::move(attributes));
}

}  // namespace drydock::engine
