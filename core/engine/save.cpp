#include "engine/save.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "archive/tar_writer.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/daemon.h"
#include "engine/image_progress.h"
#include "engine/image_unpack.h"
#include "engine/images.h"
#include "oci/chain_id.h"
#include "oci/reference.h"

namespace drydock::engine {

namespace {

using storage::Image;

constexpr std::size_t kBacklogMax = 4u << 20;
constexpr std::size_t kReadBytes = 256u << 10;

struct SavedImage {
  storage::ImageId id;
  std::vector<oci::Reference> names;
};

/// A member of the archive: bytes that are at hand, or a layer's tar.
struct Member {
  archive::TarEntry entry;
  std::string bytes;
  std::optional<storage::ChainId> layer;
};

archive::TarEntry entry_of(std::string name, archive::TarType type, std::uint64_t size, Timestamp time) {
  archive::TarEntry entry;
  entry.name = std::move(name);
  entry.type = type;
  entry.mode = type == archive::TarType::directory ? 0755 : 0644;
  entry.size = size;
  entry.mtime_ns = time.ns;
  entry.user_name = entry.group_name = "root";
  return entry;
}

/// What stood in `json` beside a layer before Docker 1.10; written for readers that still look for it.
Json legacy_json(const std::string& id, const std::string& parent, const oci::ImageConfig& image, bool top,
                 const std::string& raw) {
  Json json = {{"id", id}};
  if (!parent.empty()) json["parent"] = parent;
  if (!top) {
    json["created"] = "1970-01-01T00:00:00Z";
    json["os"] = image.platform.os;
    return json;
  }
  const auto config = parse_json(raw);
  if (!config.ok()) return json;
  for (const auto& [name, value] : config->items()) {
    if (name != "rootfs" && name != "history" && name != "id" && name != "parent") json[name] = value;
  }
  return json;
}

/// Lists what the archive will hold, in dockerd's order: the layers of each image, its config, and the documents last.
class Plan {
 public:
  explicit Plan(Images& images) : images_(images) {}

  Result<std::vector<Member>> make(const std::vector<SavedImage>& saved) {
    for (const SavedImage& image : saved) TRY(add_image(image));
    add_file("manifest.json", to_json_text(manifest_) + "\n", {});
    if (!repositories_.empty()) {
      Json repositories = Json::object();
      for (const auto& [name, tags] : repositories_) {
        for (const auto& [tag, id] : tags) repositories[name][tag] = id;
      }
      add_file("repositories", to_json_text(repositories) + "\n", {});
    }
    return std::move(members_);
  }

 private:
  void add_file(std::string name, std::string bytes, Timestamp time) {
    auto entry = entry_of(std::move(name), archive::TarType::regular, bytes.size(), time);
    members_.push_back({std::move(entry), std::move(bytes), std::nullopt});
  }

  Result<void> add_image(const SavedImage& saved) {
    const Image& image = *images_.store().find(saved.id);
    const auto document = TRY(oci::parse_image_config(image.config));
    const auto chains = oci::chain_ids(document.config.diff_ids);
    Json layers = Json::array();
    std::string parent;
    for (std::size_t i = 0; i < chains.size(); ++i) {
      const bool top = i + 1 == chains.size();
      // The image's top layer has a name of its own, as its `json` has the image's config.
      const std::string seed = concat(chains[i].str(), '\n', parent, '\n', top ? image.id.str() : "");
      const std::string id(archive::digest_of(seed).hex());
      TRY(add_layer(id, chains[i], to_json_text(legacy_json(id, parent, document.config, top, image.config)),
                    document.config.created));
      layers.push_back(id + "/layer.tar");
      parent = id;
    }
    const std::string config = std::string(image.id.hex()) + ".json";
    if (written_.insert(config).second) add_file(config, image.config, document.config.created);
    Json tags = Json::array();
    for (const oci::Reference& name : saved.names) {
      tags.push_back(name.familiar());
      if (!parent.empty()) repositories_[name.familiar_name()][name.tag()] = parent;
    }
    Json item = {{"Config", config}, {"RepoTags", tags.empty() ? Json() : std::move(tags)}, {"Layers", layers}};
    if (image.parent && images_.store().find(*image.parent) != nullptr) item["Parent"] = image.parent->str();
    manifest_.push_back(std::move(item));
    return {};
  }

  Result<void> add_layer(const std::string& id, const storage::ChainId& chain, std::string json, Timestamp time) {
    if (!written_.insert(id).second) return {};
    const storage::Layer* layer = images_.layers().find(chain);
    if (layer == nullptr) return fail(ErrorKind::not_found, "layer ", chain.str(), " does not exist");
    members_.push_back({entry_of(id, archive::TarType::directory, 0, time), "", std::nullopt});
    add_file(id + "/VERSION", "1.0", time);
    add_file(id + "/json", std::move(json), time);
    auto entry = entry_of(id + "/layer.tar", archive::TarType::regular, layer->tar_size, time);
    members_.push_back({std::move(entry), "", chain});
    return {};
  }

  Images& images_;
  std::vector<Member> members_;
  std::set<std::string> written_;
  Json manifest_ = Json::array();
  std::map<std::string, std::map<std::string, std::string>> repositories_;
};

class SaveJob final : public Job {
 public:
  SaveJob(std::vector<Member> members, std::vector<std::unique_ptr<ChainHold>> holds,
          std::shared_ptr<http::Responder> responder)
      : members_(std::move(members)), holds_(std::move(holds)), responder_(std::move(responder)) {}

  State step(Daemon& daemon) override {
    if (responder_->closed()) return State::done;
    const std::int64_t until = daemon.host.clock.monotonic_ns() + kSliceNs;
    for (std::uint64_t sent = 0; sent < kSliceBytesMax && daemon.host.clock.monotonic_ns() < until;) {
      if (responder_->backlog() > kBacklogMax) return State::waiting;
      std::string out;
      const auto more = produce(daemon, out);
      // Half an archive cannot be told from a whole one by a status that is sent: the connection ends instead.
      if (!more.ok()) return State::done;
      responder_->write(out);
      sent += out.size() + 1;
      if (!*more) {
        responder_->finish();
        return State::done;
      }
    }
    return State::busy;
  }
  std::string_view name() const override { return "save"; }

 private:
  /// The next piece; false after the last one.
  Result<bool> produce(Daemon& daemon, std::string& out) {
    if (layer_) {
      if (layer_->ended()) {
        layer_.reset();
        return true;
      }
      buffer_.resize(kReadBytes);
      const std::size_t read = TRY(layer_->read({buffer_.data(), buffer_.size()}));
      TRY(tar_.write({buffer_.data(), read}, out));
      return true;
    }
    if (at_ == members_.size()) {
      TRY(tar_.finish(out));
      return false;
    }
    Member& member = members_[at_++];
    TRY(tar_.begin(member.entry, out));
    if (member.layer) layer_ = TRY(daemon.images->layers().open_tar(*member.layer));
    if (!member.bytes.empty()) TRY(tar_.write(member.bytes, out));
    return true;
  }

  std::vector<Member> members_;
  std::vector<std::unique_ptr<ChainHold>> holds_;
  std::shared_ptr<http::Responder> responder_;
  archive::TarWriter tar_;
  std::size_t at_ = 0;
  std::unique_ptr<ByteSource> layer_;
  std::string buffer_;
};

class Selection {
 public:
  explicit Selection(const Images& images) : images_(images) {}

  Result<void> add(const std::string& name) {
    if (oci::looks_like_image_id(name) && name.starts_with("sha256:")) return add_image(name);
    const auto reference = oci::Reference::parse(name);
    if (!reference.ok()) {
      // Sixty-four digits are no repository, but may be an id.
      if (oci::looks_like_image_id(name)) return add_image(name);
      return reference.error();
    }
    if (!reference->is_name_only()) return add_name(*reference);
    bool found = false;
    for (const storage::ImageName& entry : images_.store().names()) {
      const auto known = oci::Reference::parse(entry.name);
      if (!known.ok() || known->tag().empty() || known->familiar_name() != reference->familiar_name()) continue;
      put(entry.image, *known);
      found = true;
    }
    if (found) return {};
    auto added = add_image(name);
    if (!added.ok()) return fail(ErrorKind::not_found, "No such image: ", name);
    return added;
  }

  std::vector<SavedImage> take() { return std::move(images_found_); }

 private:
  Result<void> add_image(const std::string& id) {
    put(TRY(images_.lookup(id))->id, std::nullopt);
    return {};
  }
  Result<void> add_name(const oci::Reference& reference) {
    const auto image = images_.lookup(reference.familiar());
    if (!image.ok()) return fail(ErrorKind::not_found, "reference does not exist");
    put(image.value()->id, reference.tag().empty() ? std::nullopt : std::optional<oci::Reference>(reference));
    return {};
  }
  void put(const storage::ImageId& id, std::optional<oci::Reference> name) {
    auto found = std::find_if(images_found_.begin(), images_found_.end(),
                              [&id](const SavedImage& image) { return image.id == id; });
    if (found == images_found_.end()) found = images_found_.insert(found, {id, {}});
    if (!name) return;
    if (std::find(found->names.begin(), found->names.end(), *name) == found->names.end()) {
      found->names.push_back(std::move(*name));
    }
  }

  const Images& images_;
  std::vector<SavedImage> images_found_;
};

}  // namespace

Result<void> start_save(Daemon& daemon, const std::vector<std::string>& names,
                        std::shared_ptr<http::Responder> responder) {
  Images& images = *daemon.images;
  Selection selection(images);
  for (const std::string& name : names) TRY(selection.add(name));
  const std::vector<SavedImage> saved = selection.take();
  std::vector<Member> members = TRY(Plan(images).make(saved));
  std::vector<std::unique_ptr<ChainHold>> holds;
  for (const SavedImage& image : saved) {
    const Image& stored = *images.store().find(image.id);
    if (stored.chain) {
      holds.push_back(std::make_unique<ChainHold>(images.layers(), "save:" + daemon.host.random.hex_id(8)));
      TRY(holds.back()->move_to(*stored.chain));
    }
    emit_image_event(daemon, "save", stored.id.str(), stored.id.str(), &stored);
  }
  responder->start(200, {{"Content-Type", "application/x-tar"}});
  daemon.add_job(std::make_unique<SaveJob>(std::move(members), std::move(holds), std::move(responder)));
  return {};
}

}  // namespace drydock::engine
