#pragma once
// Cases for a row of the instruction table: operand sizes, registers and memory, addressing modes, edge values, flags.

#include <cstdint>
#include <optional>

#include "tests/isa/comparison.h"

namespace drydock::machine::isa {

/// xorshift: the same cases on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ * 0x2545f4914f6cdd1d;
  }
  std::uint64_t below(std::uint64_t limit) { return (next() >> 16) % limit; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

/// Registers, flags and memory: edge values as often as random ones.
void roll_state(Dice& dice, Case& test);

/// One way to encode the row and to call it. Nothing if the row has no such variant (of size, of memory).
struct Variant {
  enum class Size : std::uint8_t { plain, operand16, rex_w } size = Size::plain;
  bool memory = false;
};
std::optional<Case> generate(Dice& dice, const Row& row, Variant variant);

/// A state for bytes that come from anywhere: registers point into the data page more often than not.
Case generate_random(Dice& dice);

}  // namespace drydock::machine::isa
