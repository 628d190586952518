#pragma once
// The OCI runtime configuration as plain structs (opencontainers/runtime-spec: config.md, config-linux.md).
// spec_json.h reads and writes config.json.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace drydock::runtime {

struct Rlimit {
  std::string type;  // "RLIMIT_NOFILE"
  std::uint64_t hard = 0;
  std::uint64_t soft = 0;
};

struct CapabilitySets {  // names as in capabilities(7): "CAP_CHOWN"
  std::vector<std::string> bounding, effective, permitted, inheritable, ambient;
};

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::optional<std::uint32_t> umask;
  std::vector<std::uint32_t> additional_gids;
};

struct ConsoleSize {
  std::uint16_t height = 0;  // rows
  std::uint16_t width = 0;   // columns
};

struct Process {
  bool terminal = false;
  ConsoleSize console_size;
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;  // "NAME=value"
  std::string cwd = "/";
  std::optional<CapabilitySets> capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
};

/// A mount as config.md has it: options are mount(8)'s words ("ro", "nosuid", "rbind", "size=64m").
struct Mount {
  std::string destination;
  std::string type;  // empty for bind mounts
  std::string source;
  std::vector<std::string> options;
};

enum class NamespaceKind { mount, pid, uts, ipc, network, cgroup, user, time };

struct Namespace {
  NamespaceKind kind = NamespaceKind::mount;
  std::string path;  // join this one; empty: make a new one
};

struct IdMapping {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
};

struct Device {
  std::string path;
  char type = 'c';  // 'c', 'b', 'p', 'u'
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t mode = 0666;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

struct DeviceRule {
  bool allow = false;
  char type = 'a';                    // 'a' all, 'c', 'b'
  std::optional<std::int64_t> major;  // nothing: any
  std::optional<std::int64_t> minor;
  std::string access = "rwm";
};

struct ThrottleDevice {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t rate = 0;  // bytes per second, or operations per second
};

/// What is not set is left as the kernel has it. Bytes, microseconds.
struct Resources {
  std::optional<std::int64_t> memory_limit;  // -1: none
  std::optional<std::int64_t> memory_reservation;
  std::optional<std::int64_t> memory_swap;  // memory plus swap, as cgroup v1 counts; -1: none
  std::optional<std::uint64_t> memory_swappiness;
  std::optional<bool> oom_kill_disable;
  std::optional<std::uint64_t> cpu_shares;  // v1 scale 2..262144
  std::optional<std::int64_t> cpu_quota;    // us of CPU per period; -1: none
  std::optional<std::uint64_t> cpu_period;  // us
  std::string cpuset_cpus;                  // "0-1"; empty: not set
  std::string cpuset_mems;
  std::optional<std::int64_t> pids_limit;  // -1 or 0: none
  std::optional<std::uint16_t> blkio_weight;
  std::vector<ThrottleDevice> read_bps, write_bps, read_iops, write_iops;
  std::vector<DeviceRule> devices;  // in order, later ones win
};

enum class SeccompAction { kill_thread, kill_process, trap, errno_, trace, log, allow };
enum class SeccompOperator { ne, lt, le, eq, ge, gt, masked_eq };

struct SeccompArgument {
  std::uint32_t index = 0;
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;
  SeccompOperator op = SeccompOperator::eq;
};

struct SeccompRule {
  std::vector<std::string> names;  // system calls; unknown ones are skipped, as runc does
  SeccompAction action = SeccompAction::allow;
  std::optional<std::uint32_t> errno_value;
  std::vector<SeccompArgument> arguments;
};

struct Seccomp {
  SeccompAction default_action = SeccompAction::errno_;
  std::optional<std::uint32_t> default_errno;
  std::vector<std::string> architectures;  // "SCMP_ARCH_X86_64"
  std::vector<SeccompRule> rules;
};

struct Hook {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::optional<int> timeout_seconds;
};

struct Spec {
  std::string oci_version = "1.0.2";
  Process process;
  std::string root_path = "rootfs";  // what the first mount (overlay) goes onto, or the directory itself
  bool root_readonly = false;
  std::string hostname;
  std::string domainname;
  std::vector<Mount> mounts;
  std::map<std::string, std::string> annotations;

  std::vector<Namespace> namespaces;
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
  std::vector<Device> devices;
  std::string cgroups_path;  // below each hierarchy's mount: "/docker/ID"
  Resources resources;
  std::string rootfs_propagation;  // "", "private", "slave", "shared", "unbindable", with "r" before each
  std::map<std::string, std::string> sysctl;
  std::optional<Seccomp> seccomp;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;

  struct Hooks {
    std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
  } hooks;
};

}  // namespace drydock::runtime
