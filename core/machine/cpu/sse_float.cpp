// ADD SUB MUL DIV MIN MAX SQRT, RCPPS RSQRTPS, CMP and COMIS of SSE and SSE2. SDM vol. 2. See float.h for what is not
// modelled.

#include "machine/cpu/flags.h"
#include "machine/cpu/float.h"
#include "machine/cpu/handlers.h"
#include "machine/cpu/sse.h"

namespace drydock::machine {
namespace {

using namespace sse;

struct Add {
  template <class F>
  static F run(F a, F b) {
    const F result = a + b;
    if (is_nan(result)) [[unlikely]]
      return nan_of(a, b);
    return result;
  }
};
struct Subtract {
  template <class F>
  static F run(F a, F b) {
    const F result = a - b;
    if (is_nan(result)) [[unlikely]]
      return nan_of(a, b);
    return result;
  }
};
struct Multiply {
  template <class F>
  static F run(F a, F b) {
    const F result = a * b;
    if (is_nan(result)) [[unlikely]]
      return nan_of(a, b);
    return result;
  }
};
struct Divide {
  template <class F>
  __attribute__((no_sanitize("float-divide-by-zero"))) static F run(F a, F b) {
    const F result = a / b;
    if (is_nan(result)) [[unlikely]]
      return nan_of(a, b);
    return result;
  }
};
// The second operand is the answer when they are equal (two zeros) or one is a NaN.
struct Minimum {
  template <class F>
  static F run(F a, F b) {
    return a < b ? a : b;
  }
};
struct Maximum {
  template <class F>
  static F run(F a, F b) {
    return a > b ? a : b;
  }
};
// Of one operand, the second.
struct SquareRoot {
  template <class F>
  static F run(F, F b) {
    if (is_nan(b)) return quiet(b);
    if (b < 0) return of_bits<F>(Format<F>::kDefaultNan);
    return sizeof(F) == 4 ? static_cast<F>(__builtin_sqrtf(static_cast<float>(b))) : static_cast<F>(__builtin_sqrt(b));
  }
};
// Approximations: the SDM allows a relative error of 1.5 * 2^-12, and processors differ; these are exact.
struct Reciprocal {
  template <class F>
  static F run(F, F b) {
    return Divide::run(F{1}, b);
  }
};
struct ReciprocalRoot {
  template <class F>
  static F run(F, F b) {
    return Divide::run(F{1}, SquareRoot::run(b, b));
  }
};

/// The first `Count` lanes.
template <class A, class F, unsigned Count>
struct Arithmetic {
  static void run(State&, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    for (unsigned i = 0; i < Count; ++i)
      poke<F>(to + i * sizeof(F), A::run(peek<F>(to + i * sizeof(F)), peek<F>(from + i * sizeof(F))));
  }
};

/// By the mandatory prefix: packed single, packed double, scalar single, scalar double.
template <template <class, unsigned> class Work>
Handler by_format(const Decoded& d) {
  switch (d.row->prefix) {
    case Prefix::p66:
      return sse::handler<Work<double, 2>>(d);
    case Prefix::pF3:
      return sse::handler<Work<float, 1>, 4>(d);
    case Prefix::pF2:
      return sse::handler<Work<double, 1>, 8>(d);
    default:
      return sse::handler<Work<float, 4>>(d);
  }
}

template <class F, unsigned N>
using Adds = Arithmetic<Add, F, N>;
template <class F, unsigned N>
using Subtracts = Arithmetic<Subtract, F, N>;
template <class F, unsigned N>
using Multiplies = Arithmetic<Multiply, F, N>;
template <class F, unsigned N>
using Divides = Arithmetic<Divide, F, N>;
template <class F, unsigned N>
using Minima = Arithmetic<Minimum, F, N>;
template <class F, unsigned N>
using Maxima = Arithmetic<Maximum, F, N>;
template <class F, unsigned N>
using SquareRoots = Arithmetic<SquareRoot, F, N>;
template <class F, unsigned N>
using Reciprocals = Arithmetic<Reciprocal, F, N>;
template <class F, unsigned N>
using ReciprocalRoots = Arithmetic<ReciprocalRoot, F, N>;

// --- comparisons -----------------------------------------------------------------------------------------------------

template <class F>
bool compares_as(F a, F b, unsigned predicate) {
  switch (predicate & 3) {
    case 0:
      return a == b;
    case 1:
      return a < b;
    case 2:
      return a <= b;
    default:
      return is_nan(a) || is_nan(b);
  }
}

template <class F, unsigned Count>
struct Compares {
  static void run(State&, const Op* op, std::uint8_t* to, const std::uint8_t* from) {
    using Bits = typename Format<F>::Bits;
    const auto predicate = static_cast<unsigned>(op->imm);
    for (unsigned i = 0; i < Count; ++i) {
      const bool plain = compares_as(peek<F>(to + i * sizeof(F)), peek<F>(from + i * sizeof(F)), predicate);
      poke<Bits>(to + i * sizeof(F), plain != ((predicate & 4) != 0) ? ~Bits{0} : Bits{0});
    }
  }
};

/// COMISS and its like: the flags say unordered, less, equal or greater.
template <class F>
struct CompareFlags {
  static void run(State& s, const Op*, std::uint8_t* to, const std::uint8_t* from) {
    const F a = peek<F>(to);
    const F b = peek<F>(from);
    std::uint64_t flags = 0;
    if (is_nan(a) || is_nan(b))
      flags = rflag::zf | rflag::pf | rflag::cf;
    else if (a < b)
      flags = rflag::cf;
    else if (a == b)
      flags = rflag::zf;
    set_stored(s.cpu.lazy_flags, flags);
  }
};

}  // namespace

Handler pick_sse_float(Decoded& d, Op&) {
  switch (d.opcode) {
    case 0x51:
      return by_format<SquareRoots>(d);
    case 0x52:
      return by_format<ReciprocalRoots>(d);
    case 0x53:
      return by_format<Reciprocals>(d);
    case 0x58:
      return by_format<Adds>(d);
    case 0x59:
      return by_format<Multiplies>(d);
    case 0x5c:
      return by_format<Subtracts>(d);
    case 0x5d:
      return by_format<Minima>(d);
    case 0x5e:
      return by_format<Divides>(d);
    case 0x5f:
      return by_format<Maxima>(d);
    default:
      return nullptr;
  }
}

Handler pick_sse_compare(Decoded& d, Op&) {
  if (d.opcode == 0xc2) return by_format<Compares>(d);
  if (d.row->prefix == Prefix::p66) return sse::handler<CompareFlags<double>, 8>(d);
  return sse::handler<CompareFlags<float>, 4>(d);
}

}  // namespace drydock::machine
