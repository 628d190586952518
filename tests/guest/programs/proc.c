// /proc: what it shows of a process and of the system, and who may look. proc(5).
#include "guest.h"

#include <dirent.h>
#include <sys/utsname.h>

// The line of a "Name:\tvalue" file that begins with `name`.
static const char* line_of(const char* path, const char* name) {
  static char line[512];
  FILE* file = fopen(path, "r");
  size_t length = strlen(name);
  if (!file) {
    snprintf(line, sizeof line, "(%s)", strerrorname_np(errno));
    return line;
  }
  while (fgets(line, sizeof line, file))
    if (strncmp(line, name, length) == 0) {
      fclose(file);
      line[strcspn(line, "\n")] = 0;
      return line;
    }
  fclose(file);
  return "(no such line)";
}

static char field_text[256];
// Field `number` of stat, counted as proc(5) does.
static const char* stat_field(const char* path, int number) {
  static char text[2048];
  snprintf(text, sizeof text, "%s", guest_read_file(path));
  char* at = strrchr(text, ')');
  if (!at) return text;
  at += 2;
  for (int field = 3; field < number && at; ++field) {
    at = strchr(at, ' ');
    if (at) ++at;
  }
  snprintf(field_text, sizeof field_text, "%s", at ? at : "(none)");
  field_text[strcspn(field_text, " \n")] = 0;
  return field_text;
}

GUEST(proc_self_is_the_reader) {
  char text[64];
  ssize_t got = readlink("/proc/self", text, sizeof text - 1);
  text[got > 0 ? got : 0] = 0;
  SAY("self %d\n", atoi(text) == getpid());
  got = readlink("/proc/thread-self", text, sizeof text - 1);
  text[got > 0 ? got : 0] = 0;
  char expected[64];
  snprintf(expected, sizeof expected, "%d/task/%d", getpid(), getpid());
  SAY("thread-self %d\n", strcmp(text, expected) == 0);
  SHOW(access("/proc/1/stat", F_OK));
  SHOW(access("/proc/99999", F_OK));
  SHOW(access("/proc/01", F_OK));
  SHOW(access("/proc/self/task/1", F_OK));
}

GUEST(proc_stat_has_52_fields) {
  const char* stat = guest_read_file("/proc/self/stat");
  int fields = 1;
  const char* at = strrchr(stat, ')');
  for (const char* c = stat; *c; ++c)
    if (*c == ' ' && c >= at) ++fields;
  SAY("%d fields after the name\n", fields);
  SAY("name %.7s\n", strchr(stat, '('));
  SAY("state %s\n", stat_field("/proc/self/stat", 3));
  SAY("ppid %d\n", atoi(stat_field("/proc/self/stat", 4)) == getppid());
  SAY("pgrp %d\n", atoi(stat_field("/proc/self/stat", 5)) == getpgrp());
  SAY("session %d\n", atoi(stat_field("/proc/self/stat", 6)) == getsid(0));
  setpriority(PRIO_PROCESS, 0, 4);
  SAY("nice %s\n", stat_field("/proc/self/stat", 19));
  SAY("threads %s\n", stat_field("/proc/self/stat", 20));
  SAY("exit signal %s\n", stat_field("/proc/self/stat", 38));
  SHOW(nice(3));
  SAY("priority %s\n", stat_field("/proc/self/stat", 18));
}

GUEST(proc_status_tells_ids_and_signals) {
  prctl(PR_SET_NAME, "na me\\x");
  SAY("%s\n", line_of("/proc/self/status", "Name:"));
  umask(0127);
  SAY("%s\n", line_of("/proc/self/status", "Umask:"));
  SAY("%s\n", line_of("/proc/self/status", "State:"));
  SAY("%s\n", line_of("/proc/self/status", "TracerPid:"));
  gid_t groups[3] = {7, 3, 5};
  setgroups(3, groups);
  SAY("[%s]\n", line_of("/proc/self/status", "Groups:"));
  signal(SIGUSR1, SIG_IGN);
  signal(SIGTERM, (void (*)(int))guest_pause);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigaddset(&set, SIGRTMIN + 3);
  sigprocmask(SIG_BLOCK, &set, 0);
  kill(getpid(), SIGUSR2);
  SAY("%s\n%s\n", line_of("/proc/self/status", "SigPnd:"), "");
  SAY("%s\n", line_of("/proc/self/status", "ShdPnd:"));
  SAY("%s\n", line_of("/proc/self/status", "SigBlk:"));
  SAY("%s\n", line_of("/proc/self/status", "SigIgn:"));
  SAY("%s\n", line_of("/proc/self/status", "SigCgt:"));
  prctl(PR_CAPBSET_DROP, 5);
  setresgid(1, 2, 3);
  setresuid(1, 2, 3);
  SAY("%s\n", line_of("/proc/self/status", "Uid:"));
  SAY("%s\n", line_of("/proc/self/status", "Gid:"));
  SAY("%s\n", line_of("/proc/self/status", "CapInh:"));
  SAY("%s\n", line_of("/proc/self/status", "CapEff:"));
  SAY("%s\n", line_of("/proc/self/status", "NoNewPrivs:"));
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  SAY("%s\n", line_of("/proc/self/status", "NoNewPrivs:"));
  SAY("%s\n", line_of("/proc/self/status", "Seccomp:"));
  SAY("%s\n", line_of("/proc/self/status", "Threads:"));
}

GUEST(proc_status_shows_the_numbers_in_each_pid_namespace) {
  if (unshare(CLONE_NEWPID) != 0) SKIP("no pid namespaces");
  pid_t child = fork();
  if (child == 0) {
    setsid();
    guest_pause();
    guest_pause();
    _exit(0);
  }
  guest_pause();
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/status", child);
  int outer = 0, inner = 0;
  sscanf(line_of(path, "NSpid:"), "NSpid:\t%d\t%d", &outer, &inner);
  SAY("outer %d inner %d\n", outer == child, inner);
  sscanf(line_of(path, "NSsid:"), "NSsid:\t%d\t%d", &outer, &inner);
  SAY("session: outer %d inner %d\n", outer == child, inner);
  guest_wait("child", child);
}

GUEST(comm_can_be_written_by_the_process_itself) {
  SHOW(open("/proc/self/comm", O_WRONLY | O_TRUNC) >= 0);
  int fd = open("/proc/self/comm", O_WRONLY);
  SHOW(write(fd, "a name that is too long", 23));
  SAY("%s", guest_read_file("/proc/self/comm"));
  char name[17] = "";
  prctl(PR_GET_NAME, name);
  SAY("%s\n", name);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/comm", getppid());
  fd = open(path, O_WRONLY);
  SHOW(write(fd, "x", 1));
}

HELPER(print_cmdline) {
  int fd = open("/proc/self/cmdline", O_RDONLY);
  char text[256];
  ssize_t got = read(fd, text, sizeof text);
  for (ssize_t at = 0; at < got; ++at) SAY("%c", text[at] ? text[at] : '|');
  SAY("\n");
  fd = open("/proc/self/environ", O_RDONLY);
  got = read(fd, text, sizeof text);
  for (ssize_t at = 0; at < got; ++at) SAY("%c", text[at] ? text[at] : '|');
  SAY("\n");
}
GUEST(cmdline_and_environ_are_what_exec_was_given) {
  if (fork() == 0) {
    char* arguments[] = {"zero", "--", "print_cmdline", "", "two words", 0};
    char* environment[] = {"A=1", "B=", 0};
    execve(guest_program, arguments, environment);
    _exit(9);
  }
  wait(0);
  pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info;
  waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  char path[64], byte;
  snprintf(path, sizeof path, "/proc/%d/cmdline", child);
  SAY("zombie: %zd bytes\n", read(open(path, O_RDONLY), &byte, 1));
  snprintf(path, sizeof path, "/proc/%d/exe", child);
  SHOW(readlink(path, &byte, 1));
  snprintf(path, sizeof path, "/proc/%d/cwd", child);
  SHOW(readlink(path, &byte, 1));
  snprintf(path, sizeof path, "/proc/%d/fd", child);
  DIR* fds = opendir(path);
  SAY("fd: %s\n", fds ? "opens" : strerrorname_np(errno));
  snprintf(path, sizeof path, "/proc/%d/maps", child);
  SAY("maps: %zd bytes\n", read(open(path, O_RDONLY), &byte, 1));
  wait(0);
}

static void show_link(const char* path) {
  char text[256];
  ssize_t got = readlink(path, text, sizeof text - 1);
  text[got > 0 ? got : 0] = 0;
  SAY("%s -> %s\n", path, got >= 0 ? text : strerrorname_np(errno));
}

GUEST(links_of_proc_lead_where_they_say) {
  mkdir("/tmp/dir", 0755);
  chdir("/tmp/dir");
  show_link("/proc/self/cwd");
  show_link("/proc/self/root");
  int fd = open("/tmp/file with\nbreak", O_RDWR | O_CREAT, 0600);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  show_link(path);
  unlink("/tmp/file with\nbreak");
  show_link(path);
  SHOW(write(fd, "still there", 11));
  int again = open(path, O_RDONLY);
  char text[32] = "";
  SHOW(read(again, text, sizeof text - 1));
  SAY("%s\n", text);
  rmdir("/tmp/dir");
  show_link("/proc/self/cwd");
  SHOW(open("/proc/self/fd/77", O_RDONLY));
  SHOW(open("/proc/self/fd/-1", O_RDONLY));
  SHOW(open("/proc/self/fd/007", O_RDONLY));
  struct stat node;
  SHOW(lstat(path, &node));
  SAY("%o size %ld\n", node.st_mode, (long)node.st_size);
  int only_read = open("/dev/null", O_RDONLY), only_write = open("/dev/null", O_WRONLY);
  snprintf(path, sizeof path, "/proc/self/fd/%d", only_read);
  lstat(path, &node);
  SAY("%o\n", node.st_mode);
  snprintf(path, sizeof path, "/proc/self/fd/%d", only_write);
  lstat(path, &node);
  SAY("%o\n", node.st_mode);
}

GUEST(links_of_nameless_files_name_their_kind) {
  int ends[2];
  pipe(ends);
  char path[64], text[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
  ssize_t got = readlink(path, text, sizeof text - 1);
  text[got > 0 ? got : 0] = 0;
  SAY("%.6s\n", text);
  struct stat node;
  fstat(ends[0], &node);
  SAY("same number %d\n", strtoul(text + 6, 0, 10) == node.st_ino);
  int copy = open(path, O_WRONLY | O_NONBLOCK);
  SHOW(copy >= 0);
  SHOW(write(copy, "through", 7));
  SHOW(read(ends[0], text, sizeof text));
}

GUEST(fdinfo_tells_position_and_flags) {
  guest_write_file("file", "0123456789");
  int fd = open("file", O_RDWR | O_APPEND | O_NONBLOCK);
  lseek(fd, 4, SEEK_SET);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  SAY("%s\n", line_of(path, "pos:"));
  SAY("%s\n", line_of(path, "flags:"));
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  SAY("%s\n", line_of(path, "flags:"));
}

GUEST(listing_fds_shows_just_those_open) {
  int fd = open("/dev/null", O_RDONLY);
  dup2(fd, 20);
  close(fd);
  DIR* directory = opendir("/proc/self/fd");
  int own = dirfd(directory);
  struct dirent* entry;
  while ((entry = readdir(directory)))
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != own && atoi(entry->d_name) > 2 && atoi(entry->d_name) < 64)
      SAY("%s type %d\n", entry->d_name, entry->d_type);
}

GUEST(maps_lines_have_their_form) {
  char* page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(page, 4096, PROT_READ);
  guest_write_file("mapped", "x");
  int fd = open("mapped", O_RDWR);
  ftruncate(fd, 8192);
  char* file = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[512];
  while (fgets(line, sizeof line, maps)) {
    unsigned long start, end, offset, inode;
    char flags[8];
    unsigned major, minor;
    if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu", &start, &end, flags, &offset, &major, &minor, &inode) != 7)
      SAY("unreadable: %s", line);
    char* name = strchr(line, '/') ? strchr(line, '/') : strchr(line, '[');
    if (start == (unsigned long)page) SAY("anonymous %s inode %lu\n", flags, inode);
    if (start == (unsigned long)page + 4096) SAY("second page %s\n", flags);
    if (start == (unsigned long)file) SAY("file %s offset %lx column %ld %s", flags, offset, (long)(name - line), name);
    if (name && strncmp(name, "[stack]", 7) == 0) SAY("stack %s column %ld\n", flags, (long)(name - line));
  }
}

GUEST(limits_are_a_table) {
  struct rlimit limit = {123, 456};
  setrlimit(RLIMIT_NOFILE, &limit);
  struct rlimit core = {0, RLIM_INFINITY};
  setrlimit(RLIMIT_CORE, &core);
  SAY("[%s]\n", line_of("/proc/self/limits", "Limit"));
  SAY("[%s]\n", line_of("/proc/self/limits", "Max open files"));
  SAY("[%s]\n", line_of("/proc/self/limits", "Max core file size"));
  SAY("[%s]\n", line_of("/proc/self/limits", "Max nice priority"));
  SAY("[%s]\n", line_of("/proc/self/limits", "Max cpu time"));
}

GUEST(others_may_not_look_into_roots_process) {
  char path[64];
  pid_t target = getpid();
  pid_t child = fork();
  if (child == 0) {
    setgroups(0, 0);
    setresgid(1000, 1000, 1000);
    setresuid(1000, 1000, 1000);
    const char* files[] = {"environ", "maps", "auxv", "io", "stat", "status", "cmdline", "limits", "syscall", "personality"};
    for (unsigned at = 0; at < sizeof files / sizeof *files; ++at) {
      snprintf(path, sizeof path, "/proc/%d/%s", target, files[at]);
      int fd = open(path, O_RDONLY);
      SAY("%s: %s\n", files[at], fd >= 0 ? "opens" : strerrorname_np(errno));
    }
    const char* links[] = {"exe", "cwd", "root", "ns/mnt"};
    for (unsigned at = 0; at < sizeof links / sizeof *links; ++at) {
      snprintf(path, sizeof path, "/proc/%d/%s", target, links[at]);
      char text[64];
      SAY("%s: %s\n", links[at], readlink(path, text, sizeof text) >= 0 ? "reads" : strerrorname_np(errno));
    }
    snprintf(path, sizeof path, "/proc/%d/fd", target);
    SAY("fd: %s\n", opendir(path) ? "opens" : strerrorname_np(errno));
    SAY("own fd: %s\n", opendir("/proc/self/fd") ? "opens" : strerrorname_np(errno));
    SAY("own ns: %s\n", opendir("/proc/self/ns") ? "opens" : strerrorname_np(errno));
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(owner_of_proc_files_is_the_process) {
  pid_t child = fork();
  if (child == 0) {
    setresgid(1001, 1002, 1003);
    setresuid(1001, 1002, 1003);
    prctl(PR_SET_DUMPABLE, 1);
    guest_pause();
    guest_pause();
    prctl(PR_SET_DUMPABLE, 0);
    guest_pause();
    guest_pause();
    _exit(0);
  }
  guest_pause();
  char path[64];
  struct stat node;
  const char* files[] = {"", "/stat", "/fd", "/task"};
  for (int turn = 0; turn < 2; ++turn) {
    for (int at = 0; at < 4; ++at) {
      snprintf(path, sizeof path, "/proc/%d%s", child, files[at]);
      SAY("%d ", stat(path, &node));
      SAY("%s %o %d %d\n", files[at], node.st_mode, node.st_uid, node.st_gid);
    }
    guest_pause();
    guest_pause();
  }
  kill(child, SIGKILL);
  wait(0);
}

GUEST(oom_score_adj_can_be_raised_by_anybody) {
  int fd = open("/proc/self/oom_score_adj", O_RDWR);
  SHOW(write(fd, "500", 3));
  SAY("%s", guest_read_file("/proc/self/oom_score_adj"));
  SHOW(write(fd, "1001", 4));
  SHOW(write(fd, "x", 1));
  SAY("%s", guest_read_file("/proc/self/oom_score_adj"));
  SAY("%s", guest_read_file("/proc/self/oom_adj"));
  pid_t child = fork();
  if (child == 0) {
    setresuid(1000, 1000, 1000);
    prctl(PR_SET_DUMPABLE, 1);
    fd = open("/proc/self/oom_score_adj", O_WRONLY);
    SHOW(write(fd, "300", 3));
    SHOW(write(fd, "-5", 2));
    SAY("%s", guest_read_file("/proc/self/oom_score_adj"));
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(a_process_is_gone_from_proc_when_it_was_waited_for) {
  char path[64];
  pid_t child = fork();
  if (child == 0) _exit(0);
  snprintf(path, sizeof path, "/proc/%d", child);
  int directory = open(path, O_RDONLY | O_DIRECTORY);
  int status = openat(directory, "status", O_RDONLY);
  wait(0);
  SHOW(access(path, F_OK));
  char byte;
  SHOW(read(status, &byte, 1));
  SHOW(openat(directory, "stat", O_RDONLY));
}

GUEST(proc_lists_pids_in_order) {
  DIR* directory = opendir("/proc");
  struct dirent* entry;
  int last = 0, ordered = 1, count = 0, has_self = 0, has_meminfo = 0;
  while ((entry = readdir(directory))) {
    int pid = atoi(entry->d_name);
    if (pid > 0) {
      ordered &= pid > last;
      last = pid;
      ++count;
    }
    has_self |= strcmp(entry->d_name, "self") == 0;
    has_meminfo |= strcmp(entry->d_name, "meminfo") == 0;
  }
  SAY("ordered %d processes %d self %d meminfo %d\n", ordered, count, has_self, has_meminfo);
}

GUEST(proc_refuses_changes) {
  SHOW(mkdir("/proc/x", 0755));
  SHOW(unlink("/proc/meminfo"));
  SHOW(open("/proc/new", O_WRONLY | O_CREAT, 0644));
  SHOW(rename("/proc/stat", "/proc/stat2"));
  SHOW(symlink("a", "/proc/self/b"));
  SHOW(chmod("/proc/self/stat", 0777));
  SHOW(rmdir("/proc/self"));
  SHOW(rmdir("/proc/1"));
  SHOW(lseek(open("/proc/meminfo", O_RDONLY), 0, SEEK_END));
}

GUEST(system_files_have_their_lines) {
  const char* fields[] = {"MemTotal:", "MemFree:", "MemAvailable:", "Buffers:", "Cached:", "SwapTotal:", "Hugepagesize:"};
  for (unsigned at = 0; at < sizeof fields / sizeof *fields; ++at) {
    const char* line = line_of("/proc/meminfo", fields[at]);
    SAY("%.16s...%s length %zu\n", fields[at], line + strlen(line) - 3, strlen(line));
  }
  SAY("%.5s\n", line_of("/proc/stat", "cpu "));
  SAY("%.5s\n", line_of("/proc/stat", "btime"));
  SAY("%.13s\n", line_of("/proc/stat", "procs_running"));
  double up, idle;
  SAY("uptime %d\n", sscanf(guest_read_file("/proc/uptime"), "%lf %lf", &up, &idle));
  float one, five, fifteen;
  int running, all, last;
  SAY("loadavg %d\n", sscanf(guest_read_file("/proc/loadavg"), "%f %f %f %d/%d %d", &one, &five, &fifteen, &running, &all, &last));
  struct utsname name;
  uname(&name);
  char text[128];
  snprintf(text, sizeof text, "Linux version %s ", name.release);
  SAY("version %d\n", strncmp(guest_read_file("/proc/version"), text, strlen(text)) == 0);
  snprintf(text, sizeof text, "%s\n", name.release);
  SAY("osrelease %d\n", strcmp(guest_read_file("/proc/sys/kernel/osrelease"), text) == 0);
  SAY("swaps %s", guest_read_file("/proc/swaps"));
  SAY("%s\n", line_of("/proc/filesystems", "nodev\ttmpfs"));
  SAY("%s\n", line_of("/proc/filesystems", "nodev\toverlay"));
}

GUEST(sysctl_hostname_is_of_the_uts_namespace) {
  int fd = open("/proc/sys/kernel/hostname", O_RDWR);
  SHOW(write(fd, "newname\n", 8));
  char name[65];
  gethostname(name, sizeof name);
  SAY("%s\n", name);
  SAY("%s", guest_read_file("/proc/sys/kernel/hostname"));
  pid_t child = fork();
  if (child == 0) {
    unshare(CLONE_NEWUTS);
    sethostname("inner", 5);
    SAY("%s", guest_read_file("/proc/sys/kernel/hostname"));
    _exit(0);
  }
  guest_wait("child", child);
  SAY("%s", guest_read_file("/proc/sys/kernel/hostname"));
  SAY("%s", guest_read_file("/proc/sys/kernel/ostype"));
  SHOW(open("/proc/sys/kernel/ostype", O_WRONLY) >= 0);
  SHOW(open("/proc/sys/kernel/nothing", O_RDONLY));
}

GUEST(sysctl_net_is_of_the_network_namespace) {
  SAY("%s", guest_read_file("/proc/sys/net/ipv4/ip_forward"));
  guest_write_file("/proc/sys/net/ipv4/ip_forward", "1\n");
  SAY("%s", guest_read_file("/proc/sys/net/ipv4/ip_forward"));
  if (unshare(CLONE_NEWNET) != 0) SKIP("no network namespaces");
  SAY("%s", guest_read_file("/proc/sys/net/ipv4/ip_forward"));
  SAY("%s", guest_read_file("/proc/sys/net/ipv4/ping_group_range"));
  guest_write_file("/proc/sys/net/ipv4/ping_group_range", "0 100");
  SAY("%s", guest_read_file("/proc/sys/net/ipv4/ping_group_range"));
  SAY("%s", guest_read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
  SAY("%s", guest_read_file("/proc/sys/net/ipv4/ip_local_port_range"));
  SAY("%s", line_of("/proc/net/dev", "    lo:"));
  SAY("\n");
}

GUEST(uuid_and_boot_id_are_uuids) {
  char one[64], two[64];
  snprintf(one, sizeof one, "%s", guest_read_file("/proc/sys/kernel/random/uuid"));
  snprintf(two, sizeof two, "%s", guest_read_file("/proc/sys/kernel/random/uuid"));
  SAY("length %zu differ %d version %c\n", strlen(one), strcmp(one, two) != 0, one[14]);
  snprintf(one, sizeof one, "%s", guest_read_file("/proc/sys/kernel/random/boot_id"));
  snprintf(two, sizeof two, "%s", guest_read_file("/proc/sys/kernel/random/boot_id"));
  SAY("length %zu same %d\n", strlen(one), strcmp(one, two) == 0);
}

// Newer kernels do not show tmpfs's inode64 any more.
static char* without_inode64(char* line) {
  char* at = strstr(line, ",inode64");
  if (at) memmove(at, at + 8, strlen(at + 8) + 1);
  return line;
}

GUEST(mounts_and_mountinfo_name_the_mounts) {
  mkdir("a b", 0755);
  SHOW(mount("so urce", "a b", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=700"));
  SAY("%s\n", without_inode64((char*)line_of("/proc/self/mounts", "so\\040urce")));
  FILE* info = fopen("/proc/self/mountinfo", "r");
  char line[512];
  while (fgets(line, sizeof line, info)) {
    char* at = strstr(line, "/tmp/a\\040b");
    if (!at) continue;
    SAY("%s", without_inode64(at));
    char* root = at - 2;
    SAY("root %.1s\n", root);
  }
  SHOW(mount(0, "a b", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0));
  SAY("%s\n", without_inode64((char*)line_of("/proc/self/mounts", "so\\040urce")));
  mkdir("a b/sub", 0755);
  SHOW(umount("a b"));
  SAY("%s\n", without_inode64((char*)line_of("/proc/self/mounts", "so\\040urce")));
}

GUEST(mounts_outside_of_the_root_are_not_shown) {
  mkdir("jail", 0755);
  mkdir("jail/proc", 0755);
  mount("jail", "jail", "tmpfs", 0, 0);
  mkdir("jail/proc", 0755);
  mount("proc", "jail/proc", "proc", 0, 0);
  chdir("jail");
  SHOW(chroot("."));
  FILE* mounts = fopen("/proc/self/mounts", "r");
  char line[512];
  while (fgets(line, sizeof line, mounts)) SAY("%s", without_inode64(line));
}

GUEST(hidepid_hides_other_users_processes) {
  mkdir("p", 0755);
  if (mount("proc", "p", "proc", 0, "hidepid=2,gid=55") != 0) SKIP("no hidepid");
  SAY("%s\n", strstr(line_of("/proc/self/mounts", "proc /tmp/p"), "rw"));
  pid_t child = fork();
  if (child == 0) {
    setgroups(0, 0);
    setresgid(1000, 1000, 1000);
    setresuid(1000, 1000, 1000);
    SHOW(access("p/1", F_OK));
    SHOW(access("p/self/stat", F_OK));
    SHOW(access("/proc/1", F_OK));
    _exit(0);
  }
  guest_wait("child", child);
  SHOW(mount(0, "p", 0, MS_REMOUNT, "hidepid=0"));
  mkdir("q", 0755);
  SHOW(mount("proc", "q", "proc", 0, "subset=pid"));
  SHOW(access("q/meminfo", F_OK));
  SHOW(access("q/self/stat", F_OK));
  SHOW(mount("proc", "q", "proc", 0, "nonsense"));
}
