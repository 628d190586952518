#pragma once
// The state of one x86-64 user-mode processor, and why it stopped. Intel SDM vol. 1, chapter 3; vol. 3, 6.15.
// Not modelled: segment limits and selectors (fs and gs have bases only), debug registers, alignment checks (#AC),
// AVX state. x87 arithmetic is not executed yet, but its state is kept, so that fxsave images round-trip.

#include <array>
#include <cstdint>

namespace drydock::machine {

enum Gpr : std::uint8_t { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 };

/// Bits of RFLAGS.
namespace rflag {
inline constexpr std::uint64_t cf = 1, pf = 1 << 2, af = 1 << 4, zf = 1 << 6, sf = 1 << 7, tf = 1 << 8,
                               interrupt = 1 << 9, df = 1 << 10, of = 1 << 11, nt = 1 << 14, rf = 1 << 16, ac = 1 << 18,
                               id = 1 << 21;
inline constexpr std::uint64_t arithmetic = cf | pf | af | zf | sf | of;
inline constexpr std::uint64_t always_one = 1 << 1;
}  // namespace rflag

struct Xmm {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Xmm&) const = default;
};

/// One 80-bit x87 register.
struct X87Register {
  std::uint64_t significand = 0;
  std::uint16_t sign_exponent = 0;
  bool operator==(const X87Register&) const = default;
};

/// What the last flag-setting instruction was given; the flags are computed from it when they are asked for.
/// Only flags.h interprets it.
struct LazyFlags {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::uint32_t kind = 0;  // 0: `a` holds the arithmetic flags themselves
};

/// The 512 bytes that FXSAVE writes and signal frames hold. SDM vol. 1, 10.5.
using FxsaveImage = std::array<std::uint8_t, 512>;

/// Plain data: copying it is all that fork or a snapshot has to do.
struct Cpu {
  std::array<std::uint64_t, 16> gpr{};  // by Gpr
  std::uint64_t rip = 0;
  LazyFlags lazy_flags;
  std::uint64_t other_flags = rflag::always_one | rflag::interrupt;  // every bit but the arithmetic ones
  std::uint64_t fs_base = 0;
  std::uint64_t gs_base = 0;
  std::array<Xmm, 16> xmm{};
  std::uint32_t mxcsr = 0x1f80;
  std::uint16_t x87_control = 0x37f;
  std::uint16_t x87_status = 0;
  std::uint8_t x87_tags = 0;  // abridged as in the fxsave image: a bit per register that is not empty
  std::uint16_t x87_opcode = 0;
  std::uint64_t x87_rip = 0;
  std::uint64_t x87_rdp = 0;
  std::array<X87Register, 8> x87{};  // ST(0) to ST(7)

  /// What rdtsc reads: `tsc` at the start of run(), and so much more for each instruction retired since. The kernel
  /// sets both from its virtual clock; run() leaves them alone.
  std::uint64_t tsc = 0;
  std::uint64_t tsc_per_instruction = 8;

  std::uint64_t rflags() const;
  /// Takes every bit that POPF may change in user mode; IF and the reserved bits keep their fixed values.
  void set_rflags(std::uint64_t value);

  FxsaveImage fxsave_image() const;
  /// Reserved bits of MXCSR are dropped: a caller that must refuse them (as fxrstor does) looks first.
  void load_fxsave_image(const FxsaveImage& image);
};

/// Bits of MXCSR that may be set (no DAZ: it is not offered by MXCSR_MASK).
inline constexpr std::uint32_t kMxcsrMask = 0xffbf;

enum class Access : std::uint8_t { read, write, execute };

/// Why run() returned. On a fault rip is that of the instruction at fault, and nothing of it has been done: it can be
/// restarted. (Of a repeated string instruction, the iterations before the faulting one have been done and rcx, rsi and
/// rdi say how many, as on hardware.)
struct Stop {
  enum class Reason : std::uint8_t {
    budget,               // the instructions allowed have been retired
    syscall,              // rip is after the SYSCALL; rcx and r11 are set as hardware does. Restart it by rip -= 2
    page_fault,           // #PF at `address`, by `access`
    general_protection,   // #GP or #SS: non-canonical address, misaligned movaps, privileged instruction
    illegal_instruction,  // #UD, or an instruction not modelled: `bytes`, `length`
    divide_error,         // #DE
    breakpoint,           // #BP: INT3; a trap, so rip is after it
    debug_trap,           // #DB: RFLAGS.TF after an instruction, or INT1; a trap, so rip is after it
    simd_exception,       // #XM: an unmasked SSE exception; MXCSR has its flag set
  };
  Reason reason = Reason::budget;
  Access access = Access::read;
  std::uint8_t length = 0;  // of `bytes`
  std::array<std::uint8_t, 15> bytes{};
  std::uint64_t address = 0;
};

}  // namespace drydock::machine
