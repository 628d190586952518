#pragma once
// What `docker run` and its options mean as an OCI Spec. Pure: what has to be looked up on a host (devices, users in
// the image's /etc/passwd, namespaces of other containers) the caller hands in. Not modelled: AppArmor and SELinux
// labels (accepted with a warning), real-time CPU scheduling, device requests (GPUs).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "runtime/init_plan.h"
#include "runtime/spec.h"

namespace drydock::runtime {

inline constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
inline constexpr std::string_view kInitPathInContainer = "/sbin/docker-init";
inline constexpr std::int64_t kDefaultShmBytes = 64 * 1024 * 1024;

/// A namespace of one kind: its own, the host's, or another container's.
struct NamespaceMode {
  enum class Kind { own, host, join };
  Kind kind = Kind::own;
  std::string path;  // join: "/proc/42/ns/net"
};

/// A mount that the user or the engine wants: -v, --mount, --tmpfs, /etc/hosts.
struct DockerMount {
  enum class Kind { bind, tmpfs };
  Kind kind = Kind::bind;
  std::string source;  // bind: the host's path
  std::string destination;
  bool read_only = false;
  bool recursive_read_only = false;         // bind: submounts too
  bool non_recursive = false;               // bind: without submounts
  std::string propagation;                  // bind: "rprivate" if empty
  std::vector<std::string> locked_options;  // bind: the source's own flags, which a user namespace may not drop
  std::string tmpfs_options;                // tmpfs: "size=1m,mode=700"
};

struct DockerUlimit {
  std::string name;  // "nofile"
  std::int64_t soft = 0;
  std::int64_t hard = 0;
};

/// HostConfig's numbers; zero or nothing: not asked for.
struct DockerResources {
  std::int64_t memory = 0;  // bytes
  std::int64_t memory_reservation = 0;
  std::int64_t memory_swap = 0;                   // memory plus swap; -1: no limit
  std::optional<std::int64_t> memory_swappiness;  // -1: not set
  std::optional<bool> oom_kill_disable;
  std::int64_t cpu_shares = 0;
  std::int64_t nano_cpus = 0;  // --cpus, in 1e-9
  std::int64_t cpu_period = 0;
  std::int64_t cpu_quota = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::optional<std::int64_t> pids_limit;  // 0, -1: none
  std::uint16_t blkio_weight = 0;
  std::vector<ThrottleDevice> read_bps, write_bps, read_iops, write_iops;
};

/// --device, looked up on the host.
struct DockerDevice {
  Device device;  // path: in the container
  std::string permissions = "rwm";
};

struct DockerSpecInput {
  std::string id;
  // The process, with the image's defaults already merged in.
  std::vector<std::string> args;
  std::vector<std::string> env;  // the container's Config.Env
  std::string home;              // of the user, for HOME
  std::string cwd;
  User user;  // additional_gids: those of the image's /etc/group and --group-add; its own gid is added here
  bool terminal = false;
  ConsoleSize console_size;
  // The root filesystem: mounted onto root_path in this order (overlay); none: root_path as it is.
  std::string root_path;
  std::vector<Mount> root_mounts;
  bool root_readonly = false;

  std::string hostname;
  std::string domainname;
  NamespaceMode network, pid, ipc, uts;
  NamespaceMode cgroup = {NamespaceMode::Kind::host, ""};  // Docker's default on v1; own on v2
  bool network_disabled = false;                           // Config.NetworkDisabled
  // A user namespace when there are mappings (userns-remap, rootless) and not `userns_host`.
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
  bool userns_host = false;
  std::string userns_join;  // with a joined network, pid or ipc namespace: that container's user namespace
  bool rootless = false;

  std::vector<DockerMount> mounts;
  std::int64_t shm_bytes = kDefaultShmBytes;
  std::string shm_source;    // bind this host directory over /dev/shm (shared and host IPC)
  bool without_shm = false;  // --ipc none

  bool privileged = false;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::vector<std::string> security_options;             // as in HostConfig.SecurityOpt
  std::optional<std::vector<std::string>> masked_paths;  // HostConfig.MaskedPaths
  std::optional<std::vector<std::string>> readonly_paths;
  std::map<std::string, std::string> sysctls;
  std::map<std::string, std::string> annotations;

  std::vector<DockerDevice> devices;
  std::vector<Device> host_devices;  // all of the host's: what a privileged container sees
  std::vector<std::string> device_cgroup_rules;
  DockerResources resources;
  std::vector<DockerUlimit> ulimits;
  std::optional<int> oom_score_adj;
  std::string cgroup_parent = "/docker";
  std::string init_path;  // the host's init program for --init; empty: without

  KernelFeatures kernel;
};

struct DockerSpec {
  Spec spec;
  std::vector<std::string> warnings;
};

/// Errors: invalid_argument, in dockerd's words.
Result<DockerSpec> make_docker_spec(const DockerSpecInput& input);

/// The Process of `docker exec` in a container with this Spec.
struct DockerExecInput {
  std::vector<std::string> args;
  std::vector<std::string> env;  // the container's Config.Env, then --env
  std::string hostname;          // the container's, as it stands in its HOSTNAME
  std::string home;              // of the user
  std::string cwd;               // empty: the container's
  std::optional<User> user;      // nothing: the container's
  bool terminal = false;
  ConsoleSize console_size;
  bool privileged = false;
};
Process make_docker_exec(const Spec& container, const DockerExecInput& input, const KernelFeatures& kernel);

/// What SecurityOpt says. Errors: `invalid --security-opt 1: "x"`. Docker looks at this when a container is created.
struct SecurityOptions {
  bool no_new_privileges = false;
  bool systempaths_unconfined = false;
  std::string seccomp;  // empty: the default; "unconfined"; "builtin"; else a profile's JSON
  std::vector<std::string> warnings;
};
Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options);

/// "c 1:3 rwm". Errors: "invalid device cgroup rule format: 'x'".
Result<DeviceRule> parse_device_cgroup_rule(std::string_view text);

/// Docker's options for one tmpfs: later ones win over earlier ones of the same kind. Errors:
/// `invalid tmpfs option ["nosuch"]`.
Result<std::vector<std::string>> merge_tmpfs_options(const std::vector<std::string>& options);

/// The cgroup limits that HostConfig's numbers mean, without device rules (for create and for `docker update`).
Resources docker_resources(const DockerResources& resources);

/// PATH, HOSTNAME and TERM (with a terminal) as defaults, then `env` over them; a name without "=" takes its default
/// away. HOME is added if it is not there.
std::vector<std::string> docker_environment(const std::vector<std::string>& env, std::string_view hostname,
                                            bool terminal, std::string_view home);

const std::vector<std::string>& default_masked_paths();
const std::vector<std::string>& default_readonly_paths();
const std::vector<Mount>& default_mounts();
/// What every container has in /dev, whatever its Spec lists (config-linux.md, Default Devices).
const std::vector<Device>& default_devices();
/// What every container may use of them, whatever its Spec allows.
const std::vector<DeviceRule>& default_device_rules();

}  // namespace drydock::runtime
