// MUL IMUL DIV IDIV. SDM vol. 2. SF, ZF, AF and PF are undefined after MUL and IMUL, all flags after DIV and IDIV
// (which leave them as they were here, as AMD's processors do).

#include <type_traits>

#include "machine/cpu/flags.h"
#include "machine/cpu/handlers.h"

namespace drydock::machine {
namespace {

__extension__ typedef unsigned __int128 U128;
__extension__ typedef __int128 S128;

template <class T>
struct Wide;
template <>
struct Wide<std::uint8_t> {
  using U = std::uint32_t;
  using S = std::int32_t;
};
template <>
struct Wide<std::uint16_t> {
  using U = std::uint32_t;
  using S = std::int32_t;
};
template <>
struct Wide<std::uint32_t> {
  using U = std::uint64_t;
  using S = std::int64_t;
};
template <>
struct Wide<std::uint64_t> {
  using U = U128;
  using S = S128;
};

/// Sign-extends in the type of the operand, then to twice its width.
template <class T>
typename Wide<T>::S widen_signed(T value) {
  return static_cast<std::make_signed_t<T>>(value);
}

template <class T>
void set_wide_accumulator(State& s, T low, T high) {
  if constexpr (sizeof(T) == 1) {
    set_register<std::uint16_t>(s, gpr_offset(rax), static_cast<std::uint16_t>(low | high << 8));
  } else {
    set_register<T>(s, gpr_offset(rax), low);
    set_register<T>(s, gpr_offset(rdx), high);
  }
}

/// Half of the dividend: AH for bytes, else rDX.
template <class T>
T high_accumulator(State& s) {
  return get_register<T>(s, sizeof(T) == 1 ? static_cast<std::uint16_t>(gpr_offset(rax) + 1) : gpr_offset(rdx));
}

template <class T>
NOINLINE bool multiply(State& s, T b) {
  const auto product = static_cast<typename Wide<T>::U>(get_register<T>(s, gpr_offset(rax))) * b;
  const auto low = static_cast<T>(product);
  const auto high = static_cast<T>(product >> kBits<T>);
  set_wide_accumulator<T>(s, low, high);
  set_lazy<FlagKind::multiply, T>(s.cpu.lazy_flags, low, high != 0);
  return true;
}

template <class T>
NOINLINE bool multiply_signed(State& s, T b) {
  const auto product = widen_signed(get_register<T>(s, gpr_offset(rax))) * widen_signed(b);
  const auto low = static_cast<T>(product);
  set_wide_accumulator<T>(s, low, static_cast<T>(product >> kBits<T>));
  set_lazy<FlagKind::multiply, T>(s.cpu.lazy_flags, low, widen_signed(low) != product);
  return true;
}

template <class T>
NOINLINE bool divide(State& s, T b) {
  using U = typename Wide<T>::U;
  const T low = get_register<T>(s, gpr_offset(rax));
  const T high = high_accumulator<T>(s);
  if (high >= b) return false;  // by zero, or the quotient is too large
  if (high == 0) {
    set_wide_accumulator<T>(s, static_cast<T>(low / b), static_cast<T>(low % b));
    return true;
  }
  const U dividend = static_cast<U>(high) << kBits<T> | low;
  set_wide_accumulator<T>(s, static_cast<T>(dividend / b), static_cast<T>(dividend % b));
  return true;
}

template <class T>
NOINLINE bool divide_signed(State& s, T b) {
  using U = typename Wide<T>::U;
  using S = typename Wide<T>::S;
  if (b == 0) return false;
  const T low = get_register<T>(s, gpr_offset(rax));
  const T high = high_accumulator<T>(s);
  U dividend = static_cast<U>(high) << kBits<T> | low;
  if constexpr (sizeof(T) == 1) dividend = static_cast<U>(static_cast<S>(static_cast<std::int16_t>(dividend)));
  if constexpr (sizeof(T) == 2) dividend = static_cast<U>(static_cast<S>(static_cast<std::int32_t>(dividend)));
  const bool negative = static_cast<S>(dividend) < 0;
  const bool b_negative = b >> (kBits<T> - 1);
  // In magnitudes, so that nothing overflows on the host.
  const U magnitude = negative ? U{0} - dividend : dividend;
  const T divisor = b_negative ? static_cast<T>(T{0} - b) : b;
  const U quotient = magnitude / divisor;
  const T remainder = static_cast<T>(magnitude % divisor);
  const bool minus = negative != b_negative;
  const U limit = static_cast<U>(std::uint64_t{1} << (kBits<T> - 1)) - (minus ? 0 : 1);
  if (quotient > limit) return false;
  const T q = static_cast<T>(quotient);
  set_wide_accumulator<T>(s, minus ? static_cast<T>(T{0} - q) : q,
                          negative ? static_cast<T>(T{0} - remainder) : remainder);
  return true;
}

template <class T, bool (*Work)(State&, T)>
const Op* accumulate_r(State& s, const Op* op) {
  if (!Work(s, get_register<T>(s, op->rm))) return leave_for(s, op, Stop::Reason::divide_error);
  NEXT();
}
template <class T, bool (*Work)(State&, T), bool Slowly = false>
const Op* accumulate_m(State& s, const Op* op) {
  READABLE(at, address_of<Mode::general>(s, op), sizeof(T), (accumulate_m<T, Work, true>));
  if (!Work(s, peek<T>(at))) return leave_for(s, op, Stop::Reason::divide_error);
  NEXT();
}

template <class T, bool (*Work)(State&, T)>
Handler accumulate(const Decoded& d) {
  return d.memory() ? accumulate_m<T, Work> : accumulate_r<T, Work>;
}

// --- IMUL with two or three operands ---------------------------------------------------------------------------------

NOINLINE bool product_overflows(std::uint64_t a, std::uint64_t b) {
  const S128 product = widen_signed(a) * widen_signed(b);
  return product != static_cast<std::int64_t>(product);
}

template <class T>
T product_of(State& s, T a, T b) {
  const T low = static_cast<T>(static_cast<std::uint64_t>(a) * b);
  bool overflows;
  if constexpr (sizeof(T) == 8)
    overflows = product_overflows(a, b);
  else
    overflows = static_cast<std::int64_t>(widen_signed(a)) * widen_signed(b) != widen_signed(low);
  set_lazy<FlagKind::multiply, T>(s.cpu.lazy_flags, low, overflows);
  return low;
}

template <class T, bool Immediate>
const Op* imul_r(State& s, const Op* op) {
  const T a = get_register<T>(s, op->rm);
  const T b = Immediate ? static_cast<T>(op->imm) : get_register<T>(s, op->reg);
  set_register<T>(s, op->reg, product_of<T>(s, a, b));
  NEXT();
}
template <class T, bool Immediate, bool Slowly = false>
const Op* imul_m(State& s, const Op* op) {
  READABLE(at, address_of<Mode::general>(s, op), sizeof(T), (imul_m<T, Immediate, true>));
  const T b = Immediate ? static_cast<T>(op->imm) : get_register<T>(s, op->reg);
  set_register<T>(s, op->reg, product_of<T>(s, peek<T>(at), b));
  NEXT();
}

}  // namespace

Handler pick_mul_div(Decoded& d, Op&) {
  return by_size(d.size, [&]<class T>() -> Handler {
    switch (d.reg & 7) {
      case 4:
        return accumulate<T, multiply<T>>(d);
      case 5:
        return accumulate<T, multiply_signed<T>>(d);
      case 6:
        return accumulate<T, divide<T>>(d);
      default:
        return accumulate<T, divide_signed<T>>(d);
    }
  });
}

Handler pick_imul(Decoded& d, Op&) {
  const bool immediate = d.row->args[2] != Arg::none;
  return by_word_size(d.size, [&]<class T>() -> Handler {
    if (d.memory()) return immediate ? imul_m<T, true> : imul_m<T, false>;
    return immediate ? imul_r<T, true> : imul_r<T, false>;
  });
}

}  // namespace drydock::machine
