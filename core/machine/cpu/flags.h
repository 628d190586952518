#pragma once
// The arithmetic flags, computed when they are asked for. SDM vol. 1, 3.4.3.1 and appendix A.
// An instruction that sets them stores its kind, its size and two operands; Flags<kind, T> is the definition of each
// flag in terms of these. Where the SDM leaves a flag undefined, the value is the one that the formula gives.

#include <cstdint>
#include <type_traits>

#include "machine/cpu/cpu.h"

namespace drydock::machine {

enum class FlagKind : std::uint32_t {
  stored,      // a: the flags themselves
  add,         // a + b
  add_carry,   // a + b + 1
  sub,         // a - b
  sub_borrow,  // a - b - 1
  logic,       // a: the result
  inc,         // a + 1, b: CF, which stays
  dec,         // a - 1, b: CF, which stays
  shl,         // a << b, b > 0
  shr,         // a >> b, b > 0
  sar,         // a >> b, b > 0, signed
  multiply,    // a: low half of the product, b: whether it is all of it (0) or not (1)
};

template <class T>
inline constexpr unsigned kBits = sizeof(T) * 8;
template <class T>
inline constexpr std::uint32_t kLog2Bytes = sizeof(T) == 1   ? 0
                                            : sizeof(T) == 2 ? 1
                                            : sizeof(T) == 4 ? 2
                                                             : 3;

/// LazyFlags::kind of an instruction on operands of type T.
template <FlagKind K, class T>
inline constexpr std::uint32_t kLazyKind = static_cast<std::uint32_t>(K) << 2 | kLog2Bytes<T>;

template <FlagKind K, class T>
struct Flags {
  using S = std::make_signed_t<T>;
  T a, b;

  T result() const {
    if constexpr (K == FlagKind::add) return static_cast<T>(a + b);
    if constexpr (K == FlagKind::add_carry) return static_cast<T>(a + b + 1U);
    if constexpr (K == FlagKind::sub) return static_cast<T>(a - b);
    if constexpr (K == FlagKind::sub_borrow) return static_cast<T>(a - b - 1U);
    if constexpr (K == FlagKind::inc) return static_cast<T>(a + 1U);
    if constexpr (K == FlagKind::dec) return static_cast<T>(a - 1U);
    if constexpr (K == FlagKind::shl) return b >= kBits<T> ? T{0} : static_cast<T>(static_cast<std::uint64_t>(a) << b);
    if constexpr (K == FlagKind::shr) return b >= kBits<T> ? T{0} : static_cast<T>(a >> b);
    if constexpr (K == FlagKind::sar) return static_cast<T>(static_cast<S>(a) >> (b >= kBits<T> ? kBits<T> - 1 : b));
    return a;
  }
  static bool top(T value) { return value >> (kBits<T> - 1) & 1; }

  bool carry() const {
    if constexpr (K == FlagKind::add) return result() < a;
    if constexpr (K == FlagKind::add_carry) return result() <= a;
    if constexpr (K == FlagKind::sub) return a < b;
    if constexpr (K == FlagKind::sub_borrow) return a <= b;
    if constexpr (K == FlagKind::inc || K == FlagKind::dec || K == FlagKind::multiply) return b & 1;
    if constexpr (K == FlagKind::shl) return b <= kBits<T> && (a >> (kBits<T> - b) & 1);
    if constexpr (K == FlagKind::shr) return b <= kBits<T> && (a >> (b - 1) & 1);
    if constexpr (K == FlagKind::sar) return static_cast<S>(a) >> (b > kBits<T> ? kBits<T> - 1 : b - 1) & 1;
    return false;
  }
  bool zero() const { return K == FlagKind::sub ? a == b : result() == 0; }
  bool sign() const { return top(result()); }
  bool overflow() const {
    if constexpr (K == FlagKind::add || K == FlagKind::add_carry)
      return top(static_cast<T>((a ^ result()) & (b ^ result())));
    if constexpr (K == FlagKind::sub || K == FlagKind::sub_borrow) return top(static_cast<T>((a ^ b) & (a ^ result())));
    if constexpr (K == FlagKind::inc) return result() == static_cast<T>(T{1} << (kBits<T> - 1));
    if constexpr (K == FlagKind::dec) return a == static_cast<T>(T{1} << (kBits<T> - 1));
    if constexpr (K == FlagKind::multiply) return b & 1;
    if constexpr (K == FlagKind::shl) return sign() != carry();
    if constexpr (K == FlagKind::shr) return top(a);
    return false;
  }
  bool parity() const { return !__builtin_parity(static_cast<unsigned>(result() & 0xff)); }
  bool adjust() const {
    if constexpr (K == FlagKind::inc) return (result() & 0xf) == 0;
    if constexpr (K == FlagKind::dec) return (a & 0xf) == 0;
    if constexpr (K == FlagKind::add || K == FlagKind::add_carry || K == FlagKind::sub || K == FlagKind::sub_borrow)
      return (a ^ b ^ result()) & 0x10;
    return false;
  }
  bool less() const { return K == FlagKind::sub ? static_cast<S>(a) < static_cast<S>(b) : sign() != overflow(); }
  bool less_equal() const {
    return K == FlagKind::sub ? static_cast<S>(a) <= static_cast<S>(b) : zero() || sign() != overflow();
  }
  bool below_equal() const { return K == FlagKind::sub ? a <= b : zero() || carry(); }

  std::uint64_t bits() const {
    return (carry() ? rflag::cf : 0) | (parity() ? rflag::pf : 0) | (adjust() ? rflag::af : 0) |
           (zero() ? rflag::zf : 0) | (sign() ? rflag::sf : 0) | (overflow() ? rflag::of : 0);
  }
};

/// The same questions asked of flags that are stored.
template <class T>
struct Flags<FlagKind::stored, T> {
  std::uint64_t a, b;
  bool carry() const { return a & rflag::cf; }
  bool zero() const { return a & rflag::zf; }
  bool sign() const { return a & rflag::sf; }
  bool overflow() const { return a & rflag::of; }
  bool parity() const { return a & rflag::pf; }
  bool less() const { return sign() != overflow(); }
  bool less_equal() const { return zero() || less(); }
  bool below_equal() const { return zero() || carry(); }
};

/// A condition code as in Jcc, SETcc, CMOVcc: the low four bits of the opcode.
template <unsigned Code, class F>
bool condition(const F& flags) {
  constexpr unsigned kPair = Code >> 1;
  bool value = false;
  if constexpr (kPair == 0) value = flags.overflow();
  if constexpr (kPair == 1) value = flags.carry();
  if constexpr (kPair == 2) value = flags.zero();
  if constexpr (kPair == 3) value = flags.below_equal();
  if constexpr (kPair == 4) value = flags.sign();
  if constexpr (kPair == 5) value = flags.parity();
  if constexpr (kPair == 6) value = flags.less();
  if constexpr (kPair == 7) value = flags.less_equal();
  return value != ((Code & 1) != 0);
}

template <FlagKind K, class T>
inline void set_lazy(LazyFlags& flags, T a, T b) {
  flags.a = a;
  flags.b = b;
  flags.kind = kLazyKind<K, T>;
}
template <class T>
inline void set_logic(LazyFlags& flags, T result) {
  flags.a = result;
  flags.kind = kLazyKind<FlagKind::logic, T>;
}
inline void set_stored(LazyFlags& flags, std::uint64_t bits) {
  flags.a = bits;
  flags.kind = 0;
}

/// The arithmetic flags as they stand in RFLAGS.
std::uint64_t arithmetic_flags(const LazyFlags& flags);

/// CF alone, without a call: what ADC, SBB, INC and DEC ask for.
inline bool carry_flag(const LazyFlags& flags) {
  const auto kind = static_cast<FlagKind>(flags.kind >> 2);
  const unsigned bits = 8U << (flags.kind & 3);
  const std::uint64_t a = flags.a;  // both are zero-extended
  const std::uint64_t b = flags.b;
  if (kind == FlagKind::sub) return a < b;
  if (kind == FlagKind::logic) return false;
  if (kind == FlagKind::inc || kind == FlagKind::dec || kind == FlagKind::multiply) return b & 1;
  if (kind == FlagKind::stored) return a & rflag::cf;
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - bits);
  if (kind == FlagKind::add) return ((a + b) & mask) < a;
  if (kind == FlagKind::add_carry) return ((a + b + 1) & mask) <= a;
  if (kind == FlagKind::sub_borrow) return a <= b;
  if (kind == FlagKind::shl) return b <= bits && (a >> (bits - b) & 1);
  if (kind == FlagKind::shr) return b <= bits && (a >> (b - 1) & 1);
  return a >> (b > bits ? bits - 1 : b - 1) & 1;  // sar: as shr, but that the sign is shifted in
}

/// ZF alone, likewise.
inline bool zero_flag(const LazyFlags& flags) {
  const auto kind = static_cast<FlagKind>(flags.kind >> 2);
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - (8U << (flags.kind & 3)));
  const std::uint64_t a = flags.a;
  const std::uint64_t b = flags.b;
  if (kind == FlagKind::sub) return a == b;
  if (kind == FlagKind::logic || kind == FlagKind::multiply) return a == 0;
  if (kind == FlagKind::stored) return a & rflag::zf;
  if (kind == FlagKind::add) return ((a + b) & mask) == 0;
  if (kind == FlagKind::inc) return a == mask;
  if (kind == FlagKind::dec) return a == 1;
  if (kind == FlagKind::add_carry) return ((a + b + 1) & mask) == 0;
  if (kind == FlagKind::sub_borrow) return ((a - b - 1) & mask) == 0;
  if (kind == FlagKind::shl) return (a << b & mask) == 0;
  if (kind == FlagKind::shr) return a >> b == 0;
  return a >> b == 0 && (a & ~(mask >> 1)) == 0;  // sar: a negative number never becomes 0
}

/// LazyFlags::kind as known while decoding: 0 is unknown, this is FlagKind::stored.
inline constexpr std::uint32_t kKnownStored = kLazyKind<FlagKind::stored, std::uint64_t>;

}  // namespace drydock::machine
