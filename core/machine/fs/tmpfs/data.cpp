// tmpfs(5): the bytes. A page that was never written has no frame; the frames are the page cache that mmap(2) shows.

#include <algorithm>
#include <cstring>

#include "machine/abi/file.h"
#include "machine/fs/tmpfs/tmpfs.h"

namespace drydock::machine {
namespace {

std::uint64_t pages_of(std::uint64_t bytes) {
  return bytes / kPageBytes + (bytes % kPageBytes != 0 ? 1 : 0);
}

}  // namespace

/// The frame of that page, the file's own; made, and accounted for, when there was none.
Result<Frame*, Errno> TmpfsInode::frame_for_write(Kernel& kernel, std::uint64_t index) {
  if (const FrameRef* there = data_.find(index)) {
    const Frame* before = &**there;
    Frame* own = data_.edit(index);
    if (own != before || own->has_code) ++kernel.file_pages_epoch;
    own->forget_content();
    return own;
  }
  TmpfsSuperblock* mounted = owner(kernel);
  if (mounted == nullptr || (mounted->pages_max && mounted->pages >= *mounted->pages_max)) return Errno::enospc;
  if (kernel.file_pages >= kernel.limits.memory_pages_max) return Errno::enospc;
  ++mounted->pages;
  ++kernel.file_pages;
  ++kernel.file_pages_epoch;
  data_.set(index, FrameRef::zeroed());
  return data_.edit(index);
}

void TmpfsInode::free_pages(Kernel& kernel, std::uint64_t first, std::uint64_t count) {
  const std::uint64_t freed = data_.erase_range(first, count);
  if (freed == 0) return;
  ++kernel.file_pages_epoch;
  TmpfsSuperblock* mounted = owner(kernel);
  if (mounted == nullptr) return;  // all of its pages were given back at once
  mounted->pages -= std::min(mounted->pages, freed);
  kernel.file_pages -= std::min(kernel.file_pages, freed);
}

void TmpfsInode::set_size(Kernel& kernel, std::uint64_t size) {
  if (size < attributes_.size) {
    const std::uint64_t kept = pages_of(size);
    free_pages(kernel, kept, pages_of(attributes_.size) - kept);
    // What is behind the end must read as zeros when the file grows again.
    if (size % kPageBytes != 0 && data_.find(size / kPageBytes) != nullptr) {
      const auto frame = frame_for_write(kernel, size / kPageBytes);
      if (frame.ok())
        std::fill((*frame)->bytes.begin() + static_cast<std::ptrdiff_t>(size % kPageBytes), (*frame)->bytes.end(),
                  std::uint8_t{0});
    }
  }
  attributes_.size = size;
}

Result<FrameRef, Errno> TmpfsInode::page(const Caller& caller, std::uint64_t index, bool for_write) {
  if (!abi::is_regular(attributes_.mode)) return Errno::enodev;
  if (index >= pages_of(attributes_.size)) return Errno::efault;  // SIGBUS
  if (!for_write) {
    if (const FrameRef* there = data_.find(index)) return *there;
    return FrameRef::zeroed();
  }
  TRY(frame_for_write(caller.kernel, index));
  touch_modified(caller.kernel);
  return *data_.find(index);
}

Result<std::size_t, Errno> TmpfsInode::read_data(const Caller&, std::uint64_t offset, std::span<char> out) {
  std::size_t copied = 0;
  while (copied < out.size() && offset < attributes_.size) {
    const std::uint64_t within = offset % kPageBytes;
    const auto step = static_cast<std::size_t>(
        std::min({kPageBytes - within, attributes_.size - offset, std::uint64_t{out.size() - copied}}));
    if (const FrameRef* frame = data_.find(offset / kPageBytes))
      std::memcpy(out.data() + copied, (*frame)->bytes.data() + within, step);
    else
      std::memset(out.data() + copied, 0, step);
    copied += step;
    offset += step;
  }
  return copied;
}

Result<std::size_t, Errno> TmpfsInode::write_data(const Caller& caller, std::uint64_t offset,
                                                  std::span<const char> bytes) {
  std::size_t copied = 0;
  while (copied < bytes.size()) {
    const std::uint64_t within = offset % kPageBytes;
    const auto step = static_cast<std::size_t>(std::min(kPageBytes - within, std::uint64_t{bytes.size() - copied}));
    const auto frame = frame_for_write(caller.kernel, offset / kPageBytes);
    if (!frame.ok()) {
      if (copied == 0) return frame.error();
      break;
    }
    std::memcpy((*frame)->bytes.data() + within, bytes.data() + copied, step);
    copied += step;
    offset += step;
  }
  attributes_.size = std::max(attributes_.size, offset);
  touch_modified(caller.kernel);
  return copied;
}

Result<void, Errno> TmpfsInode::allocate(const Caller& caller, std::uint32_t mode, std::uint64_t offset,
                                         std::uint64_t bytes) {
  Kernel& kernel = caller.kernel;
  if ((mode & ~(abi::falloc_keep_size | abi::falloc_punch_hole)) != 0) return Errno::eopnotsupp;
  const std::uint64_t end = offset + bytes;
  if ((mode & abi::falloc_punch_hole) != 0) {
    const std::uint64_t first_whole = pages_of(offset), last_whole = end / kPageBytes;
    const auto clear = [&](std::uint64_t from, std::uint64_t to) {
      if (from >= to || data_.find(from / kPageBytes) == nullptr) return;
      const auto frame = frame_for_write(kernel, from / kPageBytes);
      if (frame.ok()) std::memset((*frame)->bytes.data() + from % kPageBytes, 0, static_cast<std::size_t>(to - from));
    };
    if (first_whole > last_whole) {  // within one page
      clear(offset, end);
    } else {
      clear(offset, std::min(end, first_whole * kPageBytes));
      clear(std::max(offset, last_whole * kPageBytes), end);
      free_pages(kernel, first_whole, last_whole - first_whole);
    }
    touch_modified(kernel);
    return {};
  }
  TmpfsSuperblock* mounted = owner(kernel);
  if (mounted == nullptr) return Errno::enospc;
  const std::uint64_t pages = pages_of(end) - offset / kPageBytes;
  if (mounted->pages_max && pages > *mounted->pages_max) return Errno::enospc;
  if (pages > kernel.limits.memory_pages_max) return Errno::enospc;
  std::vector<std::uint64_t> made;
  for (std::uint64_t index = offset / kPageBytes; index < pages_of(end); ++index) {
    const bool fresh = data_.find(index) == nullptr;
    if (fresh && !frame_for_write(kernel, index).ok()) {
      for (const std::uint64_t undo : made) free_pages(kernel, undo, 1);
      return Errno::enospc;
    }
    if (fresh) made.push_back(index);
  }
  if ((mode & abi::falloc_keep_size) == 0) attributes_.size = std::max(attributes_.size, end);
  touch_modified(kernel);
  return {};
}

Result<std::uint64_t, Errno> TmpfsInode::find_data(const Caller&, std::uint64_t offset, bool hole) {
  if (offset >= attributes_.size) return Errno::enxio;
  std::uint64_t index = offset / kPageBytes;
  if (!hole) {
    std::uint64_t found = 0;
    if (!data_.next(index, &found) || found * kPageBytes >= attributes_.size) return Errno::enxio;
    return std::max(offset, found * kPageBytes);
  }
  while (index * kPageBytes < attributes_.size && data_.find(index) != nullptr) ++index;
  return std::min(std::max(offset, index * kPageBytes), attributes_.size);
}

Result<void, Errno> TmpfsInode::share_data(Kernel& kernel, const TmpfsInode& from) {
  TmpfsSuperblock* mounted = owner(kernel);
  if (mounted == nullptr) return Errno::enospc;
  free_pages(kernel, 0, std::uint64_t{1} << 36);
  const std::uint64_t pages = from.data_.size();
  if (mounted->pages_max && pages > *mounted->pages_max - std::min(mounted->pages, *mounted->pages_max))
    return Errno::enospc;
  if (kernel.file_pages + pages > kernel.limits.memory_pages_max) return Errno::enospc;
  mounted->pages += pages;
  kernel.file_pages += pages;
  data_ = from.data_;
  attributes_.size = from.attributes_.size;
  touch_modified(kernel);
  return {};
}

void TmpfsInode::forget_data(Kernel& kernel) {
  if (forgotten_) return;
  forgotten_ = true;
  free_pages(kernel, 0, std::uint64_t{1} << 36);
  TmpfsSuperblock* mounted = owner(kernel);
  if (mounted == nullptr) return;
  if (mounted->inodes > 0) --mounted->inodes;
  for (const auto& item : xattrs_) mounted->xattr_bytes -= item.first.size() + item.second.size();
  xattrs_.clear();
}

}  // namespace drydock::machine
