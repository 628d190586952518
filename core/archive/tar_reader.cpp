#include "archive/tar_reader.h"

#include <algorithm>
#include <limits>

#include "archive/pax.h"
#include "archive/tar_number.h"
#include "base/clock.h"
#include "base/text.h"

namespace drydock::archive {
namespace {

// Offsets and widths of the fields of a header block (POSIX.1-1988; tar(5)).
struct Field {
  std::size_t offset;
  std::size_t width;
};
constexpr Field kName = {0, 100};
constexpr Field kMode = {100, 8};
constexpr Field kUid = {108, 8};
constexpr Field kGid = {116, 8};
constexpr Field kSize = {124, 12};
constexpr Field kMtime = {136, 12};
constexpr Field kChecksum = {148, 8};
constexpr std::size_t kTypeFlag = 156;
constexpr Field kLinkName = {157, 100};
constexpr Field kMagic = {257, 8};
constexpr Field kUserName = {265, 32};
constexpr Field kGroupName = {297, 32};
constexpr Field kDeviceMajor = {329, 8};
constexpr Field kDeviceMinor = {337, 8};
constexpr Field kPrefix = {345, 155};
constexpr Field kStarPrefix = {345, 131};  // star keeps times behind a shorter prefix,
constexpr Field kStarTrailer = {508, 4};   // and says so here

constexpr std::string_view kPosixMagic("ustar\0", 6);
constexpr std::string_view kGnuMagic("ustar  \0", 8);
constexpr std::string_view kStarTrailerText("tar\0", 4);

std::string until_nul(std::string_view field) {
  return std::string(field.substr(0, field.find('\0')));
}

// tar(5): the sum of all bytes with the checksum's own taken as blanks. Some old tars added signed bytes.
bool has_valid_checksum(std::string_view block) {
  const auto stored = parse_tar_number(block.substr(kChecksum.offset, kChecksum.width));
  if (!stored.ok()) return false;
  std::int64_t unsigned_sum = 0;
  std::int64_t signed_sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool in_checksum = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.width;
    const char byte = in_checksum ? ' ' : block[i];
    unsigned_sum += static_cast<unsigned char>(byte);
    signed_sum += static_cast<signed char>(byte);
  }
  return *stored == unsigned_sum || *stored == signed_sum;
}

Result<std::uint32_t> to_u32(std::int64_t number) {
  if (number < 0 || number > std::numeric_limits<std::uint32_t>::max()) return fail(invalid_tar_header());
  return static_cast<std::uint32_t>(number);
}

std::uint64_t padding_of(std::uint64_t size) {
  return (kTarBlockBytes - size % kTarBlockBytes) % kTarBlockBytes;
}

Result<TarType> type_of(char flag) {
  switch (flag) {
    case '\0':
    case '0':
    case '7':  // contiguous, which no system has
    case 'S':
      return TarType::regular;
    case '1':
      return TarType::hard_link;
    case '2':
      return TarType::symlink;
    case '3':
      return TarType::character_device;
    case '4':
      return TarType::block_device;
    case '5':
      return TarType::directory;
    case '6':
      return TarType::fifo;
    default:
      return fail(ErrorKind::not_implemented, "unhandled tar header type ", static_cast<int>(flag));
  }
}

bool describes_one_file(std::string_view pax_key) {
  return pax_key == "path" || pax_key == "linkpath" || pax_key == "size" || pax_key.starts_with("GNU.sparse.");
}

}  // namespace

void TarReader::feed(std::string_view bytes) {
  DD_ASSERT(input_.empty());
  input_ = bytes;
}

Result<TarEvent> TarReader::next() {
  for (;;) {
    event_ = TarEvent::need_input;
    const bool stepped = TRY(step());
    if (event_ != TarEvent::need_input) return event_;
    if (stepped) continue;
    if (!input_finished_) return TarEvent::need_input;
    return at_end_of_input();
  }
}

Result<TarEvent> TarReader::at_end_of_input() {
  const bool between_members = state_ == State::header && block_size_ == 0 && headers_before_entry_ == 0;
  // Like Go, do not insist on the padding of the last member.
  if (!between_members && state_ != State::padding) return fail(ErrorKind::corrupt, "unexpected EOF");
  state_ = State::ended;
  return TarEvent::end;
}

Result<bool> TarReader::step() {
  switch (state_) {
    case State::header:
      return read_header();
    case State::long_name:
    case State::long_link:
    case State::pax:
    case State::global_pax:
      return collect_metadata();
    case State::old_sparse:
      return read_old_sparse();
    case State::sparse_map:
      return read_sparse_map();
    case State::announce:
      event_ = TarEvent::entry;
      state_ = State::body;
      return true;
    case State::body:
      return next_of_body();
    case State::padding:
      if (!skip_padding()) return false;
      state_ = State::header;
      return true;
    case State::ended:
      input_ = {};
      event_ = TarEvent::end;
      return true;
  }
  return false;
}

bool TarReader::fill_block() {
  const std::size_t part = std::min(block_.size() - block_size_, input_.size());
  std::copy_n(input_.data(), part, block_.data() + block_size_);
  block_size_ += part;
  input_.remove_prefix(part);
  if (block_size_ < block_.size()) return false;
  block_size_ = 0;
  return true;
}

bool TarReader::skip_padding() {
  const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(padding_left_, input_.size()));
  input_.remove_prefix(part);
  padding_left_ -= part;
  return padding_left_ == 0;
}

Result<bool> TarReader::read_header() {
  if (!fill_block()) return false;
  if (std::all_of(block_.begin(), block_.end(), [](char c) { return c == '\0'; })) {
    if (headers_before_entry_ > 0) return fail(invalid_tar_header());
    if (zero_block_seen_) state_ = State::ended;
    zero_block_seen_ = true;
    return true;
  }
  if (zero_block_seen_ || !has_valid_checksum(field(0, block_.size()))) return fail(invalid_tar_header());

  const char flag = block_[kTypeFlag];
  const std::int64_t size = TRY(parse_tar_number(field(kSize.offset, kSize.width)));
  if (size < 0) return fail(invalid_tar_header());
  stored_left_ = static_cast<std::uint64_t>(size);
  switch (flag) {
    case 'L':
      TRY(begin_metadata(State::long_name, stored_left_));
      break;
    case 'K':
      TRY(begin_metadata(State::long_link, stored_left_));
      break;
    case 'x':
    case 'X':
      TRY(begin_metadata(State::pax, stored_left_));
      break;  // 'X' is what Solaris wrote before the standard
    case 'g':
      TRY(begin_metadata(State::global_pax, stored_left_));
      break;
    default:
      TRY(begin_member(flag));
  }
  return true;
}

Result<void> TarReader::begin_metadata(State state, std::uint64_t size) {
  const bool is_name = state == State::long_name || state == State::long_link;
  // GNU counts the NUL behind the name.
  if (size > (is_name ? kTarNameBytesMax + 1 : kPaxHeaderBytesMax)) {
    return fail(ErrorKind::too_large, "archive/tar: header field too long");
  }
  if (++headers_before_entry_ > kTarHeadersPerEntryMax) return fail(invalid_tar_header());
  metadata_.clear();
  metadata_left_ = size;
  padding_left_ = padding_of(size);
  state_ = state;
  return {};
}

Result<bool> TarReader::collect_metadata() {
  const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(metadata_left_, input_.size()));
  metadata_.append(input_.substr(0, part));
  metadata_left_ -= part;
  input_.remove_prefix(part);
  if (metadata_left_ > 0 || !skip_padding()) return false;
  TRY(use_metadata());
  state_ = State::header;
  return true;
}

Result<void> TarReader::use_metadata() {
  switch (state_) {
    case State::long_name:
      long_name_ = until_nul(metadata_);
      return {};
    case State::long_link:
      long_link_ = until_nul(metadata_);
      return {};
    case State::pax:
      return keep_pax(TRY(parse_pax_records(metadata_)));
    default:
      break;
  }
  TarRecords records = TRY(parse_pax_records(metadata_));
  for (auto& [key, value] : records) {
    // For one file these make sense; for all that follow they are a mistake or a trap.
    if (describes_one_file(key)) return fail(invalid_tar_header());
    global_pax_[std::move(key)] = std::move(value);
  }
  if (global_pax_.size() > kPaxRecordsMax) return fail(ErrorKind::too_large, "archive/tar: too many pax records");
  // A global header stands for itself: an archive may end after it.
  --headers_before_entry_;
  return {};
}

Result<void> TarReader::keep_pax(TarRecords records) {
  pax_.clear();
  pax_sparse_numbers_.clear();
  for (auto& [key, value] : records) {
    if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes") {
      // They take turns: an offset, then its size.
      const bool wants_offset = pax_sparse_numbers_.size() % 2 == 0;
      const auto number = parse_u64(value);
      if (!number || wants_offset != (key == "GNU.sparse.offset")) return fail(invalid_tar_header());
      pax_sparse_numbers_.push_back(*number);
    } else {
      pax_[std::move(key)] = std::move(value);
    }
  }
  return {};
}

Result<void> TarReader::begin_member(char type_flag) {
  entry_ = TarEntry();
  fragments_.clear();
  fragment_at_ = 0;
  position_ = 0;
  entry_.type = TRY(type_of(type_flag));
  TRY(read_fields(type_flag));
  entry_.size = stored_left_;
  TRY(apply_pax());
  if (!long_name_.empty()) entry_.name = long_name_;
  if (!long_link_.empty()) entry_.link_name = long_link_;
  // V7 had no type for directories.
  if (type_flag == '\0' && entry_.name.ends_with('/')) entry_.type = TarType::directory;

  if (entry_.type == TarType::regular) {
    TRY(begin_regular(type_flag == 'S'));
  } else {
    // Like Go: some tars write the size of a hard link's target, but never its content.
    entry_.size = 0;
    stored_left_ = 0;
    padding_left_ = 0;
    state_ = State::announce;
  }
  if (entry_.name.empty()) return fail(invalid_tar_header());
  if (entry_.name.size() > kTarNameBytesMax || entry_.link_name.size() > kTarNameBytesMax) {
    return fail(ErrorKind::too_large, "archive/tar: header field too long");
  }
  headers_before_entry_ = 0;
  long_name_.clear();
  long_link_.clear();
  pax_.clear();
  return {};
}

Result<void> TarReader::read_fields(char type_flag) {
  const auto text = [this](Field f) { return until_nul(field(f.offset, f.width)); };
  const auto number = [this](Field f) { return parse_tar_number(field(f.offset, f.width)); };
  entry_.name = text(kName);
  if (type_flag != '0' && type_flag != '\0') entry_.link_name = text(kLinkName);
  entry_.mode = static_cast<std::uint32_t>(TRY(number(kMode)) & 07777);
  entry_.uid = TRY(to_u32(TRY(number(kUid))));
  entry_.gid = TRY(to_u32(TRY(number(kGid))));
  const std::int64_t mtime_s = TRY(number(kMtime));
  constexpr std::int64_t kSecondsMax = 9'223'372'035;
  if (mtime_s > kSecondsMax || mtime_s < -kSecondsMax) return fail(invalid_tar_header());
  entry_.mtime_ns = mtime_s * kNanosPerSecond;

  const bool posix = field(kMagic.offset, kPosixMagic.size()) == kPosixMagic;
  if (!posix && field(kMagic.offset, kMagic.width) != kGnuMagic) return {};
  entry_.user_name = text(kUserName);
  entry_.group_name = text(kGroupName);
  if (type_flag == '3' || type_flag == '4') {
    entry_.device_major = TRY(to_u32(TRY(number(kDeviceMajor))));
    entry_.device_minor = TRY(to_u32(TRY(number(kDeviceMinor))));
  }
  if (!posix) return {};  // GNU keeps other things in the prefix's place
  const bool star = field(kStarTrailer.offset, kStarTrailer.width) == kStarTrailerText;
  const std::string prefix = text(star ? kStarPrefix : kPrefix);
  if (!prefix.empty()) entry_.name = concat(prefix, '/', entry_.name);
  return {};
}

Result<void> TarReader::apply_pax() {
  // The file's own records win over the global ones.
  for (const auto& [key, value] : global_pax_) {
    if (!pax_.contains(key)) TRY(apply_pax_record(key, value));
  }
  for (const auto& [key, value] : pax_) TRY(apply_pax_record(key, value));
  return {};
}

Result<void> TarReader::apply_pax_record(const std::string& key, const std::string& value) {
  const auto number = [&value]() -> Result<std::int64_t> {
    const auto parsed = parse_i64(value);
    if (!parsed) return fail(invalid_tar_header());
    return *parsed;
  };
  if (key.starts_with("GNU.sparse.")) return {};  // see begin_pax_sparse()
  if (key.starts_with(kPaxXattrPrefix)) {
    const std::string_view name = std::string_view(key).substr(kPaxXattrPrefix.size());
    if (name.empty()) return fail(invalid_tar_header());
    if (name.size() > kXattrNameBytesMax || value.size() > kXattrBytesMax) {
      return fail(ErrorKind::too_large, "archive/tar: extended attribute too long");
    }
    entry_.xattrs.emplace_back(name, value);
    return {};
  }
  if (value.empty()) return {};  // POSIX: the record deletes what came before, here the global one
  if (key == "path") {
    entry_.name = value;
  } else if (key == "linkpath") {
    entry_.link_name = value;
  } else if (key == "uname") {
    entry_.user_name = value;
  } else if (key == "gname") {
    entry_.group_name = value;
  } else if (key == "uid") {
    entry_.uid = TRY(to_u32(TRY(number())));
  } else if (key == "gid") {
    entry_.gid = TRY(to_u32(TRY(number())));
  } else if (key == "mtime") {
    entry_.mtime_ns = TRY(parse_pax_time(value));
  } else if (key == "size") {
    const std::int64_t size = TRY(number());
    if (size < 0) return fail(invalid_tar_header());
    stored_left_ = static_cast<std::uint64_t>(size);
    entry_.size = stored_left_;
  } else {
    entry_.pax_records.emplace_back(key, value);
  }
  return {};
}

// Gives the next piece of the file: what is stored, from the input, and the holes between.
bool TarReader::next_of_body() {
  while (fragment_at_ < fragments_.size()) {
    const Fragment& fragment = fragments_[fragment_at_];
    if (position_ == fragment.offset + fragment.size) {
      ++fragment_at_;
      continue;
    }
    if (position_ < fragment.offset) {
      hole_size_ = fragment.offset - position_;
      position_ = fragment.offset;
      event_ = TarEvent::hole;
      return true;
    }
    if (input_.empty()) return false;
    const std::uint64_t left = fragment.offset + fragment.size - position_;
    data_ = input_.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, input_.size())));
    input_.remove_prefix(data_.size());
    position_ += data_.size();
    stored_left_ -= data_.size();
    event_ = TarEvent::data;
    return true;
  }
  if (position_ < entry_.size) {
    hole_size_ = entry_.size - position_;
    position_ = entry_.size;
    event_ = TarEvent::hole;
    return true;
  }
  event_ = TarEvent::entry_end;
  state_ = State::padding;
  return true;
}

}  // namespace drydock::archive
