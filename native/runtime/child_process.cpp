// Namespaces, identity, capabilities(7), rlimits, seccomp(2), and at last execve(2).

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "native/runtime/child_context.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace drydock::native {

std::uint64_t clone_flag(runtime::NamespaceKind kind) {
  switch (kind) {
    case runtime::NamespaceKind::mount:
      return CLONE_NEWNS;
    case runtime::NamespaceKind::pid:
      return CLONE_NEWPID;
    case runtime::NamespaceKind::uts:
      return CLONE_NEWUTS;
    case runtime::NamespaceKind::ipc:
      return CLONE_NEWIPC;
    case runtime::NamespaceKind::network:
      return CLONE_NEWNET;
    case runtime::NamespaceKind::cgroup:
      return CLONE_NEWCGROUP;
    case runtime::NamespaceKind::user:
      return CLONE_NEWUSER;
    case runtime::NamespaceKind::time:
      return CLONE_NEWTIME;
  }
  return 0;
}

namespace {

/// Only children are born in a joined pid namespace. CLONE_PARENT: the monitor stays the parent of the one that goes
/// on.
int hand_over(ChildContext& context) {
  const ChildSetup& setup = *context.setup;
  await_cgroups(context);  // the new process inherits them
  if (::setns(setup.pid_namespace, CLONE_NEWPID) < 0) return errno;
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PARENT | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof(arguments));
  if (pid < 0) return errno;
  if (pid > 0) {
    send_news(setup.channel, ChildNews::handed_over, 0, static_cast<std::int32_t>(pid), pidfd);
    ::_exit(0);
  }
  die_with_parent();
  exit_without_parent(setup.channel);
  ::setsid();
  return 0;
}

}  // namespace

int run_step(ChildContext& context, const runtime::StepJoinNamespace& step) {
  const int fd = context.setup->joins[context.join++];
  if (step.kind == runtime::NamespaceKind::pid && context.setup->pid_namespace >= 0) return hand_over(context);
  if (fd < 0) return 0;  // done by the parent
  if (::setns(fd, static_cast<int>(clone_flag(step.kind))) < 0) return errno;
  if (step.kind == runtime::NamespaceKind::user) {
    if (::syscall(SYS_setresgid, 0, 0, 0) < 0 || ::syscall(SYS_setresuid, 0, 0, 0) < 0) return errno;
    die_with_parent();
  }
  if (step.kind == runtime::NamespaceKind::mount) {
    if (context.root >= 0) ::close(context.root);
    context.root = -1;
    context.pivoted = true;  // paths are the container's from here on
  }
  return 0;
}

int run_step(ChildContext& context, const runtime::StepUnshareNamespace& step) {
  await_cgroups(context);
  return ::unshare(static_cast<int>(clone_flag(step.kind))) < 0 ? errno : 0;
}

int run_step(ChildContext&, const runtime::StepJoinSessionKeyring& step) {
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, step.name.empty() ? nullptr : step.name.c_str()) >= 0)
    return 0;
  return errno == ENOSYS ? 0 : errno;
}

int run_step(ChildContext&, const runtime::StepSetHostname& step) {
  return ::sethostname(step.name.data(), step.name.size()) < 0 ? errno : 0;
}

int run_step(ChildContext&, const runtime::StepSetDomainname& step) {
  return ::setdomainname(step.name.data(), step.name.size()) < 0 ? errno : 0;
}

int run_step(ChildContext&, const runtime::StepSetRlimit& step) {
  const rlimit limit{step.soft, step.hard};
  return ::syscall(SYS_prlimit64, 0, step.resource, &limit, nullptr) < 0 ? errno : 0;
}

int run_step(ChildContext&, const runtime::StepSetUmask& step) {
  ::umask(step.mask);
  return 0;
}

int run_step(ChildContext&, const runtime::StepSetOomScoreAdj& step) {
  char text[16];
  const int size = std::snprintf(text, sizeof(text), "%d", step.value);
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno;
  const int code = ::write(file, text, static_cast<std::size_t>(size)) < 0 ? errno : 0;
  ::close(file);
  return code;
}

namespace {

/// 0 if `path` is a file that this process may execute. A directory is EACCES, as runc reports it.
int check_executable(const char* path) {
  struct stat about {};
  if (::stat(path, &about) < 0) return errno;
  if (S_ISDIR(about.st_mode)) return EACCES;
  if (::syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS) == 0) return 0;
  if (errno != ENOSYS && errno != EPERM) return errno;
  // A filter older than that call: what the mode says has to do, execve decides in the end.
  return (about.st_mode & 0111) != 0 ? 0 : EACCES;
}

}  // namespace

int run_step(ChildContext& context, const runtime::StepResolveExecutable& step) {
  if (step.file.empty()) return ENOENT;
  if (step.file.find('/') != std::string::npos) {
    if (step.file.size() >= sizeof(context.program)) return ENAMETOOLONG;
    std::memcpy(context.program, step.file.c_str(), step.file.size() + 1);
    return check_executable(context.program);
  }
  const char* at = step.search_path.c_str();
  for (;;) {
    const char* end = std::strchr(at, ':');
    const int length = static_cast<int>(end != nullptr ? static_cast<std::size_t>(end - at) : std::strlen(at));
    // An empty part means the current directory.
    const int size = std::snprintf(context.program, sizeof(context.program), "%.*s/%s", length == 0 ? 1 : length,
                                   length == 0 ? "." : at, step.file.c_str());
    if (size < static_cast<int>(sizeof(context.program)) && check_executable(context.program) == 0) return 0;
    if (end == nullptr) return ENOENT;
    at = end + 1;
  }
}

int run_step(ChildContext& context, const runtime::StepAwaitStart&) {
  await_cgroups(context);
  send_news(context.setup->channel, ChildNews::created, 0, 0);
  await(context.setup->channel, kChildStart);
  return 0;
}

int run_step(ChildContext&, const runtime::StepSetNoNewPrivileges&) {
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? errno : 0;
}

int run_step(ChildContext& context, const runtime::StepLoadSeccomp&) {
  if (context.setup->filter.len == 0) return EINVAL;
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &context.setup->filter) < 0 ? errno : 0;
}

int run_step(ChildContext&, const runtime::StepLimitCapabilities& step) {
  for (int capability = 0; capability < 64; ++capability) {
    if ((step.keep >> capability & 1) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    return errno == EINVAL ? 0 : errno;  // beyond the kernel's last one
  }
  return 0;
}

namespace {

/// Pipes and terminals belong to root; the user has to be able to open /dev/stdout.
void give_stdio_to(std::uint32_t uid) {
  for (int fd = 0; fd < 3; ++fd) {
    struct stat about {};
    if (::fstat(fd, &about) < 0 || about.st_uid == uid) continue;
    if (S_ISCHR(about.st_mode) && about.st_rdev == makedev(1, 3)) continue;  // everybody's /dev/null
    static_cast<void>(::fchown(fd, uid, static_cast<gid_t>(-1)) == 0);       // EPERM in user namespaces: stays as it is
  }
}

}  // namespace

int run_step(ChildContext&, const runtime::StepSetUser& step) {
  const runtime::User& user = step.user;
  give_stdio_to(user.uid);
  if (step.keep_capabilities && ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return errno;
  static_assert(sizeof(gid_t) == sizeof(std::uint32_t));
  const auto& groups = user.additional_gids;
  if (::syscall(SYS_setgroups, groups.size(), groups.data()) < 0) {
    // Without newgidmap the kernel forbids setgroups in a user namespace (user_namespaces(7)): nothing to drop then.
    if (errno != EPERM || !groups.empty()) return errno;
  }
  if (::syscall(SYS_setresgid, user.gid, user.gid, user.gid) < 0) return errno;
  if (::syscall(SYS_setresuid, user.uid, user.uid, user.uid) < 0) return errno;
  if (step.keep_capabilities && ::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0) return errno;
  die_with_parent();
  return 0;
}

int run_step(ChildContext&, const runtime::StepSetCapabilities& step) {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);  // EINVAL before Linux 4.3: there are none then
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  for (int half = 0; half < 2; ++half) {
    sets[half].effective = static_cast<std::uint32_t>(step.effective >> (32 * half));
    sets[half].permitted = static_cast<std::uint32_t>(step.permitted >> (32 * half));
    sets[half].inheritable = static_cast<std::uint32_t>(step.inheritable >> (32 * half));
  }
  if (::syscall(SYS_capset, &header, sets) < 0) return errno;
  for (int capability = 0; capability < 64; ++capability) {
    if ((step.ambient >> capability & 1) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return errno;
  }
  return 0;
}

int run_step(ChildContext& context, const runtime::StepChangeDirectory& step) {
  if (step.as_user && !context.directory_denied) return 0;
  if (::chdir(step.path.c_str()) < 0) {
    if (errno != EACCES || step.as_user) return errno;
    context.directory_denied = true;
    return 0;
  }
  context.directory_denied = false;
  // A path through somebody's descriptor may lead out of the root: the kernel then calls it "(unreachable)/...".
  char here[PATH_MAX];
  if (::syscall(SYS_getcwd, here, sizeof(here)) < 0) return errno;
  return here[0] == '/' ? 0 : ENOENT;
}

int run_step(ChildContext& context, const runtime::StepExec& step) {
  const ChildSetup& setup = *context.setup;
  await_cgroups(context);
  if (context.program[0] == '\0') {
    if (step.args.empty() || step.args[0].size() >= sizeof(context.program)) return ENOENT;
    std::memcpy(context.program, step.args[0].c_str(), step.args[0].size() + 1);
  }
  // Nothing but stdio may reach the container, whatever the daemon had open: a directory of the host would be a way
  // out.
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  exit_without_parent(setup.channel);
  ::execve(context.program, setup.arguments.data(), setup.environment.data());
  return errno;
}

}  // namespace drydock::native
