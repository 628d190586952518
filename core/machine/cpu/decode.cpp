// From bytes to a Decoded, and from that to an Op. SDM vol. 2, chapter 2: prefixes, opcode, ModRM, SIB, immediate.
// Not modelled: VEX and EVEX (C4, C5 and 62 are illegal instructions, as on a processor without AVX).

#include <array>

#include "machine/cpu/handlers.h"
#include "machine/cpu/instruction.h"

namespace drydock::machine {
namespace {

constexpr unsigned kLengthMax = 15;

/// Takes bytes off the front; remembers whether it was asked for more than there are.
class Bytes {
 public:
  Bytes(const std::uint8_t* bytes, std::uint64_t size) : bytes_(bytes), size_(size < kLengthMax ? size : kLengthMax) {}

  std::uint64_t take(unsigned count) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < count; ++i) value |= static_cast<std::uint64_t>(next()) << (8 * i);
    return value;
  }
  std::uint64_t take_signed(unsigned count) {
    const std::uint64_t value = take(count);
    if (count == 8) return value;
    const std::uint64_t sign = std::uint64_t{1} << (8 * count - 1);
    return (value ^ sign) - sign;
  }
  std::uint8_t next() {
    if (used_ < size_) return bytes_[used_++];
    ended_ = true;
    return 0;
  }
  std::uint8_t used() const { return static_cast<std::uint8_t>(used_); }
  bool ended() const { return ended_; }

 private:
  const std::uint8_t* bytes_;
  std::uint64_t size_;
  std::uint64_t used_ = 0;
  bool ended_ = false;
};

/// Returns the first byte that is no prefix.
std::uint8_t take_prefixes(Bytes& bytes, Decoded& d) {
  for (;;) {
    const std::uint8_t byte = bytes.next();
    switch (byte) {
      case 0x66:
        d.operand16 = true;
        break;
      case 0x67:
        d.address32 = true;
        break;
      case 0xf0:
        d.lock = true;
        break;
      case 0xf2:
      case 0xf3:
        d.repeat = byte;
        break;
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
        break;  // es, cs, ss, ds: no effect in 64-bit mode, nor do they undo fs or gs
      case 0x64:
      case 0x65:
        d.segment = byte;
        break;
      default:
        if ((byte & 0xf0) != 0x40) return byte;
        d.rex = byte;
        continue;
    }
    d.rex = 0;  // a REX that is not just before the opcode is ignored
    if (bytes.ended()) return 0;
  }
}

void take_modrm(Bytes& bytes, Decoded& d) {
  const std::uint8_t byte = bytes.next();
  d.has_modrm = true;
  d.mod = byte >> 6;
  d.reg = static_cast<std::uint8_t>((byte >> 3 & 7) | (d.rex & 4) << 1);
  const unsigned rm = byte & 7;
  d.rm = static_cast<std::uint8_t>(rm | (d.rex & 1) << 3);
  if (d.mod == 3) return;
  bool displacement32 = d.mod == 2;
  d.base = d.rm;
  if (rm == 4) {
    const std::uint8_t sib = bytes.next();
    const auto index = static_cast<std::uint8_t>((sib >> 3 & 7) | (d.rex & 2) << 2);
    if (index != 4) {
      d.index = index;
      d.scale = sib >> 6;
    }
    d.base = static_cast<std::uint8_t>((sib & 7) | (d.rex & 1) << 3);
    if ((sib & 7) == 5 && d.mod == 0) {
      d.base = Decoded::kNoRegister;
      displacement32 = true;
    }
  } else if (rm == 5 && d.mod == 0) {
    d.base = Decoded::kNoRegister;
    d.rip_relative = true;
    displacement32 = true;
  }
  if (displacement32) d.displacement = bytes.take_signed(4);
  if (d.mod == 1) d.displacement = bytes.take_signed(1);
}

bool prefix_matches(const Row& row, const Decoded& d) {
  switch (row.prefix) {
    case Prefix::any:
      return true;
    case Prefix::none:
      return !d.operand16 && d.repeat == 0;
    case Prefix::p66:
      return d.operand16 && d.repeat == 0;
    case Prefix::pF3:
      return d.repeat == 0xf3;
    case Prefix::pF2:
      return d.repeat == 0xf2;
  }
  return false;
}

bool is_memory_only(Arg arg) {
  return arg >= Arg::M && arg <= Arg::Mo;
}
bool is_register_only(Arg arg) {
  return arg == Arg::No || arg == Arg::Rd || arg == Arg::Ry;
}
bool needs_modrm(Arg arg) {
  return (arg >= Arg::Eb && arg <= Arg::Gy) || is_memory_only(arg) || (arg >= Arg::Vo && arg <= Arg::Ry);
}

bool form_matches(const Row& row, unsigned mod) {
  for (Arg arg : row.args) {
    if (mod == 3 && is_memory_only(arg)) return false;
    if (mod != 3 && is_register_only(arg)) return false;
  }
  return true;
}

bool wants_modrm(const Row& row) {
  if (row.extension != kAnyExtension) return true;
  for (Arg arg : row.args)
    if (needs_modrm(arg)) return true;
  return false;
}

const Row* find_row(Bytes& bytes, Decoded& d, unsigned map) {
  const Rows rows = rows_of(map, d.opcode);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const Row& row = rows.first[i];
    if (!prefix_matches(row, d)) continue;
    if (wants_modrm(row) && !d.has_modrm) take_modrm(bytes, d);
    if (row.extension != kAnyExtension && row.extension != (d.reg & 7)) continue;
    if (form_matches(row, d.mod)) return &row;
  }
  return nullptr;
}

std::uint8_t operand_size(const Decoded& d) {
  const Row& row = *d.row;
  for (Arg arg : row.args) {
    if (arg == Arg::Eb || arg == Arg::Gb || arg == Arg::Ab || arg == Arg::Rb || arg == Arg::Zb || arg == Arg::Ob)
      return 0;
  }
  if (row.traits & kByteSize) return 0;
  if (row.traits & kFixed64) return 3;
  if (d.rex_w()) return 3;
  if (row.prefix == Prefix::any && d.operand16) return 1;
  return row.traits & kStack64 ? 3 : 2;
}

void take_immediate(Bytes& bytes, Decoded& d, Arg arg) {
  switch (arg) {
    case Arg::Ib:
      d.imm = d.imm << 8 | bytes.take(1);
      break;  // ENTER has two immediates: the last is the low byte
    case Arg::Is:
    case Arg::Jb:
      d.imm = bytes.take_signed(1);
      break;
    case Arg::Iw:
      d.imm = bytes.take(2);
      break;
    case Arg::Iz:
      d.imm = bytes.take_signed(d.size == 1 ? 2 : 4);
      break;
    case Arg::Jz:
      d.imm = bytes.take_signed(4);
      break;
    case Arg::Iv:
      d.imm = bytes.take_signed(1U << d.size);
      break;
    case Arg::Ob:
    case Arg::Ov:
      d.displacement = bytes.take(d.address32 ? 4 : 8);
      break;
    case Arg::One:
      d.imm = 1;
      break;
    default:
      break;
  }
}

}  // namespace

DecodeError decode(const std::uint8_t* bytes, std::uint64_t size, std::uint64_t rip, Decoded& d) {
  Bytes input(bytes, size);
  d.opcode = take_prefixes(input, d);
  unsigned map = 0;
  if (d.opcode == 0x0f) {
    map = 1;
    d.opcode = input.next();
  }
  d.row = find_row(input, d, map);
  if (d.row != nullptr) {
    d.size = operand_size(d);
    for (Arg arg : d.row->args) take_immediate(input, d, arg);
    if (d.row->args[0] == Arg::Jb || d.row->args[0] == Arg::Jz) d.imm += rip + input.used();
  }
  d.length = input.used();
  if (input.ended()) return size >= kLengthMax ? DecodeError::too_long : DecodeError::more_bytes;
  if (d.row == nullptr) return DecodeError::illegal;
  const bool locks = (d.row->traits & kLockable) && d.memory() && d.row->args[0] != Arg::none;
  if (d.lock && !locks) return DecodeError::illegal;
  return DecodeError::none;
}

namespace {

std::uint16_t byte_register(unsigned number, bool rex) {
  // Without REX, 4 to 7 are ah, ch, dh and bh.
  if (!rex && number >= 4 && number < 8) return static_cast<std::uint16_t>(gpr_offset(number - 4) + 1);
  return gpr_offset(number);
}

void place_operand(const Decoded& d, Arg arg, Op& op) {
  switch (arg) {
    case Arg::Eb:
      op.rm = byte_register(d.rm, d.rex != 0);
      break;
    case Arg::Gb:
      op.reg = byte_register(d.reg, d.rex != 0);
      break;
    case Arg::Zb:
      op.rm = byte_register((d.opcode & 7) | (d.rex & 1) << 3, d.rex != 0);
      break;
    case Arg::Zv:
      op.rm = gpr_offset((d.opcode & 7) | (d.rex & 1) << 3);
      break;
    case Arg::Ew:
    case Arg::Ed:
    case Arg::Eq:
    case Arg::Ev:
    case Arg::Ey:
    case Arg::Rd:
    case Arg::Ry:
      op.rm = gpr_offset(d.rm);
      break;
    case Arg::Gw:
    case Arg::Gd:
    case Arg::Gq:
    case Arg::Gv:
    case Arg::Gy:
      op.reg = gpr_offset(d.reg);
      break;
    case Arg::Ab:
    case Arg::Av:
      op.rm = gpr_offset(rax);
      break;
    case Arg::Rb:
    case Arg::Rv:
      op.reg = gpr_offset(rax);
      break;
    case Arg::Vo:
      op.reg = xmm_offset(d.reg);
      break;
    case Arg::Ww:
    case Arg::Wd:
    case Arg::Wq:
    case Arg::Wo:
    case Arg::No:
      op.rm = xmm_offset(d.rm);
      break;
    default:
      break;
  }
}

/// A segment's base can take the place of a base or index register that the address does not have.
void fold_segment(Decoded& d, Op& op) {
  if (d.segment == 0 || d.address32 || d.index != Decoded::kNoRegister || !d.memory() || d.row->pick == pick_lea)
    return;
  if (d.base == Decoded::kNoRegister) {
    op.base = op.segment;
  } else {
    op.index = op.segment;
    d.index = 0;  // whichever: that there is one
  }
  op.segment = kZeroRegister;
  d.segment = 0;
}

}  // namespace

bool make_op(Decoded& d, std::uint64_t rip, Op& op) {
  op = Op{};
  for (Arg arg : d.row->args) place_operand(d, arg, op);
  op.base = d.base == Decoded::kNoRegister ? kZeroRegister : gpr_offset(d.base);
  op.index = d.index == Decoded::kNoRegister ? kZeroRegister : gpr_offset(d.index);
  op.segment = kZeroRegister;
  if (d.segment == 0x64) op.segment = offsetof(Cpu, fs_base);
  if (d.segment == 0x65) op.segment = offsetof(Cpu, gs_base);
  op.scale = static_cast<std::uint8_t>(d.scale | (d.address32 ? kAddress32 : 0));
  op.displacement = d.displacement + (d.rip_relative ? rip + d.length : 0);
  op.length = d.length;
  op.imm = d.imm;
  fold_segment(d, op);
  op.handler = d.row->pick(d, op);
  return op.handler != nullptr;
}

namespace {

struct Index {
  std::array<Rows, 512> rows{};

  Index() {
    add(kIntegerRows, kIntegerRowCount);
    add(kSseRows, kSseRowCount);
  }
  void add(const Row* table, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      Rows& found = rows[table[i].map * 256U + table[i].opcode];
      if (found.first == nullptr) found.first = &table[i];
      ++found.count;
    }
  }
};

}  // namespace

Rows rows_of(unsigned map, unsigned opcode) {
  static const Index kIndex;
  return kIndex.rows[map * 256 + opcode];
}

}  // namespace drydock::machine
