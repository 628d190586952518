// Jcc JMP CALL RET LOOP JRCXZ ENTER LEAVE, and the end of a block. SDM vol. 2.
// Not modelled: far transfers (illegal instructions). The 66 prefix is ignored by near branches, as on Intel's
// processors.
//
// A branch within its page goes straight to the block it went to last; any other is looked up by address.

#include "machine/cpu/alu.h"
#include "machine/cpu/handlers.h"

namespace drydock::machine {

// --- conditions ------------------------------------------------------------------------------------------------------

namespace {

/// The flags as they are known to be of kind K on operands of type T.
template <FlagKind K, class T>
Flags<K, T> known_flags(const LazyFlags& flags) {
  return {static_cast<T>(flags.a), static_cast<T>(flags.b)};
}

template <unsigned Code, FlagKind K, class T>
bool condition_known(const LazyFlags& flags) {
  return condition<Code>(known_flags<K, T>(flags));
}
template <unsigned Code>
bool condition_any(const LazyFlags& flags) {
  return condition<Code>(Flags<FlagKind::stored, std::uint64_t>{arithmetic_flags(flags), 0});
}

/// choose.template operator()<Code>() for the code.
template <class Result, class Choose>
Result by_code(unsigned code, Choose choose) {
  switch (code & 15) {
    case 0:
      return choose.template operator()<0>();
    case 1:
      return choose.template operator()<1>();
    case 2:
      return choose.template operator()<2>();
    case 3:
      return choose.template operator()<3>();
    case 4:
      return choose.template operator()<4>();
    case 5:
      return choose.template operator()<5>();
    case 6:
      return choose.template operator()<6>();
    case 7:
      return choose.template operator()<7>();
    case 8:
      return choose.template operator()<8>();
    case 9:
      return choose.template operator()<9>();
    case 10:
      return choose.template operator()<10>();
    case 11:
      return choose.template operator()<11>();
    case 12:
      return choose.template operator()<12>();
    case 13:
      return choose.template operator()<13>();
    case 14:
      return choose.template operator()<14>();
    default:
      return choose.template operator()<15>();
  }
}

/// choose.template operator()<K, T>() if the kind is one that handlers are specialised for.
template <class Result, class Choose>
Result by_flags_kind(std::uint32_t kind, Choose choose) {
  switch (kind) {
    case kKnownStored:
      return choose.template operator()<FlagKind::stored, std::uint64_t>();
    case kLazyKind<FlagKind::sub, std::uint8_t>:
      return choose.template operator()<FlagKind::sub, std::uint8_t>();
    case kLazyKind<FlagKind::sub, std::uint16_t>:
      return choose.template operator()<FlagKind::sub, std::uint16_t>();
    case kLazyKind<FlagKind::sub, std::uint32_t>:
      return choose.template operator()<FlagKind::sub, std::uint32_t>();
    case kLazyKind<FlagKind::sub, std::uint64_t>:
      return choose.template operator()<FlagKind::sub, std::uint64_t>();
    case kLazyKind<FlagKind::logic, std::uint8_t>:
      return choose.template operator()<FlagKind::logic, std::uint8_t>();
    case kLazyKind<FlagKind::logic, std::uint16_t>:
      return choose.template operator()<FlagKind::logic, std::uint16_t>();
    case kLazyKind<FlagKind::logic, std::uint32_t>:
      return choose.template operator()<FlagKind::logic, std::uint32_t>();
    case kLazyKind<FlagKind::logic, std::uint64_t>:
      return choose.template operator()<FlagKind::logic, std::uint64_t>();
    case kLazyKind<FlagKind::add, std::uint32_t>:
      return choose.template operator()<FlagKind::add, std::uint32_t>();
    case kLazyKind<FlagKind::add, std::uint64_t>:
      return choose.template operator()<FlagKind::add, std::uint64_t>();
    case kLazyKind<FlagKind::dec, std::uint32_t>:
      return choose.template operator()<FlagKind::dec, std::uint32_t>();
    case kLazyKind<FlagKind::dec, std::uint64_t>:
      return choose.template operator()<FlagKind::dec, std::uint64_t>();
    default:
      return nullptr;
  }
}

}  // namespace

Condition condition_function(unsigned code, std::uint32_t flags_kind) {
  const Condition known = by_flags_kind<Condition>(flags_kind, [&]<FlagKind K, class T>() -> Condition {
    return by_code<Condition>(code, []<unsigned C>() -> Condition { return condition_known<C, K, T>; });
  });
  if (known != nullptr) return known;
  return by_code<Condition>(code, []<unsigned C>() -> Condition { return condition_any<C>; });
}

// --- Jcc -------------------------------------------------------------------------------------------------------------

namespace {

// The Op after a Jcc is the end of its block, whose link is where it goes when it is not taken.

// Goes there at once if that is known. (An end in another page never has a link.)
#define NOT_TAKEN(end)                     \
  do {                                     \
    if ((end)->link != nullptr) [[likely]] \
      ENTER((end)->link);                  \
    GO(end);                               \
  } while (false)

template <unsigned Code, FlagKind K, class T>
const Op* jcc_known(State& s, const Op* op) {
  if (condition<Code>(known_flags<K, T>(s.cpu.lazy_flags))) FOLLOW(op);
  NOT_TAKEN(op + 1);
}
template <unsigned Code>
const Op* jcc_any(State& s, const Op* op) {
  if (condition_any<Code>(s.cpu.lazy_flags)) FOLLOW(op);
  NOT_TAKEN(op + 1);
}
const Op* jcc_far(State& s, const Op* op) {
  if (op->condition(s.cpu.lazy_flags)) JUMP(op->imm);
  NEXT();
}

const Op* end_here(State& s, const Op* op) {
  FOLLOW(op);
}
const Op* end_far(State& s, const Op* op) {
  JUMP(op->imm);
}

}  // namespace

Handler end_of_block(bool same_page) {
  return same_page ? end_here : end_far;
}

Handler pick_jcc(Decoded& d, Op& op) {
  const unsigned code = d.opcode & 15;
  if (!d.same_page) {
    op.condition = condition_function(code, d.flags_kind);
    return jcc_far;
  }
  const Handler known = by_flags_kind<Handler>(d.flags_kind, [&]<FlagKind K, class T>() -> Handler {
    return by_code<Handler>(code, []<unsigned C>() -> Handler { return jcc_known<C, K, T>; });
  });
  if (known != nullptr) return known;
  return by_code<Handler>(code, []<unsigned C>() -> Handler { return jcc_any<C>; });
}

// --- CMP or TEST with the Jcc after it -------------------------------------------------------------------------------

namespace {

template <FlagKind K, class T, bool Immediate, unsigned Code>
const Op* compare_and_branch(State& s, const Op* op) {
  const T a = get_register<T>(s, op->rm);
  const T b = Immediate ? static_cast<T>(op->imm) : get_register<T>(s, op->reg);
  if constexpr (K == FlagKind::sub) {
    set_lazy<FlagKind::sub, T>(s.cpu.lazy_flags, a, b);
    if (condition<Code>(Flags<FlagKind::sub, T>{a, b})) FOLLOW(op + 1);
  } else {
    set_logic<T>(s.cpu.lazy_flags, a & b);
    if (condition<Code>(Flags<FlagKind::logic, T>{static_cast<T>(a & b), 0})) FOLLOW(op + 1);
  }
  NOT_TAKEN(op + 2);
}

template <class T, Mode M, bool Immediate, unsigned Code, bool Slowly = false>
const Op* compare_memory_and_branch(State& s, const Op* op) {
  READABLE(at, address_of<M>(s, op), sizeof(T), (compare_memory_and_branch<T, Mode::general, Immediate, Code, true>));
  const T a = peek<T>(at);
  const T b = Immediate ? static_cast<T>(op->imm) : get_register<T>(s, op->reg);
  set_lazy<FlagKind::sub, T>(s.cpu.lazy_flags, a, b);
  if (condition<Code>(Flags<FlagKind::sub, T>{a, b})) FOLLOW(op + 1);
  NOT_TAKEN(op + 2);
}

template <FlagKind K, class T>
Handler fused_registers(unsigned code, bool immediate) {
  if (immediate)
    return by_code<Handler>(code, []<unsigned C>() -> Handler { return compare_and_branch<K, T, true, C>; });
  return by_code<Handler>(code, []<unsigned C>() -> Handler { return compare_and_branch<K, T, false, C>; });
}
template <class T, Mode M>
Handler fused_memory(unsigned code, bool immediate) {
  if (immediate)
    return by_code<Handler>(code, []<unsigned C>() -> Handler { return compare_memory_and_branch<T, M, true, C>; });
  return by_code<Handler>(code, []<unsigned C>() -> Handler { return compare_memory_and_branch<T, M, false, C>; });
}

bool is_immediate(Arg arg) {
  return arg == Arg::Ib || arg == Arg::Is || arg == Arg::Iz;
}

}  // namespace

Handler fused_compare_and_branch(const Decoded& compare, const Decoded& branch) {
  if (branch.row->pick != pick_jcc || !branch.same_page) return nullptr;
  const unsigned code = branch.opcode & 15;
  const bool immediate = is_immediate(compare.row->args[1]);
  const bool is_cmp = compare.row->pick == pick_alu &&
                      (compare.opcode >= 0x80 ? (compare.reg & 7) == 7 : (compare.opcode >> 3 & 7) == 7);
  const bool is_test = compare.row->pick == pick_test;
  if (!is_cmp && !is_test) return nullptr;
  if (compare.memory()) {
    const bool memory_first = compare.row->args[0] == Arg::Eb || compare.row->args[0] == Arg::Ev;
    if (!is_cmp || !memory_first || compare.mode() == Mode::general || compare.size == 1) return nullptr;
    return by_size(compare.size, [&]<class T>() -> Handler {
      if constexpr (sizeof(T) == 2)
        return nullptr;
      else
        return compare.mode() == Mode::base ? fused_memory<T, Mode::base>(code, immediate)
                                            : fused_memory<T, Mode::indexed>(code, immediate);
    });
  }
  return by_size(compare.size, [&]<class T>() -> Handler {
    if constexpr (sizeof(T) == 2)
      return nullptr;
    else
      return is_cmp ? fused_registers<FlagKind::sub, T>(code, immediate)
                    : fused_registers<FlagKind::logic, T>(code, immediate);
  });
}

// --- JMP, CALL, RET --------------------------------------------------------------------------------------------------

namespace {

std::uint64_t next_rip(const State& s, const Op* op) {
  return s.block->rip + op->start + op->length;
}

/// CALL whose push has missed the TLB.
NOINLINE const Op* call_slowly(State& s, const Op* op, std::uint64_t target) {
  const std::uint64_t top = s.cpu.gpr[rsp] - 8;
  std::uint8_t* at = open_write(s, top, 8);
  if (at == nullptr) return leave(s, op);
  poke<std::uint64_t>(at, next_rip(s, op));
  finish_write(s);
  s.code_written = false;  // leaving is what that asks for
  s.cpu.gpr[rsp] = top;
  return leave_to(s, target);
}

const Op* jmp_here(State& s, const Op* op) {
  FOLLOW(op);
}
const Op* jmp_far(State& s, const Op* op) {
  JUMP(op->imm);
}
const Op* jmp_r(State& s, const Op* op) {
  JUMP(get_register<std::uint64_t>(s, op->rm));
}
template <bool Slowly = false>
const Op* jmp_m(State& s, const Op* op) {
  READABLE(at, address_of<Mode::general>(s, op), 8, (jmp_m<true>));
  JUMP(peek<std::uint64_t>(at));
}

#define PUSH_RETURN_ADDRESS(target)               \
  do {                                            \
    const std::uint64_t top = s.cpu.gpr[rsp] - 8; \
    std::uint8_t* slot = s.tlb.write(top, 8);     \
    if (slot == nullptr) [[unlikely]]             \
      return call_slowly(s, op, (target));        \
    poke<std::uint64_t>(slot, next_rip(s, op));   \
    s.cpu.gpr[rsp] = top;                         \
  } while (false)

const Op* call_here(State& s, const Op* op) {
  PUSH_RETURN_ADDRESS(op->imm);
  FOLLOW(op);
}
const Op* call_far(State& s, const Op* op) {
  PUSH_RETURN_ADDRESS(op->imm);
  JUMP(op->imm);
}
const Op* call_r(State& s, const Op* op) {
  const std::uint64_t target = get_register<std::uint64_t>(s, op->rm);
  PUSH_RETURN_ADDRESS(target);
  JUMP(target);
}
template <bool Slowly = false>
const Op* call_m(State& s, const Op* op) {
  READABLE(at, address_of<Mode::general>(s, op), 8, (call_m<true>));
  const std::uint64_t target = peek<std::uint64_t>(at);
  PUSH_RETURN_ADDRESS(target);
  JUMP(target);
}

template <bool Slowly = false>
const Op* ret(State& s, const Op* op) {
  READABLE(at, s.cpu.gpr[rsp], 8, (ret<true>));
  s.cpu.gpr[rsp] += 8 + op->imm;
  JUMP(peek<std::uint64_t>(at));
}

}  // namespace

Handler pick_jmp(Decoded& d, Op&) {
  if (d.row->args[0] == Arg::Eq) return d.memory() ? jmp_m<> : jmp_r;
  return d.same_page ? jmp_here : jmp_far;
}
Handler pick_call(Decoded& d, Op&) {
  if (d.row->args[0] == Arg::Eq) return d.memory() ? call_m<> : call_r;
  return d.same_page ? call_here : call_far;
}
Handler pick_ret(Decoded&, Op&) {
  return ret<>;
}

// --- LOOP, JRCXZ -----------------------------------------------------------------------------------------------------

namespace {

template <unsigned Code, bool Wide>
const Op* loop(State& s, const Op* op) {
  std::uint64_t count = s.cpu.gpr[rcx];
  if constexpr (Code != 3) s.cpu.gpr[rcx] = --count;
  if constexpr (!Wide) {
    count = static_cast<std::uint32_t>(count);
    if constexpr (Code != 3) s.cpu.gpr[rcx] = count;
  }
  bool taken = Code == 3 ? count == 0 : count != 0;
  if (Code < 2 && taken) taken = condition_any<4>(s.cpu.lazy_flags) == (Code == 1);
  if (taken) JUMP(op->imm);
  NEXT();
}

template <bool Slowly = false>
const Op* leave_frame(State& s, const Op* op) {
  const std::uint64_t frame = s.cpu.gpr[rbp];
  READABLE(at, frame, 8, (leave_frame<true>));
  s.cpu.gpr[rbp] = peek<std::uint64_t>(at);
  s.cpu.gpr[rsp] = frame + 8;
  NEXT();
}
template <bool Slowly = false>
const Op* leave_frame16(State& s, const Op* op) {
  const std::uint64_t frame = s.cpu.gpr[rbp];
  READABLE(at, frame, 2, (leave_frame16<true>));
  set_register<std::uint16_t>(s, gpr_offset(rbp), peek<std::uint16_t>(at));
  s.cpu.gpr[rsp] = frame + 2;
  NEXT();
}

template <class T>
bool copy_for_enter(State& s, std::uint64_t to, std::uint64_t from) {
  const std::uint8_t* at = readable(s, from, sizeof(T));
  if (at == nullptr) return false;
  const T value = peek<T>(at);
  std::uint8_t* place = open_write(s, to, sizeof(T));
  if (place == nullptr) return false;
  poke<T>(place, value);
  finish_write(s);
  return true;
}

/// The pushes below rsp are no state that a restart could miss, so they need not be undone when a later one faults.
template <class T>
NOINLINE bool enter_frame(State& s, unsigned locals, unsigned level) {
  std::uint64_t top = s.cpu.gpr[rsp] - sizeof(T);
  std::uint8_t* at = open_write(s, top, sizeof(T));
  if (at == nullptr) return false;
  poke<T>(at, static_cast<T>(s.cpu.gpr[rbp]));
  finish_write(s);
  const std::uint64_t frame = top;
  for (unsigned i = 1; i < level; ++i) {
    top -= sizeof(T);
    if (!copy_for_enter<T>(s, top, s.cpu.gpr[rbp] - i * sizeof(T))) return false;
  }
  if (level > 0) {
    top -= sizeof(T);
    std::uint8_t* place = open_write(s, top, sizeof(T));
    if (place == nullptr) return false;
    poke<T>(place, static_cast<T>(frame));
    finish_write(s);
  }
  // Processors check that the new top can be written.
  if (open_write(s, top - locals, sizeof(T)) == nullptr) return false;
  finish_write(s);
  set_register<T>(s, gpr_offset(rbp), static_cast<T>(frame));
  s.cpu.gpr[rsp] = top - locals;
  return true;
}

template <class T>
const Op* enter(State& s, const Op* op) {
  if (!enter_frame<T>(s, static_cast<unsigned>(op->imm >> 8), static_cast<unsigned>(op->imm & 31))) return leave(s, op);
  s.code_written = false;
  return leave_to(s, next_rip(s, op));
}

}  // namespace

Handler pick_loop(Decoded& d, Op&) {
  switch (d.opcode & 3) {
    case 0:
      return d.address32 ? loop<0, false> : loop<0, true>;
    case 1:
      return d.address32 ? loop<1, false> : loop<1, true>;
    case 2:
      return d.address32 ? loop<2, false> : loop<2, true>;
    default:
      return d.address32 ? loop<3, false> : loop<3, true>;
  }
}
Handler pick_leave(Decoded& d, Op&) {
  return d.size == 1 ? leave_frame16<> : leave_frame<>;
}
Handler pick_enter(Decoded& d, Op&) {
  return d.size == 1 ? enter<std::uint16_t> : enter<std::uint64_t>;
}

}  // namespace drydock::machine
