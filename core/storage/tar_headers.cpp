#include "storage/tar_headers.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

namespace drydock::storage {
namespace {

constexpr std::string_view kRecordsName = "tar-headers.gz";
constexpr std::string_view kDisplacedName = "displaced-names";
constexpr std::string_view kDisplacedDirectory = "displaced";
constexpr char kBytesRecord = 0;
constexpr char kContentRecord = 1;
constexpr std::size_t kRecordSizeMax = 64 * 1024;
constexpr std::size_t kCompressAt = 128 * 1024;
constexpr std::size_t kReadStep = 64 * 1024;
constexpr std::uint64_t kDisplacedSizeMax = 64u << 20;
constexpr int kLevel = 1;  // headers are mostly zeros: speed counts

void append_number(std::string& out, std::uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(number >> (8 * i)));
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, int size) {
  std::uint64_t number = 0;
  for (int i = size - 1; i >= 0; --i) {
    number = number << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
  }
  return number;
}

Failure<Error> damaged() {
  return fail(ErrorKind::corrupt, "layer's tar headers are damaged");
}

/// Where the content of replaced files lies.
class Displaced {
 public:
  static Result<Displaced> load(HostFs& fs, std::string_view directory) {
    Displaced displaced;
    auto bytes = read_file(fs, concat(directory, "/", kDisplacedName), kDisplacedSizeMax);
    if (!bytes.ok() && bytes.error().code == Errno::enoent) return displaced;
    if (!bytes.ok()) return Error(bytes.error());
    std::uint64_t count = 0;
    for (std::size_t at = 0; at < bytes->size();) {
      if (bytes->size() - at < 12) return damaged();
      const std::uint64_t sequence = number_at(*bytes, at, 8);
      const std::uint64_t size = number_at(*bytes, at + 8, 4);
      at += 12;
      if (bytes->size() - at < size) return damaged();
      displaced.moves_[bytes->substr(at, static_cast<std::size_t>(size))].push_back({sequence, count++});
      at += static_cast<std::size_t>(size);
    }
    return displaced;
  }

  /// Below the layer's directory.
  std::string place_of(std::uint64_t sequence, const std::string& path) const {
    const Move* first = nullptr;
    std::size_t prefix_size = 0;
    for (std::size_t end = 0; !moves_.empty() && end < path.size();) {
      end = std::min(path.find('/', end + 1), path.size());
      const auto moves = moves_.find(path.substr(0, end));
      if (moves == moves_.end()) continue;
      for (const Move& move : moves->second) {
        // The earliest move took it away: at the place it came to nothing is moved again.
        if (move.sequence <= sequence || (first != nullptr && first->number <= move.number)) continue;
        first = &move;
        prefix_size = end;
        break;
      }
    }
    if (first == nullptr) return concat("diff/", path);
    return concat(kDisplacedDirectory, "/", first->number, path.substr(prefix_size));
  }

 private:
  struct Move {
    std::uint64_t sequence;
    std::uint64_t number;
  };
  std::map<std::string, std::vector<Move>> moves_;
};

class RecordedTar final : public ByteSource {
 public:
  RecordedTar(std::unique_ptr<HostFs> layer, std::unique_ptr<FileReader> records, Displaced displaced,
              archive::Digest diff)
      : layer_(std::move(layer)),
        records_(std::move(records)),
        decompressor_(archive::make_detecting_decompressor()),
        displaced_(std::move(displaced)),
        diff_(std::move(diff)) {}

  bool ended() const override { return ended_; }

  Result<std::size_t> read(std::span<char> out) override {
    std::size_t given = 0;
    while (given < out.size() && !ended_) {
      if (left_ == 0 && !TRY(next_record())) {
        if (digester_.finish() != diff_) {
          return fail(ErrorKind::corrupt, "layer ", diff_.str(), " was changed on disk: its tar cannot be made again");
        }
        ended_ = true;
        break;
      }
      const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size() - given, left_));
      const std::span<char> room = out.subspan(given, wanted);
      const std::size_t got = content_ ? TRY(content_->read_at(offset_, room)) : TRY(read_record_bytes(room));
      if (got == 0) {
        return fail(ErrorKind::corrupt, "layer ", diff_.str(), " was changed on disk: ", path_, " is too short");
      }
      digester_.update({room.data(), got});
      given += got;
      offset_ += got;
      left_ -= got;
    }
    return given;
  }

 private:
  /// At least `size` bytes of records in the buffer, or false at the end of the records.
  Result<bool> fill(std::size_t size) {
    while (buffer_.size() - at_ < size) {
      if (decompressor_->ended()) return false;
      if (input_at_ == input_.size()) {
        input_.resize(kReadStep);
        input_.resize(TRY(records_->read_at(file_offset_, input_)));
        file_offset_ += input_.size();
        input_at_ = 0;
        input_complete_ = file_offset_ >= records_->size() || input_.empty();
      }
      buffer_.erase(0, at_);
      at_ = 0;
      const std::size_t before = buffer_.size();
      buffer_.resize(before + kReadStep);
      const auto step =
          TRY(decompressor_->step(std::string_view(input_).substr(input_at_),
                                  input_complete_ ? archive::InputIs::complete : archive::InputIs::unfinished,
                                  std::span<char>(buffer_).subspan(before)));
      input_at_ += step.taken;
      buffer_.resize(before + step.given);
      if (step.taken == 0 && step.given == 0 && input_complete_ && !decompressor_->ended()) return damaged();
    }
    return true;
  }

  Result<bool> next_record() {
    content_.reset();
    if (!TRY(fill(1))) return false;
    const char kind = buffer_[at_];
    if (kind == kBytesRecord) {
      if (!TRY(fill(5))) return damaged();
      left_ = number_at(buffer_, at_ + 1, 4);
      at_ += 5;
      return true;
    }
    if (kind != kContentRecord || !TRY(fill(29))) return damaged();
    const std::uint64_t sequence = number_at(buffer_, at_ + 1, 8);
    offset_ = number_at(buffer_, at_ + 9, 8);
    left_ = number_at(buffer_, at_ + 17, 8);
    const auto path_size = static_cast<std::size_t>(number_at(buffer_, at_ + 25, 4));
    at_ += 29;
    if (path_size > kRecordSizeMax || !TRY(fill(path_size))) return damaged();
    path_ = displaced_.place_of(sequence, buffer_.substr(at_, path_size));
    at_ += path_size;
    auto content = layer_->open_read(path_);
    if (!content.ok()) return with_context("layer was changed on disk", content.error());
    content_ = std::move(content).value();
    return true;
  }

  Result<std::size_t> read_record_bytes(std::span<char> out) {
    if (!TRY(fill(1))) return damaged();
    const std::size_t count = std::min(out.size(), buffer_.size() - at_);
    std::memcpy(out.data(), buffer_.data() + at_, count);
    at_ += count;
    return count;
  }

  std::unique_ptr<HostFs> layer_;
  std::unique_ptr<FileReader> records_;
  std::unique_ptr<archive::Decompressor> decompressor_;
  Displaced displaced_;
  archive::Digest diff_;
  archive::Digester digester_;

  std::string input_;  // compressed
  std::size_t input_at_ = 0;
  std::uint64_t file_offset_ = 0;
  bool input_complete_ = false;
  std::string buffer_;  // records
  std::size_t at_ = 0;

  std::unique_ptr<FileReader> content_;  // null: the bytes come from the records
  std::string path_;
  std::uint64_t offset_ = 0;
  std::uint64_t left_ = 0;  // of the current record
  bool ended_ = false;
};

}  // namespace

Result<TarHeaderRecorder> TarHeaderRecorder::create(HostFs& fs, std::string_view directory) {
  TarHeaderRecorder recorder;
  recorder.fs_ = &fs;
  recorder.directory_ = directory;
  recorder.writer_ = TRY(fs.open_write(concat(directory, "/", kRecordsName), WriteMode::create_new, 0644));
  recorder.compressor_ = TRY(archive::make_compressor(archive::Compression::gzip, kLevel));
  return recorder;
}

Result<void> TarHeaderRecorder::add_bytes(std::string_view bytes) {
  if (bytes.empty()) return {};
  flush_content();
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kRecordSizeMax - bytes_.size());
    bytes_.append(part);
    bytes.remove_prefix(part.size());
    if (bytes_.size() == kRecordSizeMax) flush_bytes();
  }
  return compress_when(kCompressAt);
}

Result<void> TarHeaderRecorder::add_content(std::uint64_t sequence, std::string_view path, std::uint64_t offset,
                                            std::uint64_t size) {
  flush_bytes();
  if (content_.size > 0 && content_.sequence == sequence && content_.offset + content_.size == offset) {
    content_.size += size;
    return {};
  }
  flush_content();
  content_ = {sequence, std::string(path), offset, size};
  return compress_when(kCompressAt);
}

std::string TarHeaderRecorder::displace(std::uint64_t sequence, std::string_view path) {
  append_number(displaced_, sequence, 8);
  append_number(displaced_, path.size(), 4);
  displaced_.append(path);
  return concat(kDisplacedDirectory, "/", displaced_count_++);
}

Result<void> TarHeaderRecorder::finish() {
  flush_content();
  flush_bytes();
  TRY(compress_when(0));
  TRY(compressor_->finish(compressed_));
  TRY(writer_->write(compressed_));
  writer_.reset();
  if (!displaced_.empty()) TRY(fs_->write_atomic(concat(directory_, "/", kDisplacedName), displaced_, 0644));
  return {};
}

void TarHeaderRecorder::flush_content() {
  if (content_.size == 0) return;
  records_.push_back(kContentRecord);
  append_number(records_, content_.sequence, 8);
  append_number(records_, content_.offset, 8);
  append_number(records_, content_.size, 8);
  append_number(records_, content_.path.size(), 4);
  records_.append(content_.path);
  content_.size = 0;
}

void TarHeaderRecorder::flush_bytes() {
  if (bytes_.empty()) return;
  records_.push_back(kBytesRecord);
  append_number(records_, bytes_.size(), 4);
  records_.append(bytes_);
  bytes_.clear();
}

Result<void> TarHeaderRecorder::compress_when(std::size_t threshold) {
  if (records_.size() <= threshold) return {};
  TRY(compressor_->write(records_, compressed_));
  records_.clear();
  if (compressed_.size() > threshold) {
    TRY(writer_->write(compressed_));
    compressed_.clear();
  }
  return {};
}

Result<std::unique_ptr<ByteSource>> open_recorded_tar(HostFs& fs, std::string_view directory,
                                                      const archive::Digest& diff) {
  auto displaced = TRY(Displaced::load(fs, directory));
  auto layer = TRY(fs.subtree(directory));
  auto records = TRY(layer->open_read(kRecordsName));
  return std::unique_ptr<ByteSource>(
      std::make_unique<RecordedTar>(std::move(layer), std::move(records), std::move(displaced), diff));
}

}  // namespace drydock::storage
