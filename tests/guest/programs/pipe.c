// pipe(2), pipe(7), FIFOs, poll(2) on them.
#include "guest.h"

static void on_signal(int signal) { (void)signal; }

GUEST(pipe_ends) {
  int ends[2];
  SHOW(pipe(ends));
  SHOW(write(ends[1], "hello", 5));
  char text[16] = "";
  SHOW(read(ends[0], text, 3));
  SAY("%s\n", text);
  SHOW(read(ends[0], text, 16));
  SHOW(write(ends[0], "x", 1));
  SHOW(read(ends[1], text, 1));
  SHOW(lseek(ends[0], 0, SEEK_SET));
  SHOW(pread(ends[0], text, 1, 0));
  close(ends[1]);
  SHOW(read(ends[0], text, 16));
}

GUEST(pipe_without_readers) {
  int ends[2];
  pipe(ends);
  close(ends[0]);
  signal(SIGPIPE, SIG_IGN);
  SHOW(write(ends[1], "x", 1));
  signal(SIGPIPE, SIG_DFL);
  pid_t child = fork();
  if (child == 0) {
    write(ends[1], "x", 1);
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(pipe_that_is_full) {
  int ends[2];
  pipe2(ends, O_NONBLOCK);
  static char bytes[100000];
  SHOW(fcntl(ends[1], F_GETPIPE_SZ));
  SHOW(write(ends[1], bytes, sizeof bytes));
  SHOW(write(ends[1], bytes, 1));
  SHOW(read(ends[0], bytes, 100));
  SHOW(write(ends[1], bytes, 100));
  SHOW(read(ends[0], bytes, 4096));
  SHOW(write(ends[1], bytes, 4096));
  int drained = 0;
  for (ssize_t got; (got = read(ends[0], bytes, 7000)) > 0;) drained += got;
  SAY("drained %d, then %s\n", drained, strerrorname_np(errno));
}

GUEST(atomic_writes_to_a_pipe) {
  int ends[2];
  pipe2(ends, O_NONBLOCK);
  static char bytes[65536];
  SHOW(write(ends[1], bytes, 65536 - 2048));
  SHOW(write(ends[1], bytes, 4096));
  SHOW(write(ends[1], bytes, 2048));
  SHOW(write(ends[1], bytes, 5000));
}

GUEST(pipe_sizes) {
  int ends[2];
  pipe2(ends, O_NONBLOCK);
  SHOW(fcntl(ends[0], F_SETPIPE_SZ, 4096));
  SHOW(fcntl(ends[0], F_SETPIPE_SZ, 5000));
  SHOW(fcntl(ends[1], F_GETPIPE_SZ));
  static char bytes[100000];
  SHOW(write(ends[1], bytes, sizeof bytes));
  SHOW(fcntl(ends[0], F_SETPIPE_SZ, 4096));
}

GUEST(a_blocked_reader_wakes) {
  int ends[2];
  pipe(ends);
  pid_t child = fork();
  if (child == 0) {
    char text[16] = "";
    close(ends[1]);
    ssize_t got = read(ends[0], text, 15);
    SAY("read %zd %s\n", got, text);
    SAY("read %zd\n", read(ends[0], text, 15));
    _exit(0);
  }
  guest_pause();
  write(ends[1], "abc", 3);
  guest_pause();
  close(ends[1]);
  guest_wait("child", child);
}

GUEST(a_blocked_writer_goes_on_in_parts) {
  int ends[2];
  pipe(ends);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    static char bytes[200000];
    memset(bytes, 'w', sizeof bytes);
    ssize_t put = write(ends[1], bytes, sizeof bytes);
    _exit(put == sizeof bytes ? 0 : 1);
  }
  close(ends[1]);
  guest_pause();
  long total = 0;
  static char bytes[3333];
  for (ssize_t got; (got = read(ends[0], bytes, sizeof bytes)) > 0;) total += got;
  SAY("total %ld\n", total);
  guest_wait("child", child);
}

GUEST(a_signal_interrupts_a_read) {
  int ends[2];
  pipe(ends);
  struct sigaction action = {0};
  action.sa_handler = on_signal;
  pid_t me = getpid();
  for (int restart = 0; restart < 2; ++restart) {
    action.sa_flags = restart ? SA_RESTART : 0;
    sigaction(SIGUSR1, &action, 0);
    pid_t child = fork();
    if (child == 0) {
      guest_pause();
      kill(me, SIGUSR1);
      guest_pause();
      write(ends[1], "x", 1);
      _exit(0);
    }
    char byte;
    SHOW(read(ends[0], &byte, 1));
    if (!restart) read(ends[0], &byte, 1);
    waitpid(child, 0, 0);
  }
}

GUEST(a_signal_interrupts_a_write) {
  int ends[2];
  pipe(ends);
  struct sigaction action = {0};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, 0);
  pid_t me = getpid();
  pid_t child = fork();
  if (child == 0) {
    guest_pause();
    kill(me, SIGUSR1);
    _exit(0);
  }
  static char bytes[100000];
  SHOW(write(ends[1], bytes, sizeof bytes));
  guest_wait("child", child);
}

GUEST(poll_on_pipes) {
  int ends[2];
  pipe2(ends, O_NONBLOCK);
  struct pollfd fds[3] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}, {99, POLLIN, 0}};
  SHOW(poll(fds, 3, 0));
  SAY("%x %x %x\n", fds[0].revents, fds[1].revents, fds[2].revents);
  static char bytes[65536];
  write(ends[1], bytes, sizeof bytes);
  SHOW(poll(fds, 2, 0));
  SAY("%x %x\n", fds[0].revents, fds[1].revents);
  close(ends[1]);
  SHOW(poll(fds, 1, 0));
  SAY("%x\n", fds[0].revents);
  while (read(ends[0], bytes, sizeof bytes) > 0) {
  }
  SHOW(poll(fds, 1, 0));
  SAY("%x\n", fds[0].revents);
  pipe(ends);
  close(ends[0]);
  fds[0].fd = ends[1];
  fds[0].events = POLLOUT;
  SHOW(poll(fds, 1, 0));
  SAY("%x\n", fds[0].revents);
  fds[0].fd = -1;
  SHOW(poll(fds, 1, 10));
}

GUEST(fifos) {
  SHOW(mkfifo("fifo", 0644));
  SHOW(open("fifo", O_WRONLY | O_NONBLOCK));
  int reader = open("fifo", O_RDONLY | O_NONBLOCK);
  char text[16] = "";
  SHOW(read(reader, text, 16));
  int writer = open("fifo", O_WRONLY);
  SHOW(read(reader, text, 16));
  SHOW(write(writer, "abc", 3));
  SHOW(read(reader, text, 16));
  close(writer);
  SHOW(read(reader, text, 16));
  int both = open("fifo", O_RDWR);
  SHOW(write(both, "self", 4));
  SHOW(read(reader, text, 16));
  struct stat stat_;
  stat("fifo", &stat_);
  SAY("mode %o size %ld\n", stat_.st_mode, (long)stat_.st_size);
}

GUEST(open_of_a_fifo_waits_for_the_other_end) {
  mkfifo("fifo", 0644);
  pid_t child = fork();
  if (child == 0) {
    guest_pause();
    int fd = open("fifo", O_WRONLY);
    write(fd, "hi", 2);
    _exit(0);
  }
  int fd = open("fifo", O_RDONLY);
  char text[8] = "";
  ssize_t got = read(fd, text, 7);
  SAY("%zd %s\n", got, text);
  SHOW(read(fd, text, 7));
  guest_wait("child", child);
}

GUEST(splice_free_copies) {
  int ends[2];
  pipe(ends);
  guest_write_file("file", "0123456789");
  int fd = open("file", O_RDONLY), out = open("out", O_RDWR | O_CREAT, 0644);
  off_t offset = 2;
  SHOW(syscall(SYS_sendfile, ends[1], fd, &offset, 5));
  SAY("offset %ld\n", (long)offset);
  char text[16] = "";
  SHOW(read(ends[0], text, 16));
  SAY("%s\n", text);
  SHOW(syscall(SYS_sendfile, out, fd, 0, 100));
  SHOW(lseek(fd, 0, SEEK_CUR));
  SAY("%s\n", guest_read_file("out"));
}
