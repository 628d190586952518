// Integer arithmetic, comparison, shifts and shuffles of SSE2. SDM vol. 2.

#include <algorithm>
#include <limits>

#include "machine/cpu/handlers.h"
#include "machine/cpu/sse.h"

namespace drydock::machine {
namespace {

using namespace sse;

// --- lane by lane, as the compiler's vectors do it -------------------------------------------------------------------

template <class V>
V add(V a, V b) {
  return a + b;
}
template <class V>
V subtract(V a, V b) {
  return a - b;
}
template <class V>
V equal(V a, V b) {
  return reinterpret_cast<V>(a == b);
}
template <class V>
V greater(V a, V b) {
  return reinterpret_cast<V>(a > b);
}
template <class V>
V smaller_of(V a, V b) {
  return a < b ? a : b;
}
template <class V>
V larger_of(V a, V b) {
  return a > b ? a : b;
}
inline U64x2 bit_and(U64x2 a, U64x2 b) {
  return a & b;
}
inline U64x2 bit_and_not(U64x2 a, U64x2 b) {
  return ~a & b;
}
inline U64x2 bit_or(U64x2 a, U64x2 b) {
  return a | b;
}
inline U64x2 bit_xor(U64x2 a, U64x2 b) {
  return a ^ b;
}
inline U16x8 multiply_low(U16x8 a, U16x8 b) {
  return a * b;
}
inline U64x2 multiply_even(U64x2 a, U64x2 b) {
  return (a & 0xffffffff) * (b & 0xffffffff);
}

template <class V, V (*Function)(V, V)>
Handler vector(const Decoded& d) {
  return sse::handler<Vector<V, Function>>(d);
}

// --- lane by lane, in a wider type -----------------------------------------------------------------------------------

template <class T>
T saturate(std::int32_t value) {
  return static_cast<T>(std::clamp<std::int32_t>(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}

template <class T>
struct AddSaturated {
  static T lane(std::int32_t a, std::int32_t b) { return saturate<T>(a + b); }
};
template <class T>
struct SubtractSaturated {
  static T lane(std::int32_t a, std::int32_t b) { return saturate<T>(a - b); }
};
template <class T>
struct Average {
  static T lane(std::int32_t a, std::int32_t b) { return static_cast<T>((a + b + 1) >> 1); }
};
template <class T>
struct MultiplyHigh {
  static T lane(std::int32_t a, std::int32_t b) { return static_cast<T>((static_cast<std::int64_t>(a) * b) >> 16); }
};

template <template <class> class F, class T>
struct Lanes {
  NOINLINE static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    for (unsigned i = 0; i < 16; i += sizeof(T)) poke<T>(to + i, F<T>::lane(peek<T>(to + i), peek<T>(from + i)));
  }
};

// --- across lanes ----------------------------------------------------------------------------------------------------

template <class From, class To>
struct Pack {
  NOINLINE static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    std::uint8_t result[16];
    for (unsigned i = 0; i < 16 / sizeof(From); ++i) {
      poke<To>(result + i * sizeof(To), saturate<To>(peek<From>(to + i * sizeof(From))));
      poke<To>(result + 8 + i * sizeof(To), saturate<To>(peek<From>(from + i * sizeof(From))));
    }
    std::memcpy(to, result, 16);
  }
};

template <class T, unsigned Half>
struct Unpack {
  static constexpr unsigned kCount = 8 / sizeof(T);
  NOINLINE static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    std::uint8_t result[16];
    for (unsigned i = 0; i < kCount; ++i) {
      poke<T>(result + 2 * i * sizeof(T), peek<T>(to + Half * 8 + i * sizeof(T)));
      poke<T>(result + (2 * i + 1) * sizeof(T), peek<T>(from + Half * 8 + i * sizeof(T)));
    }
    std::memcpy(to, result, 16);
  }
};

struct MultiplyAdd {
  NOINLINE static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    for (unsigned i = 0; i < 16; i += 4) {
      const std::int64_t low = std::int64_t{peek<std::int16_t>(to + i)} * peek<std::int16_t>(from + i);
      const std::int64_t high = std::int64_t{peek<std::int16_t>(to + i + 2)} * peek<std::int16_t>(from + i + 2);
      poke<std::uint32_t>(to + i, static_cast<std::uint32_t>(low + high));
    }
  }
};

struct SumOfDifferences {
  NOINLINE static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    for (unsigned half = 0; half < 16; half += 8) {
      std::uint64_t sum = 0;
      for (unsigned i = half; i < half + 8; ++i)
        sum += static_cast<unsigned>(to[i] > from[i] ? to[i] - from[i] : from[i] - to[i]);
      poke<std::uint64_t>(to + half, sum);
    }
  }
};

/// Saturating, averaging and high-half arithmetic.
Handler pick_widened(const Decoded& d) {
  switch (d.opcode) {
    case 0xd8:
      return sse::handler<Lanes<SubtractSaturated, std::uint8_t>>(d);
    case 0xd9:
      return sse::handler<Lanes<SubtractSaturated, std::uint16_t>>(d);
    case 0xdc:
      return sse::handler<Lanes<AddSaturated, std::uint8_t>>(d);
    case 0xdd:
      return sse::handler<Lanes<AddSaturated, std::uint16_t>>(d);
    case 0xe0:
      return sse::handler<Lanes<Average, std::uint8_t>>(d);
    case 0xe3:
      return sse::handler<Lanes<Average, std::uint16_t>>(d);
    case 0xe4:
      return sse::handler<Lanes<MultiplyHigh, std::uint16_t>>(d);
    case 0xe5:
      return sse::handler<Lanes<MultiplyHigh, std::int16_t>>(d);
    case 0xe8:
      return sse::handler<Lanes<SubtractSaturated, std::int8_t>>(d);
    case 0xe9:
      return sse::handler<Lanes<SubtractSaturated, std::int16_t>>(d);
    case 0xec:
      return sse::handler<Lanes<AddSaturated, std::int8_t>>(d);
    case 0xed:
      return sse::handler<Lanes<AddSaturated, std::int16_t>>(d);
    default:
      return nullptr;
  }
}

Handler pick_arithmetic(const Decoded& d) {
  switch (d.opcode) {
    case 0x64:
      return vector<S8x16, greater<S8x16>>(d);
    case 0x65:
      return vector<S16x8, greater<S16x8>>(d);
    case 0x66:
      return vector<S32x4, greater<S32x4>>(d);
    case 0x74:
      return vector<S8x16, equal<S8x16>>(d);
    case 0x75:
      return vector<S16x8, equal<S16x8>>(d);
    case 0x76:
      return vector<S32x4, equal<S32x4>>(d);
    case 0xd4:
      return vector<U64x2, add<U64x2>>(d);
    case 0xd5:
      return vector<U16x8, multiply_low>(d);
    case 0xda:
      return vector<U8x16, smaller_of<U8x16>>(d);
    case 0xdb:
      return vector<U64x2, bit_and>(d);
    case 0xde:
      return vector<U8x16, larger_of<U8x16>>(d);
    case 0xdf:
      return vector<U64x2, bit_and_not>(d);
    case 0xea:
      return vector<S16x8, smaller_of<S16x8>>(d);
    case 0xeb:
      return vector<U64x2, bit_or>(d);
    case 0xee:
      return vector<S16x8, larger_of<S16x8>>(d);
    case 0xef:
      return vector<U64x2, bit_xor>(d);
    case 0xf4:
      return vector<U64x2, multiply_even>(d);
    case 0xf5:
      return sse::handler<MultiplyAdd>(d);
    case 0xf6:
      return sse::handler<SumOfDifferences>(d);
    case 0xf8:
      return vector<U8x16, subtract<U8x16>>(d);
    case 0xf9:
      return vector<U16x8, subtract<U16x8>>(d);
    case 0xfa:
      return vector<U32x4, subtract<U32x4>>(d);
    case 0xfb:
      return vector<U64x2, subtract<U64x2>>(d);
    case 0xfc:
      return vector<U8x16, add<U8x16>>(d);
    case 0xfd:
      return vector<U16x8, add<U16x8>>(d);
    case 0xfe:
      return vector<U32x4, add<U32x4>>(d);
    default:
      return pick_widened(d);
  }
}

}  // namespace

Handler pick_sse_integer(Decoded& d, Op&) {
  switch (d.opcode) {
    case 0x60:
      return sse::handler<Unpack<std::uint8_t, 0>>(d);
    case 0x61:
      return sse::handler<Unpack<std::uint16_t, 0>>(d);
    case 0x14:
      if (d.row->prefix == Prefix::p66) return sse::handler<Unpack<std::uint64_t, 0>>(d);
      [[fallthrough]];
    case 0x62:
      return sse::handler<Unpack<std::uint32_t, 0>>(d);
    case 0x63:
      return sse::handler<Pack<std::int16_t, std::int8_t>>(d);
    case 0x67:
      return sse::handler<Pack<std::int16_t, std::uint8_t>>(d);
    case 0x68:
      return sse::handler<Unpack<std::uint8_t, 1>>(d);
    case 0x69:
      return sse::handler<Unpack<std::uint16_t, 1>>(d);
    case 0x15:
      if (d.row->prefix == Prefix::p66) return sse::handler<Unpack<std::uint64_t, 1>>(d);
      [[fallthrough]];
    case 0x6a:
      return sse::handler<Unpack<std::uint32_t, 1>>(d);
    case 0x6b:
      return sse::handler<Pack<std::int32_t, std::int16_t>>(d);
    case 0x6c:
      return sse::handler<Unpack<std::uint64_t, 0>>(d);
    case 0x6d:
      return sse::handler<Unpack<std::uint64_t, 1>>(d);
    case 0x54:
      return vector<U64x2, bit_and>(d);
    case 0x55:
      return vector<U64x2, bit_and_not>(d);
    case 0x56:
      return vector<U64x2, bit_or>(d);
    case 0x57:
      return vector<U64x2, bit_xor>(d);
    default:
      return pick_arithmetic(d);
  }
}

namespace {

// --- shifts ----------------------------------------------------------------------------------------------------------

enum class Direction : std::uint8_t { left, right, right_signed };

/// A count beyond the lane shifts everything out.
template <class T, Direction D>
T shift_lane(T value, std::uint64_t count) {
  constexpr unsigned kLaneBits = sizeof(T) * 8;
  if constexpr (D == Direction::right_signed) {
    using S = std::make_signed_t<T>;
    return static_cast<T>(static_cast<S>(value) >> (count < kLaneBits ? count : kLaneBits - 1));
  }
  if (count >= kLaneBits) return 0;
  return static_cast<T>(D == Direction::left ? value << count : value >> count);
}
template <class T, Direction D>
void shift_lanes(std::uint8_t* to, std::uint64_t count) {
  for (unsigned i = 0; i < 16; i += sizeof(T)) poke<T>(to + i, shift_lane<T, D>(peek<T>(to + i), count));
}

template <class T, Direction D>
struct ShiftBy {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    shift_lanes<T, D>(to, peek<std::uint64_t>(from));
  }
};
template <class T, Direction D>
const Op* shift_immediate(State& s, const Op* op) {
  shift_lanes<T, D>(register_at(s, op->rm), op->imm & 0xff);
  NEXT();
}

template <Direction D>
NOINLINE void shift_bytes(std::uint8_t* to, unsigned count) {
  std::uint8_t result[16] = {};
  for (unsigned i = 0; i + count < 16; ++i) {
    if (D == Direction::left)
      result[i + count] = to[i];
    else
      result[i] = to[i + count];
  }
  std::memcpy(to, result, 16);
}
template <Direction D>
const Op* shift_whole(State& s, const Op* op) {
  shift_bytes<D>(register_at(s, op->rm), static_cast<unsigned>(op->imm & 0xff));
  NEXT();
}

template <class T>
Handler pick_shift_immediate(unsigned extension) {
  switch (extension) {
    case 2:
      return shift_immediate<T, Direction::right>;
    case 4:
      return sizeof(T) == 8 ? nullptr : shift_immediate<T, Direction::right_signed>;
    case 6:
      return shift_immediate<T, Direction::left>;
    case 3:
      return sizeof(T) == 8 ? shift_whole<Direction::right> : nullptr;
    case 7:
      return sizeof(T) == 8 ? shift_whole<Direction::left> : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace

Handler pick_sse_shift(Decoded& d, Op&) {
  switch (d.opcode) {
    case 0x71:
      return pick_shift_immediate<std::uint16_t>(d.reg & 7);
    case 0x72:
      return pick_shift_immediate<std::uint32_t>(d.reg & 7);
    case 0x73:
      return pick_shift_immediate<std::uint64_t>(d.reg & 7);
    case 0xd1:
      return sse::handler<ShiftBy<std::uint16_t, Direction::right>>(d);
    case 0xd2:
      return sse::handler<ShiftBy<std::uint32_t, Direction::right>>(d);
    case 0xd3:
      return sse::handler<ShiftBy<std::uint64_t, Direction::right>>(d);
    case 0xe1:
      return sse::handler<ShiftBy<std::uint16_t, Direction::right_signed>>(d);
    case 0xe2:
      return sse::handler<ShiftBy<std::uint32_t, Direction::right_signed>>(d);
    case 0xf1:
      return sse::handler<ShiftBy<std::uint16_t, Direction::left>>(d);
    case 0xf2:
      return sse::handler<ShiftBy<std::uint32_t, Direction::left>>(d);
    case 0xf3:
      return sse::handler<ShiftBy<std::uint64_t, Direction::left>>(d);
    default:
      return nullptr;
  }
}

namespace {

// --- shuffles by an immediate ----------------------------------------------------------------------------------------

template <class T>
T chosen(const std::uint8_t* from, unsigned which) {
  return peek<T>(from + which * sizeof(T));
}

struct Pshufd {
  static void run(State&, const Op* op, std::uint8_t* to, const std::uint8_t* from) {
    const auto order = static_cast<unsigned>(op->imm);
    const std::uint64_t low = chosen<std::uint32_t>(from, order & 3) |
                              static_cast<std::uint64_t>(chosen<std::uint32_t>(from, order >> 2 & 3)) << 32;
    const std::uint64_t high = chosen<std::uint32_t>(from, order >> 4 & 3) |
                               static_cast<std::uint64_t>(chosen<std::uint32_t>(from, order >> 6 & 3)) << 32;
    poke<std::uint64_t>(to, low);
    poke<std::uint64_t>(to + 8, high);
  }
};
/// PSHUFLW, PSHUFHW: one half is shuffled, the other copied.
template <unsigned Half>
struct PshufHalf {
  NOINLINE static void run(State&, const Op* op, std::uint8_t* to, const std::uint8_t* from) {
    std::uint64_t words = 0;
    for (unsigned i = 0; i < 4; ++i)
      words |= static_cast<std::uint64_t>(chosen<std::uint16_t>(from + Half * 8, op->imm >> (2 * i) & 3)) << (16 * i);
    const std::uint64_t other = peek<std::uint64_t>(from + (1 - Half) * 8);
    poke<std::uint64_t>(to + Half * 8, words);
    poke<std::uint64_t>(to + (1 - Half) * 8, other);
  }
};
struct Shufps {
  NOINLINE static void run(State&, const Op* op, std::uint8_t* to, const std::uint8_t* from) {
    const auto order = static_cast<unsigned>(op->imm);
    const std::uint64_t low = chosen<std::uint32_t>(to, order & 3) |
                              static_cast<std::uint64_t>(chosen<std::uint32_t>(to, order >> 2 & 3)) << 32;
    const std::uint64_t high = chosen<std::uint32_t>(from, order >> 4 & 3) |
                               static_cast<std::uint64_t>(chosen<std::uint32_t>(from, order >> 6 & 3)) << 32;
    poke<std::uint64_t>(to, low);
    poke<std::uint64_t>(to + 8, high);
  }
};
struct Shufpd {
  static void run(State&, const Op* op, std::uint8_t* to, const std::uint8_t* from) {
    const std::uint64_t low = chosen<std::uint64_t>(to, op->imm & 1);
    const std::uint64_t high = chosen<std::uint64_t>(from, op->imm >> 1 & 1);
    poke<std::uint64_t>(to, low);
    poke<std::uint64_t>(to + 8, high);
  }
};

}  // namespace

Handler pick_sse_shuffle(Decoded& d, Op&) {
  if (d.opcode == 0xc6) return d.row->prefix == Prefix::p66 ? sse::handler<Shufpd>(d) : sse::handler<Shufps>(d);
  if (d.row->prefix == Prefix::p66) return sse::handler<Pshufd>(d);
  return d.row->prefix == Prefix::pF3 ? sse::handler<PshufHalf<1>>(d) : sse::handler<PshufHalf<0>>(d);
}

}  // namespace drydock::machine
