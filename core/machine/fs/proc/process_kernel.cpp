// /proc/PID/{cgroup,cpuset,uid_map,gid_map,projid_map,setgroups,timens_offsets,loginuid...}. proc(5),
// user_namespaces(7), time_namespaces(7), cgroups(7).

#include <algorithm>

#include "base/text.h"
#include "machine/fs/cgroup/cgroup_path.h"
#include "machine/fs/proc/process_view.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/namespace_set.h"

namespace drydock::machine {

namespace {

const Task* task_of(const Caller& caller, const ProcessView& view) {
  return std::as_const(caller.kernel).tasks.find(view.task);
}

constexpr std::uint32_t kNobody = 0xffffffff;

/// A line's start in the reader's user namespace. The initial namespace shows itself its own numbers.
std::uint32_t outside_shown(const Kernel& kernel, UserNamespaceId shown, UserNamespaceId reader, const IdMapLine& line,
                            bool of_groups) {
  const UserNamespaceId parent = kernel.user_namespaces[shown].parent;
  const UserNamespaceId lower = shown == reader && parent ? parent : reader;
  if (!parent) return line.outside;
  const auto kernel_id = of_groups ? gid_from(kernel, parent, line.outside) : uid_from(kernel, parent, line.outside);
  if (!kernel_id) return kNobody;
  return (of_groups ? gid_into(kernel, lower, *kernel_id) : uid_into(kernel, lower, *kernel_id)).value_or(kNobody);
}

Result<std::string, Errno> map_text(const Caller& caller, const ProcessView& view,
                                    std::vector<IdMapLine> UserNamespace::*which, bool of_groups) {
  const Task* task = task_of(caller, view);
  if (task == nullptr) return Errno::esrch;
  const UserNamespaceId id = task->credentials.user_namespace;
  const UserNamespace* space = std::as_const(caller.kernel).user_namespaces.find(id);
  std::string text;
  if (space == nullptr) return text;
  std::vector<IdMapLine> lines = space->*which;
  if (lines.empty() && !space->parent) lines.push_back({0, 0, 4294967295u});
  for (const IdMapLine& line : lines) {
    const std::uint32_t outside =
        outside_shown(caller.kernel, id, caller.credentials().user_namespace, line, of_groups);
    text += concat(padded_left(concat(line.inside), 10), ' ', padded_left(concat(outside), 10), ' ',
                   padded_left(concat(line.count), 10), "\n");
  }
  return text;
}

Result<void, Errno> store_map(const Caller& caller, const ProcessView& view, std::string_view text, bool of_groups) {
  const Task* task = task_of(caller, view);
  if (task == nullptr) return Errno::esrch;
  return write_id_map(caller, caller.credentials(), task->credentials.user_namespace, of_groups, text);
}

}  // namespace

Result<std::string, Errno> uid_map_text(const Caller& caller, const ProcessView& view) {
  return map_text(caller, view, &UserNamespace::uid_map, false);
}
Result<std::string, Errno> gid_map_text(const Caller& caller, const ProcessView& view) {
  return map_text(caller, view, &UserNamespace::gid_map, true);
}
Result<std::string, Errno> projid_map_text(const Caller& caller, const ProcessView& view) {
  return map_text(caller, view, &UserNamespace::projid_map, false);
}
Result<void, Errno> store_uid_map(const Caller& caller, const ProcessView& view, std::string_view text) {
  return store_map(caller, view, text, false);
}
Result<void, Errno> store_gid_map(const Caller& caller, const ProcessView& view, std::string_view text) {
  return store_map(caller, view, text, true);
}
Result<void, Errno> store_projid_map(const Caller&, const ProcessView&, std::string_view) {
  return Errno::eperm;  // NOTE(not modelled): no file system here has project quotas
}

Result<std::string, Errno> setgroups_text(const Caller& caller, const ProcessView& view) {
  const Task* task = task_of(caller, view);
  if (task == nullptr) return Errno::esrch;
  const UserNamespace* space = std::as_const(caller.kernel).user_namespaces.find(task->credentials.user_namespace);
  return std::string(space != nullptr && space->setgroups_denied ? "deny\n" : "allow\n");
}
Result<void, Errno> store_setgroups(const Caller& caller, const ProcessView& view, std::string_view text) {
  const Task* task = task_of(caller, view);
  if (task == nullptr) return Errno::esrch;
  return write_setgroups(caller, task->credentials.user_namespace, text);
}

Result<std::string, Errno> cgroup_text(const Caller& caller, const ProcessView& view) {
  const Kernel& kernel = caller.kernel;
  const Process* process = kernel.processes.find(view.process);
  if (process == nullptr) return Errno::esrch;
  std::string text;
  // The newest hierarchy first, the unified one last and always number 0.
  for (std::size_t at = kernel.cgroup_hierarchies.size(); at-- > 0;) {
    const CgroupHierarchy& hierarchy = kernel.cgroup_hierarchies[at];
    if (hierarchy.unified || at >= process->cgroups.size()) continue;
    text += concat(at + 1, ':', hierarchy.name, ':', cgroup_path(caller, process->cgroups[at], at), "\n");
  }
  for (std::size_t at = 0; at < kernel.cgroup_hierarchies.size() && at < process->cgroups.size(); ++at)
    if (kernel.cgroup_hierarchies[at].unified)
      text += concat("0::", cgroup_path(caller, process->cgroups[at], at), "\n");
  return text;
}

Result<std::string, Errno> cpuset_text(const Caller& caller, const ProcessView& view) {
  const Kernel& kernel = caller.kernel;
  const Process* process = kernel.processes.find(view.process);
  if (process == nullptr) return Errno::esrch;
  for (std::size_t at = 0; at < kernel.cgroup_hierarchies.size() && at < process->cgroups.size(); ++at) {
    const auto& names = kernel.cgroup_hierarchies[at].controllers;
    if (std::find(names.begin(), names.end(), "cpuset") != names.end())
      return cgroup_path(caller, process->cgroups[at], at) + "\n";
  }
  return std::string("/\n");
}

Result<std::string, Errno> timens_offsets_text(const Caller& caller, const ProcessView& view) {
  const Task* task = task_of(caller, view);
  if (task == nullptr) return Errno::esrch;
  const TimeNamespace* space = std::as_const(caller.kernel).time_namespaces.find(task->namespaces.time_for_children);
  if (space == nullptr) return Errno::esrch;
  const auto line = [](std::string_view clock, std::int64_t offset) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    std::int64_t seconds = offset / kSecond, rest = offset % kSecond;
    if (rest < 0) {
      rest += kSecond;
      --seconds;
    }
    return concat(padded_right(clock, 10), ' ', padded_left(concat(seconds), 10), ' ', padded_left(concat(rest), 9),
                  "\n");
  };
  return line("monotonic", space->monotonic_offset_ns) + line("boottime", space->boottime_offset_ns);
}

namespace {

struct TimeOffset {
  bool monotonic = true;
  std::int64_t offset_ns = 0;
};

/// "monotonic 10 0" or "1 10 0": clock, seconds, nanoseconds.
Result<TimeOffset, Errno> parse_offset(std::string_view line) {
  std::vector<std::string> words;
  for (std::string& word : split(line, ' '))
    if (!word.empty()) words.push_back(std::move(word));
  if (words.size() != 3) return Errno::einval;
  TimeOffset offset;
  if (words[0] == "boottime" || words[0] == "7")
    offset.monotonic = false;
  else if (words[0] != "monotonic" && words[0] != "1")
    return Errno::einval;
  const auto seconds = parse_i64(words[1]);
  const auto rest = parse_u64(words[2]);
  if (!seconds || !rest || *rest >= 1'000'000'000) return Errno::einval;
  constexpr std::int64_t kSecondsMax = 4'000'000'000;  // so that no clock overflows: about 126 years
  if (*seconds > kSecondsMax || *seconds < -kSecondsMax) return Errno::erange;
  offset.offset_ns = *seconds * 1'000'000'000 + static_cast<std::int64_t>(*rest);
  return offset;
}

}  // namespace

Result<void, Errno> store_timens_offsets(const Caller& caller, const ProcessView& view, std::string_view text) {
  Kernel& kernel = caller.kernel;
  const Task* task = task_of(caller, view);
  if (task == nullptr) return Errno::esrch;
  TimeNamespace* space = kernel.time_namespaces.find(task->namespaces.time_for_children);
  if (space == nullptr) return Errno::esrch;
  if (!capable(caller, cap::sys_time, space->owner)) return Errno::eperm;
  // Offsets are settled once somebody lives in the namespace. time_namespaces(7): EACCES.
  for (const TaskId id : kernel.tasks.ids())
    if (std::as_const(kernel.tasks)[id].namespaces.time == task->namespaces.time_for_children) return Errno::eacces;
  for (const std::string& line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    const TimeOffset offset = TRY(parse_offset(line));
    if (static_cast<std::int64_t>(kernel.now_ns()) + offset.offset_ns < 0) return Errno::erange;
    (offset.monotonic ? space->monotonic_offset_ns : space->boottime_offset_ns) = offset.offset_ns;
  }
  return {};
}

Result<std::string, Errno> loginuid_text(const Caller&, const ProcessView&) {
  return concat(kNobody);
}
Result<void, Errno> store_loginuid(const Caller& caller, const ProcessView& view, std::string_view text) {
  if (view.process != caller.self().process) return Errno::eperm;
  const auto value = parse_u64(trim(text));
  if (!value || *value > kNobody) return Errno::einval;
  return {};  // NOTE(not modelled): there is no audit that would use it
}
Result<std::string, Errno> sessionid_text(const Caller&, const ProcessView&) {
  return concat(kNobody);
}
Result<std::string, Errno> coredump_filter_text(const Caller&, const ProcessView&) {
  return std::string("00000033\n");
}
Result<std::string, Errno> stack_text(const Caller&, const ProcessView&) {
  return std::string();  // there are no kernel stacks
}
Result<std::string, Errno> arch_status_text(const Caller&, const ProcessView&) {
  return std::string();
}
Result<std::string, Errno> autogroup_text(const Caller&, const ProcessView&) {
  return std::string("/autogroup-1 nice 0\n");
}
Result<void, Errno> store_nothing(const Caller&, const ProcessView&, std::string_view) {
  return {};
}

}  // namespace drydock::machine
