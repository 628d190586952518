#include "native/hostfs/files.h"

#include <cerrno>
#include <limits>

#include "native/hostfs/metadata.h"

namespace drydock::native::hostfs {
namespace {

constexpr std::uint64_t kOffsetMax = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

class Reader final : public storage::FileReader {
 public:
  Reader(Fd fd, std::uint64_t size, std::string path) : fd_(std::move(fd)), size_(size), path_(std::move(path)) {}

  std::uint64_t size() const override { return size_; }

  Result<std::size_t, SysError> read_at(std::uint64_t offset, std::span<char> out) override {
    std::size_t got = 0;
    while (got < out.size() && offset + got <= kOffsetMax) {
      const ssize_t size = ::pread(fd_.get(), out.data() + got, out.size() - got, static_cast<off_t>(offset + got));
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return sys_error("read", path_);
      if (size == 0) break;
      got += static_cast<std::size_t>(size);
    }
    return got;
  }

 private:
  Fd fd_;
  std::uint64_t size_;
  std::string path_;
};

class Writer final : public storage::FileWriter {
 public:
  Writer(Fd fd, std::uint64_t offset, std::string path) : fd_(std::move(fd)), offset_(offset), path_(std::move(path)) {}

  Result<void, SysError> write(std::string_view bytes) override {
    TRY(write_all(fd_.get(), bytes, offset_, path_));
    offset_ += bytes.size();
    return {};
  }

  Result<void, SysError> skip(std::uint64_t bytes) override {
    if (bytes > kOffsetMax - offset_) return SysError{Errno::efbig, "truncate", path_};
    if (::ftruncate(fd_.get(), static_cast<off_t>(offset_ + bytes)) != 0) return sys_error("truncate", path_);
    offset_ += bytes;
    return {};
  }

  Result<void, SysError> set_metadata(const storage::Metadata& metadata) override {
    return apply_metadata_to_open_file(fd_.get(), metadata, path_);
  }

  Result<void, SysError> sync() override {
    if (::fsync(fd_.get()) != 0) return sys_error("fsync", path_);
    return {};
  }

 private:
  Fd fd_;
  std::uint64_t offset_;
  std::string path_;
};

}  // namespace

std::unique_ptr<storage::FileReader> make_reader(Fd fd, std::uint64_t size, std::string path) {
  return std::make_unique<Reader>(std::move(fd), size, std::move(path));
}

std::unique_ptr<storage::FileWriter> make_writer(Fd fd, std::uint64_t offset, std::string path) {
  return std::make_unique<Writer>(std::move(fd), offset, std::move(path));
}

Result<void, SysError> write_all(int fd, std::string_view bytes, std::uint64_t offset, std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t size = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return sys_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(size));
    offset += static_cast<std::uint64_t>(size);
  }
  return {};
}

}  // namespace drydock::native::hostfs
