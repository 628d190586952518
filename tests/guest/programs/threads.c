// pthreads(7): threads share what they share, end one by one, and are waited for as one process.
#include "guest.h"

#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int ready, sum;

static void* adds(void* argument) {
  pthread_mutex_lock(&mutex);
  while (!ready) pthread_cond_wait(&condition, &mutex);
  sum += (int)(long)argument;
  pthread_mutex_unlock(&mutex);
  return (void*)((long)argument * 2);
}

GUEST(threads_wait_for_each_other) {
  pthread_t threads[4];
  for (long at = 0; at < 4; ++at) SHOW(pthread_create(&threads[at], 0, adds, (void*)(at + 1)));
  pthread_mutex_lock(&mutex);
  ready = 1;
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
  long total = 0;
  for (int at = 0; at < 4; ++at) {
    void* result;
    pthread_join(threads[at], &result);
    total += (long)result;
  }
  SAY("sum %d, returned %ld\n", sum, total);
}

static void* outlives(void* nothing) {
  (void)nothing;
  guest_pause();
  _exit(7);
}
GUEST(a_process_lives_as_long_as_one_thread) {
  pid_t child = fork();
  if (child == 0) {
    pthread_t thread;
    pthread_create(&thread, 0, outlives, 0);
    syscall(SYS_exit, 3);
  }
  guest_wait("child", child);
}

static void* tells_numbers(void* main_tid) {
  SAY("same pid %d, own tid %d\n", getpid() == *(pid_t*)main_tid, gettid() != *(pid_t*)main_tid);
  return 0;
}
GUEST(a_thread_has_a_number_of_its_own) {
  pid_t own = gettid();
  pthread_t thread;
  pthread_create(&thread, 0, tells_numbers, &own);
  pthread_join(thread, 0);
}

static void* crashes(void* nothing) {
  (void)nothing;
  *(volatile int*)16 = 1;
  return 0;
}
GUEST(a_fault_in_a_thread_ends_the_process) {
  pid_t child = fork();
  if (child == 0) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    pthread_t thread;
    pthread_create(&thread, 0, crashes, 0);
    for (;;) pause();
  }
  guest_wait("child", child);
}

GUEST(threads_cannot_have_pid_or_user_namespaces) {
  SHOW(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0));
  SHOW(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0));
  SHOW(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER, 0, 0, 0, 0));
  SHOW(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWPID, 0, 0, 0, 0));
}
