#pragma once
// Decoded code, kept by content: blocks of instructions for (address, code key). Emptied when it is full.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "machine/cpu/instruction.h"

namespace drydock::machine {

inline constexpr std::uint32_t kBlockInstructionsMax = 64;

class BlockCache {
 public:
  explicit BlockCache(std::uint32_t instructions_max);

  const Block* find(std::uint64_t rip, std::uint64_t key, bool single) const;

  /// What there is of code from `rip` on: up to the end of its page, and, if `next_page` is there, beyond.
  struct Code {
    const std::uint8_t* page = nullptr;
    std::uint64_t key = 0;
    const std::uint8_t* next_page = nullptr;
    std::uint64_t next_key = 0;
  };
  /// Decodes and keeps a block. Null: the first instruction goes on in the next page, which was not given.
  const Block* build(std::uint64_t rip, const Code& code, bool single);

  bool is_full() const { return used_ + kBlockInstructionsMax + 1 > max_; }
  /// All blocks and Ops are gone.
  void clear();

 private:
  std::byte* allocate(std::size_t instructions);
  const Block* keep(const Block& block, const std::vector<Op>& ops);

  static constexpr std::size_t kBuckets = 1 << 15;
  static std::size_t bucket_of(std::uint64_t rip, std::uint64_t key);

  std::uint32_t max_;
  std::uint32_t used_ = 0;
  std::vector<const Block*> buckets_;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::size_t chunk_used_ = 0;
};

}  // namespace drydock::machine
