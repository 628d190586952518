#pragma once
// What a system call's handler is given, and how it reads and writes the caller's memory. syscall(2), the x86-64 ABI.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

inline constexpr std::uint64_t kIoBytesMax = 0x7ffff000;  // what read(2) and write(2) transfer at most in one call
inline constexpr std::uint64_t kIoChunkBytes = 1 << 20;   // and how much of it is moved at a time here

struct Call : Caller {
  std::array<std::uint64_t, 6> arguments{};

  std::uint64_t address(int n) const { return arguments[n]; }
  std::uint64_t u64(int n) const { return arguments[n]; }
  std::int64_t i64(int n) const { return static_cast<std::int64_t>(arguments[n]); }
  std::uint32_t u32(int n) const { return static_cast<std::uint32_t>(arguments[n]); }
  std::int32_t i32(int n) const { return static_cast<std::int32_t>(static_cast<std::uint32_t>(arguments[n])); }
  int fd(int n) const { return i32(n); }

  /// A NUL-terminated string. EFAULT; ENAMETOOLONG when it is longer than bytes_max.
  Result<std::string, Errno> string(std::uint64_t address, std::size_t bytes_max) const;
  Result<std::string, Errno> path(int n) const { return string(arguments[n], kPathBytesMax); }
  /// All of it or EFAULT.
  Result<void, Errno> copy_in(std::uint64_t address, std::span<char> out) const;
  Result<void, Errno> copy_out(std::uint64_t address, std::span<const char> bytes) const;
  /// How many of the bytes could be written to (or read from), from the first.
  std::uint64_t writable_bytes(std::uint64_t address, std::uint64_t bytes) const;
  std::uint64_t readable_bytes(std::uint64_t address, std::uint64_t bytes) const;

  // Little-endian fields, for guest structs.
  Result<std::uint64_t, Errno> load64(std::uint64_t address) const;
  Result<std::uint32_t, Errno> load32(std::uint64_t address) const;
  Result<void, Errno> store64(std::uint64_t address, std::uint64_t value) const;
  Result<void, Errno> store32(std::uint64_t address, std::uint32_t value) const;
};

/// Builds and reads guest structs field by field, little-endian.
class StructWriter {
 public:
  StructWriter& u8(std::uint8_t v) { return put(v, 1); }
  StructWriter& u16(std::uint16_t v) { return put(v, 2); }
  StructWriter& u32(std::uint32_t v) { return put(v, 4); }
  StructWriter& u64(std::uint64_t v) { return put(v, 8); }
  StructWriter& i32(std::int32_t v) { return put(static_cast<std::uint32_t>(v), 4); }
  StructWriter& i64(std::int64_t v) { return put(static_cast<std::uint64_t>(v), 8); }
  StructWriter& zeros(std::size_t count) {
    bytes_.append(count, '\0');
    return *this;
  }
  StructWriter& text(std::string_view text, std::size_t width);  // padded with NULs, cut to width - 1
  const std::string& bytes() const { return bytes_; }
  std::span<const char> span() const { return {bytes_.data(), bytes_.size()}; }

 private:
  StructWriter& put(std::uint64_t value, int count) {
    for (int at = 0; at < count; ++at) bytes_.push_back(static_cast<char>(value >> (8 * at) & 0xff));
    return *this;
  }
  std::string bytes_;
};

class StructReader {
 public:
  explicit StructReader(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t at(std::size_t offset, int count) const {
    std::uint64_t value = 0;
    for (int n = 0; n < count && offset + n < bytes_.size(); ++n)
      value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes_[offset + n])) << (8 * n);
    return value;
  }
  std::uint16_t u16(std::size_t offset) const { return static_cast<std::uint16_t>(at(offset, 2)); }
  std::uint32_t u32(std::size_t offset) const { return static_cast<std::uint32_t>(at(offset, 4)); }
  std::uint64_t u64(std::size_t offset) const { return at(offset, 8); }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

using Handler = Outcome (*)(const Call&);

}  // namespace drydock::machine
