// tidy: table
// /proc/{meminfo,stat,uptime,loadavg,cpuinfo,version...}. proc(5). A file that a machine without that hardware has, and
// that programs and container runtimes look for (masked paths), is there and says what an idle one would.

#include <algorithm>
#include <array>

#include "base/text.h"
#include "machine/abi/file.h"
#include "machine/fs/proc/process_view.h"
#include "machine/fs/proc/procfs.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/release.h"
#include "machine/kernel/run.h"

namespace drydock::machine {

namespace {

constexpr std::uint64_t kTickNs = 10'000'000;

struct CpuTimes {
  std::uint64_t user = 0, system = 0, idle = 0;  // ticks, of all processors
};

CpuTimes cpu_times(const Kernel& kernel) {
  CpuTimes times;
  times.user = kernel.retired * kInstructionNs / kTickNs;
  const std::uint64_t all = kernel.clock_ns / kTickNs * kernel.limits.cpus;
  times.idle = all - std::min(all, times.user + times.system);
  return times;
}

std::uint64_t running_tasks(const Kernel& kernel) {
  return std::max<std::uint64_t>(kernel.run_queue.size(), 1);
}

std::string hundredths(std::uint64_t ns) {
  const std::uint64_t ticks = ns / kTickNs;
  return concat(ticks / 100, '.', ticks % 100 < 10 ? "0" : "", ticks % 100);
}

std::string memory_line(std::string_view label, std::uint64_t kilobytes) {
  return concat(padded_right(concat(label, ':'), 16), padded_left(concat(kilobytes), 8), " kB\n");
}

Result<std::string, Errno> meminfo(const Caller& caller) {
  const Kernel& kernel = caller.kernel;
  const std::uint64_t total = kernel.limits.memory_pages_max * 4, anonymous = kernel.charged_pages * 4,
                      files = kernel.file_pages * 4, free = total - std::min(total, anonymous + files);
  struct Line {
    std::string_view label;
    std::uint64_t kilobytes;
  };
  const std::array<Line, 46> lines{{{"MemTotal", total},
                                    {"MemFree", free},
                                    {"MemAvailable", free},
                                    {"Buffers", 0},
                                    {"Cached", files},
                                    {"SwapCached", 0},
                                    {"Active", anonymous + files},
                                    {"Inactive", 0},
                                    {"Active(anon)", anonymous},
                                    {"Inactive(anon)", 0},
                                    {"Active(file)", files},
                                    {"Inactive(file)", 0},
                                    {"Unevictable", 0},
                                    {"Mlocked", 0},
                                    {"SwapTotal", 0},
                                    {"SwapFree", 0},
                                    {"Zswap", 0},
                                    {"Zswapped", 0},
                                    {"Dirty", 0},
                                    {"Writeback", 0},
                                    {"AnonPages", anonymous},
                                    {"Mapped", 0},
                                    {"Shmem", files},
                                    {"KReclaimable", 0},
                                    {"Slab", 0},
                                    {"SReclaimable", 0},
                                    {"SUnreclaim", 0},
                                    {"KernelStack", kernel.tasks.size() * 16},
                                    {"PageTables", kernel.memories.size() * 40},
                                    {"SecPageTables", 0},
                                    {"NFS_Unstable", 0},
                                    {"Bounce", 0},
                                    {"WritebackTmp", 0},
                                    {"CommitLimit", total / 2},
                                    {"Committed_AS", anonymous},
                                    {"VmallocTotal", 34359738367},
                                    {"VmallocUsed", 0},
                                    {"VmallocChunk", 0},
                                    {"Percpu", 0},
                                    {"HardwareCorrupted", 0},
                                    {"AnonHugePages", 0},
                                    {"ShmemHugePages", 0},
                                    {"ShmemPmdMapped", 0},
                                    {"FileHugePages", 0},
                                    {"FilePmdMapped", 0},
                                    {"Unaccepted", 0}}};
  std::string text;
  for (const Line& line : lines) text += memory_line(line.label, line.kilobytes);
  for (const std::string_view label : {"HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp"})
    text += concat(padded_right(concat(label, ':'), 16), padded_left("0", 8), "\n");
  return text + memory_line("Hugepagesize", 2048) + memory_line("Hugetlb", 0) + memory_line("DirectMap4k", total) +
         memory_line("DirectMap2M", 0) + memory_line("DirectMap1G", 0);
}

Result<std::string, Errno> stat(const Caller& caller) {
  const Kernel& kernel = caller.kernel;
  const CpuTimes all = cpu_times(kernel);
  std::string text = concat("cpu  ", all.user, " 0 ", all.system, ' ', all.idle, " 0 0 0 0 0 0\n");
  for (std::uint32_t cpu = 0; cpu < kernel.limits.cpus; ++cpu)
    text += concat("cpu", cpu, ' ', all.user / kernel.limits.cpus, " 0 ", all.system / kernel.limits.cpus, ' ',
                   all.idle / kernel.limits.cpus, " 0 0 0 0 0 0\n");
  const PidNamespace* first = kernel.pid_namespaces.find(kernel.initial_pid_namespace);
  return text + concat("intr 0\nctxt 0\nbtime ", kernel.boot_time_ns / 1'000'000'000, "\nprocesses ",
                       first != nullptr ? first->last_pid : 0, "\nprocs_running ", running_tasks(kernel),
                       "\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n");
}

Result<std::string, Errno> uptime(const Caller& caller) {
  const Kernel& kernel = caller.kernel;
  const TimeNamespace* space = kernel.time_namespaces.find(caller.self().namespaces.time);
  const std::int64_t offset = space != nullptr ? space->boottime_offset_ns : 0;
  const auto now = static_cast<std::uint64_t>(static_cast<std::int64_t>(kernel.clock_ns) + offset);
  return concat(hundredths(now), ' ', hundredths(cpu_times(kernel).idle * kTickNs), "\n");
}

Result<std::string, Errno> loadavg(const Caller& caller) {
  const Kernel& kernel = caller.kernel;
  const PidNamespace* pids = kernel.pid_namespaces.find(caller.self().pid_namespace);
  return concat("0.00 0.00 0.00 ", running_tasks(kernel), '/', kernel.tasks.size(), ' ',
                pids != nullptr ? pids->last_pid : 0, "\n");
}

Result<std::string, Errno> cpuinfo(const Caller& caller) {
  // What the interpreter's CPUID tells: x86-64-v1.
  const std::uint32_t cpus = caller.kernel.limits.cpus;
  std::string text;
  for (std::uint32_t cpu = 0; cpu < cpus; ++cpu)
    text += concat("processor\t: ", cpu,
                   "\nvendor_id\t: AuthenticAMD\ncpu family\t: 15\nmodel\t\t: 107\nmodel name\t: Drydock virtual CPU\n"
                   "stepping\t: 1\nmicrocode\t: 0x1\ncpu MHz\t\t: 125.000\ncache size\t: 512 KB\nphysical id\t: 0\n"
                   "siblings\t: ",
                   cpus, "\ncore id\t\t: ", cpu, "\ncpu cores\t: ", cpus, "\napicid\t\t: ", cpu,
                   "\ninitial apicid\t: ", cpu,
                   "\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 13\nwp\t\t: yes\n"
                   "flags\t\t: fpu tsc cx8 cmov mmx fxsr sse sse2 syscall nx lm\nbugs\t\t:\nbogomips\t: 250.00\n"
                   "TLB size\t: 1024 4K pages\nclflush size\t: 64\ncache_alignment\t: 64\n"
                   "address sizes\t: 40 bits physical, 48 bits virtual\npower management:\n\n");
  return text;
}

Result<std::string, Errno> filesystems(const Caller& caller) {
  std::string text;
  for (const FileSystemType& type : caller.kernel.file_systems)
    text += concat(type.needs_device ? "" : "nodev", '\t', type.name, "\n");
  return text;
}

Result<std::string, Errno> cgroups(const Caller& caller) {
  const Kernel& kernel = caller.kernel;
  std::string text = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n";
  for (std::size_t at = 0; at < kernel.cgroup_hierarchies.size(); ++at) {
    std::uint64_t groups = 0;
    for (const CgroupId id : kernel.cgroups.ids()) groups += kernel.cgroups[id].hierarchy == at ? 1 : 0;
    for (const std::string& name : kernel.cgroup_hierarchies[at].controllers)
      text += concat(name, '\t', kernel.cgroup_hierarchies[at].unified ? 0 : at + 1, '\t', groups, "\t1\n");
  }
  return text;
}

Result<std::string, Errno> vmstat(const Caller& caller) {
  const Kernel& kernel = caller.kernel;
  const std::uint64_t used = kernel.charged_pages + kernel.file_pages;
  return concat("nr_free_pages ", kernel.limits.memory_pages_max - std::min(kernel.limits.memory_pages_max, used),
                "\nnr_anon_pages ", kernel.charged_pages, "\nnr_mapped 0\nnr_file_pages ", kernel.file_pages,
                "\nnr_dirty 0\nnr_writeback 0\n"
                "pgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\npgmajfault 0\noom_kill 0\n");
}

Result<std::string, Errno> interrupts(const Caller& caller) {
  std::string text = "          ";
  for (std::uint32_t cpu = 0; cpu < caller.kernel.limits.cpus; ++cpu) text += padded_right(concat(" CPU", cpu), 11);
  return text + "\nERR:          0\nMIS:          0\n";
}

Result<std::string, Errno> version(const Caller&) {
  return concat("Linux version ", kKernelRelease, " (drydock@drydock) (drydock) ", kKernelVersion, "\n");
}

constexpr std::uint32_t kRootOnly = 0400;

constexpr std::array kRows{
    NodeRow{"acpi", abi::s_ifdir | 0555},
    NodeRow{"asound", abi::s_ifdir | 0555},
    NodeRow{"buddyinfo", 0444,
            "Node 0, zone   Normal      0      0      0      0      0      0      0      0      0      0      1 \n"},
    NodeRow{"bus", abi::s_ifdir | 0555},
    NodeRow{"cgroups", 0, "", cgroups},
    NodeRow{"cmdline", 0, "console=tty0 quiet\n"},
    NodeRow{"consoles", 0, "tty0                 -WU (EC p  )    4:1\n"},
    NodeRow{"cpuinfo", 0, "", cpuinfo},
    NodeRow{"crypto", 0, ""},
    NodeRow{"devices", 0,
            "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n128 ptm\n136 pts\n\n"
            "Block devices:\n"},
    NodeRow{"diskstats", 0, ""},
    NodeRow{"driver", abi::s_ifdir | 0555},
    NodeRow{"execdomains", 0, "0-0\tLinux           \t[kernel]\n"},
    NodeRow{"filesystems", 0, "", filesystems},
    NodeRow{"fs", abi::s_ifdir | 0555},
    NodeRow{"interrupts", 0, "", interrupts},
    NodeRow{"iomem", kRootOnly, ""},
    NodeRow{"ioports", kRootOnly, ""},
    NodeRow{"irq", abi::s_ifdir | 0555},
    NodeRow{"kallsyms", 0, ""},
    NodeRow{"kcore", kRootOnly, ""},
    NodeRow{"key-users", 0, "    0:     1 1/1 1/1000000 9/25000000\n"},
    NodeRow{"keys", 0, ""},
    NodeRow{"kmsg", kRootOnly, ""},
    NodeRow{"kpagecount", kRootOnly, ""},
    NodeRow{"kpageflags", kRootOnly, ""},
    NodeRow{"latency_stats", 0644, "Latency Top version : v0.1\n"},
    NodeRow{"loadavg", 0, "", loadavg},
    NodeRow{"locks", 0, ""},
    NodeRow{"meminfo", 0, "", meminfo},
    NodeRow{"misc", 0, ""},
    NodeRow{"modules", 0, ""},
    NodeRow{"mounts", abi::s_iflnk | 0777, "self/mounts"},
    NodeRow{"net", abi::s_iflnk | 0777, "self/net"},
    NodeRow{"partitions", 0, "major minor  #blocks  name\n\n"},
    NodeRow{"sched_debug", 0, ""},
    NodeRow{"schedstat", 0, "version 15\n"},
    NodeRow{"scsi", abi::s_ifdir | 0555},
    NodeRow{"slabinfo", kRootOnly, "slabinfo - version: 2.1\n"},
    NodeRow{"softirqs", 0, ""},
    NodeRow{"stat", 0, "", stat},
    NodeRow{"swaps", 0, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"},
    NodeRow{"sysrq-trigger", 0200, "", nullptr, [](const Caller&, std::string_view) { return Result<void, Errno>(); }},
    NodeRow{"sysvipc/msg", 0,
            "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      "
            "rtime      ctime\n"},
    NodeRow{"sysvipc/sem", 0, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"},
    NodeRow{"sysvipc/shm", 0,
            "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime   "
            "   dtime      ctime                   rss                  swap\n"},
    NodeRow{"timer_list", kRootOnly, ""},
    NodeRow{"timer_stats", 0644, ""},
    NodeRow{"tty/drivers", 0,
            "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
            "/dev/console         /dev/console    5       1 system:console\n"
            "/dev/ptmx            /dev/ptmx       5       2 system\n"
            "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
            "pty_master           /dev/ptm      128 0-1048575 pty:master\n"},
    NodeRow{"uptime", 0, "", uptime},
    NodeRow{"version", 0, "", version},
    NodeRow{"vmallocinfo", kRootOnly, ""},
    NodeRow{"vmstat", 0, "", vmstat},
    NodeRow{"zoneinfo", 0, ""},
};

}  // namespace

std::span<const NodeRow> system_file_rows() {
  return kRows;
}

}  // namespace drydock::machine
