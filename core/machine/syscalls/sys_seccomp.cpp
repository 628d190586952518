// seccomp(2), and prctl(2)'s older way to it.
// Not modelled: SECCOMP_FILTER_FLAG_NEW_LISTENER and the tracer's side (SECCOMP_RET_TRACE answers ENOSYS).

#include <algorithm>

#include "machine/kernel/capabilities.h"
#include "machine/kernel/seccomp_filter.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/commit_credentials.h"

namespace drydock::machine {
namespace {

constexpr std::size_t kFilterProgramsMax = 4096;  // different ones, of the whole machine
constexpr std::uint32_t kSetModeStrict = 0, kSetModeFilter = 1, kGetActionAvail = 2, kGetNotifSizes = 3;
constexpr std::uint64_t kFlagTsync = 1, kFlagLog = 2, kFlagSpecAllow = 4, kFlagNewListener = 8, kFlagTsyncEsrch = 16;

Outcome set_strict(const Call& call) {
  Task& task = call.self();
  if (task.seccomp_mode != 0 && task.seccomp_mode != 1) return Errno::einval;
  task.seccomp_mode = 1;
  return done();
}

/// struct sock_fprog and what it points to.
Result<std::vector<BpfInstruction>, Errno> read_program(const Call& call, std::uint64_t address) {
  const std::uint64_t count = TRY(call.load64(address)) & 0xffff;
  const std::uint64_t at = TRY(call.load64(address + 8));
  if (count == 0 || count > kFilterInstructionsMax) return Errno::einval;
  std::string raw(count * 8, '\0');
  TRY(call.copy_in(at, {raw.data(), raw.size()}));
  const StructReader in(std::move(raw));
  std::vector<BpfInstruction> program;
  for (std::size_t n = 0; n < count; ++n)
    program.push_back({in.u16(n * 8), static_cast<std::uint8_t>(in.at(n * 8 + 2, 1)),
                       static_cast<std::uint8_t>(in.at(n * 8 + 3, 1)), in.u32(n * 8 + 4)});
  return program;
}

bool is_same(const BpfInstruction& left, const BpfInstruction& right) {
  return left.code == right.code && left.jt == right.jt && left.jf == right.jf && left.k == right.k;
}

/// Programs are never removed, so that equal ones (every container's default) are kept once. ENOMEM: too many.
Result<std::uint32_t, Errno> keep_program(Kernel& kernel, std::vector<BpfInstruction> program, bool log) {
  std::vector<SeccompProgram>& all = kernel.seccomp_programs;
  for (std::size_t at = 0; at < all.size(); ++at)
    if (all[at].log == log &&
        std::equal(program.begin(), program.end(), all[at].instructions.begin(), all[at].instructions.end(), is_same))
      return static_cast<std::uint32_t>(at);
  if (all.size() >= kFilterProgramsMax) return Errno::enomem;
  SeccompProgram kept;
  kept.instructions = std::move(program);
  kept.log = log;
  all.push_back(std::move(kept));
  return static_cast<std::uint32_t>(all.size() - 1);
}

// seccomp(2): no_new_privs or CAP_SYS_ADMIN, lest a set-user-ID program be deceived (EACCES).
Outcome add_filter(const Call& call, std::uint64_t flags, std::uint64_t address) {
  if ((flags & ~(kFlagTsync | kFlagLog | kFlagSpecAllow | kFlagNewListener | kFlagTsyncEsrch)) != 0)
    return Errno::einval;
  if ((flags & kFlagNewListener) != 0) {
    note_unimplemented(call.kernel, call.task, "SECCOMP_FILTER_FLAG_NEW_LISTENER of seccomp(2)");
    return Errno::einval;
  }
  std::vector<BpfInstruction> program = TRY(read_program(call, address));
  Task& task = call.self();
  if (!task.credentials.no_new_privs && !own_capable(call, cap::sys_admin)) return Errno::eacces;
  if (!is_valid_filter(program)) return Errno::einval;
  if (task.seccomp_mode == 1) return Errno::einval;
  std::size_t total = program.size();
  for (std::uint32_t at : task.seccomp_filters) total += call.kernel.seccomp_programs[at].instructions.size() + 4;
  if (total > kFilterInstructionsPathMax) return Errno::enomem;
  const std::uint32_t index = TRY(keep_program(call.kernel, std::move(program), (flags & kFlagLog) != 0));
  const std::vector<TaskId> threads =
      (flags & kFlagTsync) != 0 ? call.kernel.processes[task.process].threads : std::vector<TaskId>{call.task};
  for (TaskId thread : threads) {
    Task& changed = call.kernel.tasks[thread];
    changed.seccomp_filters.push_back(index);
    changed.seccomp_mode = 2;
  }
  return done();
}

Outcome action_available(const Call& call, std::uint64_t address) {
  switch (TRY(call.load32(address))) {
    case seccomp_action::kill_process:
    case seccomp_action::kill_thread:
    case seccomp_action::trap:
    case seccomp_action::error:
    case seccomp_action::notify:
    case seccomp_action::trace:
    case seccomp_action::log:
    case seccomp_action::allow:
      return done();
    default:
      return Errno::eopnotsupp;
  }
}

}  // namespace

Outcome set_seccomp_mode(const Call& call, std::uint64_t mode, std::uint64_t program) {
  if (mode == 1) return set_strict(call);
  if (mode == 2) return add_filter(call, 0, program);
  return Errno::einval;
}

Outcome sys_seccomp(const Call& call) {
  switch (call.u32(0)) {
    case kSetModeStrict:
      return call.u64(1) != 0 || call.u64(2) != 0 ? Outcome(Errno::einval) : set_strict(call);
    case kSetModeFilter:
      return add_filter(call, call.u64(1), call.u64(2));
    case kGetActionAvail:
      return call.u64(1) != 0 ? Outcome(Errno::einval) : action_available(call, call.u64(2));
    case kGetNotifSizes: {
      if (call.u64(1) != 0) return Errno::einval;
      StructWriter sizes;
      sizes.u16(80).u16(24).u16(64);  // seccomp_notif, seccomp_notif_resp, seccomp_data
      TRY(call.copy_out(call.u64(2), sizes.span()));
      return done();
    }
    default:
      return Errno::einval;
  }
}

}  // namespace drydock::machine
