#pragma once
// Bytes that are appended at one end and taken from the other, without moving the rest on every take.

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace drydock::native {

class ByteQueue {
 public:
  bool empty() const { return at_ == bytes_.size(); }
  std::size_t size() const { return bytes_.size() - at_; }
  std::string_view view() const { return std::string_view(bytes_).substr(at_); }

  void append(std::string_view bytes) { bytes_.append(bytes); }
  /// For writers that append to a string by themselves.
  std::string& tail() { return bytes_; }

  void drop(std::size_t count) {
    at_ += std::min(count, size());
    if (empty()) {
      clear();
    } else if (at_ >= kCompactAt && at_ >= bytes_.size() / 2) {
      bytes_.erase(0, at_);
      at_ = 0;
    }
  }

  std::size_t take(std::span<char> out) {
    const std::size_t count = std::min(out.size(), size());
    if (count > 0) std::memcpy(out.data(), bytes_.data() + at_, count);
    drop(count);
    return count;
  }

  void clear() {
    at_ = 0;
    // One large answer must not keep its memory for as long as the connection is idle.
    if (bytes_.capacity() > kKeptCapacity) {
      std::string().swap(bytes_);
    } else {
      bytes_.clear();
    }
  }

 private:
  static constexpr std::size_t kCompactAt = 16u << 10;
  static constexpr std::size_t kKeptCapacity = 64u << 10;

  std::string bytes_;
  std::size_t at_ = 0;
};

}  // namespace drydock::native
