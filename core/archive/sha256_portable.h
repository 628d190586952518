#pragma once
// SHA-256 in plain C++ (FIPS 180-4 §6.2): for hosts without OpenSSL, and to check the other one against.

#include <array>
#include <cstdint>
#include <string_view>

#include "archive/sha256.h"

namespace drydock::archive {

class PortableSha256 {
 public:
  PortableSha256();
  void update(std::string_view bytes);
  /// The sum of everything since construction or the last finish(); starts anew.
  Sha256Sum finish();

 private:
  static constexpr std::size_t kBlockBytes = 64;
  void compress(const char* block);

  std::array<std::uint32_t, 8> state_;
  std::array<char, kBlockBytes> pending_;
  std::size_t pending_size_;
  std::uint64_t total_bytes_;
};

}  // namespace drydock::archive
