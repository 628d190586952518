// Paths of cgroups.

#include "machine/fs/cgroup/cgroup_path.h"

#include <vector>

namespace drydock::machine {

namespace {

std::vector<CgroupId> way_from_root(const Kernel& kernel, CgroupId group) {
  std::vector<CgroupId> way;
  for (; group; group = kernel.cgroups[group].parent) way.insert(way.begin(), group);
  return way;
}

}  // namespace

std::string absolute_cgroup_path(const Kernel& kernel, CgroupId group) {
  std::string text;
  for (const CgroupId id : way_from_root(kernel, group))
    if (kernel.cgroups[id].parent) text += "/" + kernel.cgroups[id].name;
  return text.empty() ? "/" : text;
}

CgroupId cgroup_namespace_root(const Caller& caller, std::size_t hierarchy) {
  const Kernel& kernel = caller.kernel;
  const CgroupNamespace* space = kernel.cgroup_namespaces.find(caller.self().namespaces.cgroup);
  if (space != nullptr && hierarchy < space->roots.size() && kernel.cgroups.find(space->roots[hierarchy]) != nullptr)
    return space->roots[hierarchy];
  return kernel.cgroup_hierarchies[hierarchy].root;
}

std::string cgroup_path(const Caller& caller, CgroupId group, std::size_t hierarchy) {
  const Kernel& kernel = caller.kernel;
  const std::vector<CgroupId> to = way_from_root(kernel, group);
  const std::vector<CgroupId> from = way_from_root(kernel, cgroup_namespace_root(caller, hierarchy));
  std::size_t shared = 0;
  while (shared < to.size() && shared < from.size() && to[shared] == from[shared]) ++shared;
  std::string text;
  for (std::size_t at = shared; at < from.size(); ++at) text += "/..";
  for (std::size_t at = shared; at < to.size(); ++at) text += "/" + kernel.cgroups[to[at]].name;
  return text.empty() ? "/" : text;
}

}  // namespace drydock::machine
