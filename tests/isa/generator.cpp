// See generator.h.

#include "tests/isa/generator.h"

#include <cstring>

#include "machine/cpu/handlers.h"

namespace drydock::machine::isa {
namespace {

constexpr std::uint64_t kMiddle = kDataPage + 4096;  // operands are about here: some straddle the two pages

constexpr std::uint64_t kEdges[] = {0,
                                    1,
                                    2,
                                    3,
                                    0x7f,
                                    0x80,
                                    0xff,
                                    0x100,
                                    0x7fff,
                                    0x8000,
                                    0xffff,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    0x100000000,
                                    0x7fffffffffffffff,
                                    0x8000000000000000,
                                    0xffffffffffffffff,
                                    0xffffffff80000000,
                                    0x0f0f0f0f0f0f0f0f};

// Singles and doubles: zeros, ones, denormals, the largest, infinities, NaNs, the limits of integers.
constexpr std::uint64_t kDoubles[] = {0,
                                      0x8000000000000000,
                                      0x3ff0000000000000,
                                      0xbff0000000000000,
                                      1,
                                      0x000fffffffffffff,
                                      0x7fefffffffffffff,
                                      0x7ff0000000000000,
                                      0xfff0000000000000,
                                      0x7ff8000000000000,
                                      0xfff8000000000123,
                                      0x7ff0000000000001,
                                      0x41dfffffffc00000,
                                      0x41e0000000000000,
                                      0xc1e0000000000000,
                                      0x43e0000000000000,
                                      0x3fe0000000000000,
                                      0x4004000000000000,
                                      0x400c000000000000,
                                      0x47efffffe0000000,
                                      0x36a0000000000000,
                                      0x3ff0000010000000};
constexpr std::uint32_t kSingles[] = {0,          0x80000000, 0x3f800000, 0xbf800000, 1,
                                      0x007fffff, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000,
                                      0xffc00123, 0x7f800001, 0x4effffff, 0x4f000000, 0xcf000000,
                                      0x5f000000, 0x3f000000, 0x40200000, 0x40600000};

std::uint64_t roll_value(Dice& dice) {
  switch (dice.below(4)) {
    case 0:
      return dice.next();
    case 1:
      return kEdges[dice.below(std::size(kEdges))];
    case 2:
      return kEdges[dice.below(std::size(kEdges))] + dice.below(3) - 1;
    default:
      return dice.next() & dice.next() & dice.next();
  }
}

std::uint64_t roll_lane(Dice& dice) {
  switch (dice.below(4)) {
    case 0:
      return roll_value(dice);
    case 1:
      return kDoubles[dice.below(std::size(kDoubles))];
    case 2:
      return kSingles[dice.below(std::size(kSingles))] |
             static_cast<std::uint64_t>(kSingles[dice.below(std::size(kSingles))]) << 32;
    default: {  // a number of ordinary size
      const double value = static_cast<double>(static_cast<std::int64_t>(dice.next())) / (1ULL << dice.below(60));
      return __builtin_bit_cast(std::uint64_t, value);
    }
  }
}

bool has(const Row& row, std::initializer_list<Arg> wanted) {
  for (Arg arg : row.args)
    for (Arg other : wanted)
      if (arg == other) return true;
  return false;
}
bool may_be_memory(const Row& row) {
  using enum Arg;
  return has(row, {Eb, Ew, Ed, Eq, Ev, Ey, M, Mw, Md, Mq, Mo, Ww, Wd, Wq, Wo});
}
bool may_be_register(const Row& row) {
  using enum Arg;
  return has(row, {Eb, Ew, Ed, Eq, Ev, Ey, Ww, Wd, Wq, Wo, No, Rd, Ry}) || !has(row, {M, Mw, Md, Mq, Mo});
}
bool has_modrm(const Row& row) {
  using enum Arg;
  return row.extension != kAnyExtension || may_be_memory(row) || has(row, {No, Rd, Ry, Gb, Gw, Gd, Gq, Gv, Gy, Vo});
}
bool has_offset(const Row& row) {
  return has(row, {Arg::Ob, Arg::Ov});
}

/// An encoder of one instruction.
class Encoder {
 public:
  Encoder(Dice& dice, const Row& row, Variant variant, Case& test)
      : dice_(dice), row_(row), variant_(variant), test_(test) {}

  void run() {
    prefixes();
    if (has_modrm(row_)) modrm();
    rex_ |= variant_.size == Variant::Size::rex_w ? 0x48 : 0;
    if (rex_ == 0 && dice_.one_in(4)) rex_ = 0x40;
    if (has(row_, {Arg::Zb, Arg::Zv}) && dice_.one_in(2)) rex_ |= 0x41;
    std::vector<std::uint8_t>& code = test_.code;
    code = prefixes_;
    if (rex_ != 0) code.push_back(rex_);
    if (row_.map == 1) code.push_back(0x0f);
    code.push_back(row_.opcode);
    const std::size_t displacement_at = code.size() + displacement_index_;
    code.insert(code.end(), tail_.begin(), tail_.end());
    immediates();
    if (rip_relative_) {
      const std::uint64_t next = kCodePage + test_.offset + code.size();
      put(displacement_at, target_ - next, 4);
    }
  }

 private:
  void prefixes() {
    if (variant_.size == Variant::Size::operand16 || row_.prefix == Prefix::p66) prefixes_.push_back(0x66);
    if (row_.prefix == Prefix::pF3) prefixes_.push_back(0xf3);
    if (row_.prefix == Prefix::pF2) prefixes_.push_back(0xf2);
    if ((row_.traits & kString) && dice_.below(3) != 0) prefixes_.push_back(dice_.one_in(2) ? 0xf2 : 0xf3);
    if ((row_.traits & kLockable) && variant_.memory && dice_.one_in(4)) prefixes_.push_back(0xf0);
  }

  void modrm() {
    const unsigned reg = row_.extension != kAnyExtension ? static_cast<unsigned>(row_.extension)
                                                         : static_cast<unsigned>(dice_.below(16));
    rex_ |= reg & 8 ? 0x44 : 0;
    if (!variant_.memory) {
      const auto rm = static_cast<unsigned>(dice_.below(16));
      rex_ |= rm & 8 ? 0x41 : 0;
      tail_.push_back(static_cast<std::uint8_t>(0xc0 | (reg & 7) << 3 | (rm & 7)));
      return;
    }
    target_ = operand_address();
    memory_operand(static_cast<std::uint8_t>((reg & 7) << 3));
  }

  std::uint64_t operand_address() {
    if (has(row_, {Arg::Wo, Arg::Mo}) && !dice_.one_in(8)) return kMiddle + 16 * dice_.below(8) - 64;
    if (dice_.one_in(16))
      return dice_.one_in(2) ? kDataPage - 1 - dice_.below(8) : kDataPage + kDataBytes - dice_.below(8);
    return kMiddle + dice_.below(64) - 32;
  }

  void memory_operand(std::uint8_t reg_bits) {
    const std::uint64_t way = dice_.below(8);
    if (way == 0) {  // rip
      tail_.push_back(reg_bits | 5);
      displacement_index_ = tail_.size();
      append(0, 4);
      rip_relative_ = true;
      return;
    }
    if (way == 1) {  // gs: no base, only a displacement
      prefixes_.push_back(0x65);
      const std::uint64_t displacement = dice_.below(0x10000) - 0x8000;
      tail_.push_back(reg_bits | 4);
      tail_.push_back(0x25);
      append(displacement, 4);
      test_.cpu.gs_base = target_ - displacement;
      return;
    }
    with_registers(reg_bits, way < 5);
  }

  void with_registers(std::uint8_t reg_bits, bool indexed) {
    unsigned base;
    do base = static_cast<unsigned>(dice_.below(16));
    while (base == rsp && (row_.traits & kStack64));
    unsigned index;
    do index = static_cast<unsigned>(dice_.below(16));
    while (index == rsp || index == base);
    const auto mod = static_cast<unsigned>((base & 7) == 5 ? 1 + dice_.below(2) : dice_.below(3));
    const auto scale = static_cast<unsigned>(dice_.below(4));
    const std::uint64_t displacement = mod == 0   ? 0
                                       : mod == 1 ? dice_.below(256) - 128
                                                  : dice_.next() % 0x20000 - 0x10000;
    std::uint64_t sum = displacement;
    rex_ |= base & 8 ? 0x41 : 0;
    const bool sib = indexed || (base & 7) == 4;
    tail_.push_back(static_cast<std::uint8_t>(mod << 6 | reg_bits | (sib ? 4 : base & 7)));
    if (sib) {
      rex_ |= indexed && (index & 8) ? 0x42 : 0;
      tail_.push_back(static_cast<std::uint8_t>(scale << 6 | (indexed ? index & 7 : 4) << 3 | (base & 7)));
      if (indexed) sum += test_.cpu.gpr[index] << scale;
    }
    if (mod != 0) append(displacement, mod == 1 ? 1 : 4);
    test_.cpu.gpr[base] = target_ - sum;
  }

  void immediates() {
    for (Arg arg : row_.args) {
      switch (arg) {
        case Arg::Ib:
          emit(row_.pick == pick_enter ? dice_.below(32) : roll_value(dice_), 1);
          break;
        case Arg::Is:
        case Arg::Jb:
          emit(roll_value(dice_), 1);
          break;
        case Arg::Iw:
          emit(row_.pick == pick_enter ? dice_.below(256) : roll_value(dice_) % 4096, 2);
          break;
        case Arg::Iz:
          emit(roll_value(dice_), variant_.size == Variant::Size::operand16 ? 2 : 4);
          break;
        case Arg::Jz:
          emit(dice_.next() % 0x20000 - 0x10000, 4);
          break;
        case Arg::Iv:
          emit(roll_value(dice_), variant_.size == Variant::Size::operand16 ? 2
                                  : variant_.size == Variant::Size::rex_w   ? 8
                                                                            : 4);
          break;
        case Arg::Ob:
        case Arg::Ov:
          emit(kMiddle + dice_.below(64) - 32, 8);
          break;
        default:
          break;
      }
    }
  }

  void append(std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) tail_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void emit(std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) test_.code.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void put(std::size_t at, std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) test_.code[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  }

  Dice& dice_;
  const Row& row_;
  Variant variant_;
  Case& test_;
  std::vector<std::uint8_t> prefixes_;
  std::vector<std::uint8_t> tail_;
  std::uint8_t rex_ = 0;
  std::uint64_t target_ = 0;
  std::size_t displacement_index_ = 0;
  bool rip_relative_ = false;
};

bool has_variant(const Row& row, Variant variant) {
  if (variant.memory && !may_be_memory(row)) return false;
  if (!variant.memory && !may_be_register(row)) return false;
  if (variant.size == Variant::Size::operand16)
    return row.prefix == Prefix::any && !(row.traits & kFixed64) && std::strcmp(row.name, "movsxd") != 0;
  return true;
}

/// What the instruction uses without naming it.
void prepare_implied(Dice& dice, const Row& row, Case& test) {
  Cpu& cpu = test.cpu;
  cpu.gpr[rsp] = kMiddle + dice.below(64) - 32;
  if (row.pick == pick_leave || row.pick == pick_enter) cpu.gpr[rbp] = kMiddle + dice.below(512) - 256;
  if (row.pick == pick_xlat) cpu.gpr[rbx] = kMiddle - 128;
  if (std::strcmp(row.name, "maskmovdqu") == 0) cpu.gpr[rdi] = kMiddle - dice.below(64);
  if (row.traits & kString) {
    cpu.gpr[rsi] = kMiddle + dice.below(128) - 64;
    cpu.gpr[rdi] = kMiddle + dice.below(128) - 64;
    if (dice.one_in(8)) cpu.gpr[rdi] = kDataPage + kDataBytes - 1 - dice.below(64);  // into what is not mapped
    cpu.gpr[rcx] = dice.one_in(16) ? 300 : dice.below(20);
    if (dice.one_in(2)) cpu.set_rflags(cpu.rflags() | rflag::df);
    for (unsigned i = 0; dice.one_in(2) && i < 256; ++i)
      test.data[4096 - 128 + i] = static_cast<std::uint8_t>(cpu.gpr[rax]);
    test.step = Step::to_end;
  }
  if (row.pick == pick_mul_div && dice.below(4) != 0) cpu.gpr[rdx] = dice.one_in(2) ? 0 : dice.below(100);
  if (row.pick == pick_mul_div && dice.one_in(2)) cpu.gpr[rax] &= 0xffff;
  if (row.args[0] == Arg::Eq || row.pick == pick_ret) {  // targets that exist
    for (unsigned i = 0; i < 16; ++i)
      if (i != rsp) cpu.gpr[i] = kDataPage + dice.below(4096);
    for (std::size_t i = 0; i < test.data.size(); i += 2) test.data[i] = test.data[i + 1] = 0;
  }
  if (row.pick == pick_pushf || row.pick == pick_popf) {
    test.step = Step::to_end;
    const std::uint64_t flags = dice.next() & (rflag::arithmetic | rflag::df | rflag::interrupt | 0x8000003002);
    std::memcpy(&test.data[cpu.gpr[rsp] - kDataPage], &flags, 8);
  }
}

}  // namespace

void roll_state(Dice& dice, Case& test) {
  for (std::uint64_t& value : test.cpu.gpr) value = roll_value(dice);
  for (Xmm& value : test.cpu.xmm) value = {roll_lane(dice), roll_lane(dice)};
  test.cpu.set_rflags(dice.next() & rflag::arithmetic);
  for (std::size_t i = 4096 - 512; i < 4096 + 512; i += 8) {
    const std::uint64_t value = dice.one_in(2) ? roll_lane(dice) : roll_value(dice);
    std::memcpy(&test.data[i], &value, 8);
  }
}

std::optional<Case> generate(Dice& dice, const Row& row, Variant variant) {
  if (!has_variant(row, variant)) return std::nullopt;
  std::optional<Case> test(std::in_place);
  roll_state(dice, *test);
  prepare_implied(dice, row, *test);
  if (row.pick == pick_bit_test && variant.memory)  // a bit offset must not lead out of the data
    for (std::uint64_t& value : test->cpu.gpr) value = dice.below(1024) - 512;
  test->cpu.gpr[rsp] = kMiddle + dice.below(64) - 32;
  if (row.pick == pick_popf) test->cpu.gpr[rsp] = kMiddle;
  if (row.pick == pick_popf) {
    const std::uint64_t flags = dice.next() & (rflag::arithmetic | rflag::df | rflag::interrupt | 0x3002);
    std::memcpy(&test->data[4096], &flags, 8);
  }
  Encoder(dice, row, variant, *test).run();
  if (has_offset(row)) variant.memory = true;
  return test;
}

Case generate_random(Dice& dice) {
  Case test;
  roll_state(dice, test);
  for (std::uint64_t& value : test.cpu.gpr)
    if (!dice.one_in(4)) value = kMiddle + dice.below(256) - 128;
  test.cpu.gpr[rsp] = kMiddle + dice.below(64) - 32;
  test.cpu.gs_base = kMiddle;
  if (dice.one_in(4)) test.cpu.gpr[rcx] = dice.below(64);
  return test;
}

}  // namespace drydock::machine::isa
