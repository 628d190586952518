// The mounts of an InitPlan. Facts after runc's rootfs_linux.go: bind mounts take their flags by a second mount(2),
// tmpfs is mounted writable first, and a "cgroup" mount is one thing in the Spec but several on cgroup v1.

#include <algorithm>

#include "runtime/mount_options.h"
#include "runtime/plan_checks.h"

namespace drydock::runtime {

namespace {

// What may be mounted over below /proc (lxcfs does): everything else there is the kernel's word and stays so.
constexpr std::string_view kProcFiles[] = {
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
};

bool is_bind(const Mount& mount, const MountOptions& options) {
  return mount.type == "bind" || (options.flags & kMsBind) != 0;
}

template <class... Parts>
Failure<Error> invalid_mount(const Mount& mount, const Parts&... parts) {
  return fail(ErrorKind::invalid_argument, "invalid mount ", go_quoted(mount.destination), ": ", parts...);
}

Result<void> check_proc(const Mount& mount, const std::string& target, bool bind) {
  if (target == "/proc") {
    if (bind || mount.type == "proc") return {};
    return fail(ErrorKind::invalid_argument, go_quoted(target), " cannot be mounted because it is not of type proc");
  }
  if (!target.starts_with("/proc/")) return {};
  for (const std::string_view allowed : kProcFiles) {
    if (target == allowed) return {};
  }
  return fail(ErrorKind::invalid_argument, go_quoted(target), " cannot be mounted because it is inside /proc");
}

Result<void> check_mount(const Mount& mount, const MountOptions& options) {
  if (mount.destination.empty()) return invalid_mount(mount, "destination is empty");
  for (const std::string& text : {mount.destination, mount.source, mount.type, options.data}) {
    if (text.find('\0') != std::string::npos) return invalid_mount(mount, "NUL byte");
  }
  if (options.id_mapped) {
    return fail(ErrorKind::not_implemented, "invalid mount ", go_quoted(mount.destination),
                ": id-mapped mounts are not supported");
  }
  if (!is_bind(mount, options)) return {};
  if (!options.data.empty()) {
    return invalid_mount(mount, "bind mounts cannot have any filesystem-specific options applied");
  }
  if (!mount.source.starts_with('/'))
    return invalid_mount(mount, "source ", go_quoted(mount.source), " is not absolute");
  return {};
}

StepMount bind_mount(std::string source, std::string target, const MountOptions& options) {
  StepMount step;
  step.source = std::move(source);
  step.target = std::move(target);
  step.type = "bind";
  step.flags = kMsBind | (options.flags & kMsRec);
  // mount(2) ignores other flags together with MS_BIND. Without any wish the source's own flags are kept.
  const std::uint64_t wished = options.flags & ~(kMsBind | kMsRec | kMsRemount);
  if (wished != 0 || options.cleared != 0) step.remount_flags = wished | kMsBind | kMsRemount;
  step.propagation = options.propagation;
  step.recursive_set = options.recursive_set;
  step.recursive_clear = options.recursive_clear;
  return step;
}

StepMount plain_mount(const Mount& mount, std::string target, const MountOptions& options) {
  StepMount step;
  step.source = mount.source;
  step.target = std::move(target);
  step.type = mount.type;
  step.flags = options.flags;
  step.data = options.data;
  step.propagation = options.propagation;
  if (mount.type == "tmpfs" || step.target == "/dev") {
    step.flags &= ~kMsRdonly;  // something is still to be put there: see plan_readonly_remounts
  }
  step.inherit_mode = mount.type == "tmpfs";
  step.copy_up = mount.type == "tmpfs" && options.copy_up;
  return step;
}

void plan_cgroup_v2(const Spec& spec, const std::string& target, const MountOptions& options, InitPlan& plan) {
  StepMount step;
  step.source = "cgroup";
  step.target = target;
  step.type = "cgroup2";
  step.flags = options.flags;
  step.propagation = options.propagation;
  // A user namespace without a cgroup namespace of its own may not mount cgroup2; with one the bind has to show what
  // the mount would have shown.
  const bool own = find_namespace(spec, NamespaceKind::cgroup) != nullptr;
  step.fallback_source = own ? "/sys/fs/cgroup" + plan.cgroups_path : "/sys/fs/cgroup";
  plan.child.push_back(std::move(step));
}

void plan_cgroup_v1(const Spec& spec, const KernelFeatures& kernel, const std::string& target,
                    const MountOptions& options, InitPlan& plan) {
  StepMount tmpfs;
  tmpfs.source = "tmpfs";
  tmpfs.target = target;
  tmpfs.type = "tmpfs";
  tmpfs.flags = kMsNosuid | kMsNodev | kMsNoexec;
  tmpfs.data = "mode=755";
  tmpfs.propagation = options.propagation;
  plan.child.push_back(std::move(tmpfs));

  const bool own = find_namespace(spec, NamespaceKind::cgroup) != nullptr;
  std::vector<StepMakeSymlink> links;
  for (const KernelFeatures::Hierarchy& hierarchy : kernel.cgroup_hierarchies) {
    const std::string name = hierarchy.mount_point.substr(hierarchy.mount_point.rfind('/') + 1);
    if (own) {
      StepMount step;
      step.source = "cgroup";
      step.target = target + '/' + name;
      step.type = "cgroup";
      step.flags = kMsNosuid | kMsNodev | kMsNoexec | (options.flags & kMsRdonly);
      step.data = hierarchy.options;
      plan.child.push_back(std::move(step));
    } else {
      MountOptions bind = options;
      bind.flags |= kMsRec;
      const std::string below = plan.cgroups_path == "/" ? "" : plan.cgroups_path;
      plan.child.push_back(bind_mount(hierarchy.mount_point + below, target + '/' + name, bind));
    }
    // "cpu,cpuacct" is found under each of its names.
    if (name.find(',') == std::string::npos) continue;
    for (const std::string& part : split(name, ',')) links.push_back({name, target + '/' + part});
  }
  for (StepMakeSymlink& link : links) plan.child.push_back(std::move(link));
}

Result<void> plan_mount(const Mount& mount, const Spec& spec, const KernelFeatures& kernel, InitPlan& plan) {
  const MountOptions options = parse_mount_options(mount.options);
  TRY(check_mount(mount, options));
  const std::string target = clean_absolute_path(mount.destination);
  const bool bind = is_bind(mount, options);
  TRY(check_proc(mount, target, bind));
  if (bind) {
    plan.child.push_back(bind_mount(mount.source, target, options));
  } else if (mount.type == "cgroup") {
    if (kernel.cgroup == KernelFeatures::Cgroup::v2) {
      plan_cgroup_v2(spec, target, options, plan);
    } else {
      plan_cgroup_v1(spec, kernel, target, options, plan);
    }
  } else {
    StepMount step = plain_mount(mount, target, options);
    // sysfs belongs to the network namespace: who did not make that one may not mount a new sysfs.
    if (mount.type == "sysfs" && in_user_namespace(spec)) step.fallback_source = "/sys";
    plan.child.push_back(std::move(step));
  }
  return {};
}

bool is_root_mount(const Mount& mount) {
  return clean_absolute_path(mount.destination) == "/";
}

Result<void> plan_root(const Spec& spec, InitPlan& plan) {
  bool mounted = false;
  for (const Mount& mount : spec.mounts) {
    if (!is_root_mount(mount)) continue;
    const MountOptions options = parse_mount_options(mount.options);
    TRY(check_mount(mount, options));
    StepMount step =
        is_bind(mount, options) ? bind_mount(mount.source, "/", options) : plain_mount(mount, "/", options);
    step.create_target = false;
    step.inherit_mode = false;
    plan.child.push_back(std::move(step));
    mounted = true;
  }
  if (mounted) return {};
  // pivot_root(2) wants a mount point.
  StepMount self;
  self.source = plan.rootfs;
  self.target = "/";
  self.type = "bind";
  self.flags = kMsBind | kMsRec;
  self.create_target = false;
  plan.child.push_back(std::move(self));
  return {};
}

}  // namespace

bool populates_dev(const Spec& spec) {
  return std::none_of(spec.mounts.begin(), spec.mounts.end(), [](const Mount& mount) {
    return clean_absolute_path(mount.destination) == "/dev" && is_bind(mount, parse_mount_options(mount.options));
  });
}

Result<void> plan_mounts(const Spec& spec, const KernelFeatures& kernel, InitPlan& plan) {
  TRY(plan_root(spec, plan));
  for (const Mount& mount : spec.mounts) {
    if (!is_root_mount(mount)) TRY(plan_mount(mount, spec, kernel, plan));
  }
  return {};
}

void plan_readonly_remounts(const Spec& spec, InitPlan& plan) {
  for (const Mount& mount : spec.mounts) {
    const MountOptions options = parse_mount_options(mount.options);
    const std::string target = clean_absolute_path(mount.destination);
    if ((options.flags & kMsRdonly) == 0 || target == "/" || is_bind(mount, options)) continue;
    if (mount.type != "tmpfs" && target != "/dev") continue;
    StepMount step;
    step.target = target;
    step.flags = options.flags | kMsRemount | kMsBind;
    step.create_target = false;
    plan.child.push_back(std::move(step));
  }
}

}  // namespace drydock::runtime
