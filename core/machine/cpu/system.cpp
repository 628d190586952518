// SYSCALL CPUID RDTSC, flags, traps, state of SSE and x87, and what user mode may not do. SDM vol. 2; AMD APM vol. 3.
// Not modelled: INT n (Linux's 32-bit system calls), x87 arithmetic, FNSTENV and FNSAVE.

#include <array>

#include "machine/cpu/flags.h"
#include "machine/cpu/handlers.h"

namespace drydock::machine {
namespace {

const Op* nop(State& s, const Op* op) {
  static_cast<void>(s);
  NEXT();
}

/// CLFLUSH: there is no cache, but the address must be readable.
template <bool Slowly = false>
const Op* clflush(State& s, const Op* op) {
  READABLE(at, address_of<Mode::general>(s, op), 1, (clflush<true>));
  static_cast<void>(at);
  NEXT();
}

const Op* syscall(State& s, const Op* op) {
  s.cpu.gpr[rcx] = s.block->rip + op->start + op->length;
  s.cpu.gpr[r11] = s.cpu.rflags();
  return leave_after(s, op, Stop::Reason::syscall);
}

template <Stop::Reason Why>
const Op* trap(State& s, const Op* op) {
  return leave_after(s, op, Why);
}
const Op* privileged(State& s, const Op* op) {
  return leave_for(s, op, Stop::Reason::general_protection);
}
const Op* illegal(State& s, const Op* op) {
  return leave_for(s, op, Stop::Reason::illegal_instruction);
}

// --- CPUID -----------------------------------------------------------------------------------------------------------

struct CpuidLeaf {
  std::uint32_t leaf, eax, ebx, ecx, edx;
};

// Leaf 1, EDX: FPU TSC CX8 CMOV MMX FXSR SSE SSE2: what x86-64-v1 asks for, and TSC.
constexpr std::uint32_t kFeatures = 1 << 0 | 1 << 4 | 1 << 8 | 1 << 15 | 1 << 23 | 1 << 24 | 1 << 25 | 1 << 26;
// SYSCALL NX LM, and those of leaf 1 that AMD repeats.
constexpr std::uint32_t kExtendedFeatures =
    1 << 0 | 1 << 4 | 1 << 8 | 1 << 11 | 1 << 15 | 1 << 20 | 1 << 23 | 1 << 24 | 1 << 29;

// The vendor is one whose cache sizes glibc reads from two leaves, and not from tables: fewer instructions at each
// start of a program.
constexpr std::array<CpuidLeaf, 11> kLeaves{{
    {0, 1, 0x68747541, 0x444d4163, 0x69746e65},  // "AuthenticAMD"
    {1, 0x00060fb1, 0x00010800, 0, kFeatures},
    {0x80000000, 0x80000008, 0x68747541, 0x444d4163, 0x69746e65},
    {0x80000001, 0x00060fb1, 0, 0, kExtendedFeatures},
    {0x80000002, 0x64797244, 0x206b636f, 0x756d6973, 0x6574616c},  // "Drydock simulated x86-64-v1"
    {0x80000003, 0x38782064, 0x34362d36, 0x0031762d, 0},
    {0x80000004, 0, 0, 0, 0},
    {0x80000005, 0, 0, 0x20080140, 0x20080140},  // L1: 32 KB, 8 ways, lines of 64 bytes
    {0x80000006, 0, 0, 0x02006140, 0x00406140},  // L2: 512 KB; L3: 8 MB
    {0x80000007, 0, 0, 0, 1 << 8},               // the TSC is invariant
    {0x80000008, 0x3030, 0, 0, 0},               // 48 bits of address
}};

NOINLINE void run_cpuid(State& s) {
  const auto leaf = static_cast<std::uint32_t>(s.cpu.gpr[rax]);
  CpuidLeaf answer{};
  for (const CpuidLeaf& known : kLeaves)
    if (known.leaf == leaf) answer = known;
  s.cpu.gpr[rax] = answer.eax;
  s.cpu.gpr[rbx] = answer.ebx;
  s.cpu.gpr[rcx] = answer.ecx;
  s.cpu.gpr[rdx] = answer.edx;
}

const Op* cpuid(State& s, const Op* op) {
  run_cpuid(s);
  NEXT();
}

const Op* rdtsc(State& s, const Op* op) {
  const std::uint64_t now = s.cpu.tsc + retired_before(s, op) * s.cpu.tsc_per_instruction;
  s.cpu.gpr[rax] = static_cast<std::uint32_t>(now);
  s.cpu.gpr[rdx] = now >> 32;
  NEXT();
}

// --- flags -----------------------------------------------------------------------------------------------------------

const Op* change_carry(State& s, const Op* op) {  // imm: 0 clear, 1 set, 2 complement
  const std::uint64_t flags = arithmetic_flags(s.cpu.lazy_flags);
  const std::uint64_t carry = op->imm == 2 ? ~flags & rflag::cf : op->imm;
  set_stored(s.cpu.lazy_flags, (flags & ~rflag::cf) | carry);
  NEXT();
}
const Op* change_direction(State& s, const Op* op) {
  s.cpu.other_flags = (s.cpu.other_flags & ~rflag::df) | op->imm;
  NEXT();
}

const Op* lahf(State& s, const Op* op) {
  const std::uint64_t flags = arithmetic_flags(s.cpu.lazy_flags) | rflag::always_one;
  set_register<std::uint8_t>(s, gpr_offset(rax) + 1, static_cast<std::uint8_t>(flags));
  NEXT();
}
const Op* sahf(State& s, const Op* op) {
  const std::uint64_t low = get_register<std::uint8_t>(s, gpr_offset(rax) + 1) & (rflag::arithmetic & 0xff);
  set_stored(s.cpu.lazy_flags, (arithmetic_flags(s.cpu.lazy_flags) & rflag::of) | low);
  NEXT();
}

template <class T, bool Slowly = false>
const Op* pushf(State& s, const Op* op) {
  const std::uint64_t top = s.cpu.gpr[rsp] - sizeof(T);
  WRITABLE(at, top, sizeof(T), (pushf<T, true>));
  poke<T>(at, static_cast<T>(s.cpu.rflags() & ~rflag::rf));
  s.cpu.gpr[rsp] = top;
  NEXT();
}
template <class T, bool Slowly = false>
const Op* popf(State& s, const Op* op) {
  READABLE(at, s.cpu.gpr[rsp], sizeof(T), (popf<T, true>));
  const std::uint64_t kept = sizeof(T) == 2 ? s.cpu.other_flags & ~std::uint64_t{0xffff} : 0;
  s.cpu.set_rflags(kept | peek<T>(at));
  s.cpu.gpr[rsp] += sizeof(T);
  // By way of run(), which looks whether TF is set.
  return leave_to(s, s.block->rip + op->start + op->length);
}

// --- FXSAVE, FXRSTOR, MXCSR ------------------------------------------------------------------------------------------

constexpr unsigned kFxsaveBytesWritten = 416;  // the rest is left to software

NOINLINE bool fxsave_image(State& s, std::uint64_t address) {
  if (open_write(s, address, 1) == nullptr || open_write(s, address + kFxsaveBytesWritten - 1, 1) == nullptr)
    return false;
  const FxsaveImage image = s.cpu.fxsave_image();
  for (unsigned i = 0; i < kFxsaveBytesWritten; i += 16) std::memcpy(open_write(s, address + i, 16), &image[i], 16);
  return true;
}

NOINLINE bool fxrstor_image(State& s, std::uint64_t address) {
  FxsaveImage image{};
  for (unsigned i = 0; i < image.size(); i += 16) {
    const std::uint8_t* at = readable(s, address + i, 16);
    if (at == nullptr) return false;
    std::memcpy(&image[i], at, 16);
  }
  if (peek<std::uint32_t>(&image[24]) & ~kMxcsrMask) {
    s.stop = Stop{};
    s.stop.reason = Stop::Reason::general_protection;
    return false;
  }
  s.cpu.load_fxsave_image(image);
  return true;
}

const Op* fxsave(State& s, const Op* op) {
  const std::uint64_t address = address_of<Mode::general>(s, op);
  if (address & 15) return leave_for(s, op, Stop::Reason::general_protection);
  if (!fxsave_image(s, address)) return leave(s, op);
  s.code_written = false;
  return leave_to(s, s.block->rip + op->start + op->length);
}
const Op* fxrstor(State& s, const Op* op) {
  const std::uint64_t address = address_of<Mode::general>(s, op);
  if (address & 15) return leave_for(s, op, Stop::Reason::general_protection);
  if (!fxrstor_image(s, address)) return leave(s, op);
  NEXT();
}
template <bool Slowly = false>
const Op* ldmxcsr(State& s, const Op* op) {
  READABLE(at, address_of<Mode::general>(s, op), 4, (ldmxcsr<true>));
  const std::uint32_t value = peek<std::uint32_t>(at);
  if (value & ~kMxcsrMask) return leave_for(s, op, Stop::Reason::general_protection);
  s.cpu.mxcsr = value;
  NEXT();
}
template <bool Slowly = false>
const Op* stmxcsr(State& s, const Op* op) {
  WRITABLE(at, address_of<Mode::general>(s, op), 4, (stmxcsr<true>));
  poke<std::uint32_t>(at, s.cpu.mxcsr);
  NEXT();
}

// --- x87, without arithmetic -----------------------------------------------------------------------------------------

const Op* fninit(State& s, const Op* op) {
  s.cpu.x87_control = 0x37f;
  s.cpu.x87_status = 0;
  s.cpu.x87_tags = 0;
  s.cpu.x87_opcode = 0;
  s.cpu.x87_rip = 0;
  s.cpu.x87_rdp = 0;
  NEXT();
}
const Op* fnclex(State& s, const Op* op) {
  s.cpu.x87_status &= 0x7f00;
  NEXT();
}
template <bool Slowly = false>
const Op* fnstcw(State& s, const Op* op) {
  WRITABLE(at, address_of<Mode::general>(s, op), 2, (fnstcw<true>));
  poke<std::uint16_t>(at, s.cpu.x87_control);
  NEXT();
}
template <bool Slowly = false>
const Op* fldcw(State& s, const Op* op) {
  READABLE(at, address_of<Mode::general>(s, op), 2, (fldcw<true>));
  s.cpu.x87_control = static_cast<std::uint16_t>((peek<std::uint16_t>(at) & 0x1f7f) | 0x40);
  NEXT();
}
template <bool Slowly = false>
const Op* fnstsw_m(State& s, const Op* op) {
  WRITABLE(at, address_of<Mode::general>(s, op), 2, (fnstsw_m<true>));
  poke<std::uint16_t>(at, s.cpu.x87_status);
  NEXT();
}
const Op* fnstsw_ax(State& s, const Op* op) {
  set_register<std::uint16_t>(s, gpr_offset(rax), s.cpu.x87_status);
  NEXT();
}

}  // namespace

Handler pick_nop(Decoded&, Op&) {
  return nop;
}
Handler pick_clflush(Decoded&, Op&) {
  return clflush<>;
}
Handler pick_syscall(Decoded&, Op&) {
  return syscall;
}
Handler pick_cpuid(Decoded&, Op&) {
  return cpuid;
}
Handler pick_rdtsc(Decoded&, Op&) {
  return rdtsc;
}
Handler pick_trap(Decoded& d, Op&) {
  return d.opcode == 0xcc ? trap<Stop::Reason::breakpoint> : trap<Stop::Reason::debug_trap>;
}
Handler pick_privileged(Decoded&, Op&) {
  return privileged;
}
Handler illegal_instruction() {
  return illegal;
}

Handler pick_flag(Decoded& d, Op& op) {
  switch (d.opcode) {
    case 0xf5:
      op.imm = 2;
      return change_carry;
    case 0xf8:
      op.imm = 0;
      return change_carry;
    case 0xf9:
      op.imm = 1;
      return change_carry;
    case 0xfc:
      op.imm = 0;
      return change_direction;
    default:
      op.imm = rflag::df;
      return change_direction;
  }
}
Handler pick_pushf(Decoded& d, Op&) {
  return d.size == 1 ? pushf<std::uint16_t> : pushf<std::uint64_t>;
}
Handler pick_popf(Decoded& d, Op&) {
  return d.size == 1 ? popf<std::uint16_t> : popf<std::uint64_t>;
}
Handler pick_ahf(Decoded& d, Op&) {
  return d.opcode == 0x9f ? lahf : sahf;
}

Handler pick_fxsave(Decoded& d, Op&) {
  switch (d.reg & 7) {
    case 0:
      return fxsave;
    case 1:
      return fxrstor;
    case 2:
      return ldmxcsr<>;
    default:
      return stmxcsr<>;
  }
}

Handler pick_x87_control(Decoded& d, Op&) {
  const unsigned extension = d.reg & 7;
  if (d.memory()) {
    if (d.opcode == 0xd9) return extension == 5 ? fldcw<> : fnstcw<>;
    return fnstsw_m<>;
  }
  if (d.opcode == 0xdf) return (d.rm & 7) == 0 ? fnstsw_ax : nullptr;
  switch (d.rm & 7) {
    case 0:
    case 1:
    case 4:
      return nop;  // FNENI, FNDISI and FNSETPM of the 8087 and the 287
    case 2:
      return fnclex;
    case 3:
      return fninit;
    default:
      return nullptr;
  }
}

}  // namespace drydock::machine
