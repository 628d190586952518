// Capabilities and the numbers of users across user namespaces.

#include "machine/kernel/capabilities.h"

#include <algorithm>

namespace drydock::machine {
namespace {

std::optional<std::uint32_t> map_down(const std::vector<IdMapLine>& map, std::uint32_t outside) {
  for (const IdMapLine& line : map)
    if (outside >= line.outside && outside - line.outside < line.count) return line.inside + (outside - line.outside);
  return std::nullopt;
}

std::optional<std::uint32_t> map_up(const std::vector<IdMapLine>& map, std::uint32_t inside) {
  for (const IdMapLine& line : map)
    if (inside >= line.inside && inside - line.inside < line.count) return line.outside + (inside - line.inside);
  return std::nullopt;
}

// The maps that lead from the initial namespace to `space`, outermost first.
std::vector<const UserNamespace*> chain_to(const Kernel& kernel, UserNamespaceId space) {
  std::vector<const UserNamespace*> chain;
  for (const UserNamespace* at = kernel.user_namespaces.find(space); at != nullptr && at->parent;
       at = kernel.user_namespaces.find(at->parent))
    chain.push_back(at);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

std::optional<std::uint32_t> into(const Kernel& kernel, UserNamespaceId space, std::uint32_t id, bool of_groups) {
  if (id == ~std::uint32_t{0}) return std::nullopt;
  std::optional<std::uint32_t> found = id;
  for (const UserNamespace* at : chain_to(kernel, space)) {
    found = map_down(of_groups ? at->gid_map : at->uid_map, *found);
    if (!found) return std::nullopt;
  }
  return found;
}

std::optional<std::uint32_t> from(const Kernel& kernel, UserNamespaceId space, std::uint32_t id, bool of_groups) {
  if (id == ~std::uint32_t{0}) return std::nullopt;
  std::vector<const UserNamespace*> chain = chain_to(kernel, space);
  std::optional<std::uint32_t> found = id;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    found = map_up(of_groups ? (*at)->gid_map : (*at)->uid_map, *found);
    if (!found) return std::nullopt;
  }
  return found;
}

}  // namespace

bool capable(const Kernel& kernel, const Credentials& who, int capability, UserNamespaceId target) {
  const UserNamespace* own = kernel.user_namespaces.find(who.user_namespace);
  for (UserNamespaceId at = target; at;) {
    if (at == who.user_namespace) return (who.effective & capability_bit(capability)) != 0;
    const UserNamespace* space = kernel.user_namespaces.find(at);
    if (space == nullptr || own == nullptr || space->level <= own->level) return false;
    // The owner has every capability in it when he acts from the parent.
    if (space->parent == who.user_namespace && space->owner == who.euid) return true;
    at = space->parent;
  }
  return false;
}

bool capable(const Caller& caller, int capability, UserNamespaceId target) {
  return capable(caller.kernel, caller.credentials(), capability, target);
}

bool capable(const Caller& caller, int capability) {
  return capable(caller, capability, caller.kernel.initial_user_namespace);
}

bool own_capable(const Caller& caller, int capability) {
  return (caller.credentials().effective & capability_bit(capability)) != 0;
}

bool capable_over(const Caller& caller, int capability, std::uint32_t uid, std::uint32_t gid) {
  const UserNamespaceId space = caller.credentials().user_namespace;
  return own_capable(caller, capability) && uid_into(caller.kernel, space, uid) && gid_into(caller.kernel, space, gid);
}

bool in_group(const Credentials& who, std::uint32_t gid) {
  return who.fsgid == gid || std::find(who.groups.begin(), who.groups.end(), gid) != who.groups.end();
}

std::optional<std::uint32_t> uid_into(const Kernel& kernel, UserNamespaceId space, std::uint32_t kernel_uid) {
  return into(kernel, space, kernel_uid, false);
}
std::optional<std::uint32_t> gid_into(const Kernel& kernel, UserNamespaceId space, std::uint32_t kernel_gid) {
  return into(kernel, space, kernel_gid, true);
}
std::optional<std::uint32_t> uid_from(const Kernel& kernel, UserNamespaceId space, std::uint32_t uid) {
  return from(kernel, space, uid, false);
}
std::optional<std::uint32_t> gid_from(const Kernel& kernel, UserNamespaceId space, std::uint32_t gid) {
  return from(kernel, space, gid, true);
}
std::uint32_t uid_shown(const Caller& caller, std::uint32_t kernel_uid) {
  return uid_into(caller.kernel, caller.credentials().user_namespace, kernel_uid).value_or(kOverflowId);
}
std::uint32_t gid_shown(const Caller& caller, std::uint32_t kernel_gid) {
  return gid_into(caller.kernel, caller.credentials().user_namespace, kernel_gid).value_or(kOverflowId);
}

std::uint32_t root_uid_of(const Kernel& kernel, UserNamespaceId space) {
  return uid_from(kernel, space, 0).value_or(~std::uint32_t{0});
}

void fix_capabilities_after_setuid(Credentials& changed, const Credentials& before, std::uint32_t root) {
  if ((changed.securebits & securebit::no_setuid_fixup) != 0) return;
  const bool was_root = before.uid == root || before.euid == root || before.suid == root;
  const bool is_root = changed.uid == root || changed.euid == root || changed.suid == root;
  if (was_root && !is_root) {
    if (!changed.keep_capabilities) {
      changed.permitted = 0;
      changed.effective = 0;
    }
    changed.ambient = 0;
  }
  if (before.euid == root && changed.euid != root) changed.effective = 0;
  if (before.euid != root && changed.euid == root) changed.effective = changed.permitted;
}

Credentials credentials_after_exec(const Kernel& kernel, const Credentials& before, std::uint32_t mode,
                                   std::uint32_t file_uid, std::uint32_t file_gid, bool honour_setid, bool* secure) {
  Credentials after = before;
  const bool mapped =
      uid_into(kernel, before.user_namespace, file_uid) && gid_into(kernel, before.user_namespace, file_gid);
  if (honour_setid && !before.no_new_privs && mapped) {
    if ((mode & 04000) != 0) after.euid = file_uid;
    // Set-group-id without group execute once meant mandatory locking.
    if ((mode & 02010) == 02010) after.egid = file_gid;
  }
  const std::uint32_t root = root_uid_of(kernel, before.user_namespace);
  const bool setid = after.euid != before.euid || after.egid != before.egid;
  if (setid) after.ambient = 0;
  std::uint64_t gained = 0;
  bool effective = false;
  if ((before.securebits & securebit::noroot) == 0) {
    // Root, real or effective, is treated as if the file had all capabilities: capabilities(7).
    if (after.euid == root || after.uid == root) gained = before.bounding | before.inheritable;
    effective = after.euid == root;
  }
  after.permitted = gained | after.ambient;
  after.effective = effective ? after.permitted : after.ambient;
  after.suid = after.fsuid = after.euid;
  after.sgid = after.fsgid = after.egid;
  after.keep_capabilities = false;
  if (secure != nullptr) {
    const bool raised = before.uid != root && (effective || (after.permitted & ~after.ambient) != 0);
    *secure = setid || after.euid != after.uid || after.egid != after.gid || raised;
  }
  return after;
}

}  // namespace drydock::machine
