// How handlers reach the caller's memory. Everything goes through the address space's own checks, so that a kernel
// access faults, copies on write and is refused exactly as one by the program would be.

#include "machine/syscalls/call.h"

#include <algorithm>

#include "machine/mm/kernel_pages.h"

namespace drydock::machine {
namespace {

AddressSpace* memory_of(const Call& call) {
  return call.kernel.memories.find(call.self().memory);
}

/// Whether [address, address + bytes) lies in the part of the addresses that belongs to programs.
bool in_user_range(std::uint64_t address, std::uint64_t bytes) {
  return bytes <= kUserAddressEnd && address <= kUserAddressEnd - bytes;
}

}  // namespace

Result<std::string, Errno> Call::string(std::uint64_t address, std::size_t bytes_max) const {
  AddressSpace* memory = memory_of(*this);
  if (memory == nullptr) return Errno::efault;
  KernelPages pages(kernel, task);
  std::string text;
  // Page by page, so that a string that ends before an unmapped page is read.
  while (text.size() <= bytes_max) {
    if (address >= kUserAddressEnd) return Errno::efault;
    std::array<char, 256> piece;
    const std::uint64_t to_page_end = kPageBytes - address % kPageBytes;
    const std::uint64_t wanted = std::min<std::uint64_t>(piece.size(), to_page_end);
    const std::uint64_t got = memory->read(pages, address, std::span(piece.data(), wanted));
    const char* const start = piece.data();
    const char* const end = std::find(start, start + got, '\0');
    text.append(start, end);
    if (end != start + got) return text.size() < bytes_max ? Result<std::string, Errno>(text) : Errno::enametoolong;
    if (got < wanted) return Errno::efault;
    address += got;
  }
  return Errno::enametoolong;
}

Result<void, Errno> Call::copy_in(std::uint64_t address, std::span<char> out) const {
  if (out.empty()) return {};
  AddressSpace* memory = memory_of(*this);
  if (memory == nullptr || !in_user_range(address, out.size())) return Errno::efault;
  KernelPages pages(kernel, task);
  if (memory->read(pages, address, out) != out.size()) return Errno::efault;
  return {};
}

Result<void, Errno> Call::copy_out(std::uint64_t address, std::span<const char> bytes) const {
  if (bytes.empty()) return {};
  AddressSpace* memory = memory_of(*this);
  if (memory == nullptr || !in_user_range(address, bytes.size())) return Errno::efault;
  KernelPages pages(kernel, task);
  if (memory->write(pages, address, bytes) != bytes.size()) return Errno::efault;
  return {};
}

std::uint64_t Call::writable_bytes(std::uint64_t address, std::uint64_t bytes) const {
  AddressSpace* memory = memory_of(*this);
  if (memory == nullptr || address >= kUserAddressEnd) return 0;
  KernelPages pages(kernel, task);
  return memory->accessible(pages, address, std::min(bytes, kUserAddressEnd - address), Access::write);
}

std::uint64_t Call::readable_bytes(std::uint64_t address, std::uint64_t bytes) const {
  AddressSpace* memory = memory_of(*this);
  if (memory == nullptr || address >= kUserAddressEnd) return 0;
  KernelPages pages(kernel, task);
  return memory->accessible(pages, address, std::min(bytes, kUserAddressEnd - address), Access::read);
}

Result<std::uint64_t, Errno> Call::load64(std::uint64_t address) const {
  std::string bytes(8, '\0');
  TRY(copy_in(address, bytes));
  return StructReader(std::move(bytes)).u64(0);
}

Result<std::uint32_t, Errno> Call::load32(std::uint64_t address) const {
  std::string bytes(4, '\0');
  TRY(copy_in(address, bytes));
  return StructReader(std::move(bytes)).u32(0);
}

Result<void, Errno> Call::store64(std::uint64_t address, std::uint64_t value) const {
  return copy_out(address, StructWriter().u64(value).span());
}

Result<void, Errno> Call::store32(std::uint64_t address, std::uint32_t value) const {
  return copy_out(address, StructWriter().u32(value).span());
}

StructWriter& StructWriter::text(std::string_view text, std::size_t width) {
  if (width == 0) return *this;
  text = text.substr(0, width - 1);
  bytes_ += text;
  return zeros(width - text.size());
}

}  // namespace drydock::machine
