// struct rt_sigframe of Linux on x86-64, field by field. arch/x86/include/asm/sigframe.h, uapi/asm/sigcontext.h.
// Not modelled: extended states (the frame holds an FXSAVE image only), segment registers (fixed values).

#include "machine/kernel/signal_frame.h"

#include "machine/kernel/capabilities.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/signal_actions.h"
#include "machine/mm/address_space.h"
#include "machine/syscalls/call.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kRedZoneBytes = 128;
constexpr std::uint64_t kFxsaveBytes = 512;
constexpr std::uint64_t kFrameBytes = 8 + 304 + 128;  // return address, ucontext, siginfo
constexpr std::uint64_t kContextOffset = 8;
constexpr std::uint64_t kInfoOffset = 8 + 304;
constexpr std::uint64_t kSegmentSelectors = 0x002b'0000'0000'0033;  // cs, gs, fs, ss
constexpr std::uint64_t kContextFlags = 6;                          // UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
constexpr std::uint32_t kStackOnStack = 1, kStackDisable = 2, kStackAutodisarm = 0x8000'0000;
constexpr std::uint64_t kArchX8664 = 0xc000003e;

// The order of registers in struct sigcontext.
constexpr std::array<Gpr, 16> kRegisterOrder{r8,  r9,  r10, r11, r12, r13, r14, r15,
                                             rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp};

bool on_alternate_stack(const Task& task, std::uint64_t stack_pointer) {
  if ((task.alternate_stack_flags & kStackAutodisarm) != 0) return false;
  return task.alternate_stack_bytes != 0 && stack_pointer > task.alternate_stack &&
         stack_pointer - task.alternate_stack <= task.alternate_stack_bytes;
}

std::uint32_t stack_flags(const Task& task, std::uint64_t stack_pointer) {
  if (task.alternate_stack_bytes == 0) return kStackDisable;
  return (on_alternate_stack(task, stack_pointer) ? kStackOnStack : 0) |
         (task.alternate_stack_flags & kStackAutodisarm);
}

std::string context_bytes(const Task& task, std::uint64_t fpstate, SignalSet mask) {
  StructWriter out;
  out.u64(kContextFlags).u64(0);
  out.u64(task.alternate_stack).u32(stack_flags(task, task.cpu.gpr[rsp])).u32(0).u64(task.alternate_stack_bytes);
  for (Gpr reg : kRegisterOrder) out.u64(task.cpu.gpr[reg]);
  out.u64(task.cpu.rip).u64(task.cpu.rflags()).u64(kSegmentSelectors);
  out.u64(task.fault_error).u64(task.fault_number).u64(mask).u64(task.fault_address).u64(fpstate);
  out.zeros(64).u64(mask);
  return out.bytes();
}

enum class InfoShape { kill, queue, timer, child, fault, call };

InfoShape shape_of(const SignalInfo& info) {
  if (info.code == kSiTimer) return InfoShape::timer;
  if (info.code == kSiQueue || (info.code < 0 && info.code != kSiTkill)) return InfoShape::queue;
  if (info.code <= 0 || info.code == kSiKernel) return InfoShape::kill;
  switch (info.signal) {
    case sig_chld:
      return InfoShape::child;
    case sig_sys:
      return InfoShape::call;
    case sig_segv:
    case sig_bus:
    case sig_ill:
    case sig_fpe:
    case sig_trap:
      return InfoShape::fault;
    default:
      return InfoShape::kill;
  }
}

}  // namespace

std::string siginfo_bytes(const Kernel& kernel, const Task& receiver, const SignalInfo& info) {
  StructWriter out;
  out.i32(info.signal).i32(info.error).i32(info.code).u32(0);
  const std::uint32_t pid =
      info.told ? static_cast<std::uint32_t>(info.sender_told) : pid_of(kernel, info.sender, receiver.pid_namespace);
  const std::uint32_t uid =
      info.code == kSiKernel || info.told
          ? info.sender_uid
          : uid_into(kernel, receiver.credentials.user_namespace, info.sender_uid).value_or(kOverflowId);
  switch (shape_of(info)) {
    case InfoShape::kill:
      out.u32(pid).u32(uid);
      break;
    case InfoShape::queue:
      out.u32(pid).u32(uid).u64(info.value);
      break;
    case InfoShape::timer:
      out.i32(info.timer_id).i32(info.overrun).u64(info.value);
      break;
    case InfoShape::child:
      out.u32(pid).u32(uid).i32(info.status).u32(0).u64(info.utime_ticks).u64(info.stime_ticks);
      break;
    case InfoShape::fault:
      out.u64(info.address);
      break;
    case InfoShape::call:
      out.u64(info.call_address).i32(info.call_number).u32(kArchX8664);
      break;
  }
  return out.zeros(128 - out.bytes().size()).bytes();
}

bool push_signal_frame(Kernel& kernel, TaskId id, const SignalInfo& info, const SignalAction& action,
                       SignalSet mask_to_restore) {
  Task& task = kernel.tasks[id];
  if ((action.flags & action_flag::restorer) == 0) return false;
  std::uint64_t sp = task.cpu.gpr[rsp] - kRedZoneBytes;
  const bool was_on = on_alternate_stack(task, task.cpu.gpr[rsp]);
  bool on = was_on;
  if ((action.flags & action_flag::onstack) != 0 && task.alternate_stack_bytes != 0 && !was_on) {
    sp = task.alternate_stack + task.alternate_stack_bytes;
    on = true;
  }
  sp = (sp - kFxsaveBytes) & ~std::uint64_t{63};
  const std::uint64_t fpstate = sp;
  sp = ((sp - kFrameBytes) & ~std::uint64_t{15}) - 8;
  // An alternate stack that has run over must not go on into what lies below it.
  if (on && (sp < task.alternate_stack || sp - task.alternate_stack > task.alternate_stack_bytes)) return false;

  StructWriter frame;
  frame.u64(action.restorer);
  const std::string bytes =
      frame.bytes() + context_bytes(task, fpstate, mask_to_restore) + siginfo_bytes(kernel, task, info);
  const FxsaveImage image = task.cpu.fxsave_image();
  const Call call{{kernel, id}, {}};
  if (!call.copy_out(fpstate, {reinterpret_cast<const char*>(image.data()), image.size()}).ok()) return false;
  if (!call.copy_out(sp, {bytes.data(), bytes.size()}).ok()) return false;
  if ((task.alternate_stack_flags & kStackAutodisarm) != 0) {
    task.alternate_stack = task.alternate_stack_bytes = 0;
    task.alternate_stack_flags = kStackDisable;
  }
  task.cpu.gpr[rdi] = static_cast<std::uint64_t>(info.signal);
  task.cpu.gpr[rsi] = sp + kInfoOffset;
  task.cpu.gpr[rdx] = sp + kContextOffset;
  task.cpu.gpr[rax] = 0;
  task.cpu.gpr[rsp] = sp;
  task.cpu.rip = action.handler;
  task.cpu.set_rflags(task.cpu.rflags() & ~(rflag::df | rflag::rf | rflag::tf));
  return true;
}

bool pop_signal_frame(Kernel& kernel, TaskId id) {
  Task& task = kernel.tasks[id];
  const Call call{{kernel, id}, {}};
  std::string bytes(304, '\0');
  const std::uint64_t context = task.cpu.gpr[rsp];  // the return address has been popped
  if (!call.copy_in(context, {bytes.data(), bytes.size()}).ok()) return false;
  const StructReader in(std::move(bytes));
  constexpr std::size_t registers = 40;
  const std::uint64_t fpstate = in.u64(registers + 184);
  FxsaveImage image{};
  if (fpstate != 0 && !call.copy_in(fpstate, {reinterpret_cast<char*>(image.data()), image.size()}).ok()) return false;
  for (std::size_t at = 0; at < kRegisterOrder.size(); ++at)
    task.cpu.gpr[kRegisterOrder[at]] = in.u64(registers + at * 8);
  task.cpu.rip = in.u64(registers + 128);
  task.cpu.set_rflags(in.u64(registers + 136));
  if (fpstate != 0) task.cpu.load_fxsave_image(image);
  task.blocked_signals = in.u64(296) & ~kUnblockable;
  task.alternate_stack = in.u64(16);
  task.alternate_stack_bytes = (in.u32(24) & kStackDisable) != 0 ? 0 : in.u64(32);
  task.alternate_stack_flags = in.u32(24) & (kStackDisable | kStackAutodisarm);
  return true;
}

}  // namespace drydock::machine
