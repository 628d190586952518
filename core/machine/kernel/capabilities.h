#pragma once
// capabilities(7), user_namespaces(7): who may do what, and the numbers of users and groups.

#include <cstdint>
#include <optional>

#include "machine/kernel/caller.h"
#include "machine/kernel/credentials.h"
#include "machine/kernel/kernel.h"

namespace drydock::machine {

namespace cap {
inline constexpr int chown = 0, dac_override = 1, dac_read_search = 2, fowner = 3, fsetid = 4, kill = 5, setgid = 6,
                     setuid = 7, setpcap = 8, linux_immutable = 9, net_bind_service = 10, net_broadcast = 11,
                     net_admin = 12, net_raw = 13, ipc_lock = 14, ipc_owner = 15, sys_module = 16, sys_rawio = 17,
                     sys_chroot = 18, sys_ptrace = 19, sys_pacct = 20, sys_admin = 21, sys_boot = 22, sys_nice = 23,
                     sys_resource = 24, sys_time = 25, sys_tty_config = 26, mknod = 27, lease = 28, audit_write = 29,
                     audit_control = 30, setfcap = 31, mac_override = 32, mac_admin = 33, syslog = 34, wake_alarm = 35,
                     block_suspend = 36, audit_read = 37, perfmon = 38, bpf = 39, checkpoint_restore = 40;
inline constexpr int last = 40;
}  // namespace cap
constexpr std::uint64_t capability_bit(int capability) {
  return std::uint64_t{1} << capability;
}

namespace securebit {
inline constexpr std::uint8_t noroot = 1, noroot_locked = 2, no_setuid_fixup = 4, no_setuid_fixup_locked = 8,
                              keep_caps = 16, keep_caps_locked = 32, no_cap_ambient_raise = 64,
                              no_cap_ambient_raise_locked = 128;
}

/// Has the capability in effect in `target`: in its own user namespace, or as the owner of one below it.
bool capable(const Kernel& kernel, const Credentials& who, int capability, UserNamespaceId target);
bool capable(const Caller& caller, int capability, UserNamespaceId target);
/// In the initial user namespace.
bool capable(const Caller& caller, int capability);
/// In the caller's own.
bool own_capable(const Caller& caller, int capability);
/// Over a file: as well its owner and group must have numbers in the caller's user namespace.
bool capable_over(const Caller& caller, int capability, std::uint32_t uid, std::uint32_t gid);
bool in_group(const Credentials& who, std::uint32_t gid);  // fsgid or a supplementary group

/// Numbers of the kernel (the initial namespace's) to those of a user namespace and back; none: it has no such.
std::optional<std::uint32_t> uid_into(const Kernel& kernel, UserNamespaceId space, std::uint32_t kernel_uid);
std::optional<std::uint32_t> gid_into(const Kernel& kernel, UserNamespaceId space, std::uint32_t kernel_gid);
std::optional<std::uint32_t> uid_from(const Kernel& kernel, UserNamespaceId space, std::uint32_t uid);
std::optional<std::uint32_t> gid_from(const Kernel& kernel, UserNamespaceId space, std::uint32_t gid);
/// As the caller is told: the overflow id (65534) for one that has no number there.
std::uint32_t uid_shown(const Caller& caller, std::uint32_t kernel_uid);
std::uint32_t gid_shown(const Caller& caller, std::uint32_t kernel_gid);

/// The capability sets after one of the uids has changed (capabilities(7), "Effect of user ID changes").
void fix_capabilities_after_setuid(Credentials& changed, const Credentials& before, std::uint32_t root_uid);
/// Kernel uid of 0 in that namespace, or kOverflowId's complement when it has none.
std::uint32_t root_uid_of(const Kernel& kernel, UserNamespaceId space);

/// What execve(2) makes of the credentials for a file with those attributes (no file capabilities). `honour_setid` is
/// false on a nosuid mount. `secure` (may be null) tells whether AT_SECURE is set.
Credentials credentials_after_exec(const Kernel& kernel, const Credentials& before, std::uint32_t mode,
                                   std::uint32_t file_uid, std::uint32_t file_gid, bool honour_setid, bool* secure);

}  // namespace drydock::machine
