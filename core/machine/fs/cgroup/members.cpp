// Who is in a cgroup, and moving there. cgroups(7), "Moving processes between cgroups"; delegation.

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "machine/abi/file.h"
#include "machine/fs/cgroup/cgroup_path.h"
#include "machine/fs/cgroup/control_file.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/cgroup_accounting.h"
#include "machine/kernel/pids.h"
#include "machine/vfs/access.h"

namespace drydock::machine {

Result<std::string, Errno> members_text(const Caller& caller, CgroupId group) {
  const Kernel& kernel = caller.kernel;
  const Cgroup* shown = kernel.cgroups.find(group);
  if (shown == nullptr) return Errno::enodev;
  std::vector<std::uint32_t> pids;
  for (const ProcessId id : kernel.processes.ids()) {
    const Process& process = kernel.processes[id];
    if (process.threads.empty() || shown->hierarchy >= process.cgroups.size()) continue;
    if (process.cgroups[shown->hierarchy] != group) continue;
    const Task* leader = kernel.tasks.find(process.leader);
    if (leader == nullptr || leader->state == TaskState::zombie) continue;
    pids.push_back(pid_of(caller, id));
  }
  std::sort(pids.begin(), pids.end());
  std::string text;
  for (const std::uint32_t pid : pids) text += concat(pid, "\n");
  return text;
}

bool is_populated(const Kernel& kernel, CgroupId id) {
  const Cgroup* group = kernel.cgroups.find(id);
  if (group == nullptr) return false;
  if (group->processes > 0) return true;
  return std::any_of(group->children.begin(), group->children.end(),
                     [&](const auto& child) { return is_populated(kernel, child.second); });
}

std::size_t descendants(const Kernel& kernel, CgroupId id) {
  std::size_t count = 0;
  for (const auto& [name, child] : kernel.cgroups[id].children) count += 1 + descendants(kernel, child);
  return count;
}

namespace {

bool is_within_group(const Kernel& kernel, CgroupId inner, CgroupId outer) {
  for (; inner; inner = kernel.cgroups[inner].parent)
    if (inner == outer) return true;
  return false;
}

CgroupId common_ancestor(const Kernel& kernel, CgroupId left, CgroupId right) {
  while (left && !is_within_group(kernel, right, left)) left = kernel.cgroups[left].parent;
  return left;
}

/// Who may write a group's cgroup.procs.
Attributes procs_attributes(const Kernel& kernel, CgroupId group) {
  Attributes attributes;
  attributes.mode = abi::s_ifreg | 0644;
  const Cgroup& its = kernel.cgroups[group];
  const auto owner = its.owners.find("cgroup.procs");
  if (owner == its.owners.end()) return attributes;
  attributes.mode = abi::s_ifreg | owner->second.permissions;
  attributes.uid = owner->second.uid;
  attributes.gid = owner->second.gid;
  return attributes;
}

}  // namespace

Result<void, Errno> move_member(const Caller& caller, CgroupId to, std::string_view text) {
  Kernel& kernel = caller.kernel;
  const auto pid = parse_u64(trim(text));
  if (!pid || *pid > std::numeric_limits<std::int32_t>::max()) return Errno::einval;
  const Cgroup* target = std::as_const(kernel.cgroups).find(to);
  if (target == nullptr) return Errno::enodev;
  const std::size_t hierarchy = target->hierarchy;
  const bool unified = kernel.cgroup_hierarchies[hierarchy].unified;
  ProcessId id = caller.self().process;
  if (*pid != 0) {
    const TaskId task = find_task(kernel, caller.self().pid_namespace, static_cast<std::int64_t>(*pid));
    if (!task) return Errno::esrch;
    id = kernel.tasks[task].process;
  }
  const Process& process = kernel.processes[id];
  if (process.threads.empty() || hierarchy >= process.cgroups.size()) return Errno::esrch;
  const CgroupId from = process.cgroups[hierarchy];
  if (unified) {
    const CgroupId root = cgroup_namespace_root(caller, hierarchy);
    const bool delegates = kernel.cgroups[kernel.cgroup_hierarchies[hierarchy].root].settings.count("nsdelegate") != 0;
    if (delegates && (!is_within_group(kernel, from, root) || !is_within_group(kernel, to, root))) return Errno::enoent;
    const CgroupId above = common_ancestor(kernel, from, to);
    TRY(permission_of(caller, procs_attributes(kernel, above), abi::may_write));
    if (target->parent && !target->subtree_control.empty()) return Errno::ebusy;
  } else {
    const Credentials& whom = kernel.tasks[process.leader].credentials;
    const Credentials& who = caller.credentials();
    const bool privileged = who.euid == 0 || capable(caller, cap::sys_admin);
    if (!privileged && who.euid != whom.uid && who.euid != whom.suid) return Errno::eacces;
  }
  return migrate(kernel, id, to);
}

std::string kept(const Cgroup& group, std::string_view name, std::string_view initial) {
  const auto found = group.settings.find(name);
  return found != group.settings.end() ? found->second : std::string(initial);
}

Result<std::optional<std::uint64_t>, Errno> parse_bytes(std::string_view text, std::string_view unlimited) {
  text = trim(text);
  if (text == unlimited) return std::optional<std::uint64_t>();
  std::uint64_t unit = 1;
  constexpr std::string_view kUnits = "KMGTPE";
  if (!text.empty()) {
    const char last = text.back() >= 'a' && text.back() <= 'z' ? static_cast<char>(text.back() - 32) : text.back();
    if (const std::size_t power = kUnits.find(last); power != std::string_view::npos) {
      unit = std::uint64_t{1} << (10 * (power + 1));
      text.remove_suffix(1);
    }
  }
  const auto value = parse_u64(text);
  if (!value) return Errno::einval;
  if (*value > std::numeric_limits<std::int64_t>::max() / unit) return std::optional<std::uint64_t>();
  return std::optional<std::uint64_t>(*value * unit & kPageMask);
}

std::vector<std::string> available_controllers(const Kernel& kernel, CgroupId id) {
  const Cgroup& group = kernel.cgroups[id];
  if (!group.parent) return kernel.cgroup_hierarchies[group.hierarchy].controllers;
  return kernel.cgroups[group.parent].subtree_control;
}

}  // namespace drydock::machine
