#include "native/runtime/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "native/runtime/child_context.h"
#include "native/runtime/monitor_protocol.h"

namespace drydock::native {

void send_news(int channel, ChildNews news, std::int32_t step, std::int32_t code, int fd) {
  ChildMessage message{news, step, code};
  iovec part{&message, sizeof(message)};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
  }
  while (::sendmsg(channel, &header, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

void await(int channel, char wanted) {
  char byte = 0;
  ssize_t count = 0;
  do {
    count = ::recv(channel, &byte, 1, 0);
  } while (count < 0 && errno == EINTR);
  if (count != 1 || byte != wanted) ::_exit(1);
}

void await_cgroups(ChildContext& context) {
  if (!context.moved) await(context.setup->channel, kChildMoved);
  context.moved = true;
}

void die_with_parent() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void exit_without_parent(int channel) {
  char byte = 0;
  if (::recv(channel, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) ::_exit(1);
}

namespace {

[[noreturn]] void fail_child(const ChildSetup& setup, std::int32_t step, int code) {
  send_news(setup.channel, ChildNews::failed, step, code);
  ::_exit(1);
}

/// Signals that the monitor ignores would stay ignored across execve(2).
void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Waits for the id maps, then becomes the root of the user namespace: until then every file it made would be nobody's.
void enter_user_namespace(const ChildSetup& setup) {
  await(setup.channel, kChildMapped);
  if (::syscall(SYS_setresgid, 0, 0, 0) < 0 || ::syscall(SYS_setresuid, 0, 0, 0) < 0) {
    fail_child(setup, kStepUserNamespace, errno);
  }
  // The change made our /proc files root's; without this /proc/self could not be written.
  ::prctl(PR_SET_DUMPABLE, 1);
  die_with_parent();
}

void take_stdio(const ChildSetup& setup) {
  for (int fd = 0; fd < 3; ++fd) {
    if (setup.stdio[fd] >= 0) ::dup2(setup.stdio[fd], fd);
  }
}

}  // namespace

void run_child(const ChildSetup& setup) {
  static ChildContext context;  // large, and the process has one
  context.setup = &setup;
  reset_signals();
  ::fcntl(setup.channel, F_SETFL, 0);  // blocking
  die_with_parent();
  exit_without_parent(setup.channel);
  // The lock on the container's folder says that its monitor lives (monitor_link.h): not ours to hold.
  ::close(kMonitorDirectoryFd);
  ::setsid();
  ::umask(022);
  take_stdio(setup);
  if (setup.new_user_namespace) enter_user_namespace(setup);
  const auto& steps = setup.plan->child;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const int code = std::visit([](const auto& step) { return run_step(context, step); }, steps[i]);
    if (code != 0) fail_child(setup, static_cast<std::int32_t>(i), code);
  }
  fail_child(setup, -1, ENOEXEC);  // a plan without StepExec
}

}  // namespace drydock::native
