#pragma once
// Images by id (the digest of their config), and the names that point at them.
//
//   images/config/<hex>       the config, byte for byte
//   images/meta/<hex>.json    parent, time of the last tag: what the config does not say
//   images/repositories.json  {"Repositories": {"busybox": {"busybox:latest": "sha256:…"}}}, as dockerd has it
//
// Each image holds its chain of layers under the name "image:<hex>".

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/digest.h"
#include "base/clock.h"
#include "base/result.h"
#include "storage/layer_store.h"

namespace drydock::storage {

using ImageId = archive::Digest;

inline constexpr std::uint64_t kConfigSizeMax = 8u << 20;

struct Image {
  ImageId id;
  std::string config;  // raw JSON
  std::vector<archive::Digest> diffs;
  std::optional<ChainId> chain;   // nothing: no layers
  std::optional<ImageId> parent;  // built or committed here on top of that image
  Timestamp last_tagged;          // zero: never
};

/// A name in Docker's familiar form ("busybox:latest", "busybox@sha256:…") and its image.
struct ImageName {
  std::string name;
  ImageId image;
};

class ImageStore {
 public:
  /// `layers` outlives the store. Images whose config, digest or layers are damaged are left out and named in damage().
  static Result<std::unique_ptr<ImageStore>> open(LayerStore& layers);

  /// Stores a config whose layers are in the store. An image that is there already is success.
  /// Errors: invalid_argument (no image config), not_found (a layer), too_large.
  Result<ImageId> add(std::string_view config, std::optional<ImageId> parent = std::nullopt);
  /// Removes the image, its names, and the layers nobody else holds; returns those layers. Errors: not_found.
  Result<std::vector<ChainId>> remove(const ImageId& id);

  /// Points `name` (familiar form, with tag or digest) at the image, away from another if need be.
  /// Errors: not_found, and invalid_argument for a name that is an image id's short form.
  Result<void> tag(std::string_view name, const ImageId& id, Timestamp now);
  /// False if there was no such name.
  Result<bool> untag(std::string_view name);

  const Image* find(const ImageId& id) const;
  /// By name, id ("sha256:…" or hex) or unambiguous prefix of an id, as users give it.
  /// Errors: not_found "No such image: X:latest".
  Result<const Image*> lookup(std::string_view name_or_id) const;
  std::vector<const Image*> list() const;
  std::vector<const Image*> children(const ImageId& id) const;
  /// Sorted.
  std::vector<ImageName> names() const;
  std::vector<std::string> names_of(const ImageId& id) const;

  const std::vector<std::string>& damage() const { return damage_; }

 private:
  explicit ImageStore(LayerStore& layers) : layers_(layers) {}
  Result<void> load_images();
  Result<Image> load_image(std::string_view hex) const;
  Result<void> load_names();
  Result<void> save_names() const;
  Result<void> save_meta(const Image& image) const;

  LayerStore& layers_;
  std::map<ImageId, Image> images_;
  std::map<std::string, ImageId, std::less<>> names_;
  std::vector<std::string> damage_;
};

}  // namespace drydock::storage
