// pipe(7), fifo(7), poll(2), select(2), dup(2), fcntl(2).
#include "guest.h"

#include <sys/ioctl.h>
#include <sys/select.h>

static volatile int caught;
static void count(int signal) {
  (void)signal;
  ++caught;
}
static void on(int signal, int flags) {
  struct sigaction action = {0};
  action.sa_handler = count;
  action.sa_flags = flags;
  sigaction(signal, &action, 0);
}
static const char* bits(short events) {
  static char text[64];
  snprintf(text, sizeof text, "%s%s%s%s%s", events & POLLIN ? " in" : "", events & POLLOUT ? " out" : "",
           events & POLLHUP ? " hup" : "", events & POLLERR ? " err" : "", events & POLLNVAL ? " nval" : "");
  return text;
}
static void show_poll(const char* name, int fd) {
  struct pollfd one = {fd, POLLIN | POLLOUT, 0};
  int ready = poll(&one, 1, 0);
  SAY("%s: %d%s\n", name, ready, bits(one.revents));
}

GUEST(a_pipe_without_its_other_end) {
  on(SIGPIPE, 0);
  int ends[2];
  char byte;
  pipe(ends);
  write(ends[1], "ab", 2);
  close(ends[1]);
  SHOW(read(ends[0], &byte, 1));
  SHOW(read(ends[0], &byte, 1));
  SHOW(read(ends[0], &byte, 1));
  pipe(ends);
  int other[2];
  pipe(other);
  close(other[0]);
  SHOW(write(other[1], "x", 1));
  SAY("caught %d\n", caught);
  signal(SIGPIPE, SIG_DFL);
  pid_t child = fork();
  if (child == 0) {
    write(other[1], "x", 1);
    _exit(0);
  }
  guest_wait("child", child);
  SHOW(write(other[1], "", 0));
}

GUEST(a_pipe_that_is_full) {
  int ends[2];
  pipe2(ends, O_NONBLOCK);
  static char block[70000];
  SHOW(write(ends[1], block, 65535));
  SHOW(write(ends[1], block, 2));
  SHOW(write(ends[1], block, 1));
  SHOW(write(ends[1], block, 1));
  SHOW(read(ends[0], block, 100));
  SHOW(write(ends[1], block, 1));
  SHOW(read(ends[0], block, 4000));
  SHOW(write(ends[1], block, 10000));
  int bytes = 0;
  SHOW(ioctl(ends[0], FIONREAD, &bytes));
  SAY("bytes %d\n", bytes);
  pipe2(ends, O_NONBLOCK);
  int count = 0;
  while (write(ends[1], block, 1) == 1) ++count;
  SAY("single bytes %d\n", count);
  pipe2(ends, O_NONBLOCK);
  count = 0;
  while (write(ends[1], block, 3000) == 3000) ++count;
  SAY("of 3000 %d\n", count);
  pipe2(ends, O_NONBLOCK);
  SHOW(write(ends[1], block, 70000));
}

GUEST(the_size_of_a_pipe) {
  int ends[2];
  pipe2(ends, O_NONBLOCK);
  static char block[8192];
  SHOW(fcntl(ends[0], F_GETPIPE_SZ));
  SHOW(fcntl(ends[1], F_SETPIPE_SZ, 5000));
  SHOW(write(ends[1], block, 8192));
  SHOW(write(ends[1], block, 1));
  SHOW(fcntl(ends[1], F_SETPIPE_SZ, 4096));
  SHOW(fcntl(ends[1], F_SETPIPE_SZ, 0));
  SHOW(read(ends[0], block, 4096));
  SHOW(fcntl(ends[1], F_SETPIPE_SZ, 100));
  SHOW(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20));
  int fd = open("f", O_CREAT | O_RDWR, 0600);
  SHOW(fcntl(fd, F_GETPIPE_SZ));
  SHOW(lseek(ends[0], 0, SEEK_SET));
  SHOW(pread(ends[0], block, 1, 0));
  SHOW(pwrite(ends[1], block, 1, 0));
  struct stat st;
  fstat(ends[0], &st);
  SAY("mode %o size %ld blksize %ld\n", st.st_mode, (long)st.st_size, (long)st.st_blksize);
}

GUEST(packets_in_a_pipe) {
  int ends[2];
  SHOW(pipe2(ends, O_DIRECT));
  char text[16] = "";
  write(ends[1], "first", 5);
  write(ends[1], "second", 6);
  SHOW(read(ends[0], text, sizeof text));
  SHOW(read(ends[0], text, 3));
  write(ends[1], "third", 5);
  SHOW(read(ends[0], text, sizeof text));
  SAY("%.5s\n", text);
  SHOW(pipe2(ends, 1));
  SHOW(pipe2((int*)8, 0));
}

GUEST(reads_and_writes_that_wait) {
  int ends[2], back[2];
  pipe(ends);
  pipe(back);
  static char block[200000];
  pid_t child = fork();
  if (child == 0) {
    close(ends[1]);
    long sum = 0, got;
    guest_pause();
    while ((got = read(ends[0], block, 7777)) > 0) sum += got;
    write(back[1], &sum, sizeof sum);
    _exit(0);
  }
  close(ends[0]);
  SHOW(write(ends[1], block, 200000));
  close(ends[1]);
  long sum = 0;
  SHOW(read(back[0], &sum, sizeof sum));
  SHOW(sum);
  guest_wait("reader", child);
}

GUEST(a_write_that_is_interrupted_in_the_middle) {
  on(SIGALRM, 0);
  int ends[2];
  pipe(ends);
  static char block[100000];
  struct itimerval soon = {{0, 0}, {0, 50000}};
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW(write(ends[1], block, 100000));
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW(write(ends[1], block, 10));
  SAY("caught %d\n", caught);
  pipe(ends);
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW(read(ends[0], block, 10));
  on(SIGALRM, SA_RESTART);
  pid_t child = fork();
  if (child == 0) {
    guest_pause();
    guest_pause();
    guest_pause();
    write(ends[1], "late", 4);
    _exit(0);
  }
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW(read(ends[0], block, 10));
  SAY("caught %d\n", caught);
  guest_wait("child", child);
}

GUEST(opening_fifos) {
  on(SIGALRM, 0);
  mkfifo("p", 0600);
  int fd = open("p", O_WRONLY | O_NONBLOCK);
  SAY("writer alone %s\n", fd < 0 ? strerrorname_np(errno) : "ok");
  fd = open("p", O_RDONLY | O_NONBLOCK);
  SAY("reader alone %s\n", fd < 0 ? strerrorname_np(errno) : "ok");
  char byte;
  SHOW(read(fd, &byte, 1));
  show_poll("reader that nobody has written to", fd);
  int out = open("p", O_WRONLY | O_NONBLOCK);
  SAY("writer with a reader %s\n", out < 0 ? strerrorname_np(errno) : "ok");
  SHOW(read(fd, &byte, 1));
  SHOW(write(out, "x", 1));
  close(out);
  show_poll("reader whose writer has gone", fd);
  SHOW(read(fd, &byte, 1));
  SHOW(read(fd, &byte, 1));
  close(fd);
  int both = open("p", O_RDWR);
  SHOW(write(both, "y", 1));
  SHOW(read(both, &byte, 1));
  close(both);
  struct itimerval soon = {{0, 0}, {0, 50000}};
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW(open("p", O_RDONLY));
  SAY("caught %d\n", caught);
}

GUEST(two_processes_meet_at_a_fifo) {
  mkfifo("p", 0600);
  pid_t child = fork();
  if (child == 0) {
    int fd = open("p", O_WRONLY);
    write(fd, "hello", 5);
    _exit(0);
  }
  char text[16] = "";
  int fd = open("p", O_RDONLY);
  SHOW(read(fd, text, sizeof text));
  SHOW(read(fd, text, sizeof text));
  guest_wait("writer", child);
  close(fd);
  child = fork();
  if (child == 0) {
    fd = open("p", O_RDONLY);
    _exit(read(fd, text, 1) == 1 ? 0 : 1);
  }
  guest_pause();
  fd = open("p", O_WRONLY | O_NONBLOCK);
  SAY("a waiting reader counts: %s\n", fd < 0 ? strerrorname_np(errno) : "ok");
  write(fd, "x", 1);
  guest_wait("reader", child);
}

GUEST(poll_of_pipes) {
  int ends[2];
  pipe(ends);
  show_poll("empty read end", ends[0]);
  show_poll("empty write end", ends[1]);
  write(ends[1], "x", 1);
  show_poll("read end", ends[0]);
  close(ends[1]);
  show_poll("read end, writer gone", ends[0]);
  char byte;
  read(ends[0], &byte, 1);
  show_poll("drained", ends[0]);
  pipe2(ends, O_NONBLOCK);
  static char block[65536];
  write(ends[1], block, 65536);
  show_poll("full", ends[1]);
  read(ends[0], block, 4096);
  show_poll("a page free", ends[1]);
  close(ends[0]);
  show_poll("reader gone", ends[1]);
  show_poll("closed", 99);
  show_poll("negative", -1);
  int fd = open("f", O_CREAT | O_RDWR, 0600);
  show_poll("file", fd);
  show_poll("directory", open(".", O_RDONLY));
}

GUEST(poll_that_waits) {
  on(SIGALRM, SA_RESTART);
  int ends[2];
  pipe(ends);
  struct pollfd one = {ends[0], POLLIN, 0};
  SHOW(poll(&one, 1, 20));
  SHOW(poll(0, 0, 10));
  struct itimerval soon = {{0, 0}, {0, 30000}};
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW(poll(&one, 1, -1));
  pid_t child = fork();
  if (child == 0) {
    guest_pause();
    write(ends[1], "x", 1);
    _exit(0);
  }
  SHOW(poll(&one, 1, 10000));
  SAY("%s\n", bits(one.revents));
  guest_wait("child", child);
  SHOW(poll((struct pollfd*)8, 1, 0));
  struct rlimit limit = {8, 8};
  setrlimit(RLIMIT_NOFILE, &limit);
  static struct pollfd many[9];
  SHOW(poll(many, 9, 0));
}

GUEST(ppoll_changes_the_mask) {
  on(SIGUSR1, 0);
  sigset_t blocked, none, now;
  sigemptyset(&none);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, 0);
  kill(getpid(), SIGUSR1);
  SAY("caught %d\n", caught);
  struct timespec moment = {5, 0};
  SHOW(ppoll(0, 0, &moment, &none));
  SAY("caught %d\n", caught);
  sigprocmask(SIG_BLOCK, 0, &now);
  SAY("blocked again %d\n", sigismember(&now, SIGUSR1));
  moment.tv_nsec = 1000000000;
  SHOW(ppoll(0, 0, &moment, 0));
}

GUEST(select_of_pipes) {
  int ends[2];
  pipe(ends);
  fd_set in, out;
  FD_ZERO(&in);
  FD_ZERO(&out);
  FD_SET(ends[0], &in);
  FD_SET(ends[1], &out);
  struct timeval zero = {0, 0};
  SHOW(select(ends[1] + 1, &in, &out, 0, &zero));
  SAY("in %d out %d\n", FD_ISSET(ends[0], &in), FD_ISSET(ends[1], &out));
  write(ends[1], "x", 1);
  FD_SET(ends[0], &in);
  SHOW(select(ends[1] + 1, &in, &out, 0, &zero));
  char byte;
  read(ends[0], &byte, 1);
  close(ends[1]);
  FD_SET(ends[0], &in);
  FD_CLR(ends[1], &out);
  SHOW(select(ends[0] + 1, &in, 0, 0, &zero));
  FD_SET(60, &in);
  SHOW(select(61, &in, 0, 0, &zero));
  SHOW(select(-1, 0, 0, 0, &zero));
  struct timeval bad = {-1, 0};
  SHOW(select(0, 0, 0, 0, &bad));
  struct timeval moment = {0, 20000};
  SHOW(select(0, 0, 0, 0, &moment));
  SAY("left %ld.%ld\n", (long)moment.tv_sec, (long)moment.tv_usec);
}

GUEST(duplicating_descriptors) {
  int fd = open("f", O_CREAT | O_RDWR, 0600);
  SHOW(fd);
  SHOW(dup(fd));
  SHOW(dup2(fd, 10));
  SHOW(dup2(fd, fd));
  SHOW(dup2(99, 99));
  SHOW(dup2(fd, -1));
  SHOW(dup3(fd, fd, 0));
  SHOW(dup3(fd, 11, O_CLOEXEC));
  SHOW(fcntl(11, F_GETFD));
  SHOW(dup3(fd, 12, O_APPEND));
  SHOW(fcntl(fd, F_DUPFD, 20));
  SHOW(fcntl(fd, F_DUPFD_CLOEXEC, 20));
  SHOW(fcntl(21, F_GETFD));
  SHOW(fcntl(21, F_SETFD, 0));
  SHOW(fcntl(21, F_GETFD));
  SHOW(fcntl(fd, F_DUPFD, -1));
  SHOW(fcntl(fd, F_GETFL));
  SHOW(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_WRONLY));
  SHOW(fcntl(10, F_GETFL));
  SHOW(fcntl(fd, 12345));
  SHOW(close(fd));
  SHOW(close(fd));
  struct rlimit limit = {22, 100};
  setrlimit(RLIMIT_NOFILE, &limit);
  while (open("f", O_RDONLY) >= 0) {
  }
  SHOW(open("f", O_RDONLY));
  SHOW(dup(10));
  SHOW(dup2(10, 22));
  SHOW(fcntl(10, F_DUPFD, 22));
  int ends[2];
  close(15);
  SHOW(pipe(ends));
  SHOW(open("f", O_RDONLY));
}

GUEST(closing_a_range) {
  for (int fd = 3; fd < 12; ++fd) dup2(1, fd);
  SHOW(syscall(SYS_close_range, 5, 8, 0));
  SHOW(fcntl(4, F_GETFD));
  SHOW(fcntl(5, F_GETFD));
  SHOW(fcntl(9, F_GETFD));
  SHOW(syscall(SYS_close_range, 9, ~0U, 4));
  SHOW(fcntl(9, F_GETFD));
  SHOW(fcntl(11, F_GETFD));
  SHOW(syscall(SYS_close_range, 8, 5, 0));
  SHOW(syscall(SYS_close_range, 3, 5, 64));
  SHOW(syscall(SYS_close_range, 3, ~0U, 2));
  SHOW(fcntl(4, F_GETFD));
}

GUEST(ioctls_of_every_file) {
  int fd = open("f", O_CREAT | O_RDWR, 0600), on = 1, bytes = -1;
  write(fd, "abcdef", 6);
  lseek(fd, 2, SEEK_SET);
  SHOW(ioctl(fd, FIONREAD, &bytes));
  SAY("bytes %d\n", bytes);
  SHOW(ioctl(fd, FIOCLEX));
  SHOW(fcntl(fd, F_GETFD));
  SHOW(ioctl(fd, FIONCLEX));
  SHOW(fcntl(fd, F_GETFD));
  SHOW(ioctl(fd, FIONBIO, &on));
  SHOW(fcntl(fd, F_GETFL) & O_NONBLOCK);
  SHOW(ioctl(fd, TIOCGWINSZ, &on));
  SHOW(ioctl(fd, 0x12345678, 0));
  SHOW(ioctl(99, FIONREAD, &bytes));
  SHOW(ioctl(fd, FIONREAD, 8));
}
