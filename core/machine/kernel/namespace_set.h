#pragma once
// The namespaces that a task is in, as a whole: counting, copying for clone(2), unshare(2), setns(2).
// namespaces(7). nsfs files hold a count of their own: get_namespace() and put_namespace().

#include <cstdint>
#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

enum class NamespaceKind : std::uint8_t { mnt, uts, ipc, net, pid, cgroup, time, user };

/// Names a namespace of any kind: `id` is the value of the Id in the table of its kind.
struct NamespaceRef {
  NamespaceKind kind = NamespaceKind::mnt;
  std::uint32_t id = 0;
};

std::string_view namespace_name(NamespaceKind kind);  // "mnt"
std::uint64_t namespace_flag(NamespaceKind kind);     // CLONE_NEWNS ...
std::uint64_t namespace_number(const Kernel& kernel, NamespaceRef which);
UserNamespaceId namespace_owner(const Kernel& kernel, NamespaceRef which);  // of a user namespace: its parent
/// What /proc/PID/ns/NAME of the task refers to; `for_children`: pid_for_children and time_for_children.
NamespaceRef namespace_of(const Kernel& kernel, const Task& task, NamespaceKind kind, bool for_children = false);
void get_namespace(Kernel& kernel, NamespaceRef which);
void put_namespace(Kernel& kernel, NamespaceRef which);

/// One more user of each; release is at the end of a task.
void get_all(Kernel& kernel, const NamespaceSet& set);
void put_all(Kernel& kernel, const NamespaceSet& set);

/// Replaces those that `flags` (CLONE_NEW*) names, except user, by new ones owned by `owner`. On an error nothing has
/// been replaced. The caller's place in the tree moves with a new mount namespace when `fs` is given.
Result<NamespaceSet, Errno> unshared(const Caller& caller, const NamespaceSet& from, std::uint64_t flags,
                                     UserNamespaceId owner, FsContext* fs);
/// CLONE_NEWUSER: `who` becomes the owner and all-capable in it. EUSERS, EPERM (chroot, no id of its own).
Result<Credentials, Errno> enter_new_user_namespace(const Caller& caller, const Credentials& who);

/// setns(2) with one namespace, for the caller. EINVAL, EPERM.
Result<void, Errno> join_namespace(const Caller& caller, NamespaceRef which);

/// Writes to /proc/PID/uid_map and gid_map; `text` is the whole write. user_namespaces(7). EPERM, EINVAL.
Result<void, Errno> write_id_map(const Caller& caller, const Credentials& opener, UserNamespaceId space, bool of_groups,
                                 std::string_view text);
/// "allow" or "deny" to /proc/PID/setgroups.
Result<void, Errno> write_setgroups(const Caller& caller, UserNamespaceId space, std::string_view text);

}  // namespace drydock::machine
