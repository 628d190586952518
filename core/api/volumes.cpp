// GET, POST and DELETE /volumes.

#include "engine/volumes.h"

#include <algorithm>

#include "api/body.h"
#include "api/filters.h"
#include "api/respond.h"
#include "api/routes.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/containers.h"

namespace drydock::api {

namespace {

using engine::Volume;

Json map_json(const std::optional<engine::StringMap>& map) {
  if (!map) return nullptr;
  Json object = Json::object();
  for (const auto& item : *map) object[item.first] = item.second;
  return object;
}

Json volume_json(const Volume& volume) {
  return Json{{"CreatedAt", to_rfc3339({volume.created.seconds() * kNanosPerSecond})},
              {"Driver", "local"},
              {"Labels", map_json(volume.labels)},
              {"Mountpoint", volume.mountpoint},
              {"Name", volume.name},
              {"Options", map_json(volume.options)},
              {"Scope", "local"}};
}

Result<Json> list_volumes(Context& context) {
  const Filters filters = TRY(Filters::parse(context.query().get_or("filters", ""), ErrorKind::invalid_argument));
  TRY(filters.allow({"dangling", "name", "driver", "label"}));
  const bool by_use = filters.has("dangling");
  const bool dangling = TRY(filters.flag("dangling", false));
  Json volumes = Json::array();
  for (const Volume* volume : context.daemon.volumes->list()) {
    const auto names = filters.get("name");
    const bool named = names.empty() || std::any_of(names.begin(), names.end(), [volume](const std::string& part) {
                         return volume->name.find(part) != std::string::npos;
                       });
    if (!named || !filters.matches_exactly("driver", "local")) continue;
    if (!filters.matches_labels("label", volume->labels.value_or(engine::StringMap{}))) continue;
    if (by_use && engine::volume_users(context.daemon, volume->name).empty() != dangling) continue;
    volumes.push_back(volume_json(*volume));
  }
  return Json{{"Volumes", std::move(volumes)}, {"Warnings", nullptr}};
}

void list(Context& context) {
  auto volumes = list_volumes(context);
  if (!volumes.ok()) return send_error(*context.responder, volumes.error());
  send_json(*context.responder, 200, *volumes);
}

Result<std::optional<engine::StringMap>> body_map(const Json& body, std::string_view name) {
  const Json* object = TRY(get_object(body, name));
  if (object == nullptr) return std::optional<engine::StringMap>();
  const auto pairs = TRY(get_string_map(body, name));
  return std::optional<engine::StringMap>(engine::StringMap(pairs.begin(), pairs.end()));
}

Result<Json> create_volume(Context& context) {
  const Json body = TRY(optional_json_body(context));
  if (!body.is_object()) return fail(ErrorKind::invalid_argument, "json: cannot unmarshal body");
  engine::Daemon& daemon = context.daemon;
  std::string name = TRY(get_string(body, "Name"));
  const bool anonymous = name.empty();
  if (anonymous) name = daemon.host.random.hex_id(32);
  const std::string driver = TRY(get_string(body, "Driver"));
  if (!driver.empty() && driver != "local")
    return fail(ErrorKind::not_found, "create ", name, ": error looking up volume plugin ", driver, ": plugin \"",
                driver, "\" not found");
  const bool is_new = daemon.volumes->find(name) == nullptr;
  auto labels = TRY(body_map(body, "Labels"));
  auto options = TRY(body_map(body, "DriverOpts"));
  const Volume* volume =
      TRY(daemon.volumes->create(name, std::move(labels), std::move(options), false, daemon.host.clock.now()));
  if (is_new) engine::emit_event(daemon, "volume", "create", name, {{"driver", "local"}});
  return volume_json(*volume);
}

void create(Context& context) {
  auto volume = create_volume(context);
  if (!volume.ok()) return send_error(*context.responder, volume.error());
  send_json(*context.responder, 201, *volume);
}

void inspect(Context& context) {
  const std::string name = context.params.get("name");
  const Volume* volume = context.daemon.volumes->find(name);
  if (volume == nullptr)
    return send_error(*context.responder, make_error(ErrorKind::not_found, "get ", name, ": no such volume"));
  send_json(*context.responder, 200, volume_json(*volume));
}

Result<void> remove_volume(engine::Daemon& daemon, const std::string& name, bool force) {
  if (daemon.volumes->find(name) == nullptr) {
    if (force) return {};
    return fail(ErrorKind::not_found, "get ", name, ": no such volume");
  }
  const auto users = engine::volume_users(daemon, name);
  if (!users.empty())
    return fail(ErrorKind::conflict, "remove ", name, ": volume is in use - [", join(users, ", "), "]");
  TRY(daemon.volumes->remove(name));
  engine::emit_event(daemon, "volume", "destroy", name, {{"driver", "local"}});
  return {};
}

void remove(Context& context) {
  send_result(context, remove_volume(context.daemon, context.params.get("name"), context.query().flag("force")));
}

Result<Json> prune_volumes(Context& context) {
  const Filters filters = TRY(Filters::parse(context.query().get_or("filters", "")));
  TRY(filters.allow({"label", "label!", "all"}));
  // Since API 1.42 only anonymous ones, unless all are asked for.
  const bool all = context.version.minor < 42 || TRY(filters.flag("all", false));
  Json deleted = nullptr;
  std::uint64_t reclaimed = 0;
  engine::Daemon& daemon = context.daemon;
  for (const Volume* volume : daemon.volumes->list()) {
    const auto labels = volume->labels.value_or(engine::StringMap{});
    if ((!all && !volume->anonymous) || !engine::volume_users(daemon, volume->name).empty()) continue;
    if (!filters.matches_labels("label", labels)) continue;
    if (filters.has("label!") && filters.matches_labels("label!", labels)) continue;
    const std::string name = volume->name;
    const auto size = storage::tree_size(daemon.host.data, volume->data_directory());
    if (!remove_volume(daemon, name, false).ok()) continue;
    if (size.ok()) reclaimed += *size;
    deleted.push_back(name);
  }
  engine::emit_event(daemon, "volume", "prune", "", {{"reclaimed", concat(reclaimed)}});
  return Json{{"VolumesDeleted", std::move(deleted)}, {"SpaceReclaimed", reclaimed}};
}

void prune(Context& context) {
  auto pruned = prune_volumes(context);
  if (!pruned.ok()) return send_error(*context.responder, pruned.error());
  send_json(*context.responder, 200, *pruned);
}

constexpr Route kRoutes[] = {
    {"GET", "/volumes", &list, http::BodyMode::buffered, "VolumeList"},
    {"POST", "/volumes/create", &create, http::BodyMode::buffered, "VolumeCreate"},
    {"POST", "/volumes/prune", &prune, http::BodyMode::buffered, "VolumePrune"},
    {"GET", "/volumes/{name}", &inspect, http::BodyMode::buffered, "VolumeInspect"},
    {"DELETE", "/volumes/{name}", &remove, http::BodyMode::buffered, "VolumeDelete"},
};

}  // namespace

RouteTable volume_routes() {
  return kRoutes;
}

}  // namespace drydock::api
