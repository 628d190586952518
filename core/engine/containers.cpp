#include "engine/containers.h"

#include <algorithm>

#include "base/text.h"
#include "engine/container_file.h"
#include "engine/container_names.h"

namespace drydock::engine {

namespace {

constexpr int kNameAttemptsMax = 6;
constexpr std::size_t kRemovedMax = 1000;

}  // namespace

Result<std::vector<std::string>> Containers::load() {
  std::vector<std::string> damage;
  TRY(storage::make_directories(data_, "containers", 0710));
  for (const auto& entry : TRY(data_.list("containers"))) {
    const std::string directory = "containers/" + entry.name;
    auto text = storage::read_file(data_, directory + "/config.json", kContainerFileMax);
    if (!text.ok()) {
      // Created, but not to the end: nobody was told its id.
      if (text.error().code == Errno::enoent) TRY(data_.remove_tree(directory));
      damage.push_back(concat(directory, ": ", to_string(text.error())));
      continue;
    }
    auto container = container_from_text(*text);
    if (!container.ok() || (*container)->id != entry.name || by_name_.contains((*container)->name)) {
      damage.push_back(concat(directory, ": ", container.ok() ? "id or name in use" : container.error().message));
      continue;
    }
    add(std::move(*container));
  }
  return damage;
}

Result<Container*> Containers::find(std::string_view name_or_id) {
  if (Container* container = by_id(name_or_id)) return container;
  const std::string_view name = name_or_id.starts_with('/') ? name_or_id.substr(1) : name_or_id;
  if (const auto named = by_name_.find(name); named != by_name_.end()) return by_id(named->second);
  Container* match = nullptr;
  if (!name_or_id.empty())
    for (auto at = by_id_.lower_bound(name_or_id); at != by_id_.end() && at->first.starts_with(name_or_id); ++at) {
      if (match != nullptr) return fail(ErrorKind::internal, "Multiple IDs found with provided prefix: ", name_or_id);
      match = at->second.get();
    }
  if (match == nullptr) return fail(ErrorKind::not_found, "No such container: ", name_or_id);
  return match;
}

Container* Containers::by_id(std::string_view id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second.get();
}

const Container* Containers::by_name(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  return by_id_.find(found->second)->second.get();
}

std::vector<Container*> Containers::list() {
  std::vector<Container*> all;
  all.reserve(by_id_.size());
  for (const auto& item : by_id_) all.push_back(item.second.get());
  std::stable_sort(all.begin(), all.end(),
                   [](const Container* a, const Container* b) { return a->created > b->created; });
  return all;
}

Result<void> Containers::check_name(std::string_view name) const {
  const std::string_view bare = name.starts_with('/') ? name.substr(1) : name;
  if (!is_valid_name(bare))
    return fail(ErrorKind::invalid_argument, "Invalid container name (", name,
                "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
  if (const Container* other = by_name(bare))
    return fail(ErrorKind::conflict, "Conflict. The container name \"/", bare, "\" is already in use by container \"",
                other->id, "\". You have to remove (or rename) that container to be able to reuse that name.");
  return {};
}

std::string Containers::generate_name() {
  for (int attempt = 0; attempt < kNameAttemptsMax; ++attempt) {
    std::string name = random_name(random_, attempt);
    if (!by_name_.contains(name)) return name;
  }
  return random_name(random_, 0) + "_" + random_.hex_id(6);
}

Container& Containers::add(std::unique_ptr<Container> container) {
  Container& added = *container;
  by_name_[added.name] = added.id;
  by_id_[added.id] = std::move(container);
  return added;
}

Result<void> Containers::save(const Container& container) {
  TRY(data_.write_atomic(container.file("config.json"), container_to_text(container), 0600));
  return {};
}

void Containers::rename(Container& container, std::string_view name) {
  by_name_.erase(container.name);
  container.name = std::string(name);
  by_name_[container.name] = container.id;
}

void Containers::erase(const std::string& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  removed_[id] = {found->second->state.exit_code};
  removed_order_.push_back(id);
  if (removed_order_.size() > kRemovedMax) {
    removed_.erase(removed_order_.front());
    removed_order_.erase(removed_order_.begin());
  }
  if (const auto named = by_name_.find(found->second->name); named != by_name_.end() && named->second == id)
    by_name_.erase(named);
  by_id_.erase(found);
}

const RemovedContainer* Containers::removed(const std::string& id) const {
  const auto found = removed_.find(id);
  return found == removed_.end() ? nullptr : &found->second;
}

}  // namespace drydock::engine
