// MOV MOVZX MOVSX MOVSXD LEA XCHG PUSH POP CMOVcc SETcc BSWAP CBW CWD XLAT and their sizes. SDM vol. 2.
// Segment registers are not modelled: MOV to and from them is an illegal instruction.

#include <type_traits>

#include "machine/cpu/flags.h"
#include "machine/cpu/handlers.h"

namespace drydock::machine {
namespace {

template <class T>
const Op* mov_rr(State& s, const Op* op) {
  set_register<T>(s, op->rm, get_register<T>(s, op->reg));
  NEXT();
}
template <class T>
const Op* mov_ri(State& s, const Op* op) {
  set_register<T>(s, op->rm, static_cast<T>(op->imm));
  NEXT();
}
template <class T, Mode M, bool Slowly = false>
const Op* mov_rm(State& s, const Op* op) {
  READABLE(at, address_of<M>(s, op), sizeof(T), (mov_rm<T, Mode::general, true>));
  set_register<T>(s, op->reg, peek<T>(at));
  NEXT();
}
template <class T, Mode M, bool Slowly = false>
const Op* mov_mr(State& s, const Op* op) {
  WRITABLE(at, address_of<M>(s, op), sizeof(T), (mov_mr<T, Mode::general, true>));
  poke<T>(at, get_register<T>(s, op->reg));
  NEXT();
}
template <class T, Mode M, bool Slowly = false>
const Op* mov_mi(State& s, const Op* op) {
  WRITABLE(at, address_of<M>(s, op), sizeof(T), (mov_mi<T, Mode::general, true>));
  poke<T>(at, static_cast<T>(op->imm));
  NEXT();
}

bool is_general(Arg arg) {
  return arg == Arg::Gb || arg == Arg::Gv || arg == Arg::Gy;
}
bool is_offset(Arg arg) {
  return arg == Arg::Ob || arg == Arg::Ov;
}
bool is_immediate(Arg arg) {
  return arg == Arg::Ib || arg == Arg::Iz || arg == Arg::Iv;
}

template <class T>
Handler mov_handler(const Decoded& d, Op& op) {
  const Arg first = d.row->args[0];
  const Arg second = d.row->args[1];
  const bool memory = d.memory() || is_offset(first) || is_offset(second);
  if (!memory) {
    if (is_immediate(second)) return mov_ri<T>;
    if (is_general(first)) std::swap(op.rm, op.reg);
    return mov_rr<T>;
  }
  const bool load = is_general(first) || is_offset(second);
  return by_mode(d.mode(), [&]<Mode M>() -> Handler {
    if (load) return mov_rm<T, M>;
    return is_immediate(second) ? mov_mi<T, M> : mov_mr<T, M>;
  });
}

// --- MOVZX, MOVSX ----------------------------------------------------------------------------------------------------

/// S and T both signed or both unsigned: source and destination.
template <class S, class T>
const Op* extend_r(State& s, const Op* op) {
  using U = std::make_unsigned_t<T>;
  set_register<U>(s, op->reg, static_cast<U>(static_cast<T>(get_register<S>(s, op->rm))));
  NEXT();
}
template <class S, class T, Mode M, bool Slowly = false>
const Op* extend_m(State& s, const Op* op) {
  using U = std::make_unsigned_t<T>;
  READABLE(at, address_of<M>(s, op), sizeof(S), (extend_m<S, T, Mode::general, true>));
  set_register<U>(s, op->reg, static_cast<U>(static_cast<T>(peek<S>(at))));
  NEXT();
}

template <class S, class T>
Handler extend_handler(const Decoded& d) {
  if (!d.memory()) return extend_r<S, T>;
  return by_mode(d.mode(), []<Mode M>() -> Handler { return extend_m<S, T, M>; });
}

template <class S, bool Signed>
Handler extend_from(const Decoded& d) {
  return by_word_size(d.size, [&]<class U>() -> Handler {
    using T = std::conditional_t<Signed, std::make_signed_t<U>, U>;
    return extend_handler<S, T>(d);
  });
}

}  // namespace

Handler pick_mov(Decoded& d, Op& op) {
  if (d.row->args[0] == Arg::Ey && !d.memory()) return nullptr;  // MOVNTI
  return by_size(d.size, [&]<class T>() -> Handler { return mov_handler<T>(d, op); });
}

Handler pick_extend(Decoded& d, Op& op) {
  if (d.row->map == 0) return extend_from<std::int32_t, true>(d);  // MOVSXD
  // The operand size is the destination's, which an Eb among the operands hides.
  d.size = d.rex_w() ? 3 : d.operand16 ? 1 : 2;
  op.reg = gpr_offset(d.reg);
  switch (d.opcode) {
    case 0xb6:
      return extend_from<std::uint8_t, false>(d);
    case 0xb7:
      return extend_from<std::uint16_t, false>(d);
    case 0xbe:
      return extend_from<std::int8_t, true>(d);
    default:
      return extend_from<std::int16_t, true>(d);
  }
}

namespace {

template <class T, Mode M>
const Op* lea(State& s, const Op* op) {
  set_register<T>(s, op->reg, static_cast<T>(address_of<M>(s, op)));
  NEXT();
}

template <class T>
const Op* xchg_r(State& s, const Op* op) {
  const T a = get_register<T>(s, op->rm);
  set_register<T>(s, op->rm, get_register<T>(s, op->reg));
  set_register<T>(s, op->reg, a);
  NEXT();
}
template <class T, bool Slowly = false>
const Op* xchg_m(State& s, const Op* op) {
  WRITABLE(at, address_of<Mode::general>(s, op), sizeof(T), (xchg_m<T, true>));
  const T a = peek<T>(at);
  poke<T>(at, get_register<T>(s, op->reg));
  set_register<T>(s, op->reg, a);
  NEXT();
}

}  // namespace

Handler pick_lea(Decoded& d, Op& op) {
  // A segment base is not part of the effective address.
  op.segment = kZeroRegister;
  return by_word_size(
      d.size, [&]<class T>() -> Handler { return by_mode(d.mode(), []<Mode M>() -> Handler { return lea<T, M>; }); });
}

Handler pick_xchg(Decoded& d, Op& op) {
  // 90 is a NOP (F3 90 is PAUSE): it does not clear the upper half of rax.
  if (d.opcode == 0x90 && (d.rex & 1) == 0) return pick_nop(d, op);
  return by_size(d.size, [&]<class T>() -> Handler { return d.memory() ? xchg_m<T> : xchg_r<T>; });
}

// --- PUSH, POP -------------------------------------------------------------------------------------------------------

namespace {

template <class T, bool Slowly = false>
const Op* push_r(State& s, const Op* op) {
  const std::uint64_t top = s.cpu.gpr[rsp] - sizeof(T);
  WRITABLE(at, top, sizeof(T), (push_r<T, true>));
  poke<T>(at, get_register<T>(s, op->rm));
  s.cpu.gpr[rsp] = top;
  NEXT();
}
template <class T, bool Slowly = false>
const Op* push_i(State& s, const Op* op) {
  const std::uint64_t top = s.cpu.gpr[rsp] - sizeof(T);
  WRITABLE(at, top, sizeof(T), (push_i<T, true>));
  poke<T>(at, static_cast<T>(op->imm));
  s.cpu.gpr[rsp] = top;
  NEXT();
}
template <class T, bool Slowly = false>
const Op* push_m(State& s, const Op* op) {
  READABLE(from, address_of<Mode::general>(s, op), sizeof(T), (push_m<T, true>));
  const T value = peek<T>(from);
  const std::uint64_t top = s.cpu.gpr[rsp] - sizeof(T);
  WRITABLE(at, top, sizeof(T), (push_m<T, true>));
  poke<T>(at, value);
  s.cpu.gpr[rsp] = top;
  NEXT();
}
template <class T, bool Slowly = false>
const Op* pop_r(State& s, const Op* op) {
  READABLE(at, s.cpu.gpr[rsp], sizeof(T), (pop_r<T, true>));
  const T value = peek<T>(at);
  s.cpu.gpr[rsp] += sizeof(T);
  set_register<T>(s, op->rm, value);
  NEXT();
}
template <class T, bool Slowly = false>
const Op* pop_m(State& s, const Op* op) {
  READABLE(from, s.cpu.gpr[rsp], sizeof(T), (pop_m<T, true>));
  const T value = peek<T>(from);
  // An address made with rsp uses its new value.
  s.cpu.gpr[rsp] += sizeof(T);
  std::uint8_t* at = writable(s, op, address_of<Mode::general>(s, op), sizeof(T));
  if (at == nullptr) [[unlikely]] {
    s.cpu.gpr[rsp] -= sizeof(T);
    return leave(s, op);
  }
  poke<T>(at, value);
  NEXT();
}

// Two of them, or POP and RET, one after the other: one look at the TLB for both. If it misses, each for itself.

const Op* push_two(State& s, const Op* op) {
  const std::uint64_t top = s.cpu.gpr[rsp] - 16;
  std::uint8_t* at = s.tlb.write(top, 16);
  if (at == nullptr) [[unlikely]]
    RETURN_CALL(push_r<std::uint64_t>);
  poke<std::uint64_t>(at + 8, get_register<std::uint64_t>(s, op->rm));
  poke<std::uint64_t>(at, get_register<std::uint64_t>(s, op[1].rm));
  s.cpu.gpr[rsp] = top;
  GO(op + 2);
}
const Op* pop_two(State& s, const Op* op) {
  const std::uint8_t* at = s.tlb.read(s.cpu.gpr[rsp], 16);
  if (at == nullptr) [[unlikely]]
    RETURN_CALL(pop_r<std::uint64_t>);
  const std::uint64_t second = peek<std::uint64_t>(at + 8);
  poke<std::uint64_t>(register_at(s, op->rm), peek<std::uint64_t>(at));
  poke<std::uint64_t>(register_at(s, op[1].rm), second);
  s.cpu.gpr[rsp] += 16;
  GO(op + 2);
}

const Op* pop_and_return(State& s, const Op* op) {
  if (!s.tlb.can_read(s.cpu.gpr[rsp], 16)) [[unlikely]]
    RETURN_CALL(pop_r<std::uint64_t>);
  const std::uint8_t* at = s.tlb.host(s.cpu.gpr[rsp]);
  poke<std::uint64_t>(register_at(s, op->rm), peek<std::uint64_t>(at));
  s.cpu.gpr[rsp] += 16 + op[1].imm;
  JUMP(peek<std::uint64_t>(at + 8));
}

}  // namespace

Handler fused_stack(const Decoded& first, const Decoded& second) {
  const auto plain = [](const Decoded& d, Pick pick) {
    // rsp as an operand changes between the two.
    const unsigned number = (d.opcode & 7) | (d.rex & 1) << 3;
    return d.row->pick == pick && d.row->args[0] == Arg::Zv && d.size == 3 && number != rsp;
  };
  if (plain(first, pick_push) && plain(second, pick_push)) return push_two;
  if (plain(first, pick_pop) && plain(second, pick_pop)) return pop_two;
  if (plain(first, pick_pop) && second.row->pick == pick_ret) return pop_and_return;
  return nullptr;
}

Handler pick_push(Decoded& d, Op&) {
  const Arg arg = d.row->args[0];
  const bool word = d.size == 1;
  if (arg == Arg::Is || arg == Arg::Iz) return word ? push_i<std::uint16_t> : push_i<std::uint64_t>;
  if (d.memory()) return word ? push_m<std::uint16_t> : push_m<std::uint64_t>;
  return word ? push_r<std::uint16_t> : push_r<std::uint64_t>;
}
Handler pick_pop(Decoded& d, Op&) {
  const bool word = d.size == 1;
  if (d.memory()) return word ? pop_m<std::uint16_t> : pop_m<std::uint64_t>;
  return word ? pop_r<std::uint16_t> : pop_r<std::uint64_t>;
}

// --- by condition ----------------------------------------------------------------------------------------------------

namespace {

template <class T>
const Op* cmov_r(State& s, const Op* op) {
  // A 32-bit destination is cleared above even when nothing is moved.
  const T value = op->condition(s.cpu.lazy_flags) ? get_register<T>(s, op->rm) : get_register<T>(s, op->reg);
  set_register<T>(s, op->reg, value);
  NEXT();
}
template <class T, Mode M, bool Slowly = false>
const Op* cmov_m(State& s, const Op* op) {
  READABLE(at, address_of<M>(s, op), sizeof(T), (cmov_m<T, Mode::general, true>));
  const T source = peek<T>(at);
  const T value = op->condition(s.cpu.lazy_flags) ? source : get_register<T>(s, op->reg);
  set_register<T>(s, op->reg, value);
  NEXT();
}

const Op* setcc_r(State& s, const Op* op) {
  set_register<std::uint8_t>(s, op->rm, op->condition(s.cpu.lazy_flags));
  NEXT();
}
template <bool Slowly = false>
const Op* setcc_m(State& s, const Op* op) {
  WRITABLE(at, address_of<Mode::general>(s, op), 1, (setcc_m<true>));
  *at = op->condition(s.cpu.lazy_flags);
  NEXT();
}

}  // namespace

Handler pick_cmov(Decoded& d, Op& op) {
  op.condition = condition_function(d.opcode & 15, d.flags_kind);
  return by_word_size(d.size, [&]<class T>() -> Handler {
    if (!d.memory()) return cmov_r<T>;
    return by_mode(d.mode(), []<Mode M>() -> Handler { return cmov_m<T, M>; });
  });
}
Handler pick_setcc(Decoded& d, Op& op) {
  op.condition = condition_function(d.opcode & 15, d.flags_kind);
  return d.memory() ? setcc_m<> : setcc_r;
}

// --- within the accumulator ------------------------------------------------------------------------------------------

namespace {

const Op* bswap16(State& s, const Op* op) {  // undefined by the SDM; processors clear the word
  set_register<std::uint16_t>(s, op->rm, 0);
  NEXT();
}
const Op* bswap32(State& s, const Op* op) {
  set_register<std::uint32_t>(s, op->rm, __builtin_bswap32(get_register<std::uint32_t>(s, op->rm)));
  NEXT();
}
const Op* bswap64(State& s, const Op* op) {
  set_register<std::uint64_t>(s, op->rm, __builtin_bswap64(get_register<std::uint64_t>(s, op->rm)));
  NEXT();
}

template <class S, class T>
const Op* widen(State& s, const Op* op) {
  using U = std::make_unsigned_t<T>;
  set_register<U>(s, gpr_offset(rax), static_cast<U>(static_cast<T>(get_register<S>(s, gpr_offset(rax)))));
  NEXT();
}
template <class T>
const Op* sign_to_rdx(State& s, const Op* op) {
  const bool negative = get_register<T>(s, gpr_offset(rax)) >> (kBits<T> - 1);
  set_register<T>(s, gpr_offset(rdx), negative ? static_cast<T>(~T{0}) : T{0});
  NEXT();
}
template <bool Slowly = false>
const Op* xlat(State& s, const Op* op) {
  std::uint64_t address = s.cpu.gpr[rbx] + (s.cpu.gpr[rax] & 0xff);
  if (op->scale & kAddress32) address = static_cast<std::uint32_t>(address);
  READABLE(at, address + get_register<std::uint64_t>(s, op->segment), 1, (xlat<true>));
  set_register<std::uint8_t>(s, gpr_offset(rax), *at);
  NEXT();
}

}  // namespace

Handler pick_bswap(Decoded& d, Op&) {
  return d.size == 3 ? bswap64 : d.size == 2 ? bswap32 : bswap16;
}
Handler pick_widen_accumulator(Decoded& d, Op&) {
  if (d.size == 1) return widen<std::int8_t, std::int16_t>;
  return d.size == 2 ? widen<std::int16_t, std::int32_t> : widen<std::int32_t, std::int64_t>;
}
Handler pick_sign_to_rdx(Decoded& d, Op&) {
  return by_word_size(d.size, []<class T>() -> Handler { return sign_to_rdx<T>; });
}
Handler pick_xlat(Decoded&, Op&) {
  return xlat<>;
}

}  // namespace drydock::machine
