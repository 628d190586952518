// drydock-init: process 1 of a container started with --init (mounted at /sbin/docker-init). Runs the program that
// follows "--", hands on every signal it gets, and reaps the orphans that become its children.

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <initializer_list>

namespace {

constexpr int kNotFoundExit = 127;
constexpr int kNotExecutableExit = 126;

void complain(const char* what, const char* why) {
  for (const char* text : {"drydock-init: ", what, ": ", why, "\n"}) {
    if (::write(2, text, std::strlen(text)) < 0) return;
  }
}

/// In the child: a process group of its own, in front of the terminal if there is one.
[[noreturn]] void run_program(char** arguments, const sigset_t& original) {
  ::setpgid(0, 0);
  // tcsetpgrp(3) from a background group would stop the process by SIGTTOU, which is blocked here.
  ::tcsetpgrp(0, ::getpgrp());
  ::sigprocmask(SIG_SETMASK, &original, nullptr);
  ::execvp(arguments[0], arguments);
  const int code = errno;
  complain(arguments[0], std::strerror(code));
  ::_exit(code == ENOENT ? kNotFoundExit : kNotExecutableExit);
}

/// Reaps all that has ended. The main program's exit code once it has, else -1.
int reap_children(pid_t main_program) {
  int result = -1;
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (ended < 0 && errno == EINTR) continue;
    if (ended <= 0) return result;
    if (ended == main_program) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
}

}  // namespace

int main(int argc, char** argv) {
  int first = 1;
  if (argc > 1 && std::strcmp(argv[1], "--") == 0) first = 2;
  if (first >= argc) {
    complain("usage", "drydock-init [--] PROGRAM [ARGUMENT...]");
    return 1;
  }
  sigset_t handled, original;
  ::sigfillset(&handled);
  // These tell of the process's own mistakes, and are not handed on.
  for (const int signal : {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS}) ::sigdelset(&handled, signal);
  ::sigprocmask(SIG_SETMASK, &handled, &original);

  const pid_t program = ::fork();
  if (program < 0) {
    complain("fork", std::strerror(errno));
    return 1;
  }
  if (program == 0) run_program(argv + first, original);
  for (;;) {
    siginfo_t info{};
    const int signal = ::sigwaitinfo(&handled, &info);
    if (signal < 0) continue;
    if (signal != SIGCHLD) {
      if (signal != SIGTTOU && signal != SIGTTIN) ::kill(program, signal);
      continue;
    }
    const int exit_code = reap_children(program);
    if (exit_code >= 0) return exit_code;
  }
}
