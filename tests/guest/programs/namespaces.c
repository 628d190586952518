// namespaces(7): pid, user, uts, time; unshare(2), setns(2), clone(2), and the end of a namespace's init.
#include "guest.h"

#include <sys/utsname.h>

static pid_t raw_clone(unsigned long flags) { return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0); }
static void ordinary_user(void) {
  setresgid(1000, 1000, 1000);
  setresuid(1000, 1000, 1000);
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

GUEST(a_pid_namespace_counts_from_one) {
  pid_t child = raw_clone(CLONE_NEWPID);
  if (child == 0) {
    SAY("pid %d parent %d group %d session %d\n", getpid(), getppid(), getpgrp(), getsid(0));
    pid_t grandchild = fork();
    if (grandchild == 0) {
      SAY("pid %d parent %d\n", getpid(), getppid());
      SHOW(setsid());
      SAY("group %d session %d\n", getpgrp(), getsid(0));
      _exit(0);
    }
    guest_wait("grandchild", grandchild);
    _exit(3);
  }
  guest_wait("init", child);
}

GUEST(unshare_pid_is_for_children) {
  pid_t before = getpid();
  SHOW(unshare(CLONE_NEWPID));
  SAY("own pid kept: %d\n", before == getpid());
  pid_t child = fork();
  if (child == 0) {
    SAY("first child is %d\n", getpid());
    _exit(0);
  }
  guest_wait("first", child);
  errno = 0;
  child = fork();
  SAY("after init has ended: %s\n", child < 0 ? strerrorname_np(errno) : "forked");
  if (child == 0) _exit(0);
}

GUEST(all_end_with_their_init) {
  int ends[2];
  pipe(ends);
  pid_t init = raw_clone(CLONE_NEWPID);
  if (init == 0) {
    for (int at = 0; at < 3; ++at)
      if (fork() == 0) {
        if (at == 1) signal(SIGTERM, SIG_IGN);
        if (at == 2) setsid();
        pause();
        _exit(0);
      }
    guest_pause();
    _exit(9);
  }
  close(ends[1]);
  guest_wait("init", init);
  char c;
  // All writers are gone once everyone in it is.
  SHOW(read(ends[0], &c, 1));
}

static void handler(int signal) { (void)signal; }
GUEST(an_init_is_protected_from_its_own) {
  pid_t init = raw_clone(CLONE_NEWPID);
  if (init == 0) {
    signal(SIGUSR1, handler);
    pid_t child = fork();
    if (child == 0) {
      SHOW(kill(1, SIGKILL));
      SHOW(kill(1, SIGSTOP));
      SHOW(kill(1, SIGTERM));
      SHOW(kill(1, SIGUSR1));
      _exit(0);
    }
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) SAY("interrupted\n");
    SAY("child: %s\n", guest_status(status));
    SHOW(kill(1, SIGKILL));
    SHOW(raise(SIGTERM));
    _exit(4);
  }
  guest_wait("init", init);
  init = raw_clone(CLONE_NEWPID);
  if (init == 0) {
    pause();
    _exit(1);
  }
  guest_pause();
  SHOW(kill(init, SIGTERM));
  guest_pause();
  SHOW(waitpid(init, 0, WNOHANG));
  SHOW(kill(init, SIGKILL));
  guest_wait("from outside", init);
}

GUEST(pids_are_told_in_the_readers_namespace) {
  int ends[2];
  pipe(ends);
  pid_t init = raw_clone(CLONE_NEWPID);
  if (init == 0) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    write(ends[1], "r", 1);
    siginfo_t info;
    sigwaitinfo(&set, &info);
    SAY("from outside: code %d pid %d uid %d\n", info.si_code, info.si_pid, info.si_uid);
    pid_t child = fork();
    if (child == 0) {
      kill(1, SIGUSR1);
      _exit(0);
    }
    sigwaitinfo(&set, &info);
    SAY("from inside: pid %d\n", info.si_pid);
    guest_wait("child", child);
    _exit(0);
  }
  char c;
  read(ends[0], &c, 1);
  kill(init, SIGUSR1);
  guest_wait("init", init);
}

GUEST(orphans_go_to_the_init_of_their_namespace) {
  pid_t init = raw_clone(CLONE_NEWPID);
  if (init == 0) {
    pid_t middle = fork();
    if (middle == 0) {
      if (fork() == 0) {
        guest_pause();
        SAY("parent is %d\n", getppid());
        _exit(5);
      }
      _exit(0);
    }
    guest_wait("middle", middle);
    int status;
    pid_t orphan = wait(&status);
    SAY("orphan %d: %s\n", orphan, guest_status(status));
    _exit(0);
  }
  guest_wait("init", init);
}

GUEST(uts_namespaces_have_names_of_their_own) {
  struct utsname name;
  SHOW(sethostname("outer", 5));
  pid_t child = raw_clone(CLONE_NEWUTS);
  if (child == 0) {
    uname(&name);
    SAY("inherited %s\n", name.nodename);
    SHOW(sethostname("inner", 5));
    SHOW(setdomainname("domain", 6));
    uname(&name);
    SAY("%s %s\n", name.nodename, name.domainname);
    SHOW(sethostname("x", 65));
    SHOW(sethostname("x", -1));
    SHOW(sethostname((char*)16, 3));
    _exit(0);
  }
  guest_wait("child", child);
  uname(&name);
  SAY("still %s\n", name.nodename);
  child = fork();
  if (child == 0) {
    ordinary_user();
    SHOW(sethostname("mine", 4));
    _exit(0);
  }
  guest_wait("ordinary", child);
}

GUEST(namespaces_need_privilege) {
  unsigned long flags[] = {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};
  pid_t child = fork();
  if (child == 0) {
    ordinary_user();
    for (unsigned at = 0; at < sizeof flags / sizeof *flags; ++at) {
      errno = 0;
      int got = unshare((int)flags[at]);
      SAY("%lx: %d %s\n", flags[at], got, strerrorname_np(errno));
    }
    _exit(0);
  }
  guest_wait("child", child);
  SHOW(unshare(0x40));
  SHOW(unshare(CLONE_SIGHAND));
  SHOW(unshare(CLONE_VM));
  SHOW(unshare(CLONE_FS | CLONE_FILES));
  SHOW(unshare(0));
  SHOW(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0));
  SHOW(syscall(SYS_clone, CLONE_NEWUSER | CLONE_FS | SIGCHLD, 0, 0, 0, 0));
}

static int write_map(const char* path, const char* text) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -1;
  int got = (int)write(fd, text, strlen(text));
  int saved = errno;
  close(fd);
  errno = saved;
  return got;
}

GUEST(a_new_user_namespace_has_no_ids) {
  pid_t child = raw_clone(CLONE_NEWUSER);
  if (child == 0) {
    SAY("uid %d gid %d\n", getuid(), getgid());
    SAY("has CAP_SYS_ADMIN: %d\n", prctl(PR_CAPBSET_READ, 21, 0, 0, 0));
    SHOW(setuid(0));
    SHOW(setgroups(0, 0));
    SHOW(unshare(CLONE_NEWUTS));
    SHOW(sethostname("inside", 6));
    SHOW(mount("tmpfs", "/tmp", "tmpfs", 0, ""));
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(an_ordinary_user_becomes_root_inside) {
  pid_t child = fork();
  if (child == 0) {
    ordinary_user();
    SHOW(unshare(CLONE_NEWUSER));
    SHOW(write_map("/proc/self/gid_map", "0 1000 1"));
    SHOW(write_map("/proc/self/setgroups", "deny"));
    SHOW(write_map("/proc/self/setgroups", "allow"));
    SHOW(write_map("/proc/self/uid_map", "0 1001 1"));
    SHOW(write_map("/proc/self/uid_map", "0 1000 2"));
    SHOW(write_map("/proc/self/uid_map", "0 1000 1"));
    SHOW(write_map("/proc/self/gid_map", "0 1000 1"));
    SHOW(write_map("/proc/self/uid_map", "0 1000 1"));
    SAY("uid %d gid %d\n", getuid(), getgid());
    SHOW(setgroups(0, 0));
    SHOW(setuid(1));
    SHOW(unshare(CLONE_NEWNS));
    SHOW(mount("tmpfs", "/tmp", "tmpfs", 0, ""));
    guest_write_file("/tmp/f", "x");
    struct stat info;
    stat("/tmp/f", &info);
    SAY("owner %d %d\n", info.st_uid, info.st_gid);
    SHOW(chown("/tmp/f", 0, 0));
    SHOW(chown("/tmp/f", 5, 0));
    SHOW(mknod("/tmp/null", S_IFCHR | 0666, 1 << 8 | 3));
    stat("/", &info);
    SAY("owner of / %d\n", info.st_uid);
    SHOW(kill(1, 0));
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(maps_are_checked) {
  const char* bad[] = {"", "0 0", "0 0 0", "0 0 1 1", "0 x 1", "0 0 1\n0 1 1", "0 0 2\n1 5 1", "4294967295 0 1",
                       "0 4294967294 5", "-1 0 1", "0 0 1\n\n5 5 1"};
  for (unsigned at = 0; at < sizeof bad / sizeof *bad; ++at) {
    pid_t child = raw_clone(CLONE_NEWUSER);
    if (child == 0) {
      pause();
      _exit(0);
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/uid_map", child);
    errno = 0;
    int got = write_map(path, bad[at]);
    SAY("%u: %d %s\n", at, got, got < 0 ? strerrorname_np(errno) : "");
    kill(child, SIGKILL);
    waitpid(child, 0, 0);
  }
}

GUEST(a_map_of_several_lines) {
  int ends[2];
  pipe(ends);
  pid_t child = raw_clone(CLONE_NEWUSER);
  if (child == 0) {
    char c;
    close(ends[1]);
    read(ends[0], &c, 1);
    SAY("uid %d\n", getuid());
    SHOW(setresuid(10, 11, 12));
    SHOW(setresuid(-1, 20, -1));
    SAY("%s", guest_read_file("/proc/self/uid_map"));
    struct stat info;
    stat("/tmp/a", &info);
    SAY("seen owner %d\n", info.st_uid);
    stat("/tmp/b", &info);
    SAY("seen owner %d\n", info.st_uid);
    _exit(0);
  }
  guest_write_file("/tmp/a", "");
  guest_write_file("/tmp/b", "");
  chown("/tmp/a", 100005, 0);
  chown("/tmp/b", 50, 0);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/uid_map", child);
  SHOW(write_map(path, "0 0 1\n10 100000 10\n"));
  close(ends[1]);
  guest_wait("child", child);
}

GUEST(capabilities_end_at_the_namespace) {
  pid_t child = raw_clone(CLONE_NEWUSER);
  if (child == 0) {
    SHOW(sethostname("x", 1));
    SHOW(mount("proc", "/proc", "proc", 0, ""));
    SHOW(chroot("/tmp"));
    SHOW(syscall(SYS_reboot, 0, 0, 0, 0));
    struct timeval now = {1, 0};
    SHOW(settimeofday(&now, 0));
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(setns_to_a_pid_namespace) {
  pid_t init = raw_clone(CLONE_NEWPID);
  if (init == 0) {
    signal(SIGCHLD, SIG_DFL);
    pause();
    _exit(0);
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/pid", init);
  int fd = open(path, O_RDONLY);
  SHOW(setns(fd, CLONE_NEWUTS));
  SHOW(setns(fd, CLONE_NEWPID));
  pid_t child = fork();
  if (child == 0) {
    SAY("pid %d parent %d\n", getpid(), getppid());
    _exit(0);
  }
  guest_wait("child", child);
  int own = open("/proc/self/ns/pid", O_RDONLY);
  SHOW(setns(own, 0));
  SHOW(setns(1, 0));
  SHOW(setns(99, 0));
  kill(init, SIGKILL);
  guest_wait("init", init);
}

GUEST(an_init_leaves_no_zombies_behind) {
  pid_t init = raw_clone(CLONE_NEWPID);
  if (init == 0) {
    for (int at = 0; at < 3; ++at)
      if (fork() == 0) _exit(at);
    guest_pause();
    _exit(0);
  }
  guest_wait("init", init);
  SHOW(wait(0));
}

GUEST(a_child_of_a_joined_namespace_is_waited_for_outside) {
  pid_t init = raw_clone(CLONE_NEWPID);
  if (init == 0) {
    pause();
    _exit(0);
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/pid", init);
  setns(open(path, O_RDONLY), 0);
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  guest_pause();
  kill(init, SIGKILL);
  // Linux lets the init go only when all that is left of the others has been waited for.
  guest_wait("child", child);
  guest_wait("init", init);
}
