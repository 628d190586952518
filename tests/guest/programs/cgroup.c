// cgroup version 2: what does not depend on controllers. cgroups(7).
#include "guest.h"

#include <dirent.h>

static char base[64];

// A group of the test's own, below the root of the unified hierarchy.
static void set_up(const char* name) {
  mkdir("cg", 0755);
  if (mount("none", "cg", "cgroup2", 0, 0) != 0) SKIP("no cgroup2");
  snprintf(base, sizeof base, "cg/drydock-guest-%s", name);
  rmdir(base);
  if (mkdir(base, 0755) != 0) SKIP("no cgroup of one's own");
}
static void tear_down(void) {
  for (int turn = 0; turn < 20 && rmdir(base) != 0; ++turn) guest_pause();
}
static const char* in(const char* file) {
  static char paths[4][128];
  static int next;
  char* path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", base, file);
  return path;
}
static int wrote(const char* file, const char* text) {
  int fd = open(in(file), O_WRONLY);
  if (fd < 0) return -1;
  ssize_t result = write(fd, text, strlen(text));
  int error = errno;
  close(fd);
  errno = error;
  return (int)result;
}
static pid_t sleeper(void) {
  pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  return child;
}
static void move(pid_t pid) {
  char text[16];
  snprintf(text, sizeof text, "%d", pid);
  SHOW(wrote("cgroup.procs", text));
}

GUEST(a_new_cgroup_is_empty) {
  set_up("empty");
  SAY("%s", guest_read_file(in("cgroup.procs")));
  SAY("%s", guest_read_file(in("cgroup.events")));
  SAY("%s", guest_read_file(in("cgroup.freeze")));
  SAY("%s", guest_read_file(in("cgroup.type")));
  SAY("%s", guest_read_file(in("cgroup.max.depth")));
  SAY("%s", guest_read_file(in("cgroup.max.descendants")));
  SAY("%s", guest_read_file(in("cgroup.subtree_control")));
  SHOW(mkdir(base, 0755));
  SHOW(mkdir(in("cgroup.procs"), 0755));
  SHOW(mkdir(in("with\nbreak"), 0755));
  SHOW(open(in("file"), O_CREAT | O_WRONLY, 0644));
  SHOW(unlink(in("cgroup.procs")));
  SHOW(open(in("cgroup.kill"), O_RDONLY) >= 0);
  tear_down();
}

GUEST(processes_are_moved_by_their_pid) {
  set_up("move");
  pid_t child = sleeper();
  move(child);
  SAY("listed %d\n", atoi(guest_read_file(in("cgroup.procs"))) == child);
  SAY("%s", guest_read_file(in("cgroup.events")));
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/cgroup", child);
  const char* unified = strstr(guest_read_file(path), "0::");
  SAY("%s", unified ? unified : "(none)\n");
  SHOW(rmdir(base));
  SHOW(wrote("cgroup.procs", "99999"));
  SHOW(wrote("cgroup.procs", "x"));
  SHOW(wrote("cgroup.procs", "-1"));
  kill(child, SIGKILL);
  guest_wait("child", child);
  SAY("%s", guest_read_file(in("cgroup.events")));
  SHOW(rmdir(base));
}

GUEST(zero_moves_the_writer_and_children_stay_with_it) {
  set_up("zero");
  pid_t child = fork();
  if (child == 0) {
    SHOW(wrote("cgroup.procs", "0"));
    pid_t inner = fork();
    if (inner == 0) _exit(strstr(guest_read_file("/proc/self/cgroup"), "drydock-guest-zero") ? 5 : 6);
    guest_wait("inner", inner);
    _exit(0);
  }
  guest_wait("child", child);
  tear_down();
}

GUEST(a_cgroup_with_children_cannot_be_removed) {
  set_up("tree");
  SHOW(mkdir(in("a"), 0755));
  SHOW(mkdir(in("a/b"), 0755));
  SHOW(rmdir(base));
  const char* stat = guest_read_file(in("cgroup.stat"));
  SAY("%.*s\n", (int)strcspn(stat, "\n"), stat);
  SHOW(wrote("cgroup.max.descendants", "2"));
  SHOW(mkdir(in("c"), 0755));
  SHOW(wrote("cgroup.max.descendants", "max"));
  SHOW(wrote("cgroup.max.depth", "1"));
  SHOW(mkdir(in("a/c"), 0755));
  SHOW(wrote("cgroup.max.depth", "-1"));
  pid_t child = sleeper();
  char text[16];
  snprintf(text, sizeof text, "%d", child);
  SHOW(wrote("a/b/cgroup.procs", text));
  SAY("%s", guest_read_file(in("cgroup.events")));
  SAY("own: [%s]\n", guest_read_file(in("cgroup.procs")));
  kill(child, SIGKILL);
  wait(0);
  SAY("%s", guest_read_file(in("cgroup.events")));
  SHOW(rmdir(in("a/b")));
  SHOW(rmdir(in("a")));
  tear_down();
}

GUEST(a_frozen_cgroup_does_not_run) {
  set_up("freeze");
  int ends[2];
  pipe(ends);
  pid_t child = fork();
  if (child == 0) {
    for (;;) {
      char byte;
      if (read(ends[0], &byte, 1) == 1) _exit(byte);
    }
  }
  move(child);
  SHOW(wrote("cgroup.freeze", "1"));
  for (int turn = 0; turn < 20 && !strstr(guest_read_file(in("cgroup.events")), "frozen 1"); ++turn) guest_pause();
  SAY("%s", guest_read_file(in("cgroup.events")));
  write(ends[1], "\007", 1);
  guest_pause();
  SHOW(waitpid(child, 0, WNOHANG));
  SHOW(wrote("cgroup.freeze", "2"));
  SHOW(wrote("cgroup.freeze", "0"));
  guest_wait("child", child);
  child = sleeper();
  move(child);
  wrote("cgroup.freeze", "1");
  guest_pause();
  SHOW(kill(child, SIGKILL));
  guest_wait("killed while frozen", child);
  tear_down();
}

GUEST(cgroup_kill_kills_all) {
  set_up("kill");
  mkdir(in("sub"), 0755);
  pid_t one = sleeper(), two = sleeper();
  move(one);
  char text[16];
  snprintf(text, sizeof text, "%d", two);
  SHOW(wrote("sub/cgroup.procs", text));
  SHOW(wrote("cgroup.kill", "2"));
  SHOW(wrote("cgroup.kill", "1"));
  guest_wait("one", one);
  guest_wait("two", two);
  rmdir(in("sub"));
  tear_down();
}

GUEST(subtree_control_refuses_what_it_does_not_have) {
  set_up("control");
  SHOW(wrote("cgroup.subtree_control", "+nonsense"));
  SHOW(wrote("cgroup.subtree_control", "nonsense"));
  SHOW(wrote("cgroup.type", "nonsense"));
  SHOW(wrote("cgroup.controllers", "x"));
  tear_down();
}

GUEST(delegated_groups_are_used_without_privilege) {
  set_up("delegate");
  SHOW(chown(base, 1000, 1000));
  SHOW(chown(in("cgroup.procs"), 1000, 1000));
  struct stat node;
  stat(in("cgroup.procs"), &node);
  SAY("%o %d %d\n", node.st_mode, node.st_uid, node.st_gid);
  SHOW(wrote("cgroup.procs", "0"));
  pid_t child = fork();
  if (child == 0) {
    setgroups(0, 0);
    setresgid(1000, 1000, 1000);
    setresuid(1000, 1000, 1000);
    SHOW(mkdir(in("own"), 0755));
    stat(in("own/cgroup.procs"), &node);
    SAY("%o %d %d\n", node.st_mode, node.st_uid, node.st_gid);
    SHOW(wrote("own/cgroup.procs", "0"));
    SHOW(wrote("cgroup.procs", "0"));
    SHOW(wrote("../cgroup.procs", "0"));
    SHOW(wrote("cgroup.freeze", "0"));
    SHOW(rmdir(in("own")));
    _exit(0);
  }
  guest_wait("child", child);
  SHOW(wrote("../cgroup.procs", "0"));
  tear_down();
}

GUEST(a_cgroup_namespace_hides_what_is_above) {
  set_up("namespace");
  mkdir(in("inner"), 0755);
  pid_t child = fork();
  if (child == 0) {
    SHOW(wrote("inner/cgroup.procs", "0"));
    SHOW(unshare(CLONE_NEWCGROUP));
    SAY("%s", strstr(guest_read_file("/proc/self/cgroup"), "0::"));
    mkdir("own", 0755);
    SHOW(mount("none", "own", "cgroup2", 0, 0));
    SHOW(access("own/cgroup.type", F_OK));
    SHOW(mkdir("own/sub", 0755));
    SHOW(wrote("inner/sub/cgroup.procs", "0"));
    SAY("%s", strstr(guest_read_file("/proc/self/cgroup"), "0::"));
    SHOW(wrote("cgroup.procs", "0"));
    char text[64];
    snprintf(text, sizeof text, "/proc/%d/cgroup", getppid());
    const char* seen = strstr(guest_read_file(text), "0::");
    SAY("%.6s\n", seen ? seen : "(none)");
    _exit(0);
  }
  guest_wait("child", child);
  rmdir(in("inner/sub"));
  SHOW(rmdir(in("inner")));
  tear_down();
}
