#include "engine/config_json.h"

#include "engine/json_codec.h"

namespace drydock::engine {

using codec::kAlways;
using codec::kOmitEmpty;
using codec::Shown;

#define DD_STRUCT_NAME(type, name)                      \
  constexpr std::string_view struct_name(const type&) { \
    return name;                                        \
  }
DD_STRUCT_NAME(HealthConfig, "HealthConfig")
DD_STRUCT_NAME(ContainerConfig, "ContainerConfigWrapper")
DD_STRUCT_NAME(LogConfig, "LogConfig")
DD_STRUCT_NAME(RestartPolicy, "RestartPolicy")
DD_STRUCT_NAME(PortBinding, "PortBinding")
DD_STRUCT_NAME(WeightDevice, "WeightDevice")
DD_STRUCT_NAME(ThrottleDeviceConfig, "ThrottleDevice")
DD_STRUCT_NAME(DeviceMapping, "DeviceMapping")
DD_STRUCT_NAME(DeviceRequest, "DeviceRequest")
DD_STRUCT_NAME(UlimitConfig, "Ulimit")
DD_STRUCT_NAME(BindOptions, "BindOptions")
DD_STRUCT_NAME(VolumeDriverConfig, "Driver")
DD_STRUCT_NAME(VolumeOptions, "VolumeOptions")
DD_STRUCT_NAME(TmpfsOptions, "TmpfsOptions")
DD_STRUCT_NAME(MountConfig, "Mount")
DD_STRUCT_NAME(HostConfig, "HostConfig")
DD_STRUCT_NAME(EndpointIpam, "EndpointIPAMConfig")
DD_STRUCT_NAME(EndpointSettings, "EndpointSettings")
#undef DD_STRUCT_NAME

// Not in an unnamed namespace: argument-dependent lookup does not look there.

template <class V>
static void fields(V& visit, HealthConfig& c) {
  visit("Test", c.test, kOmitEmpty);
  visit("Interval", c.interval, kOmitEmpty);
  visit("Timeout", c.timeout, kOmitEmpty);
  visit("StartPeriod", c.start_period, kOmitEmpty);
  visit("StartInterval", c.start_interval, kOmitEmpty);
  visit("Retries", c.retries, kOmitEmpty);
}

template <class V>
static void fields(V& visit, ContainerConfig& c) {
  visit("Hostname", c.hostname);
  visit("Domainname", c.domainname);
  visit("User", c.user);
  visit("AttachStdin", c.attach_stdin);
  visit("AttachStdout", c.attach_stdout);
  visit("AttachStderr", c.attach_stderr);
  visit("ExposedPorts", c.exposed_ports, kOmitEmpty);
  visit("Tty", c.tty);
  visit("OpenStdin", c.open_stdin);
  visit("StdinOnce", c.stdin_once);
  visit("Env", c.env);
  visit.string_or_list("Cmd", c.cmd);
  visit("Healthcheck", c.healthcheck, kOmitEmpty);
  visit("ArgsEscaped", c.args_escaped, kOmitEmpty);
  visit("Image", c.image);
  visit("Volumes", c.volumes);
  visit("WorkingDir", c.working_dir);
  visit.string_or_list("Entrypoint", c.entrypoint);
  visit("NetworkDisabled", c.network_disabled, kOmitEmpty);
  visit("MacAddress", c.mac_address, kOmitEmpty);
  visit("OnBuild", c.on_build);
  visit("Labels", c.labels);
  visit("StopSignal", c.stop_signal, kOmitEmpty);
  visit("StopTimeout", c.stop_timeout, kOmitEmpty);
  visit("Shell", c.shell, kOmitEmpty);
}

template <class V>
static void fields(V& visit, LogConfig& c) {
  visit("Type", c.type);
  visit("Config", c.config);
}
template <class V>
static void fields(V& visit, RestartPolicy& c) {
  visit("Name", c.name);
  visit("MaximumRetryCount", c.maximum_retry_count);
}
template <class V>
static void fields(V& visit, PortBinding& c) {
  visit("HostIp", c.host_ip);
  visit("HostPort", c.host_port);
}
template <class V>
static void fields(V& visit, WeightDevice& c) {
  visit("Path", c.path);
  visit("Weight", c.weight);
}
template <class V>
static void fields(V& visit, ThrottleDeviceConfig& c) {
  visit("Path", c.path);
  visit("Rate", c.rate);
}
template <class V>
static void fields(V& visit, DeviceMapping& c) {
  visit("PathOnHost", c.path_on_host);
  visit("PathInContainer", c.path_in_container);
  visit("CgroupPermissions", c.cgroup_permissions);
}
template <class V>
static void fields(V& visit, DeviceRequest& c) {
  visit("Driver", c.driver);
  visit("Count", c.count);
  visit("DeviceIDs", c.device_ids);
  visit("Capabilities", c.capabilities);
  visit("Options", c.options);
}
template <class V>
static void fields(V& visit, UlimitConfig& c) {
  visit("Name", c.name);
  visit("Hard", c.hard);
  visit("Soft", c.soft);
}
template <class V>
static void fields(V& visit, BindOptions& c) {
  visit("Propagation", c.propagation, kOmitEmpty);
  visit("NonRecursive", c.non_recursive, kOmitEmpty);
  visit("CreateMountpoint", c.create_mountpoint, kOmitEmpty);
  visit("ReadOnlyNonRecursive", c.read_only_non_recursive, kOmitEmpty);
  visit("ReadOnlyForceRecursive", c.read_only_force_recursive, kOmitEmpty);
}
template <class V>
static void fields(V& visit, VolumeDriverConfig& c) {
  visit("Name", c.name, kOmitEmpty);
  visit("Options", c.options, kOmitEmpty);
}
template <class V>
static void fields(V& visit, VolumeOptions& c) {
  visit("NoCopy", c.no_copy, kOmitEmpty);
  visit("Labels", c.labels, kOmitEmpty);
  visit("Subpath", c.subpath, kOmitEmpty);
  visit("DriverConfig", c.driver_config, kOmitEmpty);
}
template <class V>
static void fields(V& visit, TmpfsOptions& c) {
  visit("SizeBytes", c.size_bytes, kOmitEmpty);
  visit("Mode", c.mode, kOmitEmpty);
}
template <class V>
static void fields(V& visit, MountConfig& c) {
  visit("Type", c.type, kOmitEmpty);
  visit("Source", c.source, kOmitEmpty);
  visit("Target", c.target, kOmitEmpty);
  visit("ReadOnly", c.read_only, kOmitEmpty);
  visit("Consistency", c.consistency, kOmitEmpty);
  visit("BindOptions", c.bind_options, kOmitEmpty);
  visit("VolumeOptions", c.volume_options, kOmitEmpty);
  visit("TmpfsOptions", c.tmpfs_options, kOmitEmpty);
}

template <class V>
static void resource_fields(V& visit, ResourceConfig& c) {
  visit("CpuShares", c.cpu_shares);
  visit("Memory", c.memory);
  visit("NanoCpus", c.nano_cpus);
  visit("CgroupParent", c.cgroup_parent);
  visit("BlkioWeight", c.blkio_weight);
  visit("BlkioWeightDevice", c.blkio_weight_device);
  visit("BlkioDeviceReadBps", c.read_bps);
  visit("BlkioDeviceWriteBps", c.write_bps);
  visit("BlkioDeviceReadIOps", c.read_iops);
  visit("BlkioDeviceWriteIOps", c.write_iops);
  visit("CpuPeriod", c.cpu_period);
  visit("CpuQuota", c.cpu_quota);
  visit("CpuRealtimePeriod", c.cpu_realtime_period);
  visit("CpuRealtimeRuntime", c.cpu_realtime_runtime);
  visit("CpusetCpus", c.cpuset_cpus);
  visit("CpusetMems", c.cpuset_mems);
  visit("Devices", c.devices);
  visit("DeviceCgroupRules", c.device_cgroup_rules);
  visit("DeviceRequests", c.device_requests);
  constexpr Shown kGoneSince42 = {Shown::Empty::shown, 0, 1u << 30, 42};
  visit("KernelMemory", c.kernel_memory, kGoneSince42);
  visit("KernelMemoryTCP", c.kernel_memory_tcp, kGoneSince42);
  visit("MemoryReservation", c.memory_reservation);
  visit("MemorySwap", c.memory_swap);
  visit("MemorySwappiness", c.memory_swappiness);
  visit("OomKillDisable", c.oom_kill_disable);
  visit("PidsLimit", c.pids_limit);
  visit("Ulimits", c.ulimits);
  visit("CpuCount", c.cpu_count);
  visit("CpuPercent", c.cpu_percent);
  visit("IOMaximumIOps", c.io_maximum_iops);
  visit("IOMaximumBandwidth", c.io_maximum_bandwidth);
}

template <class V>
static void fields(V& visit, HostConfig& c) {
  constexpr unsigned kMoved = 42;  // ConsoleSize came to the portable part of HostConfig
  visit("Binds", c.binds);
  visit("ContainerIDFile", c.container_id_file);
  visit("LogConfig", c.log_config);
  visit("NetworkMode", c.network_mode);
  visit("PortBindings", c.port_bindings);
  visit("RestartPolicy", c.restart_policy);
  visit("AutoRemove", c.auto_remove);
  visit("VolumeDriver", c.volume_driver);
  visit("VolumesFrom", c.volumes_from);
  visit("ConsoleSize", c.console_size, Shown{Shown::Empty::shown, kMoved});
  visit("Annotations", c.annotations, Shown{Shown::Empty::omitted, 43});
  visit("CapAdd", c.cap_add);
  visit("CapDrop", c.cap_drop);
  visit("CgroupnsMode", c.cgroupns_mode, Shown{Shown::Empty::shown, 41});
  visit("Dns", c.dns);
  visit("DnsOptions", c.dns_options);
  visit("DnsSearch", c.dns_search);
  visit("ExtraHosts", c.extra_hosts);
  visit("GroupAdd", c.group_add);
  visit("IpcMode", c.ipc_mode);
  visit("Cgroup", c.cgroup);
  visit("Links", c.links);
  visit("OomScoreAdj", c.oom_score_adj);
  visit("PidMode", c.pid_mode);
  visit("Privileged", c.privileged);
  visit("PublishAllPorts", c.publish_all_ports);
  visit("ReadonlyRootfs", c.readonly_rootfs);
  visit("SecurityOpt", c.security_opt);
  visit("StorageOpt", c.storage_opt, kOmitEmpty);
  visit("Tmpfs", c.tmpfs, kOmitEmpty);
  visit("UTSMode", c.uts_mode);
  visit("UsernsMode", c.userns_mode);
  visit("ShmSize", c.shm_size);
  visit("Sysctls", c.sysctls, kOmitEmpty);
  visit("Runtime", c.runtime, kOmitEmpty);
  visit("ConsoleSize", c.console_size, Shown{Shown::Empty::shown, 0, kMoved - 1});
  visit("Isolation", c.isolation);
  resource_fields(visit, c.resources);
  visit("Mounts", c.mounts, kOmitEmpty);
  visit("MaskedPaths", c.masked_paths);
  visit("ReadonlyPaths", c.readonly_paths);
  visit("Init", c.init, kOmitEmpty);
}

template <class V>
static void fields(V& visit, EndpointIpam& c) {
  visit("IPv4Address", c.ipv4_address, kOmitEmpty);
  visit("IPv6Address", c.ipv6_address, kOmitEmpty);
  visit("LinkLocalIPs", c.link_local_ips, kOmitEmpty);
}

template <class V>
static void fields(V& visit, EndpointSettings& c) {
  constexpr unsigned kReordered = 44;  // MacAddress and DriverOpts moved up, DNSNames came
  visit("IPAMConfig", c.ipam_config);
  visit("Links", c.links);
  visit("Aliases", c.aliases);
  visit("MacAddress", c.mac_address, Shown{Shown::Empty::shown, kReordered});
  visit("DriverOpts", c.driver_opts, Shown{Shown::Empty::shown, kReordered});
  visit("NetworkID", c.network_id);
  visit("EndpointID", c.endpoint_id);
  visit("Gateway", c.gateway);
  visit("IPAddress", c.ip_address);
  visit("IPPrefixLen", c.ip_prefix_len);
  visit("IPv6Gateway", c.ipv6_gateway);
  visit("GlobalIPv6Address", c.global_ipv6_address);
  visit("GlobalIPv6PrefixLen", c.global_ipv6_prefix_len);
  visit("MacAddress", c.mac_address, Shown{Shown::Empty::shown, 0, kReordered - 1});
  visit("DriverOpts", c.driver_opts, Shown{Shown::Empty::shown, 0, kReordered - 1});
  visit("DNSNames", c.dns_names, Shown{Shown::Empty::shown, kReordered});
}

namespace {

template <class T>
Result<T> decode_as(const Json& object, std::string path = "") {
  T value{};
  if (object.is_null()) return value;
  TRY(codec::decode_value(object, {struct_name(value), std::move(path)}, value));
  return value;
}

constexpr std::string_view kConfigMembers[] = {
    "Hostname",     "Domainname",   "User",        "AttachStdin",     "AttachStdout",
    "AttachStderr", "ExposedPorts", "Tty",         "OpenStdin",       "StdinOnce",
    "Env",          "Cmd",          "Healthcheck", "ArgsEscaped",     "Image",
    "Volumes",      "WorkingDir",   "Entrypoint",  "NetworkDisabled", "MacAddress",
    "OnBuild",      "Labels",       "StopSignal",  "StopTimeout",     "Shell"};

bool has_config_member(const Json& body) {
  for (const std::string_view name : kConfigMembers)
    if (codec::member(body, name) != nullptr) return true;
  return false;
}

}  // namespace

Result<ContainerConfig> decode_container_config(const Json& object) {
  return decode_as<ContainerConfig>(object);
}
Result<HostConfig> decode_host_config(const Json& object) {
  return decode_as<HostConfig>(object, "HostConfig");
}

Result<EndpointMap> decode_endpoints(const Json& object) {
  EndpointMap endpoints;
  if (object.is_null()) return endpoints;
  TRY(codec::decode_value(object, {"NetworkingConfig", "NetworkingConfig.EndpointsConfig"}, endpoints));
  return endpoints;
}

Result<PortMap> decode_ports(const Json& object) {
  PortMap ports;
  if (object.is_null()) return ports;
  TRY(codec::decode_value(object, {"HostConfig", "PortBindings"}, ports));
  return ports;
}

Result<CreateConfig> decode_create_config(const Json& body) {
  CreateConfig create;
  if (body.is_null()) return create;
  if (!body.is_object()) return codec::wrong_type(body, {"", ""}, "runconfig.ContainerConfigWrapper");
  create.has_config = has_config_member(body);
  create.config = TRY(decode_container_config(body));
  if (const Json* host = codec::member(body, "HostConfig"); host != nullptr && !host->is_null()) {
    create.has_host_config = true;
    create.host_config = TRY(decode_host_config(*host));
  }
  if (const Json* networking = codec::member(body, "NetworkingConfig");
      networking != nullptr && networking->is_object())
    if (const Json* endpoints = codec::member(*networking, "EndpointsConfig"))
      create.endpoints = TRY(decode_endpoints(*endpoints));
  return create;
}

Result<UpdateConfig> decode_update_config(const Json& object) {
  UpdateConfig update;
  if (object.is_null()) return update;
  if (!object.is_object()) return codec::wrong_type(object, {"", ""}, "container.UpdateConfig");
  codec::Decoder decoder(object, "UpdateConfig", "");
  resource_fields(decoder, update.resources);
  decoder("RestartPolicy", update.restart_policy);
  TRY(decoder.finish());
  return update;
}

Json encode(const ContainerConfig& config, unsigned minor) {
  return codec::Encoder(minor).value_of(config);
}
Json encode(const EndpointSettings& settings, unsigned minor) {
  return codec::Encoder(minor).value_of(settings);
}
Json encode(const EndpointMap& endpoints, unsigned minor) {
  return codec::Encoder(minor).value_of(endpoints);
}
Json encode(const PortMap& ports) {
  return codec::Encoder(kApiMinorAll).value_of(ports);
}

Json encode(const HostConfig& config, unsigned minor) {
  Json object = codec::Encoder(minor).value_of(config);
  Json size = Json::array();  // Go's [2]uint
  for (std::size_t i = 0; i < 2; ++i) size.push_back(i < config.console_size.size() ? config.console_size[i] : 0);
  object["ConsoleSize"] = std::move(size);
  return object;
}

std::vector<std::string> unmodelled_members(const ContainerConfig& config, const HostConfig& host) {
  std::vector<std::string> members;
  const auto note = [&members](bool set, std::string_view name) {
    if (set) members.emplace_back(name);
  };
  const ResourceConfig& resources = host.resources;
  note(config.healthcheck && config.healthcheck->test && !config.healthcheck->test->empty() &&
           config.healthcheck->test->front() != "NONE",
       "Healthcheck");
  note(host.links && !host.links->empty(), "HostConfig.Links");
  note(!host.cgroup.empty(), "HostConfig.Cgroup");
  note(resources.blkio_weight_device && !resources.blkio_weight_device->empty(), "HostConfig.BlkioWeightDevice");
  note(resources.cpu_realtime_period != 0, "HostConfig.CpuRealtimePeriod");
  note(resources.cpu_realtime_runtime != 0, "HostConfig.CpuRealtimeRuntime");
  note(resources.device_requests && !resources.device_requests->empty(), "HostConfig.DeviceRequests");
  note(resources.kernel_memory != 0, "HostConfig.KernelMemory");
  note(resources.kernel_memory_tcp != 0, "HostConfig.KernelMemoryTCP");
  note(resources.cpu_count != 0, "HostConfig.CpuCount");
  note(resources.cpu_percent != 0, "HostConfig.CpuPercent");
  note(resources.io_maximum_iops != 0, "HostConfig.IOMaximumIOps");
  note(resources.io_maximum_bandwidth != 0, "HostConfig.IOMaximumBandwidth");
  return members;
}

}  // namespace drydock::engine
