// One program of all guest programs. `guest NAME` runs one: as pid 2 of namespaces of its own, in an empty tmpfs.
#include "guest.h"

const char* guest_program;
static struct guest* first;
static struct guest_helper* first_helper;

void guest_register(struct guest* guest) {
  guest->next = first;
  first = guest;
}
void guest_register_helper(struct guest_helper* helper) {
  helper->next = first_helper;
  first_helper = helper;
}

const char* guest_status(int status) {
  static char text[64];
  if (WIFEXITED(status))
    snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
  else if (WIFSIGNALED(status))
    snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
  else if (WIFSTOPPED(status))
    snprintf(text, sizeof text, "stopped by %d", WSTOPSIG(status));
  else if (WIFCONTINUED(status))
    snprintf(text, sizeof text, "continued");
  else
    snprintf(text, sizeof text, "status %x", status);
  return text;
}

int guest_child(int (*run)(void)) {
  int status = -1;
  pid_t child = fork();
  if (child == 0) _exit(run());
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  return status;
}

void guest_wait(const char* name, pid_t child) {
  int status = 0;
  pid_t got = waitpid(child, &status, 0);
  SAY("%s: %s\n", name, got == child ? guest_status(status) : strerrorname_np(errno));
}

void guest_write_file(const char* path, const char* text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) SAY("cannot write %s\n", path);
  close(fd);
}

const char* guest_read_file(const char* path) {
  static char text[4096];
  int fd = open(path, O_RDONLY);
  ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (got < 0) {
    snprintf(text, sizeof text, "(%s)", strerrorname_np(errno));
    got = (ssize_t)strlen(text);
  }
  text[got] = 0;
  if (fd >= 0) close(fd);
  return text;
}

void guest_pause(void) {
  struct timespec moment = {0, 30 * 1000 * 1000};
  nanosleep(&moment, 0);
}

static int set_up(void) {
  // Linux does it as root of the host, the machine as its own root: the same calls, so that both have the same place.
  if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) != 0) return 1;
  if (mount("none", "/", 0, MS_REC | MS_PRIVATE, 0) != 0) return 2;
  return 0;
}

static int set_up_inside(void) {
  if (mount("proc", "/proc", "proc", 0, 0) != 0) return 3;
  if (mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777") != 0) return 4;
  if (chdir("/tmp") != 0) return 5;
  umask(022);
  for (int fd = 3; fd < 64; ++fd) close(fd);
  setenv("LC_ALL", "C", 1);
  return 0;
}

static int run(const struct guest* guest) {
  int trouble = set_up();
  if (trouble != 0) {
    fprintf(stderr, "guest: set-up step %d: %s\n", trouble, strerrorname_np(errno));
    return 125;
  }
  pid_t init = fork();
  if (init == 0) {
    trouble = set_up_inside();
    if (trouble != 0) {
      fprintf(stderr, "guest: set-up step %d: %s\n", trouble, strerrorname_np(errno));
      _exit(125);
    }
    pid_t body = fork();
    if (body == 0) {
      guest->run();
      _exit(0);
    }
    int status = 0;
    while (waitpid(-1, &status, 0) != body) {
    }
    SAY("end: %s\n", guest_status(status));
    _exit(0);
  }
  int status = 0;
  if (waitpid(init, &status, 0) != init) return 126;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

int main(int argc, char** argv) {
  guest_program = "/proc/self/exe";
  if (argc >= 3 && strcmp(argv[1], "--") == 0) {
    for (struct guest_helper* helper = first_helper; helper; helper = helper->next)
      if (strcmp(helper->name, argv[2]) == 0) {
        helper->run(argc - 2, argv + 2);
        return 0;
      }
    return 124;
  }
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (struct guest* guest = first; guest; guest = guest->next) printf("%s\n", guest->name);
    return 0;
  }
  for (struct guest* guest = first; guest && argc == 2; guest = guest->next)
    if (strcmp(guest->name, argv[1]) == 0) return run(guest);
  fprintf(stderr, "usage: guest --list | guest NAME\n");
  return 2;
}
