// credentials(7), capabilities(7): set*id(2), capset(2), securebits, ambient capabilities, execve(2).
#include "guest.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>

static void show_ids(const char* when) {
  uid_t u[3];
  gid_t g[3];
  getresuid(&u[0], &u[1], &u[2]);
  getresgid(&g[0], &g[1], &g[2]);
  SAY("%s: uid %d %d %d gid %d %d %d fs %d %d\n", when, u[0], u[1], u[2], g[0], g[1], g[2], setfsuid(-1),
      setfsgid(-1));
}

#define BIT(cap_) ((uint64_t)1 << (cap_))

struct caps {
  uint64_t effective, permitted, inheritable;
};
static struct caps caps_now(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  syscall(SYS_capget, &header, data);
  struct caps caps = {(uint64_t)data[1].effective << 32 | data[0].effective,
                      (uint64_t)data[1].permitted << 32 | data[0].permitted,
                      (uint64_t)data[1].inheritable << 32 | data[0].inheritable};
  return caps;
}
static int caps_set(struct caps caps) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {
      {(uint32_t)caps.effective, (uint32_t)caps.permitted, (uint32_t)caps.inheritable},
      {(uint32_t)(caps.effective >> 32), (uint32_t)(caps.permitted >> 32), (uint32_t)(caps.inheritable >> 32)}};
  return (int)syscall(SYS_capset, &header, data);
}
// Without CAP_SYS_RESOURCE, which the Linux that judges may have been denied itself.
static void show_caps(const char* when) {
  struct caps caps = caps_now();
  uint64_t ambient = 0;
  for (int cap = 0; cap <= 40; ++cap)
    ambient |= (uint64_t)(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) << cap;
  uint64_t mask = ~BIT(CAP_SYS_RESOURCE);
  SAY("%s: eff %llx perm %llx inh %llx amb %llx\n", when, (long long)(caps.effective & mask),
      (long long)(caps.permitted & mask), (long long)caps.inheritable, (long long)ambient);
}

HELPER(show_credentials) {
  show_ids("after exec");
  show_caps("after exec");
  SAY("securebits %d keepcaps %d nnp %d\n", prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS),
      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}
static void exec_show(void) {
  execl(guest_program, "guest", "--", "show_credentials", (char*)0);
  SAY("exec: %s\n", strerrorname_np(errno));
  _exit(1);
}
#define IN_CHILD(...)        \
  do {                       \
    pid_t child_ = fork();   \
    if (child_ == 0) {       \
      __VA_ARGS__;           \
      _exit(0);              \
    }                        \
    guest_wait("child", child_); \
  } while (0)

GUEST(setuid_of_root_changes_all) {
  IN_CHILD({
    SHOW(setgid(7));
    SHOW(setuid(1000));
    show_ids("after");
    show_caps("after");
    SHOW(setuid(0));
    SHOW(setuid(1001));
    SHOW(setgid(8));
  });
}

GUEST(setreuid_moves_the_saved_id) {
  IN_CHILD({
    SHOW(setreuid(1000, 2000));
    show_ids("both");
    SHOW(setreuid(-1, 1000));
    show_ids("effective to real");
    SHOW(setreuid(-1, 2000));
    show_ids("effective to saved");
    SHOW(setreuid(3000, -1));
  });
  IN_CHILD({
    SHOW(setreuid(-1, 1000));
    show_ids("effective only");
    SHOW(setreuid(-1, 0));
    show_ids("back");
  });
}

GUEST(setresuid_permutes) {
  IN_CHILD({
    SHOW(setresuid(1, 2, 3));
    SHOW(setresuid(3, 1, 2));
    show_ids("permuted");
    SHOW(setresuid(4, -1, -1));
    SHOW(setresuid(-1, -1, -1));
    SHOW(setresgid(1, 2, 3));
  });
}

GUEST(setfsuid_tells_the_previous) {
  IN_CHILD({
    SAY("%d\n", setfsuid(5));
    SAY("%d\n", setfsuid(-1));
    show_caps("fsuid 5");
    SAY("%d\n", setfsuid(0));
    show_caps("fsuid 0");
    SHOW(seteuid(1000));
    SAY("%d\n", setfsuid(77));
    SAY("%d\n", setfsuid(-1));
  });
}

GUEST(effective_root_brings_capabilities_back) {
  IN_CHILD({
    SHOW(seteuid(1000));
    show_caps("euid 1000");
    SHOW(seteuid(0));
    show_caps("euid 0");
  });
}

GUEST(keepcaps_keeps_permitted) {
  IN_CHILD({
    SHOW(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    SHOW(setresuid(1000, 1000, 1000));
    show_caps("kept");
    struct caps caps = caps_now();
    caps.effective = BIT(CAP_SETUID);
    SHOW(caps_set(caps));
    SHOW(setuid(5));
    exec_show();
  });
}

GUEST(no_setuid_fixup) {
  IN_CHILD({
    SHOW(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0));
    SHOW(setresuid(1000, 1000, 1000));
    show_caps("not fixed");
  });
}

GUEST(securebits_lock) {
  SHOW(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0));
  SHOW(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED, 0, 0, 0));
  SHOW(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0));
  SHOW(prctl(PR_SET_SECUREBITS, 0x10000, 0, 0, 0));
  SHOW(prctl(PR_GET_SECUREBITS));
  IN_CHILD(exec_show());
}

GUEST(capset_rules) {
  struct caps all = caps_now();
  IN_CHILD({
    struct caps caps = all;
    caps.permitted = caps.effective = BIT(CAP_KILL) | BIT(CAP_CHOWN);
    caps.inheritable = BIT(CAP_KILL);
    SHOW(caps_set(caps));
    show_caps("reduced");
    caps.permitted |= BIT(CAP_SETUID);
    SHOW(caps_set(caps));
    caps.permitted &= ~BIT(CAP_SETUID);
    caps.effective = BIT(CAP_KILL);
    SHOW(caps_set(caps));
    caps.effective = BIT(CAP_NET_RAW);
    SHOW(caps_set(caps));
    caps.effective = 0;
    caps.inheritable = BIT(CAP_NET_RAW);
    SHOW(caps_set(caps));
    caps.inheritable = BIT(CAP_CHOWN);
    SHOW(caps_set(caps));
  });
}

GUEST(capget_versions) {
  struct __user_cap_header_struct header = {0x12345678, 0};
  struct __user_cap_data_struct data[2];
  SHOW(syscall(SYS_capget, &header, data));
  SAY("version %x\n", header.version);
  header.version = 0x12345678;
  SHOW(syscall(SYS_capget, &header, 0));
  header.version = _LINUX_CAPABILITY_VERSION_1;
  SHOW(syscall(SYS_capget, &header, data));
  header.version = _LINUX_CAPABILITY_VERSION_3;
  header.pid = 77777;
  SHOW(syscall(SYS_capget, &header, data));
  header.pid = -1;
  SHOW(syscall(SYS_capget, &header, data));
  header.pid = getppid();
  SHOW(syscall(SYS_capset, &header, data));
}

GUEST(the_bounding_set) {
  SHOW(prctl(PR_CAPBSET_READ, CAP_NET_RAW, 0, 0, 0));
  SHOW(prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0));
  SHOW(prctl(PR_CAPBSET_READ, CAP_NET_RAW, 0, 0, 0));
  SHOW(prctl(PR_CAPBSET_READ, 99, 0, 0, 0));
  SHOW(prctl(PR_CAPBSET_DROP, 99, 0, 0, 0));
  for (int cap = 0; cap <= 40; ++cap)
    if (cap != CAP_SETUID && cap != CAP_SETPCAP) prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
  IN_CHILD(exec_show());
  IN_CHILD({
    setresuid(1000, 1000, 1000);
    SHOW(prctl(PR_CAPBSET_DROP, CAP_SETUID, 0, 0, 0));
  });
}

GUEST(ambient_capabilities_survive_exec) {
  IN_CHILD({
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
    struct caps caps = caps_now();
    caps.inheritable = BIT(CAP_CHOWN) | BIT(CAP_KILL);
    SHOW(caps_set(caps));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, 99, CAP_KILL, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 99, 0, 0));
    prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
    setresuid(1000, 1000, 1000);
    show_caps("before exec");
    exec_show();
  });
}

GUEST(dropping_inheritable_drops_ambient) {
  struct caps caps = caps_now();
  caps.inheritable = BIT(CAP_CHOWN);
  caps_set(caps);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0);
  show_caps("raised");
  caps.inheritable = 0;
  caps_set(caps);
  show_caps("dropped");
  caps.inheritable = BIT(CAP_CHOWN);
  caps_set(caps);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0);
  SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  show_caps("cleared");
}

GUEST(exec_of_an_ordinary_user_has_nothing) {
  IN_CHILD({
    setresgid(1000, 1000, 1000);
    setresuid(1000, 1000, 1000);
    exec_show();
  });
  IN_CHILD({
    setresuid(1000, 0, 0);
    exec_show();
  });
  IN_CHILD({
    setresuid(0, 1000, 1000);
    exec_show();
  });
}

GUEST(supplementary_groups) {
  gid_t groups[3] = {30, 10, 20};
  SHOW(setgroups(3, groups));
  SHOW(getgroups(0, 0));
  gid_t got[8] = {0};
  SHOW(getgroups(8, got));
  SAY("%d %d %d\n", got[0], got[1], got[2]);
  SHOW(getgroups(2, got));
  SHOW(getgroups(-1, got));
  SHOW(setgroups(-1, groups));
  SHOW(setgroups(65537, groups));
  IN_CHILD({
    setresuid(1000, 1000, 1000);
    SHOW(setgroups(0, 0));
    SHOW(getgroups(0, 0));
  });
}

GUEST(invalid_ids) {
  SHOW(setuid(-1));
  SHOW(setresuid(-1, -1, -1));
  SHOW(setgid(-1));
  IN_CHILD(SHOW(setuid(-2)); show_ids("-2"));
}

GUEST(kill_needs_a_uid_in_common) {
  pid_t target = fork();
  if (target == 0) {
    setresuid(1000, 1000, 1000);
    pause();
    _exit(0);
  }
  guest_pause();
  IN_CHILD({
    setresuid(2000, 2000, 2000);
    SHOW(kill(target, 0));
    SHOW(kill(target, SIGTERM));
    SHOW(kill(1, 0));
  });
  IN_CHILD({
    setresuid(1000, 3000, 3000);
    SHOW(kill(target, 0));
  });
  IN_CHILD({
    setresuid(2000, 2000, 2000);
    SHOW(kill(-1, SIGCONT));
  });
  kill(target, SIGTERM);
  guest_wait("target", target);
}

GUEST(dumpable_follows_credentials) {
  SHOW(prctl(PR_GET_DUMPABLE));
  SHOW(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0));
  IN_CHILD({
    setresuid(1000, 1000, 1000);
    SHOW(prctl(PR_GET_DUMPABLE) != 1);
    SHOW(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    SHOW(prctl(PR_GET_DUMPABLE));
  });
}

GUEST(no_new_privs_is_for_ever) {
  SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
  SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  IN_CHILD(SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); exec_show());
}

GUEST(small_options_of_prctl) {
  SHOW(prctl(PR_SET_NAME, "a name that is too long for it"));
  char name[17] = {0};
  SHOW(prctl(PR_GET_NAME, name));
  SAY("%s\n", name);
  SHOW(prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0));
  SHOW(prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0));
  int signal = 0;
  SHOW(prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0));
  SAY("%d\n", signal);
  SHOW(prctl(PR_SET_KEEPCAPS, 2, 0, 0, 0));
  SHOW(prctl(PR_GET_TIMERSLACK));
  SHOW(prctl(PR_SET_TIMERSLACK, 1234));
  SHOW(prctl(PR_GET_TIMERSLACK));
  SHOW(prctl(123456, 0, 0, 0, 0));
}
