// Docker's default filter as a table. tidy: table
//
// Equal in effect to moby's profiles/seccomp/default.json of 2026: everything that is not named here fails with EPERM.
// Names that a kernel or libseccomp does not know are skipped when the filter is compiled.

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "runtime/seccomp_profile.h"

namespace drydock::runtime {

namespace {

constexpr std::uint32_t kErrnoPermission = 1;  // EPERM
constexpr std::uint32_t kErrnoNoCall = 38;     // ENOSYS: so that the C library falls back from clone3 to clone

// Allowed for every container, whatever its arguments.
constexpr std::string_view kAlways[] = {
    // Processes
    "execve execveat exit exit_group fork getcpu getpgid getpgrp getpid getppid getrandom get_robust_list "
    "getrusage getsid get_thread_area gettid landlock_add_rule landlock_create_ruleset landlock_restrict_self "
    "membarrier pidfd_open pidfd_send_signal prctl process_mrelease restart_syscall riscv_hwprobe rseq seccomp "
    "setpgid set_robust_list setsid set_thread_area set_tid_address sysinfo times uname uretprobe vfork wait4 "
    "waitid waitpid",
    // Limits and scheduling
    "getpriority getrlimit ioprio_get ioprio_set prlimit64 sched_getaffinity sched_getattr sched_getparam "
    "sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval "
    "sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield "
    "setpriority setrlimit ugetrlimit",
    // Identity
    "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 "
    "getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups "
    "setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid "
    "setuid32 umask",
    // Signals
    "alarm kill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
    "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigprocmask "
    "sigreturn tgkill tkill",
    // Time
    "adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
    "clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create "
    "timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create "
    "timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64",
    // Memory
    "brk cachestat madvise map_shadow_stack memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 "
    "mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages",
    // Sockets
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 "
    "recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair",
    // Interprocess communication
    "futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake ipc mq_getsetattr mq_notify mq_open "
    "mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv "
    "msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget",
    // Waiting for descriptors
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old "
    "eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel "
    "io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect poll ppoll "
    "ppoll_time64 pselect6 pselect6_time64 select",
    // Attributes
    "fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr "
    "lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat",
    // Files
    "access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 "
    "fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 "
    "fdatasync flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd "
    "getdents getdents64 ioctl lchown lchown32 link linkat listmount _llseek lseek lstat lstat64 mkdir mkdirat "
    "mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 "
    "pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir sendfile "
    "sendfile64 splice stat stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs "
    "tee truncate truncate64 unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev",
};

// The flags of clone(2) that make a namespace: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
constexpr std::uint64_t kCloneNamespaces = 0x7e020000;
constexpr std::uint64_t kFamilyAlg = 38;    // AF_ALG: the kernel's cryptography, a large attack surface
constexpr std::uint64_t kFamilyVsock = 40;  // AF_VSOCK: reaches the hypervisor, not bound to a network namespace

struct Conditional {
  std::string_view names;
  std::string_view capability = {};     // only with this one
  std::string_view architectures = {};  // only on one of these, Go's names
  std::uint32_t kernel_major = 0;       // only from this kernel on
  std::uint32_t kernel_minor = 0;
};

constexpr Conditional kConditional[] = {
    // Before 4.8 a tracer could change the call after the filter had looked at it.
    {"process_vm_readv process_vm_writev ptrace", "", "", 4, 8},
    {"sync_file_range2 swapcontext", "", "ppc64le"},
    {"arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls", "", "arm arm64"},
    {"arch_prctl", "", "amd64 x32"},
    {"modify_ldt", "", "amd64 x32 x86"},
    {"s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr", "", "s390 s390x"},
    {"riscv_flush_icache", "", "riscv64"},
    {"open_by_handle_at", "CAP_DAC_READ_SEARCH"},
    {"bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules "
     "lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname "
     "sethostname setns syslog umount umount2 unshare",
     "CAP_SYS_ADMIN"},
    {"reboot", "CAP_SYS_BOOT"},
    {"chroot", "CAP_SYS_CHROOT"},
    {"delete_module init_module finit_module", "CAP_SYS_MODULE"},
    {"acct", "CAP_SYS_PACCT"},
    {"kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace", "CAP_SYS_PTRACE"},
    {"iopl ioperm", "CAP_SYS_RAWIO"},
    {"settimeofday stime clock_settime clock_settime64", "CAP_SYS_TIME"},
    {"vhangup", "CAP_SYS_TTY_CONFIG"},
    {"get_mempolicy mbind set_mempolicy set_mempolicy_home_node", "CAP_SYS_NICE"},
    {"syslog", "CAP_SYSLOG"},
    {"bpf", "CAP_BPF"},
    {"perf_event_open", "CAP_PERFMON"},
};

// libseccomp's names; the second and following are those that a kernel of the first also runs.
struct ArchitectureSet {
  std::string_view go_name;
  std::string_view names;
};
constexpr ArchitectureSet kArchitectures[] = {
    {"amd64", "SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32"},
    {"arm64", "SCMP_ARCH_AARCH64 SCMP_ARCH_ARM"},
    {"s390x", "SCMP_ARCH_S390X SCMP_ARCH_S390"},
    {"riscv64", "SCMP_ARCH_RISCV64"},
    {"loong64", "SCMP_ARCH_LOONGARCH64"},
};

bool lists(std::string_view words, std::string_view word) {
  const std::vector<std::string> all = split(words, ' ');
  return std::find(all.begin(), all.end(), word) != all.end();
}

bool has_capability(const SeccompContext& context, std::string_view name) {
  return std::find(context.capabilities.begin(), context.capabilities.end(), name) != context.capabilities.end();
}

bool applies(const Conditional& row, const SeccompContext& context) {
  if (!row.capability.empty() && !has_capability(context, row.capability)) return false;
  if (!row.architectures.empty() && !lists(row.architectures, context.architecture)) return false;
  return context.kernel_major > row.kernel_major ||
         (context.kernel_major == row.kernel_major && context.kernel_minor >= row.kernel_minor);
}

SeccompRule allow(std::string_view names) {
  SeccompRule rule;
  rule.names = split(names, ' ');
  return rule;
}

SeccompRule allow_if(std::string_view name, SeccompArgument argument) {
  SeccompRule rule = allow(name);
  rule.arguments.push_back(argument);
  return rule;
}

void add_argument_rules(const SeccompContext& context, std::vector<SeccompRule>& rules) {
  rules.push_back(allow_if("socket", {0, kFamilyAlg, 0, SeccompOperator::lt}));
  rules.push_back(allow_if("socket", {0, kFamilyAlg + 1, 0, SeccompOperator::eq}));
  rules.push_back(allow_if("socket", {0, kFamilyVsock, 0, SeccompOperator::gt}));
  // personality(2): PER_LINUX, PER_LINUX32, each also with UNAME26, and the question what it is.
  for (const std::uint64_t persona : {0x0, 0x8, 0x20000, 0x20008}) {
    rules.push_back(allow_if("personality", {0, persona, 0, SeccompOperator::eq}));
  }
  rules.push_back(allow_if("personality", {0, 0xffffffff, 0, SeccompOperator::eq}));
  if (has_capability(context, "CAP_SYS_ADMIN")) return;
  const bool flags_second = lists("s390 s390x", context.architecture);
  rules.push_back(allow_if("clone", {flags_second ? 1u : 0u, kCloneNamespaces, 0, SeccompOperator::masked_eq}));
  // A filter cannot look into clone3's struct.
  SeccompRule clone3 = allow("clone3");
  clone3.action = SeccompAction::errno_;
  clone3.errno_value = kErrnoNoCall;
  rules.push_back(std::move(clone3));
}

}  // namespace

Seccomp default_seccomp(const SeccompContext& context) {
  Seccomp out;
  out.default_action = SeccompAction::errno_;
  out.default_errno = kErrnoPermission;
  for (const ArchitectureSet& set : kArchitectures) {
    if (set.go_name == context.architecture) out.architectures = split(set.names, ' ');
  }
  SeccompRule always;
  for (const std::string_view family : kAlways) {
    for (std::string& name : split(family, ' ')) always.names.push_back(std::move(name));
  }
  out.rules.push_back(std::move(always));
  for (const Conditional& row : kConditional) {
    if (applies(row, context)) out.rules.push_back(allow(row.names));
  }
  add_argument_rules(context, out.rules);
  return out;
}

}  // namespace drydock::runtime
