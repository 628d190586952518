// ROL ROR RCL RCR SHL SHR SAR SHLD SHRD BT BTS BTR BTC BSF BSR. SDM vol. 2.
// A masked count of 0 leaves all flags. OF is defined for a count of 1 only; other counts use the same formula.

#include <type_traits>

#include "machine/cpu/flags.h"
#include "machine/cpu/handlers.h"

namespace drydock::machine {
namespace {

template <class T>
inline constexpr unsigned kCountMask = sizeof(T) == 8 ? 63 : 31;

NOINLINE void set_carry_overflow(State& s, bool carry, bool overflow) {
  const std::uint64_t others = arithmetic_flags(s.cpu.lazy_flags) & ~(rflag::cf | rflag::of);
  set_stored(s.cpu.lazy_flags, others | (carry ? rflag::cf : 0) | (overflow ? rflag::of : 0));
}

template <class T>
bool top_bit(T value) {
  return value >> (kBits<T> - 1) & 1;
}

// Each is given a count that is masked; `flags` says whether somebody will look at the flags.

template <FlagKind K>
struct Shift {
  template <class T, bool WithFlags>
  static T run(State& s, T a, unsigned count) {
    if (count == 0) return a;
    set_lazy<K, T>(s.cpu.lazy_flags, a, static_cast<T>(count));
    return Flags<K, T>{a, static_cast<T>(count)}.result();
  }
};

struct Rol {
  template <class T, bool WithFlags>
  static T run(State& s, T a, unsigned count) {
    const unsigned turn = count % kBits<T>;
    const T result = turn == 0 ? a : static_cast<T>(a << turn | a >> (kBits<T> - turn));
    if (WithFlags && count != 0) set_carry_overflow(s, result & 1, (result & 1) != top_bit(result));
    return result;
  }
};

struct Ror {
  template <class T, bool WithFlags>
  static T run(State& s, T a, unsigned count) {
    const unsigned turn = count % kBits<T>;
    const T result = turn == 0 ? a : static_cast<T>(a >> turn | a << (kBits<T> - turn));
    if (WithFlags && count != 0) {
      const bool next = result >> (kBits<T> - 2) & 1;
      set_carry_overflow(s, top_bit(result), top_bit(result) != next);
    }
    return result;
  }
};

struct Rcl {
  template <class T, bool WithFlags>
  NOINLINE static T run(State& s, T a, unsigned count) {
    if (count == 0) return a;
    bool carry = carry_flag(s.cpu.lazy_flags);
    for (unsigned i = 0; i < count % (kBits<T> + 1); ++i) {
      const bool out = top_bit(a);
      a = static_cast<T>(a << 1 | (carry ? 1 : 0));
      carry = out;
    }
    set_carry_overflow(s, carry, carry != top_bit(a));
    return a;
  }
};

struct Rcr {
  template <class T, bool WithFlags>
  NOINLINE static T run(State& s, T a, unsigned count) {
    if (count == 0) return a;
    bool carry = carry_flag(s.cpu.lazy_flags);
    for (unsigned i = 0; i < count % (kBits<T> + 1); ++i) {
      const bool out = a & 1;
      a = static_cast<T>(a >> 1 | (carry ? T{1} << (kBits<T> - 1) : T{0}));
      carry = out;
    }
    const bool next = a >> (kBits<T> - 2) & 1;
    set_carry_overflow(s, carry, top_bit(a) != next);
    return a;
  }
};

template <class T, bool ByCl>
unsigned count_of(State& s, const Op* op) {
  return static_cast<unsigned>(ByCl ? s.cpu.gpr[rcx] : op->imm) & kCountMask<T>;
}

template <class A, class T, bool ByCl, bool WithFlags>
const Op* shift_r(State& s, const Op* op) {
  const unsigned count = count_of<T, ByCl>(s, op);
  set_register<T>(s, op->rm, A::template run<T, WithFlags>(s, get_register<T>(s, op->rm), count));
  NEXT();
}
template <class A, class T, bool ByCl, bool Slowly = false>
const Op* shift_m(State& s, const Op* op) {
  WRITABLE(at, address_of<Mode::general>(s, op), sizeof(T), (shift_m<A, T, ByCl, true>));
  poke<T>(at, A::template run<T, true>(s, peek<T>(at), count_of<T, ByCl>(s, op)));
  NEXT();
}

template <class A>
Handler shift_handler(const Decoded& d) {
  const bool by_cl = d.row->args[1] == Arg::CL;
  return by_size(d.size, [&]<class T>() -> Handler {
    if (d.memory()) return by_cl ? shift_m<A, T, true> : shift_m<A, T, false>;
    return by_cl ? shift_r<A, T, true, true> : shift_r<A, T, false, true>;
  });
}

}  // namespace

Handler pick_shift(Decoded& d, Op&) {
  switch (d.reg & 7) {
    case 0:
      return shift_handler<Rol>(d);
    case 1:
      return shift_handler<Ror>(d);
    case 2:
      return shift_handler<Rcl>(d);
    case 3:
      return shift_handler<Rcr>(d);
    case 5:
      return shift_handler<Shift<FlagKind::shr>>(d);
    case 7:
      return shift_handler<Shift<FlagKind::sar>>(d);
    default:
      return shift_handler<Shift<FlagKind::shl>>(d);  // 6 is SAL, the same
  }
}

Handler without_flags(const Decoded& d) {
  if (d.row->pick != pick_shift || d.memory() || d.row->args[1] == Arg::CL || (d.reg & 7) > 1) return nullptr;
  return by_size(d.size, [&]<class T>() -> Handler {
    return (d.reg & 7) == 0 ? shift_r<Rol, T, false, false> : shift_r<Ror, T, false, false>;
  });
}

// --- SHLD, SHRD ------------------------------------------------------------------------------------------------------

namespace {

template <class T>
void set_shift_flags(State& s, T before, T result, bool carry) {
  const std::uint64_t others = Flags<FlagKind::logic, T>{result, 0}.bits();
  const bool overflow = top_bit(before) != top_bit(result);
  set_stored(s.cpu.lazy_flags, others | (carry ? rflag::cf : 0) | (overflow ? rflag::of : 0));
}

/// A 16-bit operand may be shifted by more than it has: the SDM leaves that undefined; here the source is shifted in
/// twice, as on AMD's processors.
template <class T>
NOINLINE T shift_left_double(State& s, T a, T b, unsigned count) {
  if (count == 0) return a;
  T result;
  bool carry;
  if constexpr (sizeof(T) == 2) {
    const std::uint64_t wide = static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint64_t>(b) << 16 | b;
    result = static_cast<T>(wide << count >> 32);
    carry = wide >> (48 - count) & 1;
  } else {
    result = static_cast<T>(a << count | b >> (kBits<T> - count));
    carry = a >> (kBits<T> - count) & 1;
  }
  set_shift_flags<T>(s, a, result, carry);
  return result;
}
template <class T>
NOINLINE T shift_right_double(State& s, T a, T b, unsigned count) {
  if (count == 0) return a;
  T result;
  bool carry;
  if constexpr (sizeof(T) == 2) {
    const std::uint64_t wide = static_cast<std::uint64_t>(b) << 32 | static_cast<std::uint64_t>(b) << 16 | a;
    result = static_cast<T>(wide >> count);
    carry = wide >> (count - 1) & 1;
  } else {
    result = static_cast<T>(a >> count | b << (kBits<T> - count));
    carry = a >> (count - 1) & 1;
  }
  set_shift_flags<T>(s, a, result, carry);
  return result;
}

template <class T, bool Left, bool ByCl>
const Op* double_shift_r(State& s, const Op* op) {
  const T a = get_register<T>(s, op->rm);
  const T b = get_register<T>(s, op->reg);
  const unsigned count = count_of<T, ByCl>(s, op);
  set_register<T>(s, op->rm, Left ? shift_left_double<T>(s, a, b, count) : shift_right_double<T>(s, a, b, count));
  NEXT();
}
template <class T, bool Left, bool ByCl, bool Slowly = false>
const Op* double_shift_m(State& s, const Op* op) {
  WRITABLE(at, address_of<Mode::general>(s, op), sizeof(T), (double_shift_m<T, Left, ByCl, true>));
  const T a = peek<T>(at);
  const T b = get_register<T>(s, op->reg);
  const unsigned count = count_of<T, ByCl>(s, op);
  poke<T>(at, Left ? shift_left_double<T>(s, a, b, count) : shift_right_double<T>(s, a, b, count));
  NEXT();
}

template <bool Left, bool ByCl>
Handler double_shift_handler(const Decoded& d) {
  return by_word_size(d.size, [&]<class T>() -> Handler {
    return d.memory() ? double_shift_m<T, Left, ByCl> : double_shift_r<T, Left, ByCl>;
  });
}

}  // namespace

Handler pick_double_shift(Decoded& d, Op&) {
  const bool left = d.opcode < 0xa8;
  const bool by_cl = d.row->args[2] == Arg::CL;
  if (left) return by_cl ? double_shift_handler<true, true>(d) : double_shift_handler<true, false>(d);
  return by_cl ? double_shift_handler<false, true>(d) : double_shift_handler<false, false>(d);
}

// --- single bits -----------------------------------------------------------------------------------------------------

namespace {

enum class Change : std::uint8_t { none, set, reset, complement };

/// ZF stays; the others are undefined.
inline void set_carry(State& s, bool carry) {
  const std::uint64_t zero = zero_flag(s.cpu.lazy_flags) ? rflag::zf : 0;
  set_stored(s.cpu.lazy_flags, zero | (carry ? rflag::cf : 0));
}

template <Change C, class T>
T changed(T value, T bit) {
  if constexpr (C == Change::set) return value | bit;
  if constexpr (C == Change::reset) return static_cast<T>(value & ~bit);
  if constexpr (C == Change::complement) return value ^ bit;
  return value;
}

template <Change C, class T, bool Immediate>
const Op* bit_r(State& s, const Op* op) {
  const auto number = static_cast<unsigned>(Immediate ? op->imm : get_register<T>(s, op->reg)) % kBits<T>;
  const T value = get_register<T>(s, op->rm);
  set_carry(s, value >> number & 1);
  if constexpr (C != Change::none) set_register<T>(s, op->rm, changed<C, T>(value, static_cast<T>(T{1} << number)));
  NEXT();
}

/// A bit number in a register reaches beyond the operand, in both directions.
template <class T, bool Immediate>
std::uint64_t bit_address(State& s, const Op* op) {
  std::uint64_t address = get_register<std::uint64_t>(s, op->base) +
                          (get_register<std::uint64_t>(s, op->index) << (op->scale & 3)) + op->displacement;
  if constexpr (!Immediate) {
    const std::int64_t number = static_cast<std::make_signed_t<T>>(get_register<T>(s, op->reg));
    address += static_cast<std::uint64_t>(number >> (3 + kLog2Bytes<T>)) * sizeof(T);
  }
  if (op->scale & kAddress32) address = static_cast<std::uint32_t>(address);
  return address + get_register<std::uint64_t>(s, op->segment);
}

template <Change C, class T, bool Immediate, bool Slowly = false>
const Op* bit_m(State& s, const Op* op) {
  const auto number = static_cast<unsigned>(Immediate ? op->imm : get_register<T>(s, op->reg)) % kBits<T>;
  if constexpr (C == Change::none) {
    READABLE(at, (bit_address<T, Immediate>(s, op)), sizeof(T), (bit_m<C, T, Immediate, true>));
    set_carry(s, peek<T>(at) >> number & 1);
  } else {
    WRITABLE(at, (bit_address<T, Immediate>(s, op)), sizeof(T), (bit_m<C, T, Immediate, true>));
    const T value = peek<T>(at);
    set_carry(s, value >> number & 1);
    poke<T>(at, changed<C, T>(value, static_cast<T>(T{1} << number)));
  }
  NEXT();
}

template <Change C>
Handler bit_handler(const Decoded& d) {
  const bool immediate = d.row->args[1] == Arg::Ib;
  return by_word_size(d.size, [&]<class T>() -> Handler {
    if (d.memory()) return immediate ? bit_m<C, T, true> : bit_m<C, T, false>;
    return immediate ? bit_r<C, T, true> : bit_r<C, T, false>;
  });
}

template <class T, bool Reverse>
T scan(State& s, T source, T before) {
  set_logic<T>(s.cpu.lazy_flags, source);
  if (source == 0) return before;
  if constexpr (Reverse) return static_cast<T>(63 - __builtin_clzll(source));
  return static_cast<T>(__builtin_ctzll(source));
}
template <class T, bool Reverse>
const Op* scan_r(State& s, const Op* op) {
  const T source = get_register<T>(s, op->rm);
  const T result = scan<T, Reverse>(s, source, get_register<T>(s, op->reg));
  if (source != 0) set_register<T>(s, op->reg, result);
  NEXT();
}
template <class T, bool Reverse, bool Slowly = false>
const Op* scan_m(State& s, const Op* op) {
  READABLE(at, address_of<Mode::general>(s, op), sizeof(T), (scan_m<T, Reverse, true>));
  const T source = peek<T>(at);
  const T result = scan<T, Reverse>(s, source, get_register<T>(s, op->reg));
  if (source != 0) set_register<T>(s, op->reg, result);
  NEXT();
}

}  // namespace

Handler pick_bit_test(Decoded& d, Op&) {
  // BT BTS BTR BTC: by the opcode with a register, by ModRM.reg with an immediate.
  switch (d.row->args[1] == Arg::Ib ? d.reg & 3 : d.opcode >> 3 & 3) {
    case 0:
      return bit_handler<Change::none>(d);
    case 1:
      return bit_handler<Change::set>(d);
    case 2:
      return bit_handler<Change::reset>(d);
    default:
      return bit_handler<Change::complement>(d);
  }
}
Handler pick_bit_scan(Decoded& d, Op&) {
  const bool reverse = d.opcode & 1;
  return by_word_size(d.size, [&]<class T>() -> Handler {
    if (d.memory()) return reverse ? scan_m<T, true> : scan_m<T, false>;
    return reverse ? scan_r<T, true> : scan_r<T, false>;
  });
}

}  // namespace drydock::machine
