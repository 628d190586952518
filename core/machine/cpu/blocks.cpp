// From code to blocks: decoding until a branch or the end of the page, and what can be done better with the whole block
// in view.

#include "machine/cpu/blocks.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <type_traits>

#include "machine/cpu/flags.h"
#include "machine/cpu/handlers.h"

namespace drydock::machine {
namespace {

constexpr std::size_t kChunkBytes = 512 << 10;
constexpr std::size_t kInstructionBytesMax = 15;

template <FlagKind K>
std::uint32_t kind_of_size(unsigned size) {
  return static_cast<std::uint32_t>(K) << 2 | size;
}

/// LazyFlags::kind after the instruction, if it is always the same; 0 if it is not.
std::uint32_t flags_after(const Decoded& d) {
  const Row& row = *d.row;
  if (row.traits & (kNoFlags | kKeepsFlags)) return d.flags_kind;
  if (row.pick == pick_test) return kind_of_size<FlagKind::logic>(d.size);
  if (row.pick == pick_inc_dec) {
    return (d.reg & 7) == 0 ? kind_of_size<FlagKind::inc>(d.size) : kind_of_size<FlagKind::dec>(d.size);
  }
  if (row.pick == pick_bit_test || (row.pick == pick_sse_compare && (row.traits & kSetsFlags))) return kKnownStored;
  if (row.pick != pick_alu) return 0;
  switch (d.opcode >= 0x80 ? d.reg & 7 : d.opcode >> 3 & 7) {
    case 0:
      return kind_of_size<FlagKind::add>(d.size);
    case 2:
    case 3:
      return 0;
    case 5:
    case 7:
      return kind_of_size<FlagKind::sub>(d.size);
    default:
      return kind_of_size<FlagKind::logic>(d.size);
  }
}

bool touches_memory(const Decoded& d) {
  for (Arg arg : d.row->args)
    if (arg == Arg::Ob || arg == Arg::Ov) return true;
  return d.memory() || (d.row->traits & (kString | kStack64));
}

/// Rotates change some flags only, which is slow; so leave out what nobody sees: neither the instructions up to the
/// next that sets all flags, nor a signal frame of one that may fault.
void drop_dead_flags(const std::vector<Decoded>& decoded, std::vector<Op>& ops) {
  bool dead = false;
  for (std::size_t i = decoded.size(); i-- > 0;) {
    const Decoded& d = decoded[i];
    if (d.row == nullptr) continue;
    if (dead) {
      if (const Handler handler = without_flags(d)) {
        ops[i].handler = handler;
        continue;
      }
    }
    if (touches_memory(d))
      dead = false;
    else if (d.row->traits & kSetsFlags)
      dead = true;
    else if (!(d.row->traits & kNoFlags))
      dead = false;
  }
}

/// The instructions of a block while it is being made.
class Builder {
 public:
  Builder(std::uint64_t rip, const BlockCache::Code& code, bool single) : rip_(rip), code_(code), single_(single) {}

  /// False: the next page is needed.
  bool run() {
    const std::size_t most = single_ ? 1 : kBlockInstructionsMax;
    ops_.reserve(16);
    decoded_.reserve(16);
    while (ops_.size() < most && !ended_) {
      if (!add()) return false;
    }
    finish();
    return true;
  }
  const std::vector<Op>& ops() const { return ops_; }
  std::uint32_t count() const { return static_cast<std::uint32_t>(ops_.size() - 1); }
  bool straddles() const { return straddles_; }

 private:
  bool in_page(std::uint64_t address) const { return !straddles_ && ((address ^ rip_) & kPageMask) == 0; }

  /// Adds the instruction at next_; false if it cannot be read and is the first.
  bool add() {
    const std::uint64_t offset = next_ & ~kPageMask;
    const std::uint64_t left = in_page(next_) ? kPageBytes - offset : 0;
    Decoded d;
    DecodeError error = left == 0 ? DecodeError::more_bytes : decode(code_.page + offset, left, next_, d);
    if (error == DecodeError::more_bytes) {
      if (!ops_.empty()) {
        ended_ = true;
        return true;
      }
      if (code_.next_page == nullptr) return false;
      straddles_ = ended_ = true;
      std::array<std::uint8_t, kInstructionBytesMax> bytes{};
      std::memcpy(bytes.data(), code_.page + offset, left);
      std::memcpy(bytes.data() + left, code_.next_page, bytes.size() - left);
      d = Decoded{};
      error = decode(bytes.data(), bytes.size(), next_, d);
    }
    append(d, error);
    return true;
  }

  void append(Decoded& d, DecodeError error) {
    Op op;
    d.flags_kind = flags_kind_;
    d.same_page = in_page(d.imm);
    if (error != DecodeError::none || !make_op(d, next_, op)) {
      op = Op{};
      op.handler = error == DecodeError::too_long ? pick_privileged(d, op) : illegal_instruction();
      d.row = nullptr;
      ended_ = true;
    }
    op.start = static_cast<std::uint16_t>(next_ - rip_);
    op.number = static_cast<std::uint16_t>(ops_.size());
    ops_.push_back(op);
    decoded_.push_back(d);
    if (d.row == nullptr) return;
    flags_kind_ = flags_after(d);
    next_ += d.length;
    if (d.row->traits & kBranch) ended_ = true;
    if ((d.row->traits & kString) && d.repeat != 0) ended_ = true;
  }

  /// Pairs that have one handler. The second keeps its own, for when the first has to go on alone.
  void fuse() {
    for (std::size_t i = 0; i + 1 < ops_.size(); ++i) {
      if (decoded_[i + 1].row == nullptr) continue;
      Handler fused = fused_stack(decoded_[i], decoded_[i + 1]);
      if (fused == nullptr) fused = fused_compare_and_branch(decoded_[i], decoded_[i + 1]);
      if (fused == nullptr) continue;
      ops_[i].handler = fused;
      ++i;
    }
  }

  void finish() {
    drop_dead_flags(decoded_, ops_);
    const std::size_t count = ops_.size();
    fuse();
    Op end;
    end.imm = next_;
    end.handler = end_of_block(in_page(next_));
    end.start = static_cast<std::uint16_t>(next_ - rip_);
    end.number = static_cast<std::uint16_t>(count);
    ops_.push_back(end);
  }

  std::uint64_t rip_;
  const BlockCache::Code& code_;
  bool single_;
  std::uint64_t next_ = rip_;
  std::uint32_t flags_kind_ = 0;
  bool ended_ = false;
  bool straddles_ = false;
  std::vector<Op> ops_;
  std::vector<Decoded> decoded_;
};

}  // namespace

BlockCache::BlockCache(std::uint32_t instructions_max)
    : max_(std::max(instructions_max, 2 * (kBlockInstructionsMax + 1))), buckets_(kBuckets) {}

std::size_t BlockCache::bucket_of(std::uint64_t rip, std::uint64_t key) {
  return ((rip ^ key * 0x9e3779b97f4a7c15) * 0x9e3779b97f4a7c15) >> (64 - 15);
}

const Block* BlockCache::find(std::uint64_t rip, std::uint64_t key, bool single) const {
  for (const Block* block = buckets_[bucket_of(rip, key)]; block != nullptr; block = block->hash_next)
    if (block->rip == rip && block->key == key && block->single == single) return block;
  return nullptr;
}

const Block* BlockCache::build(std::uint64_t rip, const Code& code, bool single) {
  Builder builder(rip, code, single);
  if (!builder.run()) return nullptr;
  Block block;
  block.rip = rip;
  block.key = code.key;
  block.straddles = builder.straddles();
  block.second_key = block.straddles ? code.next_key : 0;
  block.single = single;
  block.count = builder.count();
  return keep(block, builder.ops());
}

const Block* BlockCache::keep(const Block& block, const std::vector<Op>& ops) {
  std::byte* place = allocate(ops.size());
  Block* kept = new (place) Block(block);
  for (std::size_t i = 0; i < ops.size(); ++i) new (place + sizeof(Block) + i * sizeof(Op)) Op(ops[i]);
  const Block*& bucket = buckets_[bucket_of(block.rip, block.key)];
  kept->hash_next = bucket;
  bucket = kept;
  return kept;
}

std::byte* BlockCache::allocate(std::size_t instructions) {
  static_assert(std::is_trivially_destructible_v<Block> && std::is_trivially_destructible_v<Op>);
  static_assert(sizeof(Block) % alignof(Op) == 0);
  const std::size_t bytes = sizeof(Block) + instructions * sizeof(Op);
  if (chunks_.empty() || chunk_used_ + bytes > kChunkBytes) {
    chunks_.push_back(std::make_unique<std::byte[]>(kChunkBytes));
    chunk_used_ = 0;
  }
  std::byte* place = chunks_.back().get() + chunk_used_;
  chunk_used_ += bytes;
  used_ += static_cast<std::uint32_t>(instructions);
  return place;
}

void BlockCache::clear() {
  std::fill(buckets_.begin(), buckets_.end(), nullptr);
  chunks_.clear();
  chunk_used_ = 0;
  used_ = 0;
}

}  // namespace drydock::machine
