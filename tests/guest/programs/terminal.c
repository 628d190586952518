// Pseudo-terminals: line discipline, job control, hang-ups, devpts. termios(3), pty(7), ioctl_tty(2).
#include "guest.h"

#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;

static void open_pair(void) {
  mkdir("pts", 0755);
  if (mount("devpts", "pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620,gid=5") != 0) SKIP("no devpts");
  master = open("pts/ptmx", O_RDWR | O_NOCTTY);
  int zero = 0;
  ioctl(master, TIOCSPTLCK, &zero);
  slave = open("pts/0", O_RDWR | O_NOCTTY);
  if (master < 0 || slave < 0) SAY("no pair: %d %d\n", master, slave);
}

static void say_bytes(const char* label, const char* bytes, ssize_t count) {
  SAY("%s ", label);
  if (count < 0) {
    SAY("%s\n", strerrorname_np(errno));
    return;
  }
  SAY("%zd \"", count);
  for (ssize_t at = 0; at < count; ++at) {
    unsigned char c = (unsigned char)bytes[at];
    if (c == '\n')
      SAY("\\n");
    else if (c == '\r')
      SAY("\\r");
    else if (c < 32 || c > 126)
      SAY("\\%03o", c);
    else
      SAY("%c", c);
  }
  SAY("\"\n");
}

static void type(const char* text) {
  if (write(master, text, strlen(text)) != (ssize_t)strlen(text)) SAY("typing failed\n");
}
static void show_read(int fd, const char* label) {
  char bytes[512];
  // The line discipline of Linux works in a thread of its own.
  struct pollfd wait = {fd, POLLIN, 0};
  poll(&wait, 1, 200);
  int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  ssize_t got = read(fd, bytes, sizeof bytes);
  int error = errno;
  fcntl(fd, F_SETFL, flags);
  errno = error;
  say_bytes(label, bytes, got);
}
static void set_local(tcflag_t clear, tcflag_t set) {
  struct termios now;
  tcgetattr(slave, &now);
  now.c_lflag = (now.c_lflag & ~clear) | set;
  tcsetattr(slave, TCSANOW, &now);
}
static void set_input(tcflag_t clear, tcflag_t set) {
  struct termios now;
  tcgetattr(slave, &now);
  now.c_iflag = (now.c_iflag & ~clear) | set;
  tcsetattr(slave, TCSANOW, &now);
}

GUEST(a_new_terminal_has_the_usual_settings) {
  open_pair();
  struct termios now;
  SHOW(tcgetattr(slave, &now));
  SAY("%o %o %o %o\n", now.c_iflag, now.c_oflag, now.c_cflag, now.c_lflag);
  for (int at = 0; at < 17; ++at) SAY("%d ", now.c_cc[at]);
  SAY("\n");
  struct winsize size;
  SHOW(ioctl(slave, TIOCGWINSZ, &size));
  SAY("%d %d %d %d\n", size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
  SHOW(isatty(master));
  SHOW(isatty(slave));
}

GUEST(a_line_is_read_when_it_is_complete) {
  open_pair();
  type("hel");
  show_read(slave, "before");
  type("lo\nnext");
  show_read(slave, "line");
  show_read(slave, "rest");
  show_read(master, "echo");
}

GUEST(a_short_read_leaves_the_rest_of_the_line) {
  open_pair();
  type("abcdef\nxy\n");
  char bytes[4];
  guest_pause();
  say_bytes("first", bytes, read(slave, bytes, 4));
  show_read(slave, "second");
  show_read(slave, "third");
}

GUEST(end_of_file_is_read_as_nothing) {
  open_pair();
  type("\004");
  show_read(slave, "empty");
  type("part\004");
  show_read(slave, "part");
  show_read(slave, "after");
  type("abc\004def\n");
  char bytes[3];
  guest_pause();
  say_bytes("exact", bytes, read(slave, bytes, 3));
  show_read(slave, "next");
}

GUEST(erase_kill_and_werase_edit_the_line) {
  open_pair();
  type("abx\177c\n");
  show_read(slave, "erase");
  show_read(master, "echo");
  type("one two  three\027\n");
  show_read(slave, "werase");
  show_read(master, "echo");
  type("gone\025kept\n");
  show_read(slave, "kill");
  show_read(master, "echo");
  type("\177\177\025a\001b\177\177\n");
  show_read(slave, "control");
  show_read(master, "echo");
  type("a\tb\177\177c\n");
  show_read(slave, "tab");
  show_read(master, "echo");
}

GUEST(kill_without_echoke_goes_to_a_new_line) {
  open_pair();
  set_local(ECHOKE, 0);
  type("gone\025kept\n");
  show_read(slave, "kill");
  show_read(master, "echo");
  set_local(ECHOE, 0);
  type("ab\177c\n");
  show_read(slave, "erase");
  show_read(master, "echo");
}

GUEST(lnext_takes_a_character_as_it_is) {
  open_pair();
  type("a\026\003b\026\n\n");
  show_read(slave, "line");
  show_read(master, "echo");
}

GUEST(reprint_shows_the_line_again) {
  open_pair();
  type("abc\022d\n");
  show_read(slave, "line");
  show_read(master, "echo");
}

GUEST(eol_ends_a_line_too) {
  open_pair();
  struct termios now;
  tcgetattr(slave, &now);
  now.c_cc[VEOL] = ';';
  tcsetattr(slave, TCSANOW, &now);
  type("a;b;c\n");
  show_read(slave, "first");
  show_read(slave, "second");
  show_read(slave, "third");
  show_read(master, "echo");
}

GUEST(echo_can_be_off_but_for_newlines) {
  open_pair();
  set_local(ECHO, 0);
  type("secret\n");
  show_read(slave, "line");
  show_read(master, "silent");
  set_local(0, ECHONL);
  type("secret\n");
  show_read(slave, "line");
  show_read(master, "newline");
}

GUEST(control_characters_echo_as_two) {
  open_pair();
  type("a\001\033z\n");
  show_read(slave, "line");
  show_read(master, "echo");
  set_local(ECHOCTL, 0);
  type("a\001z\n");
  show_read(slave, "line");
  show_read(master, "raw echo");
}

GUEST(carriage_returns_are_translated) {
  open_pair();
  type("a\r");
  show_read(slave, "icrnl");
  show_read(master, "echo");
  set_input(ICRNL, IGNCR);
  type("a\rb\n");
  show_read(slave, "igncr");
  show_read(master, "echo");
  set_input(IGNCR, INLCR);
  type("x\n");
  show_read(slave, "inlcr is no line");
  set_local(ICANON, 0);
  show_read(slave, "raw");
}

GUEST(output_is_processed) {
  open_pair();
  write(slave, "a\nb\tc\r\n", 7);
  show_read(master, "onlcr");
  struct termios now;
  tcgetattr(slave, &now);
  now.c_oflag |= TAB3;
  tcsetattr(slave, TCSANOW, &now);
  write(slave, "a\tb\n\t|\n", 7);
  show_read(master, "tabs");
  now.c_oflag = OPOST | OCRNL;
  tcsetattr(slave, TCSANOW, &now);
  write(slave, "a\rb\n", 4);
  show_read(master, "ocrnl");
  now.c_oflag = OPOST | ONOCR;
  tcsetattr(slave, TCSANOW, &now);
  write(slave, "\rx\r\r", 4);
  show_read(master, "onocr");
  now.c_oflag = OPOST | OLCUC;
  tcsetattr(slave, TCSANOW, &now);
  write(slave, "abC\n", 4);
  show_read(master, "olcuc");
  now.c_oflag = ONLCR;
  tcsetattr(slave, TCSANOW, &now);
  write(slave, "a\n", 2);
  show_read(master, "no opost");
}

GUEST(raw_mode_gives_bytes_as_they_come) {
  open_pair();
  struct termios now;
  tcgetattr(slave, &now);
  cfmakeraw(&now);
  SHOW(tcsetattr(slave, TCSAFLUSH, &now));
  type("a\003\r\004\n");
  show_read(slave, "raw");
  show_read(master, "echo");
}

GUEST(vmin_and_vtime_decide_when_a_read_ends) {
  open_pair();
  struct termios now;
  tcgetattr(slave, &now);
  cfmakeraw(&now);
  now.c_cc[VMIN] = 0;
  now.c_cc[VTIME] = 0;
  tcsetattr(slave, TCSANOW, &now);
  char bytes[16];
  say_bytes("min 0", bytes, read(slave, bytes, sizeof bytes));
  now.c_cc[VTIME] = 1;
  tcsetattr(slave, TCSANOW, &now);
  say_bytes("timeout", bytes, read(slave, bytes, sizeof bytes));
  now.c_cc[VMIN] = 3;
  now.c_cc[VTIME] = 0;
  tcsetattr(slave, TCSANOW, &now);
  pid_t child = fork();
  if (child == 0) {
    type("a");
    guest_pause();
    type("b");
    guest_pause();
    type("cd");
    _exit(0);
  }
  ssize_t got = read(slave, bytes, sizeof bytes);
  SAY("at least three: %d\n", got >= 3);
  guest_wait("child", child);
  tcflush(slave, TCIFLUSH);
  now.c_cc[VMIN] = 5;
  now.c_cc[VTIME] = 1;
  tcsetattr(slave, TCSANOW, &now);
  type("xy");
  say_bytes("between bytes", bytes, read(slave, bytes, sizeof bytes));
  now.c_cc[VMIN] = 5;
  now.c_cc[VTIME] = 0;
  tcsetattr(slave, TCSANOW, &now);
  type("pqr");
  say_bytes("buffer smaller than min", bytes, read(slave, bytes, 2));
}

GUEST(typing_before_raw_mode_becomes_readable) {
  open_pair();
  type("abc");
  guest_pause();
  set_local(ICANON, 0);
  show_read(slave, "raw");
  type("def");
  guest_pause();
  set_local(0, ICANON);
  show_read(slave, "canonical");
}

GUEST(fionread_counts_what_can_be_read) {
  open_pair();
  int count = -1;
  type("abc");
  guest_pause();
  SHOW(ioctl(slave, FIONREAD, &count));
  SAY("%d\n", count);
  type("d\nxy\n");
  guest_pause();
  SHOW(ioctl(slave, FIONREAD, &count));
  SAY("%d\n", count);
  struct pollfd wait = {slave, POLLIN | POLLOUT, 0};
  SHOW(poll(&wait, 1, 0));
  SAY("%x\n", wait.revents);
}

GUEST(tcflush_throws_input_away) {
  open_pair();
  type("abc\n");
  guest_pause();
  SHOW(tcflush(slave, TCIFLUSH));
  show_read(slave, "nothing");
  type("d\n");
  show_read(slave, "new");
  SHOW(ioctl(slave, TCFLSH, 7));
}

GUEST(xoff_stops_output_and_xon_starts_it) {
  open_pair();
  type("\023");
  guest_pause();
  fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
  SHOW(write(slave, "x", 1));
  type("\021");
  guest_pause();
  SHOW(write(slave, "y", 1));
  show_read(master, "shown");
  SHOW(ioctl(slave, TCXONC, TCOOFF));
  SHOW(write(slave, "x", 1));
  SHOW(ioctl(slave, TCXONC, TCOON));
  SHOW(write(slave, "z", 1));
  show_read(master, "shown");
}

static volatile int got_signal;
static void note_signal(int signal) { got_signal = signal; }

/// In a child that leads a session with the terminal.
static void with_terminal(void (*body)(void)) {
  pid_t child = fork();
  if (child == 0) {
    setsid();
    if (ioctl(slave, TIOCSCTTY, 0) != 0) SAY("no controlling terminal: %s\n", strerrorname_np(errno));
    body();
    _exit(0);
  }
  guest_wait("session", child);
}

static void interrupt_body(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = note_signal;
  sigaction(SIGINT, &action, 0);
  sigaction(SIGQUIT, &action, 0);
  sigaction(SIGTSTP, &action, 0);
  const char* keys[] = {"\003", "\034", "\032"};
  for (int at = 0; at < 3; ++at) {
    got_signal = 0;
    type(keys[at]);
    for (int turn = 0; turn < 20 && got_signal == 0; ++turn) guest_pause();
    SAY("signal %d\n", got_signal);
  }
  show_read(master, "echo");
  set_local(ISIG, 0);
  got_signal = 0;
  type("\003\n");
  show_read(slave, "no isig");
  SAY("signal %d\n", got_signal);
}
GUEST(control_keys_signal_the_foreground_group) {
  open_pair();
  with_terminal(interrupt_body);
}

static void flush_body(void) {
  signal(SIGINT, SIG_IGN);
  type("typed");
  guest_pause();
  type("\003after\n");
  show_read(slave, "flushed");
  set_local(0, NOFLSH);
  type("typed");
  guest_pause();
  type("\003after\n");
  show_read(slave, "kept");
}
GUEST(an_interrupt_flushes_unless_noflsh) {
  open_pair();
  with_terminal(flush_body);
}

static void read_is_interrupted_body(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = note_signal;
  sigaction(SIGINT, &action, 0);
  pid_t typist = fork();
  if (typist == 0) {
    signal(SIGINT, SIG_IGN);
    guest_pause();
    type("\003");
    _exit(0);
  }
  char byte;
  SHOW(read(slave, &byte, 1));
  SAY("signal %d\n", got_signal);
  guest_wait("typist", typist);
}
GUEST(an_interrupt_ends_a_blocked_read) {
  open_pair();
  with_terminal(read_is_interrupted_body);
}

static void numbers_body(void) {
  int pid = -1;
  SHOW(ioctl(slave, TIOCGPGRP, &pid));
  SAY("own group %d\n", pid == getpgrp());
  SHOW(ioctl(slave, TIOCGSID, &pid));
  SAY("own session %d\n", pid == getsid(0));
  SHOW(tcsetpgrp(slave, 99999));
  pid = -5;
  SHOW(ioctl(slave, TIOCSPGRP, &pid));
  SHOW(tcsetpgrp(slave, 1));
  SHOW(ioctl(slave, TIOCSCTTY, 0));
  int fd = open("/dev/tty", O_RDWR);
  SAY("/dev/tty %s\n", fd >= 0 ? "opens" : strerrorname_np(errno));
  SHOW(ioctl(slave, TIOCNOTTY));
  SHOW(ioctl(slave, TIOCGPGRP, &pid));
  SHOW(ioctl(slave, TIOCNOTTY));
  fd = open("/dev/tty", O_RDWR);
  SAY("/dev/tty %s\n", fd >= 0 ? "opens" : strerrorname_np(errno));
}
GUEST(a_session_leader_has_the_terminal) {
  open_pair();
  signal(SIGHUP, SIG_IGN);
  int pid = -1;
  SHOW(ioctl(slave, TIOCGPGRP, &pid));
  SHOW(ioctl(slave, TIOCGSID, &pid));
  SHOW(ioctl(slave, TIOCSCTTY, 0));
  with_terminal(numbers_body);
}

static void background_body(void) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    char byte;
    ssize_t got = read(slave, &byte, 1);
    SAY("child read %zd %c\n", got, got == 1 ? byte : '-');
    _exit(0);
  }
  waitpid(child, &status, WUNTRACED);
  SAY("child %s\n", guest_status(status));
  SHOW(tcsetpgrp(slave, child));
  type("z\n");
  kill(child, SIGCONT);
  guest_wait("child", child);
  signal(SIGTTOU, SIG_IGN);
  SHOW(tcsetpgrp(slave, getpgrp()));
}
GUEST(a_background_reader_is_stopped) {
  open_pair();
  with_terminal(background_body);
}

static void background_error_body(void) {
  pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    char byte;
    signal(SIGTTIN, SIG_IGN);
    SHOW(read(slave, &byte, 1));
    signal(SIGTTIN, SIG_DFL);
    sigset_t all;
    sigemptyset(&all);
    sigaddset(&all, SIGTTIN);
    sigprocmask(SIG_BLOCK, &all, 0);
    SHOW(read(slave, &byte, 1));
    SHOW(write(slave, "w", 1));
    _exit(0);
  }
  guest_wait("child", child);
}
GUEST(a_background_reader_that_ignores_it_gets_eio) {
  open_pair();
  with_terminal(background_error_body);
}

static void tostop_body(void) {
  int status = 0;
  set_local(0, TOSTOP);
  pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    SHOW(write(slave, "w", 1));
    _exit(0);
  }
  waitpid(child, &status, WUNTRACED);
  SAY("child %s\n", guest_status(status));
  set_local(TOSTOP, 0);
  kill(child, SIGCONT);
  guest_wait("child", child);
}
GUEST(tostop_stops_a_background_writer) {
  open_pair();
  with_terminal(tostop_body);
}

static void background_set_body(void) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    struct termios now;
    SHOW(tcgetattr(slave, &now));
    SHOW(tcsetattr(slave, TCSANOW, &now));
    _exit(0);
  }
  waitpid(child, &status, WUNTRACED);
  SAY("child %s\n", guest_status(status));
  tcsetpgrp(slave, child);
  kill(child, SIGCONT);
  guest_wait("child", child);
}
GUEST(changing_settings_from_the_background_stops) {
  open_pair();
  with_terminal(background_set_body);
}

GUEST(an_orphaned_group_reads_eio) {
  open_pair();
  int ends[2];
  pipe(ends);
  pid_t child = fork();
  if (child == 0) {
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    signal(SIGHUP, SIG_IGN);
    if (fork() == 0) {
      if (fork() == 0) {
        setpgid(0, 0);
        char go;
        read(ends[0], &go, 1);
        char byte;
        SHOW(read(slave, &byte, 1));
        _exit(0);
      }
      _exit(0);
    }
    wait(0);
    write(ends[1], "g", 1);
    guest_pause();
    guest_pause();
    _exit(0);
  }
  guest_wait("session", child);
  guest_pause();
}

static void size_body(void) {
  signal(SIGWINCH, note_signal);
  struct winsize size = {24, 80, 0, 0};
  SHOW(ioctl(master, TIOCSWINSZ, &size));
  for (int turn = 0; turn < 20 && got_signal == 0; ++turn) guest_pause();
  SAY("signal %d\n", got_signal);
  struct winsize now;
  ioctl(slave, TIOCGWINSZ, &now);
  SAY("%d %d\n", now.ws_row, now.ws_col);
  got_signal = 0;
  SHOW(ioctl(slave, TIOCSWINSZ, &size));
  guest_pause();
  SAY("the same size: signal %d\n", got_signal);
}
GUEST(a_new_window_size_is_signalled) {
  open_pair();
  with_terminal(size_body);
}

static void hangup_body(void) {
  close(slave);
  slave = open("pts/0", O_RDWR | O_NOCTTY);
  signal(SIGHUP, note_signal);
  close(master);
  for (int turn = 0; turn < 20 && got_signal == 0; ++turn) guest_pause();
  SAY("signal %d\n", got_signal);
  char byte;
  SHOW(read(slave, &byte, 1));
  SHOW(write(slave, "x", 1));
  struct termios now;
  SHOW(tcgetattr(slave, &now));
  int pid = 0;
  SHOW(ioctl(slave, TIOCGPGRP, &pid));
  struct pollfd wait = {slave, POLLIN | POLLOUT, 0};
  SHOW(poll(&wait, 1, 0));
  SAY("%x\n", wait.revents);
  int again = open("pts/0", O_RDWR | O_NOCTTY);
  SAY("again: %s\n", again >= 0 ? "opens" : strerrorname_np(errno));
  int fd = open("/dev/tty", O_RDWR);
  SAY("/dev/tty %s\n", fd >= 0 ? "opens" : strerrorname_np(errno));
}
GUEST(closing_the_master_hangs_up_the_session) {
  open_pair();
  pid_t child = fork();
  if (child == 0) {
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    hangup_body();
    _exit(0);
  }
  close(master);
  close(slave);
  guest_wait("session", child);
}

GUEST(the_foreground_group_is_hung_up_when_the_leader_ends) {
  open_pair();
  int ends[2];
  pipe(ends);
  pid_t leader = fork();
  if (leader == 0) {
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    if (fork() == 0) {
      setpgid(0, 0);
      signal(SIGHUP, note_signal);
      signal(SIGTTOU, SIG_IGN);
      tcsetpgrp(slave, getpgrp());
      write(ends[1], "r", 1);
      for (int turn = 0; turn < 50 && got_signal == 0; ++turn) guest_pause();
      const char told = (char)got_signal;  // by the parent: its line comes after the leader's
      write(ends[1], &told, 1);
      _exit(0);
    }
    char ready;
    read(ends[0], &ready, 1);
    _exit(0);
  }
  guest_wait("leader", leader);
  char told = 0;
  read(ends[0], &told, 1);
  SAY("member: signal %d\n", told);
}

GUEST(the_master_reads_eio_when_the_slave_is_closed) {
  open_pair();
  write(slave, "last", 4);
  close(slave);
  guest_pause();
  show_read(master, "rest");
  show_read(master, "closed");
  struct pollfd wait = {master, POLLIN, 0};
  SHOW(poll(&wait, 1, 0));
  SAY("%x\n", wait.revents);
  slave = open("pts/0", O_RDWR | O_NOCTTY);
  SHOW(write(slave, "new", 3));
  show_read(master, "again");
}

GUEST(a_slave_is_locked_at_first) {
  mkdir("pts", 0755);
  if (mount("devpts", "pts", "devpts", 0, "newinstance,ptmxmode=0666") != 0) SKIP("no devpts");
  master = open("pts/ptmx", O_RDWR | O_NOCTTY);
  SHOW(open("pts/0", O_RDWR | O_NOCTTY));
  int lock = -1;
  SHOW(ioctl(master, TIOCGPTLCK, &lock));
  SAY("%d\n", lock);
  lock = 0;
  SHOW(ioctl(master, TIOCSPTLCK, &lock));
  SHOW_OK(open("pts/0", O_RDWR | O_NOCTTY));
  int number = -1;
  SHOW(ioctl(master, TIOCGPTN, &number));
  SAY("%d\n", number);
  SHOW(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY) >= 0);
}

GUEST(devpts_lists_what_is_open) {
  mkdir("pts", 0755);
  if (mount("devpts", "pts", "devpts", 0, "newinstance,ptmxmode=0640,mode=0600,gid=5") != 0) SKIP("no devpts");
  struct stat node;
  SHOW(stat("pts/ptmx", &node));
  SAY("%o %d:%d\n", node.st_mode, (int)(node.st_rdev >> 8), (int)(node.st_rdev & 255));
  SHOW(stat("pts/0", &node));
  int first = open("pts/ptmx", O_RDWR | O_NOCTTY), second = open("pts/ptmx", O_RDWR | O_NOCTTY);
  SHOW(stat("pts/0", &node));
  SAY("%o %d %d %d:%d\n", node.st_mode, node.st_uid, node.st_gid, (int)(node.st_rdev >> 8), (int)(node.st_rdev & 255));
  SHOW(access("pts/1", F_OK));
  close(first);
  SHOW(access("pts/0", F_OK));
  SHOW(access("pts/1", F_OK));
  first = open("pts/ptmx", O_RDWR | O_NOCTTY);
  SHOW(access("pts/0", F_OK));
  SHOW(unlink("pts/0"));
  SHOW(mkdir("pts/x", 0755));
  SHOW(chmod("pts/0", 0666));
  stat("pts/0", &node);
  SAY("%o\n", node.st_mode);
  close(second);
}

GUEST(ptmx_nodes_need_a_devpts_beside_them) {
  mkdir("dev", 0755);
  SHOW(mknod("dev/ptmx", S_IFCHR | 0666, 5 << 8 | 2));
  SHOW(open("dev/ptmx", O_RDWR | O_NOCTTY));
  mkdir("dev/pts", 0755);
  if (mount("devpts", "dev/pts", "devpts", 0, "newinstance") != 0) SKIP("no devpts");
  int fd = open("dev/ptmx", O_RDWR | O_NOCTTY);
  SHOW(fd >= 0);
  SHOW(access("dev/pts/0", F_OK));
  SHOW(mknod("dev/pts-node", S_IFCHR | 0666, 136 << 8));
  SHOW(open("dev/pts-node", O_RDWR | O_NOCTTY));
}

static void opener_body(void) {
  int pid = -1;
  int fd = open("pts/0", O_RDWR);
  SHOW(ioctl(fd, TIOCGSID, &pid));
  SAY("own session %d\n", pid == getsid(0));
}
GUEST(opening_a_terminal_makes_it_the_leaders) {
  open_pair();
  pid_t child = fork();
  if (child == 0) {
    setsid();
    int pid = -1;
    int fd = open("pts/0", O_RDWR | O_NOCTTY);
    SHOW(ioctl(fd, TIOCGSID, &pid));
    opener_body();
    _exit(0);
  }
  guest_wait("session", child);
}

GUEST(terminals_cannot_seek) {
  open_pair();
  SHOW(lseek(slave, 0, SEEK_CUR));
  char byte;
  SHOW(pread(slave, &byte, 1, 0));
  SHOW(ioctl(slave, TIOCGPTN, &byte));
  SHOW(ioctl(slave, 0x1234, 0));
}
