// The segments of an ELF file become mappings. As in Linux a segment's file part is mapped in whole pages, what the
// file does not fill of its last page is cleared, and the rest of it is anonymous.

#include "machine/loader/load_elf.h"

#include <algorithm>
#include <vector>

#include "machine/mm/kernel_pages.h"
#include "machine/mm/map_memory.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t rounded_up(std::uint64_t bytes) {
  return (bytes + kPageBytes - 1) & kPageMask;
}

std::uint64_t protection_of(const ElfSegment& segment) {
  return ((segment.flags & 4) != 0 ? kProtRead : 0) | ((segment.flags & 2) != 0 ? kProtWrite : 0) |
         ((segment.flags & 1) != 0 ? kProtExec : 0);
}

/// Bounds all further arithmetic: what lies in the user's addresses cannot overflow.
Result<void, Errno> check_segment(const ElfSegment& segment, std::uint64_t bias) {
  if (segment.address > kUserAddressEnd - bias) return Errno::einval;
  const std::uint64_t at = segment.address + bias;
  if (segment.file_bytes > segment.memory_bytes || segment.memory_bytes > kUserAddressEnd ||
      kUserAddressEnd - segment.memory_bytes < at)
    return Errno::einval;
  return {};
}

Result<void, Errno> map_file_part(const Caller& caller, FileId file, const ElfSegment& segment, std::uint64_t at,
                                  bool first) {
  if (segment.file_bytes == 0) return {};
  const std::uint64_t lead = at % kPageBytes;
  if (segment.offset < lead || segment.offset % kPageBytes != lead) return Errno::einval;
  MapRequest request;
  request.address = at - lead;
  request.bytes = segment.file_bytes + lead;
  request.protection = protection_of(segment);
  request.flags = map_flag::private_copy | map_flag::fixed | (first ? map_flag::fixed_no_replace : 0);
  request.file = file;
  request.offset = segment.offset - lead;
  TRY(map_memory(caller, request));
  return {};
}

Result<void, Errno> clear_rest_of_page(const Caller& caller, std::uint64_t from, std::uint64_t to) {
  Kernel& kernel = caller.kernel;
  KernelPages pages(kernel, caller.task);
  const std::vector<char> zeros(static_cast<std::size_t>(to - from), 0);
  if (kernel.memories[caller.self().memory].write(pages, from, zeros) < zeros.size()) return Errno::efault;
  return {};
}

Result<void, Errno> map_rest(const Caller& caller, const ElfSegment& segment, std::uint64_t at) {
  const std::uint64_t filled = at + segment.file_bytes, end = at + segment.memory_bytes;
  const std::uint64_t page_end = rounded_up(filled);
  // The page is cleared even where the segment is not to be written to, if that is possible; Linux fails only for one
  // that is.
  if (segment.memory_bytes > segment.file_bytes && filled % kPageBytes != 0 && segment.file_bytes > 0) {
    const auto cleared = clear_rest_of_page(caller, filled, page_end);
    if (!cleared.ok() && (segment.flags & 2) != 0) return cleared.error();
  }
  const std::uint64_t from = segment.file_bytes > 0 ? page_end : at & kPageMask;
  if (rounded_up(end) <= from) return {};
  MapRequest request;
  request.address = from;
  request.bytes = rounded_up(end) - from;
  request.protection = kProtRead | kProtWrite | ((segment.flags & 1) != 0 ? kProtExec : 0);
  request.flags = map_flag::private_copy | map_flag::fixed | map_flag::anonymous;
  TRY(map_memory(caller, request));
  return {};
}

/// How far a position-independent file's addresses are moved.
Result<std::uint64_t, Errno> choose_bias(const Caller& caller, const ElfFile& elf, LoadPlace place) {
  std::uint64_t lowest = ~std::uint64_t{0}, highest = 0, alignment = kPageBytes;
  for (const ElfSegment& segment : elf.segments) {
    if (segment.type != kSegmentLoad) continue;
    TRY(check_segment(segment, 0));
    lowest = std::min(lowest, segment.address & kPageMask);
    highest = std::max(highest, segment.address + segment.memory_bytes);
    const bool power_of_two = segment.alignment != 0 && (segment.alignment & (segment.alignment - 1)) == 0;
    if (power_of_two) alignment = std::max(alignment, segment.alignment);
  }
  if (highest == 0) return Errno::einval;
  if (place == LoadPlace::interpreted_program) return kProgramBase & ~(alignment - 1);
  const AddressSpace& memory = caller.kernel.memories[caller.self().memory];
  const auto free = memory.find_free(rounded_up(highest - lowest), 0);
  if (!free || *free < lowest) return Errno::enomem;
  return *free - lowest;
}

void note_extent(const ElfSegment& segment, std::uint64_t at, LoadedElf* loaded) {
  const std::uint64_t filled = at + segment.file_bytes;
  if ((segment.flags & 1) != 0) {
    loaded->code_start = loaded->code_start == 0 ? at : std::min(loaded->code_start, at);
    loaded->code_end = std::max(loaded->code_end, filled);
  }
  loaded->data_start = std::max(loaded->data_start, at);
  loaded->data_end = std::max(loaded->data_end, filled);
  loaded->end = std::max(loaded->end, rounded_up(at + segment.memory_bytes));
}

}  // namespace

Result<LoadedElf, Errno> load_elf(const Caller& caller, FileId file, const ElfFile& elf, LoadPlace place) {
  LoadedElf loaded;
  if (elf.position_independent) loaded.bias = TRY(choose_bias(caller, elf, place));
  bool first = true;
  for (const ElfSegment& segment : elf.segments) {
    if (segment.type != kSegmentLoad) continue;
    TRY(check_segment(segment, loaded.bias));
    const std::uint64_t at = segment.address + loaded.bias;
    TRY(map_file_part(caller, file, segment, at, first));
    TRY(map_rest(caller, segment, at));
    if (segment.offset <= elf.headers_offset && elf.headers_offset - segment.offset < segment.file_bytes)
      loaded.headers = elf.headers_offset - segment.offset + at;
    note_extent(segment, at, &loaded);
    first = false;
  }
  if (elf.entry >= kUserAddressEnd - loaded.bias) return Errno::einval;
  loaded.entry = elf.entry + loaded.bias;
  return loaded;
}

}  // namespace drydock::machine
