// sigaltstack(2), what handlers are told, sigqueue(3), sigtimedwait(2), and signals among processes.
#include "guest.h"

#include <sys/ucontext.h>
#include <ucontext.h>

static char stack_bytes[65536] __attribute__((aligned(16)));
static volatile int on_stack, seen;

static void where(int signal, siginfo_t* info, void* context) {
  (void)info;
  ucontext_t* frame = context;
  char here;
  on_stack = &here >= stack_bytes && &here < stack_bytes + sizeof stack_bytes;
  seen = signal;
  stack_t now;
  sigaltstack(0, &now);
  SAY("handler: on the stack %d, flags %d, in frame flags %d size %zu\n", on_stack, now.ss_flags,
      frame->uc_stack.ss_flags, frame->uc_stack.ss_size);
}
static void set(int signal, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action = {0};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(signal, &action, 0);
}

GUEST(an_alternate_stack_is_used_when_asked) {
  stack_t stack = {.ss_sp = stack_bytes, .ss_size = sizeof stack_bytes}, before;
  SHOW(sigaltstack(&stack, &before));
  SAY("before: flags %d\n", before.ss_flags);
  set(SIGUSR1, where, SA_ONSTACK);
  set(SIGUSR2, where, 0);
  raise(SIGUSR1);
  raise(SIGUSR2);
  stack.ss_flags = SS_DISABLE;
  SHOW(sigaltstack(&stack, 0));
  raise(SIGUSR1);
  stack.ss_flags = 0;
  stack.ss_size = 100;
  SHOW(sigaltstack(&stack, 0));
  stack.ss_size = sizeof stack_bytes;
  stack.ss_flags = 8;
  SHOW(sigaltstack(&stack, 0));
}

static void changes_stack(int signal) {
  (void)signal;
  stack_t stack = {.ss_sp = stack_bytes, .ss_size = sizeof stack_bytes};
  SHOW(sigaltstack(&stack, 0));
}
GUEST(the_stack_in_use_cannot_be_changed) {
  stack_t stack = {.ss_sp = stack_bytes, .ss_size = sizeof stack_bytes};
  sigaltstack(&stack, 0);
  struct sigaction action = {0};
  action.sa_handler = changes_stack;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, 0);
  raise(SIGUSR1);
}

static volatile int depth;
static int overflow(int value) {
  char room[4096];
  memset(room, value, sizeof room);
  return overflow(value + 1) + room[value & 1023];
}
static void overflowed(int signal, siginfo_t* info, void* context) {
  (void)context;
  SAY("signal %d code %d\n", signal, info->si_code);
  _exit(7);
}
GUEST(a_stack_overflow_is_handled_on_another_stack) {
  struct rlimit limit = {1 << 20, 1 << 20};
  pid_t child = fork();
  if (child == 0) {
    setrlimit(RLIMIT_STACK, &limit);
    stack_t stack = {.ss_sp = stack_bytes, .ss_size = sizeof stack_bytes};
    sigaltstack(&stack, 0);
    set(SIGSEGV, overflowed, SA_ONSTACK);
    _exit(overflow(1));
  }
  guest_wait("with", child);
  child = fork();
  if (child == 0) {
    setrlimit(RLIMIT_STACK, &limit);
    set(SIGSEGV, overflowed, 0);
    _exit(overflow(1));
  }
  int status;
  waitpid(child, &status, 0);
  SAY("without: signal %d\n", WTERMSIG(status));
}

static void autodisarmed(int signal) {
  (void)signal;
  stack_t now;
  sigaltstack(0, &now);
  SAY("in the handler: flags %d\n", now.ss_flags);
}
GUEST(an_alternate_stack_that_disarms_itself) {
  stack_t stack = {.ss_sp = stack_bytes, .ss_size = sizeof stack_bytes, .ss_flags = 1 << 31}, now;
  SHOW(sigaltstack(&stack, 0));
  struct sigaction action = {0};
  action.sa_handler = autodisarmed;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, 0);
  raise(SIGUSR1);
  sigaltstack(0, &now);
  SAY("afterwards: flags %x size %d\n", now.ss_flags, now.ss_size == sizeof stack_bytes);
}

static void changes_registers(int signal, siginfo_t* info, void* context) {
  (void)signal;
  (void)info;
  ucontext_t* frame = context;
  frame->uc_mcontext.gregs[REG_RBX] = 4242;
  sigaddset(&frame->uc_sigmask, SIGUSR2);
}
GUEST(a_handler_changes_what_it_returns_to) {
  set(SIGUSR1, changes_registers, 0);
  long pid = getpid(), rbx = 1;
  __asm__ volatile(
      "mov $7, %%rbx\n mov $62, %%eax\n mov %1, %%rdi\n mov $10, %%esi\n syscall\n mov %%rbx, %0"
      : "=r"(rbx)
      : "r"(pid)
      : "rax", "rbx", "rcx", "rdx", "rdi", "rsi", "r11", "memory");
  sigset_t mask;
  sigprocmask(SIG_BLOCK, 0, &mask);
  SAY("rbx %ld blocked %d\n", rbx, sigismember(&mask, SIGUSR2));
}

static void restores(int signal) { seen = signal; }
GUEST(floating_point_survives_handlers) {
  signal(SIGUSR1, restores);
  double value = 3.25;
  long low = 0;
  __asm__ volatile("movq %1, %%xmm7\n mov $62, %%eax\n mov %2, %%rdi\n mov $10, %%esi\n syscall\n movq %%xmm7, %0"
                   : "=r"(low)
                   : "r"(*(long*)&value), "r"((long)getpid())
                   : "rax", "rcx", "rdx", "rdi", "rsi", "r11", "xmm7", "memory");
  SAY("%d %.2f\n", seen, *(double*)&low);
}

static void queue_from_child(int signal, int value, int count) {
  pid_t parent = getppid();
  for (int at = 0; at < count; ++at) {
    union sigval carried = {.sival_int = value + at};
    sigqueue(parent, signal, carried);
  }
}
GUEST(sigqueue_from_another_process) {
  sigset_t set, all;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 1);
  sigaddset(&set, SIGRTMIN);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  pid_t child = fork();
  if (child == 0) {
    queue_from_child(SIGRTMIN + 1, 100, 2);
    queue_from_child(SIGRTMIN, 200, 3);
    queue_from_child(SIGUSR1, 300, 2);
    _exit(0);
  }
  waitpid(child, 0, 0);
  struct timespec none = {0, 0};
  siginfo_t info;
  int got;
  while ((got = sigtimedwait(&set, &info, &none)) > 0)
    SAY("%s%d code %d value %d from child %d\n", got >= SIGRTMIN ? "RT" : "", got >= SIGRTMIN ? got - SIGRTMIN : got,
        info.si_code, info.si_value.sival_int, info.si_pid == child);
  SHOW(sigtimedwait(&set, &info, &none));
  struct timespec soon = {0, 1000000};
  SHOW(sigtimedwait(&set, 0, &soon));
  struct timespec bad = {0, -1};
  SHOW(sigtimedwait(&set, 0, &bad));
}

GUEST(sigwaitinfo_is_woken_by_a_signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  pid_t child = fork();
  if (child == 0) {
    guest_pause();
    kill(getppid(), SIGUSR1);
    _exit(0);
  }
  siginfo_t info;
  SHOW(sigwaitinfo(&set, &info) == SIGUSR1);
  SAY("code %d from child %d\n", info.si_code, info.si_pid == child);
  guest_wait("child", child);
}

GUEST(sigwaitinfo_is_interrupted_by_others) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  struct sigaction action = {0};
  action.sa_handler = restores;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR2, &action, 0);
  pid_t child = fork();
  if (child == 0) {
    guest_pause();
    kill(getppid(), SIGUSR2);
    _exit(0);
  }
  SHOW(sigwaitinfo(&set, 0));
  guest_wait("child", child);
}

GUEST(rt_sigqueueinfo_may_not_pretend) {
  siginfo_t info = {0};
  info.si_code = SI_USER;
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  SHOW(syscall(SYS_rt_sigqueueinfo, child, SIGUSR1, &info));
  info.si_code = SI_TKILL;
  SHOW(syscall(SYS_rt_sigqueueinfo, child, SIGUSR1, &info));
  info.si_code = SI_QUEUE;
  SHOW(syscall(SYS_rt_sigqueueinfo, child, 65, &info));
  SHOW(syscall(SYS_rt_sigqueueinfo, child, 0, &info));
  SHOW(syscall(SYS_rt_sigqueueinfo, child, SIGUSR1, &info));
  guest_wait("child", child);
}

GUEST(tgkill_checks_both_numbers) {
  SHOW(syscall(SYS_tgkill, getpid(), getpid(), 0));
  SHOW(syscall(SYS_tgkill, getppid(), getpid(), 0));
  SHOW(syscall(SYS_tgkill, 0, getpid(), 0));
  SHOW(syscall(SYS_tgkill, getpid(), 0, 0));
  SHOW(syscall(SYS_tkill, getpid(), 65));
  SHOW(syscall(SYS_tkill, 99999, 0));
}

GUEST(kill_to_groups_and_everyone) {
  setsid();
  pid_t children[3];
  for (int at = 0; at < 3; ++at) {
    children[at] = fork();
    if (children[at] == 0) {
      if (at > 0) setpgid(0, at == 1 ? 0 : children[1]);
      pause();
      _exit(0);
    }
    if (at > 0) setpgid(children[at], children[1]);
  }
  guest_pause();
  SHOW(kill(-children[1], SIGUSR1));
  guest_wait("1", children[1]);
  guest_wait("2", children[2]);
  SHOW(kill(-children[1], 0));
  signal(SIGUSR2, SIG_IGN);
  SHOW(kill(0, SIGUSR2));
  guest_pause();
  SHOW(kill(-1, SIGTERM));
  guest_wait("0", children[0]);
}

static volatile int interrupted;
static void interrupts(int signal) { interrupted = signal; }
static int read_interrupted(int flags) {
  struct sigaction action = {0};
  action.sa_handler = interrupts;
  action.sa_flags = flags;
  sigaction(SIGUSR1, &action, 0);
  int ends[2];
  pipe(ends);
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    guest_pause();
    kill(parent, SIGUSR1);
    guest_pause();
    write(ends[1], "abc", 3);
    _exit(0);
  }
  char bytes[8];
  SHOW(read(ends[0], bytes, sizeof bytes));
  SAY("handler ran: %d\n", interrupted == SIGUSR1);
  interrupted = 0;
  guest_wait("child", child);
  return 0;
}
GUEST(read_is_interrupted_or_restarted) {
  read_interrupted(0);
  read_interrupted(SA_RESTART);
}

GUEST(a_stop_does_not_interrupt_a_read) {
  int ends[2], status;
  pipe(ends);
  pid_t child = fork();
  if (child == 0) {
    char bytes[8];
    long got = read(ends[0], bytes, sizeof bytes);
    SAY("read %ld\n", got);
    _exit(0);
  }
  guest_pause();
  kill(child, SIGSTOP);
  waitpid(child, &status, WUNTRACED);
  SAY("%s\n", guest_status(status));
  write(ends[1], "abcd", 4);
  guest_pause();
  kill(child, SIGCONT);
  guest_wait("child", child);
}

GUEST(a_write_is_partial_when_interrupted) {
  struct sigaction action = {0};
  action.sa_handler = interrupts;
  sigaction(SIGALRM, &action, 0);
  int ends[2];
  pipe(ends);
  static char bytes[200000];
  struct itimerval timer = {{0, 0}, {0, 50000}};
  setitimer(ITIMER_REAL, &timer, 0);
  SHOW(write(ends[1], bytes, sizeof bytes));
  setitimer(ITIMER_REAL, &timer, 0);
  SHOW(write(ends[1], bytes, 1));
}

GUEST(nested_handlers_run_last_first) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  struct sigaction action = {0};
  void say(int signal) { SAY("handler %d\n", signal); }
  action.sa_handler = say;
  sigaction(SIGUSR1, &action, 0);
  sigaction(SIGUSR2, &action, 0);
  sigprocmask(SIG_BLOCK, &set, 0);
  raise(SIGUSR1);
  raise(SIGUSR2);
  sigprocmask(SIG_UNBLOCK, &set, 0);
}

GUEST(sigchld_of_stops_can_be_refused) {
  static volatile int chld;
  void counts(int signal) {
    (void)signal;
    ++chld;
  }
  struct sigaction action = {0};
  action.sa_handler = counts;
  action.sa_flags = SA_NOCLDSTOP;
  sigaction(SIGCHLD, &action, 0);
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  int status;
  kill(child, SIGSTOP);
  while (waitpid(child, &status, WUNTRACED) < 0) {
  }
  SAY("%s, signals %d\n", guest_status(status), chld);
  kill(child, SIGKILL);
  while (waitpid(child, &status, 0) < 0) {
  }
  SAY("%s, signals %d\n", guest_status(status), chld);
}

GUEST(sa_nocldwait_leaves_no_zombie) {
  struct sigaction action = {0};
  action.sa_handler = SIG_DFL;
  action.sa_flags = SA_NOCLDWAIT;
  sigaction(SIGCHLD, &action, 0);
  if (fork() == 0) _exit(0);
  guest_pause();
  SHOW(wait(0));
}

GUEST(waitid_tells_more) {
  siginfo_t info;
  pid_t child = fork();
  if (child == 0) _exit(300);
  memset(&info, 0x55, sizeof info);
  SHOW(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
  SAY("signo %d errno %d code %d status %d pid %d uid %d\n", info.si_signo, info.si_errno, info.si_code,
      info.si_status, info.si_pid == child, info.si_uid);
  SHOW(waitid(P_PID, child, &info, WEXITED));
  SHOW(waitid(P_PID, child, &info, WEXITED));
  child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    pause();
    _exit(0);
  }
  SHOW(waitid(P_PID, child, &info, WSTOPPED));
  SAY("code %d status %d\n", info.si_code, info.si_status);
  info.si_pid = 77;
  SHOW(waitid(P_PID, child, &info, WSTOPPED | WNOHANG));
  SAY("nothing: signo %d pid %d\n", info.si_signo, info.si_pid);
  kill(child, SIGCONT);
  SHOW(waitid(P_PID, child, &info, WCONTINUED));
  SAY("code %d status %d\n", info.si_code, info.si_status);
  kill(child, SIGTERM);
  SHOW(waitid(P_ALL, 0, &info, WEXITED));
  SAY("code %d status %d\n", info.si_code, info.si_status);
  SHOW(waitid(P_ALL, 0, &info, 0));
  SHOW(waitid(9, 0, &info, WEXITED));
  SHOW(waitid(P_PID, 0, &info, WEXITED));
  SHOW(waitid(P_ALL, 0, &info, WEXITED));
}

GUEST(clone_children_are_waited_for_apart) {
  pid_t child = (pid_t)syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);
  if (child == 0) _exit(2);
  signal(SIGUSR1, SIG_IGN);
  SHOW(waitpid(child, 0, 0));
  int status = 0;
  SHOW(waitpid(child, &status, __WCLONE) == child);
  SAY("%s\n", guest_status(status));
  child = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
  if (child == 0) _exit(3);
  SHOW(waitpid(child, &status, __WALL) == child);
  SAY("%s\n", guest_status(status));
}
