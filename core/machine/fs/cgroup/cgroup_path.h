#pragma once
// The path of a cgroup as a cgroup namespace shows it. cgroup_namespaces(7).

#include <string>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// "/a/b" from the hierarchy's root.
std::string absolute_cgroup_path(const Kernel& kernel, CgroupId group);
/// Seen from the caller's cgroup namespace: "/" for its root, "/../x" for what lies beside it.
std::string cgroup_path(const Caller& caller, CgroupId group, std::size_t hierarchy);
/// The root of the caller's cgroup namespace in that hierarchy.
CgroupId cgroup_namespace_root(const Caller& caller, std::size_t hierarchy);

}  // namespace drydock::machine
