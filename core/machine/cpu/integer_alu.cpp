// ADD OR ADC SBB AND SUB XOR CMP TEST INC DEC NOT NEG XADD CMPXCHG CMPXCHG8B CMPXCHG16B. SDM vol. 2.
// LOCK needs nothing: one task runs at a time, and an instruction is never interrupted.

#include <utility>

#include "machine/cpu/alu.h"
#include "machine/cpu/handlers.h"

namespace drydock::machine {
namespace {

// Destination and source: r register, m memory, i immediate.

template <class A, class T>
const Op* alu_rr(State& s, const Op* op) {
  const T result = A::run(s, get_register<T>(s, op->rm), get_register<T>(s, op->reg));
  if constexpr (A::kWrites) set_register<T>(s, op->rm, result);
  NEXT();
}

template <class A, class T>
const Op* alu_ri(State& s, const Op* op) {
  const T result = A::run(s, get_register<T>(s, op->rm), static_cast<T>(op->imm));
  if constexpr (A::kWrites) set_register<T>(s, op->rm, result);
  NEXT();
}

template <class A, class T, Mode M, bool Slowly = false>
const Op* alu_rm(State& s, const Op* op) {
  READABLE(at, address_of<M>(s, op), sizeof(T), (alu_rm<A, T, Mode::general, true>));
  const T result = A::run(s, get_register<T>(s, op->reg), peek<T>(at));
  if constexpr (A::kWrites) set_register<T>(s, op->reg, result);
  NEXT();
}

template <class A, class T, Mode M, bool Immediate, bool Slowly = false>
const Op* alu_m(State& s, const Op* op) {
  if constexpr (A::kWrites) {
    WRITABLE(at, address_of<M>(s, op), sizeof(T), (alu_m<A, T, Mode::general, Immediate, true>));
    const T b = Immediate ? static_cast<T>(op->imm) : get_register<T>(s, op->reg);
    poke<T>(at, A::run(s, peek<T>(at), b));
  } else {
    READABLE(at, address_of<M>(s, op), sizeof(T), (alu_m<A, T, Mode::general, Immediate, true>));
    const T b = Immediate ? static_cast<T>(op->imm) : get_register<T>(s, op->reg);
    A::run(s, peek<T>(at), b);
  }
  NEXT();
}

enum class Form : std::uint8_t { rr, ri, rm, mr, mi };

template <class A>
Handler alu_handler(const Decoded& d, Form form) {
  return by_size(d.size, [&]<class T>() -> Handler {
    if (form == Form::rr) return alu_rr<A, T>;
    if (form == Form::ri) return alu_ri<A, T>;
    return by_mode(d.mode(), [&]<Mode M>() -> Handler {
      if (form == Form::rm) return alu_rm<A, T, M>;
      return form == Form::mr ? alu_m<A, T, M, false> : alu_m<A, T, M, true>;
    });
  });
}

Form form_of(const Decoded& d, Op& op) {
  const Arg first = d.row->args[0];
  const Arg second = d.row->args[1];
  if (first == Arg::Ab || first == Arg::Av) return Form::ri;
  if (first == Arg::Gb || first == Arg::Gv) {
    if (d.memory()) return Form::rm;
    std::swap(op.rm, op.reg);
    return Form::rr;
  }
  const bool immediate = second == Arg::Ib || second == Arg::Is || second == Arg::Iz;
  if (d.memory()) return immediate ? Form::mi : Form::mr;
  return immediate ? Form::ri : Form::rr;
}

}  // namespace

Handler pick_alu(Decoded& d, Op& op) {
  const Form form = form_of(d, op);
  const unsigned operation = d.opcode >= 0x80 ? d.reg & 7 : d.opcode >> 3 & 7;
  switch (operation) {
    case 0:
      return alu_handler<alu::Add>(d, form);
    case 1:
      return alu_handler<alu::Or>(d, form);
    case 2:
      return alu_handler<alu::Adc>(d, form);
    case 3:
      return alu_handler<alu::Sbb>(d, form);
    case 4:
      return alu_handler<alu::And>(d, form);
    case 5:
      return alu_handler<alu::Sub>(d, form);
    case 6:
      return alu_handler<alu::Xor>(d, form);
    default:
      return alu_handler<alu::Cmp>(d, form);
  }
}

Handler pick_test(Decoded& d, Op& op) {
  return alu_handler<alu::Test>(d, form_of(d, op));
}

namespace {

// --- one operand -----------------------------------------------------------------------------------------------------

struct Inc {
  template <class T>
  static T run(State& s, T a) {
    set_lazy<FlagKind::inc, T>(s.cpu.lazy_flags, a, static_cast<T>(carry_flag(s.cpu.lazy_flags)));
    return static_cast<T>(a + 1U);
  }
};
struct Dec {
  template <class T>
  static T run(State& s, T a) {
    set_lazy<FlagKind::dec, T>(s.cpu.lazy_flags, a, static_cast<T>(carry_flag(s.cpu.lazy_flags)));
    return static_cast<T>(a - 1U);
  }
};
struct Not {
  template <class T>
  static T run(State&, T a) {
    return static_cast<T>(~a);
  }
};
struct Neg {
  template <class T>
  static T run(State& s, T a) {
    set_lazy<FlagKind::sub, T>(s.cpu.lazy_flags, T{0}, a);
    return static_cast<T>(T{0} - a);
  }
};

template <class A, class T>
const Op* unary_r(State& s, const Op* op) {
  set_register<T>(s, op->rm, A::run(s, get_register<T>(s, op->rm)));
  NEXT();
}
template <class A, class T, Mode M, bool Slowly = false>
const Op* unary_m(State& s, const Op* op) {
  WRITABLE(at, address_of<M>(s, op), sizeof(T), (unary_m<A, T, Mode::general, true>));
  poke<T>(at, A::run(s, peek<T>(at)));
  NEXT();
}

template <class A>
Handler unary_handler(const Decoded& d) {
  return by_size(d.size, [&]<class T>() -> Handler {
    if (!d.memory()) return unary_r<A, T>;
    return by_mode(d.mode(), []<Mode M>() -> Handler { return unary_m<A, T, M>; });
  });
}

}  // namespace

Handler pick_inc_dec(Decoded& d, Op&) {
  return (d.reg & 7) == 0 ? unary_handler<Inc>(d) : unary_handler<Dec>(d);
}
Handler pick_not_neg(Decoded& d, Op&) {
  return (d.reg & 7) == 2 ? unary_handler<Not>(d) : unary_handler<Neg>(d);
}

namespace {

// --- XADD, CMPXCHG ---------------------------------------------------------------------------------------------------

template <class T>
const Op* xadd_r(State& s, const Op* op) {
  const T a = get_register<T>(s, op->rm);
  const T b = get_register<T>(s, op->reg);
  set_register<T>(s, op->reg, a);
  set_register<T>(s, op->rm, alu::Add::run(s, a, b));
  NEXT();
}
template <class T, bool Slowly = false>
const Op* xadd_m(State& s, const Op* op) {
  WRITABLE(at, address_of<Mode::general>(s, op), sizeof(T), (xadd_m<T, true>));
  const T a = peek<T>(at);
  poke<T>(at, alu::Add::run(s, a, get_register<T>(s, op->reg)));
  set_register<T>(s, op->reg, a);
  NEXT();
}

template <class T>
const Op* cmpxchg_r(State& s, const Op* op) {
  const T accumulator = get_register<T>(s, gpr_offset(rax));
  const T a = get_register<T>(s, op->rm);
  const T source = get_register<T>(s, op->reg);
  alu::Sub::run(s, accumulator, a);
  if (accumulator == a)
    set_register<T>(s, op->rm, source);
  else
    set_register<T>(s, gpr_offset(rax), a);
  NEXT();
}
template <class T, bool Slowly = false>
const Op* cmpxchg_m(State& s, const Op* op) {
  WRITABLE(at, address_of<Mode::general>(s, op), sizeof(T), (cmpxchg_m<T, true>));
  const T accumulator = get_register<T>(s, gpr_offset(rax));
  const T a = peek<T>(at);
  alu::Sub::run(s, accumulator, a);
  if (accumulator == a)
    poke<T>(at, get_register<T>(s, op->reg));
  else
    set_register<T>(s, gpr_offset(rax), a);
  NEXT();
}

void set_zero_flag(State& s, bool zero) {
  const std::uint64_t others = arithmetic_flags(s.cpu.lazy_flags) & ~rflag::zf;
  set_stored(s.cpu.lazy_flags, others | (zero ? rflag::zf : 0));
}

/// T is half of the operand.
template <class T>
NOINLINE void exchange_pair(State& s, std::uint8_t* at) {
  const T low = peek<T>(at);
  const T high = peek<T>(at + sizeof(T));
  const bool equal = low == static_cast<T>(s.cpu.gpr[rax]) && high == static_cast<T>(s.cpu.gpr[rdx]);
  set_zero_flag(s, equal);
  if (equal) {
    poke<T>(at, static_cast<T>(s.cpu.gpr[rbx]));
    poke<T>(at + sizeof(T), static_cast<T>(s.cpu.gpr[rcx]));
  } else {
    s.cpu.gpr[rax] = low;
    s.cpu.gpr[rdx] = high;
  }
}

template <bool Slowly = false>
const Op* cmpxchg8b(State& s, const Op* op) {
  WRITABLE(at, address_of<Mode::general>(s, op), 8, (cmpxchg8b<true>));
  exchange_pair<std::uint32_t>(s, at);
  NEXT();
}
template <bool Slowly = false>
const Op* cmpxchg16b(State& s, const Op* op) {
  const std::uint64_t address = address_of<Mode::general>(s, op);
  if (address & 15) return leave_for(s, op, Stop::Reason::general_protection);
  WRITABLE(at, address, 16, (cmpxchg16b<true>));
  exchange_pair<std::uint64_t>(s, at);
  NEXT();
}

}  // namespace

Handler pick_xadd(Decoded& d, Op&) {
  return by_size(d.size, [&]<class T>() -> Handler { return d.memory() ? xadd_m<T> : xadd_r<T>; });
}
Handler pick_cmpxchg(Decoded& d, Op&) {
  return by_size(d.size, [&]<class T>() -> Handler { return d.memory() ? cmpxchg_m<T> : cmpxchg_r<T>; });
}
Handler pick_cmpxchg8b(Decoded& d, Op&) {
  return d.rex_w() ? cmpxchg16b<> : cmpxchg8b<>;
}

}  // namespace drydock::machine
