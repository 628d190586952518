#include "api/system_json.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/images_json.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/containers.h"
#include "engine/images.h"
#include "engine/volumes.h"
#include "runtime/runtime.h"
#include "storage/host_fs.h"

namespace drydock::api {

namespace {

using engine::Daemon;

/// The kernel's name for the machine in Go's words.
std::string go_architecture(const Daemon& daemon) {
  return engine::host_platform(daemon).architecture;
}

Json index_json(std::string_view name, const std::vector<std::string>& mirrors, bool secure, bool official) {
  return {{"Name", name}, {"Mirrors", mirrors}, {"Secure", secure}, {"Official", official}};
}

Json registry_config_json(const engine::Settings& settings) {
  Json indexes = Json::object();
  indexes["docker.io"] = index_json("docker.io", settings.registry_mirrors, true, true);
  Json cidrs = Json::array({"127.0.0.0/8"});
  for (const std::string& registry : settings.insecure_registries) {
    if (registry.find('/') != std::string::npos) {
      cidrs.push_back(registry);
    } else {
      indexes[registry] = index_json(registry, {}, false, false);
    }
  }
  return {{"AllowNondistributableArtifactsCIDRs", Json::array()},
          {"AllowNondistributableArtifactsHostnames", Json::array()},
          {"InsecureRegistryCIDRs", cidrs},
          {"IndexConfigs", indexes},
          {"Mirrors", settings.registry_mirrors}};
}

void add_container_counts(Json& json, Daemon& daemon) {
  int running = 0, paused = 0, total = 0;
  if (daemon.containers) {
    for (const engine::Container* container : daemon.containers->list()) {
      ++total;
      paused += container->state.status == engine::Status::paused;
      running += container->is_running() && container->state.status != engine::Status::paused;
    }
  }
  json["Containers"] = total;
  json["ContainersRunning"] = running;
  json["ContainersPaused"] = paused;
  json["ContainersStopped"] = total - running - paused;
}

void add_storage(Json& json, Daemon& daemon) {
  const bool overlay = daemon.images->snapshots().kind() == storage::SnapshotKind::overlay;
  const storage::HostFsFeatures features = daemon.host.data.features();
  json["Images"] = daemon.images->store().list().size();
  json["Driver"] = overlay ? "overlay2" : "vfs";
  json["DriverStatus"] = overlay ? Json::array({{"Supports d_type", "true"},
                                                {"Native Overlay Diff", "true"},
                                                {"userxattr", features.trusted_xattrs ? "false" : "true"}})
                                 : Json::array();
  json["Plugins"] = {{"Volume", {"local"}},
                     {"Network", {"bridge", "host", "null"}},
                     {"Authorization", nullptr},
                     {"Log", {"json-file", "none"}}};
}

void add_limits(Json& json, const runtime::KernelFeatures& features, ApiVersion version) {
  const auto has = [&features](std::string_view controller) {
    return std::find(features.cgroup_controllers.begin(), features.cgroup_controllers.end(), controller) !=
           features.cgroup_controllers.end();
  };
  const bool v2 = features.cgroup == runtime::KernelFeatures::Cgroup::v2;
  json["MemoryLimit"] = has("memory");
  json["SwapLimit"] = has("memory");
  if (version < ApiVersion{1, 42}) {
    json["KernelMemory"] = has("memory") && !v2;
    json["KernelMemoryTCP"] = has("memory") && !v2;
  }
  json["CpuCfsPeriod"] = has("cpu");
  json["CpuCfsQuota"] = has("cpu");
  json["CPUShares"] = has("cpu");
  json["CPUSet"] = has("cpuset");
  json["PidsLimit"] = has("pids");
  json["IPv4Forwarding"] = true;
  json["BridgeNfIptables"] = true;
  json["BridgeNfIp6tables"] = true;
  json["Debug"] = false;
  json["NFd"] = 0;
  json["OomKillDisable"] = has("memory") && !v2;
  json["NGoroutines"] = 0;
}

void add_host(Json& json, Daemon& daemon) {
  const engine::HostFacts& facts = daemon.host.facts;
  const engine::Settings& settings = daemon.settings;
  const runtime::KernelFeatures& features = daemon.host.runtime.features();
  json["SystemTime"] = to_rfc3339(daemon.host.clock.now());
  json["LoggingDriver"] = settings.log_driver;
  json["CgroupDriver"] = features.cgroup == runtime::KernelFeatures::Cgroup::none ? "none" : "cgroupfs";
  json["CgroupVersion"] = features.cgroup == runtime::KernelFeatures::Cgroup::v2 ? "2" : "1";
  json["NEventsListener"] = 0;
  json["KernelVersion"] = facts.kernel_version;
  json["OperatingSystem"] = facts.operating_system;
  json["OSVersion"] = facts.os_version;
  json["OSType"] = "linux";
  json["Architecture"] = facts.architecture;
  json["IndexServerAddress"] = "https://index.docker.io/v1/";
  json["RegistryConfig"] = registry_config_json(settings);
  json["NCPU"] = facts.cpus;
  json["MemTotal"] = facts.memory_bytes;
  json["GenericResources"] = nullptr;
  json["DockerRootDir"] = settings.data_root;
  json["HttpProxy"] = "";
  json["HttpsProxy"] = "";
  json["NoProxy"] = "";
  json["Name"] = facts.hostname;
  json["Labels"] = settings.labels;
  json["ExperimentalBuild"] = false;
  json["ServerVersion"] = engine::kVersion;
}

Json security_options(const Daemon& daemon) {
  Json options = Json::array();
  const runtime::KernelFeatures& features = daemon.host.runtime.features();
  if (features.seccomp) {
    const std::string& profile = daemon.settings.seccomp_profile;
    options.push_back(profile.empty()
                          ? "name=seccomp,profile=default"
                          : "name=seccomp,profile=" + std::string(profile == "unconfined" ? profile : "custom"));
  }
  if (features.rootless) options.push_back("name=rootless");
  if (!daemon.settings.uid_mappings.empty()) options.push_back("name=userns");
  if (features.cgroup == runtime::KernelFeatures::Cgroup::v2) options.push_back("name=cgroupns");
  return options;
}

}  // namespace

Json version_json(const Daemon& daemon, ApiVersion) {
  const engine::HostFacts& facts = daemon.host.facts;
  const std::string architecture = go_architecture(daemon);
  Json details = {{"ApiVersion", kApiVersionMaxText},
                  {"Arch", architecture},
                  {"BuildTime", ""},
                  {"Experimental", "false"},
                  {"GitCommit", ""},
                  {"GoVersion", ""},
                  {"KernelVersion", facts.kernel_version},
                  {"MinAPIVersion", kApiVersionMinText},
                  {"Os", "linux"}};
  Json json = Json::object();
  json["Platform"] = {{"Name", "Drydock"}};
  json["Components"] =
      Json::array({{{"Name", "Engine"}, {"Version", engine::kVersion}, {"Details", std::move(details)}}});
  json["Version"] = engine::kVersion;
  json["ApiVersion"] = kApiVersionMaxText;
  json["MinAPIVersion"] = kApiVersionMinText;
  json["GitCommit"] = "";
  json["GoVersion"] = "";
  json["Os"] = "linux";
  json["Arch"] = architecture;
  json["KernelVersion"] = facts.kernel_version;
  json["BuildTime"] = "";
  return json;
}

Json info_json(Daemon& daemon, ApiVersion version) {
  Json json = Json::object();
  json["ID"] = daemon.id;
  add_container_counts(json, daemon);
  add_storage(json, daemon);
  add_limits(json, daemon.host.runtime.features(), version);
  add_host(json, daemon);
  const Json runtime = {{"path", "drydock-runtime"}};
  json["Runtimes"] = {{"io.containerd.runc.v2", runtime}, {"runc", runtime}};
  json["DefaultRuntime"] = "runc";
  json["Swarm"] = {
      {"NodeID", ""}, {"NodeAddr", ""},           {"LocalNodeState", "inactive"}, {"ControlAvailable", false},
      {"Error", ""},  {"RemoteManagers", nullptr}};
  json["LiveRestoreEnabled"] = daemon.settings.live_restore;
  json["Isolation"] = "";
  json["InitBinary"] = daemon.settings.init_path.substr(daemon.settings.init_path.rfind('/') + 1);
  const Json commit = {{"ID", ""}, {"Expected", ""}};
  json["ContainerdCommit"] = commit;
  json["RuncCommit"] = commit;
  json["InitCommit"] = commit;
  json["SecurityOptions"] = security_options(daemon);
  json["Warnings"] = nullptr;
  return json;
}

Result<Json> disk_usage_json(Daemon& daemon, ApiVersion version) {
  std::uint64_t layers = 0;
  for (const storage::Layer* layer : daemon.images->layers().list()) layers += layer->size;
  Json json = Json::object();
  json["LayersSize"] = layers;
  json["Images"] = TRY(list_images_json(daemon, {}, {.all = true, .shared_size = true, .containers = true}, version));
  Json containers = Json::array();
  if (daemon.containers) {
    for (const engine::Container* container : daemon.containers->list()) {
      const storage::Image* image = nullptr;
      if (auto id = archive::Digest::parse(container->image_id); id.ok()) image = daemon.images->store().find(*id);
      const std::uint64_t written = daemon.images->snapshots().usage(container->id).value_or(0);
      containers.push_back({{"Id", container->id},
                            {"Names", {"/" + container->name}},
                            {"Image", container->config.image},
                            {"ImageID", container->image_id},
                            {"Created", container->created.seconds()},
                            {"SizeRw", written},
                            {"SizeRootFs", written + (image == nullptr ? 0 : daemon.images->size(*image))},
                            {"State", to_string(container->state.status)},
                            {"Status", to_string(container->state.status)}});
    }
  }
  json["Containers"] = std::move(containers);
  Json volumes = Json::array();
  if (daemon.volumes) {
    for (const engine::Volume* volume : daemon.volumes->list()) {
      const auto size = storage::tree_size(daemon.host.data, volume->data_directory());
      volumes.push_back({{"CreatedAt", to_rfc3339(volume->created)},
                         {"Driver", "local"},
                         {"Labels", nullptr},
                         {"Mountpoint", volume->mountpoint},
                         {"Name", volume->name},
                         {"Options", nullptr},
                         {"Scope", "local"},
                         {"UsageData",
                          {{"RefCount", engine::volume_users(daemon, volume->name).size()},
                           {"Size", size.ok() ? static_cast<std::int64_t>(size.value()) : -1}}}});
    }
  }
  json["Volumes"] = std::move(volumes);
  json["BuildCache"] = version < ApiVersion{1, 42} ? Json() : Json::array();
  if (version < ApiVersion{1, 42}) json["BuilderSize"] = 0;
  return json;
}

}  // namespace drydock::api
