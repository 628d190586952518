#pragma once
// The recipe: what turns a rootfs and a Spec into a running process, as an ordered list of plain steps. Computed once,
// carried out by each kernel's executor (native/runtime, later core/sim), so that a failure is {step, errno, text} on
// both and a page can show the same list. The order follows runc's init (see runtime/README.md).
//
// `child` steps run in the new process, after clone(2) and before execve(2); the executor may allocate nothing while it
// runs them, so every step holds its strings ready. Paths of targets are inside the container and are resolved beneath
// the new root: an image's symbolic link cannot lead out of it.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "runtime/spec.h"

namespace drydock::runtime {

/// What the executing kernel can do; the plan chooses by it.
struct KernelFeatures {
  enum class Cgroup { none, v1, hybrid, v2 };
  Cgroup cgroup = Cgroup::none;
  std::vector<std::string> cgroup_controllers;  // those that can be used: "memory", "pids" ...
  struct Hierarchy {                            // cgroup v1
    std::string mount_point;                    // on the host: "/sys/fs/cgroup/cpu,cpuacct"
    std::string options;  // what mounts it anew in a cgroup namespace: "cpu,cpuacct", "name=systemd"
  };
  std::vector<Hierarchy> cgroup_hierarchies;  // as they are mounted, for the container's own /sys/fs/cgroup
  bool user_namespaces = false;
  bool time_namespaces = false;
  bool overlay = false;
  bool overlay_in_userns = false;
  bool seccomp = false;
  bool rootless = false;            // the executor has no privileges on the host: user namespace needed
  std::uint64_t capabilities = 0;   // those that can be given (bounding set), bit N = capability N
  std::uint32_t release_major = 0;  // of the kernel, for profiles that ask for a minimum
  std::uint32_t release_minor = 0;
};

// mount(2) flags by their Linux values, so that plans are the same on every platform.
/// setns(2). Joins come first. A pid namespace holds for children only, so that the executor joins it before clone(2),
/// together with what must precede it (the user namespace that owns it).
struct StepJoinNamespace {
  NamespaceKind kind;
  std::string path;
};
/// unshare(2), for the cgroup namespace: its root is the cgroup that the process is in, so that the parent has to have
/// moved it there before.
struct StepUnshareNamespace {
  NamespaceKind kind;
};
/// keyctl(2) JOIN_SESSION_KEYRING: a keyring of its own, else the daemon's keys could be read. ENOSYS is fine.
struct StepJoinSessionKeyring {
  std::string name;
};
/// Before pivot_root the target is a path of the host, and where it is not a mount point (EINVAL) the mount that holds
/// it is meant; afterwards it is one of the container.
struct StepSetPropagation {
  std::string target;
  std::uint64_t flags;
};
/// Creates the target if need be (a directory mode 0755, or an empty file when the source is not a directory), then
/// mounts. Target "/" before pivot_root: onto InitPlan::rootfs itself, with host paths.
struct StepMount {
  std::string source;
  std::string target;
  std::string type;
  std::uint64_t flags = 0;
  std::string data;
  std::uint64_t propagation = 0;    // MS_PRIVATE... applied after, 0: none
  std::uint64_t remount_flags = 0;  // bind mounts: a second mount(2) with MS_REMOUNT|MS_BIND; 0: none
  std::uint64_t recursive_set = 0;  // mount_setattr(2) with AT_RECURSIVE: MOUNT_ATTR_*; both 0: none
  std::uint64_t recursive_clear = 0;
  bool create_target = true;
  bool inherit_mode = false;  // tmpfs: an existing target's "mode=0755," is put before the data
  bool copy_up = false;       // tmpfs option "tmpcopyup": what lies below is copied in first
  /// If the mount fails with EPERM or EBUSY, bind this host path instead (sysfs, cgroup2 in user namespaces).
  std::optional<std::string> fallback_source;
};
/// With its parents; one that exists is fine.
struct StepMakeDirectory {
  std::string path;
  std::uint32_t mode;
};
/// mknod(2), or the host's node of that path bound over an empty file. One that exists is fine.
struct StepMakeDevice {
  Device device;
  bool bind_from_host;
};
/// A path that exists is left, unless it is to be replaced.
struct StepMakeSymlink {
  std::string target;
  std::string path;
  bool replace = false;
  bool needs_target = false;  // nothing is made where the host has no such target
};
struct StepPivotRoot {
  std::string rootfs;
};
struct StepRemountRootReadonly {};
struct StepMaskPath {
  std::string path;
};  // file: /dev/null bound over it; directory: empty read-only tmpfs; missing: fine
struct StepReadonlyPath {
  std::string path;
};  // missing: fine
struct StepSetHostname {
  std::string name;
};
struct StepSetDomainname {
  std::string name;
};
struct StepSetSysctl {
  std::string path;
  std::string value;
};  // "/proc/sys/net/ipv4/ip_forward"
struct StepSetRlimit {
  int resource;
  std::uint64_t soft;
  std::uint64_t hard;
  std::string name;
};
/// New session, pty from the container's own devpts as stdio and controlling terminal.
struct StepSetupConsole {
  bool mount_console = true;  // bind it over /dev/console (not for exec)
};
struct StepSetUmask {
  std::uint32_t mask;
};
struct StepSetOomScoreAdj {
  int value;
};
/// Looks the program up as execvp(3) would with the process's own PATH, as the container's user.
struct StepResolveExecutable {
  std::string file;
  std::string search_path;  // the value of PATH in the process's environment
};
/// Tells the parent that the container is created and waits until it is started.
struct StepAwaitStart {};
struct StepSetNoNewPrivileges {};
struct StepLoadSeccomp {
  Seccomp filter;
};  // compiled to BPF before the clone
struct StepSetUser {
  User user;
  bool keep_capabilities;
};
/// Drops from the bounding set what is not in `keep` (while CAP_SETPCAP is still there).
struct StepLimitCapabilities {
  std::uint64_t keep;
};
struct StepSetCapabilities {
  std::uint64_t effective, permitted, inheritable, ambient;
};
/// Comes twice: before the user changes, when "permission denied" is no failure, and as that user, which then has to
/// succeed where the first was denied and does nothing where it was not. The directory has to be below the root.
struct StepChangeDirectory {
  std::string path;
  bool as_user = false;
};
struct StepExec {
  std::vector<std::string> args;
  std::vector<std::string> env;
};

using InitStep =
    std::variant<StepJoinNamespace, StepUnshareNamespace, StepJoinSessionKeyring, StepSetPropagation, StepMount,
                 StepMakeDirectory, StepMakeDevice, StepMakeSymlink, StepPivotRoot, StepRemountRootReadonly,
                 StepMaskPath, StepReadonlyPath, StepSetHostname, StepSetDomainname, StepSetSysctl, StepSetRlimit,
                 StepSetupConsole, StepSetUmask, StepSetOomScoreAdj, StepResolveExecutable, StepAwaitStart,
                 StepSetNoNewPrivileges, StepLoadSeccomp, StepLimitCapabilities, StepSetUser, StepSetCapabilities,
                 StepChangeDirectory, StepExec>;

struct InitPlan {
  std::vector<NamespaceKind> new_namespaces;  // the flags of clone(2)
  std::vector<IdMapping> uid_mappings;        // written by the parent, before the child goes on
  std::vector<IdMapping> gid_mappings;
  std::string rootfs;  // the host's path; empty for exec
  std::string cgroups_path;
  Resources resources;  // applied by the parent before the child goes on
  bool terminal = false;
  ConsoleSize console_size;
  std::vector<InitStep> child;
};

/// Pure. Errors: invalid_argument, worded as runc words them, for what this kernel cannot do or the Spec says wrongly.
Result<InitPlan> plan_init(const Spec& spec, const KernelFeatures& kernel);
/// The plan for a further process in a running container whose Spec this is (docker exec): joins, then the tail.
Result<InitPlan> plan_exec(const Spec& spec, const Process& process, const std::vector<Namespace>& join,
                           const KernelFeatures& kernel);

/// "mount", "pivot_root" ...: the step's name in traces and errors.
std::string step_name(const InitStep& step);
/// "proc on /proc type proc (nosuid,nodev,noexec)": one line for people.
std::string step_detail(const InitStep& step);

/// What users read when the step failed with that errno, in runc's words, without "unable to start container process: "
/// before it: `exec: "nosuch": executable file not found in $PATH`.
std::string step_failure(const InitStep& step, Errno code);

/// The same as an error of create, start and exec: not_found where the program is not there, forbidden where it cannot
/// be executed.
Error launch_error(const InitStep& step, Errno code);
/// What docker exec joins of a running container: the namespaces that its Spec gave it, by its first process's pid.
std::vector<Namespace> namespaces_of(const Spec& spec, std::int64_t pid);

/// For the way from the daemon to a monitor; the reader refuses what the writer does not write.
std::string to_json_text(const InitPlan& plan);
Result<InitPlan> init_plan_from_json(std::string_view text);

}  // namespace drydock::runtime
