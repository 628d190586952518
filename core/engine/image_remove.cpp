#include "engine/image_remove.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"
#include "engine/containers.h"
#include "engine/daemon.h"
#include "engine/images.h"
#include "oci/reference.h"

namespace drydock::engine {

namespace {

using storage::Image;
using storage::ImageId;

bool is_digest_name(std::string_view name) {
  return name.find('@') != std::string_view::npos;
}

/// "busybox:latest" and "busybox@sha256:…" are both of "busybox".
std::string repository_of(std::string_view name) {
  const auto reference = oci::Reference::parse(name);
  return reference.ok() ? reference->familiar_name() : std::string(name);
}

/// At most one tag, and every name in one repository: rmi by id may then take all of them.
bool is_single_reference(const std::vector<std::string>& names) {
  if (names.size() <= 1) return true;
  const std::string repository = repository_of(names.front());
  std::size_t tags = 0;
  for (const std::string& name : names) {
    if (repository_of(name) != repository) return false;
    tags += is_digest_name(name) ? 0 : 1;
  }
  return tags <= 1;
}

bool is_id_prefix(const ImageId& id, std::string_view text) {
  return id.str().starts_with(text) || id.hex().starts_with(text);
}

enum class Running { any, yes };

const Container* user_of(Daemon& daemon, const ImageId& id, Running running) {
  if (!daemon.containers) return nullptr;
  for (const Container* container : daemon.containers->list()) {
    if (container->image_id != id.str()) continue;
    if (running == Running::any || container->is_running()) return container;
  }
  return nullptr;
}

std::string short_id(std::string_view id) {
  return std::string(id.substr(0, 12));
}

struct Conflict {
  bool hard = false;
  bool used = false;
  std::string why;

  Error error(const ImageId& id) const {
    return make_error(ErrorKind::conflict, "conflict: unable to delete ", id.short_hex(), " (",
                      hard ? "cannot be forced" : "must be forced", ") - ", why);
  }
};

enum class Check { hard, hard_and_stopped, all };

std::optional<Conflict> find_conflict(Daemon& daemon, const ImageId& id, Check check) {
  const storage::ImageStore& store = daemon.images->store();
  if (!store.children(id).empty()) return Conflict{true, false, "image has dependent child images"};
  if (const Container* container = user_of(daemon, id, Running::yes)) {
    return Conflict{true, true, "image is being used by running container " + short_id(container->id)};
  }
  if (check == Check::all && !store.names_of(id).empty()) {
    return Conflict{false, false, "image is referenced in multiple repositories"};
  }
  if (check == Check::hard) return std::nullopt;
  if (const Container* container = user_of(daemon, id, Running::any)) {
    return Conflict{false, true, "image is being used by stopped container " + short_id(container->id)};
  }
  return std::nullopt;
}

class Removal {
 public:
  Removal(Daemon& daemon, Force force, PruneParents prune) : daemon_(daemon), force_(force), prune_(prune) {}

  Result<std::vector<RemovedImage>> run(std::string_view name_or_id) {
    const ImageId id = TRY(daemon_.images->lookup(name_or_id))->id;
    bool untagged = false;
    if (is_id_prefix(id, name_or_id)) {
      TRY(untag_by_id(id));
    } else {
      TRY(untag_by_name(id, name_or_id));
      if (!store().names_of(id).empty()) return std::move(removed_);
      untagged = true;
    }
    TRY(remove(id, force_, untagged));
    return std::move(removed_);
  }

 private:
  storage::ImageStore& store() { return daemon_.images->store(); }

  Result<void> untag(const ImageId& id, const std::string& name, bool tell) {
    TRY(store().untag(name));
    removed_.push_back({name, ""});
    if (tell) emit_image_event(daemon_, "untag", id.str(), id.str(), store().find(id));
    return {};
  }

  Result<void> untag_by_id(const ImageId& id) {
    const std::vector<std::string> names = store().names_of(id);
    if (!is_single_reference(names)) return {};
    const Check check = force_ == Force::yes ? Check::hard : Check::hard_and_stopped;
    if (const auto conflict = find_conflict(daemon_, id, check)) return conflict->error(id);
    for (const std::string& name : names) TRY(untag(id, name, true));
    return {};
  }

  Result<void> untag_by_name(const ImageId& id, std::string_view given) {
    if (force_ == Force::no && is_single_reference(store().names_of(id))) {
      if (const Container* container = user_of(daemon_, id, Running::any)) {
        return fail(ErrorKind::conflict, "conflict: unable to remove repository reference ", go_quoted(given),
                    " (must force) - container ", short_id(container->id), " is using its referenced image ",
                    id.short_hex());
      }
    }
    const oci::Reference reference = TRY(oci::Reference::parse_tagged(given));
    TRY(untag(id, reference.familiar(), true));
    if (!reference.digest().empty()) return {};
    // Digests alone do not keep a repository's image once its last tag there is gone.
    const std::string repository = reference.familiar_name();
    std::vector<std::string> digests;
    for (std::string& name : store().names_of(id)) {
      if (repository_of(name) != repository) continue;
      if (!is_digest_name(name)) return {};
      digests.push_back(std::move(name));
    }
    for (const std::string& name : digests) TRY(untag(id, name, false));
    return {};
  }

  /// `quiet`: a conflict only ends the removal, unless it leaves an image that nobody can see.
  Result<void> remove(const ImageId& id, Force force, bool quiet) {
    const Check check = force == Force::yes ? Check::hard : Check::all;
    if (const auto conflict = find_conflict(daemon_, id, check)) {
      const bool dangling = store().names_of(id).empty() && store().children(id).empty();
      if (quiet && (!dangling || conflict->used)) return {};
      return conflict->error(id);
    }
    const Image image = *store().find(id);
    for (const std::string& name : store().names_of(id)) TRY(untag(id, name, false));
    std::map<storage::ChainId, archive::Digest> diffs;
    if (image.chain) {
      for (const storage::Layer* layer : TRY(daemon_.images->layers().chain(*image.chain))) {
        diffs[layer->chain] = layer->diff;
      }
    }
    const auto layers = TRY(store().remove(id));
    emit_image_event(daemon_, "delete", id.str(), id.str(), &image);
    removed_.push_back({"", id.str()});
    for (const storage::ChainId& chain : layers) {
      removed_.push_back({"", chain.str()});
      TRY(daemon_.images->sources().remove(diffs[chain]));
    }
    if (prune_ == PruneParents::no || !image.parent || store().find(*image.parent) == nullptr) return {};
    return remove(*image.parent, Force::no, true);
  }

  Daemon& daemon_;
  Force force_;
  PruneParents prune_;
  std::vector<RemovedImage> removed_;
};

/// What cannot be read is malformed, which older API versions tell by another status than what is refused.
Result<oci::Reference> read_reference(std::string_view repository, std::string_view tag) {
  auto reference = oci::Reference::parse(repository);
  if (reference.ok() && !tag.empty() && reference->digest().empty()) reference = reference->with_tag(tag);
  if (reference.ok()) return reference;
  return fail(ErrorKind::malformed, reference.error().message);
}

}  // namespace

Result<std::vector<RemovedImage>> remove_image(Daemon& daemon, std::string_view name_or_id, Force force,
                                               PruneParents prune) {
  return Removal(daemon, force, prune).run(name_or_id);
}

Result<void> tag_image(Daemon& daemon, std::string_view name_or_id, std::string_view repository, std::string_view tag) {
  const ImageId id = TRY(daemon.images->lookup(name_or_id))->id;
  const oci::Reference reference = TRY(read_reference(repository, tag));
  if (!reference.digest().empty()) {
    return fail(ErrorKind::invalid_argument, "refusing to create a tag with a digest reference");
  }
  const std::string name = reference.with_default_tag().familiar();
  TRY(daemon.images->store().tag(name, id, daemon.host.clock.now()));
  emit_image_event(daemon, "tag", id.str(), name, daemon.images->store().find(id));
  return {};
}

PrunedImages prune_images(Daemon& daemon, bool only_dangling, const std::function<bool(const Image&)>& wanted) {
  Images& images = *daemon.images;
  std::map<std::string, std::uint64_t> sizes;
  for (const storage::Layer* layer : images.layers().list()) sizes[layer->chain.str()] = layer->size;
  std::vector<std::string> targets;
  for (const Image* image : images.store().list()) {
    const Images::Names names = images.names(image->id);
    const bool nameless = names.tags.empty() && names.digests.empty();
    if (nameless && !images.store().children(image->id).empty()) continue;
    if ((only_dangling && !names.tags.empty()) || !wanted(*image)) continue;
    if (nameless) targets.emplace_back(image->id.hex());
    targets.insert(targets.end(), names.tags.begin(), names.tags.end());
    targets.insert(targets.end(), names.digests.begin(), names.digests.end());
  }
  PrunedImages pruned;
  for (const std::string& target : targets) {
    // A conflict, or a name that went with the one before, leaves the image as it is: that is what prune means.
    auto removed = remove_image(daemon, target, Force::no, PruneParents::yes);
    if (!removed.ok()) continue;
    for (RemovedImage& item : *removed) {
      if (const auto size = sizes.find(item.deleted); size != sizes.end()) pruned.bytes += size->second;
      pruned.removed.push_back(std::move(item));
    }
  }
  return pruned;
}

}  // namespace drydock::engine
