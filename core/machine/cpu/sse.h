#pragma once
// The shape of an SSE handler: an operation F works on a destination and a source, 16 bytes or fewer of each.
//   struct F { static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from); };
// `to` and `from` may be the same register. A 16-byte memory operand must be aligned, but for the MOVUs.

#include "machine/cpu/instruction.h"

namespace drydock::machine::sse {

using U8x16 = std::uint8_t __attribute__((vector_size(16)));
using S8x16 = std::int8_t __attribute__((vector_size(16)));
using U16x8 = std::uint16_t __attribute__((vector_size(16)));
using S16x8 = std::int16_t __attribute__((vector_size(16)));
using U32x4 = std::uint32_t __attribute__((vector_size(16)));
using S32x4 = std::int32_t __attribute__((vector_size(16)));
using U64x2 = std::uint64_t __attribute__((vector_size(16)));

enum class Alignment : std::uint8_t { required, any };

template <class F>
const Op* with_register(State& s, const Op* op) {
  F::run(s, op, register_at(s, op->reg), register_at(s, op->rm));
  NEXT();
}

template <class F, unsigned Bytes, Alignment A, Mode M, bool Slowly = false>
const Op* with_memory(State& s, const Op* op) {
  const std::uint64_t address = address_of<M>(s, op);
  if constexpr (Bytes == 16 && A == Alignment::required)
    if (address & 15) [[unlikely]]
      return leave_for(s, op, Stop::Reason::general_protection);
  READABLE(at, address, Bytes, (with_memory<F, Bytes, A, Mode::general, true>));
  F::run(s, op, register_at(s, op->reg), at);
  NEXT();
}

/// The register ModRM.reg to memory.
template <class F, unsigned Bytes, Alignment A, Mode M, bool Slowly = false>
const Op* to_memory(State& s, const Op* op) {
  const std::uint64_t address = address_of<M>(s, op);
  if constexpr (Bytes == 16 && A == Alignment::required)
    if (address & 15) [[unlikely]]
      return leave_for(s, op, Stop::Reason::general_protection);
  WRITABLE(at, address, Bytes, (to_memory<F, Bytes, A, Mode::general, true>));
  F::run(s, op, at, register_at(s, op->reg));
  NEXT();
}

/// For `reg, rm/mem`.
template <class F, unsigned Bytes = 16, Alignment A = Alignment::required>
Handler handler(const Decoded& d) {
  if (!d.memory()) return with_register<F>;
  return by_mode(d.mode(), []<Mode M>() -> Handler { return with_memory<F, Bytes, A, M>; });
}

template <class F, unsigned Bytes, Alignment A = Alignment::required>
Handler store_handler(const Decoded& d) {
  return by_mode(d.mode(), []<Mode M>() -> Handler { return to_memory<F, Bytes, A, M>; });
}

/// An operation on whole vectors.
template <class V, V (*Function)(V, V)>
struct Vector {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    poke<V>(to, Function(peek<V>(to), peek<V>(from)));
  }
};

}  // namespace drydock::machine::sse
