// The input of make_docker_spec: users from the image's files, mounts from the tables, namespaces of other containers.

#include <algorithm>

#include "base/text.h"
#include "engine/containers.h"
#include "engine/images.h"
#include "engine/start.h"
#include "engine/users.h"

namespace drydock::engine {

namespace {

using runtime::DockerMount;
using runtime::DockerSpecInput;
using runtime::NamespaceMode;

constexpr std::uint64_t kUserFileMax = 16u << 20;

std::string namespace_path(const Container& container, std::string_view kind) {
  return concat("/proc/", container.state.pid, "/ns/", kind);
}

Result<NamespaceMode> namespace_mode(Daemon& daemon, std::string_view mode, std::string_view what,
                                     std::string_view kind) {
  NamespaceMode result;
  if (mode == "host") result.kind = NamespaceMode::Kind::host;
  if (mode.starts_with("container:")) {
    const Container* other = TRY(find_joined(daemon, mode, what));
    result.kind = NamespaceMode::Kind::join;
    result.path = namespace_path(*other, kind);
  }
  return result;
}

Result<void> set_namespaces(Daemon& daemon, const Container& container, DockerSpecInput& input) {
  const HostConfig& host = container.host_config;
  input.network = TRY(namespace_mode(daemon, host.network_mode, "network", "net"));
  input.pid = TRY(namespace_mode(daemon, host.pid_mode, "PID", "pid"));
  input.uts = TRY(namespace_mode(daemon, host.uts_mode, "UTS", "uts"));
  input.ipc = TRY(namespace_mode(daemon, host.ipc_mode, "IPC", "ipc"));
  input.cgroup.kind = host.cgroupns_mode == "private" ? NamespaceMode::Kind::own : NamespaceMode::Kind::host;
  input.userns_host = host.userns_mode == "host";
  input.network_disabled = container.config.network_disabled;
  if (host.ipc_mode.starts_with("container:")) {
    const Container* other = TRY(find_joined(daemon, host.ipc_mode, "IPC"));
    if (other->host_config.ipc_mode != "shareable")
      return fail(ErrorKind::internal, "can't join IPC of container ", other->id,
                  ": non-shareable IPC (hint: use IpcMode:shareable for the donor container)");
    input.shm_source = concat("/proc/", other->state.pid, "/root/dev/shm");
  }
  if (host.ipc_mode == "host") input.shm_source = "/dev/shm";
  input.without_shm = host.ipc_mode == "none";
  return {};
}

Result<void> set_user(Daemon& daemon, const Container& container, DockerSpecInput& input) {
  const storage::MergedTree tree = TRY(daemon.images->snapshots().tree(container.id));
  const auto read = [&tree](std::string_view path) {
    auto text = tree.read_file(path, kUserFileMax);
    return text.ok() ? std::move(*text) : std::string();
  };
  const std::string group = read("etc/group");
  ResolvedUser resolved = TRY(resolve_user(container.config.user, read("etc/passwd"), group));
  const Strings more = container.host_config.group_add.value_or(Strings{});
  for (const std::uint32_t gid : TRY(resolve_groups(more, group))) resolved.user.additional_gids.push_back(gid);
  input.user = std::move(resolved.user);
  input.home = std::move(resolved.home);
  return {};
}

Result<void> set_root(Daemon& daemon, const Container& container, DockerSpecInput& input) {
  const storage::RootMounts root = TRY(daemon.images->snapshots().mounts(container.id));
  input.root_readonly = container.host_config.readonly_rootfs;
  if (root.kind == storage::SnapshotKind::copy) {
    input.root_path = root.base + "/" + root.directory;
    return {};
  }
  const storage::OverlayData overlay = TRY(storage::overlay_data(root));
  input.root_path = daemon.host.data.host_path("snapshots/" + container.id + "/merged");
  if (overlay.relative)
    return fail(ErrorKind::not_implemented, "the image has too many layers for one overlay mount below ", root.base);
  runtime::Mount mount;
  mount.destination = "/";
  mount.type = "overlay";
  mount.source = "overlay";
  mount.options = split(overlay.data, ',');
  input.root_mounts.push_back(std::move(mount));
  return {};
}

DockerMount bind_file(const std::string& source, std::string_view destination, bool read_only) {
  DockerMount mount;
  mount.source = source;
  mount.destination = std::string(destination);
  mount.read_only = read_only;
  mount.propagation = "rprivate";
  return mount;
}

DockerMount to_docker_mount(const MountPoint& point) {
  DockerMount mount;
  mount.destination = point.destination;
  if (point.kind == MountPoint::Kind::tmpfs) {
    mount.kind = DockerMount::Kind::tmpfs;
    mount.tmpfs_options = point.tmpfs_options;
    return mount;
  }
  mount.source = point.source;
  mount.read_only = !point.read_write;
  mount.propagation = point.propagation;
  mount.non_recursive = point.non_recursive;
  mount.recursive_read_only = point.recursive_read_only;
  return mount;
}

bool is_mounted_over(const Container& container, std::string_view destination) {
  return std::any_of(container.mounts.begin(), container.mounts.end(),
                     [&](const MountPoint& point) { return point.destination == destination; });
}

/// Docker's order: fewer path components first, so that nothing hides what lies deeper.
Result<void> set_mounts(Daemon& daemon, const Container& container, DockerSpecInput& input) {
  for (const MountPoint& point : container.mounts) {
    if (point.kind == MountPoint::Kind::bind && point.create_source && !daemon.host.root.stat(point.source).ok()) {
      auto made = storage::make_directories(daemon.host.root, point.source);
      if (!made.ok())
        return fail(ErrorKind::internal, "error while creating mount source path '", point.source,
                    "': ", to_string(made.error()));
    }
    input.mounts.push_back(to_docker_mount(point));
  }
  const Container* owner = &container;
  if (container.host_config.network_mode.starts_with("container:"))
    owner = TRY(find_joined(daemon, container.host_config.network_mode, "network"));
  for (const std::string_view name : {"resolv.conf", "hostname", "hosts"}) {
    const std::string destination = concat("/etc/", name);
    if (!is_mounted_over(container, destination))
      input.mounts.push_back(
          bind_file(daemon.host.data.host_path(owner->file(name)), destination, container.host_config.readonly_rootfs));
  }
  const auto depth = [](const DockerMount& mount) {
    return std::count(mount.destination.begin(), mount.destination.end(), '/');
  };
  std::stable_sort(input.mounts.begin(), input.mounts.end(),
                   [&](const DockerMount& a, const DockerMount& b) { return depth(a) < depth(b); });
  return {};
}

Result<runtime::Device> host_device(Daemon& daemon, const DeviceMapping& mapping) {
  auto info = daemon.host.root.stat(mapping.path_on_host);
  if (!info.ok())
    return fail(ErrorKind::internal, "error gathering device information while adding custom device \"",
                mapping.path_on_host, "\": ", to_string(info.error().code));
  const bool is_block = info->type == storage::FileType::block_device;
  if (!is_block && info->type != storage::FileType::character_device)
    return fail(ErrorKind::internal, "error gathering device information while adding custom device \"",
                mapping.path_on_host, "\": not a device node");
  runtime::Device device;
  device.path = mapping.path_in_container.empty() ? mapping.path_on_host : mapping.path_in_container;
  device.type = is_block ? 'b' : 'c';
  device.major = info->device_major;
  device.minor = info->device_minor;
  device.mode = info->mode;
  device.uid = info->uid;
  device.gid = info->gid;
  return device;
}

/// All of the host's nodes, as a privileged container gets them: not those that every container has of its own.
void add_host_devices(Daemon& daemon, const std::string& directory, DockerSpecInput& input) {
  auto entries = daemon.host.root.list(directory);
  if (!entries.ok()) return;
  for (const auto& entry : *entries) {
    const std::string path = directory + "/" + entry.name;
    if (entry.info.type == storage::FileType::directory) {
      static constexpr std::string_view kOwn[] = {"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"};
      if (std::find(std::begin(kOwn), std::end(kOwn), entry.name) == std::end(kOwn))
        add_host_devices(daemon, path, input);
      continue;
    }
    if (entry.name == "console" || entry.name == "ptmx") continue;
    auto device = host_device(daemon, {"/" + path, "", ""});
    if (device.ok()) input.host_devices.push_back(std::move(*device));
  }
}

Result<void> set_devices(Daemon& daemon, const Container& container, DockerSpecInput& input) {
  const HostConfig& host = container.host_config;
  if (host.privileged) add_host_devices(daemon, "dev", input);
  for (const DeviceMapping& mapping : host.resources.devices.value_or(std::vector<DeviceMapping>{})) {
    runtime::DockerDevice device;
    device.device = TRY(host_device(daemon, mapping));
    if (!mapping.cgroup_permissions.empty()) device.permissions = mapping.cgroup_permissions;
    input.devices.push_back(std::move(device));
  }
  return {};
}

Result<std::vector<runtime::ThrottleDevice>> throttles(
    Daemon& daemon, const std::optional<std::vector<ThrottleDeviceConfig>>& configs) {
  std::vector<runtime::ThrottleDevice> devices;
  for (const auto& config : configs.value_or(std::vector<ThrottleDeviceConfig>{})) {
    auto info = daemon.host.root.stat(config.path);
    if (!info.ok()) return fail(ErrorKind::internal, "stat ", config.path, ": ", to_string(info.error().code));
    devices.push_back({info->device_major, info->device_minor, static_cast<std::uint64_t>(config.rate)});
  }
  return devices;
}

}  // namespace

Result<runtime::DockerResources> spec_resources(Daemon& daemon, const ResourceConfig& config) {
  runtime::DockerResources r;
  r.memory = config.memory;
  r.memory_reservation = config.memory_reservation;
  r.memory_swap = config.memory_swap;
  if (config.memory_swappiness && *config.memory_swappiness >= 0) r.memory_swappiness = config.memory_swappiness;
  r.oom_kill_disable = config.oom_kill_disable;
  r.cpu_shares = config.cpu_shares;
  r.nano_cpus = config.nano_cpus;
  r.cpu_period = config.cpu_period;
  r.cpu_quota = config.cpu_quota;
  r.cpuset_cpus = config.cpuset_cpus;
  r.cpuset_mems = config.cpuset_mems;
  r.pids_limit = config.pids_limit;
  r.blkio_weight = static_cast<std::uint16_t>(config.blkio_weight);
  r.read_bps = TRY(throttles(daemon, config.read_bps));
  r.write_bps = TRY(throttles(daemon, config.write_bps));
  r.read_iops = TRY(throttles(daemon, config.read_iops));
  r.write_iops = TRY(throttles(daemon, config.write_iops));
  return r;
}

Result<Container*> find_joined(Daemon& daemon, std::string_view mode, std::string_view what) {
  Container* other = TRY(daemon.containers->find(mode.substr(mode.find(':') + 1)));
  if (!other->is_running())
    return fail(ErrorKind::conflict, "cannot join ", what, " of a non running container: ", other->id);
  return other;
}

Result<DockerSpecInput> make_spec_input(Daemon& daemon, const Container& container) {
  const ContainerConfig& config = container.config;
  const HostConfig& host = container.host_config;
  DockerSpecInput input;
  input.id = container.id;
  input.args.push_back(container.path);
  input.args.insert(input.args.end(), container.args.begin(), container.args.end());
  input.env = config.env.value_or(Strings{});
  input.cwd = config.working_dir.empty() ? "/" : config.working_dir;
  input.terminal = config.tty;
  if (host.console_size.size() == 2) {
    input.console_size.height = static_cast<std::uint16_t>(host.console_size[0]);
    input.console_size.width = static_cast<std::uint16_t>(host.console_size[1]);
  }
  TRY(set_user(daemon, container, input));
  TRY(set_root(daemon, container, input));
  input.hostname = config.hostname;
  input.domainname = config.domainname;
  TRY(set_namespaces(daemon, container, input));
  input.uid_mappings = daemon.settings.uid_mappings;
  input.gid_mappings = daemon.settings.gid_mappings;
  input.rootless = daemon.host.runtime.features().rootless;
  TRY(set_mounts(daemon, container, input));
  input.shm_bytes = host.shm_size;
  input.privileged = host.privileged;
  input.cap_add = host.cap_add.value_or(Strings{});
  input.cap_drop = host.cap_drop.value_or(Strings{});
  input.security_options = host.security_opt.value_or(Strings{});
  if (daemon.settings.no_new_privileges) input.security_options.push_back("no-new-privileges");
  input.masked_paths = host.masked_paths;
  input.readonly_paths = host.readonly_paths;
  input.sysctls = host.sysctls.value_or(StringMap{});
  input.annotations = host.annotations.value_or(StringMap{});
  TRY(set_devices(daemon, container, input));
  input.device_cgroup_rules = host.resources.device_cgroup_rules.value_or(Strings{});
  input.resources = TRY(spec_resources(daemon, host.resources));
  for (const UlimitConfig& limit : host.resources.ulimits.value_or(std::vector<UlimitConfig>{}))
    input.ulimits.push_back({limit.name, limit.soft, limit.hard});
  if (host.oom_score_adj != 0) input.oom_score_adj = static_cast<int>(host.oom_score_adj);
  if (!host.resources.cgroup_parent.empty()) input.cgroup_parent = host.resources.cgroup_parent;
  if (host.init.value_or(false)) {
    if (daemon.settings.init_path.empty())
      return fail(ErrorKind::internal, "exec: \"docker-init\": executable file not found in $PATH");
    input.init_path = daemon.settings.init_path;
  }
  input.kernel = daemon.host.runtime.features();
  return input;
}

}  // namespace drydock::engine
