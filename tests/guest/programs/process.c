// fork(2), wait(2), _exit(2), sessions and groups. credentials(7).
#include "guest.h"

static int exits_with_7(void) { return 7; }
static int kills_itself(void) {
  raise(SIGKILL);
  return 0;
}
static int aborts(void) {
  abort();
  return 0;
}

GUEST(wait_tells_how_a_child_ended) {
  SAY("%s\n", guest_status(guest_child(exits_with_7)));
  SAY("%s\n", guest_status(guest_child(kills_itself)));
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  SAY("%s\n", guest_status(guest_child(aborts)));
}

GUEST(wait_without_children) {
  int status = 0;
  SHOW(wait(&status));
  SHOW(waitpid(1, &status, 0));
  SHOW(waitpid(-1, &status, WNOHANG));
  SHOW(waitpid(-1, &status, 0x1234));
  siginfo_t info;
  SHOW(waitid(P_ALL, 0, &info, WEXITED));
  SHOW(waitid(P_ALL, 0, &info, 0));
  SHOW(waitid(77, 0, &info, WEXITED));
}

GUEST(a_zombie_stays_until_it_is_waited_for) {
  pid_t child = fork();
  if (child == 0) _exit(3);
  siginfo_t info;
  memset(&info, 0, sizeof info);
  SHOW(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
  SAY("code %d status %d signo %d same pid %d\n", info.si_code, info.si_status, info.si_signo, info.si_pid == child);
  SHOW(kill(child, 0));
  SHOW(kill(child, SIGKILL));
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/stat", child);
  const char* stat = guest_read_file(path);
  const char* state = strrchr(stat, ')');
  SAY("state %c\n", state ? state[2] : '?');
  guest_wait("child", child);
  SHOW(kill(child, 0));
}

GUEST(an_orphan_goes_to_init) {
  int ends[2];
  pipe(ends);
  if (fork() == 0) {
    if (fork() == 0) {
      guest_pause();
      dprintf(ends[1], "%d", getppid());
      _exit(0);
    }
    _exit(0);
  }
  close(ends[1]);
  wait(0);
  char text[16] = "";
  read(ends[0], text, sizeof text - 1);
  SAY("parent %s\n", text);
}

GUEST(a_subreaper_takes_orphans) {
  int ends[2], status;
  pipe(ends);
  SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
  pid_t me = getpid();
  pid_t child = fork();
  if (child == 0) {
    if (fork() == 0) {
      close(ends[0]);
      guest_pause();
      dprintf(ends[1], "%s", getppid() == me ? "subreaper" : "somebody else");
      _exit(9);
    }
    _exit(0);
  }
  close(ends[1]);
  guest_wait("child", child);
  char text[16] = "";
  read(ends[0], text, sizeof text - 1);
  SAY("parent %s\n", text);
  wait(&status);
  SAY("grandchild %s\n", guest_status(status));
}

GUEST(ignored_sigchld_leaves_no_zombies) {
  signal(SIGCHLD, SIG_IGN);
  if (fork() == 0) _exit(1);
  if (fork() == 0) _exit(2);
  int status;
  SHOW(wait(&status));
  signal(SIGCHLD, SIG_DFL);
  if (fork() == 0) _exit(4);
  wait(&status);
  SAY("%s\n", guest_status(status));
}

GUEST(stop_and_continue_are_told) {
  pid_t child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    _exit(5);
  }
  int status = 0;
  SHOW(waitpid(child, &status, WUNTRACED) == child);
  SAY("%s\n", guest_status(status));
  SHOW(waitpid(child, &status, WUNTRACED | WNOHANG));
  SHOW(kill(child, SIGCONT));
  SHOW(waitpid(child, &status, WCONTINUED) == child);
  SAY("%s\n", guest_status(status));
  SHOW(waitpid(child, &status, 0) == child);
  SAY("%s\n", guest_status(status));
}

GUEST(a_stopped_child_can_be_killed) {
  pid_t child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    _exit(5);
  }
  int status = 0;
  waitpid(child, &status, WUNTRACED);
  SHOW(kill(child, SIGTERM));
  SHOW(waitpid(child, &status, WNOHANG));
  SHOW(kill(child, SIGKILL));
  guest_wait("child", child);
}

GUEST(groups_and_sessions) {
  SAY("leads its group %d\n", getpgrp() == getpid());
  SHOW(setpgid(0, 0));
  SAY("leads its group %d\n", getpgrp() == getpid());
  SHOW(setsid());
  pid_t child = fork();
  if (child == 0) {
    SAY("group of the parent %d\n", getpgrp() == getppid());
    SHOW_OK(setsid());
    SAY("session of its own %d\n", getsid(0) == getpid());
    SHOW(setpgid(0, 0));
    SHOW(setpgid(0, getppid()));
    _exit(0);
  }
  guest_wait("child", child);
  SHOW(setpgid(0, 99999));
  SHOW(setpgid(0, -1));
  SHOW(setpgid(99999, 0));
  SHOW(getpgid(99999));
  SHOW(getsid(99999));
}

GUEST(setpgid_after_exec_is_refused) {
  int ends[2];
  pipe(ends);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    close(ends[0]);
    close(ends[1]);
    execl(guest_program, "guest", "--", "wait_for_term", (char*)0);
    _exit(9);
  }
  close(ends[1]);
  char byte;
  read(ends[0], &byte, 1);
  SHOW(setpgid(child, child));
  kill(child, SIGTERM);
  guest_wait("child", child);
}

HELPER(wait_for_term) {
  write(1, "x", 1);
  pause();
}

GUEST(wait_for_a_group) {
  pid_t one = fork();
  if (one == 0) {
    setpgid(0, 0);
    _exit(1);
  }
  pid_t two = fork();
  if (two == 0) _exit(2);
  setpgid(one, one);
  int status;
  SHOW(waitpid(-one, &status, 0) == one);
  SAY("%s\n", guest_status(status));
  SHOW(waitpid(-one, &status, 0));
  SHOW(waitpid(0, &status, 0) == two);
  SAY("%s\n", guest_status(status));
}

GUEST(vfork_parent_waits_for_exec) {
  volatile int shared = 1;
  pid_t child = vfork();
  if (child == 0) {
    shared = 2;
    _exit(0);
  }
  SAY("shared %d\n", shared);
  guest_wait("child", child);
}

GUEST(clone_with_shared_descriptors) {
  static char stack[65536] __attribute__((aligned(16)));
  int fd = open("/dev/null", O_RDONLY);
  int child_closes(void* at) {
    close(*(int*)at);
    return 4;
  }
  pid_t child = clone(child_closes, stack + sizeof stack, CLONE_FILES | SIGCHLD, &fd);
  guest_wait("child", child);
  SHOW(fcntl(fd, F_GETFD));
}

GUEST(clone_with_shared_memory_and_place) {
  static char stack[65536] __attribute__((aligned(16)));
  static int value = 1;
  mkdir("sub", 0755);
  int child_changes(void* at) {
    *(int*)at = 42;
    chdir("sub");
    umask(077);
    return 0;
  }
  pid_t child = clone(child_changes, stack + sizeof stack, CLONE_VM | CLONE_FS | SIGCHLD, &value);
  guest_wait("child", child);
  char place[64];
  SAY("value %d, in %s, umask %o\n", value, getcwd(place, sizeof place), umask(022));
}

GUEST(clone_refuses_nonsense) {
  SHOW(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0));
  SHOW(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0));
  SHOW(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS, 0, 0, 0, 0));
  SHOW(syscall(SYS_clone, CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 0, 0, 0, 0));
}

GUEST(exit_status_is_eight_bits) {
  int status;
  if (fork() == 0) _exit(0x1ff);
  wait(&status);
  SAY("%s\n", guest_status(status));
  if (fork() == 0) _exit(-1);
  wait(&status);
  SAY("%s\n", guest_status(status));
}

GUEST(parent_death_signal) {
  int ends[2];
  pipe(ends);
  if (fork() == 0) {
    pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      prctl(PR_SET_PDEATHSIG, SIGUSR1);
      int asked = 0;
      prctl(PR_GET_PDEATHSIG, &asked);
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGUSR1);
      sigprocmask(SIG_BLOCK, &set, 0);
      write(ends[1], "r", 1);
      int got = 0;
      sigwait(&set, &got);
      dprintf(ends[1], "asked %d got %d", asked, got);
      _exit(0);
    }
    char byte;
    read(ends[0], &byte, 1);
    _exit(0);
  }
  close(ends[1]);
  wait(0);
  char text[64] = "";
  for (ssize_t have = 0, got; (got = read(ends[0], text + have, sizeof text - 1 - have)) > 0;) have += got;
  SAY("%s\n", text);
}

GUEST(process_names) {
  char name[17] = "";
  SHOW(prctl(PR_SET_NAME, "a name that is far too long"));
  prctl(PR_GET_NAME, name);
  SAY("%s\n", name);
  SAY("%s", guest_read_file("/proc/self/comm"));
  guest_write_file("/proc/self/comm", "other\n");
  prctl(PR_GET_NAME, name);
  SAY("%s\n", name);
}

GUEST(nice_and_priorities) {
  setpriority(PRIO_PROCESS, 0, 0);
  SHOW(nice(5));
  SHOW(getpriority(PRIO_PROCESS, 0));
  SHOW(setpriority(PRIO_PROCESS, 0, 40));
  SHOW(getpriority(PRIO_PROCESS, 0));
  SHOW(setpriority(PRIO_PROCESS, 99999, 1));
  SHOW(setpriority(77, 0, 1));
  setuid(1000);
  SHOW(setpriority(PRIO_PROCESS, 0, 0));
  SHOW(nice(-5));
}

GUEST(process_limit) {
  struct rlimit few = {3, 3};
  setrlimit(RLIMIT_NPROC, &few);
  setgid(54321);
  setuid(54321);
  int made = 0;
  pid_t children[8];
  while (made < 8 && (children[made] = fork()) > 0) ++made;
  if (made < 8 && children[made] == 0) {
    pause();
    _exit(0);
  }
  SAY("made %d, then %s\n", made, strerrorname_np(errno));
  for (int at = 0; at < made; ++at) kill(children[at], SIGKILL);
}

GUEST(resource_usage_of_children) {
  struct rusage before, after;
  getrusage(RUSAGE_CHILDREN, &before);
  pid_t child = fork();
  if (child == 0) {
    volatile long sum = 0;
    struct rusage own;
    do {
      for (int at = 0; at < 100000; ++at) sum += at;
      getrusage(RUSAGE_SELF, &own);
    } while (own.ru_utime.tv_sec == 0 && own.ru_utime.tv_usec < 30000);
    _exit(0);
  }
  getrusage(RUSAGE_CHILDREN, &after);
  SAY("before waiting %ld\n", after.ru_utime.tv_sec * 1000000 + after.ru_utime.tv_usec);
  guest_wait("child", child);
  getrusage(RUSAGE_CHILDREN, &after);
  SAY("after waiting at least 30 ms: %d\n", after.ru_utime.tv_sec * 1000000 + after.ru_utime.tv_usec >= 30000);
  SHOW(getrusage(77, &after));
}
