// The names of steps, their description for people, and the words of their failures (runc's).

#include <algorithm>

#include "runtime/capability.h"
#include "runtime/init_plan.h"
#include "runtime/mount_options.h"
#include "runtime/plan_checks.h"

namespace drydock::runtime {

namespace {

constexpr std::string_view kInit = "error during container init: ";

std::string octal(std::uint32_t mode) {
  std::string out;
  for (int shift = 9; shift >= 0; shift -= 3) out += static_cast<char>('0' + ((mode >> shift) & 7));
  return out;
}

std::string hex(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  do {
    out.insert(out.begin(), kDigits[value & 15]);
    value >>= 4;
  } while (value != 0);
  return "0x" + out;
}

std::string capability_text(std::uint64_t mask) {
  if (mask == 0) return "none";
  const std::vector<std::string> names = capability_names(mask);
  if (mask == kAllCapabilities) return "all";
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ",") + to_lower(name.substr(4));
  return out;
}

std::string_view name_of(const StepJoinNamespace&) {
  return "setns";
}
std::string_view name_of(const StepUnshareNamespace&) {
  return "unshare";
}
std::string_view name_of(const StepJoinSessionKeyring&) {
  return "keyctl";
}
std::string_view name_of(const StepSetPropagation&) {
  return "propagation";
}
std::string_view name_of(const StepMount& step) {
  return (step.flags & kMsRemount) != 0 ? "remount" : "mount";
}
std::string_view name_of(const StepMakeDirectory&) {
  return "mkdir";
}
std::string_view name_of(const StepMakeDevice&) {
  return "mknod";
}
std::string_view name_of(const StepMakeSymlink&) {
  return "symlink";
}
std::string_view name_of(const StepPivotRoot&) {
  return "pivot_root";
}
std::string_view name_of(const StepRemountRootReadonly&) {
  return "read-only root";
}
std::string_view name_of(const StepMaskPath&) {
  return "mask";
}
std::string_view name_of(const StepReadonlyPath&) {
  return "read-only";
}
std::string_view name_of(const StepSetHostname&) {
  return "sethostname";
}
std::string_view name_of(const StepSetDomainname&) {
  return "setdomainname";
}
std::string_view name_of(const StepSetSysctl&) {
  return "sysctl";
}
std::string_view name_of(const StepSetRlimit&) {
  return "setrlimit";
}
std::string_view name_of(const StepSetupConsole&) {
  return "console";
}
std::string_view name_of(const StepSetUmask&) {
  return "umask";
}
std::string_view name_of(const StepSetOomScoreAdj&) {
  return "oom_score_adj";
}
std::string_view name_of(const StepResolveExecutable&) {
  return "look up";
}
std::string_view name_of(const StepAwaitStart&) {
  return "await start";
}
std::string_view name_of(const StepSetNoNewPrivileges&) {
  return "no_new_privs";
}
std::string_view name_of(const StepLoadSeccomp&) {
  return "seccomp";
}
std::string_view name_of(const StepLimitCapabilities&) {
  return "bounding set";
}
std::string_view name_of(const StepSetUser&) {
  return "setuid";
}
std::string_view name_of(const StepSetCapabilities&) {
  return "capset";
}
std::string_view name_of(const StepChangeDirectory&) {
  return "chdir";
}
std::string_view name_of(const StepExec&) {
  return "execve";
}

std::string detail_of(const StepJoinNamespace& step) {
  return concat(namespace_word(step.kind), " namespace ", step.path);
}
std::string detail_of(const StepUnshareNamespace& step) {
  return concat("new ", namespace_word(step.kind), " namespace");
}
std::string detail_of(const StepJoinSessionKeyring& step) {
  return step.name.empty() ? "a session keyring of its own" : "session keyring " + step.name;
}
std::string detail_of(const StepSetPropagation& step) {
  return concat(step.target, " ", mount_flag_words(step.flags));
}

std::string detail_of(const StepMount& step) {
  std::string options = mount_flag_words(step.flags & ~(kMsRemount | kMsBind | kMsRec));
  const auto add = [&](std::string_view text) {
    if (text.empty()) return;
    if (!options.empty()) options += ',';
    options += text;
  };
  add(mount_flag_words(step.remount_flags & ~(kMsRemount | kMsBind)));
  add(step.data);
  add(mount_flag_words(step.propagation));
  if ((step.recursive_set & kMountAttrRdonly) != 0) add("rro");
  if (step.copy_up) add("tmpcopyup");
  std::string out;
  if ((step.flags & kMsRemount) != 0) {
    out = step.target;
  } else if ((step.flags & kMsBind) != 0) {
    out = concat(step.source, " on ", step.target, (step.flags & kMsRec) != 0 ? " type rbind" : " type bind");
  } else {
    out = concat(step.source, " on ", step.target, " type ", step.type);
  }
  if (!options.empty()) out += concat(" (", options, ")");
  if (step.fallback_source) out += concat(" or bind ", *step.fallback_source);
  return out;
}

std::string detail_of(const StepMakeDirectory& step) {
  return concat(step.path, " ", octal(step.mode));
}
std::string detail_of(const StepMakeDevice& step) {
  if (step.bind_from_host) return concat(step.device.path, " from the host");
  return concat(step.device.path, " ", step.device.type, " ", step.device.major, ":", step.device.minor, " ",
                octal(step.device.mode));
}
std::string detail_of(const StepMakeSymlink& step) {
  return concat(step.path, " -> ", step.target);
}
std::string detail_of(const StepPivotRoot& step) {
  return step.rootfs;
}
std::string detail_of(const StepRemountRootReadonly&) {
  return "/";
}
std::string detail_of(const StepMaskPath& step) {
  return step.path;
}
std::string detail_of(const StepReadonlyPath& step) {
  return step.path;
}
std::string detail_of(const StepSetHostname& step) {
  return step.name;
}
std::string detail_of(const StepSetDomainname& step) {
  return step.name;
}
std::string detail_of(const StepSetSysctl& step) {
  return concat(step.path, " = ", step.value);
}
std::string detail_of(const StepSetRlimit& step) {
  const auto number = [](std::uint64_t value) { return value == UINT64_MAX ? "unlimited" : std::to_string(value); };
  return concat(step.name, " ", number(step.soft), ":", number(step.hard));
}
std::string detail_of(const StepSetupConsole& step) {
  return step.mount_console ? "controlling terminal, /dev/console" : "controlling terminal";
}
std::string detail_of(const StepSetUmask& step) {
  return octal(step.mask);
}
std::string detail_of(const StepSetOomScoreAdj& step) {
  return step.value < 0 ? "-" + std::to_string(-static_cast<std::int64_t>(step.value)) : std::to_string(step.value);
}
std::string detail_of(const StepResolveExecutable& step) {
  if (step.file.find('/') != std::string::npos) return step.file;
  return concat(step.file, " in ", step.search_path);
}
std::string detail_of(const StepAwaitStart&) {
  return "created";
}
std::string detail_of(const StepSetNoNewPrivileges&) {
  return "on";
}
std::string detail_of(const StepLoadSeccomp& step) {
  return concat(step.filter.rules.size(), " rules");
}
std::string detail_of(const StepLimitCapabilities& step) {
  return capability_text(step.keep);
}
std::string detail_of(const StepSetUser& step) {
  std::string out = concat("uid ", step.user.uid, " gid ", step.user.gid);
  if (step.user.additional_gids.empty()) return out;
  out += " groups ";
  for (std::size_t i = 0; i < step.user.additional_gids.size(); ++i) {
    out += concat(i == 0 ? "" : ",", step.user.additional_gids[i]);
  }
  return out;
}
std::string detail_of(const StepSetCapabilities& step) {
  std::string out = "effective " + capability_text(step.effective);
  if (step.permitted != step.effective) out += " permitted " + capability_text(step.permitted);
  if (step.inheritable != 0) out += " inheritable " + capability_text(step.inheritable);
  if (step.ambient != 0) out += " ambient " + capability_text(step.ambient);
  return out;
}
std::string detail_of(const StepChangeDirectory& step) {
  return step.as_user ? step.path + " as the user" : step.path;
}
std::string detail_of(const StepExec& step) {
  return join(step.args, " ");
}

/// Most failures before the user changes read like this: operation, object, errno.
template <class Step>
std::string failure_of(const Step& step, std::string_view why) {
  return concat(kInit, name_of(step), " ", detail_of(step), ": ", why);
}
std::string failure_of(const StepMount& step, std::string_view why) {
  if ((step.flags & kMsRemount) != 0) {
    return concat(kInit, "mount ", step.target, ", flags: ", hex(step.flags), ": ", why);
  }
  return concat(kInit, "error mounting ", go_quoted(step.source), " to rootfs at ", go_quoted(step.target), ": mount ",
                step.source, ":", step.target, ", flags: ", hex(step.flags),
                step.data.empty() ? std::string() : ", data: " + step.data, ": ", why);
}
std::string failure_of(const StepMakeDevice& step, std::string_view why) {
  return concat(kInit, "error creating device nodes: mknod ", step.device.path, ": ", why);
}
std::string failure_of(const StepPivotRoot&, std::string_view why) {
  return concat(kInit, "error jailing process inside rootfs: pivot_root .: ", why);
}
std::string failure_of(const StepRemountRootReadonly&, std::string_view why) {
  return concat(kInit, "error setting rootfs as readonly: ", why);
}
std::string failure_of(const StepMaskPath& step, std::string_view why) {
  return concat(kInit, "can't mask path ", go_quoted(step.path), ": ", why);
}
std::string failure_of(const StepReadonlyPath& step, std::string_view why) {
  return concat(kInit, "can't make ", go_quoted(step.path), " read-only: ", why);
}
std::string failure_of(const StepSetHostname&, std::string_view why) {
  return concat(kInit, "sethostname: ", why);
}
std::string failure_of(const StepSetDomainname&, std::string_view why) {
  return concat(kInit, "setdomainname: ", why);
}
std::string failure_of(const StepSetRlimit& step, std::string_view why) {
  return concat(kInit, "error setting rlimits for ready process: error setting rlimit type ", step.resource, ": ", why);
}
std::string failure_of(const StepJoinSessionKeyring&, std::string_view why) {
  return concat(kInit, "unable to join session keyring: ", why);
}
std::string failure_of(const StepSetNoNewPrivileges&, std::string_view why) {
  return concat(kInit, "prctl(SET_NO_NEW_PRIVS): ", why);
}
std::string failure_of(const StepLoadSeccomp&, std::string_view why) {
  return concat("unable to init seccomp: error loading seccomp filter into kernel: ", why);
}
std::string failure_of(const StepLimitCapabilities&, std::string_view why) {
  return concat("unable to apply bounding set: ", why);
}
std::string failure_of(const StepSetUser&, std::string_view why) {
  return concat("unable to setup user: ", why);
}
std::string failure_of(const StepSetCapabilities&, std::string_view why) {
  return concat("unable to apply caps: ", why);
}
std::string failure_of(const StepChangeDirectory& step, std::string_view why) {
  return concat("chdir to cwd (", go_quoted(step.path), ") set in config.json failed: ", why);
}
std::string failure_of(const StepExec& step, std::string_view why) {
  return concat("exec ", step.args.empty() ? std::string() : step.args.front(), ": ", why);
}

/// The words of Go's exec.LookPath.
std::string look_up_failure(const StepResolveExecutable& step, Errno code) {
  const std::string quoted = go_quoted(step.file);
  const bool is_path = step.file.find('/') != std::string::npos;
  if (code == Errno::enoent && !is_path) return concat("exec: ", quoted, ": executable file not found in $PATH");
  if (code == Errno::eacces || code == Errno::eperm || code == Errno::eisdir) {
    return concat("exec: ", quoted, ": permission denied");
  }
  return concat("exec: ", quoted, ": stat ", step.file, ": ", to_string(code));
}

std::string sysctl_failure(const StepSetSysctl& step, Errno code) {
  const bool opening = code == Errno::enoent || code == Errno::eacces || code == Errno::erofs || code == Errno::enotdir;
  return concat(kInit, opening ? "open " : "write ", step.path, ": ", to_string(code));
}

}  // namespace

std::string step_name(const InitStep& step) {
  return std::string(std::visit([](const auto& one) { return name_of(one); }, step));
}

std::string step_detail(const InitStep& step) {
  return std::visit([](const auto& one) { return detail_of(one); }, step);
}

std::string step_failure(const InitStep& step, Errno code) {
  if (const auto* look_up = std::get_if<StepResolveExecutable>(&step)) return look_up_failure(*look_up, code);
  if (const auto* sysctl = std::get_if<StepSetSysctl>(&step)) return sysctl_failure(*sysctl, code);
  return std::visit([&](const auto& one) { return failure_of(one, to_string(code)); }, step);
}

Error launch_error(const InitStep& step, Errno code) {
  ErrorKind kind = ErrorKind::internal;
  const bool about_program =
      std::holds_alternative<StepResolveExecutable>(step) || std::holds_alternative<StepExec>(step);
  if (about_program && code == Errno::enoent) kind = ErrorKind::not_found;
  if (about_program && (code == Errno::eacces || code == Errno::enoexec)) kind = ErrorKind::forbidden;
  return make_error(kind, "unable to start container process: ", step_failure(step, code));
}

std::vector<Namespace> namespaces_of(const Spec& spec, std::int64_t pid) {
  const std::pair<NamespaceKind, const char*> order[] = {
      {NamespaceKind::user, "user"}, {NamespaceKind::cgroup, "cgroup"}, {NamespaceKind::ipc, "ipc"},
      {NamespaceKind::uts, "uts"},   {NamespaceKind::network, "net"},   {NamespaceKind::pid, "pid"},
      {NamespaceKind::time, "time"}, {NamespaceKind::mount, "mnt"}};
  std::vector<Namespace> join;
  for (const auto& entry : order) {
    const auto is_kind = [&entry](const Namespace& other) { return other.kind == entry.first; };
    if (std::none_of(spec.namespaces.begin(), spec.namespaces.end(), is_kind)) continue;  // the host's
    join.push_back({entry.first, concat("/proc/", pid, "/ns/", entry.second)});
  }
  return join;
}

}  // namespace drydock::runtime
