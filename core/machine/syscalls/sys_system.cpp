// uname(2), sysinfo(2), getrandom(2), getrlimit(2), syslog(2), reboot(2), personality(2), arch_prctl(2), getcpu(2).
// Scheduling is in sys_schedule.cpp, futex(2) in sys_futex.cpp, seccomp(2) in sys_seccomp.cpp.
// Not modelled: rseq(2) (ENOSYS: C libraries do without), keyrings, the kernel's log (empty).

#include <algorithm>

#include "machine/kernel/capabilities.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/send_signal.h"
#include "machine/mm/address_space.h"
#include "machine/syscalls/commit_credentials.h"
#include "machine/syscalls/families.h"
#include "machine/syscalls/system_calls.h"
#include "machine/vfs/walk.h"

namespace drydock::machine {
namespace {

Outcome sys_uname(const Call& call) {
  constexpr std::size_t width = 65;
  const UtsNamespace& uts = call.kernel.uts_namespaces[call.self().namespaces.uts];
  StructWriter out;
  out.text("Linux", width).text(uts.nodename, width).text(kKernelRelease, width).text(kKernelVersion, width);
  constexpr std::uint32_t personality_mask = 0xff, linux32 = 8;
  out.text((call.self().personality & personality_mask) == linux32 ? "i686" : "x86_64", width)
      .text(uts.domainname, width);
  TRY(call.copy_out(call.address(0), out.span()));
  return done();
}

Outcome sys_sysinfo(const Call& call) {
  const Kernel& kernel = call.kernel;
  StructWriter out;
  out.u64(kernel.clock_ns / 1'000'000'000).zeros(3 * 8);
  const std::uint64_t total = kernel.limits.memory_pages_max;
  const std::uint64_t used = std::min(kernel.charged_pages + kernel.file_pages, total);
  // All file pages are tmpfs's, which is what "shared" counts.
  out.u64(total * kPageBytes).u64((total - used) * kPageBytes).u64(kernel.file_pages * kPageBytes).zeros(3 * 8);
  out.u16(static_cast<std::uint16_t>(std::min<std::size_t>(kernel.tasks.size(), 65535))).zeros(6);
  out.zeros(2 * 8).u32(1).zeros(4);
  TRY(call.copy_out(call.address(0), out.span()));
  return done();
}

// getrandom(2). It never waits: the pool is seeded at boot.
Outcome sys_getrandom(const Call& call) {
  constexpr std::uint32_t nonblock = 1, random = 2, insecure = 4;
  const std::uint32_t flags = call.u32(2);
  if ((flags & ~(nonblock | random | insecure)) != 0) return Errno::einval;
  if ((flags & (random | insecure)) == (random | insecure)) return Errno::einval;
  const std::uint64_t wanted = std::min<std::uint64_t>(call.u64(1), 0x2000000 - 1);
  std::uint64_t given = 0;
  while (given < wanted) {
    std::string chunk(std::min<std::uint64_t>(wanted - given, 4096), '\0');
    call.kernel.random.fill({chunk.data(), chunk.size()});
    if (!call.copy_out(call.address(0) + given, {chunk.data(), chunk.size()}).ok())
      return given == 0 ? Outcome(Errno::efault) : Outcome(static_cast<std::int64_t>(given));
    given += chunk.size();
  }
  return static_cast<std::int64_t>(given);
}

bool is_resource(std::uint32_t resource) {
  return resource < static_cast<std::uint32_t>(kRlimitCount);
}

Result<void, Errno> set_limit(const Call& call, Process& process, std::uint32_t resource, ResourceLimit wanted) {
  constexpr std::uint64_t open_files_most = 1'048'576;  // /proc/sys/fs/nr_open
  if (wanted.soft > wanted.hard) return Errno::einval;
  ResourceLimit& limit = process.limits[resource];
  if (resource == static_cast<std::uint32_t>(kRlimitFiles) && wanted.hard > open_files_most) return Errno::eperm;
  if (wanted.hard > limit.hard && !capable(call, cap::sys_resource)) return Errno::eperm;
  // RLIMIT_CPU of 0 means one second: setrlimit(2), as Linux has it.
  if (resource == static_cast<std::uint32_t>(kRlimitCpu) && wanted.soft == 0) wanted.soft = 1;
  limit = wanted;
  return {};
}

// prlimit(2): another's limits only with the same ids throughout, or CAP_SYS_RESOURCE.
Result<ProcessId, Errno> limits_owner(const Call& call, std::int32_t pid) {
  if (pid == 0) return call.self().process;
  const TaskId task = find_task(call.kernel, call.self().pid_namespace, pid);
  if (!task) return Errno::esrch;
  const ProcessId id = call.kernel.tasks[task].process;
  if (id == call.self().process) return id;
  const Credentials& who = call.credentials();
  const Credentials& whom = call.kernel.tasks[task].credentials;
  const bool same = who.uid == whom.euid && who.uid == whom.suid && who.uid == whom.uid && who.gid == whom.egid &&
                    who.gid == whom.sgid && who.gid == whom.gid;
  if (!same && !capable(call, cap::sys_resource, whom.user_namespace)) return Errno::eperm;
  return id;
}

Outcome sys_prlimit64(const Call& call) {
  const std::uint32_t resource = call.u32(1);
  std::optional<ResourceLimit> wanted;
  if (call.address(2) != 0)
    wanted = ResourceLimit{TRY(call.load64(call.address(2))), TRY(call.load64(call.address(2) + 8))};
  const ProcessId owner = TRY(limits_owner(call, call.i32(0)));
  if (!is_resource(resource)) return Errno::einval;
  Process& process = call.kernel.processes[owner];
  const ResourceLimit before = process.limits[resource];
  if (wanted) TRY(set_limit(call, process, resource, *wanted));
  if (call.address(3) != 0) {
    StructWriter out;
    out.u64(before.soft).u64(before.hard);
    TRY(call.copy_out(call.address(3), out.span()));
  }
  return done();
}

Outcome sys_getrlimit(const Call& call) {
  if (!is_resource(call.u32(0))) return Errno::einval;
  const ResourceLimit& limit = call.kernel.processes[call.self().process].limits[call.u32(0)];
  StructWriter out;
  out.u64(limit.soft).u64(limit.hard);
  TRY(call.copy_out(call.address(1), out.span()));
  return done();
}

Outcome sys_setrlimit(const Call& call) {
  const ResourceLimit wanted{TRY(call.load64(call.address(1))), TRY(call.load64(call.address(1) + 8))};
  if (!is_resource(call.u32(0))) return Errno::einval;
  TRY(set_limit(call, call.kernel.processes[call.self().process], call.u32(0), wanted));
  return done();
}

// syslog(2): an empty log of a size.
Outcome sys_syslog(const Call& call) {
  constexpr std::int64_t log_bytes = 262'144;
  const std::int32_t what = call.i32(0);
  if (what < 0 || what > 10) return Errno::einval;
  // Reading everything and asking for the size are for everyone (dmesg_restrict is 0).
  if (what != 3 && what != 10 && !capable(call, cap::syslog) && !capable(call, cap::sys_admin)) return Errno::eperm;
  switch (what) {
    case 2:
    case 3:
    case 4:
      if (call.address(1) == 0 || call.i32(2) < 0) return Errno::einval;
      // Nothing is ever logged; reading (2) would wait for ever.
      if (what == 2 && call.i32(2) > 0) return Block{{}, std::nullopt, Interruption::restart, std::nullopt};
      return done();
    case 8:
      return call.i32(2) < 1 || call.i32(2) > 8 ? Outcome(Errno::einval) : done();
    case 10:
      return log_bytes;
    default:
      return done();
  }
}

// reboot(2). In a pid namespace it ends the namespace's init: pid_namespaces(7).
Outcome sys_reboot(const Call& call) {
  constexpr std::uint32_t magic1 = 0xfee1dead, restart = 0x01234567, halt = 0xcdef0123, power_off = 0x4321fedc,
                          cad_on = 0x89abcdef, cad_off = 0;
  constexpr std::array<std::uint32_t, 4> magic2{672274793, 85072278, 369367448, 537993216};
  Kernel& kernel = call.kernel;
  const PidNamespaceId place = call.self().pid_namespace;
  if (!capable(call, cap::sys_boot, kernel.pid_namespaces[place].owner)) return Errno::eperm;
  if (call.u32(0) != magic1 || std::find(magic2.begin(), magic2.end(), call.u32(1)) == magic2.end())
    return Errno::einval;
  const std::uint32_t command = call.u32(2);
  const bool ends = command == restart || command == halt || command == power_off;
  if (place != kernel.initial_pid_namespace) {
    if (!ends) return Errno::einval;
    exit_process(kernel, kernel.pid_namespaces[place].init, command == restart ? sig_hup : sig_int);
    return done();
  }
  if (command == cad_on || command == cad_off) return done();
  if (!ends) return Errno::einval;
  kernel.halted = true;
  return done();
}

// swapon(2), swapoff(2). There is nothing to swap to: no file holds a swap area that this machine would use.
Outcome sys_swap(const Call& call) {
  if (!capable(call, cap::sys_admin)) return Errno::eperm;
  (void)TRY(walk(call, kAtFdCwd, TRY(call.path(0))));
  return Errno::einval;
}

Outcome sys_personality(const Call& call) {
  Task& task = call.self();
  const std::uint32_t before = task.personality;
  if (call.u32(0) != 0xffffffff) task.personality = call.u32(0);
  return std::int64_t{before};
}

Outcome sys_arch_prctl(const Call& call) {
  constexpr std::uint32_t set_gs = 0x1001, set_fs = 0x1002, get_fs = 0x1003, get_gs = 0x1004, get_cpuid = 0x1011;
  Cpu& cpu = call.self().cpu;
  switch (call.u32(0)) {
    case set_gs:
    case set_fs:
      if (call.u64(1) >= kUserAddressEnd) return Errno::eperm;
      (call.u32(0) == set_fs ? cpu.fs_base : cpu.gs_base) = call.u64(1);
      return done();
    case get_fs:
      TRY(call.store64(call.u64(1), cpu.fs_base));
      return done();
    case get_gs:
      TRY(call.store64(call.u64(1), cpu.gs_base));
      return done();
    case get_cpuid:
      return std::int64_t{1};
    default:
      return Errno::einval;
  }
}

Outcome sys_getcpu(const Call& call) {
  if (call.address(0) != 0) TRY(call.store32(call.address(0), 0));
  if (call.address(1) != 0) TRY(call.store32(call.address(1), 0));
  return done();
}

constexpr std::array kRows{
    SyscallRow{63, "uname", sys_uname, {Arg::utsname}, "uname(2)", Support::full, ""},
    SyscallRow{97, "getrlimit", sys_getrlimit, {Arg::rlimit_resource, Arg::rlimit}, "getrlimit(2)", Support::full, ""},
    SyscallRow{99, "sysinfo", sys_sysinfo, {Arg::address}, "sysinfo(2)", Support::partial, "no load averages"},
    SyscallRow{
        103, "syslog", sys_syslog, {Arg::i32, Arg::address, Arg::i32}, "syslog(2)", Support::partial, "an empty log"},
    SyscallRow{135, "personality", sys_personality, {Arg::hex}, "personality(2)", Support::partial, "uname(2) obeys"},
    SyscallRow{158, "arch_prctl", sys_arch_prctl, {Arg::hex, Arg::address}, "arch_prctl(2)", Support::full, ""},
    SyscallRow{160, "setrlimit", sys_setrlimit, {Arg::rlimit_resource, Arg::rlimit}, "getrlimit(2)", Support::full, ""},
    SyscallRow{167, "swapon", sys_swap, {Arg::path, Arg::hex}, "swapon(2)", Support::partial, "takes no file"},
    SyscallRow{168, "swapoff", sys_swap, {Arg::path}, "swapon(2)", Support::partial, "takes no file"},
    SyscallRow{169, "reboot", sys_reboot, {Arg::hex, Arg::hex, Arg::hex, Arg::address}, "reboot(2)", Support::full, ""},
    SyscallRow{302,
               "prlimit64",
               sys_prlimit64,
               {Arg::pid, Arg::rlimit_resource, Arg::rlimit, Arg::rlimit},
               "getrlimit(2)",
               Support::full,
               ""},
    SyscallRow{309, "getcpu", sys_getcpu, {Arg::address, Arg::address, Arg::address}, "getcpu(2)", Support::full, ""},
    SyscallRow{317,
               "seccomp",
               sys_seccomp,
               {Arg::seccomp_op, Arg::hex, Arg::address},
               "seccomp(2)",
               Support::partial,
               "no listener"},
    SyscallRow{
        318, "getrandom", sys_getrandom, {Arg::buffer_out, Arg::size, Arg::hex}, "getrandom(2)", Support::full, ""},
    SyscallRow{334,
               "rseq",
               nullptr,
               {Arg::address, Arg::u32, Arg::hex, Arg::hex},
               "rseq(2)",
               Support::none,
               "C libraries do without"},
    // sys_schedule.cpp
    SyscallRow{24, "sched_yield", sys_sched_yield, {}, "sched_yield(2)", Support::full, ""},
    SyscallRow{140, "getpriority", sys_getpriority, {Arg::i32, Arg::i32}, "getpriority(2)", Support::full, ""},
    SyscallRow{141,
               "setpriority",
               sys_setpriority,
               {Arg::i32, Arg::i32, Arg::i32},
               "getpriority(2)",
               Support::partial,
               "kept, not honoured"},
    SyscallRow{142,
               "sched_setparam",
               sys_sched_setparam,
               {Arg::pid, Arg::address},
               "sched_setparam(2)",
               Support::partial,
               "kept, not honoured"},
    SyscallRow{
        143, "sched_getparam", sys_sched_getparam, {Arg::pid, Arg::address}, "sched_setparam(2)", Support::full, ""},
    SyscallRow{144,
               "sched_setscheduler",
               sys_sched_setscheduler,
               {Arg::pid, Arg::i32, Arg::address},
               "sched_setscheduler(2)",
               Support::partial,
               "kept, not honoured"},
    SyscallRow{
        145, "sched_getscheduler", sys_sched_getscheduler, {Arg::pid}, "sched_setscheduler(2)", Support::full, ""},
    SyscallRow{146,
               "sched_get_priority_max",
               sys_sched_get_priority_max,
               {Arg::i32},
               "sched_get_priority_max(2)",
               Support::full,
               ""},
    SyscallRow{147,
               "sched_get_priority_min",
               sys_sched_get_priority_min,
               {Arg::i32},
               "sched_get_priority_max(2)",
               Support::full,
               ""},
    SyscallRow{148,
               "sched_rr_get_interval",
               sys_sched_rr_get_interval,
               {Arg::pid, Arg::timespec},
               "sched_rr_get_interval(2)",
               Support::full,
               ""},
    SyscallRow{203,
               "sched_setaffinity",
               sys_sched_setaffinity,
               {Arg::pid, Arg::size, Arg::address},
               "sched_setaffinity(2)",
               Support::partial,
               "kept, not honoured"},
    SyscallRow{204,
               "sched_getaffinity",
               sys_sched_getaffinity,
               {Arg::pid, Arg::size, Arg::address},
               "sched_setaffinity(2)",
               Support::full,
               ""},
    SyscallRow{251,
               "ioprio_set",
               sys_ioprio_set,
               {Arg::i32, Arg::pid, Arg::i32},
               "ioprio_set(2)",
               Support::partial,
               "kept, not honoured"},
    SyscallRow{252, "ioprio_get", sys_ioprio_get, {Arg::i32, Arg::pid}, "ioprio_set(2)", Support::full, ""},
    // sys_futex.cpp
    SyscallRow{202,
               "futex",
               sys_futex,
               {Arg::address, Arg::futex_op, Arg::u32, Arg::timespec, Arg::address, Arg::u32},
               "futex(2)",
               Support::partial,
               "no priority inheritance"},
    SyscallRow{273,
               "set_robust_list",
               sys_set_robust_list,
               {Arg::address, Arg::size},
               "get_robust_list(2)",
               Support::full,
               ""},
    SyscallRow{274,
               "get_robust_list",
               sys_get_robust_list,
               {Arg::pid, Arg::address, Arg::address},
               "get_robust_list(2)",
               Support::full,
               ""},
};

}  // namespace

std::span<const SyscallRow> system_calls() {
  return kRows;
}

}  // namespace drydock::machine
