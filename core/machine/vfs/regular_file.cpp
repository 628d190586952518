// read(2), write(2), lseek(2) on regular files and directories.

#include "machine/vfs/regular_file.h"

#include <algorithm>
#include <limits>

#include "machine/abi/file.h"
#include "machine/kernel/send_signal.h"
#include "machine/syscalls/call.h"
#include "machine/vfs/access.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 47;  // MAX_LFS_FILESIZE is larger, FrameTree is not

/// How much of a write from `offset` on the limits of file sizes let through. SIGXFSZ.
Result<std::uint64_t, Errno> within_limits(const Caller& caller, std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t limit = caller.kernel.processes[caller.self().process].limits[kRlimitFileSize].soft;
  if (offset >= limit) {
    (void)send_signal_to_task(caller.kernel, caller.task, kernel_signal(sig_xfsz));
    return Errno::efbig;
  }
  if (offset >= kFileBytesMax) return Errno::efbig;
  return std::min({bytes, limit - offset, kFileBytesMax - offset});
}

}  // namespace

Outcome seek_to(File& file, std::int64_t offset, int whence, std::uint64_t end) {
  std::uint64_t base = 0;
  if (whence == abi::seek_cur)
    base = file.position;
  else if (whence == abi::seek_end)
    base = end;
  else if (whence != abi::seek_set)
    return Errno::einval;
  const std::uint64_t target = base + static_cast<std::uint64_t>(offset);
  const bool overflow = offset >= 0 && target < base;
  if (overflow || target > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return Errno::einval;
  file.position = target;
  return static_cast<std::int64_t>(target);
}

Result<void, Errno> drop_privilege_bits(const Caller& caller, Inode& inode) {
  const Attributes attributes = TRY(inode.attributes(caller));
  const auto permissions = without_privilege_bits(attributes);
  if (!permissions || has_capability_over(caller, abi::cap_fsetid, attributes)) return {};
  AttributeChange change;
  change.permissions = *permissions;
  return inode.change(caller, change);
}

Outcome RegularFile::read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) {
  Inode& data = caller.kernel.inodes[inode];
  const std::size_t got = TRY(data.read_data(caller, offset != nullptr ? *offset : position, out));
  if (offset == nullptr) position += got;
  if (!out.empty()) touch_on_read(caller, path, data, flags);
  return static_cast<std::int64_t>(got);
}

Outcome RegularFile::write(const Caller& caller, std::span<const char> bytes, const std::uint64_t* offset) {
  if (bytes.empty()) return std::int64_t{0};
  Inode& data = caller.kernel.inodes[inode];
  std::uint64_t start = offset != nullptr ? *offset : position;
  // pwrite(2), BUGS: with O_APPEND the offset is of no account.
  if ((flags & abi::o_append) != 0) start = TRY(data.attributes(caller)).size;
  const std::uint64_t allowed = TRY(within_limits(caller, start, bytes.size()));
  TRY(drop_privilege_bits(caller, data));
  const std::size_t put = TRY(data.write_data(caller, start, bytes.first(allowed)));
  if (offset == nullptr) position = start + put;
  return static_cast<std::int64_t>(put);
}

Outcome RegularFile::seek(const Caller& caller, std::int64_t offset, int whence) {
  Inode& data = caller.kernel.inodes[inode];
  const std::uint64_t size = TRY(data.attributes(caller)).size;
  if (whence != abi::seek_data && whence != abi::seek_hole) return seek_to(*this, offset, whence, size);
  if (offset < 0) return Errno::enxio;
  position = TRY(data.find_data(caller, static_cast<std::uint64_t>(offset), whence == abi::seek_hole));
  return static_cast<std::int64_t>(position);
}

Outcome RegularFile::ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) {
  if (request != abi::fionread) return Errno::enotty;
  const std::uint64_t size = TRY(caller.kernel.inodes[inode].attributes(caller)).size;
  const std::uint64_t left = size - position;  // as Linux computes it: negative behind the end
  TRY(Call{caller, {}}.store32(argument, static_cast<std::uint32_t>(left)));
  return done();
}

Outcome DirectoryFile::read(const Caller&, std::span<char>, const std::uint64_t*) {
  return Errno::eisdir;
}

Outcome DirectoryFile::seek(const Caller&, std::int64_t offset, int whence) {
  if (whence != abi::seek_set && whence != abi::seek_cur) return Errno::einval;
  return seek_to(*this, offset, whence, 0);
}

}  // namespace drydock::machine
