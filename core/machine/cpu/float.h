#pragma once
// IEEE 754 operations as SSE does them: which NaN comes out, and the rounding of conversions. SDM vol.
// 1, 4.8.3.5, 11.5. Not modelled: MXCSR's exception flags are never set and its masks never looked at; arithmetic
// rounds to nearest whatever MXCSR.RC says (conversions to integers do follow it), and FZ does not flush.

#include <cstdint>

#include "machine/cpu/state.h"

namespace drydock::machine::sse {

template <class F>
struct Format;
template <>
struct Format<float> {
  using Bits = std::uint32_t;
  static constexpr Bits kDefaultNan = 0xffc00000;
  static constexpr Bits kQuiet = 0x00400000;
};
template <>
struct Format<double> {
  using Bits = std::uint64_t;
  static constexpr Bits kDefaultNan = 0xfff8000000000000;
  static constexpr Bits kQuiet = 0x0008000000000000;
};

template <class F>
typename Format<F>::Bits bits_of(F value) {
  return __builtin_bit_cast(typename Format<F>::Bits, value);
}
template <class F>
F of_bits(typename Format<F>::Bits bits) {
  return __builtin_bit_cast(F, bits);
}
template <class F>
bool is_nan(F value) {
  return value != value;
}
template <class F>
F quiet(F nan) {
  return of_bits<F>(bits_of(nan) | Format<F>::kQuiet);
}

/// What an operation on a and b gives when it gives no number: the first NaN among them, quieted, or the default one.
/// (The host's own rules differ: WebAssembly has none.)
template <class F>
NOINLINE F nan_of(F a, F b) {
  if (is_nan(a)) return quiet(a);
  if (is_nan(b)) return quiet(b);
  return of_bits<F>(Format<F>::kDefaultNan);
}

enum class Rounding : std::uint8_t { nearest, down, up, toward_zero };
inline Rounding rounding_of(const State& s) {
  return static_cast<Rounding>(s.cpu.mxcsr >> 13 & 3);
}

inline double rounded(double value, Rounding mode) {
  switch (mode) {
    case Rounding::down:
      return __builtin_floor(value);
    case Rounding::up:
      return __builtin_ceil(value);
    case Rounding::toward_zero:
      return __builtin_trunc(value);
    default:
      return __builtin_rint(value);  // the host rounds to nearest
  }
}

/// "Integer indefinite", the smallest, stands for what does not fit.
inline std::uint32_t to_int32(double value, Rounding mode) {
  const double whole = rounded(value, mode);
  if (!(whole >= -2147483648.0 && whole <= 2147483647.0)) return 0x80000000;
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(whole));
}
inline std::uint64_t to_int64(double value, Rounding mode) {
  const double whole = rounded(value, mode);
  if (!(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0)) return 0x8000000000000000;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(whole));
}

/// Keeps a NaN's sign and the upper bits of its payload.
inline float narrowed(double value) {
  if (!is_nan(value)) [[likely]]
    return static_cast<float>(value);
  const std::uint64_t bits = bits_of(value);
  return of_bits<float>(static_cast<std::uint32_t>(bits >> 32 & 0x80000000) | 0x7fc00000 |
                        (static_cast<std::uint32_t>(bits >> 29) & 0x3fffff));
}
inline double widened(float value) {
  if (!is_nan(value)) [[likely]]
    return static_cast<double>(value);
  const std::uint64_t bits = bits_of(value);
  return of_bits<double>((bits & 0x80000000) << 32 | 0x7ff8000000000000 | (bits & 0x3fffff) << 29);
}

}  // namespace drydock::machine::sse
