// The name of a page's content. SipHash: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.

#include "machine/mm/frame.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t rotated(std::uint64_t value, unsigned by) {
  return value << by | value >> (64 - by);
}

struct Sip {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = rotated(v1, 13) ^ v0;
    v0 = rotated(v0, 32);
    v2 += v3;
    v3 = rotated(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotated(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotated(v1, 17) ^ v2;
    v2 = rotated(v2, 32);
  }
  void add(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

std::uint64_t little_endian_word(const std::uint8_t* bytes) {
  std::uint64_t word = 0;
  for (unsigned at = 0; at < 8; ++at) word |= static_cast<std::uint64_t>(bytes[at]) << (8 * at);
  return word;
}

}  // namespace

std::uint64_t hash_of_page(const std::uint8_t* bytes) {
  constexpr std::uint64_t kKey0 = 0x6472'7964'6f63'6b21, kKey1 = 0x6672'616d'6520'6964;
  Sip sip{0x736f6d6570736575 ^ kKey0, 0x646f72616e646f6d ^ kKey1, 0x6c7967656e657261 ^ kKey0,
          0x7465646279746573 ^ kKey1};
  for (std::uint64_t at = 0; at < kPageBytes; at += 8) sip.add(little_endian_word(bytes + at));
  sip.add((kPageBytes % 256) << 56);
  sip.v2 ^= 0xff;
  for (int round = 0; round < 4; ++round) sip.round();
  const std::uint64_t hash = sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
  return hash != 0 ? hash : 1;
}

}  // namespace drydock::machine
