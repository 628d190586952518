// mount_namespaces(7): peer groups and slaves. A mount gets the events of its peers and of its master group.

#include "machine/vfs/propagation.h"

#include <algorithm>
#include <map>

#include "machine/abi/file.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/mount_tree.h"

namespace drydock::machine {
namespace {

/// Who gets the events of `source`, nearest groups first; each with the group it gets them from.
struct Receiver {
  MountId mount;
  std::uint32_t from_group = 0;  // its own peer group, or its master
  bool peer = false;
};

std::vector<Receiver> receivers_of(const Kernel& kernel, MountId source) {
  std::vector<Receiver> found;
  const std::uint32_t first = kernel.mounts[source].peer_group;
  if (first == 0) return found;
  const std::vector<MountId> all = kernel.mounts.ids();
  std::vector<std::uint32_t> groups{first};
  for (std::size_t at = 0; at < groups.size(); ++at) {
    for (const MountId id : all) {
      const MountPoint& mount = kernel.mounts[id];
      if (id == source) continue;
      if (mount.peer_group == groups[at] && at == 0) found.push_back({id, groups[at], true});
      if (mount.master != groups[at]) continue;
      found.push_back({id, groups[at], false});
      // Peers of a slave are slaves of the same master: each is found here. Their group has slaves of its own.
      if (mount.peer_group != 0 && std::find(groups.begin(), groups.end(), mount.peer_group) == groups.end())
        groups.push_back(mount.peer_group);
    }
  }
  return found;
}

void for_each_mount(Kernel& kernel, MountId top, const std::function<void(MountPoint&)>& change) {
  for (const MountId id : mount_subtree(kernel, top)) change(kernel.mounts[id]);
}

/// Copies of one tree for many places: what its mounts' groups are called in each.
class TreeCopier {
 public:
  TreeCopier(Kernel& kernel, MountId source) : kernel_(kernel), source_(source) {}

  MountId copy_for(const Receiver& receiver) {
    std::vector<std::pair<MountId, MountId>> copies;
    const MountId top = copy_mount_tree(kernel_, source_, kernel_.mounts[source_].root, true, true, &copies);
    kernel_.mounts[top].locked = false;
    if (receiver.peer) return top;  // peers of the source tree's
    const std::uint32_t own_group = kernel_.mounts[receiver.mount].peer_group;
    for (const auto& pair : copies) {
      MountPoint& copy = kernel_.mounts[pair.second];
      copy.master = group_at(receiver.from_group, pair.first);
      copy.peer_group = own_group != 0 ? group_at(own_group, pair.first) : 0;
    }
    return top;
  }
  /// The source's own mounts are what the first group sees.
  void set_group(std::uint32_t receiver_group, MountId original, std::uint32_t group) {
    groups_[{receiver_group, original.value}] = group;
  }

 private:
  std::uint32_t group_at(std::uint32_t receiver_group, MountId original) {
    std::uint32_t& group = groups_[{receiver_group, original.value}];
    if (group == 0) group = kernel_.next_peer_group++;
    return group;
  }
  Kernel& kernel_;
  MountId source_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> groups_;
};

}  // namespace

MountId copy_mount_tree(Kernel& kernel, MountId top, DentryId root, bool recursive, bool unbindable_too,
                        std::vector<std::pair<MountId, MountId>>* copies) {
  struct ToDo {
    MountId original;
    Path at;  // where its copy is hung; none for the top
  };
  std::vector<ToDo> to_do{{top, Path{}}};
  MountId copy_of_top;
  while (!to_do.empty()) {  // parents before children, in the order of mounting
    const ToDo next = to_do.back();
    to_do.pop_back();
    const bool is_top = !next.at;
    const DentryId shown = is_top ? root : kernel.mounts[next.original].root;
    const MountId copy = clone_mount(kernel, next.original, shown);
    if (unbindable_too) kernel.mounts[copy].unbindable = kernel.mounts[next.original].unbindable;
    if (copies != nullptr) copies->emplace_back(next.original, copy);
    if (is_top)
      copy_of_top = copy;
    else
      attach_mount(kernel, copy, next.at);
    if (!recursive) break;
    const auto& children = kernel.mounts[next.original].children;
    std::vector<std::pair<DentryId, MountId>> below(children.begin(), children.end());
    std::sort(below.begin(), below.end(),
              [](const auto& left, const auto& right) { return right.second < left.second; });
    for (const auto& child : below) {
      if (!is_below(kernel, child.first, shown)) continue;
      if (kernel.mounts[child.second].unbindable && !unbindable_too) continue;
      to_do.push_back({child.second, Path{copy, child.first}});
    }
  }
  return copy_of_top;
}

void make_tree_shared(Kernel& kernel, MountId top) {
  for_each_mount(kernel, top, [&](MountPoint& mount) {
    mount.unbindable = false;
    if (mount.peer_group == 0) mount.peer_group = kernel.next_peer_group++;
  });
}

void set_propagation(Kernel& kernel, MountId id, std::uint64_t type) {
  MountPoint& mount = kernel.mounts[id];
  if (type == abi::ms_shared) {
    mount.unbindable = false;
    if (mount.peer_group == 0) mount.peer_group = kernel.next_peer_group++;
    return;
  }
  const std::uint32_t group = mount.peer_group;
  const auto others = [&](auto belongs) {
    const std::vector<MountId> all = kernel.mounts.ids();
    return std::any_of(all.begin(), all.end(),
                       [&](MountId other) { return other != id && belongs(std::as_const(kernel.mounts)[other]); });
  };
  const bool has_peers = group != 0 && others([&](const MountPoint& other) { return other.peer_group == group; });
  if (group != 0 && !has_peers) {
    // The last of its group: its slaves go over to its master, or are left alone.
    for (const MountId other : kernel.mounts.ids())
      if (std::as_const(kernel.mounts)[other].master == group) kernel.mounts[other].master = mount.master;
  }
  mount.peer_group = 0;
  mount.unbindable = type == abi::ms_unbindable;
  if (type != abi::ms_slave)
    mount.master = 0;
  else if (has_peers)
    mount.master = group;
}

void attach_and_propagate(Kernel& kernel, MountId tree, const Path& at) {
  const std::vector<Receiver> receivers = receivers_of(kernel, at.mount);
  const std::uint32_t group = kernel.mounts[at.mount].peer_group;
  if (group == 0) {
    attach_mount(kernel, tree, at);
    return;
  }
  make_tree_shared(kernel, tree);
  TreeCopier copier(kernel, tree);
  for (const MountId id : mount_subtree(kernel, tree)) copier.set_group(group, id, kernel.mounts[id].peer_group);
  std::vector<std::pair<MountId, Path>> to_attach;
  for (const Receiver& receiver : receivers) {
    const MountPoint& mount = kernel.mounts[receiver.mount];
    if (!mount.mount_namespace || !is_below(kernel, at.dentry, mount.root)) continue;
    to_attach.emplace_back(copier.copy_for(receiver), Path{receiver.mount, at.dentry});
  }
  attach_mount(kernel, tree, at);
  for (const auto& item : to_attach) {
    // In a namespace of another owner what came by propagation cannot be taken apart.
    attach_mount(kernel, item.first, item.second);
    const MountNamespaceId space = kernel.mounts[item.first].mount_namespace,
                           here = kernel.mounts[tree].mount_namespace;
    if (!space || !here || kernel.mount_namespaces[space].owner == kernel.mount_namespaces[here].owner) continue;
    for_each_mount(kernel, item.first, [&](MountPoint& mount) {
      mount.locked_flags |= mount.flags;
      if (mount.mountpoint != at.dentry) mount.locked = true;
    });
  }
}

std::vector<MountId> propagated_copies(const Kernel& kernel, MountId id) {
  std::vector<MountId> copies;
  const MountPoint& mount = kernel.mounts[id];
  if (mount.parent == id) return copies;
  for (const Receiver& receiver : receivers_of(kernel, mount.parent)) {
    const auto& children = kernel.mounts[receiver.mount].children;
    const auto at = children.find(mount.mountpoint);
    if (at != children.end() && at->second != id) copies.push_back(at->second);
  }
  return copies;
}

}  // namespace drydock::machine
