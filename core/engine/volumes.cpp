#include "engine/volumes.h"

#include "base/json.h"
#include "base/text.h"
#include "engine/container_names.h"
#include "engine/containers.h"
#include "engine/daemon.h"

namespace drydock::engine {

namespace {

constexpr std::uint64_t kVolumeFileMax = 1u << 20;

std::optional<StringMap> read_map(const Json& object, std::string_view name) {
  auto pairs = get_string_map(object, name);
  const auto found = object.find(name);
  if (!pairs.ok() || found == object.end() || found->is_null()) return std::nullopt;
  return StringMap(pairs->begin(), pairs->end());
}

Json map_json(const std::optional<StringMap>& map) {
  if (!map) return nullptr;
  Json object = Json::object();
  for (const auto& item : *map) object[item.first] = item.second;
  return object;
}

}  // namespace

Result<void> check_volume_name(std::string_view name) {
  if (name.size() == 1)
    return fail(ErrorKind::invalid_argument, "create ", name,
                ": volume name is too short, names should be at least two alphanumeric characters");
  if (!is_valid_name(name))
    return fail(ErrorKind::invalid_argument, "create ", name, ": ", go_quoted(name),
                " includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. "
                "If you intended to pass a host directory, use absolute path");
  return {};
}

Result<void> Volumes::load() {
  TRY(storage::make_directories(data_, "volumes", 0711));
  for (const auto& entry : TRY(data_.list("volumes"))) {
    if (entry.info.type != storage::FileType::directory || !is_valid_name(entry.name)) continue;
    Volume volume;
    volume.name = entry.name;
    volume.mountpoint = data_.host_path(volume.data_directory());
    volume.created = {entry.info.mtime_ns};
    auto text = storage::read_file(data_, "volumes/" + entry.name + "/opts.json", kVolumeFileMax);
    if (text.ok()) {
      auto json = parse_json(*text);
      if (json.ok() && json->is_object()) {
        volume.labels = read_map(*json, "Labels");
        volume.options = read_map(*json, "Options");
        if (auto created = get_int(*json, "Created"); created.ok()) volume.created = {*created};
        if (auto anonymous = get_bool(*json, "Anonymous"); anonymous.ok()) volume.anonymous = *anonymous;
      }
    }
    volumes_[volume.name] = std::move(volume);
  }
  return {};
}

Result<const Volume*> Volumes::create(const std::string& name, std::optional<StringMap> labels,
                                      std::optional<StringMap> options, bool anonymous, Timestamp now) {
  if (const Volume* existing = find(name)) return existing;
  TRY(check_volume_name(name));
  for (const auto& option : options.value_or(StringMap{}))
    return fail(ErrorKind::invalid_argument, "create ", name, ": invalid option: ", go_quoted(option.first));
  Volume volume;
  volume.name = name;
  volume.mountpoint = data_.host_path(volume.data_directory());
  volume.created = now;
  volume.labels = std::move(labels);
  volume.options = std::move(options);
  volume.anonymous = anonymous;
  TRY(storage::make_directories(data_, volume.data_directory(), 0755));
  TRY(save(volume));
  return &(volumes_[name] = std::move(volume));
}

Result<void> Volumes::save(const Volume& volume) {
  Json file = {{"Created", volume.created.ns}, {"Anonymous", volume.anonymous}};
  file["Labels"] = map_json(volume.labels);
  file["Options"] = map_json(volume.options);
  TRY(data_.write_atomic("volumes/" + volume.name + "/opts.json", to_json_text(file), 0600));
  return {};
}

const Volume* Volumes::find(std::string_view name) const {
  const auto found = volumes_.find(name);
  return found == volumes_.end() ? nullptr : &found->second;
}

std::vector<const Volume*> Volumes::list() const {
  std::vector<const Volume*> all;
  for (const auto& item : volumes_) all.push_back(&item.second);
  return all;
}

Result<void> Volumes::remove(const std::string& name) {
  if (find(name) == nullptr) return fail(ErrorKind::not_found, "get ", name, ": no such volume");
  TRY(data_.remove_tree("volumes/" + name));
  volumes_.erase(name);
  return {};
}

std::vector<std::string> volume_users(Daemon& daemon, std::string_view volume) {
  std::vector<std::string> ids;
  for (const Container* container : daemon.containers->list())
    for (const MountPoint& point : container->mounts)
      if (point.kind == MountPoint::Kind::volume && point.volume == volume) {
        ids.push_back(container->id);
        break;
      }
  return ids;
}

}  // namespace drydock::engine
