#pragma once
// What the interpreter asks of an address space, and the software TLB that spares it asking.
// SDM vol. 3, chapter 4 says what a translation is; here a page is 4096 bytes and a protection of read/write/execute.

#include <array>
#include <cstdint>

#include "machine/cpu/cpu.h"
#include "machine/mm/page.h"

namespace drydock::machine {

/// One page as it may be accessed now.
struct PageView {
  /// 4096 bytes, or null: the access is a page fault.
  /// Stays valid until the source's epoch changes, or the same page is asked for with Access::write.
  std::uint8_t* data = nullptr;
  /// Asked for with Access::execute: names the CONTENT, for the cache of decoded code, which all address spaces share.
  /// Two pages with the same key have the same bytes; the key changes when the frame is replaced or when a frame that
  /// mark_code() has named is written to. A key must never come to name other bytes, not even after a snapshot has been
  /// restored (or Interpreter::forget_code() is called then).
  std::uint64_t code_key = 0;
  /// Asked for with Access::write: later writes need not ask again. Never true of a page with code in it, of one that
  /// is still shared copy-on-write, or of one that is watched.
  bool write_fast = false;
};

class PageSource {
 public:
  virtual ~PageSource() = default;

  /// `address` is page-aligned and canonical. For Access::write the source has made the page writable before it returns
  /// (copy-on-write is done, the code key has changed if there was code in the frame, dirty marks are set).
  virtual PageView page(std::uint64_t address, Access access) = 0;

  /// Code of this page is being executed: from now on a write to its frame, by whatever mapping, must not be
  /// `write_fast`, and must change the code key. (The interpreter drops its own fast write translations.)
  virtual void mark_code(std::uint64_t address) = 0;

  /// Changes whenever an answer given earlier by page() may have become wrong by anything but the interpreter's own
  /// accesses: unmapped, protection, frame made copy-on-write by fork, code overwritten by the kernel or by another
  /// task. run() compares it on entry and flushes its TLBs.
  std::uint64_t epoch() const { return epoch_; }

 protected:
  void advance_epoch() { ++epoch_; }

 private:
  std::uint64_t epoch_ = 0;
};

/// Direct-mapped, with a read and a write tag per entry. A tag is a page address; one compare with the page of an
/// access's LAST byte, in the entry of its first, tests the page and that the access does not straddle two.
class SoftTlb {
 public:
  static constexpr std::uint64_t kEntries = 256;
  static constexpr std::uint64_t kNoTag = 1;  // no page address

  struct alignas(32) Entry {  // a power of two: the offset of an entry is a shift and a mask
    std::uint64_t read_tag = kNoTag;
    std::uint64_t write_tag = kNoTag;
    std::uintptr_t addend = 0;  // host address - guest address, modulo the host's word
  };

  bool can_read(std::uint64_t address, unsigned bytes) const {
    return entry_of(address).read_tag == ((address + bytes - 1) & kPageMask);
  }
  bool can_write(std::uint64_t address, unsigned bytes) const {
    return entry_of(address).write_tag == ((address + bytes - 1) & kPageMask);
  }
  /// Of an address that can be read or written.
  std::uint8_t* host(std::uint64_t address) const {
    return reinterpret_cast<std::uint8_t*>(entry_of(address).addend + static_cast<std::uintptr_t>(address));
  }

  /// Null on a miss.
  std::uint8_t* read(std::uint64_t address, unsigned bytes) const {
    return can_read(address, bytes) ? host(address) : nullptr;
  }
  std::uint8_t* write(std::uint64_t address, unsigned bytes) const {
    return can_write(address, bytes) ? host(address) : nullptr;
  }

  /// Replaces what was in the page's entry, so that both tags always mean the same frame.
  void insert(std::uint64_t page, std::uint8_t* data, bool writable) {
    Entry& entry = entries_[(page / kPageBytes) % kEntries];
    const std::uintptr_t addend = reinterpret_cast<std::uintptr_t>(data) - static_cast<std::uintptr_t>(page);
    const bool was_writable = entry.write_tag == page && entry.addend == addend;
    entry.write_tag = writable || was_writable ? page : kNoTag;
    entry.read_tag = page;
    has_writes_ = has_writes_ || writable;
    entry.addend = addend;
  }
  void flush() { entries_.fill(Entry{}); }
  void flush_page(std::uint64_t page) { entries_[(page / kPageBytes) % kEntries] = Entry{}; }
  void flush_writes() {
    if (!has_writes_) return;
    has_writes_ = false;
    for (Entry& entry : entries_) entry.write_tag = kNoTag;
  }

 private:
  const Entry& entry_of(std::uint64_t address) const { return entries_[(address / kPageBytes) % kEntries]; }
  std::array<Entry, kEntries> entries_{};
  bool has_writes_ = false;  // some write tag may be valid
};

}  // namespace drydock::machine
