// drydock-monitor: one process per container, see native/runtime/README.md. Started by drydockd only, with its control
// socket and the container's folder as descriptors 3 and 4.

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include "native/runtime/monitor.h"

namespace {

using drydock::native::Fd;

/// What the daemon had blocked or ignored is its own affair; what ends a daemon's session must not end a container.
void set_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGQUIT}) ::signal(signal, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

int main() {
  using namespace drydock::native;
  struct stat about {};
  const bool passed = ::fstat(kMonitorControlFd, &about) == 0 && S_ISSOCK(about.st_mode) &&
                      ::fstat(kMonitorDirectoryFd, &about) == 0 && S_ISDIR(about.st_mode);
  if (!passed) {
    static_cast<void>(!::write(2, "drydock-monitor is started by drydockd\n", 39));
    return 2;
  }
  set_signals();
  ::setsid();
  ::umask(022);
  if (::chdir("/") < 0) return 1;
  ::syscall(SYS_close_range, 5U, ~0U, 0U);
  for (const int fd : {kMonitorControlFd, kMonitorDirectoryFd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  auto monitor = Monitor::make(Fd(kMonitorControlFd), Fd(kMonitorDirectoryFd));
  if (!monitor.ok()) return 1;
  (*monitor)->run();
  return 0;
}
