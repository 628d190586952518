// credentials(7): getuid(2), setuid(2), setreuid(2), setresuid(2), setfsuid(2), setgroups(2), capget(2), capset(2).
// prctl(2) is in sys_prctl.cpp.

#include <algorithm>

#include "machine/kernel/capabilities.h"
#include "machine/kernel/pids.h"
#include "machine/syscalls/commit_credentials.h"
#include "machine/syscalls/families.h"

namespace drydock::machine {
namespace {

constexpr std::uint32_t kNoChange = ~std::uint32_t{0};
constexpr std::size_t kGroupsMax = 65536;  // NGROUPS_MAX

/// The kernel's number of a uid (gid) argument; EINVAL when it has none in the caller's namespace.
Result<std::uint32_t, Errno> kernel_id(const Call& call, int n, bool of_group) {
  const UserNamespaceId space = call.credentials().user_namespace;
  const auto found = of_group ? gid_from(call.kernel, space, call.u32(n)) : uid_from(call.kernel, space, call.u32(n));
  if (!found) return Errno::einval;
  return *found;
}

/// Nothing for -1, which leaves the id as it is.
Result<std::optional<std::uint32_t>, Errno> optional_id(const Call& call, int n, bool of_group) {
  if (call.u32(n) == kNoChange) return std::optional<std::uint32_t>{};
  return std::optional<std::uint32_t>(TRY(kernel_id(call, n, of_group)));
}

// Users and groups are changed by the same rules; these are one kind's fields.
struct Ids {
  std::uint32_t real, effective, saved, file;
  bool has(std::uint32_t id) const { return id == real || id == effective || id == saved; }
};

Ids ids_of(const Credentials& who, bool of_group) {
  return of_group ? Ids{who.gid, who.egid, who.sgid, who.fsgid} : Ids{who.uid, who.euid, who.suid, who.fsuid};
}

void set_ids(Credentials& who, bool of_group, const Ids& ids) {
  (of_group ? who.gid : who.uid) = ids.real;
  (of_group ? who.egid : who.euid) = ids.effective;
  (of_group ? who.sgid : who.suid) = ids.saved;
  (of_group ? who.fsgid : who.fsuid) = ids.file;
}

Outcome commit_ids(const Call& call, bool of_group, const Ids& ids) {
  Credentials changed = call.credentials();
  set_ids(changed, of_group, ids);
  if (!of_group)
    fix_capabilities_after_setuid(changed, call.credentials(), root_uid_of(call.kernel, changed.user_namespace));
  commit_credentials(call, std::move(changed));
  return done();
}

bool privileged(const Call& call, bool of_group) {
  return own_capable(call, of_group ? cap::setgid : cap::setuid);
}

Outcome set_id(const Call& call, bool of_group) {
  const std::uint32_t id = TRY(kernel_id(call, 0, of_group));
  Ids ids = ids_of(call.credentials(), of_group);
  if (privileged(call, of_group)) {
    ids.real = ids.saved = id;
  } else if (id != ids.real && id != ids.saved) {
    return Errno::eperm;
  }
  ids.effective = ids.file = id;
  return commit_ids(call, of_group, ids);
}

// setreuid(2). The saved id follows when the real one is set, or the effective one to something else than the real.
Outcome set_re_id(const Call& call, bool of_group) {
  const std::optional<std::uint32_t> real = TRY(optional_id(call, 0, of_group));
  const std::optional<std::uint32_t> effective = TRY(optional_id(call, 1, of_group));
  const Ids before = ids_of(call.credentials(), of_group);
  Ids ids = before;
  const bool free = privileged(call, of_group);
  if (real) {
    if (!free && *real != before.real && *real != before.effective) return Errno::eperm;
    ids.real = *real;
  }
  if (effective) {
    if (!free && !before.has(*effective)) return Errno::eperm;
    ids.effective = *effective;
  }
  if (real || (effective && *effective != before.real)) ids.saved = ids.effective;
  ids.file = ids.effective;
  return commit_ids(call, of_group, ids);
}

Outcome set_res_id(const Call& call, bool of_group) {
  const std::optional<std::uint32_t> wanted[3] = {
      TRY(optional_id(call, 0, of_group)), TRY(optional_id(call, 1, of_group)), TRY(optional_id(call, 2, of_group))};
  Ids ids = ids_of(call.credentials(), of_group);
  if (!privileged(call, of_group))
    for (const std::optional<std::uint32_t>& id : wanted)
      if (id && !ids.has(*id)) return Errno::eperm;
  ids.real = wanted[0].value_or(ids.real);
  ids.effective = wanted[1].value_or(ids.effective);
  ids.saved = wanted[2].value_or(ids.saved);
  ids.file = ids.effective;
  return commit_ids(call, of_group, ids);
}

// The capabilities that go with the file system uid: capabilities(7).
constexpr std::uint64_t kFileCapabilities = capability_bit(cap::chown) | capability_bit(cap::mknod) |
                                            capability_bit(cap::dac_override) | capability_bit(cap::dac_read_search) |
                                            capability_bit(cap::fowner) | capability_bit(cap::fsetid) |
                                            capability_bit(cap::linux_immutable) | capability_bit(cap::mac_override);

// setfsuid(2) never fails: it tells the previous id.
Outcome set_fs_id(const Call& call, bool of_group) {
  const Ids before = ids_of(call.credentials(), of_group);
  const std::int64_t told = of_group ? gid_shown(call, before.file) : uid_shown(call, before.file);
  const Result<std::uint32_t, Errno> id = kernel_id(call, 0, of_group);
  if (!id.ok() || (!before.has(*id) && *id != before.file && !privileged(call, of_group))) return told;
  Ids ids = before;
  ids.file = *id;
  Credentials changed = call.credentials();
  set_ids(changed, of_group, ids);
  const std::uint32_t root = root_uid_of(call.kernel, changed.user_namespace);
  if (!of_group && (changed.securebits & securebit::no_setuid_fixup) == 0) {
    if (before.file == root && *id != root) changed.effective &= ~kFileCapabilities;
    if (before.file != root && *id == root) changed.effective |= kFileCapabilities & changed.permitted;
  }
  commit_credentials(call, std::move(changed));
  return told;
}

Outcome sys_setuid(const Call& call) {
  return set_id(call, false);
}
Outcome sys_setgid(const Call& call) {
  return set_id(call, true);
}
Outcome sys_setreuid(const Call& call) {
  return set_re_id(call, false);
}
Outcome sys_setregid(const Call& call) {
  return set_re_id(call, true);
}
Outcome sys_setresuid(const Call& call) {
  return set_res_id(call, false);
}
Outcome sys_setresgid(const Call& call) {
  return set_res_id(call, true);
}
Outcome sys_setfsuid(const Call& call) {
  return set_fs_id(call, false);
}
Outcome sys_setfsgid(const Call& call) {
  return set_fs_id(call, true);
}

Outcome sys_getuid(const Call& call) {
  return std::int64_t{uid_shown(call, call.credentials().uid)};
}
Outcome sys_geteuid(const Call& call) {
  return std::int64_t{uid_shown(call, call.credentials().euid)};
}
Outcome sys_getgid(const Call& call) {
  return std::int64_t{gid_shown(call, call.credentials().gid)};
}
Outcome sys_getegid(const Call& call) {
  return std::int64_t{gid_shown(call, call.credentials().egid)};
}

Outcome get_res_id(const Call& call, bool of_group) {
  const Ids ids = ids_of(call.credentials(), of_group);
  const std::uint32_t values[3] = {ids.real, ids.effective, ids.saved};
  for (int n = 0; n < 3; ++n)
    TRY(call.store32(call.address(n), of_group ? gid_shown(call, values[n]) : uid_shown(call, values[n])));
  return done();
}
Outcome sys_getresuid(const Call& call) {
  return get_res_id(call, false);
}
Outcome sys_getresgid(const Call& call) {
  return get_res_id(call, true);
}

Outcome sys_getgroups(const Call& call) {
  const std::vector<std::uint32_t>& groups = call.credentials().groups;
  const std::int32_t room = call.i32(0);
  if (room < 0) return Errno::einval;
  if (room == 0) return static_cast<std::int64_t>(groups.size());
  if (groups.size() > static_cast<std::size_t>(room)) return Errno::einval;
  StructWriter out;
  for (std::uint32_t group : groups) out.u32(gid_shown(call, group));
  TRY(call.copy_out(call.address(1), out.span()));
  return static_cast<std::int64_t>(groups.size());
}

// setgroups(2). In a user namespace not before gid_map is written, and not when "deny" was.
Outcome sys_setgroups(const Call& call) {
  const UserNamespace& space = call.kernel.user_namespaces[call.credentials().user_namespace];
  if (!own_capable(call, cap::setgid) || space.setgroups_denied || space.gid_map.empty()) return Errno::eperm;
  const std::int32_t count = call.i32(0);
  if (count < 0 || static_cast<std::size_t>(count) > kGroupsMax) return Errno::einval;
  std::string raw(static_cast<std::size_t>(count) * 4, '\0');
  TRY(call.copy_in(call.address(1), {raw.data(), raw.size()}));
  const StructReader in(std::move(raw));
  Credentials changed = call.credentials();
  changed.groups.clear();
  for (std::size_t at = 0; at < static_cast<std::size_t>(count); ++at) {
    const auto group = gid_from(call.kernel, changed.user_namespace, in.u32(at * 4));
    if (!group) return Errno::einval;
    changed.groups.push_back(*group);
  }
  std::sort(changed.groups.begin(), changed.groups.end());
  commit_credentials(call, std::move(changed));
  return done();
}

constexpr std::uint32_t kVersion1 = 0x19980330, kVersion2 = 0x20071026, kVersion3 = 0x20080522;

/// How many 32-bit words a set has in that version of the header. EINVAL: an unknown one; ours is told.
Result<std::size_t, Errno> capability_words(const Call& call) {
  const std::uint32_t version = TRY(call.load32(call.address(0)));
  if (version == kVersion1) return std::size_t{1};
  if (version == kVersion2 || version == kVersion3) return std::size_t{2};
  TRY(call.store32(call.address(0), kVersion3));
  return Errno::einval;
}

Outcome sys_capget(const Call& call) {
  const Result<std::size_t, Errno> words = capability_words(call);
  // Asking for the version alone is allowed.
  if (!words.ok()) return words.error() == Errno::einval && call.address(1) == 0 ? done() : Outcome(words.error());
  const auto pid = static_cast<std::int32_t>(TRY(call.load32(call.address(0) + 4)));
  if (pid < 0) return Errno::einval;
  const TaskId task = pid == 0 ? call.task : find_task(call.kernel, call.self().pid_namespace, pid);
  if (!task) return Errno::esrch;
  const Credentials& who = call.kernel.tasks[task].credentials;
  StructWriter out;
  for (std::size_t at = 0; at < *words; ++at)
    for (std::uint64_t set : {who.effective, who.permitted, who.inheritable})
      out.u32(static_cast<std::uint32_t>(set >> (32 * at)));
  if (call.address(1) == 0) return Errno::efault;
  TRY(call.copy_out(call.address(1), out.span()));
  return done();
}

Outcome sys_capset(const Call& call) {
  const std::size_t words = TRY(capability_words(call));
  const auto pid = static_cast<std::int32_t>(TRY(call.load32(call.address(0) + 4)));
  if (pid != 0 && pid != static_cast<std::int32_t>(call.self().tids.back())) return Errno::eperm;
  std::string raw(words * 12, '\0');
  TRY(call.copy_in(call.address(1), {raw.data(), raw.size()}));
  const StructReader in(std::move(raw));
  std::uint64_t sets[3] = {0, 0, 0};  // effective, permitted, inheritable
  for (std::size_t at = 0; at < words; ++at)
    for (std::size_t set = 0; set < 3; ++set) sets[set] |= std::uint64_t{in.u32(at * 12 + set * 4)} << (32 * at);
  for (std::uint64_t& set : sets) set &= kAllCapabilities;
  const Credentials& before = call.credentials();
  const bool may_add = own_capable(call, cap::setpcap);
  if (!may_add && (sets[2] & ~(before.inheritable | before.permitted)) != 0) return Errno::eperm;
  if ((sets[2] & ~(before.inheritable | before.bounding)) != 0) return Errno::eperm;
  if ((sets[1] & ~before.permitted) != 0 || (sets[0] & ~sets[1]) != 0) return Errno::eperm;
  Credentials changed = before;
  changed.effective = sets[0];
  changed.permitted = sets[1];
  changed.inheritable = sets[2];
  changed.ambient &= changed.permitted & changed.inheritable;
  commit_credentials(call, std::move(changed));
  return done();
}

constexpr SyscallRow kRows[] = {
    {102, "getuid", sys_getuid, {}, "getuid(2)", Support::full, ""},
    {104, "getgid", sys_getgid, {}, "getgid(2)", Support::full, ""},
    {105, "setuid", sys_setuid, {Arg::uid}, "setuid(2)", Support::full, ""},
    {106, "setgid", sys_setgid, {Arg::gid}, "setgid(2)", Support::full, ""},
    {107, "geteuid", sys_geteuid, {}, "getuid(2)", Support::full, ""},
    {108, "getegid", sys_getegid, {}, "getgid(2)", Support::full, ""},
    {113, "setreuid", sys_setreuid, {Arg::uid, Arg::uid}, "setreuid(2)", Support::full, ""},
    {114, "setregid", sys_setregid, {Arg::gid, Arg::gid}, "setregid(2)", Support::full, ""},
    {115, "getgroups", sys_getgroups, {Arg::i32, Arg::address}, "getgroups(2)", Support::full, ""},
    {116, "setgroups", sys_setgroups, {Arg::i32, Arg::address}, "setgroups(2)", Support::full, ""},
    {117, "setresuid", sys_setresuid, {Arg::uid, Arg::uid, Arg::uid}, "setresuid(2)", Support::full, ""},
    {118, "getresuid", sys_getresuid, {Arg::address, Arg::address, Arg::address}, "getresuid(2)", Support::full, ""},
    {119, "setresgid", sys_setresgid, {Arg::gid, Arg::gid, Arg::gid}, "setresgid(2)", Support::full, ""},
    {120, "getresgid", sys_getresgid, {Arg::address, Arg::address, Arg::address}, "getresgid(2)", Support::full, ""},
    {122, "setfsuid", sys_setfsuid, {Arg::uid}, "setfsuid(2)", Support::full, ""},
    {123, "setfsgid", sys_setfsgid, {Arg::gid}, "setfsgid(2)", Support::full, ""},
    {125, "capget", sys_capget, {Arg::capability_header, Arg::capability_data}, "capget(2)", Support::full, ""},
    {126, "capset", sys_capset, {Arg::capability_header, Arg::capability_data}, "capset(2)", Support::full, ""},
    {157,
     "prctl",
     sys_prctl,
     {Arg::prctl_option, Arg::hex, Arg::hex, Arg::hex, Arg::hex},
     "prctl(2)",
     Support::partial,
     "what containers and C libraries use"},
};

}  // namespace

std::span<const SyscallRow> credential_calls() {
  return kRows;
}

}  // namespace drydock::machine
