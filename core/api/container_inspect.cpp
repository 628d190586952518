#include "api/container_inspect.h"

#include "base/json.h"
#include "base/text.h"
#include "engine/config_json.h"
#include "engine/images.h"

namespace drydock::api {

namespace {

using engine::Container;
using engine::MountPoint;
using engine::Status;

Json state_json(const engine::ContainerState& state) {
  const bool running =
      state.status == Status::running || state.status == Status::paused || state.status == Status::restarting;
  return Json{{"Status", engine::to_string(state.status)},
              {"Running", running},
              {"Paused", state.status == Status::paused},
              {"Restarting", state.status == Status::restarting},
              {"OOMKilled", state.oom_killed},
              {"Dead", state.status == Status::dead},
              {"Pid", state.pid},
              {"ExitCode", state.exit_code},
              {"Error", state.error},
              {"StartedAt", to_rfc3339(state.started_at)},
              {"FinishedAt", to_rfc3339(state.finished_at)}};
}

/// The top level repeats the addresses on the default bridge.
void add_bridge_addresses(Json& settings, const Container& container) {
  const auto bridge = container.endpoints.find("bridge");
  const engine::EndpointSettings none;
  const engine::EndpointSettings& endpoint = bridge == container.endpoints.end() ? none : bridge->second;
  settings["EndpointID"] = endpoint.endpoint_id;
  settings["Gateway"] = endpoint.gateway;
  settings["GlobalIPv6Address"] = endpoint.global_ipv6_address;
  settings["GlobalIPv6PrefixLen"] = endpoint.global_ipv6_prefix_len;
  settings["IPAddress"] = endpoint.ip_address;
  settings["IPPrefixLen"] = endpoint.ip_prefix_len;
  settings["IPv6Gateway"] = endpoint.ipv6_gateway;
  settings["MacAddress"] = endpoint.mac_address;
}

Json network_settings(const Container& container, ApiVersion version) {
  const bool up = container.is_running();
  Json settings = Json::object();
  settings["Bridge"] = "";
  const std::string sandbox = up ? container.id : "";
  settings["SandboxID"] = sandbox;
  if (version.minor >= 44) settings["SandboxKey"] = up ? container.live.network_namespace : "";
  if (version.minor >= 44) settings["Ports"] = engine::encode(container.ports);
  settings["HairpinMode"] = false;
  settings["LinkLocalIPv6Address"] = "";
  settings["LinkLocalIPv6PrefixLen"] = 0;
  if (version.minor < 44) settings["Ports"] = engine::encode(container.ports);
  if (version.minor < 44) settings["SandboxKey"] = up ? container.live.network_namespace : "";
  settings["SecondaryIPAddresses"] = nullptr;
  settings["SecondaryIPv6Addresses"] = nullptr;
  add_bridge_addresses(settings, container);
  settings["Networks"] = engine::encode(container.endpoints, version.minor);
  return settings;
}

Json graph_driver(engine::Daemon& daemon, const Container& container) {
  Json driver = {{"Data", nullptr}, {"Name", "overlay2"}};
  auto mounts = daemon.images->snapshots().mounts(container.id);
  if (!mounts.ok()) return driver;
  const auto absolute = [&mounts](const std::string& path) { return mounts->base + "/" + path; };
  if (mounts->kind == storage::SnapshotKind::copy) {
    driver["Data"] = Json{{"Dir", absolute(mounts->directory)}};
    driver["Name"] = "vfs";
    return driver;
  }
  std::vector<std::string> lower;
  for (const std::string& path : mounts->lower) lower.push_back(absolute(path));
  driver["Data"] = Json{{"LowerDir", join(lower, ":")},
                        {"MergedDir", absolute("snapshots/" + container.id + "/merged")},
                        {"UpperDir", absolute(mounts->upper)},
                        {"WorkDir", absolute(mounts->work)}};
  return driver;
}

Json exec_ids(const Container& container) {
  Json ids = nullptr;
  for (const auto& item : container.live.execs)
    if (item.second.running || !item.second.started) ids.push_back(item.first);
  return ids;
}

Json strings(const std::vector<std::string>& texts) {
  Json array = Json::array();
  for (const std::string& text : texts) array.push_back(text);
  return array;
}

}  // namespace

Json mounts_json(const Container& container) {
  Json array = Json::array();
  for (const MountPoint& point : container.mounts) {
    if (point.kind == MountPoint::Kind::tmpfs && !point.from_mounts) continue;
    static constexpr std::string_view kTypes[] = {"bind", "volume", "tmpfs"};
    Json mount = {{"Type", kTypes[static_cast<std::size_t>(point.kind)]}};
    if (!point.volume.empty()) mount["Name"] = point.volume;
    mount["Source"] = point.source;
    mount["Destination"] = point.destination;
    if (!point.driver.empty()) mount["Driver"] = point.driver;
    mount["Mode"] = point.mode;
    mount["RW"] = point.read_write;
    mount["Propagation"] = point.propagation;
    array.push_back(std::move(mount));
  }
  return array;
}

Result<Json> inspect_json(engine::Daemon& daemon, const Container& container, ApiVersion version, bool with_size) {
  const auto path = [&](std::string_view name) { return daemon.host.data.host_path(container.file(name)); };
  Json document = Json::object();
  document["Id"] = container.id;
  document["Created"] = to_rfc3339(container.created);
  document["Path"] = container.path;
  document["Args"] = strings(container.args);
  document["State"] = state_json(container.state);
  document["Image"] = container.image_id;
  document["ResolvConfPath"] = path("resolv.conf");
  document["HostnamePath"] = path("hostname");
  document["HostsPath"] = path("hosts");
  document["LogPath"] = container.host_config.log_config.type == "json-file"
                            ? daemon.host.data.host_path(container.log_file())
                            : std::string();
  document["Name"] = "/" + container.name;
  document["RestartCount"] = container.restart_count;
  document["Driver"] = daemon.images->snapshots().kind() == storage::SnapshotKind::copy ? "vfs" : "overlay2";
  document["Platform"] = "linux";
  document["MountLabel"] = "";
  document["ProcessLabel"] = "";
  document["AppArmorProfile"] = "";
  document["ExecIDs"] = exec_ids(container);
  document["HostConfig"] = engine::encode(container.host_config, version.minor);
  document["GraphDriver"] = graph_driver(daemon, container);
  if (with_size) {
    document["SizeRw"] = TRY(daemon.images->snapshots().usage(container.id));
    auto image = daemon.images->lookup(container.image_id);
    document["SizeRootFs"] = image.ok() ? daemon.images->size(**image) : 0;
  }
  document["Mounts"] = mounts_json(container);
  document["Config"] = engine::encode(container.config, version.minor);
  document["NetworkSettings"] = network_settings(container, version);
  return document;
}

}  // namespace drydock::api
