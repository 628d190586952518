#include "base/random.h"

#include "base/assert.h"
#include "base/text.h"

namespace drydock {

std::uint64_t Random::next_u64() {
  std::array<char, 8> bytes{};
  fill(bytes);
  std::uint64_t value = 0;
  for (char byte : bytes) value = (value << 8) | static_cast<unsigned char>(byte);
  return value;
}

std::uint64_t Random::below(std::uint64_t bound) {
  DD_ASSERT(bound > 0);
  // Values below 2^64 mod bound would make the small remainders likelier: draw again.
  const std::uint64_t unfair = (0 - bound) % bound;
  std::uint64_t value = next_u64();
  while (value < unfair) value = next_u64();
  return value % bound;
}

std::string Random::hex_id(std::size_t bytes) {
  std::string raw(bytes, '\0');
  fill(raw);
  return to_hex(raw);
}

namespace {
std::uint64_t rotate_left(std::uint64_t value, int bits) {
  return (value << bits) | (value >> (64 - bits));
}
}  // namespace

SeededRandom::SeededRandom(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

std::uint64_t SeededRandom::step() {
  const std::uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

void SeededRandom::fill(std::span<char> out) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 8 == 0) word = step();
    out[i] = static_cast<char>(word >> (8 * (i % 8)));
  }
}

}  // namespace drydock
