// System calls with their structs. stat(2), getdents(2), openat2(2).

#include "sim/hosted_task.h"

#include <algorithm>
#include <array>

namespace drydock::sim {

using machine::HostArgument;
using machine::StructReader;
using machine::StructWriter;

Result<std::int64_t, Errno> HostedTask::attempt(std::int64_t which,
                                                std::initializer_list<HostArgument> arguments) const {
  const machine::Outcome outcome = call(which, arguments);
  if (!outcome.ok()) return outcome.error();
  return outcome.value();
}

Result<int, Errno> HostedTask::open(int directory, std::string_view path, std::uint32_t flags, std::uint32_t mode,
                                    std::uint64_t resolve) const {
  if (path.find('\0') != std::string_view::npos) return Errno::einval;
  StructWriter how;
  how.u64(flags | kOpenCloseOnExec).u64((flags & kOpenCreate) != 0 ? mode & 07777 : 0).u64(resolve);
  const auto fd = TRY(attempt(number::openat2, {directory, path, HostArgument::bytes(how.span()), how.bytes().size()}));
  return static_cast<int>(fd);
}

Result<StatRecord, Errno> HostedTask::stat(int directory, std::string_view path, int flags) const {
  std::string raw(144, '\0');
  TRY(attempt(number::newfstatat, {directory, path, HostArgument::room(raw), flags}));
  const StructReader in(std::move(raw));
  StatRecord record;
  record.device = in.u64(0);
  record.inode = in.u64(8);
  record.links = in.u64(16);
  record.mode = in.u32(24);
  record.uid = in.u32(28);
  record.gid = in.u32(32);
  const std::uint64_t rdev = in.u64(40);
  record.rdev_major = static_cast<std::uint32_t>((rdev >> 8 & 0xfff) | (rdev >> 32 & 0xfffff000));
  record.rdev_minor = static_cast<std::uint32_t>((rdev & 0xff) | (rdev >> 12 & 0xffffff00));
  record.size = in.u64(48);
  record.mtime_ns = static_cast<std::int64_t>(in.u64(88)) * 1'000'000'000 + static_cast<std::int64_t>(in.u64(96));
  return record;
}

Result<std::string, Errno> HostedTask::read_link(int directory, std::string_view name) const {
  std::string target(4096, '\0');
  const auto size = TRY(attempt(number::readlinkat, {directory, name, HostArgument::room(target), target.size()}));
  target.resize(static_cast<std::size_t>(size));
  return target;
}

Result<std::vector<std::string>, Errno> HostedTask::names(int fd) const {
  std::vector<std::string> all;
  for (;;) {
    std::string raw(32768, '\0');
    const auto got = TRY(attempt(number::getdents64, {fd, HostArgument::room(raw), raw.size()}));
    if (got == 0) return all;
    raw.resize(static_cast<std::size_t>(got));
    const StructReader in(raw);
    for (std::size_t at = 0; at + 19 < raw.size();) {
      const std::string name(raw.c_str() + at + 19);
      if (name != "." && name != "..") all.push_back(name);
      const std::size_t length = in.u16(at + 16);
      if (length == 0) break;
      at += length;
    }
  }
}

Result<std::string, Errno> HostedTask::read_all(int fd, std::size_t bytes_max) const {
  std::string all;
  while (all.size() < bytes_max) {
    std::string piece(std::min<std::size_t>(bytes_max - all.size(), 65536), '\0');
    const auto got = TRY(attempt(number::read, {fd, HostArgument::room(piece), piece.size()}));
    if (got == 0) break;
    all.append(piece, 0, static_cast<std::size_t>(got));
  }
  return all;
}

Result<void, Errno> HostedTask::write_all(int fd, std::string_view bytes) const {
  constexpr std::size_t kPiece = 1 << 20;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    const auto put = TRY(attempt(number::write, {fd, HostArgument::bytes(piece), piece.size()}));
    if (put <= 0) return Errno::eio;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<std::string, Errno> HostedTask::read_file(std::string_view path, std::size_t bytes_max) const {
  const SimFd fd = TRY(owned(*this, open(kHere, path, kOpenRead)));
  return read_all(fd.get(), bytes_max);
}

Result<void, Errno> HostedTask::write_file(std::string_view path, std::string_view bytes) const {
  const SimFd fd = TRY(owned(*this, open(kHere, path, kOpenWrite)));
  return write_all(fd.get(), bytes);
}

}  // namespace drydock::sim
