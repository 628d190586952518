#include "engine/log_reader.h"

#include "base/text.h"

namespace drydock::engine {

namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr int kRotatedMax = 1000;

}  // namespace

Result<LogReader> LogReader::open(storage::HostFs& data, const Container& container, const LogOptions& options) {
  LogReader reader(data, container.log_file(), options);
  TRY(reader.find_files());
  if (options.tail) TRY(reader.seek_tail());
  return reader;
}

Result<void> LogReader::find_files() {
  for (int number = 0; number <= kRotatedMax; ++number) {
    File file;
    file.path = number == 0 ? path_ : concat(path_, ".", number);
    auto info = data_->stat(file.path);
    if (!info.ok()) {
      if (number == 0) continue;  // between the two renames of a rotation, or nothing written yet
      break;
    }
    auto opened = data_->open_read(file.path);
    if (!opened.ok()) continue;
    file.inode = info->inode;
    file.reader = std::move(*opened);
    files_.push_front(std::move(file));
  }
  return {};
}

/// Goes back from the end by lines, each of which is a record.
Result<void> LogReader::seek_tail() {
  std::uint64_t wanted = *options_.tail;
  if (wanted == 0 && !files_.empty()) {  // only what comes from now on
    files_.erase(files_.begin(), files_.end() - 1);
    files_.front().offset = files_.front().reader->size();
    return {};
  }
  for (std::size_t i = files_.size(); i-- > 0;) {
    File& file = files_[i];
    const std::uint64_t size = file.reader->size();
    std::string piece(kPieceBytes, '\0');
    for (std::uint64_t end = size; end > 0;) {
      const std::uint64_t begin = end > kPieceBytes ? end - kPieceBytes : 0;
      const std::size_t count =
          TRY(file.reader->read_at(begin, std::span<char>(piece).first(static_cast<std::size_t>(end - begin))));
      for (std::size_t at = count; at-- > 0;) {
        if (piece[at] != '\n' || begin + at + 1 == size) continue;  // the last line's own end
        if (--wanted > 0) continue;
        file.offset = begin + at + 1;
        files_.erase(files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(i));
        return {};
      }
      end = begin;
    }
    if (size > 0 && --wanted == 0) {  // the file's first line
      files_.erase(files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(i));
      return {};
    }
  }
  return {};
}

Result<bool> LogReader::fill() {
  std::string piece(kPieceBytes, '\0');
  while (!files_.empty()) {
    File& file = files_.front();
    const std::size_t count = TRY(file.reader->read_at(file.offset, piece));
    if (count > 0) {
      file.offset += count;
      cursor_.push(std::string_view(piece).substr(0, count));
      return true;
    }
    if (files_.size() > 1) {
      files_.pop_front();
      continue;
    }
    if (!TRY(reopen())) return false;
  }
  return reopen();
}

/// Goes on to the file that took the place of the one read so far, if one did.
Result<bool> LogReader::reopen() {
  auto info = data_->stat(path_);
  if (!info.ok()) return false;
  if (!files_.empty() && files_.back().inode == info->inode && info->size >= files_.back().offset) return false;
  File file;
  file.path = path_;
  file.inode = info->inode;
  file.reader = TRY(data_->open_read(path_));
  files_.clear();
  files_.push_back(std::move(file));
  return true;
}

Result<std::optional<runtime::LogRecord>> LogReader::next() {
  if (past_end_) return std::optional<runtime::LogRecord>();
  while (true) {
    auto record = cursor_.next();
    if (!record) {
      if (!TRY(fill())) return std::optional<runtime::LogRecord>();
      continue;
    }
    if (!options_.since.is_zero() && record->time < options_.since) continue;
    if (!options_.until.is_zero() && record->time > options_.until) {
      past_end_ = true;
      return std::optional<runtime::LogRecord>();
    }
    if (record->stream == "stderr" ? options_.err : options_.out) return record;
  }
}

}  // namespace drydock::engine
