// mount(2), umount2(2), pivot_root(2), mount_namespaces(7).
#include "guest.h"

static void list(const char* path) {
  // Names in the order of "a".."z", so that no order of a directory shows.
  SAY("%s:", path);
  for (char name = 'a'; name <= 'z'; ++name) {
    char one[64];
    struct stat st;
    snprintf(one, sizeof one, "%s/%c", path, name);
    if (lstat(one, &st) == 0) SAY(" %c", name);
  }
  SAY("\n");
}
static void tree(void) {
  mkdir("a", 0755);
  mkdir("b", 0755);
  mkdir("a/d", 0755);
  guest_write_file("a/f", "file");
}
static int bind(const char* from, const char* to, unsigned long more) {
  return mount(from, to, 0, MS_BIND | more, 0);
}
// The mountinfo lines of /tmp: place, options, propagation; peer groups by first appearance.
static void show_mounts(void) {
  FILE* file = fopen("/proc/self/mountinfo", "r");
  char line[1024];
  int groups[32], count = 0;
  while (fgets(line, sizeof line, file)) {
    char place[256], options[128], optional[256] = "", rest[64];
    if (sscanf(line, "%*d %*d %*s %*s %255s %127s", place, options) != 2 || strncmp(place, "/tmp/", 5) != 0) continue;
    char* at = strstr(line, options) + strlen(options);
    char* end = strstr(at, " - ");
    *end = 0;
    for (char* word = strtok(at, " "); word; word = strtok(0, " ")) {
      int number;
      if (sscanf(word, "%63[a-z_]:%d", rest, &number) == 2) {
        int group = 0;
        while (group < count && groups[group] != number) ++group;
        if (group == count && count < 32) groups[count++] = number;
        snprintf(optional + strlen(optional), sizeof optional - strlen(optional), " %s:%c", rest, 'A' + group);
      } else {
        snprintf(optional + strlen(optional), sizeof optional - strlen(optional), " %s", word);
      }
    }
    SAY("%s %s%s\n", place, options, optional);
  }
  fclose(file);
}

GUEST(binding_a_directory_and_a_file) {
  tree();
  SHOW(bind("a", "b", 0));
  list("b");
  guest_write_file("b/g", "x");
  list("a");
  guest_write_file("target", "covered");
  SHOW(bind("a/f", "target", 0));
  SAY("%s\n", guest_read_file("target"));
  guest_write_file("target", "changed");
  SAY("%s\n", guest_read_file("a/f"));
  SHOW(unlink("target"));
  SHOW(rename("target", "elsewhere"));
  SHOW(rmdir("b"));
  SHOW(bind("a", "target", 0));
  SHOW(bind("a/f", "b", 0));
  SHOW(bind("missing", "b", 0));
  SHOW(bind("a", "missing", 0));
  SHOW(umount("target"));
  SAY("%s\n", guest_read_file("target"));
  SHOW(umount("target"));
  SHOW(link("a/f", "b/hard"));
  SHOW(rename("a/f", "b/f2"));
  struct stat in_a, in_b;
  stat("a/d", &in_a);
  stat("b/d", &in_b);
  SAY("same %d\n", in_a.st_ino == in_b.st_ino && in_a.st_dev == in_b.st_dev);
}

GUEST(mounts_that_are_read_only) {
  tree();
  SHOW(bind("a", "b", 0));
  SHOW(mount(0, "b", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0));
  SHOW(open("b/x", O_CREAT | O_WRONLY, 0600));
  SHOW(open("b/f", O_WRONLY));
  SHOW(open("b/f", O_RDONLY | O_TRUNC));
  SHOW(mkdir("b/d", 0755));
  SHOW(mkdir("b/e", 0755));
  SHOW(unlink("b/f"));
  SHOW(unlink("b/missing"));
  SHOW(rename("b/f", "b/g"));
  SHOW(chmod("b/f", 0600));
  SHOW(access("b/f", W_OK));
  SHOW(access("b/f", R_OK));
  SHOW(truncate("b/f", 0));
  SHOW(symlink("x", "b/s"));
  int fd = open("a/f", O_WRONLY);
  SHOW(fd >= 0);
  SHOW(mount(0, "b", 0, MS_REMOUNT | MS_BIND, 0));
  int writer = open("b/f", O_WRONLY);
  SHOW(mount(0, "b", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0));
  close(writer);
  SHOW(mount(0, "b", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0));
  SHOW(mount(0, "a", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0));
  mkdir("t", 0755);
  SHOW(mount("t", "t", "tmpfs", MS_RDONLY, 0));
  SHOW(mkdir("t/x", 0755));
  SHOW(mount("t", "t", 0, MS_REMOUNT, 0));
  SHOW(mkdir("t/x", 0755));
}

GUEST(flags_of_mounts) {
  mkdir("t", 0755);
  SHOW(mount("t", "t", "tmpfs", MS_NODEV | MS_NOEXEC | MS_NOSUID, "mode=750,size=1m"));
  SHOW(mknod("t/null", S_IFCHR | 0666, 0x103));
  SHOW(open("t/null", O_RDONLY));
  guest_write_file("t/x", "#!/bin/sh\n");
  chmod("t/x", 0755);
  SHOW(access("t/x", X_OK));
  char* arguments[] = {"x", 0};
  SHOW(execv("t/x", arguments));
  show_mounts();
  SHOW(mount(0, "t", 0, MS_REMOUNT | MS_BIND | MS_NOATIME, 0));
  show_mounts();
  SHOW(open("t/null", O_RDONLY) >= 0);
  struct stat st;
  stat("t", &st);
  SAY("%o\n", st.st_mode);
}

GUEST(mount_says_no) {
  tree();
  SHOW(mount("x", "a", "nosuchfs", 0, 0));
  SHOW(mount("x", "missing", "tmpfs", 0, 0));
  SHOW(mount("x", "a/f", "tmpfs", 0, 0));
  SHOW(mount("x", "a", "tmpfs", 0, "nonsense=1"));
  SHOW(mount("x", "a", "tmpfs", 0, "size=abc"));
  SHOW(mount("x", "a", 0, 0, 0));
  SHOW(mount("x", "a", 0, MS_REMOUNT, 0));
  SHOW(mount("x", "a", 0, MS_SHARED, 0));
  SHOW(mount("b", "a", 0, MS_MOVE, 0));
  SHOW(mount(0, "a", 0, MS_BIND, 0));
  SHOW(mount("x", "a", "tmpfs", 0, 0));
  SHOW(mount(0, "a", 0, MS_SHARED | MS_SLAVE, 0));
  SHOW(mount(0, "a", 0, MS_SHARED | MS_RDONLY, 0));
  SHOW(umount("b"));
  SHOW(umount("missing"));
  SHOW(umount2("a", 64));
  SHOW(umount2("a", MNT_EXPIRE | MNT_DETACH));
  int fd = open("a", O_RDONLY);
  SHOW(umount("a"));
  close(fd);
  SHOW(umount2("a", MNT_EXPIRE));
  SHOW(umount2("a", MNT_EXPIRE));
  SHOW(umount2("a", MNT_EXPIRE));
  symlink("b", "l");
  bind("a", "b", 0);
  SHOW(umount2("l", UMOUNT_NOFOLLOW));
  SHOW(umount2("l", 0));
}

GUEST(mounts_on_mounts) {
  mkdir("a", 0755);
  mount("one", "a", "tmpfs", 0, 0);
  guest_write_file("a/o", "1");
  mount("two", "a", "tmpfs", 0, 0);
  guest_write_file("a/t", "2");
  list("a");
  mkdir("a/i", 0755);
  mount("three", "a/i", "tmpfs", 0, 0);
  SHOW(umount("a"));
  SHOW(umount("a/i"));
  SHOW(umount("a"));
  list("a");
  SHOW(umount2("a", MNT_DETACH));
  list("a");
  SHOW(umount("a"));
}

GUEST(a_mount_that_is_detached_while_it_is_used) {
  mkdir("a", 0755);
  mount("one", "a", "tmpfs", 0, 0);
  guest_write_file("a/f", "still here");
  int fd = open("a/f", O_RDWR), directory = open("a", O_RDONLY);
  chdir("a");
  SHOW(umount("/tmp/a"));
  SHOW(umount2("/tmp/a", MNT_DETACH));
  char text[64] = "";
  SHOW(read(fd, text, sizeof text));
  SHOW(write(fd, "!", 1));
  SHOW(openat(directory, "f", O_RDONLY) >= 0);
  SHOW(mkdir("new", 0755));
  SHOW(syscall(SYS_getcwd, text, sizeof text));
  SAY("%s\n", text);
  struct stat st;
  SHOW(stat("../f", &st));
  SHOW(stat("/tmp/a/f", &st));
  SHOW(mount("x", "new", "tmpfs", 0, 0));
}

GUEST(moving_a_mount) {
  mkdir("a", 0755);
  mkdir("b", 0755);
  guest_write_file("f", "");
  mount("one", "a", "tmpfs", 0, 0);
  mkdir("a/d", 0755);
  mount("two", "a/d", "tmpfs", 0, 0);
  guest_write_file("a/d/z", "");
  SHOW(mount("a", "b", 0, MS_MOVE, 0));
  list("a");
  list("b/d");
  SHOW(mount("b", "b/d", 0, MS_MOVE, 0));
  SHOW(mount("b/d", "f", 0, MS_MOVE, 0));
  SHOW(mount("b/d", "a", 0, MS_MOVE, 0));
  list("a");
  show_mounts();
}

GUEST(recursive_binds) {
  tree();
  mount("t", "a/d", "tmpfs", 0, 0);
  guest_write_file("a/d/x", "");
  mkdir("c", 0755);
  SHOW(bind("a", "b", 0));
  SHOW(bind("a", "c", MS_REC));
  list("b/d");
  list("c/d");
  SHOW(umount("c"));
  SHOW(umount2("c", MNT_DETACH));
  SHOW(mount(0, "a/d", 0, MS_UNBINDABLE, 0));
  SHOW(bind("a/d", "c", 0));
  SHOW(bind("a", "c", MS_REC));
  list("c/d");
  SHOW(bind("c", "c/d", MS_REC));
  show_mounts();
}

GUEST(shared_mounts_propagate) {
  mkdir("a", 0755);
  mkdir("b", 0755);
  mount("one", "a", "tmpfs", 0, 0);
  mkdir("a/d", 0755);
  mount(0, "a", 0, MS_SHARED, 0);
  bind("a", "b", 0);
  mount("two", "a/d", "tmpfs", 0, 0);
  guest_write_file("a/d/x", "");
  list("b/d");
  mkdir("b/d/i", 0755);
  mount("three", "b/d/i", "tmpfs", 0, 0);
  show_mounts();
  SHOW(umount("b/d/i"));
  show_mounts();
  SHOW(umount("a/d"));
  show_mounts();
}

GUEST(slaves_get_and_do_not_give) {
  mkdir("m", 0755);
  mkdir("s", 0755);
  mkdir("p", 0755);
  mount("one", "m", "tmpfs", 0, 0);
  mkdir("m/d", 0755);
  mkdir("m/e", 0755);
  mount(0, "m", 0, MS_SHARED, 0);
  bind("m", "s", 0);
  bind("m", "p", 0);
  SHOW(mount(0, "s", 0, MS_SLAVE, 0));
  SHOW(mount(0, "p", 0, MS_PRIVATE, 0));
  mount("two", "m/d", "tmpfs", 0, 0);
  mount("three", "s/e", "tmpfs", 0, 0);
  show_mounts();
  SHOW(mount(0, "s", 0, MS_SHARED, 0));
  bind("s", "p", 0);
  SHOW(umount("m/d"));
  mount("four", "m/e", "tmpfs", 0, 0);
  show_mounts();
  SHOW(mount(0, "m", 0, MS_PRIVATE, 0));
  show_mounts();
}

GUEST(propagation_between_namespaces) {
  mkdir("sh", 0755);
  mkdir("pr", 0755);
  mount("one", "sh", "tmpfs", 0, 0);
  mount("two", "pr", "tmpfs", 0, 0);
  mkdir("sh/d", 0755);
  mkdir("pr/d", 0755);
  mount(0, "sh", 0, MS_SHARED, 0);
  int go[2], back[2];
  pipe(go);
  pipe(back);
  char byte;
  pid_t child = fork();
  if (child == 0) {
    unshare(CLONE_NEWNS);
    write(back[1], "x", 1);
    read(go[0], &byte, 1);
    list("sh/d");
    list("pr/d");
    mount("in", "sh/d", "tmpfs", 0, 0);
    guest_write_file("sh/d/i", "");
    SHOW(mount(0, "sh", 0, MS_SLAVE, 0));
    SHOW(umount("sh/d"));
    _exit(0);
  }
  read(back[0], &byte, 1);
  mount("three", "sh/d", "tmpfs", 0, 0);
  mount("four", "pr/d", "tmpfs", 0, 0);
  guest_write_file("sh/d/s", "");
  guest_write_file("pr/d/p", "");
  write(go[1], "x", 1);
  guest_wait("child", child);
  list("sh/d");
  show_mounts();
}

GUEST(names_that_are_mount_points_elsewhere) {
  mkdir("a", 0755);
  int go[2], back[2];
  pipe(go);
  pipe(back);
  char byte;
  pid_t child = fork();
  if (child == 0) {
    unshare(CLONE_NEWNS);
    mount("in", "a", "tmpfs", 0, 0);
    guest_write_file("a/i", "");
    write(back[1], "x", 1);
    read(go[0], &byte, 1);
    list("a");
    struct stat st;
    SHOW(stat("a", &st));
    SHOW(stat("b", &st));
    _exit(0);
  }
  read(back[0], &byte, 1);
  SHOW(rename("a", "b"));
  SHOW(rename("b", "a"));
  SHOW(rmdir("a"));
  write(go[1], "x", 1);
  guest_wait("child", child);
}

static int pivot(const char* fresh, const char* old) {
  return (int)syscall(SYS_pivot_root, fresh, old);
}

GUEST(pivoting_the_root) {
  mkdir("new", 0755);
  mkdir("dir", 0755);
  SHOW(pivot("new", "new"));
  mount("root", "new", "tmpfs", 0, 0);
  mkdir("new/old", 0755);
  guest_write_file("new/here", "");
  SHOW(pivot("dir", "new/old"));
  SHOW(pivot("new", "dir"));
  SHOW(pivot("new/here", "new/old"));
  SHOW(pivot("new", "missing"));
  mkdir("new/sub", 0755);
  SHOW(pivot("new/sub", "new/sub"));
  SHOW(pivot("new", "new/old"));
  char text[128];
  SAY("%s\n", getcwd(text, sizeof text));
  struct stat st;
  SHOW(stat("/here", &st));
  SHOW(stat("/old/tmp/dir", &st));
  SHOW(chdir("/"));
  SHOW(umount("/old"));
  SHOW(umount2("/old", MNT_DETACH));
  SHOW(stat("/old/tmp", &st));
  SHOW(rmdir("/old"));
}

GUEST(pivoting_onto_itself) {
  mkdir("new", 0755);
  mount("root", "new", "tmpfs", 0, 0);
  guest_write_file("new/here", "");
  SHOW(chdir("new"));
  int old = open("/", O_RDONLY);
  SHOW(pivot(".", "."));
  struct stat st;
  SHOW(stat("/here", &st));
  SHOW(fchdir(old));
  SHOW(stat("here", &st));
  SHOW(umount2(".", MNT_DETACH));
  SHOW(chdir("/"));
  SHOW(stat("here", &st));
  SHOW(stat("/tmp", &st));
  SHOW(umount2("/", MNT_DETACH) == 0);
}

GUEST(pivoting_below_shared_mounts) {
  mkdir("up", 0755);
  mount("up", "up", "tmpfs", 0, 0);
  mkdir("up/new", 0755);
  mount("root", "up/new", "tmpfs", 0, 0);
  mkdir("up/new/old", 0755);
  mount(0, "up", 0, MS_SHARED, 0);
  SHOW(pivot("up/new", "up/new/old"));
  mount(0, "up", 0, MS_PRIVATE, 0);
  mount(0, "up/new", 0, MS_SHARED, 0);
  SHOW(pivot("up/new", "up/new/old"));
  mount(0, "up/new", 0, MS_PRIVATE, 0);
  SHOW(pivot("up/new", "up/new/old"));
}

GUEST(attributes_of_mounts_recursively) {
  struct {
    uint64_t set, clear, propagation, userns;
  } change = {1, 0, 0, 0};
  mkdir("a", 0755);
  mount("one", "a", "tmpfs", 0, 0);
  mkdir("a/d", 0755);
  mount("two", "a/d", "tmpfs", 0, 0);
  SHOW(syscall(442, AT_FDCWD, "a", 0x8000, &change, sizeof change));
  SHOW(mkdir("a/x", 0755));
  SHOW(mkdir("a/d/x", 0755));
  change.set = 0x10, change.clear = 0x71;
  SHOW(syscall(442, AT_FDCWD, "a", 0, &change, sizeof change));
  show_mounts();
  change.set = 0x10, change.clear = 0;
  SHOW(syscall(442, AT_FDCWD, "a", 0, &change, sizeof change));
  change.set = 0, change.propagation = MS_SHARED | MS_SLAVE;
  SHOW(syscall(442, AT_FDCWD, "a", 0, &change, sizeof change));
  change.propagation = 0;
  SHOW(syscall(442, AT_FDCWD, "a", 0, &change, 8));
  SHOW(syscall(442, AT_FDCWD, "b", 0, &change, sizeof change));
}

GUEST(a_less_privileged_mount_namespace) {
  mkdir("a", 0755);
  mkdir("b", 0755);
  mount("one", "a", "tmpfs", MS_NOSUID, 0);
  mkdir("a/d", 0755);
  mount("two", "a/d", "tmpfs", MS_RDONLY, 0);
  pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) _exit(9);
    SHOW(umount("a/d"));
    SHOW(umount2("a/d", MNT_DETACH));
    SHOW(mount(0, "a/d", 0, MS_REMOUNT | MS_BIND, 0));
    SHOW(mount(0, "a/d", 0, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV, 0));
    SHOW(bind("a", "b", 0));
    SHOW(bind("a", "b", MS_REC));
    SHOW(umount("b/d"));
    SHOW(umount2("b", MNT_DETACH));
    SHOW(mount("t", "b", "tmpfs", 0, 0));
    SHOW(umount("b"));
    SHOW(mount("s", "b", "sysfs", 0, 0) == 5);
    _exit(0);
  }
  guest_wait("child", child);
}
