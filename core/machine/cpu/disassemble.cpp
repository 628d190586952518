// An instruction as text, from the same table that it is executed by. Intel's order of operands; SDM vol. 2, 3.1.1.

#include <array>
#include <string_view>

#include "machine/cpu/handlers.h"
#include "machine/cpu/instruction.h"
#include "machine/cpu/interpreter.h"

namespace drydock::machine {
namespace {

constexpr std::array<std::string_view, 16> kRegisters64{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
constexpr std::array<std::string_view, 8> kRegisters16{"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
constexpr std::array<std::string_view, 8> kLowBytes{"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
constexpr std::array<std::string_view, 4> kHighBytes{"ah", "ch", "dh", "bh"};
constexpr std::array<std::string_view, 16> kConditions{"o", "no", "b", "ae", "e", "ne", "be", "a",
                                                       "s", "ns", "p", "np", "l", "ge", "le", "g"};
constexpr std::array<std::string_view, 5> kPointers{"byte ptr ", "word ptr ", "dword ptr ", "qword ptr ",
                                                    "xmmword ptr "};
constexpr unsigned kAddressOnly = 5;

std::string hex(std::uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[value & 15]);
    value >>= 4;
  } while (value != 0);
  return "0x" + digits;
}
std::string signed_hex(std::uint64_t value) {
  return value >> 63 ? "-" + hex(0 - value) : hex(value);
}

/// `size` is log2 of the bytes.
std::string register_name(unsigned number, unsigned size, bool rex) {
  if (size == 3) return std::string(kRegisters64[number]);
  if (size == 0 && !rex && number >= 4 && number < 8) return std::string(kHighBytes[number - 4]);
  if (number >= 8) return std::string(kRegisters64[number]) + (size == 0 ? "b" : size == 1 ? "w" : "d");
  if (size == 0) return std::string(kLowBytes[number]);
  return (size == 2 ? "e" : "") + std::string(kRegisters16[number]);
}

/// log2 of the size of an operand whose code does not leave it to the operand size.
unsigned size_of(Arg arg, const Decoded& d) {
  switch (arg) {
    case Arg::Eb:
    case Arg::Gb:
    case Arg::Ab:
    case Arg::Rb:
    case Arg::Zb:
    case Arg::Ob:
      return 0;
    case Arg::Ew:
    case Arg::Gw:
    case Arg::Mw:
    case Arg::Ww:
      return 1;
    case Arg::Ed:
    case Arg::Gd:
    case Arg::Md:
    case Arg::Wd:
    case Arg::Rd:
      return 2;
    case Arg::Eq:
    case Arg::Gq:
    case Arg::Mq:
    case Arg::Wq:
      return 3;
    case Arg::Ey:
    case Arg::Gy:
    case Arg::Ry:
      return d.rex_w() ? 3 : 2;
    case Arg::Mo:
    case Arg::Wo:
    case Arg::Vo:
    case Arg::No:
      return 4;
    case Arg::M:
      return kAddressOnly;
    default:
      return d.rex_w() ? 3 : d.operand16 ? 1 : d.size == 0 ? 2 : d.size;
  }
}

std::string address_text(const Decoded& d, std::uint64_t next, unsigned size) {
  std::string text = size < kPointers.size() ? std::string(kPointers[size]) : std::string();
  if (d.segment != 0) text += d.segment == 0x64 ? "fs:" : "gs:";
  text += '[';
  const unsigned address_size = d.address32 ? 2 : 3;
  bool any = false;
  if (d.base != Decoded::kNoRegister) {
    text += register_name(d.base, address_size, true);
    any = true;
  }
  if (d.index != Decoded::kNoRegister) {
    text += (any ? "+" : "") + register_name(d.index, address_size, true) + "*" + std::to_string(1U << d.scale);
    any = true;
  }
  if (d.rip_relative)
    text += hex(next + d.displacement);
  else if (!any)
    text += hex(d.displacement);
  else if (d.displacement != 0)
    text += (d.displacement >> 63 ? "" : "+") + signed_hex(d.displacement);
  return text + "]";
}

bool is_general(Arg arg) {
  return arg >= Arg::Gb && arg <= Arg::Gy;
}

std::string operand_text(Arg arg, const Decoded& d, std::uint64_t next) {
  const unsigned size = size_of(arg, d);
  switch (arg) {
    case Arg::Ab:
    case Arg::Av:
    case Arg::Rb:
    case Arg::Rv:
      return register_name(rax, size, true);
    case Arg::Zb:
    case Arg::Zv:
      return register_name((d.opcode & 7U) | (d.rex & 1U) << 3, d.size, d.rex != 0);
    case Arg::CL:
      return "cl";
    case Arg::One:
      return "1";
    case Arg::Ib:
      return hex(d.imm & 0xff);
    case Arg::Is:
    case Arg::Iz:
      return signed_hex(d.imm);
    case Arg::Iw:
      return hex(d.imm & 0xffff);
    case Arg::Iv:
      return hex(d.size == 3 ? d.imm : d.imm & ((std::uint64_t{1} << (8U << d.size)) - 1));
    case Arg::Jb:
    case Arg::Jz:
      return hex(d.imm);
    case Arg::Ob:
    case Arg::Ov:
      return std::string(kPointers[size]) + "[" + hex(d.displacement) + "]";
    case Arg::Vo:
      return "xmm" + std::to_string(d.reg);
    default:
      break;
  }
  if (is_general(arg)) return register_name(d.reg, size, d.rex != 0);
  if (d.memory()) return address_text(d, next, size);
  if (arg == Arg::Ww || arg == Arg::Wd || arg == Arg::Wq || arg == Arg::Wo || arg == Arg::No)
    return "xmm" + std::to_string(d.rm);
  return register_name(d.rm, size, d.rex != 0);
}

std::string name_of(const Decoded& d) {
  if (d.row->pick == pick_xchg && d.row->map == 0 && d.opcode == 0x90 && (d.rex & 1) == 0)
    return d.repeat == 0xf3 ? "pause" : "nop";
  if (d.row->map == 1 && d.opcode == 0x1e && d.repeat == 0xf3 && !d.memory() && (d.reg & 7) == 7 && (d.rm & 7) == 2)
    return "endbr64";
  std::string name = d.row->name;
  if (name == "cmpxchg8b" && d.rex_w()) return "cmpxchg16b";
  if (name == "cbw") return d.size == 1 ? "cbw" : d.size == 2 ? "cwde" : "cdqe";
  if (name == "cwd") return d.size == 1 ? "cwd" : d.size == 2 ? "cdq" : "cqo";
  if ((name == "movd") && d.rex_w()) return "movq";
  if (name.back() == '?') return name.substr(0, name.size() - 1) + std::string(kConditions[d.opcode & 15]);
  if (name.back() == '*') name.back() = "bwdq"[d.size];
  return name;
}

std::string prefix_of(const Decoded& d) {
  if (d.lock) return "lock ";
  if (!(d.row->traits & kString) || d.repeat == 0) return "";
  const bool compares = (d.opcode & 0xfe) == 0xa6 || (d.opcode & 0xfe) == 0xae;
  if (!compares) return "rep ";
  return d.repeat == 0xf3 ? "repe " : "repne ";
}

}  // namespace

std::optional<DecodedText> disassemble(const std::uint8_t* bytes, std::uint64_t size, std::uint64_t address) {
  Decoded d;
  Op op;
  if (decode(bytes, size, address, d) != DecodeError::none) return std::nullopt;
  Decoded made = d;  // choosing a handler may change it
  if (!make_op(made, address, op)) return std::nullopt;
  DecodedText text;
  const std::string name = name_of(d);
  text.mnemonic = prefix_of(d) + name;
  text.length = d.length;
  if (name == "nop" || name == "pause" || name == "endbr64") return text;
  if (d.row->pick == pick_nop && !d.memory()) return text;  // fences
  for (Arg arg : d.row->args) {
    if (arg == Arg::none) continue;
    if (!text.operands.empty()) text.operands += ", ";
    text.operands += operand_text(arg, d, address + d.length);
  }
  return text;
}

}  // namespace drydock::machine
