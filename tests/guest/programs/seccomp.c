// seccomp(2): modes, filters, their order, what they may not do.
#include "guest.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define LOAD(field_) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field_))
#define RETURN(value_) BPF_STMT(BPF_RET | BPF_K, value_)
#define IF_NOT(value_, skip_) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value_, 0, skip_)

static int install_with(unsigned flags, struct sock_filter* code, unsigned short count) {
  struct sock_fprog program = {count, code};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}
#define INSTALL(...)                                            \
  ({                                                            \
    struct sock_filter code_[] = {__VA_ARGS__};                 \
    install_with(0, code_, sizeof code_ / sizeof code_[0]);     \
  })

static void no_new_privs(void) { prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

GUEST(seccomp_strict_mode_kills) {
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
    write(1, "still writes\n", 13);
    syscall(SYS_exit, 7);
  }
  guest_wait("exit", child);
  child = fork();
  if (child == 0) {
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
    getpid();
    syscall(SYS_getpid);
    syscall(SYS_exit, 7);
  }
  guest_wait("getpid", child);
}

GUEST(seccomp_errno_and_allow) {
  no_new_privs();
  SHOW(INSTALL(LOAD(nr), IF_NOT(SYS_getppid, 1), RETURN(SECCOMP_RET_ERRNO | EXDEV), RETURN(SECCOMP_RET_ALLOW)));
  SHOW(syscall(SYS_getppid));
  SHOW_OK(syscall(SYS_getpid));
  SHOW(prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
}

GUEST(seccomp_the_most_severe_answer_wins) {
  no_new_privs();
  INSTALL(LOAD(nr), IF_NOT(SYS_getppid, 1), RETURN(SECCOMP_RET_ERRNO | EXDEV), RETURN(SECCOMP_RET_ALLOW));
  INSTALL(LOAD(nr), IF_NOT(SYS_getppid, 1), RETURN(SECCOMP_RET_ERRNO | EROFS), RETURN(SECCOMP_RET_ALLOW));
  SHOW(syscall(SYS_getppid));
  INSTALL(LOAD(nr), IF_NOT(SYS_getppid, 1), RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_ALLOW));
  SHOW(syscall(SYS_getppid));
  pid_t child = fork();
  if (child == 0) {
    INSTALL(LOAD(nr), IF_NOT(SYS_getppid, 1), RETURN(SECCOMP_RET_KILL_PROCESS), RETURN(SECCOMP_RET_ALLOW));
    syscall(SYS_getppid);
    _exit(0);
  }
  guest_wait("killed", child);
}

GUEST(seccomp_looks_at_arguments) {
  no_new_privs();
  SHOW(INSTALL(LOAD(nr), IF_NOT(SYS_dup2, 3), LOAD(args[1]), IF_NOT(77, 1), RETURN(SECCOMP_RET_ERRNO | EUSERS),
               RETURN(SECCOMP_RET_ALLOW)));
  SHOW(dup2(1, 77));
  SHOW(dup2(1, 78));
}

static int trapped_number, trapped_code, trapped_errno, trapped_arch_ok;
static void trapped(int signal, siginfo_t* info, void* context) {
  (void)signal;
  (void)context;
  trapped_number = info->si_syscall;
  trapped_code = info->si_code;
  trapped_errno = info->si_errno;
  trapped_arch_ok = info->si_arch == AUDIT_ARCH_X86_64;
}
GUEST(seccomp_trap_is_a_signal) {
  struct sigaction action = {0};
  action.sa_sigaction = trapped;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, 0);
  no_new_privs();
  INSTALL(LOAD(nr), IF_NOT(SYS_getppid, 1), RETURN(SECCOMP_RET_TRAP | 42), RETURN(SECCOMP_RET_ALLOW));
  long got = syscall(SYS_getppid);
  SAY("number %d code %d errno %d arch %d result %ld\n", trapped_number == SYS_getppid, trapped_code, trapped_errno,
      trapped_arch_ok, got == SYS_getppid ? 1L : got);
  pid_t child = fork();
  if (child == 0) {
    signal(SIGSYS, SIG_DFL);
    syscall(SYS_getppid);
    _exit(1);
  }
  int status;
  waitpid(child, &status, 0);
  SAY("signal %d\n", WTERMSIG(status));
}

GUEST(seccomp_filters_are_inherited) {
  no_new_privs();
  INSTALL(LOAD(nr), IF_NOT(SYS_getppid, 1), RETURN(SECCOMP_RET_ERRNO | EXDEV), RETURN(SECCOMP_RET_ALLOW));
  pid_t child = fork();
  if (child == 0) {
    SHOW(syscall(SYS_getppid));
    SHOW(prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
    _exit(0);
  }
  guest_wait("child", child);
}

GUEST(seccomp_needs_no_new_privs_or_root) {
  pid_t child = fork();
  if (child == 0) {
    SHOW(setresuid(1000, 1000, 1000));
    SHOW(INSTALL(RETURN(SECCOMP_RET_ALLOW)));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SHOW(INSTALL(RETURN(SECCOMP_RET_ALLOW)));
    _exit(0);
  }
  guest_wait("child", child);
  SHOW(INSTALL(RETURN(SECCOMP_RET_ALLOW)));
}

GUEST(seccomp_refuses_bad_programs) {
  no_new_privs();
  SHOW(INSTALL(LOAD(nr)));                                                      // no return at the end
  SHOW(INSTALL(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RETURN(0x7fff0000)));    // beyond the data
  SHOW(INSTALL(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RETURN(0x7fff0000)));     // not aligned
  SHOW(INSTALL(BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), RETURN(0x7fff0000)));     // half a word
  SHOW(INSTALL(BPF_JUMP(BPF_JMP | BPF_JA, 5, 0, 0), RETURN(0x7fff0000)));       // out of the program
  SHOW(INSTALL(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RETURN(0x7fff0000)));    // division by zero
  SHOW(INSTALL(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RETURN(0x7fff0000)));    // no modulo in filters
  SHOW(INSTALL(BPF_STMT(BPF_LD | BPF_MEM, 3), RETURN(0x7fff0000)));             // memory that was not stored
  SHOW(INSTALL(BPF_STMT(BPF_ST, 16), RETURN(0x7fff0000)));                      // no such cell
  SHOW(INSTALL(BPF_STMT(BPF_RET | BPF_X, 0)));
  struct sock_fprog empty = {0, 0};
  SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &empty));
  struct sock_fprog nowhere = {1, (void*)16};
  SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &nowhere));
  SHOW(syscall(SYS_seccomp, 99, 0, 0));
  SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, 0));
  SHOW(prctl(PR_SET_SECCOMP, 3, 0, 0, 0));
}

GUEST(seccomp_calculates) {
  no_new_privs();
  // args[0] * 3 + 1 kept in memory, then compared by register.
  SHOW(INSTALL(LOAD(nr), IF_NOT(SYS_dup, 9), LOAD(args[0]), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 3),
               BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1), BPF_STMT(BPF_ST, 2), BPF_STMT(BPF_LD | BPF_IMM, 301),
               BPF_STMT(BPF_LDX | BPF_MEM, 2), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
               RETURN(SECCOMP_RET_ERRNO | EDOM), RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_ALLOW)));
  SHOW(dup(100));
  SHOW(dup(101));
}

GUEST(seccomp_actions_that_are_there) {
  uint32_t actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
                        SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW, 0x12340000};
  for (unsigned at = 0; at < sizeof actions / sizeof *actions; ++at)
    SAY("%x: %ld\n", actions[at], syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[at]));
  SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 1, &actions[0]));
}

GUEST(seccomp_trace_without_a_tracer) {
  no_new_privs();
  INSTALL(LOAD(nr), IF_NOT(SYS_getppid, 1), RETURN(SECCOMP_RET_TRACE), RETURN(SECCOMP_RET_ALLOW));
  SHOW(syscall(SYS_getppid));
}
