// Conversions between integers, single and double precision: CVT*. SDM vol. 2.
// Not modelled: the forms with MMX registers.

#include "machine/cpu/float.h"
#include "machine/cpu/handlers.h"
#include "machine/cpu/sse.h"

namespace drydock::machine {
namespace {

using namespace sse;

// --- with a general register -----------------------------------------------------------------------------------------

template <class I, class F>
const Op* from_integer_r(State& s, const Op* op) {
  poke<F>(register_at(s, op->reg), static_cast<F>(get_register<I>(s, op->rm)));
  NEXT();
}
template <class I, class F, bool Slowly = false>
const Op* from_integer_m(State& s, const Op* op) {
  READABLE(at, address_of<Mode::general>(s, op), sizeof(I), (from_integer_m<I, F, true>));
  poke<F>(register_at(s, op->reg), static_cast<F>(peek<I>(at)));
  NEXT();
}

template <class T, class F>
NOINLINE void convert_to_integer(State& s, const Op* op, F value, Rounding mode) {
  if constexpr (sizeof(T) == 8)
    set_register<T>(s, op->reg, to_int64(static_cast<double>(value), mode));
  else
    set_register<T>(s, op->reg, to_int32(static_cast<double>(value), mode));
}
template <class T, class F, bool Truncate>
const Op* to_integer_r(State& s, const Op* op) {
  const F value = peek<F>(register_at(s, op->rm));
  convert_to_integer<T, F>(s, op, value, Truncate ? Rounding::toward_zero : rounding_of(s));
  NEXT();
}
template <class T, class F, bool Truncate, bool Slowly = false>
const Op* to_integer_m(State& s, const Op* op) {
  READABLE(at, address_of<Mode::general>(s, op), sizeof(F), (to_integer_m<T, F, Truncate, true>));
  convert_to_integer<T, F>(s, op, peek<F>(at), Truncate ? Rounding::toward_zero : rounding_of(s));
  NEXT();
}

template <class F>
Handler pick_from_integer(const Decoded& d) {
  if (d.rex_w()) return d.memory() ? from_integer_m<std::int64_t, F> : from_integer_r<std::int64_t, F>;
  return d.memory() ? from_integer_m<std::int32_t, F> : from_integer_r<std::int32_t, F>;
}
template <class F, bool Truncate>
Handler pick_to_integer(const Decoded& d) {
  using T64 = std::uint64_t;
  using T32 = std::uint32_t;
  if (d.rex_w()) return d.memory() ? to_integer_m<T64, F, Truncate> : to_integer_r<T64, F, Truncate>;
  return d.memory() ? to_integer_m<T32, F, Truncate> : to_integer_r<T32, F, Truncate>;
}

// --- within xmm registers --------------------------------------------------------------------------------------------

struct SingleToDouble {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    poke<double>(to, widened(peek<float>(from)));
  }
};
struct DoubleToSingle {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    poke<float>(to, narrowed(peek<double>(from)));
  }
};
struct SinglesToDoubles {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    const float low = peek<float>(from);
    const float high = peek<float>(from + 4);
    poke<double>(to, widened(low));
    poke<double>(to + 8, widened(high));
  }
};
struct DoublesToSingles {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    const float low = narrowed(peek<double>(from));
    const float high = narrowed(peek<double>(from + 8));
    poke<float>(to, low);
    poke<float>(to + 4, high);
    poke<std::uint64_t>(to + 8, 0);
  }
};
struct IntegersToSingles {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    for (unsigned i = 0; i < 16; i += 4) poke<float>(to + i, static_cast<float>(peek<std::int32_t>(from + i)));
  }
};
struct IntegersToDoubles {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    const std::int32_t low = peek<std::int32_t>(from);
    const std::int32_t high = peek<std::int32_t>(from + 4);
    poke<double>(to, low);
    poke<double>(to + 8, high);
  }
};
template <bool Truncate>
struct SinglesToIntegers {
  static void run(State& s, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    const Rounding mode = Truncate ? Rounding::toward_zero : rounding_of(s);
    for (unsigned i = 0; i < 16; i += 4)
      poke<std::uint32_t>(to + i, to_int32(static_cast<double>(peek<float>(from + i)), mode));
  }
};
template <bool Truncate>
struct DoublesToIntegers {
  static void run(State& s, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    const Rounding mode = Truncate ? Rounding::toward_zero : rounding_of(s);
    const std::uint32_t low = to_int32(peek<double>(from), mode);
    const std::uint32_t high = to_int32(peek<double>(from + 8), mode);
    poke<std::uint32_t>(to, low);
    poke<std::uint32_t>(to + 4, high);
    poke<std::uint64_t>(to + 8, 0);
  }
};

Handler pick_between_floats(const Decoded& d) {
  switch (d.row->prefix) {
    case Prefix::p66:
      return sse::handler<DoublesToSingles>(d);
    case Prefix::pF3:
      return sse::handler<SingleToDouble, 4>(d);
    case Prefix::pF2:
      return sse::handler<DoubleToSingle, 8>(d);
    default:
      return sse::handler<SinglesToDoubles, 8>(d);
  }
}

}  // namespace

Handler pick_sse_convert(Decoded& d, Op&) {
  const Prefix prefix = d.row->prefix;
  const bool single = prefix == Prefix::pF3;
  switch (d.opcode) {
    case 0x2a:
      return single ? pick_from_integer<float>(d) : pick_from_integer<double>(d);
    case 0x2c:
      return single ? pick_to_integer<float, true>(d) : pick_to_integer<double, true>(d);
    case 0x2d:
      return single ? pick_to_integer<float, false>(d) : pick_to_integer<double, false>(d);
    case 0x5a:
      return pick_between_floats(d);
    case 0x5b:
      if (prefix == Prefix::none) return sse::handler<IntegersToSingles>(d);
      return prefix == Prefix::pF3 ? sse::handler<SinglesToIntegers<true>>(d)
                                   : sse::handler<SinglesToIntegers<false>>(d);
    case 0xe6:
      if (prefix == Prefix::pF3) return sse::handler<IntegersToDoubles, 8>(d);
      return prefix == Prefix::p66 ? sse::handler<DoublesToIntegers<true>>(d)
                                   : sse::handler<DoublesToIntegers<false>>(d);
    default:
      return nullptr;
  }
}

}  // namespace drydock::machine
