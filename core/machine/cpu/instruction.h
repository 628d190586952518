#pragma once
// The shape of the instruction table: what a row says, and what a decoded instruction is before it has a handler.
// The operand codes are those of the opcode maps in SDM vol. 2, appendix A.

#include <cstdint>

#include "machine/cpu/state.h"

namespace drydock::machine {

/// Operand codes. Letter: where; second letter: size (b w d q; v: 16, 32 or 64 by prefixes; y: 32 or 64; o: 16 bytes).
enum class Arg : std::uint8_t {
  none,
  Eb,
  Ew,
  Ed,
  Eq,
  Ev,
  Ey,  // ModRM.rm: register or memory
  Gb,
  Gw,
  Gd,
  Gq,
  Gv,
  Gy,  // ModRM.reg: general register
  Ab,
  Av,  // al, rax as the operand that is changed
  Rb,
  Rv,  // al, rax as the other operand
  Zb,
  Zv,  // a register by the low bits of the opcode
  CL,
  One,  // a shift count
  Ib,
  Is,
  Iw,
  Iz,
  Iv,  // immediate: 8 bits; 8 sign-extended; 16; 16 or 32 sign-extended; full size
  Jb,
  Jz,  // a branch's displacement
  M,
  Mw,
  Md,
  Mq,
  Mo,  // memory only
  Ob,
  Ov,  // memory at a full-size address
  Vo,  // ModRM.reg: xmm register
  Ww,
  Wd,
  Wq,
  Wo,  // ModRM.rm: xmm register or memory of that size
  No,  // ModRM.rm: xmm register only
  Rd,
  Ry,  // ModRM.rm: general register only
};

/// The mandatory prefix of a row. `any`: 66 chooses the operand size, F2 and F3 do not matter.
enum class Prefix : std::uint8_t { any, none, p66, pF3, pF2 };

enum Trait : std::uint16_t {
  kNoTraits = 0,
  kLockable = 1,      // LOCK is allowed if the destination is memory
  kStack64 = 2,       // operand size is 64 (or 16), without REX.W
  kBranch = 4,        // the last of its block
  kByteSize = 8,      // operates on bytes, though no operand says so (string instructions)
  kSetsFlags = 16,    // writes all arithmetic flags whatever its operands are
  kNoFlags = 32,      // neither reads nor writes flags
  kFixed64 = 64,      // near branches: always 64, 66 is ignored
  kKeepsFlags = 256,  // may read them (or touch memory), but leaves them as they are
  kString = 128,      // memory operands are rsi and rdi
};

struct Decoded;
/// Chooses the handler; may put the operands in the order that the handler wants. Null: not such an instruction.
using Pick = Handler (*)(Decoded&, Op&);

inline constexpr std::int8_t kAnyExtension = -1;

struct Row {
  std::uint8_t map = 0;  // 0: one-byte opcodes; 1: 0F
  std::uint8_t opcode = 0;
  Prefix prefix = Prefix::any;
  std::int8_t extension = kAnyExtension;  // ModRM.reg
  const char* name = nullptr;             // a final '?' stands for the condition, '*' for the operand size's letter
  Arg args[3] = {};
  Pick pick = nullptr;
  std::uint16_t traits = kNoTraits;
};

/// An instruction taken apart.
struct Decoded {
  const Row* row = nullptr;
  std::uint8_t opcode = 0;
  std::uint8_t length = 0;
  std::uint8_t rex = 0;
  std::uint8_t repeat = 0;   // 0, F2 or F3
  std::uint8_t segment = 0;  // 0, 64 (fs) or 65 (gs)
  bool operand16 = false;
  bool address32 = false;
  bool lock = false;
  bool has_modrm = false;
  std::uint8_t size = 0;  // log2 of the operand size in bytes
  std::uint8_t mod = 3;
  std::uint8_t reg = 0;  // with REX.R
  std::uint8_t rm = 0;   // with REX.B
  std::uint8_t base = kNoRegister;
  std::uint8_t index = kNoRegister;
  std::uint8_t scale = 0;
  bool rip_relative = false;
  std::uint64_t displacement = 0;  // sign-extended
  std::uint64_t imm = 0;           // sign-extended
  // What is known from the block so far: the flags as they will be (FlagKind::stored: unknown).
  std::uint32_t flags_kind = 0;
  bool same_page = false;  // a branch's target is in its own page

  static constexpr std::uint8_t kNoRegister = 0xff;
  bool memory() const { return has_modrm && mod != 3; }
  bool rex_w() const { return rex & 8; }
  Mode mode() const {
    if (segment != 0 || address32) return Mode::general;
    return index == kNoRegister ? Mode::base : Mode::indexed;
  }
};

enum class DecodeError : std::uint8_t { none, illegal, too_long, more_bytes };

/// `size` bytes are there; with `more_bytes` they end within the instruction. `rip` is for relative operands.
DecodeError decode(const std::uint8_t* bytes, std::uint64_t size, std::uint64_t rip, Decoded& decoded);

/// Fills in all of `op` but its place in the block. False: no handler, the instruction is illegal.
bool make_op(Decoded& decoded, std::uint64_t rip, Op& op);

/// The rows for an opcode, and how many. All of them are next to each other in the table.
struct Rows {
  const Row* first = nullptr;
  std::uint32_t count = 0;
};
Rows rows_of(unsigned map, unsigned opcode);

extern const Row kIntegerRows[];
extern const std::uint32_t kIntegerRowCount;
extern const Row kSseRows[];
extern const std::uint32_t kSseRowCount;

// --- for choosing handlers -------------------------------------------------------------------------------------------

/// choose.template operator()<T>() with the unsigned type of 1 << size bytes.
template <class Choose>
Handler by_size(unsigned size, Choose choose) {
  switch (size) {
    case 0:
      return choose.template operator()<std::uint8_t>();
    case 1:
      return choose.template operator()<std::uint16_t>();
    case 2:
      return choose.template operator()<std::uint32_t>();
    default:
      return choose.template operator()<std::uint64_t>();
  }
}
/// Without the byte.
template <class Choose>
Handler by_word_size(unsigned size, Choose choose) {
  if (size == 1) return choose.template operator()<std::uint16_t>();
  if (size == 2) return choose.template operator()<std::uint32_t>();
  return choose.template operator()<std::uint64_t>();
}
template <class Choose>
Handler by_mode(Mode mode, Choose choose) {
  switch (mode) {
    case Mode::base:
      return choose.template operator()<Mode::base>();
    case Mode::indexed:
      return choose.template operator()<Mode::indexed>();
    default:
      return choose.template operator()<Mode::general>();
  }
}

}  // namespace drydock::machine
