#pragma once
// What a client says of a container: the Engine API's Config, HostConfig and EndpointSettings, member by member. What
// was sent as null differs from what was sent empty, since `docker inspect` shows both as they came.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drydock::engine {

using Strings = std::vector<std::string>;
using StringMap = std::map<std::string, std::string>;
/// {"80/tcp": {}}: a Go map with empty structs as values.
using NameSet = std::optional<std::map<std::string, bool>>;

/// Durations in ns. Kept and shown; nothing runs the test.
struct HealthConfig {
  std::optional<Strings> test;
  std::int64_t interval = 0, timeout = 0, start_period = 0, start_interval = 0, retries = 0;
};

struct ContainerConfig {
  std::string hostname, domainname, user;
  bool attach_stdin = false, attach_stdout = false, attach_stderr = false;
  NameSet exposed_ports;
  bool tty = false, open_stdin = false, stdin_once = false;
  std::optional<Strings> env;
  std::optional<Strings> cmd;
  std::optional<HealthConfig> healthcheck;
  bool args_escaped = false;
  std::string image;
  NameSet volumes;
  std::string working_dir;
  std::optional<Strings> entrypoint;
  bool network_disabled = false;
  std::string mac_address;
  std::optional<Strings> on_build;
  std::optional<StringMap> labels;
  std::string stop_signal;
  std::optional<std::int64_t> stop_timeout;
  std::optional<Strings> shell;
};

struct LogConfig {
  std::string type;
  std::optional<StringMap> config;
};

struct RestartPolicy {
  std::string name;  // "", "no", "always", "unless-stopped", "on-failure"
  std::int64_t maximum_retry_count = 0;
  bool none() const { return name.empty() || name == "no"; }
};

struct PortBinding {
  std::string host_ip, host_port;
};
/// By "80/tcp".
using PortMap = std::map<std::string, std::optional<std::vector<PortBinding>>>;

struct WeightDevice {
  std::string path;
  std::int64_t weight = 0;
};
struct ThrottleDeviceConfig {
  std::string path;
  std::int64_t rate = 0;
};
struct DeviceMapping {
  std::string path_on_host, path_in_container, cgroup_permissions;
};
struct DeviceRequest {
  std::string driver;
  std::int64_t count = 0;
  std::optional<Strings> device_ids;
  std::optional<std::vector<Strings>> capabilities;
  std::optional<StringMap> options;
};
struct UlimitConfig {
  std::string name;
  std::int64_t hard = 0, soft = 0;
};

struct BindOptions {
  std::string propagation;
  bool non_recursive = false, create_mountpoint = false;
  bool read_only_non_recursive = false, read_only_force_recursive = false;
};
struct VolumeDriverConfig {
  std::string name;
  std::optional<StringMap> options;
};
struct VolumeOptions {
  bool no_copy = false;
  std::optional<StringMap> labels;
  std::optional<VolumeDriverConfig> driver_config;
  std::string subpath;
};
struct TmpfsOptions {
  std::int64_t size_bytes = 0;
  std::int64_t mode = 0;
};
/// A member of HostConfig.Mounts (--mount).
struct MountConfig {
  std::string type;  // "bind", "volume", "tmpfs"
  std::string source, target;
  bool read_only = false;
  std::string consistency;
  std::optional<BindOptions> bind_options;
  std::optional<VolumeOptions> volume_options;
  std::optional<TmpfsOptions> tmpfs_options;
};

/// The part of HostConfig that `docker update` changes too.
struct ResourceConfig {
  std::int64_t cpu_shares = 0, memory = 0, nano_cpus = 0;
  std::string cgroup_parent;
  std::int64_t blkio_weight = 0;
  std::optional<std::vector<WeightDevice>> blkio_weight_device;
  std::optional<std::vector<ThrottleDeviceConfig>> read_bps, write_bps, read_iops, write_iops;
  std::int64_t cpu_period = 0, cpu_quota = 0, cpu_realtime_period = 0, cpu_realtime_runtime = 0;
  std::string cpuset_cpus, cpuset_mems;
  std::optional<std::vector<DeviceMapping>> devices;
  std::optional<Strings> device_cgroup_rules;
  std::optional<std::vector<DeviceRequest>> device_requests;
  std::int64_t kernel_memory = 0, kernel_memory_tcp = 0;
  std::int64_t memory_reservation = 0, memory_swap = 0;
  std::optional<std::int64_t> memory_swappiness;
  std::optional<bool> oom_kill_disable;
  std::optional<std::int64_t> pids_limit;
  std::optional<std::vector<UlimitConfig>> ulimits;
  std::int64_t cpu_count = 0, cpu_percent = 0, io_maximum_iops = 0, io_maximum_bandwidth = 0;  // Windows only
};

struct HostConfig {
  std::optional<Strings> binds;
  std::string container_id_file;
  LogConfig log_config;
  std::string network_mode;
  std::optional<PortMap> port_bindings;
  RestartPolicy restart_policy;
  bool auto_remove = false;
  std::string volume_driver;
  std::optional<Strings> volumes_from;
  std::vector<std::int64_t> console_size;  // height, width
  std::optional<StringMap> annotations;
  std::optional<Strings> cap_add, cap_drop;
  std::string cgroupns_mode;
  std::optional<Strings> dns, dns_options, dns_search, extra_hosts, group_add;
  std::string ipc_mode, cgroup;
  std::optional<Strings> links;
  std::int64_t oom_score_adj = 0;
  std::string pid_mode;
  bool privileged = false, publish_all_ports = false, readonly_rootfs = false;
  std::optional<Strings> security_opt;
  std::optional<StringMap> storage_opt, tmpfs;
  std::string uts_mode, userns_mode;
  std::int64_t shm_size = 0;
  std::optional<StringMap> sysctls;
  std::string runtime, isolation;
  ResourceConfig resources;
  std::optional<std::vector<MountConfig>> mounts;
  std::optional<Strings> masked_paths, readonly_paths;
  std::optional<bool> init;
};

struct EndpointIpam {
  std::string ipv4_address, ipv6_address;
  std::optional<Strings> link_local_ips;
};

/// A container's place in one network: what was asked for, and while it runs what it got.
struct EndpointSettings {
  std::optional<EndpointIpam> ipam_config;
  std::optional<Strings> links, aliases;
  std::string network_id, endpoint_id, gateway, ip_address;
  std::int64_t ip_prefix_len = 0;
  std::string ipv6_gateway, global_ipv6_address;
  std::int64_t global_ipv6_prefix_len = 0;
  std::string mac_address;
  std::optional<StringMap> driver_opts;
  std::optional<Strings> dns_names;
};

/// By the network's name, as the user gave it.
using EndpointMap = std::map<std::string, EndpointSettings>;

/// The body of POST /containers/create.
struct CreateConfig {
  bool has_config = false;  // a JSON object with at least one member of Config
  bool has_host_config = false;
  ContainerConfig config;
  HostConfig host_config;
  EndpointMap endpoints;
};

}  // namespace drydock::engine
