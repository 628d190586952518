// The pages of an address space: what an access finds, makes or is refused. SDM vol. 3, 4.7; x86's rules are that what
// can be written can be read, and so can what can be executed.

#include <algorithm>
#include <array>
#include <cstring>

#include "machine/mm/address_space.h"

namespace drydock::machine {
namespace {

/// What an anonymous page reads as before it is written to. It is never written itself: a write makes a page.
alignas(16) constexpr std::array<std::uint8_t, kPageBytes> kZeros{};

bool allows(const Mapping& mapping, Access access) {
  switch (access) {
    case Access::read:
      return mapping.protection != 0;
    case Access::write:
      return (mapping.protection & kProtWrite) != 0;
    case Access::execute:
      return (mapping.protection & kProtExec) != 0;
  }
  return false;
}

std::uint64_t file_index(const Mapping& mapping, std::uint64_t address) {
  return (mapping.offset + (address - mapping.start)) / kPageBytes;
}

}  // namespace

const Mapping* AddressSpace::mapping_for_access(PageProvider& pages, std::uint64_t address) {
  const Mapping* mapping = first_above(address);
  if (mapping == nullptr || mapping->start <= address) return mapping;
  if (!mapping->grows_down || !grow_stack(pages, mapping->start, address)) return nullptr;
  return mapping_at(address);
}

bool AddressSpace::grow_stack(PageProvider& pages, std::uint64_t mapping_start, std::uint64_t address) {
  auto at = mappings_.find(mapping_start);
  const std::uint64_t start = address & kPageMask;
  if (start < kLowestAddress || at->second.end - start > pages.stack_bytes_max()) return false;
  if (at != mappings_.begin()) {
    const Mapping& below = std::prev(at)->second;
    if (below.protection != 0 && !below.grows_down && start - below.end < kStackGuardBytes) return false;
  }
  const std::uint64_t limit = pages.address_space_bytes_max();
  if (limit != ~std::uint64_t{0} && mapped_bytes() + (mapping_start - start) > limit) return false;
  Mapping stack = std::move(at->second);
  mappings_.erase(at);
  stack.start = start;
  mappings_.emplace(start, std::move(stack));
  return true;
}

FaultResult AddressSpace::find_page(PageProvider& pages, std::uint64_t address, Access access, Found* found) {
  if (address >= kUserAddressEnd) return FaultResult::segv_maperr;
  const Mapping* mapping = mapping_for_access(pages, address);
  if (mapping == nullptr) return FaultResult::segv_maperr;
  if (!allows(*mapping, access)) return FaultResult::segv_accerr;
  if (mapping->shared) return find_shared_page(pages, *mapping, address, access, found);
  if (access == Access::write) return find_private_page_to_write(pages, *mapping, address, found);
  if (const FrameRef* frame = pages_.find(address / kPageBytes)) {
    found->frame = &**frame;
  } else if (mapping->inode) {
    auto page = pages.file_page(mapping->inode, file_index(*mapping, address), false);
    if (!page.ok()) return FaultResult::sigbus;
    if (page->is_shared()) found->frame = &**page;  // else nobody keeps it: zeros
  }
  return FaultResult::mapped;
}

FaultResult AddressSpace::find_shared_page(PageProvider& pages, const Mapping& mapping, std::uint64_t address,
                                           Access access, Found* found) {
  const std::uint64_t index = file_index(mapping, address);
  auto page = pages.file_page(mapping.inode, index, access == Access::write);
  // A hole is filled when it is first seen where it can be written: another mapping of it may be written to before this
  // translation is looked up again.
  if (page.ok() && !page->is_shared() && mapping.may_write) page = pages.file_page(mapping.inode, index, true);
  if (!page.ok()) return FaultResult::sigbus;
  if (page->is_shared()) found->frame = &**page;
  if (access != Access::write || found->frame == nullptr || !found->frame->has_code) return FaultResult::mapped;
  found->frame->forget_content();
  found->replaced = true;
  return FaultResult::mapped;
}

FaultResult AddressSpace::find_private_page_to_write(PageProvider& pages, const Mapping& mapping, std::uint64_t address,
                                                     Found* found) {
  const std::uint64_t page = address / kPageBytes;
  found->frame = pages_.edit(page, &found->replaced);
  if (found->frame != nullptr) {
    // A copy of a page that another process had made is charged to this one, which has paid for fewer than it has.
    if (found->replaced && charged_pages < resident_pages && !pages.charge_page()) return FaultResult::out_of_memory;
    return FaultResult::mapped;
  }
  FrameRef frame;
  if (mapping.inode) {
    auto original = pages.file_page(mapping.inode, file_index(mapping, address), false);
    if (!original.ok()) return FaultResult::sigbus;
    frame = original->copy();
  } else {
    frame = FrameRef::zeroed();
  }
  if (!pages.charge_page()) return FaultResult::out_of_memory;
  found->frame = &*frame;
  found->replaced = true;
  pages_.set(page, std::move(frame));
  ++resident_pages;
  peak_resident_pages = std::max(peak_resident_pages, resident_pages);
  return FaultResult::mapped;
}

FaultResult AddressSpace::fault(PageProvider& pages, std::uint64_t address, Access access) {
  Found found;
  return find_page(pages, address, access, &found);
}

PageView AddressSpace::view(PageProvider& pages, std::uint64_t page_address, Access access) {
  PageView view;
  Found found;
  if (find_page(pages, page_address, access, &found) != FaultResult::mapped) return view;
  if (found.frame == nullptr) {
    if (access == Access::write) return view;
    view.data = const_cast<std::uint8_t*>(kZeros.data());  // for reading: see kZeros
    if (access == Access::execute) view.code_key = hash_of_page(kZeros.data());
    return view;
  }
  view.data = found.frame->bytes.data();
  view.write_fast = access == Access::write && !found.frame->has_code;
  if (access == Access::execute) view.code_key = found.frame->content();
  return view;
}

void AddressSpace::mark_code(PageProvider& pages, std::uint64_t page_address) {
  Found found;
  if (find_page(pages, page_address, Access::execute, &found) != FaultResult::mapped) return;
  if (found.frame != nullptr) found.frame->has_code = true;
}

std::uint64_t AddressSpace::read(PageProvider& pages, std::uint64_t address, std::span<char> out) {
  std::uint64_t copied = 0;
  while (copied < out.size()) {
    Found found;
    if (find_page(pages, address + copied, Access::read, &found) != FaultResult::mapped) break;
    const std::uint64_t in_page = (address + copied) % kPageBytes;
    const std::uint64_t count = std::min<std::uint64_t>(kPageBytes - in_page, out.size() - copied);
    const std::uint8_t* from = found.frame != nullptr ? found.frame->bytes.data() : kZeros.data();
    std::memcpy(out.data() + copied, from + in_page, count);
    copied += count;
  }
  return copied;
}

std::uint64_t AddressSpace::write(PageProvider& pages, std::uint64_t address, std::span<const char> bytes) {
  std::uint64_t copied = 0;
  while (copied < bytes.size()) {
    Found found;
    if (find_page(pages, address + copied, Access::write, &found) != FaultResult::mapped) break;
    const std::uint64_t in_page = (address + copied) % kPageBytes;
    const std::uint64_t count = std::min<std::uint64_t>(kPageBytes - in_page, bytes.size() - copied);
    if (found.frame == nullptr) break;
    std::memcpy(found.frame->bytes.data() + in_page, bytes.data() + copied, count);
    copied += count;
    if (found.replaced) ++tlb_generation_;
  }
  return copied;
}

std::uint64_t AddressSpace::accessible(PageProvider& pages, std::uint64_t address, std::uint64_t bytes, Access access) {
  std::uint64_t good = 0;
  while (good < bytes) {
    Found found;
    if (find_page(pages, address + good, access, &found) != FaultResult::mapped) break;
    if (found.replaced) ++tlb_generation_;
    good += std::min(kPageBytes - (address + good) % kPageBytes, bytes - good);
  }
  return good;
}

bool AddressSpace::is_resident(std::uint64_t page_address) const {
  const Mapping* mapping = mapping_at(page_address);
  if (mapping == nullptr) return false;
  // The page cache is all in memory.
  return mapping->inode || pages_.find(page_address / kPageBytes) != nullptr;
}

}  // namespace drydock::machine
