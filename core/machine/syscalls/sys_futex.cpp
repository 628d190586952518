// futex(2): WAIT, WAKE, WAIT_BITSET, WAKE_BITSET, REQUEUE, CMP_REQUEUE, WAKE_OP; robust lists.
// Not modelled: priority inheritance (ENOSYS, told as unimplemented).

#include <algorithm>

#include "base/text.h"
#include "machine/kernel/futex.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/schedule.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/system_calls.h"
#include "machine/syscalls/time_values.h"

namespace drydock::machine {
namespace {

constexpr std::uint32_t kWait = 0, kWake = 1, kRequeue = 3, kCmpRequeue = 4, kWakeOp = 5, kWaitBitset = 9,
                        kWakeBitset = 10;
constexpr std::uint32_t kPrivate = 128, kClockRealtime = 256;

// Kept over the attempts: scratch[0] the bits, scratch[1] set by futex_wake(), scratch[2] the key (REQUEUE moves it).
Outcome wait_on_word(const Call& call, std::uint32_t bits, bool absolute, bool wall_clock) {
  Task& task = call.self();
  RestartState& kept = task.restart;
  if (bits == 0) return Errno::einval;
  if (!kept.again) {
    if (call.address(3) != 0) {
      const std::uint64_t timeout = TRY(read_timespec(call, call.address(3)));
      const std::uint64_t now = wall_clock ? static_cast<std::uint64_t>(call.kernel.wall_ns()) : call.kernel.clock_ns;
      kept.deadline_ns = deadline_after(call.kernel, !absolute ? timeout : timeout > now ? timeout - now : 0);
    }
    const std::uint64_t key = TRY(futex_key(call, call.address(0), (call.u32(1) & kPrivate) != 0));
    if (TRY(call.load32(call.address(0))) != call.u32(2)) return Errno::eagain;
    kept.scratch = {bits, 0, key, 0};
  }
  if (kept.scratch[1] != 0) return done();
  if (kept.deadline_ns && *kept.deadline_ns <= call.kernel.clock_ns) return Errno::etimedout;
  // With a timeout it is not restarted after a handler: signal(7).
  return Block{{{WaitKind::futex, kept.scratch[2]}},
               kept.deadline_ns,
               kept.deadline_ns ? Interruption::eintr : Interruption::restart,
               std::nullopt};
}

Outcome requeue(const Call& call, bool compare) {
  const bool is_private = (call.u32(1) & kPrivate) != 0;
  const std::int32_t wake_count = call.i32(2), move_count = call.i32(3);
  if (wake_count < 0 || move_count < 0) return Errno::einval;
  const std::uint64_t from = TRY(futex_key(call, call.address(0), is_private));
  const std::uint64_t to = TRY(futex_key(call, call.address(4), is_private));
  if (compare && TRY(call.load32(call.address(0))) != call.u32(5)) return Errno::eagain;
  Kernel& kernel = call.kernel;
  const std::uint32_t woken = futex_wake(kernel, from, static_cast<std::uint32_t>(wake_count), ~0u);
  std::vector<TaskId> moved;
  auto [first, last] = kernel.sleepers.equal_range({WaitKind::futex, from});
  for (; first != last && moved.size() < static_cast<std::size_t>(move_count); ++first) moved.push_back(first->second);
  for (TaskId id : moved) {
    Block wait = kernel.tasks[id].wait;
    leave_queues(kernel, id);
    wait.keys = {{WaitKind::futex, to}};
    kernel.tasks[id].restart.scratch[2] = to;
    block_task(kernel, id, std::move(wait));
  }
  return static_cast<std::int64_t>(woken + (compare ? moved.size() : 0));
}

std::uint32_t operated(std::uint32_t operation, std::uint32_t old, std::uint32_t argument) {
  switch (operation) {
    case 0:
      return argument;
    case 1:
      return old + argument;
    case 2:
      return old | argument;
    case 3:
      return old & ~argument;
    default:
      return old ^ argument;
  }
}

bool compares(std::uint32_t comparison, std::int32_t old, std::int32_t argument) {
  switch (comparison) {
    case 0:
      return old == argument;
    case 1:
      return old != argument;
    case 2:
      return old < argument;
    case 3:
      return old <= argument;
    case 4:
      return old > argument;
    default:
      return old >= argument;
  }
}

Outcome wake_op(const Call& call) {
  const bool is_private = (call.u32(1) & kPrivate) != 0;
  const std::uint64_t first = TRY(futex_key(call, call.address(0), is_private));
  const std::uint64_t second = TRY(futex_key(call, call.address(4), is_private));
  const std::uint32_t code = call.u32(5);
  const std::uint32_t operation = code >> 28 & 7, comparison = code >> 24 & 15;
  if (operation > 4 || comparison > 5) return Errno::enosys;
  // Both arguments are signed numbers of 12 bits.
  const auto widened = [](std::uint32_t value) { return static_cast<std::int32_t>(value << 20) >> 20; };
  std::uint32_t argument = static_cast<std::uint32_t>(widened(code >> 12 & 0xfff));
  if ((code >> 31) != 0) argument = 1u << (argument & 31);
  const std::uint32_t old = TRY(call.load32(call.address(4)));
  TRY(call.store32(call.address(4), operated(operation, old, argument)));
  std::uint32_t woken = futex_wake(call.kernel, first, std::max(call.u32(2), 1u), ~0u);
  if (compares(comparison, static_cast<std::int32_t>(old), widened(code & 0xfff)))
    woken += futex_wake(call.kernel, second, std::max(call.u32(3), 1u), ~0u);
  return std::int64_t{woken};
}

Outcome wake_word(const Call& call, std::uint32_t bits) {
  if (bits == 0) return Errno::einval;
  const std::uint64_t key = TRY(futex_key(call, call.address(0), (call.u32(1) & kPrivate) != 0));
  return std::int64_t{futex_wake(call.kernel, key, std::max(call.u32(2), 1u), bits)};
}

}  // namespace

Outcome sys_futex(const Call& call) {
  const std::uint32_t operation = call.u32(1);
  const bool wall_clock = (operation & kClockRealtime) != 0;
  const std::uint32_t command = operation & ~(kPrivate | kClockRealtime);
  if (wall_clock && command != kWait && command != kWaitBitset) return Errno::enosys;
  switch (command) {
    case kWait:
      return wait_on_word(call, ~0u, false, wall_clock);
    case kWaitBitset:
      return wait_on_word(call, call.u32(5), true, wall_clock);
    case kWake:
      return wake_word(call, ~0u);
    case kWakeBitset:
      return wake_word(call, call.u32(5));
    case kRequeue:
      return requeue(call, false);
    case kCmpRequeue:
      return requeue(call, true);
    case kWakeOp:
      return wake_op(call);
    default:
      note_unimplemented(call.kernel, call.task, concat("futex operation ", command));
      return Errno::enosys;
  }
}

Outcome sys_set_robust_list(const Call& call) {
  constexpr std::uint64_t head_bytes = 24;
  if (call.u64(1) != head_bytes) return Errno::einval;
  call.self().robust_list = call.address(0);
  return done();
}

Outcome sys_get_robust_list(const Call& call) {
  const TaskId task = call.i32(0) == 0 ? call.task : find_task(call.kernel, call.self().pid_namespace, call.i32(0));
  if (!task) return Errno::esrch;
  if (call.kernel.tasks[task].process != call.self().process && call.credentials().euid != 0) return Errno::eperm;
  TRY(call.store64(call.address(2), 24));
  TRY(call.store64(call.address(1), call.kernel.tasks[task].robust_list));
  return done();
}

}  // namespace drydock::machine
