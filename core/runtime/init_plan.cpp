#include "runtime/init_plan.h"

#include <algorithm>
#include <utility>

#include "runtime/capability.h"
#include "runtime/default_spec.h"
#include "runtime/mount_options.h"
#include "runtime/plan_checks.h"

namespace drydock::runtime {

namespace {

constexpr std::uint32_t kDefaultUmask = 0022;

// user first, since it owns the others; mount last, since it takes the daemon's paths away.
constexpr NamespaceKind kJoinOrder[] = {NamespaceKind::user,    NamespaceKind::ipc,  NamespaceKind::uts,
                                        NamespaceKind::network, NamespaceKind::pid,  NamespaceKind::cgroup,
                                        NamespaceKind::time,    NamespaceKind::mount};

void plan_joins(const std::vector<Namespace>& namespaces, InitPlan& plan) {
  for (const NamespaceKind kind : kJoinOrder) {
    for (const Namespace& ns : namespaces) {
      if (ns.kind == kind && !ns.path.empty()) plan.child.push_back(StepJoinNamespace{kind, ns.path});
    }
  }
}

void plan_namespaces(const Spec& spec, InitPlan& plan) {
  for (const Namespace& ns : spec.namespaces) {
    if (ns.path.empty() && ns.kind != NamespaceKind::cgroup) plan.new_namespaces.push_back(ns.kind);
  }
  plan_joins(spec.namespaces, plan);
  const Namespace* cgroup = find_namespace(spec, NamespaceKind::cgroup);
  if (cgroup != nullptr && cgroup->path.empty()) plan.child.push_back(StepUnshareNamespace{NamespaceKind::cgroup});
}

bool keeps_sharing(std::uint64_t propagation) {
  return (propagation & (kMsShared | kMsUnbindable)) != 0;
}

/// Before anything is mounted: what happens here must not reach the host's mount namespace.
void plan_propagation(const Spec& spec, InitPlan& plan) {
  const std::uint64_t wished = propagation_flag(spec.rootfs_propagation);
  plan.child.push_back(StepSetPropagation{"/", wished != 0 ? wished : kMsSlave | kMsRec});
  // pivot_root(2) refuses a root whose parent mount is shared, and the root's own mount would spread to its peers.
  if (keeps_sharing(wished)) plan.child.push_back(StepSetPropagation{plan.rootfs, kMsPrivate});
}

void plan_devices(const Spec& spec, const KernelFeatures& kernel, InitPlan& plan) {
  const bool bind = in_user_namespace(spec) || kernel.rootless;  // mknod(2) is not allowed there
  const auto listed = [&](const Device& standard) {
    return std::any_of(spec.devices.begin(), spec.devices.end(),
                       [&](const Device& device) { return clean_absolute_path(device.path) == standard.path; });
  };
  const auto add = [&](Device device) {
    device.path = clean_absolute_path(device.path);
    if (device.path != "/dev/ptmx") plan.child.push_back(StepMakeDevice{std::move(device), bind});
  };
  for (const Device& device : default_devices()) {
    if (!listed(device)) add(device);
  }
  for (const Device& device : spec.devices) add(device);
}

void plan_dev(const Spec& spec, const KernelFeatures& kernel, InitPlan& plan) {
  if (!populates_dev(spec)) return;
  plan_devices(spec, kernel, plan);
  plan.child.push_back(StepMakeSymlink{"pts/ptmx", "/dev/ptmx", true, false});
  plan.child.push_back(StepMakeSymlink{"/proc/self/fd", "/dev/fd"});
  plan.child.push_back(StepMakeSymlink{"/proc/self/fd/0", "/dev/stdin"});
  plan.child.push_back(StepMakeSymlink{"/proc/self/fd/1", "/dev/stdout"});
  plan.child.push_back(StepMakeSymlink{"/proc/self/fd/2", "/dev/stderr"});
  plan.child.push_back(StepMakeSymlink{"/proc/kcore", "/dev/core", false, true});
}

void plan_root_switch(const Spec& spec, InitPlan& plan) {
  plan.child.push_back(StepPivotRoot{plan.rootfs});
  const std::uint64_t propagation = propagation_flag(spec.rootfs_propagation);
  if (keeps_sharing(propagation)) plan.child.push_back(StepSetPropagation{"/", propagation});
  const std::string cwd = clean_absolute_path(spec.process.cwd);
  if (cwd != "/") plan.child.push_back(StepMakeDirectory{cwd, 0755});
  // After the switch: the terminal comes from the container's own devpts, and /dev/console is its bind mount.
  if (spec.process.terminal) plan.child.push_back(StepSetupConsole{true});
  plan_readonly_remounts(spec, plan);
  if (spec.root_readonly) plan.child.push_back(StepRemountRootReadonly{});
}

Result<void> plan_container_settings(const Spec& spec, InitPlan& plan) {
  if (!spec.hostname.empty()) plan.child.push_back(StepSetHostname{spec.hostname});
  if (!spec.domainname.empty()) plan.child.push_back(StepSetDomainname{spec.domainname});
  for (StepSetSysctl& sysctl : TRY(plan_sysctls(spec))) plan.child.push_back(std::move(sysctl));
  for (const std::string& path : spec.readonly_paths) {
    plan.child.push_back(StepReadonlyPath{clean_absolute_path(path)});
  }
  for (const std::string& path : spec.masked_paths) plan.child.push_back(StepMaskPath{clean_absolute_path(path)});
  return {};
}

std::string search_path(const std::vector<std::string>& env) {
  std::string out;
  for (const std::string& variable : env) {
    if (variable.starts_with("PATH=")) out = variable.substr(5);  // the last one counts
  }
  return out;
}

void plan_credentials(const Process& process, InitPlan& plan) {
  const CapabilitySets sets = process.capabilities.value_or(CapabilitySets{});
  const std::string cwd = clean_absolute_path(process.cwd);
  plan.child.push_back(StepChangeDirectory{cwd, false});
  plan.child.push_back(StepLimitCapabilities{capability_mask(sets.bounding)});
  plan.child.push_back(StepSetUser{process.user, true});
  plan.child.push_back(StepChangeDirectory{cwd, true});
  plan.child.push_back(StepSetCapabilities{capability_mask(sets.effective), capability_mask(sets.permitted),
                                           capability_mask(sets.inheritable), capability_mask(sets.ambient)});
}

enum class Start { waits, at_once };

/// What every process goes through, the first one and those of exec, after it is where it belongs.
Result<void> plan_process(const Process& process, const std::optional<Seccomp>& seccomp, Start start, InitPlan& plan) {
  for (StepSetRlimit& rlimit : TRY(plan_rlimits(process.rlimits))) plan.child.push_back(std::move(rlimit));
  if (process.no_new_privileges) plan.child.push_back(StepSetNoNewPrivileges{});
  // Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes before that is dropped; with it as late as can be,
  // so that the filter has to allow little of what happens here.
  const bool early = seccomp && !process.no_new_privileges;
  if (early) plan.child.push_back(StepLoadSeccomp{*seccomp});
  plan_credentials(process, plan);
  plan.child.push_back(StepResolveExecutable{process.args.front(), search_path(process.env)});
  if (seccomp && !early) plan.child.push_back(StepLoadSeccomp{*seccomp});
  if (start == Start::waits) plan.child.push_back(StepAwaitStart{});
  plan.child.push_back(StepExec{process.args, process.env});
  return {};
}

}  // namespace

Result<InitPlan> plan_init(const Spec& spec, const KernelFeatures& kernel) {
  TRY(check_spec(spec, kernel));
  TRY(check_process(spec.process, spec, kernel));
  InitPlan plan;
  plan.uid_mappings = spec.uid_mappings;
  plan.gid_mappings = spec.gid_mappings;
  plan.rootfs = clean_absolute_path(spec.root_path);
  plan.cgroups_path = clean_absolute_path(spec.cgroups_path);
  plan.resources = spec.resources;
  for (const DeviceRule& rule : default_device_rules()) plan.resources.devices.push_back(rule);
  plan.terminal = spec.process.terminal;
  plan.console_size = spec.process.console_size;

  if (spec.process.oom_score_adj) plan.child.push_back(StepSetOomScoreAdj{*spec.process.oom_score_adj});
  plan_namespaces(spec, plan);
  plan.child.push_back(StepJoinSessionKeyring{});
  plan_propagation(spec, plan);
  TRY(plan_mounts(spec, kernel, plan));
  plan_dev(spec, kernel, plan);
  plan_root_switch(spec, plan);
  plan.child.push_back(StepSetUmask{spec.process.user.umask.value_or(kDefaultUmask)});
  TRY(plan_container_settings(spec, plan));
  TRY(plan_process(spec.process, spec.seccomp, Start::waits, plan));
  return plan;
}

Result<InitPlan> plan_exec(const Spec& spec, const Process& process, const std::vector<Namespace>& join,
                           const KernelFeatures& kernel) {
  TRY(check_process(process, spec, kernel));
  InitPlan plan;
  plan.cgroups_path = clean_absolute_path(spec.cgroups_path);
  plan.terminal = process.terminal;
  plan.console_size = process.console_size;

  if (process.oom_score_adj) plan.child.push_back(StepSetOomScoreAdj{*process.oom_score_adj});
  plan_joins(join, plan);
  plan.child.push_back(StepJoinSessionKeyring{});
  if (process.terminal) plan.child.push_back(StepSetupConsole{false});
  plan.child.push_back(StepSetUmask{process.user.umask.value_or(kDefaultUmask)});
  TRY(plan_process(process, spec.seccomp, Start::at_once, plan));
  return plan;
}

}  // namespace drydock::runtime
