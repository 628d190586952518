// /proc/PID/ns and nsfs: links, bind mounts, ioctls; uid_map and its like. namespaces(7), user_namespaces(7).
#include "guest.h"

#include <sys/ioctl.h>

#define NS_USERNS _IO(0xb7, 1)
#define NS_PARENT _IO(0xb7, 2)
#define NS_NSTYPE _IO(0xb7, 3)
#define NS_OWNER _IO(0xb7, 4)

static const char* link_of(const char* path) {
  static char text[64];
  ssize_t got = readlink(path, text, sizeof text - 1);
  text[got > 0 ? got : 0] = 0;
  return text;
}

GUEST(ns_links_have_a_name_and_a_number) {
  const char* names[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "user", "uts"};
  for (unsigned at = 0; at < sizeof names / sizeof *names; ++at) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[at]);
    const char* text = link_of(path);
    struct stat node;
    int result = stat(path, &node);
    SAY("%s %.*s %d %o same number %d\n", names[at], (int)strcspn(text, ":"), text, result, node.st_mode,
        strtoul(strchr(text, '[') ? strchr(text, '[') + 1 : "0", 0, 10) == node.st_ino);
  }
  SHOW(access("/proc/self/ns/nothing", F_OK));
}

GUEST(a_new_namespace_has_another_number) {
  char before[64];
  snprintf(before, sizeof before, "%s", link_of("/proc/self/ns/uts"));
  SHOW(unshare(CLONE_NEWUTS));
  SAY("same %d\n", strcmp(before, link_of("/proc/self/ns/uts")) == 0);
  snprintf(before, sizeof before, "%s", link_of("/proc/self/ns/pid"));
  SHOW(unshare(CLONE_NEWPID));
  SAY("pid same %d\n", strcmp(before, link_of("/proc/self/ns/pid")) == 0);
  SHOW(access("/proc/self/ns/pid_for_children", F_OK));
  SAY("for children [%s]\n", link_of("/proc/self/ns/pid_for_children"));
}

GUEST(a_namespace_file_leads_back_by_setns) {
  sethostname("outer", 5);
  int fd = open("/proc/self/ns/uts", O_RDONLY);
  SHOW(unshare(CLONE_NEWUTS));
  sethostname("inner", 5);
  SHOW(setns(fd, CLONE_NEWNET));
  SHOW(setns(fd, CLONE_NEWUTS));
  char name[65];
  gethostname(name, sizeof name);
  SAY("%s\n", name);
  SHOW(setns(0, 0));
  SHOW(setns(open("/proc/self/stat", O_RDONLY), 0));
  SHOW(setns(99, 0));
}

GUEST(a_bind_mount_keeps_a_namespace) {
  guest_write_file("kept", "");
  sethostname("outer", 5);
  pid_t child = fork();
  if (child == 0) {
    unshare(CLONE_NEWUTS);
    sethostname("inner", 5);
    SHOW(mount("/proc/self/ns/uts", "kept", 0, MS_BIND, 0));
    _exit(0);
  }
  guest_wait("child", child);
  int fd = open("kept", O_RDONLY);
  SHOW(setns(fd, CLONE_NEWUTS));
  char name[65];
  gethostname(name, sizeof name);
  SAY("%s\n", name);
  SHOW(umount("kept"));
  struct stat node;
  stat("kept", &node);
  SAY("size %ld\n", (long)node.st_size);
}

GUEST(ioctls_tell_about_namespaces) {
  int uts = open("/proc/self/ns/uts", O_RDONLY), user = open("/proc/self/ns/user", O_RDONLY),
      pid = open("/proc/self/ns/pid", O_RDONLY);
  SAY("%x %x %x\n", ioctl(uts, NS_NSTYPE), ioctl(user, NS_NSTYPE), ioctl(pid, NS_NSTYPE));
  int owner = ioctl(uts, NS_USERNS);
  SAY("owner %s\n", owner >= 0 ? "opens" : strerrorname_np(errno));
  struct stat one, two;
  fstat(owner, &one);
  fstat(user, &two);
  SAY("same %d\n", one.st_ino == two.st_ino);
  SHOW(ioctl(uts, NS_PARENT));
  SHOW(ioctl(user, NS_PARENT));
  SHOW(ioctl(user, NS_USERNS));
  SHOW(ioctl(pid, NS_PARENT));
  uid_t uid = 77;
  SHOW(ioctl(user, NS_OWNER, &uid));
  SAY("%u\n", uid);
  SHOW(ioctl(uts, NS_OWNER, &uid));
  SHOW(ioctl(uts, 0x1234));
  SHOW(write(uts, "x", 1));
  SHOW(fcntl(owner, F_GETFD));
}

static int wrote(const char* path, const char* text) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -1;
  ssize_t result = write(fd, text, strlen(text));
  int error = errno;
  close(fd);
  errno = error;
  return (int)result;
}

GUEST(uid_map_is_written_once) {
  SAY("[%s]\n", guest_read_file("/proc/self/uid_map"));
  pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWUSER) != 0) SKIP("no user namespaces");
    SAY("[%s] %d\n", guest_read_file("/proc/self/uid_map"), getuid());
    SHOW(wrote("/proc/self/uid_map", "0 0"));
    SHOW(wrote("/proc/self/uid_map", "0 0 0"));
    SHOW(wrote("/proc/self/uid_map", "x 0 1"));
    SHOW(wrote("/proc/self/uid_map", "0 0 1\n0 5 1\n"));
    SHOW(wrote("/proc/self/uid_map", "0 0 1\n"));
    SAY("[%s] %d\n", guest_read_file("/proc/self/uid_map"), getuid());
    SHOW(wrote("/proc/self/uid_map", "0 0 1\n"));
    SAY("%s", guest_read_file("/proc/self/setgroups"));
    SHOW(wrote("/proc/self/setgroups", "deny"));
    SAY("%s", guest_read_file("/proc/self/setgroups"));
    SHOW(wrote("/proc/self/gid_map", "0 0 1"));
    SAY("[%s]\n", guest_read_file("/proc/self/gid_map"));
    gid_t group = 0;
    SHOW(setgroups(1, &group));
    SHOW(wrote("/proc/self/setgroups", "allow"));
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(an_ordinary_user_maps_only_himself) {
  pid_t child = fork();
  if (child == 0) {
    setgroups(0, 0);
    setresgid(1000, 1000, 1000);
    setresuid(1000, 1000, 1000);
    prctl(PR_SET_DUMPABLE, 1);
    if (unshare(CLONE_NEWUSER) != 0) SKIP("no user namespaces");
    SHOW(wrote("/proc/self/uid_map", "0 1000 2"));
    SHOW(wrote("/proc/self/uid_map", "0 0 1"));
    SHOW(wrote("/proc/self/gid_map", "0 1000 1"));
    SHOW(wrote("/proc/self/uid_map", "0 1000 1"));
    SHOW(wrote("/proc/self/setgroups", "deny"));
    SHOW(wrote("/proc/self/gid_map", "0 1000 1"));
    SAY("%d %d\n", getuid(), getgid());
    SAY("[%s]\n", guest_read_file("/proc/self/uid_map"));
    struct stat node;
    stat("/", &node);
    SAY("root's files belong to %u\n", node.st_uid);
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(cgroup_namespaces_show_their_root) {
  const char* text = guest_read_file("/proc/self/cgroup");
  SAY("ends with a unified line %d\n", strstr(text, "0::/") != 0);
  SHOW(unshare(CLONE_NEWCGROUP));
  text = guest_read_file("/proc/self/cgroup");
  const char* unified = strstr(text, "0::");
  SAY("%s", unified ? unified : "(none)\n");
}
