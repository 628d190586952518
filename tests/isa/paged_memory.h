#pragma once
// An address space for tests of the interpreter: pages with protections, and code keys that change as they must.

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>

#include "machine/cpu/memory.h"

namespace drydock::machine {

class PagedMemory : public PageSource {
 public:
  enum Protection : unsigned { none = 0, readable = 1, writable = 2, executable = 4 };
  using Bytes = std::array<std::uint8_t, kPageBytes>;
  struct Frame {
    Bytes bytes{};
    std::uint64_t key = 0;
    bool has_code = false;
  };

  /// A new zeroed frame.
  void map(std::uint64_t page, unsigned protection) {
    auto frame = std::make_shared<Frame>();
    frame->key = ++last_key_;
    pages_[page] = {std::move(frame), protection};
    advance_epoch();
  }
  /// The frame of another page.
  void alias(std::uint64_t page, std::uint64_t other, unsigned protection) {
    pages_[page] = {pages_.at(other).frame, protection};
    advance_epoch();
  }
  void unmap(std::uint64_t page) {
    pages_.erase(page);
    advance_epoch();
  }
  void protect(std::uint64_t page, unsigned protection) {
    pages_.at(page).protection = protection;
    advance_epoch();
  }

  /// From outside of the interpreter, as the kernel does it.
  void poke(std::uint64_t address, const void* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      Frame& frame = *pages_.at((address + i) & kPageMask).frame;
      if (frame.has_code) {
        frame.has_code = false;
        frame.key = ++last_key_;
        advance_epoch();
      }
      frame.bytes[(address + i) & ~kPageMask] = static_cast<const std::uint8_t*>(bytes)[i];
    }
  }
  void peek(std::uint64_t address, void* bytes, std::size_t size) const {
    for (std::size_t i = 0; i < size; ++i)
      static_cast<std::uint8_t*>(bytes)[i] =
          pages_.at((address + i) & kPageMask).frame->bytes[(address + i) & ~kPageMask];
  }
  template <class T>
  T get(std::uint64_t address) const {
    T value;
    peek(address, &value, sizeof value);
    return value;
  }
  Bytes& bytes_of(std::uint64_t page) { return pages_.at(page).frame->bytes; }

  PageView page(std::uint64_t address, Access access) override {
    const auto found = pages_.find(address);
    if (found == pages_.end()) return {};
    Frame& frame = *found->second.frame;
    const unsigned wanted = access == Access::read ? readable : access == Access::write ? writable : executable;
    if (!(found->second.protection & wanted)) return {};
    if (access == Access::write && frame.has_code) {
      frame.has_code = false;
      frame.key = ++last_key_;
      return {frame.bytes.data(), frame.key, false};
    }
    return {frame.bytes.data(), frame.key, access == Access::write};
  }
  void mark_code(std::uint64_t address) override { pages_.at(address).frame->has_code = true; }

 private:
  struct Page {
    std::shared_ptr<Frame> frame;
    unsigned protection = none;
  };
  std::map<std::uint64_t, Page> pages_;
  std::uint64_t last_key_ = 0;
};

}  // namespace drydock::machine
