// Sparse files of TarReader: the four ways in which GNU tar writes where the stored bytes belong.
// Source: GNU tar manual, "Storing Sparse Files" and "Basic Tar Format" (struct oldgnu_header).

#include <algorithm>

#include "archive/tar_number.h"
#include "archive/tar_reader.h"
#include "base/text.h"

namespace drydock::archive {
namespace {

constexpr std::size_t kNumberWidth = 12;
constexpr std::size_t kFragmentWidth = 2 * kNumberWidth;
// In the header block of an old sparse file ...
constexpr std::size_t kFirstFragments = 386;
constexpr std::size_t kFirstFragmentsCount = 4;
constexpr std::size_t kFirstIsExtended = 482;
constexpr std::size_t kRealSize = 483;
// ... and in the blocks that follow it.
constexpr std::size_t kMoreFragmentsCount = 21;
constexpr std::size_t kMoreIsExtended = 504;

constexpr std::size_t kMapNumberDigitsMax = 20;

Result<std::uint64_t> to_u64(std::int64_t number) {
  if (number < 0) return fail(invalid_tar_header());
  return static_cast<std::uint64_t>(number);
}

}  // namespace

Result<void> TarReader::begin_regular(bool old_sparse) {
  padding_left_ = (kTarBlockBytes - stored_left_ % kTarBlockBytes) % kTarBlockBytes;
  state_ = State::announce;
  if (old_sparse) {
    entry_.size = TRY(to_u64(TRY(parse_tar_number(field(kRealSize, kNumberWidth)))));
    TRY(take_old_fragments(kFirstFragments, kFirstFragmentsCount));
    if (block_[kFirstIsExtended] == '\0') return finish_sparse();
    state_ = State::old_sparse;
    return {};
  }
  const bool pax_sparse =
      std::any_of(pax_.begin(), pax_.end(), [](const auto& record) { return record.first.starts_with("GNU.sparse."); });
  if (pax_sparse) return begin_pax_sparse();
  if (entry_.size > 0) fragments_.push_back({0, entry_.size});
  return {};
}

Result<void> TarReader::begin_pax_sparse() {
  const auto value = [this](const char* key) -> std::string {
    const auto found = pax_.find(key);
    return found == pax_.end() ? std::string() : found->second;
  };
  const std::string name = value("GNU.sparse.name");
  if (!name.empty()) entry_.name = name;
  const std::string real_size =
      pax_.contains("GNU.sparse.realsize") ? value("GNU.sparse.realsize") : value("GNU.sparse.size");
  const auto size = parse_u64(real_size);
  if (!size || *size >> 63 != 0) return fail(invalid_tar_header());
  entry_.size = *size;

  if (value("GNU.sparse.major") == "1" && value("GNU.sparse.minor") == "0") {
    map_text_.clear();
    map_numbers_.clear();
    state_ = State::sparse_map;
    return {};
  }
  std::vector<std::uint64_t> numbers = std::move(pax_sparse_numbers_);
  pax_sparse_numbers_.clear();
  if (pax_.contains("GNU.sparse.map")) {
    numbers.clear();
    for (const std::string& text : split(value("GNU.sparse.map"), ',')) {
      const auto number = parse_u64(text);
      if (!number) return fail(invalid_tar_header());
      numbers.push_back(*number);
    }
  }
  const auto count = parse_u64(value("GNU.sparse.numblocks"));
  if (!count || numbers.size() % 2 != 0 || *count != numbers.size() / 2) return fail(invalid_tar_header());
  for (std::size_t i = 0; i < numbers.size(); i += 2) TRY(add_fragment(numbers[i], numbers[i + 1]));
  return finish_sparse();
}

// GNU.sparse 1.0: the map is decimal numbers, one a line, in front of the stored bytes: the count of fragments, then
// offset and size of each; padded to a block.
Result<bool> TarReader::read_sparse_map() {
  for (;;) {
    if (stored_left_ < kTarBlockBytes && block_size_ == 0) return fail(invalid_tar_header());
    if (!fill_block()) return false;
    stored_left_ -= kTarBlockBytes;
    for (const char c : block_) {
      if (c != '\n') {
        // Behind the last number there is padding, which the check below never reaches.
        map_text_.push_back(c);
        if (map_text_.size() > kMapNumberDigitsMax) return fail(invalid_tar_header());
        continue;
      }
      const auto number = parse_u64(map_text_);
      if (!number) return fail(invalid_tar_header());
      map_text_.clear();
      map_numbers_.push_back(*number);
      if (map_numbers_[0] > kSparseFragmentsMax) {
        return fail(ErrorKind::too_large, "archive/tar: sparse map too long");
      }
      if (map_numbers_.size() < 1 + 2 * map_numbers_[0]) continue;
      for (std::size_t i = 1; i < map_numbers_.size(); i += 2) TRY(add_fragment(map_numbers_[i], map_numbers_[i + 1]));
      state_ = State::announce;
      TRY(finish_sparse());
      return true;
    }
  }
}

Result<bool> TarReader::read_old_sparse() {
  if (!fill_block()) return false;
  TRY(take_old_fragments(0, kMoreFragmentsCount));
  if (block_[kMoreIsExtended] != '\0') return true;
  state_ = State::announce;
  TRY(finish_sparse());
  return true;
}

Result<void> TarReader::take_old_fragments(std::size_t offset, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i, offset += kFragmentWidth) {
    // A slot that begins with NUL is not used, nor are those behind it.
    if (block_[offset] == '\0') return {};
    const std::uint64_t begin = TRY(to_u64(TRY(parse_tar_number(field(offset, kNumberWidth)))));
    const std::uint64_t size = TRY(to_u64(TRY(parse_tar_number(field(offset + kNumberWidth, kNumberWidth)))));
    TRY(add_fragment(begin, size));
  }
  return {};
}

Result<void> TarReader::add_fragment(std::uint64_t offset, std::uint64_t size) {
  if (fragments_.size() == kSparseFragmentsMax) {
    return fail(ErrorKind::too_large, "archive/tar: sparse map too long");
  }
  const std::uint64_t behind_last = fragments_.empty() ? 0 : fragments_.back().offset + fragments_.back().size;
  // Both are compared with the file's size on their own first, so that the sum cannot wrap.
  if (offset > entry_.size || size > entry_.size - offset || offset < behind_last) return fail(invalid_tar_header());
  fragments_.push_back({offset, size});
  return {};
}

Result<void> TarReader::finish_sparse() {
  std::uint64_t stored = 0;
  for (const Fragment& fragment : fragments_) stored += fragment.size;
  if (stored != stored_left_) return fail(invalid_tar_header());
  return {};
}

}  // namespace drydock::archive
