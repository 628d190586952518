// time(7): clocks, sleeping, interval timers, POSIX timers, futex(2) timeouts, limits of CPU time.
#include "guest.h"

#include <linux/futex.h>
#include <sys/times.h>

static long ms_since(struct timespec from) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000;
}
static volatile int fired;
static void fires(int signal) {
  (void)signal;
  ++fired;
}

GUEST(clocks_go_on) {
  int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
                  CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
  for (unsigned at = 0; at < sizeof clocks / sizeof *clocks; ++at) {
    struct timespec first, second, resolution;
    int got = clock_gettime(clocks[at], &first);
    clock_gettime(clocks[at], &second);
    clock_getres(clocks[at], &resolution);
    int back = second.tv_sec < first.tv_sec || (second.tv_sec == first.tv_sec && second.tv_nsec < first.tv_nsec);
    SAY("%d: %d backwards %d, resolution %ld\n", clocks[at], got, back,
        clocks[at] == CLOCK_REALTIME_COARSE || clocks[at] == CLOCK_MONOTONIC_COARSE ? resolution.tv_nsec > 1
                                                                                    : resolution.tv_nsec);
  }
  struct timespec now;
  SHOW(syscall(SYS_clock_gettime, 99, &now));
  SHOW(syscall(SYS_clock_gettime, CLOCK_REALTIME, (void*)16));
  SHOW(syscall(SYS_clock_getres, 99, &now));
}

GUEST(sleeping_takes_its_time) {
  struct timespec start, span = {0, 40000000}, left = {9, 9};
  clock_gettime(CLOCK_MONOTONIC, &start);
  SHOW(nanosleep(&span, &left));
  SAY("long enough %d, remainder untouched %d\n", ms_since(start) >= 40, left.tv_sec == 9);
  span.tv_nsec = 1000000000;
  SHOW(nanosleep(&span, 0));
  span.tv_nsec = 0;
  span.tv_sec = -1;
  SHOW(nanosleep(&span, 0));
  SHOW(syscall(SYS_nanosleep, (void*)16, 0));
}

GUEST(an_absolute_sleep) {
  struct timespec at, start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  at = start;
  at.tv_nsec += 30000000;
  if (at.tv_nsec >= 1000000000) at.tv_nsec -= 1000000000, ++at.tv_sec;
  SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, 0));
  SAY("%d\n", ms_since(start) >= 30);
  SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &start, 0));
  SHOW(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &at, 0));
  SHOW(syscall(SYS_clock_nanosleep, 99, 0, &at, 0));
  clock_gettime(CLOCK_REALTIME, &at);
  at.tv_nsec += 20000000;
  if (at.tv_nsec >= 1000000000) at.tv_nsec -= 1000000000, ++at.tv_sec;
  SHOW(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, 0));
}

GUEST(interval_timers_repeat) {
  signal(SIGALRM, fires);
  struct itimerval timer = {{0, 20000}, {0, 10000}}, now;
  SHOW(setitimer(ITIMER_REAL, &timer, 0));
  while (fired < 3) pause();
  SHOW(getitimer(ITIMER_REAL, &now));
  SAY("interval %ld armed %d\n", (long)now.it_interval.tv_usec, now.it_value.tv_usec > 0);
  struct itimerval off = {0};
  SHOW(setitimer(ITIMER_REAL, &off, &now));
  SAY("interval %ld\n", (long)now.it_interval.tv_usec);
  SHOW(getitimer(ITIMER_REAL, &now));
  SAY("armed %d\n", now.it_value.tv_usec > 0);
  SHOW(setitimer(3, &timer, 0));
  timer.it_value.tv_usec = 1000000;
  SHOW(setitimer(ITIMER_REAL, &timer, 0));
}

GUEST(timers_of_cpu_time) {
  signal(SIGVTALRM, fires);
  signal(SIGPROF, fires);
  struct itimerval timer = {{0, 0}, {0, 20000}};
  SHOW(setitimer(ITIMER_VIRTUAL, &timer, 0));
  while (fired == 0) {
  }
  SHOW(setitimer(ITIMER_PROF, &timer, 0));
  while (fired == 1) getppid();
  SAY("fired %d\n", fired);
}

GUEST(alarm_tells_what_is_left) {
  SHOW(alarm(100));
  SHOW(alarm(5));
  SHOW(alarm(0));
  SHOW(alarm(0));
  struct itimerval timer = {{0, 0}, {0, 400000}};
  setitimer(ITIMER_REAL, &timer, 0);
  SHOW(alarm(0));
}

GUEST(an_alarm_is_not_inherited_but_survives_exec) {
  alarm(50);
  pid_t child = fork();
  if (child == 0) {
    SHOW(alarm(0));
    _exit(0);
  }
  guest_wait("child", child);
  SHOW(alarm(0) > 40);
}

GUEST(posix_timers_queue_a_value) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, 0);
  struct sigevent event = {0};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGRTMIN;
  event.sigev_value.sival_int = 4711;
  timer_t timer;
  SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
  struct itimerspec spec = {{0, 0}, {0, 10000000}}, now;
  SHOW(timer_settime(timer, 0, &spec, 0));
  siginfo_t info;
  SHOW(sigwaitinfo(&set, &info) == SIGRTMIN);
  SAY("code %d value %d overrun %d\n", info.si_code, info.si_value.sival_int, info.si_overrun);
  SHOW(timer_gettime(timer, &now));
  SAY("armed %d\n", now.it_value.tv_nsec != 0 || now.it_value.tv_sec != 0);
  spec.it_value.tv_nsec = 1000000000;
  SHOW(timer_settime(timer, 0, &spec, 0));
  SHOW(timer_delete(timer));
  SHOW(syscall(SYS_timer_delete, 77));
  SHOW(syscall(SYS_timer_settime, 77, 0, &spec, 0));
  event.sigev_signo = 99;
  SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
  event.sigev_notify = 77;
  SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
  SHOW(timer_create(99, 0, &timer));
}

GUEST(cpu_time_is_limited) {
  pid_t child = fork();
  if (child == 0) {
    struct rlimit limit = {1, 2};
    setrlimit(RLIMIT_CPU, &limit);
    signal(SIGXCPU, fires);
    while (fired == 0) {
    }
    SAY("SIGXCPU\n");
    for (;;) {
    }
  }
  guest_wait("child", child);
}

static int word;
static long futex(int operation, int value, const struct timespec* timeout, int* second, unsigned third) {
  return syscall(SYS_futex, &word, operation, value, timeout, second, third);
}
GUEST(futexes_time_out_and_disagree) {
  struct timespec soon = {0, 10000000}, bad = {0, 1000000000};
  SHOW(futex(FUTEX_WAIT, 1, 0, 0, 0));
  SHOW(futex(FUTEX_WAIT_PRIVATE, 0, &soon, 0, 0));
  SHOW(futex(FUTEX_WAIT, 0, &bad, 0, 0));
  SHOW(futex(FUTEX_WAKE, 1, 0, 0, 0));
  SHOW(futex(FUTEX_WAIT_BITSET, 0, &soon, 0, 0));
  SHOW(futex(FUTEX_WAIT_BITSET, 0, &soon, 0, 1));
  SHOW(futex(FUTEX_WAKE_BITSET, 1, 0, 0, 0));
  SHOW(syscall(SYS_futex, (char*)&word + 1, FUTEX_WAIT, 0, 0, 0, 0));
  SHOW(syscall(SYS_futex, 16, FUTEX_WAIT, 0, 0, 0, 0));
}

GUEST(futexes_in_shared_memory) {
  int* shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t child = fork();
  if (child == 0) {
    long got = syscall(SYS_futex, shared, FUTEX_WAIT, 0, 0, 0, 0);
    guest_pause();
    SAY("waited: %ld, word %d\n", got, *shared);
    _exit(0);
  }
  guest_pause();
  *shared = 5;
  SHOW(syscall(SYS_futex, shared, FUTEX_WAKE, 10, 0, 0, 0));
  guest_wait("child", child);
  SHOW(syscall(SYS_futex, shared, FUTEX_WAKE, 10, 0, 0, 0));
}

GUEST(child_cleartid_wakes_a_futex) {
  int* tid = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  *tid = 1;
  static char stack[65536] __attribute__((aligned(16)));
  int run(void* nothing) {
    (void)nothing;
    guest_pause();
    syscall(SYS_exit, 0);
    return 0;
  }
  int child = clone(run, stack + sizeof stack, CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, 0, 0, 0, tid);
  while (*tid != 0) syscall(SYS_futex, tid, FUTEX_WAIT, 1, 0, 0, 0);
  SAY("cleared\n");
  guest_wait("child", child);
}

GUEST(times_add_up) {
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  volatile long sum = 0;
  for (long at = 0; at < 20000000; ++at) sum += at;
  getrusage(RUSAGE_SELF, &after);
  SAY("user time passed: %d\n", after.ru_utime.tv_sec > before.ru_utime.tv_sec ||
                                    after.ru_utime.tv_usec > before.ru_utime.tv_usec);
  pid_t child = fork();
  if (child == 0) {
    for (long at = 0; at < 20000000; ++at) sum += at;
    _exit(0);
  }
  struct tms times_now;
  SHOW(times(&times_now) != -1);
  SAY("children so far: %ld\n", (long)times_now.tms_cutime);
  struct rusage usage;
  int status;
  SHOW(wait4(child, &status, 0, &usage) == child);
  SAY("its time: %d\n", usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 0);
  SHOW(getrusage(RUSAGE_CHILDREN, &usage));
  SAY("kept: %d\n", usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 0);
  SHOW(getrusage(77, &usage));
}

GUEST(limits_have_rules) {
  struct rlimit limit;
  SHOW(getrlimit(99, &limit));
  limit.rlim_cur = 10;
  limit.rlim_max = 5;
  SHOW(setrlimit(RLIMIT_CORE, &limit));
  pid_t child = fork();
  if (child == 0) {
    setresuid(1000, 1000, 1000);
    limit.rlim_cur = limit.rlim_max = 100;
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_max = 101;
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    SHOW(prlimit(1, RLIMIT_NOFILE, 0, &limit));
    SHOW(prlimit(99999, RLIMIT_NOFILE, 0, &limit));
    SHOW(prlimit(0, RLIMIT_NOFILE, 0, &limit));
    SAY("%ld %ld\n", (long)limit.rlim_cur, (long)limit.rlim_max);
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(the_scheduler_is_asked) {
  struct sched_param param = {0};
  SHOW(sched_getscheduler(0));
  SHOW(sched_get_priority_max(SCHED_FIFO));
  SHOW(sched_get_priority_min(SCHED_RR));
  SHOW(sched_get_priority_max(SCHED_OTHER));
  SHOW(sched_get_priority_max(77));
  param.sched_priority = 5;
  SHOW(sched_setscheduler(0, SCHED_OTHER, &param));
  SHOW(sched_setscheduler(0, 77, &param));
  param.sched_priority = 0;
  SHOW(sched_setscheduler(0, SCHED_FIFO, &param));
  SHOW(sched_setscheduler(0, SCHED_BATCH, &param));
  SHOW(sched_getscheduler(0));
  SHOW(sched_getscheduler(99999));
  SHOW(sched_getscheduler(-1));
  SHOW(sched_yield());
  cpu_set_t set;
  CPU_ZERO(&set);
  SHOW(sched_setaffinity(0, sizeof set, &set));
  SHOW(syscall(SYS_sched_getaffinity, 0, 3, &set));
}

GUEST(random_bytes) {
  char bytes[32] = {0}, other[32] = {0};
  SHOW(syscall(SYS_getrandom, bytes, sizeof bytes, 0));
  SHOW(syscall(SYS_getrandom, other, sizeof other, 1));
  SAY("differ %d\n", memcmp(bytes, other, sizeof bytes) != 0);
  SHOW(syscall(SYS_getrandom, bytes, 8, 8));
  SHOW(syscall(SYS_getrandom, bytes, 8, 6));
  SHOW(syscall(SYS_getrandom, (void*)16, 8, 0));
  SHOW(syscall(SYS_getrandom, bytes, 0, 0));
}
