// Moves between xmm registers, memory and general registers, and MOVMSK, PEXTRW, PINSRW. SDM vol. 2.
// Not modelled: the forms with MMX registers.

#include "machine/cpu/handlers.h"
#include "machine/cpu/sse.h"

namespace drydock::machine {
namespace {

using sse::Alignment;

template <unsigned Bytes>
struct Copy {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) { std::memmove(to, from, Bytes); }
};
/// The rest of the register is cleared.
template <unsigned Bytes>
struct CopyAndClear {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    using T = std::conditional_t<Bytes == 4, std::uint32_t, std::uint64_t>;
    const std::uint64_t value = peek<T>(from);
    poke<std::uint64_t>(to, value);
    poke<std::uint64_t>(to + 8, 0);
  }
};
template <unsigned To, unsigned From>
struct CopyHalf {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    poke<std::uint64_t>(to + To, peek<std::uint64_t>(from + From));
  }
};

/// With the operands the other way round: ModRM.rm is the destination.
template <class F>
const Op* reversed(State& s, const Op* op) {
  F::run(s, op, register_at(s, op->rm), register_at(s, op->reg));
  NEXT();
}

/// MOVUPS, MOVSS and the like: by their bytes, or as a whole.
template <unsigned Bytes, Alignment A>
Handler load(const Decoded& d) {
  if constexpr (Bytes == 16)
    return sse::handler<Copy<16>, 16, A>(d);
  else
    return d.memory() ? sse::handler<CopyAndClear<Bytes>, Bytes>(d) : sse::handler<Copy<Bytes>, Bytes>(d);
}
template <unsigned Bytes, Alignment A>
Handler store(const Decoded& d) {
  if (!d.memory()) return reversed<Copy<Bytes>>;
  return sse::store_handler<Copy<Bytes>, Bytes, A>(d);
}

// MOVD, MOVQ with a general register.

template <class T>
const Op* from_general(State& s, const Op* op) {
  std::uint8_t* to = register_at(s, op->reg);
  poke<std::uint64_t>(to, get_register<T>(s, op->rm));
  poke<std::uint64_t>(to + 8, 0);
  NEXT();
}
template <class T>
const Op* to_general(State& s, const Op* op) {
  set_register<T>(s, op->rm, peek<T>(register_at(s, op->reg)));
  NEXT();
}
Handler movd_load(const Decoded& d) {
  if (d.rex_w()) return d.memory() ? sse::handler<CopyAndClear<8>, 8>(d) : from_general<std::uint64_t>;
  return d.memory() ? sse::handler<CopyAndClear<4>, 4>(d) : from_general<std::uint32_t>;
}
Handler movd_store(const Decoded& d) {
  if (d.rex_w()) return d.memory() ? sse::store_handler<Copy<8>, 8>(d) : to_general<std::uint64_t>;
  return d.memory() ? sse::store_handler<Copy<4>, 4>(d) : to_general<std::uint32_t>;
}

const Op* movq_rm_reg(State& s, const Op* op) {
  CopyAndClear<8>::run(s, op, register_at(s, op->rm), register_at(s, op->reg));
  NEXT();
}

// MOVMSKPS, MOVMSKPD, PMOVMSKB

template <class T, unsigned Count>
const Op* mask_of_signs(State& s, const Op* op) {
  const std::uint8_t* from = register_at(s, op->rm);
  std::uint32_t mask = 0;
  for (unsigned i = 0; i < Count; ++i)
    mask |= static_cast<std::uint32_t>(peek<T>(from + i * sizeof(T)) >> (sizeof(T) * 8 - 1)) << i;
  set_register<std::uint32_t>(s, op->reg, mask);
  NEXT();
}

/// The sign bits of eight bytes, gathered by one multiplication.
std::uint32_t eight_signs(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(((bytes >> 7 & 0x0101010101010101) * 0x0102040810204080) >> 56);
}
const Op* pmovmskb(State& s, const Op* op) {
  const std::uint8_t* from = register_at(s, op->rm);
  const std::uint32_t low = eight_signs(peek<std::uint64_t>(from));
  const std::uint32_t high = eight_signs(peek<std::uint64_t>(from + 8));
  set_register<std::uint32_t>(s, op->reg, low | high << 8);
  NEXT();
}

const Op* pextrw(State& s, const Op* op) {
  set_register<std::uint32_t>(s, op->reg, peek<std::uint16_t>(register_at(s, op->rm) + (op->imm & 7) * 2));
  NEXT();
}
const Op* pinsrw_r(State& s, const Op* op) {
  poke<std::uint16_t>(register_at(s, op->reg) + (op->imm & 7) * 2, get_register<std::uint16_t>(s, op->rm));
  NEXT();
}
struct Pinsrw {
  static void run(State&, const Op* op, std::uint8_t* to, const std::uint8_t* from) {
    poke<std::uint16_t>(to + (op->imm & 7) * 2, peek<std::uint16_t>(from));
  }
};

/// Bytes whose mask has its top bit set go to [rdi].
NOINLINE bool store_masked(State& s, const Op* op) {
  const std::uint8_t* from = register_at(s, op->reg);
  const std::uint8_t* mask = register_at(s, op->rm);
  std::uint64_t address = s.cpu.gpr[rdi];
  if (op->scale & kAddress32) address = static_cast<std::uint32_t>(address);
  std::uint8_t* to = open_write(s, address + get_register<std::uint64_t>(s, op->segment), 16);
  if (to == nullptr) return false;
  for (unsigned i = 0; i < 16; ++i)
    if (mask[i] & 0x80) to[i] = from[i];
  finish_write(s);
  return true;
}
const Op* maskmovdqu(State& s, const Op* op) {
  if (!store_masked(s, op)) return leave(s, op);
  s.code_written = false;
  return leave_to(s, s.block->rip + op->start + op->length);
}

Handler pick_half(const Decoded& d) {
  const bool high = d.opcode >= 0x16;
  if (d.opcode & 1) return high ? sse::store_handler<CopyHalf<0, 8>, 8>(d) : sse::store_handler<CopyHalf<0, 0>, 8>(d);
  if (!d.memory()) return high ? sse::with_register<CopyHalf<8, 0>> : sse::with_register<CopyHalf<0, 8>>;
  return high ? sse::handler<CopyHalf<8, 0>, 8>(d) : sse::handler<CopyHalf<0, 0>, 8>(d);
}

}  // namespace

Handler pick_sse_move(Decoded& d, Op&) {
  const Prefix prefix = d.row->prefix;
  switch (d.opcode) {
    case 0x10:
      if (prefix == Prefix::pF3) return load<4, Alignment::any>(d);
      return prefix == Prefix::pF2 ? load<8, Alignment::any>(d) : load<16, Alignment::any>(d);
    case 0x11:
      if (prefix == Prefix::pF3) return store<4, Alignment::any>(d);
      return prefix == Prefix::pF2 ? store<8, Alignment::any>(d) : store<16, Alignment::any>(d);
    case 0x12:
    case 0x13:
    case 0x16:
    case 0x17:
      return pick_half(d);
    case 0x28:
      return load<16, Alignment::required>(d);
    case 0x29:
    case 0x2b:
    case 0xe7:
      return store<16, Alignment::required>(d);
    case 0x6f:
      return prefix == Prefix::pF3 ? load<16, Alignment::any>(d) : load<16, Alignment::required>(d);
    case 0x7f:
      return prefix == Prefix::pF3 ? store<16, Alignment::any>(d) : store<16, Alignment::required>(d);
    case 0x50:
      return prefix == Prefix::p66 ? mask_of_signs<std::uint64_t, 2> : mask_of_signs<std::uint32_t, 4>;
    case 0x6e:
      return movd_load(d);
    case 0x7e:
      return prefix == Prefix::pF3 ? sse::handler<CopyAndClear<8>, 8>(d) : movd_store(d);
    case 0xd6:
      return d.memory() ? sse::store_handler<Copy<8>, 8>(d) : movq_rm_reg;
    case 0xd7:
      return pmovmskb;
    case 0xc4:
      return d.memory() ? sse::handler<Pinsrw, 2>(d) : pinsrw_r;
    case 0xc5:
      return pextrw;
    case 0xf7:
      return maskmovdqu;
    default:
      return nullptr;
  }
}

}  // namespace drydock::machine
