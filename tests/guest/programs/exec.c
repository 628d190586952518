// execve(2): scripts, errors, what stays and what goes.
#include "guest.h"

HELPER(print) {
  SAY("%d arguments:", argc);
  for (int at = 1; at < argc; ++at) SAY(" [%s]", argv[at]);
  SAY("\n");
}
HELPER(environment) {
  for (char** at = environ; *at; ++at) SAY("%s\n", *at);
}
HELPER(state) {
  sigset_t blocked, pending;
  sigprocmask(SIG_BLOCK, 0, &blocked);
  sigpending(&pending);
  struct sigaction one, two;
  sigaction(SIGUSR1, 0, &one);
  sigaction(SIGUSR2, 0, &two);
  SAY("usr1 %s, usr2 %s\n", one.sa_handler == SIG_DFL ? "default" : "set", two.sa_handler == SIG_IGN ? "ignored" : "set");
  SAY("hup blocked %d pending %d\n", sigismember(&blocked, SIGHUP), sigismember(&pending, SIGHUP));
  SAY("fd 10 %s, fd 11 %s\n", fcntl(10, F_GETFD) == -1 ? "closed" : "open", fcntl(11, F_GETFD) == -1 ? "closed" : "open");
  stack_t stack;
  sigaltstack(0, &stack);
  SAY("alternate stack flags %d\n", stack.ss_flags);
  char name[17] = "", place[64];
  prctl(PR_GET_NAME, name);
  SAY("name %s, umask %o, in %s\n", name, umask(0), getcwd(place, sizeof place));
  SAY("alarm left %d\n", alarm(0) > 0);
}

static void run(const char* path, char* const argv[]) {
  pid_t child = fork();
  if (child == 0) {
    execv(path, argv);
    SAY("%s: %s\n", path, strerrorname_np(errno));
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  if (status != 0) SAY("%s: %s\n", path, guest_status(status));
}
static void run_plain(const char* path) {
  char* argv[] = {"x", 0};
  run(path, argv);
}
static void write_program(const char* path, const void* bytes, size_t count, mode_t mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0777);
  write(fd, bytes, count);
  fchmod(fd, mode);
  close(fd);
}
static void write_script(const char* path, const char* text) { write_program(path, text, strlen(text), 0755); }

GUEST(exec_passes_arguments_and_environment) {
  char* argv[] = {"guest", "--", "print", "one", "", "with space", 0};
  run(guest_program, argv);
  char* names[] = {"guest", "--", "environment", 0};
  char* environment[] = {"A=1", "B=", "C", 0};
  if (fork() == 0) {
    execve(guest_program, names, environment);
    _exit(1);
  }
  wait(0);
}

GUEST(exec_keeps_and_resets) {
  signal(SIGUSR1, (void (*)(int))exit);
  signal(SIGUSR2, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  sigprocmask(SIG_BLOCK, &set, 0);
  raise(SIGHUP);
  dup2(0, 10);
  dup2(0, 11);
  fcntl(10, F_SETFD, FD_CLOEXEC);
  stack_t stack = {0};
  stack.ss_sp = malloc(65536);
  stack.ss_size = 65536;
  sigaltstack(&stack, 0);
  umask(027);
  mkdir("sub", 0755);
  chdir("sub");
  alarm(100);
  execl(guest_program, "whatever", "--", "state", (char*)0);
  SAY("%s\n", strerrorname_np(errno));
}

GUEST(exec_refuses) {
  run_plain("missing");
  run_plain("/tmp");
  run_plain("");
  guest_write_file("plain", "#!/bin/sh\n");
  run_plain("plain");
  run_plain("plain/x");
  write_program("empty", "", 0, 0755);
  run_plain("empty");
  write_program("text", "hello\n", 6, 0755);
  run_plain("text");
  symlink("loop", "loop");
  run_plain("loop");
  mkfifo("fifo", 0777);
  run_plain("fifo");
  char* argv[] = {"x", 0};
  SHOW(execve((char*)1, argv, environ));
  SHOW(execve("text", (char**)8, environ));
}

GUEST(exec_refuses_broken_elf_files) {
  unsigned char elf[4096];
  int source = open(guest_program, O_RDONLY);
  read(source, elf, sizeof elf);
  write_program("short", elf, 40, 0755);
  run_plain("short");
  unsigned char changed[4096];
  void write_changed(const char* name, int at, unsigned char value) {
    memcpy(changed, elf, sizeof changed);
    changed[at] = value;
    write_program(name, changed, sizeof changed, 0755);
    run_plain(name);
  }
  write_changed("magic", 1, 'X');
  write_changed("relocatable", 16, 1);
  write_changed("machine", 18, 183);
  write_changed("entry_size", 54, 55);
  write_changed("no_headers", 56, 0);
}

GUEST(scripts) {
  char line[512];
  char target[256];
  ssize_t length = readlink(guest_program, target, sizeof target - 1);
  target[length] = 0;
  symlink(target, "/tmp/guest");
  write_script("script", "#!/tmp/guest --\nprint\n");
  char* argv[] = {"ignored", "print", "b", 0};
  // `--` is the script's one argument, the path the helper's name: there is none of that name.
  run("script", argv);
  write_script("print", "#! \t /tmp/guest \t -- \t \n");
  char* more[] = {"ignored", "a", "b", 0};
  mkdir("d", 0755);
  run("print", more);
  write_script("missing_interpreter", "#!/no/such\n");
  run_plain("missing_interpreter");
  write_script("nothing", "#!\n");
  run_plain("nothing");
  write_script("blanks", "#!   \n");
  run_plain("blanks");
  write_script("not_executable", "#!/tmp/plain\n");
  guest_write_file("plain", "x");
  run_plain("not_executable");
  write_script("directory", "#!/tmp\n");
  run_plain("directory");
  memset(line, 'x', sizeof line);
  memcpy(line, "#!/", 3);
  line[300] = '\n';
  line[301] = 0;
  write_script("long", line);
  run_plain("long");
  write_script("no_newline", "#!/tmp/guest --");
  char* third[] = {"x", 0};
  rename("no_newline", "/tmp/d/print");
  chdir("d");
  run("print", third);
}

GUEST(an_argument_of_a_script_is_one) {
  char target[256];
  ssize_t length = readlink(guest_program, target, sizeof target - 1);
  target[length] = 0;
  symlink(target, "/tmp/guest");
  // The rest of the line is one argument, blanks and all: it is no option of the program's.
  write_script("script", "#!/tmp/guest -- print\n");
  run_plain("script");
}

GUEST(scripts_of_scripts) {
  char target[256], name[32], text[64];
  ssize_t length = readlink(guest_program, target, sizeof target - 1);
  target[length] = 0;
  symlink(target, "/tmp/guest");
  write_script("/tmp/s0", "#!/tmp/guest\n");
  for (int at = 1; at < 8; ++at) {
    snprintf(name, sizeof name, "/tmp/s%d", at);
    snprintf(text, sizeof text, "#!/tmp/s%d\n", at - 1);
    write_script(name, text);
  }
  for (int at = 0; at < 8; ++at) {
    snprintf(name, sizeof name, "/tmp/s%d", at);
    pid_t child = fork();
    if (child == 0) {
      close(2);
      execl(name, "x", (char*)0);
      SAY("%s: %s\n", name, strerrorname_np(errno));
      _exit(0);
    }
    guest_wait(name, child);
  }
}

GUEST(exec_of_a_file_open_for_writing) {
  int fd = open("program", O_RDWR | O_CREAT, 0755);
  char bytes[65536];
  int source = open(guest_program, O_RDONLY);
  for (ssize_t got; (got = read(source, bytes, sizeof bytes)) > 0;) write(fd, bytes, got);
  char* argv[] = {"x", "--", "print", 0};
  run("program", argv);
  close(fd);
  run("program", argv);
  int ends[2];
  pipe(ends);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    execl("program", "x", "--", "wait_for_term", (char*)0);
    _exit(1);
  }
  char byte;
  read(ends[0], &byte, 1);
  SHOW(open("program", O_WRONLY));
  SHOW(truncate("program", 0));
  SHOW_OK(unlink("program"));
  kill(child, SIGTERM);
  guest_wait("child", child);
}

GUEST(too_many_arguments) {
  char* big = malloc(200000);
  memset(big, 'x', 199999);
  big[199999] = 0;
  char* argv[] = {"x", "--", "print", big, 0};
  run(guest_program, argv);
  big[131071] = 0;
  pid_t child = fork();
  if (child == 0) {
    close(1);
    open("/dev/null", O_WRONLY);
    execv(guest_program, argv);
    _exit(1);
  }
  guest_wait("131071 bytes", child);
  // Many small ones, more than a quarter of the stack's limit.
  struct rlimit limit = {1 << 20, 1 << 20};
  setrlimit(RLIMIT_STACK, &limit);
  enum { kMany = 30000 };
  char** many = calloc(kMany + 4, sizeof *many);
  many[0] = "x";
  many[1] = "--";
  many[2] = "print";
  for (int at = 3; at < kMany; ++at) many[at] = "12345";
  run(guest_program, many);
}

GUEST(exec_without_arguments) {
  char* none[] = {0};
  pid_t child = fork();
  if (child == 0) {
    close(2);
    execv(guest_program, none);
    _exit(9);
  }
  guest_wait("usage", child);
}

GUEST(execveat_by_descriptor) {
  int fd = open(guest_program, O_RDONLY | O_CLOEXEC);
  char* argv[] = {"x", "--", "print", "by fd", 0};
  pid_t child = fork();
  if (child == 0) {
    syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
    _exit(9);
  }
  guest_wait("by fd", child);
  SHOW(syscall(SYS_execveat, fd, "", argv, environ, 0));
  SHOW(syscall(SYS_execveat, 99, "x", argv, environ, 0));
  SHOW(syscall(SYS_execveat, fd, "x", argv, environ, 0));
  SHOW(syscall(SYS_execveat, fd, "", argv, environ, 0x8000));
  symlink(guest_program, "link");
  SHOW(syscall(SYS_execveat, AT_FDCWD, "link", argv, environ, AT_SYMLINK_NOFOLLOW));
  write_script("script", "#!/bin/true\n");
  int script = open("script", O_RDONLY | O_CLOEXEC);
  SHOW(syscall(SYS_execveat, script, "", argv, environ, AT_EMPTY_PATH));
}

GUEST(exec_on_a_noexec_mount) {
  mkdir("mounted", 0755);
  SHOW(mount("tmpfs", "mounted", "tmpfs", MS_NOEXEC, 0));
  write_script("mounted/script", "#!/bin/true\n");
  run_plain("mounted/script");
  int fd = open("mounted/script", O_RDONLY);
  SHOW(mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
  char* at = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  SHOW(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

HELPER(ids) {
  uid_t real, effective, saved;
  gid_t greal, geffective, gsaved;
  getresuid(&real, &effective, &saved);
  getresgid(&greal, &geffective, &gsaved);
  SAY("uid %d %d %d gid %d %d %d\n", real, effective, saved, greal, geffective, gsaved);
  FILE* status = fopen("/proc/self/status", "r");
  char line[256];
  while (status && fgets(line, sizeof line, status))
    if (strncmp(line, "CapPrm", 6) == 0 || strncmp(line, "CapEff", 6) == 0) {
      unsigned long long bits = strtoull(strchr(line, ':') + 1, 0, 16);
      SAY("%.6s %s\n", line, bits == 0 ? "none" : "some");
    }
  SAY("dumpable %d\n", prctl(PR_GET_DUMPABLE));
}

static void copy_program(const char* to, mode_t mode) {
  char bytes[65536];
  int source = open(guest_program, O_RDONLY), fd = open(to, O_WRONLY | O_CREAT, 0755);
  for (ssize_t got; (got = read(source, bytes, sizeof bytes)) > 0;) write(fd, bytes, got);
  close(source);
  fchmod(fd, mode);
  close(fd);
}

GUEST(setuid_programs) {
  copy_program("program", 0755);
  chmod("program", 06755);
  if (fork() == 0) {
    setgid(1000);
    setuid(1000);
    execl("program", "x", "--", "ids", (char*)0);
    _exit(1);
  }
  wait(0);
  if (fork() == 0) {
    setgid(1000);
    setuid(1000);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    execl("program", "x", "--", "ids", (char*)0);
    _exit(1);
  }
  wait(0);
  chown("program", 33, 44);
  struct stat stat_;
  stat("program", &stat_);
  SAY("mode %o\n", stat_.st_mode & 07777);
  chmod("program", 06755);
  if (fork() == 0) {
    execl("program", "x", "--", "ids", (char*)0);
    _exit(1);
  }
  wait(0);
}

GUEST(setuid_on_a_nosuid_mount) {
  mkdir("mounted", 0755);
  mount("tmpfs", "mounted", "tmpfs", MS_NOSUID, 0);
  copy_program("mounted/program", 06755);
  if (fork() == 0) {
    setgid(1000);
    setuid(1000);
    execl("mounted/program", "x", "--", "ids", (char*)0);
    _exit(1);
  }
  wait(0);
}

GUEST(exec_needs_permission) {
  copy_program("unreadable", 0111);
  copy_program("not_executable", 0644);
  copy_program("owner_only", 0700);
  setgid(1000);
  setuid(1000);
  char* argv[] = {"x", "--", "print", 0};
  run("unreadable", argv);
  run("not_executable", argv);
  run("owner_only", argv);
}
