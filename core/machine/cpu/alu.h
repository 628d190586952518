#pragma once
// The two-operand integer operations: what each computes and which flags it leaves. SDM vol. 2.

#include "machine/cpu/flags.h"
#include "machine/cpu/state.h"

namespace drydock::machine::alu {

// kWrites: the result goes to the destination; CMP and TEST only leave flags.

struct Add {
  static constexpr bool kWrites = true;
  template <class T>
  static T run(State& s, T a, T b) {
    set_lazy<FlagKind::add, T>(s.cpu.lazy_flags, a, b);
    return static_cast<T>(a + b);
  }
};
struct Sub {
  static constexpr bool kWrites = true;
  template <class T>
  static T run(State& s, T a, T b) {
    set_lazy<FlagKind::sub, T>(s.cpu.lazy_flags, a, b);
    return static_cast<T>(a - b);
  }
};
struct Adc {
  static constexpr bool kWrites = true;
  template <class T>
  static T run(State& s, T a, T b) {
    const unsigned carry = carry_flag(s.cpu.lazy_flags);
    set_lazy<FlagKind::add, T>(s.cpu.lazy_flags, a, b);
    if (carry) s.cpu.lazy_flags.kind = kLazyKind<FlagKind::add_carry, T>;
    return static_cast<T>(a + b + carry);
  }
};
struct Sbb {
  static constexpr bool kWrites = true;
  template <class T>
  static T run(State& s, T a, T b) {
    const unsigned borrow = carry_flag(s.cpu.lazy_flags);
    set_lazy<FlagKind::sub, T>(s.cpu.lazy_flags, a, b);
    if (borrow) s.cpu.lazy_flags.kind = kLazyKind<FlagKind::sub_borrow, T>;
    return static_cast<T>(a - b - borrow);
  }
};
struct And {
  static constexpr bool kWrites = true;
  template <class T>
  static T run(State& s, T a, T b) {
    set_logic<T>(s.cpu.lazy_flags, a & b);
    return a & b;
  }
};
struct Or {
  static constexpr bool kWrites = true;
  template <class T>
  static T run(State& s, T a, T b) {
    set_logic<T>(s.cpu.lazy_flags, a | b);
    return a | b;
  }
};
struct Xor {
  static constexpr bool kWrites = true;
  template <class T>
  static T run(State& s, T a, T b) {
    set_logic<T>(s.cpu.lazy_flags, a ^ b);
    return a ^ b;
  }
};
struct Cmp : Sub {
  static constexpr bool kWrites = false;
};
struct Test : And {
  static constexpr bool kWrites = false;
};

}  // namespace drydock::machine::alu
