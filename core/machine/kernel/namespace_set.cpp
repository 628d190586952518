// Counting, making and joining namespaces. User namespaces' maps are in user_namespace.cpp.

#include "machine/kernel/namespace_set.h"

#include <array>

#include "machine/fs/mqueue/mqueue.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/create_task.h"
#include "machine/kernel/pids.h"
#include "machine/net/net_namespace.h"
#include "machine/vfs/mount_namespace.h"

namespace drydock::machine {
namespace {

struct KindRow {
  NamespaceKind kind;
  std::string_view name;
  std::uint64_t flag;
};
constexpr std::array<KindRow, 8> kKinds{{{NamespaceKind::mnt, "mnt", clone_flag::newns},
                                         {NamespaceKind::uts, "uts", clone_flag::newuts},
                                         {NamespaceKind::ipc, "ipc", clone_flag::newipc},
                                         {NamespaceKind::net, "net", clone_flag::newnet},
                                         {NamespaceKind::pid, "pid", clone_flag::newpid},
                                         {NamespaceKind::cgroup, "cgroup", clone_flag::newcgroup},
                                         {NamespaceKind::time, "time", clone_flag::newtime},
                                         {NamespaceKind::user, "user", clone_flag::newuser}}};

/// Calls `use` with the namespace itself, whatever its type; false: there is no such.
template <class K, class F>
bool visit(K& kernel, NamespaceRef which, F use) {
  const auto with = [&](auto& table, auto id) {
    auto* found = table.find(id);
    if (found == nullptr) return false;
    use(*found);
    return true;
  };
  switch (which.kind) {
    case NamespaceKind::mnt:
      return with(kernel.mount_namespaces, MountNamespaceId{which.id});
    case NamespaceKind::uts:
      return with(kernel.uts_namespaces, UtsNamespaceId{which.id});
    case NamespaceKind::ipc:
      return with(kernel.ipc_namespaces, IpcNamespaceId{which.id});
    case NamespaceKind::net:
      return with(kernel.net_namespaces, NetNamespaceId{which.id});
    case NamespaceKind::pid:
      return with(kernel.pid_namespaces, PidNamespaceId{which.id});
    case NamespaceKind::cgroup:
      return with(kernel.cgroup_namespaces, CgroupNamespaceId{which.id});
    case NamespaceKind::time:
      return with(kernel.time_namespaces, TimeNamespaceId{which.id});
    case NamespaceKind::user:
      return with(kernel.user_namespaces, UserNamespaceId{which.id});
  }
  return false;
}

void destroy(Kernel& kernel, NamespaceRef which) {
  const UserNamespaceId owner = namespace_owner(kernel, which);
  switch (which.kind) {
    case NamespaceKind::mnt:
      release_mount_namespace(kernel, MountNamespaceId{which.id});
      break;
    case NamespaceKind::net:
      put_net_namespace(kernel, NetNamespaceId{which.id});
      break;
    case NamespaceKind::uts:
      kernel.uts_namespaces.erase(UtsNamespaceId{which.id});
      break;
    case NamespaceKind::ipc:
      release_queues(kernel, std::as_const(kernel.ipc_namespaces)[IpcNamespaceId{which.id}].message_queues);
      kernel.ipc_namespaces.erase(IpcNamespaceId{which.id});
      break;
    case NamespaceKind::cgroup:
      kernel.cgroup_namespaces.erase(CgroupNamespaceId{which.id});
      break;
    case NamespaceKind::time:
      kernel.time_namespaces.erase(TimeNamespaceId{which.id});
      break;
    case NamespaceKind::user:
      kernel.user_namespaces.erase(UserNamespaceId{which.id});
      break;
    case NamespaceKind::pid: {
      const PidNamespaceId parent = kernel.pid_namespaces[PidNamespaceId{which.id}].parent;
      kernel.pid_namespaces.erase(PidNamespaceId{which.id});
      if (parent) put_namespace(kernel, {NamespaceKind::pid, parent.value});
      break;
    }
  }
  if (owner) put_namespace(kernel, {NamespaceKind::user, owner.value});
}

template <class F>
void for_each(const NamespaceSet& set, F use) {
  use(NamespaceRef{NamespaceKind::mnt, set.mnt.value});
  use(NamespaceRef{NamespaceKind::uts, set.uts.value});
  use(NamespaceRef{NamespaceKind::ipc, set.ipc.value});
  use(NamespaceRef{NamespaceKind::net, set.net.value});
  use(NamespaceRef{NamespaceKind::pid, set.pid_for_children.value});
  use(NamespaceRef{NamespaceKind::cgroup, set.cgroup.value});
  use(NamespaceRef{NamespaceKind::time, set.time.value});
  use(NamespaceRef{NamespaceKind::time, set.time_for_children.value});
}

template <class T>
Id<T> insert_copy(Kernel& kernel, Table<T>& table, Id<T> from, UserNamespaceId owner) {
  T fresh = from ? T(table[from]) : T{};
  fresh.users = 0;
  fresh.number = kernel.next_inode_number++;
  fresh.owner = owner;
  get_namespace(kernel, {NamespaceKind::user, owner.value});
  return table.emplace(std::move(fresh));
}

PidNamespaceId new_pid_namespace(Kernel& kernel, PidNamespaceId parent, UserNamespaceId owner) {
  PidNamespace fresh;
  fresh.number = kernel.next_inode_number++;
  fresh.parent = parent;
  fresh.level = kernel.pid_namespaces[parent].level + 1;
  fresh.owner = owner;
  get_namespace(kernel, {NamespaceKind::user, owner.value});
  get_namespace(kernel, {NamespaceKind::pid, parent.value});
  return kernel.pid_namespaces.emplace(std::move(fresh));
}

IpcNamespaceId new_ipc_namespace(Kernel& kernel, UserNamespaceId owner) {
  const IpcNamespaceId id = insert_copy(kernel, kernel.ipc_namespaces, IpcNamespaceId{}, owner);
  kernel.ipc_namespaces[id].message_queues = {};
  kernel.ipc_namespaces[id].queues = 0;
  return id;
}

CgroupNamespaceId new_cgroup_namespace(const Caller& caller, UserNamespaceId owner) {
  Kernel& kernel = caller.kernel;
  const CgroupNamespaceId id = insert_copy(kernel, kernel.cgroup_namespaces, CgroupNamespaceId{}, owner);
  kernel.cgroup_namespaces[id].roots = kernel.processes[caller.self().process].cgroups;
  return id;
}

// CAP_SYS_ADMIN there, and for the caller's own as well.
bool may_administrate(const Caller& caller, NamespaceRef which) {
  return capable(caller, cap::sys_admin, namespace_owner(caller.kernel, which));
}

Result<void, Errno> join_user_namespace(const Caller& caller, UserNamespaceId space) {
  Task& task = caller.self();
  if (space == task.credentials.user_namespace) return Errno::einval;
  if (caller.kernel.processes[task.process].threads.size() > 1) return Errno::einval;
  if (task.fs && caller.kernel.fs_contexts[task.fs].users > 1) return Errno::einval;
  if (!capable(caller, cap::sys_admin, space)) return Errno::eperm;
  get_namespace(caller.kernel, {NamespaceKind::user, space.value});
  put_namespace(caller.kernel, {NamespaceKind::user, task.credentials.user_namespace.value});
  Credentials& who = task.credentials;
  who.user_namespace = space;
  who.permitted = who.effective = who.bounding = kAllCapabilities;
  who.inheritable = who.ambient = 0;
  who.securebits = 0;
  who.keep_capabilities = false;
  return {};
}

Result<void, Errno> join_mount_namespace(const Caller& caller, MountNamespaceId space) {
  Task& task = caller.self();
  if (!own_capable(caller, cap::sys_chroot) || !own_capable(caller, cap::sys_admin)) return Errno::eperm;
  FsContext& fs = caller.kernel.fs_contexts[task.fs];
  if (fs.users > 1) return Errno::einval;
  const Path root = mount_namespace_root(caller.kernel, space);
  fs.root = root;
  fs.cwd = root;
  return {};
}

template <class T>
void replace(Kernel& kernel, NamespaceKind kind, Id<T>& place, Id<T> with) {
  get_namespace(kernel, {kind, with.value});
  const Id<T> before = place;
  place = with;
  if (before) put_namespace(kernel, {kind, before.value});
}

}  // namespace

std::string_view namespace_name(NamespaceKind kind) {
  return kKinds[static_cast<std::size_t>(kind)].name;
}
std::uint64_t namespace_flag(NamespaceKind kind) {
  return kKinds[static_cast<std::size_t>(kind)].flag;
}

std::uint64_t namespace_number(const Kernel& kernel, NamespaceRef which) {
  std::uint64_t number = 0;
  visit(kernel, which, [&](const auto& space) { number = space.number; });
  return number;
}

UserNamespaceId namespace_owner(const Kernel& kernel, NamespaceRef which) {
  if (which.kind == NamespaceKind::user) {
    const UserNamespace* space = kernel.user_namespaces.find(UserNamespaceId{which.id});
    return space == nullptr ? UserNamespaceId{} : space->parent;
  }
  UserNamespaceId owner;
  visit(kernel, which, [&](const auto& space) {
    if constexpr (std::is_same_v<std::decay_t<decltype(space.owner)>, UserNamespaceId>) owner = space.owner;
  });
  return owner;
}

NamespaceRef namespace_of(const Kernel&, const Task& task, NamespaceKind kind, bool for_children) {
  const NamespaceSet& set = task.namespaces;
  switch (kind) {
    case NamespaceKind::mnt:
      return {kind, set.mnt.value};
    case NamespaceKind::uts:
      return {kind, set.uts.value};
    case NamespaceKind::ipc:
      return {kind, set.ipc.value};
    case NamespaceKind::net:
      return {kind, set.net.value};
    case NamespaceKind::pid:
      return {kind, for_children ? set.pid_for_children.value : task.pid_namespace.value};
    case NamespaceKind::cgroup:
      return {kind, set.cgroup.value};
    case NamespaceKind::time:
      return {kind, for_children ? set.time_for_children.value : set.time.value};
    case NamespaceKind::user:
      return {kind, task.credentials.user_namespace.value};
  }
  return {};
}

void get_namespace(Kernel& kernel, NamespaceRef which) {
  visit(kernel, which, [](auto& space) { ++space.users; });
}

void put_namespace(Kernel& kernel, NamespaceRef which) {
  bool last = false;
  visit(kernel, which, [&](auto& space) {
    last = space.users <= 1;
    // The network's own room counts down to nothing and clears up.
    if (!last || which.kind != NamespaceKind::net) space.users -= space.users == 0 ? 0 : 1;
  });
  if (last) destroy(kernel, which);
}

void get_all(Kernel& kernel, const NamespaceSet& set) {
  for_each(set, [&](NamespaceRef which) { get_namespace(kernel, which); });
}

void put_all(Kernel& kernel, const NamespaceSet& set) {
  for_each(set, [&](NamespaceRef which) {
    if (which.id != 0) put_namespace(kernel, which);
  });
}

Result<NamespaceSet, Errno> unshared(const Caller& caller, const NamespaceSet& from, std::uint64_t flags,
                                     UserNamespaceId owner, FsContext* fs) {
  Kernel& kernel = caller.kernel;
  NamespaceSet to = from;
  if ((flags & clone_flag::newpid) != 0 &&
      kernel.pid_namespaces[from.pid_for_children].level + 1 >= kPidNamespaceDepthMax)
    return Errno::enospc;
  if ((flags & clone_flag::newns) != 0) to.mnt = TRY(copy_mount_namespace(caller, from.mnt, owner, fs));
  if ((flags & clone_flag::newuts) != 0) to.uts = insert_copy(kernel, kernel.uts_namespaces, from.uts, owner);
  if ((flags & clone_flag::newipc) != 0) to.ipc = new_ipc_namespace(kernel, owner);
  if ((flags & clone_flag::newnet) != 0) {
    to.net = new_net_namespace(kernel, owner);
    get_namespace(kernel, {NamespaceKind::user, owner.value});
  }
  if ((flags & clone_flag::newns) != 0) get_namespace(kernel, {NamespaceKind::user, owner.value});
  if ((flags & clone_flag::newpid) != 0) to.pid_for_children = new_pid_namespace(kernel, from.pid_for_children, owner);
  if ((flags & clone_flag::newcgroup) != 0) to.cgroup = new_cgroup_namespace(caller, owner);
  if ((flags & clone_flag::newtime) != 0)
    to.time_for_children = insert_copy(kernel, kernel.time_namespaces, from.time_for_children, owner);
  return to;
}

Result<void, Errno> join_namespace(const Caller& caller, NamespaceRef which) {
  Kernel& kernel = caller.kernel;
  if (which.kind == NamespaceKind::user) return join_user_namespace(caller, UserNamespaceId{which.id});
  if (!may_administrate(caller, which) || !own_capable(caller, cap::sys_admin)) return Errno::eperm;
  NamespaceSet& set = caller.self().namespaces;
  switch (which.kind) {
    case NamespaceKind::mnt:
      TRY(join_mount_namespace(caller, MountNamespaceId{which.id}));
      replace(kernel, which.kind, set.mnt, MountNamespaceId{which.id});
      break;
    case NamespaceKind::uts:
      replace(kernel, which.kind, set.uts, UtsNamespaceId{which.id});
      break;
    case NamespaceKind::ipc:
      replace(kernel, which.kind, set.ipc, IpcNamespaceId{which.id});
      break;
    case NamespaceKind::net:
      replace(kernel, which.kind, set.net, NetNamespaceId{which.id});
      break;
    case NamespaceKind::cgroup:
      replace(kernel, which.kind, set.cgroup, CgroupNamespaceId{which.id});
      break;
    case NamespaceKind::pid:
      // Only to one's own or one below it: pid_namespaces(7), "setns(2) and unshare(2) semantics".
      if (!is_within(kernel, PidNamespaceId{which.id}, caller.self().pid_namespace)) return Errno::einval;
      replace(kernel, which.kind, set.pid_for_children, PidNamespaceId{which.id});
      break;
    case NamespaceKind::time:
      if (kernel.processes[caller.self().process].threads.size() > 1) return Errno::eusers;
      replace(kernel, which.kind, set.time, TimeNamespaceId{which.id});
      replace(kernel, which.kind, set.time_for_children, TimeNamespaceId{which.id});
      break;
    case NamespaceKind::user:
      break;
  }
  return {};
}

}  // namespace drydock::machine
