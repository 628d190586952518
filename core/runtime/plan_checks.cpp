#include "runtime/plan_checks.h"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/capability.h"
#include "runtime/mount_options.h"

namespace drydock::runtime {

namespace {

constexpr std::array<std::string_view, 8> kNamespaceWords = {"mount",   "pid",    "uts",  "ipc",
                                                             "network", "cgroup", "user", "time"};

// getrlimit(2); the numbers of x86-64.
constexpr std::array<std::string_view, 16> kRlimits = {
    "RLIMIT_CPU",      "RLIMIT_FSIZE",  "RLIMIT_DATA",    "RLIMIT_STACK",  "RLIMIT_CORE",  "RLIMIT_RSS",
    "RLIMIT_NPROC",    "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS",     "RLIMIT_LOCKS", "RLIMIT_SIGPENDING",
    "RLIMIT_MSGQUEUE", "RLIMIT_NICE",   "RLIMIT_RTPRIO",  "RLIMIT_RTTIME",
};

// Those below kernel. that belong to an IPC namespace (ipc_namespaces(7)).
constexpr std::array<std::string_view, 8> kIpcSysctls = {
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
    "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
};

template <class... Parts>
Failure<Error> invalid(const Parts&... parts) {
  return fail(ErrorKind::invalid_argument, parts...);
}

Result<void> check_no_nul(std::string_view what, std::string_view text) {
  if (text.find('\0') == std::string_view::npos) return {};
  return invalid(what, " contains a NUL byte: ", go_quoted(text));
}

Result<void> check_namespaces(const Spec& spec, const KernelFeatures& kernel) {
  for (const Namespace& ns : spec.namespaces) {
    const auto same = [&](const Namespace& other) { return other.kind == ns.kind; };
    if (std::count_if(spec.namespaces.begin(), spec.namespaces.end(), same) > 1) {
      return invalid("malformed spec file: duplicated ns ", go_quoted(namespace_word(ns.kind)));
    }
    TRY(check_no_nul("namespace path", ns.path));
  }
  const Namespace* mount = find_namespace(spec, NamespaceKind::mount);
  if (mount == nullptr && (!spec.masked_paths.empty() || !spec.readonly_paths.empty())) {
    return invalid("unable to restrict sys entries without a private MNT namespace");
  }
  if (mount == nullptr || !mount->path.empty()) {
    return fail(ErrorKind::not_implemented, "a container without a mount namespace of its own is not supported");
  }
  if (find_namespace(spec, NamespaceKind::uts) == nullptr) {
    if (!spec.hostname.empty()) return invalid("unable to set hostname without a private UTS namespace");
    if (!spec.domainname.empty()) return invalid("unable to set domainname without a private UTS namespace");
  }
  if (find_namespace(spec, NamespaceKind::time) != nullptr && !kernel.time_namespaces) {
    return invalid("time namespaces aren't enabled in the kernel");
  }
  return {};
}

Result<void> check_user_namespace(const Spec& spec, const KernelFeatures& kernel) {
  const Namespace* user = find_namespace(spec, NamespaceKind::user);
  const bool mapped = !spec.uid_mappings.empty() || !spec.gid_mappings.empty();
  if (user == nullptr) {
    if (mapped) return invalid("user namespace mappings specified, but user namespace isn't enabled in the config");
    if (kernel.rootless) return invalid("rootless container requires user namespaces");
    return {};
  }
  if (!kernel.user_namespaces) return invalid("user namespaces aren't enabled in the kernel");
  if (user->path.empty() && (spec.uid_mappings.empty() || spec.gid_mappings.empty())) {
    return invalid("user namespaces enabled, but no namespace path to join nor mappings to apply specified");
  }
  return {};
}

bool has_controller(const KernelFeatures& kernel, std::string_view name) {
  return std::find(kernel.cgroup_controllers.begin(), kernel.cgroup_controllers.end(), name) !=
         kernel.cgroup_controllers.end();
}

Result<void> check_resources(const Resources& resources, const KernelFeatures& kernel) {
  const auto limited = [](const std::optional<std::int64_t>& value) { return value && *value > 0; };
  const bool blkio = resources.blkio_weight.value_or(0) != 0 || !resources.read_bps.empty() ||
                     !resources.write_bps.empty() || !resources.read_iops.empty() || !resources.write_iops.empty();
  const std::string_view blkio_name = kernel.cgroup == KernelFeatures::Cgroup::v2 ? "io" : "blkio";
  const std::pair<std::string_view, bool> wanted[] = {
      {"memory", limited(resources.memory_limit) || limited(resources.memory_reservation)},
      {"cpu", limited(resources.cpu_quota) || resources.cpu_shares.value_or(0) != 0},
      {"cpuset", !resources.cpuset_cpus.empty() || !resources.cpuset_mems.empty()},
      {"pids", limited(resources.pids_limit)},
      {blkio_name, blkio},
  };
  for (const auto& [controller, asked] : wanted) {
    if (!asked || has_controller(kernel, controller)) continue;
    return invalid("cannot set ", controller, " limit: container could not join or create cgroup");
  }
  return {};
}

Result<void> check_devices(const Spec& spec) {
  for (const Device& device : spec.devices) {
    TRY(check_no_nul("device path", device.path));
    if (device.type != 'c' && device.type != 'u' && device.type != 'b' && device.type != 'p') {
      return invalid(device.type, " is not a valid device type for device ", device.path);
    }
    if (!device.path.starts_with('/')) return invalid("device path ", go_quoted(device.path), " is not absolute");
  }
  return {};
}

Result<void> check_paths(const Spec& spec) {
  if (!spec.root_path.starts_with('/')) return invalid("invalid rootfs: not an absolute path, or a symlink");
  TRY(check_no_nul("rootfs", spec.root_path));
  TRY(check_no_nul("hostname", spec.hostname));
  TRY(check_no_nul("domainname", spec.domainname));
  TRY(check_no_nul("cgroupsPath", spec.cgroups_path));
  for (const std::string& path : spec.masked_paths) TRY(check_no_nul("masked path", path));
  for (const std::string& path : spec.readonly_paths) TRY(check_no_nul("read-only path", path));
  if (!spec.rootfs_propagation.empty() && propagation_flag(spec.rootfs_propagation) == 0) {
    return invalid("rootfsPropagation=", spec.rootfs_propagation, " is not supported");
  }
  if (spec.mounts.size() > kPlanMountsMax) return invalid("more than ", kPlanMountsMax, " mounts");
  return {};
}

bool has_hooks(const Spec::Hooks& hooks) {
  return !hooks.prestart.empty() || !hooks.create_runtime.empty() || !hooks.create_container.empty() ||
         !hooks.start_container.empty() || !hooks.poststart.empty() || !hooks.poststop.empty();
}

bool is_mapped(const std::vector<IdMapping>& mappings, std::uint32_t id) {
  for (const IdMapping& mapping : mappings) {
    if (id >= mapping.container_id && id - mapping.container_id < mapping.size) return true;
  }
  return false;
}

Result<void> check_user(const User& user, const Spec& spec) {
  const Namespace* ns = find_namespace(spec, NamespaceKind::user);
  if (ns == nullptr || !ns->path.empty()) return {};  // a joined one: its mapping is not known here
  if (!is_mapped(spec.gid_mappings, user.gid)) {
    return invalid("unable to setup user: cannot setgid to unmapped gid ", user.gid, " in user namespace");
  }
  if (!is_mapped(spec.uid_mappings, user.uid)) {
    return invalid("unable to setup user: cannot setuid to unmapped uid ", user.uid, " in user namespace");
  }
  return {};
}

Result<void> check_capabilities(const Process& process, const Spec& spec, const KernelFeatures& kernel) {
  if (!process.capabilities || in_user_namespace(spec)) return {};  // a user namespace gives all of them
  const std::uint64_t wanted =
      capability_mask(process.capabilities->effective) | capability_mask(process.capabilities->permitted) |
      capability_mask(process.capabilities->inheritable) | capability_mask(process.capabilities->ambient);
  if ((wanted & ~kernel.capabilities) == 0) return {};
  return fail(ErrorKind::invalid_argument, "unable to apply caps: operation not permitted");
}

// sysctl.d(5): a name whose first separator is a slash has the two exchanged, as "net/ipv4/conf/eth0.1/forwarding".
std::string dotted_sysctl(std::string_view name) {
  std::string out(name);
  const std::size_t first = out.find_first_of("./");
  if (first == std::string::npos || out[first] == '.') return out;
  for (char& c : out) {
    if (c == '.' || c == '/') c = c == '.' ? '/' : '.';
  }
  return out;
}

Result<void> check_sysctl(const std::string& name, const Spec& spec) {
  if (std::find(kIpcSysctls.begin(), kIpcSysctls.end(), name) != kIpcSysctls.end() || name.starts_with("fs.mqueue.")) {
    if (find_namespace(spec, NamespaceKind::ipc) != nullptr) return {};
    return invalid("sysctl ", go_quoted(name), " is not allowed in the hosts ipc namespace");
  }
  if (name.starts_with("net.")) {
    if (find_namespace(spec, NamespaceKind::network) != nullptr) return {};
    return invalid("sysctl ", go_quoted(name), " not allowed in host network namespace");
  }
  if (find_namespace(spec, NamespaceKind::uts) != nullptr) {
    if (name == "kernel.domainname") return {};
    if (name == "kernel.hostname") {
      return invalid("sysctl ", go_quoted(name), " is not allowed as it conflicts with the OCI \"hostname\" field");
    }
  }
  if (name.starts_with("user.")) {
    if (find_namespace(spec, NamespaceKind::user) != nullptr) return {};
    return invalid("setting ucounts without a user namespace not allowed: ", name);
  }
  return invalid("sysctl ", go_quoted(name), " is not in a separate kernel namespace");
}

/// Nothing when the name would lead out of its place, as "net.//.kernel.pid_max" would.
std::optional<std::string> sysctl_path(std::string_view dotted) {
  std::string path = "/proc/sys";
  for (std::string part : split(dotted, '.')) {
    std::replace(part.begin(), part.end(), '/', '.');
    if (part.empty() || part == "." || part == "..") return std::nullopt;
    path += '/' + part;
  }
  return path;
}

}  // namespace

const Namespace* find_namespace(const Spec& spec, NamespaceKind kind) {
  for (const Namespace& ns : spec.namespaces) {
    if (ns.kind == kind) return &ns;
  }
  return nullptr;
}

std::string_view namespace_word(NamespaceKind kind) {
  return kNamespaceWords[static_cast<std::size_t>(kind)];
}

bool in_user_namespace(const Spec& spec) {
  return find_namespace(spec, NamespaceKind::user) != nullptr;
}

std::string clean_absolute_path(std::string_view path) {
  std::vector<std::string> kept;
  for (std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      kept.push_back(std::move(part));
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  return '/' + join(kept, "/");
}

Result<void> check_spec(const Spec& spec, const KernelFeatures& kernel) {
  if (has_hooks(spec.hooks)) return fail(ErrorKind::not_implemented, "hooks are not supported");
  TRY(check_paths(spec));
  TRY(check_namespaces(spec, kernel));
  TRY(check_user_namespace(spec, kernel));
  TRY(check_devices(spec));
  TRY(check_resources(spec.resources, kernel));
  if (spec.seccomp && !kernel.seccomp) return invalid("seccomp: config provided but seccomp not supported");
  return {};
}

Result<void> check_process(const Process& process, const Spec& spec, const KernelFeatures& kernel) {
  if (process.cwd.empty()) return invalid("Cwd property must not be empty");
  if (!process.cwd.starts_with('/')) return invalid("Cwd must be an absolute path");
  TRY(check_no_nul("Cwd", process.cwd));
  if (process.args.empty()) return invalid("args must not be empty");
  for (const std::string& arg : process.args) TRY(check_no_nul("argument", arg));
  for (const std::string& variable : process.env) {
    TRY(check_no_nul("environment variable", variable));
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos || equals == 0)
      return invalid("invalid environment variable: ", go_quoted(variable));
  }
  TRY(check_user(process.user, spec));
  return check_capabilities(process, spec, kernel);
}

Result<std::vector<StepSetSysctl>> plan_sysctls(const Spec& spec) {
  std::vector<StepSetSysctl> out;
  for (const auto& [name, value] : spec.sysctl) {
    const std::string dotted = dotted_sysctl(name);
    TRY(check_no_nul("sysctl", dotted));
    TRY(check_no_nul("sysctl value", value));
    TRY(check_sysctl(dotted, spec));
    const auto path = sysctl_path(dotted);
    if (!path) return invalid("sysctl ", go_quoted(dotted), " is not in a separate kernel namespace");
    out.push_back({*path, value});
  }
  return out;
}

Result<std::vector<StepSetRlimit>> plan_rlimits(const std::vector<Rlimit>& rlimits) {
  std::vector<StepSetRlimit> out;
  for (const Rlimit& rlimit : rlimits) {
    const auto found = std::find(kRlimits.begin(), kRlimits.end(), rlimit.type);
    if (found == kRlimits.end()) return invalid("wrong rlimit value: ", rlimit.type);
    out.push_back({static_cast<int>(found - kRlimits.begin()), rlimit.soft, rlimit.hard, rlimit.type});
  }
  return out;
}

}  // namespace drydock::runtime
