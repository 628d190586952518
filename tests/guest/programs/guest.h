// What the guest programs share. A program is a function that prints facts; it is run on Linux and in the machine, and
// must print the same on both: no pids, addresses, times or names of its own making.
//
//   GUEST(pipe_without_readers) {
//     int ends[2];
//     SHOW(pipe(ends));
//     ...
//   }
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct guest {
  const char* name;
  void (*run)(void);
  struct guest* next;
};
void guest_register(struct guest* guest);

#define GUEST(name_)                                                                                        \
  static void guest_##name_(void);                                                                          \
  static struct guest guest_entry_##name_ = {#name_, guest_##name_, 0};                                     \
  __attribute__((constructor)) static void guest_add_##name_(void) { guest_register(&guest_entry_##name_); } \
  static void guest_##name_(void)

// Unbuffered, so that nothing is printed twice after a fork. SKIP: Linux here cannot do it; the reason is told.
#define SAY(...) dprintf(1, __VA_ARGS__)
#define SKIP(reason)        \
  do {                      \
    SAY("skip: %s\n", reason); \
    _exit(0);               \
  } while (0)

// "expression = value" or "expression = ERRNO".
#define SHOW(expression)                                            \
  ({                                                                \
    errno = 0;                                                      \
    long shown_ = (long)(expression);                               \
    if (shown_ == -1 && errno != 0)                                 \
      SAY("%s = %s\n", #expression, strerrorname_np(errno));        \
    else                                                            \
      SAY("%s = %ld\n", #expression, shown_);                       \
    shown_;                                                         \
  })
// The same where only success matters, because the value is not the same every time.
#define SHOW_OK(expression)                                                                  \
  ({                                                                                         \
    errno = 0;                                                                               \
    long shown_ = (long)(expression);                                                        \
    SAY("%s: %s\n", #expression, shown_ == -1 && errno != 0 ? strerrorname_np(errno) : "ok"); \
    shown_;                                                                                  \
  })

// The path of this very program, for execve(2): with the arguments "--", NAME it runs a helper (see HELPER).
extern const char* guest_program;
#define HELPER(name_)                                                                                      \
  static void helper_##name_(int argc, char** argv);                                                       \
  static struct guest_helper helper_entry_##name_ = {#name_, helper_##name_, 0};                           \
  __attribute__((constructor)) static void helper_add_##name_(void) { guest_register_helper(&helper_entry_##name_); } \
  static void helper_##name_(int argc __attribute__((unused)), char** argv __attribute__((unused)))
struct guest_helper {
  const char* name;
  void (*run)(int argc, char** argv);
  struct guest_helper* next;
};
void guest_register_helper(struct guest_helper* helper);

// "exit 3", "signal 9 core"; static storage.
const char* guest_status(int status);
// fork, run in the child (which exits with what `run` returns), wait: the status.
int guest_child(int (*run)(void));
// Waits for a child and prints "name: exit 0".
void guest_wait(const char* name, pid_t child);
void guest_write_file(const char* path, const char* text);
// The file's first bytes as a string; static storage. "(ENOENT)" when it cannot be read.
const char* guest_read_file(const char* path);
// Lets other tasks go on, without a sense of how long: for "after the child has blocked".
void guest_pause(void);
