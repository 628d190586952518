// signal(7), sigaction(2), sigprocmask(2), sigsuspend(2), timers.
#include "guest.h"

static volatile int count, last_signal, last_code, last_value, nested;
static void counts(int signal) {
  ++count;
  last_signal = signal;
}
static void notes(int signal, siginfo_t* info, void* context) {
  (void)context;
  ++count;
  last_signal = signal;
  last_code = info->si_code;
  last_value = info->si_value.sival_int;
}
static void handle(int signal, void (*handler)(int), int flags) {
  struct sigaction action = {0};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(signal, &action, 0);
}

GUEST(handlers_run_and_return) {
  handle(SIGUSR1, counts, 0);
  SHOW(raise(SIGUSR1));
  SAY("count %d signal %d\n", count, last_signal);
  SHOW(kill(getpid(), SIGUSR1));
  SAY("count %d\n", count);
}

GUEST(registers_survive_a_handler) {
  handle(SIGUSR1, counts, 0);
  double value = 1.5;
  long sum = 0;
  for (int at = 0; at < 1000; ++at) {
    value = value * 1.001 + at;
    sum += at;
    if (at % 100 == 0) raise(SIGUSR1);
  }
  SAY("%d %ld %.6f\n", count, sum, value);
}

GUEST(blocked_signals_wait) {
  handle(SIGUSR1, counts, 0);
  sigset_t set, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  raise(SIGUSR1);
  raise(SIGUSR1);
  raise(SIGUSR1);
  sigpending(&pending);
  SAY("count %d pending %d\n", count, sigismember(&pending, SIGUSR1));
  sigprocmask(SIG_UNBLOCK, &set, 0);
  SAY("count %d\n", count);
}

GUEST(real_time_signals_queue) {
  struct sigaction action = {0};
  action.sa_sigaction = notes;
  action.sa_flags = SA_SIGINFO;
  int signal = SIGRTMIN + 2;
  sigaction(signal, &action, 0);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, 0);
  union sigval value;
  for (value.sival_int = 1; value.sival_int <= 3; ++value.sival_int) sigqueue(getpid(), signal, value);
  siginfo_t info;
  struct timespec none = {0, 0};
  SHOW(sigtimedwait(&set, &info, &none) == signal);
  SAY("value %d code %d\n", info.si_value.sival_int, info.si_code);
  sigprocmask(SIG_UNBLOCK, &set, 0);
  SAY("count %d last value %d code %d\n", count, last_value, last_code);
  sigprocmask(SIG_BLOCK, &set, 0);
  SHOW(sigtimedwait(&set, &info, &none));
}

static char order[16];
static void notes_order(int signal) {
  char text[2] = {signal == SIGUSR1 ? 'a' : signal == SIGUSR2 ? 'b' : 'c', 0};
  strcat(order, text);
}
GUEST(the_order_of_delivery) {
  sigset_t set;
  sigemptyset(&set);
  int signals[] = {SIGTERM, SIGUSR2, SIGUSR1};
  for (int at = 0; at < 3; ++at) {
    struct sigaction action = {0};
    action.sa_handler = notes_order;
    sigfillset(&action.sa_mask);
    sigaction(signals[at], &action, 0);
    sigaddset(&set, signals[at]);
  }
  sigprocmask(SIG_BLOCK, &set, 0);
  for (int at = 0; at < 3; ++at) raise(signals[at]);
  sigprocmask(SIG_UNBLOCK, &set, 0);
  SAY("%s\n", order);
}

static void raises_again(int signal) {
  if (++count < 3) {
    ++nested;
    raise(signal);
    SAY("in the handler: count %d\n", count);
    --nested;
  }
}
GUEST(a_signal_is_blocked_in_its_handler) {
  handle(SIGUSR1, raises_again, 0);
  raise(SIGUSR1);
  SAY("count %d\n", count);
}
GUEST(sa_nodefer_and_resethand) {
  handle(SIGUSR1, raises_again, SA_NODEFER);
  raise(SIGUSR1);
  SAY("count %d\n", count);
  handle(SIGUSR2, counts, SA_RESETHAND);
  raise(SIGUSR2);
  struct sigaction now;
  sigaction(SIGUSR2, 0, &now);
  SAY("default again %d\n", now.sa_handler == SIG_DFL);
}

GUEST(sigsuspend_swaps_the_mask) {
  handle(SIGUSR1, counts, 0);
  sigset_t set, none, now;
  sigemptyset(&none);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  raise(SIGUSR1);
  SHOW(sigsuspend(&none));
  sigprocmask(SIG_BLOCK, 0, &now);
  SAY("count %d, blocked again %d\n", count, sigismember(&now, SIGUSR1));
}

GUEST(kill_refuses) {
  SHOW(kill(99999, 0));
  SHOW(kill(getpid(), 65));
  SHOW(kill(getpid(), -1));
  SHOW(kill(-99999, SIGTERM));
  SHOW(syscall(SYS_tgkill, getpid(), 99999, 0));
  SHOW(syscall(SYS_tgkill, -1, 1, 0));
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  setuid(1000);
  SHOW(kill(child, SIGTERM));
  SHOW(kill(child, 0));
  SHOW(kill(1, SIGTERM));
  seteuid(0);
}

GUEST(kill_and_stop_cannot_be_caught) {
  struct sigaction action = {0};
  action.sa_handler = counts;
  SHOW(sigaction(SIGKILL, &action, 0));
  SHOW(sigaction(SIGSTOP, &action, 0));
  SHOW(sigaction(65, &action, 0));
  sigset_t all, now;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, 0);
  sigprocmask(SIG_BLOCK, 0, &now);
  SAY("blocked: kill %d stop %d term %d\n", sigismember(&now, SIGKILL), sigismember(&now, SIGSTOP),
      sigismember(&now, SIGTERM));
}

GUEST(ignored_signals_are_dropped) {
  sigset_t set, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, 0);
  raise(SIGUSR1);
  raise(SIGCHLD);
  sigpending(&pending);
  SAY("pending usr1 %d chld %d\n", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGCHLD));
  signal(SIGUSR1, SIG_IGN);
  sigpending(&pending);
  SAY("pending usr1 %d\n", sigismember(&pending, SIGUSR1));
}

GUEST(alarms) {
  handle(SIGALRM, counts, 0);
  SHOW(alarm(10));
  SHOW(alarm(0) >= 9);
  struct itimerval timer = {{0, 0}, {0, 20000}}, left;
  setitimer(ITIMER_REAL, &timer, 0);
  SHOW(pause());
  SAY("count %d\n", count);
  getitimer(ITIMER_REAL, &left);
  SAY("left %ld\n", left.it_value.tv_sec * 1000000 + left.it_value.tv_usec);
  timer.it_interval.tv_usec = 10000;
  setitimer(ITIMER_REAL, &timer, 0);
  while (count < 4) pause();
  SAY("count %d\n", count);
  SHOW(setitimer(77, &timer, 0));
  timer.it_value.tv_usec = 1000000;
  SHOW(setitimer(ITIMER_REAL, &timer, 0));
}

GUEST(a_sleep_that_is_interrupted) {
  handle(SIGALRM, counts, SA_RESTART);
  struct itimerval timer = {{0, 0}, {0, 50000}};
  setitimer(ITIMER_REAL, &timer, 0);
  struct timespec wanted = {5, 0}, left = {0, 0};
  SHOW(nanosleep(&wanted, &left));
  SAY("left %d\n", left.tv_sec >= 4 && left.tv_sec < 5);
  wanted.tv_nsec = 1000000000;
  SHOW(nanosleep(&wanted, &left));
  wanted.tv_nsec = 0;
  SHOW(clock_nanosleep(77, 0, &wanted, &left));
}

GUEST(poll_is_not_restarted) {
  handle(SIGALRM, counts, SA_RESTART);
  struct itimerval timer = {{0, 0}, {0, 30000}};
  setitimer(ITIMER_REAL, &timer, 0);
  int ends[2];
  pipe(ends);
  struct pollfd fd = {ends[0], POLLIN, 0};
  SHOW(poll(&fd, 1, 5000));
  setitimer(ITIMER_REAL, &timer, 0);
  fd_set set;
  FD_ZERO(&set);
  FD_SET(ends[0], &set);
  struct timeval limit = {5, 0};
  SHOW(select(ends[0] + 1, &set, 0, 0, &limit));
}

GUEST(wait_is_restarted) {
  handle(SIGALRM, counts, SA_RESTART);
  pid_t child = fork();
  if (child == 0) {
    struct timespec moment = {0, 100000000};
    nanosleep(&moment, 0);
    _exit(3);
  }
  struct itimerval timer = {{0, 0}, {0, 20000}};
  setitimer(ITIMER_REAL, &timer, 0);
  int status;
  SHOW(waitpid(child, &status, 0) == child);
  SAY("%s, count %d\n", guest_status(status), count);
  handle(SIGALRM, counts, 0);
  child = fork();
  if (child == 0) {
    struct timespec moment = {0, 100000000};
    nanosleep(&moment, 0);
    _exit(3);
  }
  setitimer(ITIMER_REAL, &timer, 0);
  SHOW(waitpid(child, &status, 0));
  guest_wait("child", child);
}

GUEST(sigchld_tells_what_happened) {
  siginfo_t info;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, 0);
  pid_t child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    guest_pause();  // else this end and the news before it are one signal
    _exit(3);
  }
  for (int news = 0; news < 3; ++news) {
    sigwaitinfo(&set, &info);
    SAY("code %d status %d of the child %d\n", info.si_code, info.si_status, info.si_pid == child);
    if (news == 0) kill(child, SIGCONT);
  }
  guest_wait("child", child);
}

GUEST(faults_tell_where) {
  static volatile uintptr_t address;
  static volatile int signal_seen;
  void on_fault(int signal, siginfo_t* info, void* context) {
    (void)context;
    signal_seen = signal;
    address = (uintptr_t)info->si_addr;
    SAY("signal %d code %d address %lx\n", signal, info->si_code, (unsigned long)address);
    _exit(1);
  }
  struct sigaction action = {0};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  int signals[] = {SIGSEGV, SIGFPE, SIGILL, SIGBUS, SIGTRAP};
  for (int at = 0; at < 5; ++at) sigaction(signals[at], &action, 0);
  if (fork() == 0) *(volatile char*)0x1234 = 1;
  wait(0);
  if (fork() == 0) {
    volatile int zero = 0, one = 1;
    one = one / zero;
    _exit(0);
  }
  wait(0);
  pid_t child = fork();
  if (child == 0) {
    sigaction(SIGILL, &(struct sigaction){0}, 0);
    __asm__ volatile("ud2");
  }
  guest_wait("ud2", child);
  child = fork();
  if (child == 0) {
    __asm__ volatile("hlt");
    _exit(0);
  }
  guest_wait("hlt", child);
  child = fork();
  if (child == 0) {
    sigaction(SIGTRAP, &(struct sigaction){0}, 0);
    __asm__ volatile("int3");
    _exit(0);
  }
  guest_wait("int3", child);
}

GUEST(a_fault_while_its_signal_is_blocked_kills) {
  handle(SIGSEGV, counts, 0);
  pid_t child = fork();
  if (child == 0) {
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, 0);
    *(volatile char*)8 = 1;
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  SAY("%s\n", guest_status(status));
  signal(SIGSEGV, SIG_IGN);
  child = fork();
  if (child == 0) {
    *(volatile char*)8 = 1;
    _exit(0);
  }
  guest_wait("ignored", child);
}

GUEST(timers_of_posix) {
  timer_t timer;
  struct sigevent event = {0};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGUSR1;
  event.sigev_value.sival_int = 77;
  struct sigaction action = {0};
  action.sa_sigaction = notes;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR1, &action, 0);
  SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
  struct itimerspec when = {{0, 0}, {0, 20000000}}, left;
  SHOW(timer_settime(timer, 0, &when, 0));
  pause();
  SAY("count %d code %d value %d\n", count, last_code, last_value);
  timer_gettime(timer, &left);
  SAY("left %ld\n", left.it_value.tv_sec + left.it_value.tv_nsec);
  SHOW(timer_getoverrun(timer));
  SHOW(timer_delete(timer));
  SHOW(syscall(SYS_timer_delete, 99));
  SHOW(syscall(SYS_timer_create, 77, &event, &timer));
}

GUEST(orphaned_groups_that_are_stopped_get_sighup) {
  int ends[2];
  pipe(ends);
  pid_t leader = fork();
  if (leader == 0) {
    setsid();
    pid_t shell = fork();
    if (shell == 0) {
      setpgid(0, 0);
      pid_t job = fork();
      if (job == 0) {
        close(ends[0]);
        signal(SIGHUP, (void (*)(int))counts);
        raise(SIGSTOP);
        dprintf(ends[1], "hang-ups %d", count);
        _exit(0);
      }
      int status;
      waitpid(job, &status, WUNTRACED);
      _exit(0);
    }
    waitpid(shell, 0, 0);
    _exit(0);
  }
  close(ends[1]);
  char text[32] = "";
  read(ends[0], text, 31);
  SAY("%s\n", text);
  guest_wait("leader", leader);
}

GUEST(tty_reads_and_signals_without_a_terminal) {
  SHOW(open("/dev/tty", O_RDWR));
  SHOW(tcgetpgrp(0));
  SHOW(isatty(0));
}
