#include "storage/host_fs.h"

#include <algorithm>
#include <set>

namespace drydock::storage {
namespace {

constexpr std::size_t kReadStep = 64 * 1024;

Result<bool, SysError> is_directory(HostFs& fs, std::string_view path) {
  auto info = fs.stat(path);
  if (!info.ok() && info.error().code == Errno::enoent) return false;
  if (!info.ok()) return info.error();
  if (info->type == FileType::directory) return true;
  // The last component is not followed; "." after it is, so a link to a directory counts as one.
  if (info->type == FileType::symlink) {
    auto target = fs.stat(concat(path, "/."));
    if (target.ok() && target->type == FileType::directory) return true;
  }
  return SysError{Errno::enotdir, "mkdir", std::string(path)};
}

}  // namespace

Result<std::string, SysError> read_file(HostFs& fs, std::string_view path, std::uint64_t size_max) {
  auto reader = TRY(fs.open_read(path));
  // Files of /proc and such say 0; the size is a hint only.
  std::string bytes;
  for (;;) {
    const std::size_t at = bytes.size();
    if (at > size_max) return SysError{Errno::efbig, "read", std::string(path)};
    const std::uint64_t rest = reader->size() > at ? reader->size() - at : 0;
    bytes.resize(at + static_cast<std::size_t>(std::min<std::uint64_t>(std::min(rest, size_max - at) + 1, kReadStep)));
    const std::size_t got = TRY(reader->read_at(at, std::span<char>(bytes).subspan(at)));
    const bool end = got < bytes.size() - at;
    bytes.resize(at + got);
    if (end) break;
  }
  if (bytes.size() > size_max) return SysError{Errno::efbig, "read", std::string(path)};
  return bytes;
}

Result<void, SysError> make_directories(HostFs& fs, std::string_view path, std::uint32_t mode) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  if (path.empty() || TRY(is_directory(fs, path))) return {};
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    const std::string_view prefix = path.substr(0, end);
    if (prefix.back() == '/' || TRY(is_directory(fs, prefix))) continue;
    NodeSpec spec;
    spec.mode = mode;
    auto made = fs.make_node(prefix, spec);
    if (!made.ok() && made.error().code != Errno::eexist) return made;
  }
  return {};
}

Result<std::uint64_t, SysError> tree_size(HostFs& fs, std::string_view path) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;  // inodes with several names
  std::uint64_t total = 0;
  std::vector<std::string> pending{std::string(path)};
  while (!pending.empty()) {
    const std::string directory = std::move(pending.back());
    pending.pop_back();
    auto entries = fs.list(directory);
    if (!entries.ok() && entries.error().code == Errno::enoent && directory != path) continue;  // gone meanwhile
    if (!entries.ok()) return entries.error();
    for (const DirectoryEntry& entry : *entries) {
      if (entry.info.type == FileType::directory) pending.push_back(concat(directory, "/", entry.name));
      if (entry.info.type != FileType::regular) continue;
      if (entry.info.links > 1 && !seen.insert({entry.info.filesystem, entry.info.inode}).second) continue;
      total += entry.info.size;
    }
  }
  return total;
}

}  // namespace drydock::storage
