// prctl(2): options that containers, shells and C libraries use. Others answer EINVAL, as an older kernel would, and
// are told as unimplemented.

#include "base/text.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/commit_credentials.h"

namespace drydock::machine {
namespace {

namespace option {
constexpr std::int32_t set_pdeathsig = 1, get_pdeathsig = 2, get_dumpable = 3, set_dumpable = 4, get_keepcaps = 7,
                       set_keepcaps = 8, get_timing = 13, set_timing = 14, set_name = 15, get_name = 16,
                       get_seccomp = 21, set_seccomp = 22, capbset_read = 23, capbset_drop = 24, get_securebits = 27,
                       set_securebits = 28, set_timerslack = 29, get_timerslack = 30, set_child_subreaper = 36,
                       get_child_subreaper = 37, set_no_new_privs = 38, get_no_new_privs = 39, get_tid_address = 40,
                       set_thp_disable = 41, get_thp_disable = 42, cap_ambient = 47, set_vma = 0x53564d41;
}

constexpr std::size_t kNameBytes = 16;

bool zero_from(const Call& call, int first) {
  for (int n = first; n < 5; ++n)
    if (call.u64(n) != 0) return false;
  return true;
}

Outcome drop_from_bounding(const Call& call, std::uint64_t capability) {
  if (!own_capable(call, cap::setpcap)) return Errno::eperm;
  if (capability > static_cast<std::uint64_t>(cap::last)) return Errno::einval;
  call.self().credentials.bounding &= ~capability_bit(static_cast<int>(capability));
  return done();
}

// capabilities(7), "The securebits flags": locked ones stay, no unknown ones, CAP_SETPCAP.
Outcome set_securebits(const Call& call, std::uint64_t wanted) {
  Credentials changed = call.credentials();
  constexpr std::uint64_t known = 0xff, values = 0x55, locks = 0xaa;
  const std::uint64_t before = changed.securebits | (changed.keep_capabilities ? securebit::keep_caps : 0);
  const std::uint64_t locked_values = (before & locks) >> 1;
  if ((wanted & ~known) != 0 || (locked_values & (before ^ wanted) & values) != 0 || (before & locks & ~wanted) != 0 ||
      !own_capable(call, cap::setpcap))
    return Errno::eperm;
  changed.securebits = static_cast<std::uint8_t>(wanted);
  changed.keep_capabilities = (wanted & securebit::keep_caps) != 0;
  commit_credentials(call, std::move(changed));
  return done();
}

Outcome set_keepcaps(const Call& call, std::uint64_t value) {
  if (value > 1) return Errno::einval;
  Credentials& who = call.self().credentials;
  if ((who.securebits & securebit::keep_caps_locked) != 0) return Errno::eperm;
  who.keep_capabilities = value == 1;
  return done();
}

Outcome change_ambient(const Call& call) {
  constexpr std::uint64_t is_set = 1, raise = 2, lower = 3, clear_all = 4;
  Credentials& who = call.self().credentials;
  const std::uint64_t what = call.u64(1);
  if (what == clear_all) {
    if (!zero_from(call, 2)) return Errno::einval;
    who.ambient = 0;
    return done();
  }
  if (call.u64(2) > static_cast<std::uint64_t>(cap::last) || call.u64(3) != 0 || call.u64(4) != 0) return Errno::einval;
  const std::uint64_t bit = capability_bit(static_cast<int>(call.u64(2)));
  switch (what) {
    case is_set:
      return std::int64_t{(who.ambient & bit) != 0};
    case raise:
      if ((who.permitted & bit) == 0 || (who.inheritable & bit) == 0 ||
          (who.securebits & securebit::no_cap_ambient_raise) != 0)
        return Errno::eperm;
      who.ambient |= bit;
      return done();
    case lower:
      who.ambient &= ~bit;
      return done();
    default:
      return Errno::einval;
  }
}

// At most 15 bytes; a longer name is cut.
Outcome set_name(const Call& call, std::uint64_t address) {
  std::string name;
  for (std::size_t at = 0; at + 1 < kNameBytes; ++at) {
    char c = 0;
    TRY(call.copy_in(address + at, {&c, 1}));
    if (c == '\0') break;
    name.push_back(c);
  }
  call.self().name = std::move(name);
  return done();
}

Outcome get_name(const Call& call, std::uint64_t address) {
  StructWriter out;
  out.text(call.self().name, kNameBytes);
  TRY(call.copy_out(address, out.span()));
  return done();
}

Outcome set_no_new_privs(const Call& call) {
  if (call.u64(1) != 1 || !zero_from(call, 2)) return Errno::einval;
  call.self().credentials.no_new_privs = true;
  return done();
}

Outcome store_int(const Call& call, std::uint64_t address, std::uint32_t value) {
  TRY(call.store32(address, value));
  return done();
}

Outcome set_dumpable(const Call& call, std::uint64_t value) {
  if (value > 1) return Errno::einval;
  if (AddressSpace* memory = call.kernel.memories.find(call.self().memory))
    memory->dumpable = static_cast<std::uint32_t>(value);
  return done();
}

std::int64_t securebits_of(const Credentials& who) {
  return who.securebits | (who.keep_capabilities ? securebit::keep_caps : 0);
}

}  // namespace

namespace {

// Options that change nothing here, and those that are not modelled.
Outcome minor_option(const Call& call) {
  switch (call.i32(0)) {
    case option::get_timing:
      return done();
    case option::set_timing:
      return call.u64(1) == 0 ? done() : Outcome(Errno::einval);
    case option::get_thp_disable:
      return zero_from(call, 1) ? done() : Outcome(Errno::einval);
    case option::set_thp_disable:
      return zero_from(call, 2) ? done() : Outcome(Errno::einval);
    case option::set_vma:
      return Errno::einval;  // as a kernel without CONFIG_ANON_VMA_NAME
    default:
      note_unimplemented(call.kernel, call.task, concat("prctl option ", call.i32(0)));
      return Errno::einval;
  }
}

// What the owner of a new user namespace has in it he could have had anyway.
bool gains_capabilities(const Kernel& kernel, const Credentials& before, const Credentials& after) {
  if (before.user_namespace == after.user_namespace) return (after.permitted & ~before.permitted) != 0;
  for (const UserNamespace* at = kernel.user_namespaces.find(after.user_namespace); at != nullptr && at->parent;
       at = kernel.user_namespaces.find(at->parent))
    if (at->parent == before.user_namespace && at->owner == before.euid) return false;
  return true;
}

}  // namespace

void commit_credentials(const Call& call, Credentials changed) {
  Task& task = call.self();
  const Credentials& before = task.credentials;
  const bool gained = before.euid != changed.euid || before.egid != changed.egid || before.fsuid != changed.fsuid ||
                      before.fsgid != changed.fsgid || gains_capabilities(call.kernel, before, changed);
  if (gained) {
    if (AddressSpace* memory = call.kernel.memories.find(task.memory)) memory->dumpable = 0;
    task.parent_death_signal = 0;
  }
  task.credentials = std::move(changed);
}

Outcome sys_prctl(const Call& call) {
  Task& task = call.self();
  Process& process = call.kernel.processes[task.process];
  switch (call.i32(0)) {
    case option::set_pdeathsig:
      if (call.u64(1) > static_cast<std::uint64_t>(kSignalMax)) return Errno::einval;
      task.parent_death_signal = static_cast<int>(call.u64(1));
      return done();
    case option::get_pdeathsig:
      return store_int(call, call.u64(1), static_cast<std::uint32_t>(task.parent_death_signal));
    case option::get_dumpable: {
      const AddressSpace* memory = call.kernel.memories.find(task.memory);
      return std::int64_t{memory != nullptr ? memory->dumpable : 0};
    }
    case option::set_dumpable:
      return set_dumpable(call, call.u64(1));
    case option::get_keepcaps:
      return std::int64_t{task.credentials.keep_capabilities};
    case option::set_keepcaps:
      return set_keepcaps(call, call.u64(1));
    case option::set_name:
      return set_name(call, call.u64(1));
    case option::get_name:
      return get_name(call, call.u64(1));
    case option::get_seccomp:
      return std::int64_t{task.seccomp_mode};
    case option::set_seccomp:
      return set_seccomp_mode(call, call.u64(1), call.u64(2));
    case option::capbset_read:
      if (call.u64(1) > static_cast<std::uint64_t>(cap::last)) return Errno::einval;
      return std::int64_t{(task.credentials.bounding & capability_bit(call.i32(1))) != 0};
    case option::capbset_drop:
      return drop_from_bounding(call, call.u64(1));
    case option::get_securebits:
      return securebits_of(task.credentials);
    case option::set_securebits:
      return set_securebits(call, call.u64(1));
    case option::set_timerslack:
      task.timer_slack_ns = call.i64(1) <= 0 ? 50'000 : call.u64(1);
      return done();
    case option::get_timerslack:
      return static_cast<std::int64_t>(task.timer_slack_ns);
    case option::set_child_subreaper:
      process.child_subreaper = call.u64(1) != 0;
      return done();
    case option::get_child_subreaper:
      return store_int(call, call.u64(1), process.child_subreaper ? 1 : 0);
    case option::set_no_new_privs:
      return set_no_new_privs(call);
    case option::get_no_new_privs:
      if (!zero_from(call, 1)) return Errno::einval;
      return std::int64_t{task.credentials.no_new_privs};
    case option::get_tid_address: {
      TRY(call.store64(call.u64(1), task.clear_child_tid));
      return done();
    }
    case option::cap_ambient:
      return change_ambient(call);
    default:
      return minor_option(call);
  }
}

}  // namespace drydock::machine
