// The mappings of an address space: how they are put in, cut, joined and moved. The pages are in page_fault.cpp.

#include "machine/mm/address_space.h"

#include <algorithm>

namespace drydock::machine {
namespace {

/// Whether `right`, which begins where `left` ends, can be one mapping with it.
bool joins(const Mapping& left, const Mapping& right) {
  if (left.end != right.start || left.grows_down || right.grows_down) return false;
  if (left.inode && left.offset + left.bytes() != right.offset) return false;
  return left.protection == right.protection && left.shared == right.shared && left.may_write == right.may_write &&
         left.may_execute == right.may_execute && left.no_reserve == right.no_reserve && left.locked == right.locked &&
         left.dont_fork == right.dont_fork && left.wipe_on_fork == right.wipe_on_fork && left.file == right.file &&
         left.inode == right.inode && left.name == right.name;
}

std::uint64_t guard_of(const Mapping& mapping) {
  return mapping.grows_down ? std::min(kStackGuardBytes, mapping.start) : 0;
}

}  // namespace

const Mapping* AddressSpace::first_above(std::uint64_t address) const {
  auto at = mappings_.upper_bound(address);
  if (at != mappings_.begin()) {
    auto before = std::prev(at);
    if (before->second.end > address) return &before->second;
  }
  return at == mappings_.end() ? nullptr : &at->second;
}

const Mapping* AddressSpace::mapping_at(std::uint64_t address) const {
  const Mapping* mapping = first_above(address);
  return mapping != nullptr && mapping->start <= address ? mapping : nullptr;
}

bool AddressSpace::is_mapped(std::uint64_t start, std::uint64_t end) const {
  while (start < end) {
    const Mapping* mapping = mapping_at(start);
    if (mapping == nullptr) return false;
    start = mapping->end;
  }
  return true;
}

std::uint64_t AddressSpace::mapped_bytes() const {
  std::uint64_t total = 0;
  for (const auto& entry : mappings_) total += entry.second.bytes();
  return total;
}

std::uint64_t AddressSpace::data_bytes() const {
  std::uint64_t total = 0;
  for (const auto& entry : mappings_) {
    const Mapping& mapping = entry.second;
    if (!mapping.shared && !mapping.grows_down && (mapping.protection & kProtWrite) != 0) total += mapping.bytes();
  }
  return total;
}

std::uint64_t AddressSpace::locked_bytes() const {
  std::uint64_t total = 0;
  for (const auto& entry : mappings_)
    if (entry.second.locked) total += entry.second.bytes();
  return total;
}

void AddressSpace::split(std::uint64_t at, FileReferences* files) {
  const Mapping* found = mapping_at(at);
  if (found == nullptr || found->start == at) return;
  Mapping upper = *found;
  Mapping& lower = mappings_.find(found->start)->second;
  lower.end = at;
  upper.start = at;
  upper.offset += at - lower.start;
  if (upper.file) files->kept.push_back(upper.file);
  // Only the lowest part of a stack goes on growing.
  upper.grows_down = false;
  mappings_.emplace(at, std::move(upper));
}

void AddressSpace::merge(std::uint64_t start, std::uint64_t end, FileReferences* files) {
  auto at = mappings_.lower_bound(start);
  if (at != mappings_.begin()) --at;
  while (at != mappings_.end() && at->first <= end) {
    auto next = std::next(at);
    if (next == mappings_.end()) return;
    if (!joins(at->second, next->second)) {
      at = next;
      continue;
    }
    at->second.end = next->second.end;
    if (next->second.file) files->dropped.push_back(next->second.file);
    mappings_.erase(next);
  }
}

void AddressSpace::map(Mapping mapping, FileReferences* files) {
  const std::uint64_t start = mapping.start, end = mapping.end;
  unmap(start, end, files);
  mappings_.emplace(start, std::move(mapping));
  merge(start, end, files);
  ++tlb_generation_;
}

void AddressSpace::unmap(std::uint64_t start, std::uint64_t end, FileReferences* files) {
  split(start, files);
  split(end, files);
  auto at = mappings_.lower_bound(start);
  while (at != mappings_.end() && at->first < end) {
    if (at->second.file) files->dropped.push_back(at->second.file);
    at = mappings_.erase(at);
  }
  discard(start, end);
}

void AddressSpace::discard(std::uint64_t start, std::uint64_t end) {
  resident_pages -= pages_.erase_range(start / kPageBytes, (end - start) / kPageBytes);
  ++tlb_generation_;
}

void AddressSpace::move(std::uint64_t start, std::uint64_t bytes, std::uint64_t to, FileReferences* files) {
  split(start, files);
  split(start + bytes, files);
  std::vector<Mapping> moved;
  auto at = mappings_.lower_bound(start);
  while (at != mappings_.end() && at->first < start + bytes) {
    moved.push_back(std::move(at->second));
    at = mappings_.erase(at);
  }
  std::vector<std::pair<std::uint64_t, FrameRef>> frames;
  std::uint64_t page = start / kPageBytes;
  while (pages_.next(page, &page) && page < (start + bytes) / kPageBytes) {
    frames.emplace_back(page - start / kPageBytes, *pages_.find(page));
    ++page;
  }
  pages_.erase_range(start / kPageBytes, bytes / kPageBytes);
  for (auto& frame : frames) pages_.set(to / kPageBytes + frame.first, std::move(frame.second));
  for (Mapping& mapping : moved) {
    mapping.start = mapping.start - start + to;
    mapping.end = mapping.end - start + to;
    mappings_.emplace(mapping.start, std::move(mapping));
  }
  merge(to, to + bytes, files);
  ++tlb_generation_;
}

std::optional<std::uint64_t> AddressSpace::find_free(std::uint64_t bytes, std::uint64_t hint) const {
  if (bytes == 0 || bytes > kUserAddressEnd) return std::nullopt;
  if (hint >= kLowestAddress && hint <= kUserAddressEnd - bytes) {
    const Mapping* above = first_above(hint);
    if (above == nullptr || (above->start >= hint && above->start - guard_of(*above) >= hint + bytes)) return hint;
  }
  std::uint64_t limit = kMmapTop;
  for (auto at = mappings_.rbegin(); at != mappings_.rend(); ++at) {
    const Mapping& mapping = at->second;
    if (mapping.end < limit && limit - mapping.end >= bytes) return limit - bytes;
    limit = std::min(limit, mapping.start - guard_of(mapping));
  }
  if (limit > kLowestAddress && limit - kLowestAddress >= bytes) return limit - bytes;
  return std::nullopt;
}

AddressSpace AddressSpace::forked(FileReferences* files) {
  AddressSpace child = *this;
  child.users = 1;
  child.charged_pages = 0;
  child.lock_future = false;
  for (auto at = child.mappings_.begin(); at != child.mappings_.end();) {
    Mapping& mapping = at->second;
    mapping.locked = false;
    if (mapping.dont_fork || mapping.wipe_on_fork) child.discard(mapping.start, mapping.end);
    if (mapping.dont_fork) {
      at = child.mappings_.erase(at);
      continue;
    }
    if (mapping.file) files->kept.push_back(mapping.file);
    ++at;
  }
  if (child.executable_file) files->kept.push_back(child.executable_file);
  child.peak_resident_pages = child.resident_pages;
  // The pages that could be written without asking are shared now.
  ++tlb_generation_;
  return child;
}

}  // namespace drydock::machine
