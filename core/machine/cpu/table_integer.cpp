// tidy: table
// The integer instructions of x86-64-v1, by opcode. SDM vol. 2, appendix A. The rows of an opcode stand together, the
// first that matches counts. What has no row is an illegal instruction: opcodes invalid in 64-bit mode (06, 27, 9A,
// ...), segment registers (8C, 8E), far transfers (CA, CB, CF, FF /3, FF /5), x87 but for its control word, later
// extensions.

#include "machine/cpu/handlers.h"
#include "machine/cpu/instruction.h"

namespace drydock::machine {

using enum Arg;

namespace {
constexpr Prefix kAny = Prefix::any;
constexpr std::int8_t kNo = kAnyExtension;
}  // namespace

// clang-format off
#define ALU(first, name, lock)                                                                        \
  {0, (first) + 0, kAny, kNo, name, {Eb, Gb}, pick_alu, kSetsFlags | (lock)},                         \
  {0, (first) + 1, kAny, kNo, name, {Ev, Gv}, pick_alu, kSetsFlags | (lock)},                         \
  {0, (first) + 2, kAny, kNo, name, {Gb, Eb}, pick_alu, kSetsFlags},                                  \
  {0, (first) + 3, kAny, kNo, name, {Gv, Ev}, pick_alu, kSetsFlags},                                  \
  {0, (first) + 4, kAny, kNo, name, {Ab, Ib}, pick_alu, kSetsFlags},                                  \
  {0, (first) + 5, kAny, kNo, name, {Av, Iz}, pick_alu, kSetsFlags}
#define ALU_GROUP(opcode, e, i)                                                                       \
  {0, opcode, kAny, 0, "add", {e, i}, pick_alu, kSetsFlags | kLockable},                              \
  {0, opcode, kAny, 1, "or",  {e, i}, pick_alu, kSetsFlags | kLockable},                              \
  {0, opcode, kAny, 2, "adc", {e, i}, pick_alu, kLockable},                                           \
  {0, opcode, kAny, 3, "sbb", {e, i}, pick_alu, kLockable},                                           \
  {0, opcode, kAny, 4, "and", {e, i}, pick_alu, kSetsFlags | kLockable},                              \
  {0, opcode, kAny, 5, "sub", {e, i}, pick_alu, kSetsFlags | kLockable},                              \
  {0, opcode, kAny, 6, "xor", {e, i}, pick_alu, kSetsFlags | kLockable},                              \
  {0, opcode, kAny, 7, "cmp", {e, i}, pick_alu, kSetsFlags}
#define EIGHT(map, first, row) \
  {map, (first) + 0, row}, {map, (first) + 1, row}, {map, (first) + 2, row}, {map, (first) + 3, row}, \
  {map, (first) + 4, row}, {map, (first) + 5, row}, {map, (first) + 6, row}, {map, (first) + 7, row}
#define ROW(...) __VA_ARGS__
#define SIXTEEN(map, first, ...)                                                                      \
  {map, (first) + 0, __VA_ARGS__}, {map, (first) + 1, __VA_ARGS__}, {map, (first) + 2, __VA_ARGS__},  \
  {map, (first) + 3, __VA_ARGS__}, {map, (first) + 4, __VA_ARGS__}, {map, (first) + 5, __VA_ARGS__},  \
  {map, (first) + 6, __VA_ARGS__}, {map, (first) + 7, __VA_ARGS__}, {map, (first) + 8, __VA_ARGS__},  \
  {map, (first) + 9, __VA_ARGS__}, {map, (first) + 10, __VA_ARGS__}, {map, (first) + 11, __VA_ARGS__},\
  {map, (first) + 12, __VA_ARGS__}, {map, (first) + 13, __VA_ARGS__}, {map, (first) + 14, __VA_ARGS__},\
  {map, (first) + 15, __VA_ARGS__}
#define SHIFTS(opcode, e, count)                                                                      \
  {0, opcode, kAny, 0, "rol", {e, count}, pick_shift}, {0, opcode, kAny, 1, "ror", {e, count}, pick_shift}, \
  {0, opcode, kAny, 2, "rcl", {e, count}, pick_shift}, {0, opcode, kAny, 3, "rcr", {e, count}, pick_shift}, \
  {0, opcode, kAny, 4, "shl", {e, count}, pick_shift}, {0, opcode, kAny, 5, "shr", {e, count}, pick_shift}, \
  {0, opcode, kAny, 6, "shl", {e, count}, pick_shift}, {0, opcode, kAny, 7, "sar", {e, count}, pick_shift}

const Row kIntegerRows[] = {
  ALU(0x00, "add", kLockable),
  ALU(0x08, "or", kLockable),
  {0, 0x10, kAny, kNo, "adc", {Eb, Gb}, pick_alu, kLockable},
  {0, 0x11, kAny, kNo, "adc", {Ev, Gv}, pick_alu, kLockable},
  {0, 0x12, kAny, kNo, "adc", {Gb, Eb}, pick_alu},
  {0, 0x13, kAny, kNo, "adc", {Gv, Ev}, pick_alu},
  {0, 0x14, kAny, kNo, "adc", {Ab, Ib}, pick_alu},
  {0, 0x15, kAny, kNo, "adc", {Av, Iz}, pick_alu},
  {0, 0x18, kAny, kNo, "sbb", {Eb, Gb}, pick_alu, kLockable},
  {0, 0x19, kAny, kNo, "sbb", {Ev, Gv}, pick_alu, kLockable},
  {0, 0x1a, kAny, kNo, "sbb", {Gb, Eb}, pick_alu},
  {0, 0x1b, kAny, kNo, "sbb", {Gv, Ev}, pick_alu},
  {0, 0x1c, kAny, kNo, "sbb", {Ab, Ib}, pick_alu},
  {0, 0x1d, kAny, kNo, "sbb", {Av, Iz}, pick_alu},
  ALU(0x20, "and", kLockable),
  ALU(0x28, "sub", kLockable),
  ALU(0x30, "xor", kLockable),
  ALU(0x38, "cmp", kNoTraits),
  EIGHT(0, 0x50, ROW(kAny, kNo, "push", {Zv}, pick_push, kStack64 | kKeepsFlags)),
  EIGHT(0, 0x58, ROW(kAny, kNo, "pop", {Zv}, pick_pop, kStack64 | kKeepsFlags)),
  {0, 0x63, kAny, kNo, "movsxd", {Gv, Ed}, pick_extend, kNoFlags},
  {0, 0x68, kAny, kNo, "push", {Iz}, pick_push, kStack64 | kKeepsFlags},
  {0, 0x69, kAny, kNo, "imul", {Gv, Ev, Iz}, pick_imul, kSetsFlags},
  {0, 0x6a, kAny, kNo, "push", {Is}, pick_push, kStack64 | kKeepsFlags},
  {0, 0x6b, kAny, kNo, "imul", {Gv, Ev, Is}, pick_imul, kSetsFlags},
  {0, 0x6c, kAny, kNo, "insb", {}, pick_privileged},
  {0, 0x6d, kAny, kNo, "insd", {}, pick_privileged},
  {0, 0x6e, kAny, kNo, "outsb", {}, pick_privileged},
  {0, 0x6f, kAny, kNo, "outsd", {}, pick_privileged},
  SIXTEEN(0, 0x70, kAny, kNo, "j?", {Jb}, pick_jcc, kBranch | kFixed64),
  ALU_GROUP(0x80, Eb, Ib),
  ALU_GROUP(0x81, Ev, Iz),
  ALU_GROUP(0x83, Ev, Is),
  {0, 0x84, kAny, kNo, "test", {Eb, Gb}, pick_test, kSetsFlags},
  {0, 0x85, kAny, kNo, "test", {Ev, Gv}, pick_test, kSetsFlags},
  {0, 0x86, kAny, kNo, "xchg", {Eb, Gb}, pick_xchg, kLockable | kNoFlags},
  {0, 0x87, kAny, kNo, "xchg", {Ev, Gv}, pick_xchg, kLockable | kNoFlags},
  {0, 0x88, kAny, kNo, "mov", {Eb, Gb}, pick_mov, kNoFlags},
  {0, 0x89, kAny, kNo, "mov", {Ev, Gv}, pick_mov, kNoFlags},
  {0, 0x8a, kAny, kNo, "mov", {Gb, Eb}, pick_mov, kNoFlags},
  {0, 0x8b, kAny, kNo, "mov", {Gv, Ev}, pick_mov, kNoFlags},
  {0, 0x8d, kAny, kNo, "lea", {Gv, M}, pick_lea, kNoFlags},
  {0, 0x8f, kAny, 0, "pop", {Ev}, pick_pop, kStack64},
  EIGHT(0, 0x90, ROW(kAny, kNo, "xchg", {Zv, Rv}, pick_xchg, kNoFlags)),  // 90: NOP, F3 90: PAUSE
  {0, 0x98, kAny, kNo, "cbw", {}, pick_widen_accumulator, kNoFlags},
  {0, 0x99, kAny, kNo, "cwd", {}, pick_sign_to_rdx, kNoFlags},
  {0, 0x9b, kAny, kNo, "fwait", {}, pick_nop},
  {0, 0x9c, kAny, kNo, "pushf", {}, pick_pushf, kStack64},
  {0, 0x9d, kAny, kNo, "popf", {}, pick_popf, kStack64 | kBranch},
  {0, 0x9e, kAny, kNo, "sahf", {}, pick_ahf},
  {0, 0x9f, kAny, kNo, "lahf", {}, pick_ahf},
  {0, 0xa0, kAny, kNo, "mov", {Rb, Ob}, pick_mov, kNoFlags},
  {0, 0xa1, kAny, kNo, "mov", {Rv, Ov}, pick_mov, kNoFlags},
  {0, 0xa2, kAny, kNo, "mov", {Ob, Rb}, pick_mov, kNoFlags},
  {0, 0xa3, kAny, kNo, "mov", {Ov, Rv}, pick_mov, kNoFlags},
  {0, 0xa4, kAny, kNo, "movs*", {}, pick_string, kString | kByteSize},
  {0, 0xa5, kAny, kNo, "movs*", {}, pick_string, kString},
  {0, 0xa6, kAny, kNo, "cmps*", {}, pick_string, kString | kByteSize},
  {0, 0xa7, kAny, kNo, "cmps*", {}, pick_string, kString},
  {0, 0xa8, kAny, kNo, "test", {Ab, Ib}, pick_test, kSetsFlags},
  {0, 0xa9, kAny, kNo, "test", {Av, Iz}, pick_test, kSetsFlags},
  {0, 0xaa, kAny, kNo, "stos*", {}, pick_string, kString | kByteSize},
  {0, 0xab, kAny, kNo, "stos*", {}, pick_string, kString},
  {0, 0xac, kAny, kNo, "lods*", {}, pick_string, kString | kByteSize},
  {0, 0xad, kAny, kNo, "lods*", {}, pick_string, kString},
  {0, 0xae, kAny, kNo, "scas*", {}, pick_string, kString | kByteSize},
  {0, 0xaf, kAny, kNo, "scas*", {}, pick_string, kString},
  EIGHT(0, 0xb0, ROW(kAny, kNo, "mov", {Zb, Ib}, pick_mov, kNoFlags)),
  EIGHT(0, 0xb8, ROW(kAny, kNo, "mov", {Zv, Iv}, pick_mov, kNoFlags)),
  SHIFTS(0xc0, Eb, Ib),
  SHIFTS(0xc1, Ev, Ib),
  {0, 0xc2, kAny, kNo, "ret", {Iw}, pick_ret, kBranch | kFixed64},
  {0, 0xc3, kAny, kNo, "ret", {}, pick_ret, kBranch | kFixed64},
  {0, 0xc6, kAny, 0, "mov", {Eb, Ib}, pick_mov, kNoFlags},
  {0, 0xc7, kAny, 0, "mov", {Ev, Iz}, pick_mov, kNoFlags},
  {0, 0xc8, kAny, kNo, "enter", {Iw, Ib}, pick_enter, kStack64 | kBranch},
  {0, 0xc9, kAny, kNo, "leave", {}, pick_leave, kStack64},
  {0, 0xcc, kAny, kNo, "int3", {}, pick_trap, kBranch},
  {0, 0xcd, kAny, kNo, "int", {Ib}, pick_privileged},
  SHIFTS(0xd0, Eb, One),
  SHIFTS(0xd1, Ev, One),
  SHIFTS(0xd2, Eb, CL),
  SHIFTS(0xd3, Ev, CL),
  {0, 0xd7, kAny, kNo, "xlat", {}, pick_xlat, kByteSize},
  {0, 0xd9, kAny, 5, "fldcw", {Mw}, pick_x87_control},
  {0, 0xd9, kAny, 7, "fnstcw", {Mw}, pick_x87_control},
  {0, 0xdb, kAny, 4, "fninit", {Rd}, pick_x87_control},
  {0, 0xdd, kAny, 7, "fnstsw", {Mw}, pick_x87_control},
  {0, 0xdf, kAny, 4, "fnstsw", {Rd}, pick_x87_control},
  {0, 0xe0, kAny, kNo, "loopne", {Jb}, pick_loop, kBranch | kFixed64},
  {0, 0xe1, kAny, kNo, "loope", {Jb}, pick_loop, kBranch | kFixed64},
  {0, 0xe2, kAny, kNo, "loop", {Jb}, pick_loop, kBranch | kFixed64},
  {0, 0xe3, kAny, kNo, "jrcxz", {Jb}, pick_loop, kBranch | kFixed64},
  {0, 0xe4, kAny, kNo, "in", {Rb, Ib}, pick_privileged},
  {0, 0xe5, kAny, kNo, "in", {Rv, Ib}, pick_privileged},
  {0, 0xe6, kAny, kNo, "out", {Ib, Rb}, pick_privileged},
  {0, 0xe7, kAny, kNo, "out", {Ib, Rv}, pick_privileged},
  {0, 0xe8, kAny, kNo, "call", {Jz}, pick_call, kBranch | kFixed64},
  {0, 0xe9, kAny, kNo, "jmp", {Jz}, pick_jmp, kBranch | kFixed64},
  {0, 0xeb, kAny, kNo, "jmp", {Jb}, pick_jmp, kBranch | kFixed64},
  {0, 0xec, kAny, kNo, "in", {Rb}, pick_privileged},
  {0, 0xed, kAny, kNo, "in", {Rv}, pick_privileged},
  {0, 0xee, kAny, kNo, "out", {Rb}, pick_privileged},
  {0, 0xef, kAny, kNo, "out", {Rv}, pick_privileged},
  {0, 0xf1, kAny, kNo, "int1", {}, pick_trap, kBranch},
  {0, 0xf4, kAny, kNo, "hlt", {}, pick_privileged},
  {0, 0xf5, kAny, kNo, "cmc", {}, pick_flag},
  {0, 0xf6, kAny, 0, "test", {Eb, Ib}, pick_test, kSetsFlags},
  {0, 0xf6, kAny, 1, "test", {Eb, Ib}, pick_test, kSetsFlags},
  {0, 0xf6, kAny, 2, "not", {Eb}, pick_not_neg, kLockable | kNoFlags},
  {0, 0xf6, kAny, 3, "neg", {Eb}, pick_not_neg, kLockable | kSetsFlags},
  {0, 0xf6, kAny, 4, "mul", {Eb}, pick_mul_div, kSetsFlags},
  {0, 0xf6, kAny, 5, "imul", {Eb}, pick_mul_div, kSetsFlags},
  {0, 0xf6, kAny, 6, "div", {Eb}, pick_mul_div},
  {0, 0xf6, kAny, 7, "idiv", {Eb}, pick_mul_div},
  {0, 0xf7, kAny, 0, "test", {Ev, Iz}, pick_test, kSetsFlags},
  {0, 0xf7, kAny, 1, "test", {Ev, Iz}, pick_test, kSetsFlags},
  {0, 0xf7, kAny, 2, "not", {Ev}, pick_not_neg, kLockable | kNoFlags},
  {0, 0xf7, kAny, 3, "neg", {Ev}, pick_not_neg, kLockable | kSetsFlags},
  {0, 0xf7, kAny, 4, "mul", {Ev}, pick_mul_div, kSetsFlags},
  {0, 0xf7, kAny, 5, "imul", {Ev}, pick_mul_div, kSetsFlags},
  {0, 0xf7, kAny, 6, "div", {Ev}, pick_mul_div},
  {0, 0xf7, kAny, 7, "idiv", {Ev}, pick_mul_div},
  {0, 0xf8, kAny, kNo, "clc", {}, pick_flag},
  {0, 0xf9, kAny, kNo, "stc", {}, pick_flag},
  {0, 0xfa, kAny, kNo, "cli", {}, pick_privileged},
  {0, 0xfb, kAny, kNo, "sti", {}, pick_privileged},
  {0, 0xfc, kAny, kNo, "cld", {}, pick_flag},
  {0, 0xfd, kAny, kNo, "std", {}, pick_flag},
  {0, 0xfe, kAny, 0, "inc", {Eb}, pick_inc_dec, kLockable},
  {0, 0xfe, kAny, 1, "dec", {Eb}, pick_inc_dec, kLockable},
  {0, 0xff, kAny, 0, "inc", {Ev}, pick_inc_dec, kLockable},
  {0, 0xff, kAny, 1, "dec", {Ev}, pick_inc_dec, kLockable},
  {0, 0xff, kAny, 2, "call", {Eq}, pick_call, kBranch | kFixed64},
  {0, 0xff, kAny, 4, "jmp", {Eq}, pick_jmp, kBranch | kFixed64},
  {0, 0xff, kAny, 6, "push", {Ev}, pick_push, kStack64 | kKeepsFlags},

  // 0F
  {1, 0x05, kAny, kNo, "syscall", {}, pick_syscall, kBranch},
  {1, 0x06, kAny, kNo, "clts", {}, pick_privileged},
  {1, 0x07, kAny, kNo, "sysret", {}, pick_privileged},
  {1, 0x08, kAny, kNo, "invd", {}, pick_privileged},
  {1, 0x09, kAny, kNo, "wbinvd", {}, pick_privileged},
  {1, 0x0d, kAny, kNo, "prefetchw", {M}, pick_nop, kNoFlags},
  {1, 0x18, kAny, 0, "prefetchnta", {M}, pick_nop, kNoFlags},
  {1, 0x18, kAny, 1, "prefetcht0", {M}, pick_nop, kNoFlags},
  {1, 0x18, kAny, 2, "prefetcht1", {M}, pick_nop, kNoFlags},
  {1, 0x18, kAny, 3, "prefetcht2", {M}, pick_nop, kNoFlags},
  {1, 0x18, kAny, kNo, "nop", {Ev}, pick_nop, kNoFlags},
  {1, 0x19, kAny, kNo, "nop", {Ev}, pick_nop, kNoFlags},
  {1, 0x1a, kAny, kNo, "nop", {Ev}, pick_nop, kNoFlags},
  {1, 0x1b, kAny, kNo, "nop", {Ev}, pick_nop, kNoFlags},
  {1, 0x1c, kAny, kNo, "nop", {Ev}, pick_nop, kNoFlags},
  {1, 0x1d, kAny, kNo, "nop", {Ev}, pick_nop, kNoFlags},
  {1, 0x1e, kAny, kNo, "nop", {Ev}, pick_nop, kNoFlags},  // ENDBR64 and RDSSP, which are NOPs without CET
  {1, 0x1f, kAny, kNo, "nop", {Ev}, pick_nop, kNoFlags},
  {1, 0x30, kAny, kNo, "wrmsr", {}, pick_privileged},
  {1, 0x31, kAny, kNo, "rdtsc", {}, pick_rdtsc, kNoFlags},
  {1, 0x32, kAny, kNo, "rdmsr", {}, pick_privileged},
  {1, 0x33, kAny, kNo, "rdpmc", {}, pick_privileged},
  SIXTEEN(1, 0x40, kAny, kNo, "cmov?", {Gv, Ev}, pick_cmov, kKeepsFlags),
  SIXTEEN(1, 0x80, kAny, kNo, "j?", {Jz}, pick_jcc, kBranch | kFixed64),
  SIXTEEN(1, 0x90, kAny, kNo, "set?", {Eb}, pick_setcc, kKeepsFlags),
  {1, 0xa2, kAny, kNo, "cpuid", {}, pick_cpuid, kNoFlags},
  {1, 0xa3, kAny, kNo, "bt", {Ev, Gv}, pick_bit_test},
  {1, 0xa4, kAny, kNo, "shld", {Ev, Gv, Ib}, pick_double_shift},
  {1, 0xa5, kAny, kNo, "shld", {Ev, Gv, CL}, pick_double_shift},
  {1, 0xab, kAny, kNo, "bts", {Ev, Gv}, pick_bit_test, kLockable},
  {1, 0xac, kAny, kNo, "shrd", {Ev, Gv, Ib}, pick_double_shift},
  {1, 0xad, kAny, kNo, "shrd", {Ev, Gv, CL}, pick_double_shift},
  {1, 0xae, Prefix::none, 0, "fxsave", {M}, pick_fxsave, kBranch},
  {1, 0xae, Prefix::none, 1, "fxrstor", {M}, pick_fxsave},
  {1, 0xae, Prefix::none, 2, "ldmxcsr", {Md}, pick_fxsave},
  {1, 0xae, Prefix::none, 3, "stmxcsr", {Md}, pick_fxsave},
  {1, 0xae, Prefix::none, 5, "lfence", {Rd}, pick_nop, kNoFlags},
  {1, 0xae, Prefix::none, 6, "mfence", {Rd}, pick_nop, kNoFlags},
  {1, 0xae, Prefix::none, 7, "clflush", {M}, pick_clflush, kNoFlags},
  {1, 0xae, Prefix::none, 7, "sfence", {Rd}, pick_nop, kNoFlags},
  {1, 0xaf, kAny, kNo, "imul", {Gv, Ev}, pick_imul, kSetsFlags},
  {1, 0xb0, kAny, kNo, "cmpxchg", {Eb, Gb}, pick_cmpxchg, kLockable | kSetsFlags},
  {1, 0xb1, kAny, kNo, "cmpxchg", {Ev, Gv}, pick_cmpxchg, kLockable | kSetsFlags},
  {1, 0xb3, kAny, kNo, "btr", {Ev, Gv}, pick_bit_test, kLockable},
  {1, 0xb6, kAny, kNo, "movzx", {Gv, Eb}, pick_extend, kNoFlags},
  {1, 0xb7, kAny, kNo, "movzx", {Gv, Ew}, pick_extend, kNoFlags},
  {1, 0xba, kAny, 4, "bt", {Ev, Ib}, pick_bit_test},
  {1, 0xba, kAny, 5, "bts", {Ev, Ib}, pick_bit_test, kLockable},
  {1, 0xba, kAny, 6, "btr", {Ev, Ib}, pick_bit_test, kLockable},
  {1, 0xba, kAny, 7, "btc", {Ev, Ib}, pick_bit_test, kLockable},
  {1, 0xbb, kAny, kNo, "btc", {Ev, Gv}, pick_bit_test, kLockable},
  {1, 0xbc, kAny, kNo, "bsf", {Gv, Ev}, pick_bit_scan, kSetsFlags},
  {1, 0xbd, kAny, kNo, "bsr", {Gv, Ev}, pick_bit_scan, kSetsFlags},
  {1, 0xbe, kAny, kNo, "movsx", {Gv, Eb}, pick_extend, kNoFlags},
  {1, 0xbf, kAny, kNo, "movsx", {Gv, Ew}, pick_extend, kNoFlags},
  {1, 0xc0, kAny, kNo, "xadd", {Eb, Gb}, pick_xadd, kLockable | kSetsFlags},
  {1, 0xc1, kAny, kNo, "xadd", {Ev, Gv}, pick_xadd, kLockable | kSetsFlags},
  {1, 0xc3, Prefix::none, kNo, "movnti", {Ey, Gy}, pick_mov, kNoFlags},
  {1, 0xc7, kAny, 1, "cmpxchg8b", {M}, pick_cmpxchg8b, kLockable},
  EIGHT(1, 0xc8, ROW(kAny, kNo, "bswap", {Zv}, pick_bswap, kNoFlags)),
};
// clang-format on

const std::uint32_t kIntegerRowCount = sizeof kIntegerRows / sizeof kIntegerRows[0];

}  // namespace drydock::machine
