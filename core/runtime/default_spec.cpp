#include "runtime/default_spec.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/capability.h"
#include "runtime/mount_options.h"
#include "runtime/plan_checks.h"
#include "runtime/seccomp_profile.h"

namespace drydock::runtime {

namespace {

constexpr std::uint32_t kTtyGroup = 5;  // owns the terminals in devpts

bool has_user_namespace(const DockerSpecInput& input) {
  return !input.userns_host && (!input.uid_mappings.empty() || !input.userns_join.empty());
}

void remove_option(Mount& mount, std::string_view option) {
  std::erase(mount.options, option);
}

void add_namespace(Spec& spec, NamespaceKind kind, const NamespaceMode& mode) {
  if (mode.kind == NamespaceMode::Kind::host) return;
  spec.namespaces.push_back({kind, mode.kind == NamespaceMode::Kind::join ? mode.path : std::string()});
}

void set_namespaces(const DockerSpecInput& input, Spec& spec) {
  spec.namespaces.push_back({NamespaceKind::mount, ""});
  add_namespace(spec, NamespaceKind::network, input.network_disabled ? NamespaceMode{} : input.network);
  add_namespace(spec, NamespaceKind::uts, input.uts);
  add_namespace(spec, NamespaceKind::pid, input.pid);
  add_namespace(spec, NamespaceKind::ipc, input.ipc);
  add_namespace(spec, NamespaceKind::cgroup, input.cgroup);
  if (has_user_namespace(input)) {
    spec.namespaces.push_back({NamespaceKind::user, input.userns_join});
    spec.uid_mappings = input.uid_mappings;
    spec.gid_mappings = input.gid_mappings;
  }
  if (input.uts.kind != NamespaceMode::Kind::host) {
    spec.hostname = input.hostname;
    spec.domainname = input.domainname;
  }
}

Result<void> set_capabilities(const DockerSpecInput& input, Spec& spec) {
  const auto names = TRY(choose_capabilities(input.cap_add, input.cap_drop, input.privileged,
                                             has_user_namespace(input) ? kAllCapabilities : input.kernel.capabilities));
  CapabilitySets sets;
  sets.bounding = names;
  // For other users execve(2) would take them away; dockerd does not give them in the first place.
  if (input.user.uid == 0) {
    sets.effective = names;
    sets.permitted = names;
  }
  spec.process.capabilities = std::move(sets);
  return {};
}

Result<std::optional<Seccomp>> choose_seccomp(const DockerSpecInput& input, const std::string& wish, const Spec& spec,
                                              std::vector<std::string>& warnings) {
  if (wish == "unconfined" || (input.privileged && wish.empty())) return std::optional<Seccomp>();
  const bool custom = !wish.empty() && wish != "builtin";
  if (!input.kernel.seccomp) {
    if (custom) {
      return fail(ErrorKind::internal, "seccomp is not enabled in your kernel, cannot run a custom seccomp profile");
    }
    warnings.emplace_back("seccomp is not enabled in your kernel, running container without default profile");
    return std::optional<Seccomp>();
  }
  SeccompContext context;
  context.capabilities = spec.process.capabilities->bounding;
  if (input.kernel.release_major != 0) {
    context.kernel_major = input.kernel.release_major;
    context.kernel_minor = input.kernel.release_minor;
  }
  if (custom) return parse_seccomp_profile(wish, context);
  return std::optional(default_seccomp(context));
}

bool is_mapped(const std::vector<IdMapping>& mappings, std::uint32_t id) {
  return std::any_of(mappings.begin(), mappings.end(), [&](const IdMapping& mapping) {
    return id >= mapping.container_id && id - mapping.container_id < mapping.size;
  });
}

Mount bind_of(const DockerMount& mount) {
  Mount out{mount.destination, "bind", mount.source, {mount.non_recursive ? "bind" : "rbind"}};
  if (mount.read_only) out.options.emplace_back(mount.recursive_read_only ? "rro" : "ro");
  out.options.push_back(mount.propagation.empty() ? "rprivate" : mount.propagation);
  out.options.insert(out.options.end(), mount.locked_options.begin(), mount.locked_options.end());
  return out;
}

Result<Mount> tmpfs_of(const DockerMount& mount) {
  std::vector<std::string> options = {"noexec", "nosuid", "nodev", "rprivate"};
  if (!mount.tmpfs_options.empty()) {
    for (std::string& option : split(mount.tmpfs_options, ',')) options.push_back(std::move(option));
  }
  if (mount.read_only) options.emplace_back("ro");
  return Mount{mount.destination, "tmpfs", "tmpfs", TRY(merge_tmpfs_options(options))};
}

/// The container's root has to let through what a volume is to share.
void widen_root_propagation(const DockerMount& mount, Spec& spec) {
  const std::uint64_t wish = propagation_flag(mount.propagation);
  const std::uint64_t have = propagation_flag(spec.rootfs_propagation);
  if ((wish & kMsShared) != 0 && (have & kMsShared) == 0) spec.rootfs_propagation = "shared";
  if ((wish & kMsSlave) != 0 && (have & (kMsShared | kMsSlave)) == 0) spec.rootfs_propagation = "rslave";
}

/// Docker's own mounts, without those that the user replaces.
void set_default_mounts(const DockerSpecInput& input, const std::vector<std::string>& users, Spec& spec) {
  const auto is_users = [&](const std::string& path) {
    return std::find(users.begin(), users.end(), path) != users.end();
  };
  const bool users_dev = is_users("/dev");
  for (Mount mount : default_mounts()) {
    if (is_users(mount.destination) || (users_dev && mount.destination.starts_with("/dev/"))) continue;
    if (mount.destination == "/dev/shm") {
      if (input.without_shm || !input.shm_source.empty()) continue;
      mount.options.push_back(concat("size=", input.shm_bytes));
    }
    if (mount.type == "devpts" && has_user_namespace(input) && !input.gid_mappings.empty() &&
        !is_mapped(input.gid_mappings, kTtyGroup)) {
      remove_option(mount, "gid=5");  // the kernel refuses a group that the namespace does not know
    }
    if (input.privileged && (mount.type == "sysfs" || mount.type == "cgroup")) remove_option(mount, "ro");
    if (mount.type == "cgroup" && has_user_namespace(input)) remove_option(mount, "ro");
    const bool stays_writable = mount.type == "proc" || mount.destination.starts_with("/dev");
    const bool has_ro = std::find(mount.options.begin(), mount.options.end(), "ro") != mount.options.end();
    if (input.root_readonly && !stays_writable && !has_ro && !input.privileged) mount.options.emplace_back("ro");
    spec.mounts.push_back(std::move(mount));
  }
}

Result<void> set_mounts(const DockerSpecInput& input, Spec& spec) {
  spec.mounts = input.root_mounts;
  std::vector<DockerMount> wanted = input.mounts;
  if (!input.shm_source.empty()) {
    DockerMount shm;
    shm.source = input.shm_source;
    shm.destination = "/dev/shm";
    wanted.push_back(std::move(shm));
  }
  // A mount below another has to come after it: by depth, else as they were given.
  for (DockerMount& mount : wanted) mount.destination = clean_absolute_path(mount.destination);
  const auto depth = [](const DockerMount& mount) {
    return mount.destination == "/" ? 0 : std::count(mount.destination.begin(), mount.destination.end(), '/');
  };
  std::stable_sort(wanted.begin(), wanted.end(),
                   [&](const DockerMount& a, const DockerMount& b) { return depth(a) < depth(b); });
  std::vector<std::string> users;
  for (const DockerMount& mount : wanted) {
    if (mount.destination == "/") {
      return fail(ErrorKind::invalid_argument, "invalid specification: destination can't be '/'");
    }
    users.push_back(mount.destination);
  }
  set_default_mounts(input, users, spec);
  for (const DockerMount& mount : wanted) {
    if (mount.kind == DockerMount::Kind::tmpfs) {
      spec.mounts.push_back(TRY(tmpfs_of(mount)));
    } else {
      widen_root_propagation(mount, spec);
      spec.mounts.push_back(bind_of(mount));
    }
  }
  return {};
}

DeviceRule device_rule(const Device& device, std::string access) {
  DeviceRule rule;
  rule.allow = true;
  rule.type = device.type == 'u' ? 'c' : device.type;
  rule.major = device.major;
  rule.minor = device.minor;
  rule.access = std::move(access);
  return rule;
}

Result<void> set_devices(const DockerSpecInput& input, Spec& spec) {
  if (input.privileged) {
    spec.devices = input.host_devices;
    for (const DockerDevice& device : input.devices) {
      const auto same = [&](const Device& host) { return host.path == device.device.path; };
      if (std::none_of(spec.devices.begin(), spec.devices.end(), same)) spec.devices.push_back(device.device);
    }
    spec.resources.devices = {{true, 'a', std::nullopt, std::nullopt, "rwm"}};
    return {};
  }
  spec.resources.devices = {{false, 'a', std::nullopt, std::nullopt, "rwm"},
                            {true, 'c', 1, 5, "rwm"},
                            {true, 'c', 1, 3, "rwm"},
                            {true, 'c', 1, 9, "rwm"},
                            {true, 'c', 1, 8, "rwm"},
                            {true, 'c', 5, 0, "rwm"},
                            {true, 'c', 5, 1, "rwm"},
                            {false, 'c', 10, 229, "rwm"}};
  for (const DockerDevice& device : input.devices) {
    spec.devices.push_back(device.device);
    spec.resources.devices.push_back(device_rule(device.device, device.permissions));
  }
  for (const std::string& rule : input.device_cgroup_rules) {
    spec.resources.devices.push_back(TRY(parse_device_cgroup_rule(rule)));
  }
  return {};
}

Result<void> set_resources(const DockerSpecInput& input, Spec& spec) {
  if (input.resources.cpu_shares < 0) return fail(ErrorKind::internal, "shares: invalid argument");
  spec.resources = docker_resources(input.resources);
  spec.cgroups_path = clean_absolute_path(concat(input.cgroup_parent, "/", input.id));
  for (const DockerUlimit& ulimit : input.ulimits) {
    spec.process.rlimits.push_back({"RLIMIT_" + to_upper(ulimit.name), static_cast<std::uint64_t>(ulimit.hard),
                                    static_cast<std::uint64_t>(ulimit.soft)});  // -1 becomes RLIM_INFINITY
  }
  return set_devices(input, spec);
}

/// Without privileges there may be controllers that were not handed down: dockerd drops such limits with a warning.
void drop_unavailable_limits(const DockerSpecInput& input, Spec& spec, std::vector<std::string>& warnings) {
  if (!input.rootless) return;
  const auto& controllers = input.kernel.cgroup_controllers;
  const auto missing = [&](std::string_view name) {
    return std::find(controllers.begin(), controllers.end(), name) == controllers.end();
  };
  const auto warn = [&](bool dropped, std::string_view what) {
    if (dropped) warnings.push_back(concat("Your kernel does not support ", what, ". Limitation discarded."));
  };
  Resources& limits = spec.resources;
  if (missing("memory")) {
    warn(limits.memory_limit.has_value(), "memory limit capabilities or the cgroup is not mounted");
    limits.memory_limit = limits.memory_reservation = limits.memory_swap = std::nullopt;
    limits.memory_swappiness = std::nullopt;
    limits.oom_kill_disable = std::nullopt;
  }
  if (missing("cpu")) {
    warn(limits.cpu_quota.has_value() || limits.cpu_shares.has_value(), "CPU CFS scheduler limits");
    limits.cpu_quota = std::nullopt;
    limits.cpu_period = limits.cpu_shares = std::nullopt;
  }
  if (missing("cpuset")) {
    warn(!limits.cpuset_cpus.empty() || !limits.cpuset_mems.empty(), "cpuset");
    limits.cpuset_cpus.clear();
    limits.cpuset_mems.clear();
  }
  if (missing("pids")) {
    warn(limits.pids_limit.value_or(0) > 0, "PIDs limit capabilities or the cgroup is not mounted");
    limits.pids_limit = std::nullopt;
  }
  if (missing("io") && missing("blkio")) {
    warn(limits.blkio_weight.has_value(), "block I/O weight");
    limits.blkio_weight = std::nullopt;
    limits.read_bps.clear();
    limits.write_bps.clear();
    limits.read_iops.clear();
    limits.write_iops.clear();
  }
}

void set_sysctls(const DockerSpecInput& input, Spec& spec) {
  if (input.network.kind == NamespaceMode::Kind::own || input.network_disabled) {
    // Ping without CAP_NET_RAW and low ports without CAP_NET_BIND_SERVICE: the network is the container's own.
    if (!has_user_namespace(input)) spec.sysctl["net.ipv4.ping_group_range"] = "0 2147483647";
    spec.sysctl["net.ipv4.ip_unprivileged_port_start"] = "0";
  }
  for (const auto& [name, value] : input.sysctls) spec.sysctl[name] = value;
}

void set_process(const DockerSpecInput& input, Spec& spec) {
  Process& process = spec.process;
  process.terminal = input.terminal;
  process.console_size = input.console_size;
  process.user = input.user;
  process.user.additional_gids.insert(process.user.additional_gids.begin(), input.user.gid);
  process.args = input.args;
  process.env = docker_environment(input.env, input.hostname, input.terminal, input.home);
  process.cwd = input.cwd.empty() ? "/" : input.cwd;
  process.oom_score_adj = input.oom_score_adj;
  // Where another process is pid 1 already, an init would have nothing to reap.
  if (input.init_path.empty() || input.pid.kind != NamespaceMode::Kind::own) return;
  process.args.insert(process.args.begin(), {std::string(kInitPathInContainer), "--"});
  spec.mounts.push_back({std::string(kInitPathInContainer), "bind", input.init_path, {"bind", "ro"}});
}

}  // namespace

Result<DockerSpec> make_docker_spec(const DockerSpecInput& input) {
  DockerSpec out;
  Spec& spec = out.spec;
  const SecurityOptions security = TRY(parse_security_options(input.security_options));
  out.warnings = security.warnings;
  spec.root_path = input.root_path;
  spec.root_readonly = input.root_readonly;
  spec.annotations = input.annotations;
  set_namespaces(input, spec);
  TRY(set_mounts(input, spec));
  set_process(input, spec);
  TRY(set_capabilities(input, spec));
  TRY(set_resources(input, spec));
  drop_unavailable_limits(input, spec, out.warnings);
  set_sysctls(input, spec);
  spec.process.no_new_privileges = security.no_new_privileges;
  spec.seccomp = TRY(choose_seccomp(input, security.seccomp, spec, out.warnings));
  if (!input.privileged && !security.systempaths_unconfined) {
    spec.masked_paths = default_masked_paths();
    spec.readonly_paths = default_readonly_paths();
  }
  if (input.masked_paths) spec.masked_paths = *input.masked_paths;
  if (input.readonly_paths) spec.readonly_paths = *input.readonly_paths;
  return out;
}

Process make_docker_exec(const Spec& container, const DockerExecInput& input, const KernelFeatures& kernel) {
  Process process = container.process;
  process.args = input.args;
  process.terminal = input.terminal;
  process.console_size = input.console_size;
  if (!input.cwd.empty()) process.cwd = input.cwd;
  if (input.user) {
    process.user = *input.user;
    process.user.additional_gids.insert(process.user.additional_gids.begin(), input.user->gid);
  }
  process.env = docker_environment(input.env, input.hostname, input.terminal, input.home);
  if (input.privileged) {
    CapabilitySets sets;
    sets.bounding = capability_names(in_user_namespace(container) ? kAllCapabilities : kernel.capabilities);
    sets.effective = sets.permitted = sets.bounding;
    process.capabilities = std::move(sets);
  }
  return process;
}

}  // namespace drydock::runtime
