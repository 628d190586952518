#pragma once
// What the handlers of decoded instructions work on, and how one goes on to the next.
//
// A handler takes (State, Op) and either returns the handler of the next instruction by tail call, or, in a build
// without tail calls (DRYDOCK_TAIL_CALLS 0), returns the next Op to a loop. Both are written the same: `NEXT()` goes
// on, `return leave(s, op)` stops at this instruction. A handler keeps no local whose address is taken: clang up to 18
// leaves such a frame on WebAssembly's shadow stack when it makes a tail call. What needs one is a NOINLINE function.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "machine/cpu/cpu.h"
#include "machine/cpu/memory.h"

#ifndef DRYDOCK_TAIL_CALLS
#define DRYDOCK_TAIL_CALLS 0
#endif
#define NOINLINE __attribute__((noinline))
#if !DRYDOCK_TAIL_CALLS
#define GO(op) return (op)
#elif defined(__clang__)
#define GO(op) __attribute__((musttail)) return (op)->handler(s, (op))
#else
#define GO(op) return (op)->handler(s, (op))
#endif
#define NEXT() GO(op + 1)
#if DRYDOCK_TAIL_CALLS && defined(__clang__)
#define RETURN_CALL(handler) __attribute__((musttail)) return (handler)(s, op)
#else
#define RETURN_CALL(handler) return (handler)(s, op)
#endif

namespace drydock::machine {

struct State;
struct Op;
struct Block;
using Handler = const Op* (*)(State&, const Op*);
using Condition = bool (*)(const LazyFlags&);

/// One decoded instruction. Registers are byte offsets into State, so that AH and "no index" are registers too.
struct Op {
  Handler handler = nullptr;
  std::uint16_t reg = 0;   // the ModRM.reg operand
  std::uint16_t rm = 0;    // the ModRM.rm operand, if it is a register
  std::uint16_t base = 0;  // of the memory operand
  std::uint16_t index = 0;
  std::uint16_t segment = 0;
  std::uint8_t scale = 0;    // log2; kAddress32 is added for a 32-bit address
  std::uint8_t length = 0;   // in bytes
  std::uint16_t start = 0;   // offset in the block, in bytes
  std::uint16_t number = 0;  // in the block
  std::uint64_t displacement = 0;
  std::uint64_t imm = 0;  // of a branch: the target
  union {
    mutable const Block* link = nullptr;  // of a branch within the page: the block there, once it is known
    Condition condition;                  // of SETcc, CMOVcc and branches to other pages
  };
};
inline constexpr std::uint8_t kAddress32 = 0x80;

/// Instructions that are executed one after another. Their Ops follow it in memory, and one more: the end, which goes
/// on to what follows.
struct alignas(Op) Block {
  std::uint64_t rip = 0;
  std::uint64_t key = 0;         // code key of the page
  std::uint64_t second_key = 0;  // of the next page, for an instruction that straddles: then it is alone in its block
  bool straddles = false;
  bool single = false;  // decoded for a single step
  std::uint32_t count = 0;
  mutable std::uint32_t stamp = 0;  // ExecTlb::stamp when it was last known to be what is at rip; see JUMP
  const Block* hash_next = nullptr;

  const Op* ops() const { return reinterpret_cast<const Op*>(this + 1); }
};

/// Pages that code may be fetched from, direct-mapped. A flush changes the stamp, which is part of all valid tags.
struct ExecTlb {
  static constexpr std::uint64_t kEntries = 1024;
  struct Entry {
    std::uint64_t tag = 0;
    std::uint64_t key = 0;
  };
  std::array<Entry, kEntries> entries{};
  std::uint32_t stamp = 1;  // below kPageBytes

  Entry& entry_of(std::uint64_t rip) { return entries[(rip / kPageBytes) % kEntries]; }
  const Entry& entry_of(std::uint64_t rip) const { return entries[(rip / kPageBytes) % kEntries]; }
  std::uint64_t tag_of(std::uint64_t rip) const { return (rip & kPageMask) | stamp; }

  bool has(std::uint64_t rip, std::uint64_t key) const {
    const Entry& entry = entry_of(rip);
    return entry.tag == tag_of(rip) && entry.key == key;
  }
  /// False: stamps start again, so that whatever was marked with one must be cleared.
  bool flush() {
    if (++stamp < kPageBytes) return true;
    stamp = 1;
    entries.fill(Entry{});
    return false;
  }
};

/// Why a chain of handlers came back to Interpreter::run().
enum class Leave : std::uint8_t {
  branch,  // go on at rip; if link_from is set, remember the block that is found in it
  stop,    // State::stop says why
};

struct State {
  Cpu cpu;
  std::uint64_t zero = 0;  // the register that is not there
  std::int64_t budget = 0;
  std::int64_t budget_at_start = 0;
  const Block* block = nullptr;
  SoftTlb tlb;
  ExecTlb exec_tlb;

  static constexpr std::size_t kRecent = 8192;
  std::array<const Block*, kRecent> recent{};  // by rip; never null
  Block nowhere;                               // at no address

  void flush_code_translations() {
    if (!exec_tlb.flush()) recent.fill(&nowhere);
  }

  PageSource* source = nullptr;
  Leave leaving = Leave::branch;
  const Op* link_from = nullptr;
  Stop stop;
  bool code_written = false;  // by the current instruction: it must leave its block

  // An instruction's write that is not finished when its handler goes on: to two pages by way of `straddle`, or to a
  // page with code. The next Op's handler is put aside for one that finishes it.
  Op* hooked = nullptr;
  Handler hooked_handler = nullptr;
  std::array<std::uint8_t, 16> straddle{};       // of a write
  std::array<std::uint8_t, 16> straddle_read{};  // of a read
  std::uint8_t* straddle_first = nullptr;        // null: no straddling write is open
  std::uint8_t* straddle_second = nullptr;
  unsigned straddle_first_bytes = 0;
  unsigned straddle_bytes = 0;
};

// --- registers -------------------------------------------------------------------------------------------------------

template <class T>
inline T peek(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <class T>
inline void poke(std::uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

static_assert(offsetof(State, cpu) == 0 && offsetof(Cpu, gpr) == 0);
inline constexpr std::uint16_t kZeroRegister = offsetof(State, zero);
inline constexpr std::uint16_t gpr_offset(unsigned number) {
  return static_cast<std::uint16_t>(number * 8);
}
inline constexpr std::uint16_t xmm_offset(unsigned number) {
  return static_cast<std::uint16_t>(offsetof(Cpu, xmm) + number * 16);
}

inline std::uint8_t* register_at(State& s, std::uint16_t offset) {
  return reinterpret_cast<std::uint8_t*>(&s) + offset;
}
template <class T>
inline T get_register(State& s, std::uint16_t offset) {
  return peek<T>(register_at(s, offset));
}
/// Writing 32 bits clears the upper half; writing 8 or 16 leaves the rest.
template <class T>
inline void set_register(State& s, std::uint16_t offset, T value) {
  if constexpr (sizeof(T) == 4)
    poke<std::uint64_t>(register_at(s, offset), static_cast<std::uint32_t>(value));
  else
    poke<T>(register_at(s, offset), value);
}

// --- memory ----------------------------------------------------------------------------------------------------------

/// How an address is made up; the common ways have handlers of their own.
enum class Mode : std::uint8_t { base, indexed, general };

template <Mode M>
inline std::uint64_t address_of(State& s, const Op* op) {
  const std::uint64_t base = get_register<std::uint64_t>(s, op->base) + op->displacement;
  if constexpr (M == Mode::base) return base;
  if constexpr (M == Mode::indexed) return base + (get_register<std::uint64_t>(s, op->index) << op->scale);
  std::uint64_t address = base + (get_register<std::uint64_t>(s, op->index) << (op->scale & 3));
  if (op->scale & kAddress32) address = static_cast<std::uint32_t>(address);
  return address + get_register<std::uint64_t>(s, op->segment);
}

/// Misses. Null: State::stop has been set, and the handler must leave. What they return holds until the next call.
std::uint8_t* read_slowly(State& s, std::uint64_t address, unsigned bytes);
/// For writes that `op` does just before it goes on to the next Op (see State::hooked). All or nothing is writable.
std::uint8_t* write_slowly(State& s, const Op* op, std::uint64_t address, unsigned bytes);
/// For writes that are finished before the handler goes on or leaves: finish_write() must follow.
std::uint8_t* open_write(State& s, std::uint64_t address, unsigned bytes);
void finish_write(State& s);

inline const std::uint8_t* readable(State& s, std::uint64_t address, unsigned bytes) {
  if (const std::uint8_t* at = s.tlb.read(address, bytes)) [[likely]]
    return at;
  return read_slowly(s, address, bytes);
}
inline std::uint8_t* writable(State& s, const Op* op, std::uint64_t address, unsigned bytes) {
  if (std::uint8_t* at = s.tlb.write(address, bytes)) [[likely]]
    return at;
  return write_slowly(s, op, address, bytes);
}

/// In a handler: the host address of a guest operand, or out by the fault. A handler is a template with a last
/// parameter `Slowly`: when the TLB misses, it starts again as `slow`, which is itself with true. So the usual one
/// calls nothing, and needs no frame. (Nothing may have been changed before it.)
#define READABLE(name, address, bytes, slow)                   \
  const std::uint64_t name##_address = (address);              \
  const std::uint8_t* name;                                    \
  if (!s.tlb.can_read(name##_address, (bytes))) [[unlikely]] { \
    if constexpr (!Slowly) {                                   \
      RETURN_CALL(slow);                                       \
    } else {                                                   \
      name = read_slowly(s, name##_address, (bytes));          \
      if (name == nullptr) return leave(s, op);                \
    }                                                          \
  } else {                                                     \
    name = s.tlb.host(name##_address);                         \
  }
#define WRITABLE(name, address, bytes, slow)                    \
  const std::uint64_t name##_address = (address);               \
  std::uint8_t* name;                                           \
  if (!s.tlb.can_write(name##_address, (bytes))) [[unlikely]] { \
    if constexpr (!Slowly) {                                    \
      RETURN_CALL(slow);                                        \
    } else {                                                    \
      name = write_slowly(s, op, name##_address, (bytes));      \
      if (name == nullptr) return leave(s, op);                 \
    }                                                           \
  } else {                                                      \
    name = s.tlb.host(name##_address);                          \
  }

// --- leaving ---------------------------------------------------------------------------------------------------------

/// State::stop is set: puts rip on this instruction and takes it and what follows off the count.
const Op* leave(State& s, const Op* op);
/// The same with a reason that has no address.
const Op* leave_for(State& s, const Op* op, Stop::Reason reason);
/// After this instruction, which is done and counted (a trap).
const Op* leave_after(State& s, const Op* op, Stop::Reason reason);
/// Goes on at `rip` by way of run(), which looks everything up again.
const Op* leave_to(State& s, std::uint64_t rip);
const Op* leave_to_link(State& s, const Op* op);
/// What is mapped may have changed since the block at cpu.rip was last entered: looks at its page before run() has to.
const Op* jump_slowly(State& s, const Op* op);
/// Instructions retired in this run before `op`.
std::uint64_t retired_before(const State& s, const Op* op);

// --- going to another block ------------------------------------------------------------------------------------------

#define ENTER(block_found)                \
  do {                                    \
    const Block* entered = (block_found); \
    s.budget -= entered->count;           \
    if (s.budget < 0) [[unlikely]] {      \
      s.budget += entered->count;         \
      return leave_to(s, entered->rip);   \
    }                                     \
    s.block = entered;                    \
    GO(entered->ops());                   \
  } while (false)

/// To the fixed target of a branch, in the same page as the branch: if the block is known it is valid, because the page
/// is the one that we are in.
#define FOLLOW(branch)                    \
  do {                                    \
    const Block* linked = (branch)->link; \
    if (linked == nullptr) [[unlikely]]   \
      return leave_to_link(s, (branch));  \
    ENTER(linked);                        \
  } while (false)

inline std::size_t recent_slot(std::uint64_t rip) {
  return (rip ^ rip >> 13) % State::kRecent;
}

/// To any address.
#define JUMP(target)                                                         \
  do {                                                                       \
    const std::uint64_t to = (target);                                       \
    const Block* found = s.recent[recent_slot(to)];                          \
    if (found->rip != to || found->stamp != s.exec_tlb.stamp) [[unlikely]] { \
      s.cpu.rip = to;                                                        \
      RETURN_CALL(jump_slowly);                                              \
    }                                                                        \
    ENTER(found);                                                            \
  } while (false)

}  // namespace drydock::machine
