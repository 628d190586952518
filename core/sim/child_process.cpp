// Namespaces, identity, capabilities(7), rlimits, seccomp(2), and at last execve(2).

#include "base/text.h"
#include "machine/kernel/task.h"
#include "sim/child.h"

namespace drydock::sim {

using machine::HostArgument;
using machine::StructWriter;
using runtime::NamespaceKind;

namespace {
constexpr int kSetDeathSignal = 1, kSetKeepCapabilities = 8, kDropBounding = 24, kSetNoNewPrivileges = 38,
              kAmbient = 47, kAmbientRaise = 2, kAmbientClearAll = 4;  // prctl(2)
constexpr int kJoinSessionKeyring = 1;                                 // keyctl(2)
constexpr int kMayExecute = 1, kEffectiveAccess = 0x200;               // faccessat2(2): X_OK, AT_EACCESS
constexpr int kSigKill = 9;
constexpr int kLastCapability = 63;
}  // namespace

std::string descriptor_path(int fd) {
  return concat("/proc/self/fd/", fd);
}

std::uint64_t clone_flag(NamespaceKind kind) {
  switch (kind) {
    case NamespaceKind::mount:
      return 0x00020000;
    case NamespaceKind::pid:
      return 0x20000000;
    case NamespaceKind::uts:
      return 0x04000000;
    case NamespaceKind::ipc:
      return 0x08000000;
    case NamespaceKind::network:
      return 0x40000000;
    case NamespaceKind::cgroup:
      return 0x02000000;
    case NamespaceKind::user:
      return 0x10000000;
    case NamespaceKind::time:
      return 0x00000080;
  }
  return 0;
}

Result<bool, StepFailure> Child::run() {
  for (; next_ < plan_.child.size(); ++next_) {
    const runtime::InitStep& step = plan_.child[next_];
    const bool waits = std::holds_alternative<runtime::StepAwaitStart>(step);
    const Done done = std::visit([this](const auto& one) { return run_step(one); }, step);
    if (!done.ok()) return StepFailure{next_, done.error()};
    if (waits) {
      ++next_;
      return false;
    }
  }
  return true;
}

Result<void, Errno> Child::call(std::int64_t which, std::initializer_list<HostArgument> arguments) const {
  const auto result = task_.attempt(which, arguments);
  if (!result.ok()) return result.error();
  return {};
}

Result<void, Errno> Child::run_step(const runtime::StepJoinNamespace& step) {
  const int fd = next_join_ < joins_.size() ? joins_[next_join_++] : -1;
  if (fd < 0) return {};  // done by the parent
  TRY(call(number::setns, {fd, clone_flag(step.kind)}));
  if (step.kind == NamespaceKind::user) {
    TRY(call(number::setresgid, {0, 0, 0}));
    TRY(call(number::setresuid, {0, 0, 0}));
  }
  if (step.kind == NamespaceKind::mount) {
    root_.reset();
    pivoted_ = true;  // paths are the container's from here on
  }
  return {};
}

Result<void, Errno> Child::run_step(const runtime::StepUnshareNamespace& step) {
  return call(number::unshare, {clone_flag(step.kind)});
}

Result<void, Errno> Child::run_step(const runtime::StepJoinSessionKeyring& step) {
  const Done done = call(number::keyctl, {kJoinSessionKeyring, step.name});
  if (!done.ok() && done.error() != Errno::enosys) return done.error();
  return {};
}

Result<void, Errno> Child::run_step(const runtime::StepSetHostname& step) {
  return call(number::sethostname, {step.name, step.name.size()});
}

Result<void, Errno> Child::run_step(const runtime::StepSetDomainname& step) {
  return call(number::setdomainname, {step.name, step.name.size()});
}

Result<void, Errno> Child::run_step(const runtime::StepSetRlimit& step) {
  const std::string limit = StructWriter().u64(step.soft).u64(step.hard).bytes();
  return call(number::prlimit64, {0, step.resource, HostArgument::bytes(std::string_view(limit)), 0});
}

Result<void, Errno> Child::run_step(const runtime::StepSetUmask& step) {
  return call(number::umask, {step.mask});
}

Result<void, Errno> Child::run_step(const runtime::StepSetOomScoreAdj& step) {
  return task_.write_file("/proc/self/oom_score_adj", std::to_string(step.value));
}

Result<void, Errno> Child::check_executable(const std::string& path) const {
  const StatRecord about = TRY(task_.stat(kHere, path, 0));
  if (about.type() == kTypeDirectory) return Errno::eacces;  // as runc reports it
  return call(number::faccessat2, {kHere, path, kMayExecute, kEffectiveAccess});
}

Result<void, Errno> Child::run_step(const runtime::StepResolveExecutable& step) {
  if (step.file.empty()) return Errno::enoent;
  if (step.file.find('/') != std::string::npos) {
    program_ = step.file;
    return check_executable(program_);
  }
  for (const std::string& directory : split(step.search_path, ':')) {
    program_ = concat(directory.empty() ? "." : directory, "/", step.file);  // an empty part: the current directory
    if (check_executable(program_).ok()) return {};
  }
  return Errno::enoent;
}

Result<void, Errno> Child::run_step(const runtime::StepAwaitStart&) {
  return {};
}

Result<void, Errno> Child::run_step(const runtime::StepSetNoNewPrivileges&) {
  return call(number::prctl, {kSetNoNewPrivileges, 1, 0, 0, 0});
}

Result<void, Errno> Child::run_step(const runtime::StepLoadSeccomp&) {
  if (filter_.empty()) return Errno::einval;
  const std::string program = StructWriter().u16(static_cast<std::uint16_t>(filter_.size() / 8)).zeros(14).bytes();
  return call(number::seccomp, {1, 0, HostArgument::pointing(program, 8, filter_)});
}

Result<void, Errno> Child::run_step(const runtime::StepLimitCapabilities& step) {
  for (int capability = 0; capability <= kLastCapability; ++capability) {
    if ((step.keep >> capability & 1) != 0) continue;
    const Done dropped = call(number::prctl, {kDropBounding, capability, 0, 0, 0});
    if (dropped.ok()) continue;
    if (dropped.error() == Errno::einval) return {};  // beyond the kernel's last one
    return dropped.error();
  }
  return {};
}

/// Pipes and terminals belong to root; the user has to be able to open /dev/stdout.
void Child::give_stdio_to(std::uint32_t uid) const {
  for (int fd = 0; fd < 3; ++fd) {
    const auto about = task_.stat(fd, "", kAtEmptyPath);
    if (!about.ok() || about->uid == uid) continue;
    const bool null = about->type() == kTypeCharacterDevice && about->rdev_major == 1 && about->rdev_minor == 3;
    if (!null) static_cast<void>(task_.call(number::fchown, {fd, uid, -1}));  // EPERM in user namespaces
  }
}

Result<void, Errno> Child::run_step(const runtime::StepSetUser& step) {
  const runtime::User& user = step.user;
  give_stdio_to(user.uid);
  if (step.keep_capabilities) TRY(call(number::prctl, {kSetKeepCapabilities, 1, 0, 0, 0}));
  StructWriter groups;
  for (const std::uint32_t gid : user.additional_gids) groups.u32(gid);
  const Done grouped =
      call(number::setgroups, {user.additional_gids.size(), HostArgument::bytes(std::string_view(groups.bytes()))});
  // In a user namespace without gid map the kernel forbids it: nothing to drop then.
  if (!grouped.ok() && (grouped.error() != Errno::eperm || !user.additional_gids.empty())) return grouped.error();
  TRY(call(number::setresgid, {user.gid, user.gid, user.gid}));
  TRY(call(number::setresuid, {user.uid, user.uid, user.uid}));
  if (step.keep_capabilities) TRY(call(number::prctl, {kSetKeepCapabilities, 0, 0, 0, 0}));
  return call(number::prctl, {kSetDeathSignal, kSigKill, 0, 0, 0});
}

Result<void, Errno> Child::run_step(const runtime::StepSetCapabilities& step) {
  static_cast<void>(call(number::prctl, {kAmbient, kAmbientClearAll, 0, 0, 0}));
  const std::string header = StructWriter().u32(0x20080522).i32(0).bytes();
  StructWriter sets;
  for (int half = 0; half < 2; ++half) {
    for (const std::uint64_t set : {step.effective, step.permitted, step.inheritable})
      sets.u32(static_cast<std::uint32_t>(set >> (32 * half)));
  }
  TRY(call(number::capset,
           {HostArgument::bytes(std::string_view(header)), HostArgument::bytes(std::string_view(sets.bytes()))}));
  for (int capability = 0; capability <= kLastCapability; ++capability) {
    if ((step.ambient >> capability & 1) == 0) continue;
    TRY(call(number::prctl, {kAmbient, kAmbientRaise, capability, 0, 0}));
  }
  return {};
}

Result<void, Errno> Child::run_step(const runtime::StepChangeDirectory& step) {
  if (step.as_user && !directory_denied_) return {};
  const Done changed = call(number::chdir, {step.path});
  if (!changed.ok()) {
    if (changed.error() != Errno::eacces || step.as_user) return changed.error();
    directory_denied_ = true;
    return {};
  }
  directory_denied_ = false;
  // A path through somebody's descriptor may lead out of the root: the kernel then calls it "(unreachable)/...".
  std::string here(4096, '\0');
  TRY(call(number::getcwd, {HostArgument::room(here), here.size()}));
  return here[0] == '/' ? Done() : Done(Errno::enoent);
}

Result<void, Errno> Child::run_step(const runtime::StepExec& step) {
  if (program_.empty()) {
    if (step.args.empty()) return Errno::enoent;
    program_ = step.args[0];
  }
  // Nothing but stdio may reach the container, whatever the monitor had open.
  root_.reset();
  static_cast<void>(call(number::close_range, {3, 0xffffffffu, 4}));
  return call(number::execve, {program_, HostArgument::list(step.args), HostArgument::list(step.env)});
}

}  // namespace drydock::sim
