#pragma once
// Frames: 4 KiB of guest memory. All memory of the machine is frames: private pages, the page cache, tmpfs data.
// A frame that is referred to more than once (by two page tables, by a snapshot) is never written: the writer takes a
// copy first. That is what makes fork(2) and snapshots cheap.

#include <array>
#include <cstdint>
#include <utility>

#include "machine/mm/page.h"

namespace drydock::machine {

/// Never 0.
std::uint64_t hash_of_page(const std::uint8_t* bytes);

struct Frame {
  alignas(16) std::array<std::uint8_t, kPageBytes> bytes{};
  std::uint32_t references = 0;
  bool has_code = false;         // blocks were decoded from it: who writes calls forget_content() first
  std::uint64_t content_id = 0;  // 0: not computed yet

  /// Names the bytes: a hash of them (SipHash-2-4 with a fixed key), so that equal pages share decoded code whatever
  /// process, container or snapshot they belong to, and a number never comes to name other bytes.
  std::uint64_t content() {
    if (content_id == 0) content_id = hash_of_page(bytes.data());
    return content_id;
  }
  void forget_content() { content_id = 0; }
};

/// A counted reference. Copying shares; the frame goes with the last one.
class FrameRef {
 public:
  FrameRef() = default;
  /// A new frame, zeroed.
  static FrameRef zeroed() { return FrameRef(new Frame); }
  /// A new frame with the same bytes.
  FrameRef copy() const {
    FrameRef fresh = zeroed();
    fresh.frame_->bytes = frame_->bytes;
    return fresh;
  }
  FrameRef(const FrameRef& other) : frame_(other.frame_) {
    if (frame_ != nullptr) ++frame_->references;
  }
  FrameRef(FrameRef&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  FrameRef& operator=(FrameRef other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~FrameRef() {
    if (frame_ != nullptr && --frame_->references == 0) delete frame_;
  }
  explicit operator bool() const { return frame_ != nullptr; }
  Frame* operator->() const { return frame_; }
  Frame& operator*() const { return *frame_; }
  bool is_shared() const { return frame_->references > 1; }
  friend bool operator==(const FrameRef& left, const FrameRef& right) { return left.frame_ == right.frame_; }

 private:
  explicit FrameRef(Frame* frame) : frame_(frame) { frame_->references = 1; }
  Frame* frame_ = nullptr;
};

}  // namespace drydock::machine
