#pragma once
// SHA-256 (FIPS 180-4), bytes in slices. Natively OpenSSL's, which uses the processor's SHA instructions; where there
// is no OpenSSL, the one in sha256_portable.h. The build chooses, not this header.

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace drydock::archive {

inline constexpr std::size_t kSha256Bytes = 32;
using Sha256Sum = std::array<unsigned char, kSha256Bytes>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  /// The sum of everything since construction or the last finish(); starts anew.
  Sha256Sum finish();

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace drydock::archive
