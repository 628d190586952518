#pragma once
// The InitPlan's structs for wire.h. A StepLoadSeccomp travels without its rules: the monitor gets the compiled filter.

#include "native/runtime/wire.h"
#include "runtime/init_plan.h"
#include "runtime/runtime.h"

namespace drydock::runtime {

// Found by argument-dependent lookup, hence in the structs' own namespace. An empty body: a step without fields.
#define DD_WIRE(Type, ...)                                                                                            \
  template <class Archive>                                                                                            \
  void describe([[maybe_unused]] Archive& archive, [[maybe_unused]] ::drydock::native::Described<Archive, Type>& v) { \
    archive.fields(__VA_ARGS__);                                                                                      \
  }

DD_WIRE(IdMapping, v.container_id, v.host_id, v.size)
DD_WIRE(ConsoleSize, v.height, v.width)
DD_WIRE(Device, v.path, v.type, v.major, v.minor, v.mode, v.uid, v.gid)
DD_WIRE(DeviceRule, v.allow, v.type, v.major, v.minor, v.access)
DD_WIRE(ThrottleDevice, v.major, v.minor, v.rate)
DD_WIRE(Resources, v.memory_limit, v.memory_reservation, v.memory_swap, v.memory_swappiness, v.oom_kill_disable,
        v.cpu_shares, v.cpu_quota, v.cpu_period, v.cpuset_cpus, v.cpuset_mems, v.pids_limit, v.blkio_weight, v.read_bps,
        v.write_bps, v.read_iops, v.write_iops, v.devices)
DD_WIRE(User, v.uid, v.gid, v.umask, v.additional_gids)

DD_WIRE(StepJoinNamespace, v.kind, v.path)
DD_WIRE(StepUnshareNamespace, v.kind)
DD_WIRE(StepJoinSessionKeyring, v.name)
DD_WIRE(StepSetPropagation, v.target, v.flags)
DD_WIRE(StepMount, v.source, v.target, v.type, v.flags, v.data, v.propagation, v.remount_flags, v.recursive_set,
        v.recursive_clear, v.create_target, v.inherit_mode, v.copy_up, v.fallback_source)
DD_WIRE(StepMakeDirectory, v.path, v.mode)
DD_WIRE(StepMakeDevice, v.device, v.bind_from_host)
DD_WIRE(StepMakeSymlink, v.target, v.path, v.replace, v.needs_target)
DD_WIRE(StepPivotRoot, v.rootfs)
DD_WIRE(StepRemountRootReadonly)
DD_WIRE(StepMaskPath, v.path)
DD_WIRE(StepReadonlyPath, v.path)
DD_WIRE(StepSetHostname, v.name)
DD_WIRE(StepSetDomainname, v.name)
DD_WIRE(StepSetSysctl, v.path, v.value)
DD_WIRE(StepSetRlimit, v.resource, v.soft, v.hard, v.name)
DD_WIRE(StepSetupConsole, v.mount_console)
DD_WIRE(StepSetUmask, v.mask)
DD_WIRE(StepSetOomScoreAdj, v.value)
DD_WIRE(StepResolveExecutable, v.file, v.search_path)
DD_WIRE(StepAwaitStart)
DD_WIRE(StepSetNoNewPrivileges)
DD_WIRE(StepLoadSeccomp)
DD_WIRE(StepLimitCapabilities, v.keep)
DD_WIRE(StepSetUser, v.user, v.keep_capabilities)
DD_WIRE(StepSetCapabilities, v.effective, v.permitted, v.inheritable, v.ambient)
DD_WIRE(StepChangeDirectory, v.path, v.as_user)
DD_WIRE(StepExec, v.args, v.env)
DD_WIRE(InitPlan, v.new_namespaces, v.uid_mappings, v.gid_mappings, v.rootfs, v.cgroups_path, v.resources, v.terminal,
        v.console_size, v.child)

DD_WIRE(Stdio, v.terminal, v.console_size, v.open_stdin, v.stdin_once)
DD_WIRE(LogFile, v.path, v.size_max_bytes, v.files_max)

}  // namespace drydock::runtime
