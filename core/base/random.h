#pragma once
// The Random port. Natively it is getrandom(2); a simulation hands out a seeded generator, so that a run can be
// repeated.

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace drydock {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<char> out) = 0;

  std::uint64_t next_u64();
  /// Uniform in [0, bound); bound > 0. Our own distribution: the standard ones differ between libraries.
  std::uint64_t below(std::uint64_t bound);
  /// `bytes` random bytes as lower-case hexadecimal: hex_id(32) is a container id.
  std::string hex_id(std::size_t bytes);
};

/// xoshiro256** seeded by splitmix64 (Blackman and Vigna, public domain algorithms): repeatable, not secret.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  void fill(std::span<char> out) override;

 private:
  std::uint64_t step();
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace drydock
