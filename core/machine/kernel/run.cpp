// One turn after another: instructions, faults, system calls, signals.

#include "machine/kernel/run.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "machine/kernel/cgroup_accounting.h"
#include "machine/kernel/deliver_signal.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/schedule.h"
#include "machine/kernel/send_signal.h"
#include "machine/kernel/signal_actions.h"
#include "machine/kernel/timers.h"
#include "machine/kernel/tracer.h"
#include "machine/mm/kernel_pages.h"
#include "machine/syscalls/table.h"
#include "machine/vfs/garbage.h"

namespace drydock::machine {
namespace {

// x86's numbers of exceptions, as signal frames tell them.
constexpr std::uint64_t kTrapDivide = 0, kTrapBreakpoint = 3, kTrapInvalid = 6, kTrapProtection = 13, kTrapPage = 14,
                        kTrapSimd = 19;
constexpr int kSegvMaperr = 1, kSegvAccerr = 2, kBusAdrerr = 2, kIllOpn = 2, kFpeIntdiv = 1, kFpeFltinv = 7,
              kTrapBrkpt = 1, kTrapTrace = 2;
constexpr std::uint64_t kWakeInstructions = 100;  // what a jump of the clock counts, so that endless ones end

std::string hexadecimal(std::uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[value & 15]);
    value >>= 4;
  } while (value != 0);
  return digits;
}

class Turns {
 public:
  Turns(Kernel& kernel, Interpreter& interpreter, const RunLimits& limits)
      : kernel_(kernel), interpreter_(interpreter), limits_(limits), left_(limits.instructions) {}

  RunEnd run() {
    while (true) {
      if (kernel_.halted) return RunEnd::halted;
      fire_due(kernel_);
      if (kernel_.clock_ns >= limits_.until_ns) return RunEnd::time;
      if (left_ == 0) return RunEnd::budget;
      if (const TaskId cut = std::exchange(kernel_.cut_task, TaskId{})) {
        turn(cut, kernel_.cut_turn_end_ns);
        continue;
      }
      if (!kernel_.run_queue.empty()) {
        const TaskId next = kernel_.run_queue.front();
        kernel_.run_queue.pop_front();
        begin_turn(next);
        continue;
      }
      const std::optional<std::uint64_t> next = next_deadline(kernel_);
      if (!limits_.jump || !next) return RunEnd::idle;
      kernel_.clock_ns = std::max(kernel_.clock_ns, std::min(*next, limits_.until_ns));
      spend(kWakeInstructions);
    }
  }

 private:
  void begin_turn(TaskId id);
  /// How a run is cut into slices changes nothing: a turn that the limits end is gone on with by the next run.
  void turn(TaskId id, std::uint64_t turn_end);
  /// False: the turn is over.
  bool step(TaskId id, std::uint64_t budget);
  bool attempt_call(TaskId id);
  void complete_call(TaskId id, const Outcome& outcome);
  bool act_on(TaskId id, const Stop& stop);
  bool page_fault(TaskId id, const Stop& stop);
  bool fault(TaskId id, int signal, int code, std::uint64_t trap, std::uint64_t address);
  /// Its time is counted; false: its group's CPU quota is used up.
  bool charge(TaskId id, std::uint64_t user_ns, std::uint64_t system_ns);
  void spend(std::uint64_t instructions) { left_ -= std::min(left_, instructions); }

  Kernel& kernel_;
  Interpreter& interpreter_;
  const RunLimits& limits_;
  TaskMemory memory_;
  std::uint64_t left_;
};

void Turns::begin_turn(TaskId id) {
  Task* task = kernel_.tasks.find(id);
  if (task == nullptr) return;
  task->queued = false;
  if (task->state != TaskState::runnable) return;
  ++task->switches;
  turn(id, kernel_.clock_ns + kQuantumInstructions * kInstructionNs);
}

void Turns::turn(TaskId id, std::uint64_t turn_end) {
  Task* task = kernel_.tasks.find(id);
  if (task == nullptr || task->state != TaskState::runnable) return;
  kernel_.running = id;
  bool goes_on = task->in_call || deliver_signals(kernel_, id, nullptr);
  while (goes_on && left_ > 0 && kernel_.clock_ns < turn_end && kernel_.clock_ns < limits_.until_ns) {
    task = kernel_.tasks.find(id);
    if (task == nullptr || task->state != TaskState::runnable || task->throttled || task->queued) break;
    const std::uint64_t instructions = (turn_end - kernel_.clock_ns + kInstructionNs - 1) / kInstructionNs;
    goes_on = step(id, std::min(instructions, left_));
    if (kernel_.halted) break;
    if (const std::optional<std::uint64_t> due = next_deadline(kernel_); due && *due <= kernel_.clock_ns)
      fire_due(kernel_);
  }
  kernel_.running = {};
  task = kernel_.tasks.find(id);
  const bool runnable = task != nullptr && task->state == TaskState::runnable;
  if (runnable && goes_on && !kernel_.halted && !task->throttled && !task->queued && kernel_.clock_ns < turn_end) {
    kernel_.cut_task = id;
    kernel_.cut_turn_end_ns = turn_end;
    return;
  }
  if (runnable) make_runnable(kernel_, id);
  collect_garbage_if_due(kernel_);
}

bool Turns::step(TaskId id, std::uint64_t budget) {
  if (kernel_.tasks[id].in_call) return attempt_call(id);
  Task& task = kernel_.tasks[id];
  if (!task.memory) {
    exit_process(kernel_, task.process, sig_segv);
    return false;
  }
  if (const std::optional<std::uint64_t> due = next_deadline(kernel_); due && *due > kernel_.clock_ns)
    budget = std::min(budget, (*due - kernel_.clock_ns + kInstructionNs - 1) / kInstructionNs);
  if (limits_.until_ns > kernel_.clock_ns)
    budget = std::min(budget, (limits_.until_ns - kernel_.clock_ns + kInstructionNs - 1) / kInstructionNs);
  task.cpu.tsc = kernel_.clock_ns;
  task.cpu.tsc_per_instruction = kInstructionNs;
  memory_.bind(kernel_, id);
  std::uint64_t retired = 0;
  kernel_.in_user_code = true;
  const Stop stop = interpreter_.run(task.cpu, memory_, budget, retired);
  kernel_.in_user_code = false;
  kernel_.retired += retired;
  // A stop counts as one instruction at least, so that a program that only faults comes to its turn's end.
  const std::uint64_t counted = std::max<std::uint64_t>(retired, 1);
  spend(counted);
  kernel_.clock_ns += counted * kInstructionNs;
  const bool within_quota = charge(id, counted * kInstructionNs, 0);
  if (stop.reason == Stop::Reason::budget) return deliver_signals(kernel_, id, nullptr) && within_quota;
  return act_on(id, stop) && within_quota;
}

bool Turns::charge(TaskId id, std::uint64_t user_ns, std::uint64_t system_ns) {
  account_cpu(kernel_, id, user_ns, system_ns);
  if (!charge_cpu(kernel_, id, user_ns, system_ns)) return true;
  kernel_.tasks[id].throttled = true;
  return false;
}

bool Turns::attempt_call(TaskId id) {
  const TaskId task_id = id;
  kernel_.clock_ns += kSyscallNs;
  spend(kSyscallNs / kInstructionNs);
  const bool within_quota = charge(id, 0, kSyscallNs);
  Outcome outcome = dispatch(kernel_, task_id);
  Task* task = kernel_.tasks.find(id);
  if (task == nullptr || task->state == TaskState::zombie) return false;
  if (task->memory) settle_memory(kernel_, task->memory);
  if (!outcome.blocked()) {
    complete_call(id, outcome);
    return deliver_signals(kernel_, id, nullptr) && within_quota;
  }
  task->restart.again = true;
  Block wait = std::move(outcome.wait());
  if (!deliver_signals(kernel_, id, &wait)) return false;
  task = kernel_.tasks.find(id);
  if (task == nullptr) return false;
  if (task->in_call) {
    if (task->state == TaskState::runnable) block_task(kernel_, id, std::move(wait));
    return false;
  }
  return within_quota;
}

void Turns::complete_call(TaskId id, const Outcome& outcome) {
  Task& task = kernel_.tasks[id];
  task.in_call = false;
  task.restart = RestartState{};
  task.cpu.gpr[rax] = outcome.ok() ? static_cast<std::uint64_t>(outcome.value())
                                   : static_cast<std::uint64_t>(-static_cast<std::int64_t>(outcome.error()));
  // No handler has run: the mask that sigsuspend(2), ppoll(2) ... had set goes.
  if (task.saved_mask) task.blocked_signals = *task.saved_mask;
  task.saved_mask.reset();
}

bool Turns::fault(TaskId id, int signal, int code, std::uint64_t trap, std::uint64_t address) {
  Task& task = kernel_.tasks[id];
  task.fault_number = trap;
  task.fault_address = trap == kTrapPage ? address : task.fault_address;
  SignalInfo info;
  info.signal = signal;
  info.code = code;
  info.address = address;
  force_signal(kernel_, id, info);
  return deliver_signals(kernel_, id, nullptr);
}

bool Turns::page_fault(TaskId id, const Stop& stop) {
  Task& task = kernel_.tasks[id];
  task.fault_error = 4u | (stop.access == Access::write ? 2u : 0u) | (stop.access == Access::execute ? 16u : 0u);
  switch (explain_fault(kernel_, id, stop.address, stop.access)) {
    case FaultResult::mapped:
      return true;
    case FaultResult::segv_maperr:
      return fault(id, sig_segv, kSegvMaperr, kTrapPage, stop.address);
    case FaultResult::segv_accerr:
      task.fault_error |= 1u;
      return fault(id, sig_segv, kSegvAccerr, kTrapPage, stop.address);
    case FaultResult::sigbus:
      return fault(id, sig_bus, kBusAdrerr, kTrapPage, stop.address);
    case FaultResult::out_of_memory:
      break;
  }
  // Somebody has been killed for memory. If it is not this one, the access is tried again when the victim has gone.
  const Process& process = kernel_.processes[task.process];
  bool victim_left = false;
  for (ProcessId other : kernel_.processes.ids())
    victim_left = victim_left || (kernel_.processes[other].oom_killed && !kernel_.processes[other].threads.empty());
  if (victim_left && !process.oom_killed) return false;
  if (!process.oom_killed) (void)send_signal_to_task(kernel_, id, kernel_signal(sig_kill));
  return deliver_signals(kernel_, id, nullptr);
}

bool Turns::act_on(TaskId id, const Stop& stop) {
  Task& task = kernel_.tasks[id];
  switch (stop.reason) {
    case Stop::Reason::syscall:
      task.in_call = true;
      ++task.call_count;
      task.call_number = static_cast<std::int64_t>(task.cpu.gpr[rax]);
      task.call_arguments = {task.cpu.gpr[rdi], task.cpu.gpr[rsi], task.cpu.gpr[rdx],
                             task.cpu.gpr[r10], task.cpu.gpr[r8],  task.cpu.gpr[r9]};
      return attempt_call(id);
    case Stop::Reason::page_fault:
      return page_fault(id, stop);
    case Stop::Reason::general_protection: {
      task.fault_error = 0;
      SignalInfo info = kernel_signal(sig_segv);
      task.fault_number = kTrapProtection;
      force_signal(kernel_, id, info);
      return deliver_signals(kernel_, id, nullptr);
    }
    case Stop::Reason::illegal_instruction:
      note_unimplemented(kernel_, id,
                         concat("instruction ", to_hex({reinterpret_cast<const char*>(stop.bytes.data()), stop.length}),
                                " at 0x", hexadecimal(task.cpu.rip)));
      return fault(id, sig_ill, kIllOpn, kTrapInvalid, task.cpu.rip);
    case Stop::Reason::divide_error:
      return fault(id, sig_fpe, kFpeIntdiv, kTrapDivide, task.cpu.rip);
    case Stop::Reason::simd_exception:
      return fault(id, sig_fpe, kFpeFltinv, kTrapSimd, task.cpu.rip);
    case Stop::Reason::breakpoint: {
      task.fault_number = kTrapBreakpoint;
      force_signal(kernel_, id, kernel_signal(sig_trap));
      return deliver_signals(kernel_, id, nullptr);
    }
    case Stop::Reason::debug_trap:
      return fault(id, sig_trap, kTrapTrace, 1, task.cpu.rip);
    case Stop::Reason::budget:
      break;
  }
  return true;
}

}  // namespace

RunEnd run_machine(Kernel& kernel, Interpreter& interpreter, const RunLimits& limits) {
  // The interpreter tells sources of pages by their address, and ours is a new one each time.
  interpreter.flush_tlb();
  return Turns(kernel, interpreter, limits).run();
}

}  // namespace drydock::machine
