// tidy: table
// /proc/sys. proc(5), Linux's admin-guide/sysctl. What Linux keeps per namespace is that of the caller's namespaces.
// What has no effect here is a constant (0444), so that no write seems to work that does not.

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "machine/abi/file.h"
#include "machine/fs/proc/process_view.h"
#include "machine/fs/proc/procfs.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/release.h"

namespace drydock::machine {

namespace {

using Text = Result<std::string, Errno>;
using Done = Result<void, Errno>;

std::string line(std::uint64_t value) {
  return concat(value, "\n");
}

/// A decimal number within bounds, blanks around it. EINVAL.
Result<std::uint64_t, Errno> number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  const auto value = parse_u64(trim(text));
  if (!value || *value < least || *value > most) return Errno::einval;
  return *value;
}

struct Range {
  std::uint32_t first = 0, last = 0;
};
Result<Range, Errno> range(std::string_view text, std::uint32_t most) {
  std::vector<std::string> words;
  for (std::string& word : split(replace_all(trim(text), "\t", " "), ' '))
    if (!word.empty()) words.push_back(std::move(word));
  if (words.size() != 2) return Errno::einval;
  const auto first = TRY(number(words[0], 0, most)), last = TRY(number(words[1], 0, most));
  return Range{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)};
}

// kernel/: names, pids, random.

UtsNamespace& uts(const Caller& caller) {
  return caller.kernel.uts_namespaces[caller.self().namespaces.uts];
}
Done set_name(const Caller& caller, std::string& name, std::string_view text) {
  constexpr std::size_t kNameMax = 64;
  if (!capable(caller, cap::sys_admin, uts(caller).owner)) return Errno::eperm;
  name = std::string(text.substr(0, std::min({text.find('\n'), text.find('\0'), kNameMax})));
  return {};
}
Text hostname(const Caller& caller) {
  return uts(caller).nodename + "\n";
}
Done set_hostname(const Caller& caller, std::string_view text) {
  return set_name(caller, uts(caller).nodename, text);
}
Text domainname(const Caller& caller) {
  return uts(caller).domainname + "\n";
}
Done set_domainname(const Caller& caller, std::string_view text) {
  return set_name(caller, uts(caller).domainname, text);
}

PidNamespace& pids(const Caller& caller) {
  return caller.kernel.pid_namespaces[caller.self().pid_namespace];
}
Text pid_max(const Caller& caller) {
  return line(pids(caller).pid_max);
}
Done set_pid_max(const Caller& caller, std::string_view text) {
  constexpr std::uint32_t kPidMaxLeast = 301, kPidMaxMost = 4194304;
  pids(caller).pid_max = static_cast<std::uint32_t>(TRY(number(text, kPidMaxLeast, kPidMaxMost)));
  return {};
}
Text last_pid(const Caller& caller) {
  return line(pids(caller).last_pid);
}
Done set_last_pid(const Caller& caller, std::string_view text) {
  if (!capable(caller, cap::checkpoint_restore, pids(caller).owner)) return Errno::eperm;
  pids(caller).last_pid = static_cast<std::uint32_t>(TRY(number(text, 0, pids(caller).pid_max - 1)));
  return {};
}
Text threads_max(const Caller& caller) {
  return line(caller.kernel.limits.processes_max);
}

std::string uuid(SeededRandom& random) {
  std::string hex = random.hex_id(16);
  hex[12] = '4';  // RFC 9562: version 4, variant 10
  hex[16] = "89ab"[(hex[16] <= '9' ? hex[16] - '0' : hex[16] - 'a' + 10) & 3];
  for (const std::size_t dash : {20, 16, 12, 8}) hex.insert(dash, "-");
  return hex + "\n";
}
Text random_uuid(const Caller& caller) {
  return uuid(caller.kernel.random);
}
Text boot_id(const Caller& caller) {
  // The same for the whole life of the machine: made from the moment of its boot.
  SeededRandom random(static_cast<std::uint64_t>(caller.kernel.boot_time_ns));
  return uuid(random);
}

// net/: the caller's network namespace.

net::NetSettings& settings(const Caller& caller) {
  return caller.kernel.net_namespaces[caller.self().namespaces.net].settings;
}
Done may_set_net(const Caller& caller) {
  const NetNamespace& space = caller.kernel.net_namespaces[caller.self().namespaces.net];
  if (!capable(caller, cap::net_admin, space.owner)) return Errno::eperm;
  return {};
}
template <bool net::NetSettings::*field>
Text flag_text(const Caller& caller) {
  return line(settings(caller).*field ? 1 : 0);
}
template <bool net::NetSettings::*field>
Done store_flag(const Caller& caller, std::string_view text) {
  TRY(may_set_net(caller));
  settings(caller).*field = TRY(number(text, 0, 0x7fffffff)) != 0;
  return {};
}
template <std::uint32_t net::NetSettings::*field>
Text net_number(const Caller& caller) {
  return line(settings(caller).*field);
}
template <std::uint32_t net::NetSettings::*field, std::uint32_t least, std::uint32_t most>
Done store_net_number(const Caller& caller, std::string_view text) {
  TRY(may_set_net(caller));
  settings(caller).*field = static_cast<std::uint32_t>(TRY(number(text, least, most)));
  return {};
}
Text ping_group_range(const Caller& caller) {
  const net::NetSettings& all = settings(caller);
  return concat(all.ping_group_first, '\t', all.ping_group_last, "\n");
}
Done set_ping_group_range(const Caller& caller, std::string_view text) {
  TRY(may_set_net(caller));
  Range groups = TRY(range(text, 0x7fffffff));
  if (groups.last < groups.first) groups = {1, 0};
  settings(caller).ping_group_first = groups.first;
  settings(caller).ping_group_last = groups.last;
  return {};
}
Text local_port_range(const Caller& caller) {
  const net::NetSettings& all = settings(caller);
  return concat(all.local_port_first, '\t', all.local_port_last, "\n");
}
Done set_local_port_range(const Caller& caller, std::string_view text) {
  TRY(may_set_net(caller));
  const Range ports = TRY(range(text, 65535));
  if (ports.first == 0 || ports.first > ports.last || ports.first < settings(caller).unprivileged_port_start)
    return Errno::einval;
  settings(caller).local_port_first = ports.first;
  settings(caller).local_port_last = ports.last;
  return {};
}

// fs/.

Text file_max(const Caller& caller) {
  return line(caller.kernel.limits.open_files_max);
}
Text file_nr(const Caller& caller) {
  return concat(caller.kernel.files.size(), "\t0\t", caller.kernel.limits.open_files_max, "\n");
}
Text inode_nr(const Caller& caller) {
  return concat(caller.kernel.inodes.size(), "\t0\n");
}
Text mount_max(const Caller& caller) {
  return line(caller.kernel.limits.mounts_max);
}
Text pty_nr(const Caller& caller) {
  return line(caller.kernel.terminals.size());
}

template <std::uint32_t IpcNamespace::*field>
Text ipc_number(const Caller& caller) {
  return line(caller.kernel.ipc_namespaces[caller.self().namespaces.ipc].*field);
}
template <std::uint32_t IpcNamespace::*field, std::uint32_t least, std::uint32_t most>
Done store_ipc_number(const Caller& caller, std::string_view text) {
  IpcNamespace& space = caller.kernel.ipc_namespaces[caller.self().namespaces.ipc];
  space.*field = static_cast<std::uint32_t>(TRY(number(text, least, most)));
  return {};
}

constexpr std::string_view kRelease = "6.1.0-drydock\n", kVersion = "#1 SMP PREEMPT_DYNAMIC Drydock 6.1.0\n";
static_assert(kRelease.substr(0, kRelease.size() - 1) == kKernelRelease);
static_assert(kVersion.substr(0, kVersion.size() - 1) == kKernelVersion);

constexpr std::array kRows{
    NodeRow{"sys/fs/aio-max-nr", 0, "65536\n"},
    NodeRow{"sys/fs/dentry-state", 0, "0\t0\t45\t0\t0\t0\n"},
    NodeRow{"sys/fs/epoll/max_user_watches", 0, "230195\n"},
    NodeRow{"sys/fs/file-max", 0, "", file_max},
    NodeRow{"sys/fs/file-nr", 0, "", file_nr},
    NodeRow{"sys/fs/inode-nr", 0, "", inode_nr},
    NodeRow{"sys/fs/inotify/max_user_instances", 0, "128\n"},
    NodeRow{"sys/fs/inotify/max_user_watches", 0, "65536\n"},
    NodeRow{"sys/fs/lease-break-time", 0, "45\n"},
    NodeRow{"sys/fs/mount-max", 0, "", mount_max},
    NodeRow{"sys/fs/mqueue/msg_default", 0, "", ipc_number<&IpcNamespace::message_default>,
            store_ipc_number<&IpcNamespace::message_default, 1, 65536>},
    NodeRow{"sys/fs/mqueue/msg_max", 0, "", ipc_number<&IpcNamespace::messages_max>,
            store_ipc_number<&IpcNamespace::messages_max, 1, 65536>},
    NodeRow{"sys/fs/mqueue/msgsize_default", 0, "", ipc_number<&IpcNamespace::message_bytes_default>,
            store_ipc_number<&IpcNamespace::message_bytes_default, 128, 16777216>},
    NodeRow{"sys/fs/mqueue/msgsize_max", 0, "", ipc_number<&IpcNamespace::message_bytes_max>,
            store_ipc_number<&IpcNamespace::message_bytes_max, 128, 16777216>},
    NodeRow{"sys/fs/mqueue/queues_max", 0, "", ipc_number<&IpcNamespace::queues_max>,
            store_ipc_number<&IpcNamespace::queues_max, 0, 1048576>},
    NodeRow{"sys/fs/nr_open", 0, "1048576\n"},
    NodeRow{"sys/fs/overflowgid", 0, "65534\n"},
    NodeRow{"sys/fs/overflowuid", 0, "65534\n"},
    NodeRow{"sys/fs/pipe-max-size", 0, "1048576\n"},
    NodeRow{"sys/fs/protected_fifos", 0, "0\n"},
    NodeRow{"sys/fs/protected_hardlinks", 0, "0\n"},
    NodeRow{"sys/fs/protected_regular", 0, "0\n"},
    NodeRow{"sys/fs/protected_symlinks", 0, "0\n"},
    NodeRow{"sys/fs/suid_dumpable", 0, "0\n"},
    NodeRow{"sys/kernel/cad_pid", 0600, "1\n"},
    NodeRow{"sys/kernel/cap_last_cap", 0, "40\n"},
    NodeRow{"sys/kernel/core_pattern", 0, "core\n"},
    NodeRow{"sys/kernel/core_uses_pid", 0, "0\n"},
    NodeRow{"sys/kernel/ctrl-alt-del", 0, "0\n"},
    NodeRow{"sys/kernel/dmesg_restrict", 0, "0\n"},
    NodeRow{"sys/kernel/domainname", 0, "", domainname, set_domainname},
    NodeRow{"sys/kernel/hostname", 0, "", hostname, set_hostname},
    NodeRow{"sys/kernel/keys/maxkeys", 0, "200\n"},
    NodeRow{"sys/kernel/keys/root_maxkeys", 0, "1000000\n"},
    NodeRow{"sys/kernel/kptr_restrict", 0, "0\n"},
    NodeRow{"sys/kernel/msgmax", 0, "8192\n"},
    NodeRow{"sys/kernel/msgmnb", 0, "16384\n"},
    NodeRow{"sys/kernel/msgmni", 0, "32000\n"},
    NodeRow{"sys/kernel/ngroups_max", 0, "65536\n"},
    NodeRow{"sys/kernel/ns_last_pid", 0666, "", last_pid, set_last_pid},
    NodeRow{"sys/kernel/osrelease", 0, kRelease},
    NodeRow{"sys/kernel/ostype", 0, "Linux\n"},
    NodeRow{"sys/kernel/overflowgid", 0, "65534\n"},
    NodeRow{"sys/kernel/overflowuid", 0, "65534\n"},
    NodeRow{"sys/kernel/panic", 0, "0\n"},
    NodeRow{"sys/kernel/panic_on_oops", 0, "0\n"},
    NodeRow{"sys/kernel/perf_event_paranoid", 0, "2\n"},
    NodeRow{"sys/kernel/pid_max", 0, "", pid_max, set_pid_max},
    NodeRow{"sys/kernel/printk", 0, "7\t4\t1\t7\n"},
    NodeRow{"sys/kernel/pty/max", 0, "4096\n"},
    NodeRow{"sys/kernel/pty/nr", 0, "", pty_nr},
    NodeRow{"sys/kernel/pty/reserve", 0, "1024\n"},
    NodeRow{"sys/kernel/random/boot_id", 0, "", boot_id},
    NodeRow{"sys/kernel/random/entropy_avail", 0, "256\n"},
    NodeRow{"sys/kernel/random/poolsize", 0, "256\n"},
    NodeRow{"sys/kernel/random/uuid", 0, "", random_uuid},
    NodeRow{"sys/kernel/randomize_va_space", 0, "0\n"},
    NodeRow{"sys/kernel/sched_rt_period_us", 0, "1000000\n"},
    NodeRow{"sys/kernel/sched_rt_runtime_us", 0, "950000\n"},
    NodeRow{"sys/kernel/seccomp/actions_avail", 0, "kill_process kill_thread trap errno user_notif trace log allow\n"},
    NodeRow{"sys/kernel/seccomp/actions_logged", 0, "kill_process kill_thread trap errno user_notif trace log\n"},
    NodeRow{"sys/kernel/sem", 0, "32000\t1024000000\t500\t32000\n"},
    NodeRow{"sys/kernel/shmall", 0, "18446744073692774399\n"},
    NodeRow{"sys/kernel/shmmax", 0, "18446744073692774399\n"},
    NodeRow{"sys/kernel/shmmni", 0, "4096\n"},
    NodeRow{"sys/kernel/sysrq", 0, "0\n"},
    NodeRow{"sys/kernel/tainted", 0, "0\n"},
    NodeRow{"sys/kernel/threads-max", 0, "", threads_max},
    NodeRow{"sys/kernel/unprivileged_bpf_disabled", 0, "2\n"},
    NodeRow{"sys/kernel/version", 0, kVersion},
    NodeRow{"sys/net/core/netdev_max_backlog", 0, "1000\n"},
    NodeRow{"sys/net/core/optmem_max", 0, "20480\n"},
    NodeRow{"sys/net/core/rmem_default", 0, "212992\n"},
    NodeRow{"sys/net/core/rmem_max", 0, "212992\n"},
    NodeRow{"sys/net/core/somaxconn", 0, "", net_number<&net::NetSettings::somaxconn>,
            store_net_number<&net::NetSettings::somaxconn, 0, 0x7fffffff>},
    NodeRow{"sys/net/core/wmem_default", 0, "212992\n"},
    NodeRow{"sys/net/core/wmem_max", 0, "212992\n"},
    NodeRow{"sys/net/ipv4/conf/all/forwarding", 0, "", flag_text<&net::NetSettings::ip_forward>,
            store_flag<&net::NetSettings::ip_forward>},
    NodeRow{"sys/net/ipv4/conf/all/route_localnet", 0, "0\n"},
    NodeRow{"sys/net/ipv4/conf/all/rp_filter", 0, "0\n"},
    NodeRow{"sys/net/ipv4/conf/default/forwarding", 0, "", flag_text<&net::NetSettings::ip_forward>},
    NodeRow{"sys/net/ipv4/conf/default/rp_filter", 0, "0\n"},
    NodeRow{"sys/net/ipv4/conf/lo/forwarding", 0, "", flag_text<&net::NetSettings::ip_forward>},
    NodeRow{"sys/net/ipv4/icmp_echo_ignore_all", 0, "", flag_text<&net::NetSettings::icmp_echo_ignore_all>,
            store_flag<&net::NetSettings::icmp_echo_ignore_all>},
    NodeRow{"sys/net/ipv4/icmp_echo_ignore_broadcasts", 0, "1\n"},
    NodeRow{"sys/net/ipv4/ip_default_ttl", 0, "", net_number<&net::NetSettings::default_ttl>,
            store_net_number<&net::NetSettings::default_ttl, 1, 255>},
    NodeRow{"sys/net/ipv4/ip_forward", 0, "", flag_text<&net::NetSettings::ip_forward>,
            store_flag<&net::NetSettings::ip_forward>},
    NodeRow{"sys/net/ipv4/ip_local_port_range", 0, "", local_port_range, set_local_port_range},
    NodeRow{"sys/net/ipv4/ip_nonlocal_bind", 0, "", flag_text<&net::NetSettings::ip_nonlocal_bind>,
            store_flag<&net::NetSettings::ip_nonlocal_bind>},
    NodeRow{"sys/net/ipv4/ip_unprivileged_port_start", 0, "", net_number<&net::NetSettings::unprivileged_port_start>,
            store_net_number<&net::NetSettings::unprivileged_port_start, 0, 65535>},
    NodeRow{"sys/net/ipv4/ping_group_range", 0, "", ping_group_range, set_ping_group_range},
    NodeRow{"sys/net/ipv4/tcp_fin_timeout", 0, "60\n"},
    NodeRow{"sys/net/ipv4/tcp_keepalive_intvl", 0, "75\n"},
    NodeRow{"sys/net/ipv4/tcp_keepalive_probes", 0, "9\n"},
    NodeRow{"sys/net/ipv4/tcp_keepalive_time", 0, "7200\n"},
    NodeRow{"sys/net/ipv4/tcp_max_syn_backlog", 0, "512\n"},
    NodeRow{"sys/net/ipv4/tcp_rmem", 0, "4096\t131072\t6291456\n"},
    NodeRow{"sys/net/ipv4/tcp_syn_retries", 0, "", net_number<&net::NetSettings::tcp_syn_retries>,
            store_net_number<&net::NetSettings::tcp_syn_retries, 1, 127>},
    NodeRow{"sys/net/ipv4/tcp_syncookies", 0, "1\n"},
    NodeRow{"sys/net/ipv4/tcp_wmem", 0, "4096\t16384\t4194304\n"},
    NodeRow{"sys/net/ipv6/conf/all/disable_ipv6", 0, "", flag_text<&net::NetSettings::ipv6_disabled>,
            store_flag<&net::NetSettings::ipv6_disabled>},
    NodeRow{"sys/net/ipv6/conf/all/forwarding", 0, "", flag_text<&net::NetSettings::ipv6_forward>,
            store_flag<&net::NetSettings::ipv6_forward>},
    NodeRow{"sys/net/ipv6/conf/default/disable_ipv6", 0, "", flag_text<&net::NetSettings::ipv6_disabled>,
            store_flag<&net::NetSettings::ipv6_disabled>},
    NodeRow{"sys/net/ipv6/conf/lo/disable_ipv6", 0, "", flag_text<&net::NetSettings::ipv6_disabled>},
    NodeRow{"sys/net/unix/max_dgram_qlen", 0, "", net_number<&net::NetSettings::max_dgram_qlen>,
            store_net_number<&net::NetSettings::max_dgram_qlen, 0, 0x7fffffff>},
    NodeRow{"sys/user/max_cgroup_namespaces", 0, "127235\n"},
    NodeRow{"sys/user/max_ipc_namespaces", 0, "127235\n"},
    NodeRow{"sys/user/max_mnt_namespaces", 0, "127235\n"},
    NodeRow{"sys/user/max_net_namespaces", 0, "127235\n"},
    NodeRow{"sys/user/max_pid_namespaces", 0, "127235\n"},
    NodeRow{"sys/user/max_time_namespaces", 0, "127235\n"},
    NodeRow{"sys/user/max_user_namespaces", 0, "127235\n"},
    NodeRow{"sys/user/max_uts_namespaces", 0, "127235\n"},
    NodeRow{"sys/vm/dirty_background_ratio", 0, "10\n"},
    NodeRow{"sys/vm/dirty_ratio", 0, "20\n"},
    NodeRow{"sys/vm/drop_caches", 0200, "", nullptr, [](const Caller&, std::string_view) { return Done(); }},
    NodeRow{"sys/vm/max_map_count", 0, "65530\n"},
    NodeRow{"sys/vm/min_free_kbytes", 0, "0\n"},
    NodeRow{"sys/vm/mmap_min_addr", 0, "65536\n"},
    NodeRow{"sys/vm/nr_hugepages", 0, "0\n"},
    NodeRow{"sys/vm/oom_kill_allocating_task", 0, "0\n"},
    NodeRow{"sys/vm/overcommit_memory", 0, "0\n"},
    NodeRow{"sys/vm/overcommit_ratio", 0, "50\n"},
    NodeRow{"sys/vm/panic_on_oom", 0, "0\n"},
    NodeRow{"sys/vm/swappiness", 0, "60\n"},
    NodeRow{"sys/vm/vfs_cache_pressure", 0, "100\n"},
};

}  // namespace

std::span<const NodeRow> sysctl_rows() {
  return kRows;
}

std::optional<Result<void, Errno>> sysctl_permission(const Caller& caller, std::string_view path, std::uint32_t mode,
                                                     int mask) {
  if (!path.starts_with("sys/")) return std::nullopt;
  const Credentials& who = caller.credentials();
  const auto root = uid_from(caller.kernel, caller.kernel.initial_user_namespace, 0).value_or(0);
  if (who.euid == root || (path.starts_with("sys/net/") && may_set_net(caller).ok()))
    mode >>= 6;
  else if (in_group(who, 0))
    mode >>= 3;
  if ((static_cast<std::uint32_t>(mask) & ~mode & 7) != 0) return Result<void, Errno>(Errno::eacces);
  return Result<void, Errno>();
}

}  // namespace drydock::machine
