// openat2(2) with RESOLVE_IN_ROOT finds the directory that holds a path's last component; the *at() calls do the rest.

#include "sim/host_fs.h"

#include <algorithm>

#include "base/text.h"

namespace drydock::sim {
namespace {

using machine::HostArgument;
using machine::StructWriter;
using storage::DirectoryEntry;
using storage::FileInfo;
using storage::FileType;
using storage::HostFs;
using storage::HostFsFeatures;
using storage::Metadata;
using storage::NodeSpec;
using storage::WriteMode;

constexpr std::int64_t kOffsetMax = 0x7fff'ffff'ffff'ffff;
constexpr std::size_t kDepthMax = 4096;
constexpr std::uint32_t kUnchanged = 0xffffffff;

/// Without slashes at both ends.
std::string_view trimmed(std::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return path;
}

FileType type_of(std::uint32_t mode) {
  switch (mode & 0170000) {
    case kTypeDirectory:
      return FileType::directory;
    case kTypeLink:
      return FileType::symlink;
    case kTypeCharacterDevice:
      return FileType::character_device;
    case kTypeBlockDevice:
      return FileType::block_device;
    case kTypeFifo:
      return FileType::fifo;
    case kTypeSocket:
      return FileType::socket;
    default:
      return FileType::regular;
  }
}

FileInfo info_of(const StatRecord& record) {
  FileInfo info;
  info.type = type_of(record.mode);
  info.mode = record.mode & 07777;
  info.uid = record.uid;
  info.gid = record.gid;
  info.size = record.size;
  info.mtime_ns = record.mtime_ns;
  info.device_major = record.rdev_major;
  info.device_minor = record.rdev_minor;
  info.inode = record.inode;
  info.filesystem = record.device;
  info.links = static_cast<std::uint32_t>(record.links);
  return info;
}

SysError error_of(Errno code, const char* operation, std::string_view object) {
  return {code, operation, std::string(object)};
}

template <class T>
Result<void, SysError> check(const Result<T, Errno>& result, const char* operation, std::string_view object) {
  if (result.ok()) return {};
  return error_of(result.error(), operation, object);
}

/// UTIME_OMIT would leave the access time; tar knows one time only, and both are set to it.
std::string times_of(std::int64_t mtime_ns) {
  std::int64_t seconds = mtime_ns / 1'000'000'000, rest = mtime_ns % 1'000'000'000;
  if (rest < 0) {
    rest += 1'000'000'000;
    --seconds;
  }
  return StructWriter().i64(seconds).i64(rest).i64(seconds).i64(rest).bytes();
}

Result<void, SysError> set_open_metadata(const HostedTask& task, int fd, const Metadata& metadata,
                                         std::string_view path) {
  if (metadata.uid || metadata.gid)
    TRY(check(task.attempt(number::fchown, {fd, metadata.uid.value_or(kUnchanged), metadata.gid.value_or(kUnchanged)}),
              "chown", path));
  if (metadata.mode) TRY(check(task.attempt(number::fchmod, {fd, *metadata.mode & 07777}), "chmod", path));
  for (const auto& [name, value] : metadata.xattrs)
    TRY(check(
        task.attempt(number::fsetxattr, {fd, name, HostArgument::bytes(std::string_view(value)), value.size(), 0}),
        "setxattr", concat(path, " ", name)));
  if (metadata.mtime_ns) {
    const std::string times = times_of(*metadata.mtime_ns);
    TRY(check(task.attempt(number::utimensat, {fd, 0, HostArgument::bytes(std::string_view(times)), 0}), "utimensat",
              path));
  }
  return {};
}

class Reader final : public storage::FileReader {
 public:
  Reader(HostedTask task, SimFd fd, std::uint64_t size, std::string path)
      : task_(task), fd_(std::move(fd)), size_(size), path_(std::move(path)) {}
  std::uint64_t size() const override { return size_; }
  Result<std::size_t, SysError> read_at(std::uint64_t offset, std::span<char> out) override {
    std::size_t got = 0;
    while (got < out.size() && offset + got <= static_cast<std::uint64_t>(kOffsetMax)) {
      const std::span<char> piece = out.subspan(got, std::min<std::size_t>(out.size() - got, 1 << 20));
      const auto size =
          task_.attempt(number::pread64, {fd_.get(), HostArgument::room(piece), piece.size(), offset + got});
      if (!size.ok()) return error_of(size.error(), "read", path_);
      if (*size == 0) break;
      got += static_cast<std::size_t>(*size);
    }
    return got;
  }

 private:
  HostedTask task_;
  SimFd fd_;
  std::uint64_t size_;
  std::string path_;
};

class Writer final : public storage::FileWriter {
 public:
  Writer(HostedTask task, SimFd fd, std::uint64_t offset, std::string path)
      : task_(task), fd_(std::move(fd)), offset_(offset), path_(std::move(path)) {}
  Result<void, SysError> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, 1 << 20);
      const auto put = task_.attempt(number::pwrite64, {fd_.get(), HostArgument::bytes(piece), piece.size(), offset_});
      if (!put.ok()) return error_of(put.error(), "write", path_);
      offset_ += static_cast<std::uint64_t>(*put);
      bytes.remove_prefix(static_cast<std::size_t>(*put));
    }
    return {};
  }
  Result<void, SysError> skip(std::uint64_t bytes) override {
    if (bytes > static_cast<std::uint64_t>(kOffsetMax) - offset_) return error_of(Errno::efbig, "truncate", path_);
    TRY(check(task_.attempt(number::ftruncate, {fd_.get(), offset_ + bytes}), "truncate", path_));
    offset_ += bytes;
    return {};
  }
  Result<void, SysError> set_metadata(const Metadata& metadata) override {
    return set_open_metadata(task_, fd_.get(), metadata, path_);
  }
  Result<void, SysError> sync() override { return check(task_.attempt(number::fsync, {fd_.get()}), "fsync", path_); }

 private:
  HostedTask task_;
  SimFd fd_;
  std::uint64_t offset_;
  std::string path_;
};

/// A path's last component in its directory; "." for the root and for what ends in "..".
struct Slot {
  SimFd holder;  // none: the root's own descriptor
  int directory = -1;
  std::string name;
};

class SimHostFs final : public HostFs {
 public:
  SimHostFs(HostedTask task, SimFd root, std::string host_root)
      : task_(task), root_(std::move(root)), host_root_(std::move(host_root)) {}

  HostFsFeatures features() const override {
    return {.overlay = true, .overlay_in_userns = true, .trusted_xattrs = true, .device_nodes = true, .chown = true};
  }
  std::string host_path(std::string_view path) const override {
    while (!path.empty() && path.front() == '/') path.remove_prefix(1);
    if (path.empty()) return host_root_;
    return host_root_ == "/" ? concat("/", path) : concat(host_root_, "/", path);
  }
  Result<std::unique_ptr<HostFs>, SysError> subtree(std::string_view path) override {
    SimFd fd = TRY(open_beneath(path, kOpenPath | kOpenDirectory | kOpenNoFollow));
    return std::unique_ptr<HostFs>(std::make_unique<SimHostFs>(task_, std::move(fd), host_path(path)));
  }

  Result<FileInfo, SysError> stat(std::string_view path) override {
    const Slot at = TRY(slot(path, Place::any));
    return look(at.directory, at.name, path);
  }
  Result<std::vector<DirectoryEntry>, SysError> list(std::string_view path) override;
  Result<storage::Xattrs, SysError> xattrs(std::string_view path) override;
  Result<std::unique_ptr<storage::FileReader>, SysError> open_read(std::string_view path) override;
  Result<std::unique_ptr<storage::FileWriter>, SysError> open_write(std::string_view path, WriteMode mode,
                                                                    std::uint32_t permissions) override;
  Result<void, SysError> write_atomic(std::string_view path, std::string_view bytes,
                                      std::uint32_t permissions) override;
  Result<void, SysError> make_node(std::string_view path, const NodeSpec& spec) override;
  Result<void, SysError> make_hard_link(std::string_view existing, std::string_view path) override;
  Result<void, SysError> set_metadata(std::string_view path, const Metadata& metadata) override;
  Result<void, SysError> rename(std::string_view from, std::string_view to) override;
  Result<void, SysError> remove_tree(std::string_view path) override;

 private:
  enum class Place { any, named };  // named: "", "." and ".." are no good
  Result<SimFd, SysError> open_beneath(std::string_view path, std::uint32_t flags) const;
  Result<Slot, SysError> slot(std::string_view path, Place place = Place::named) const;
  Result<FileInfo, SysError> look(int directory, std::string_view name, std::string_view path) const;
  Result<void, SysError> set_extended(const Slot& at, const storage::Xattrs& xattrs, std::string_view path) const;

  struct Level {
    SimFd directory;
    std::string name;  // in the level above
    std::vector<std::string> names;
  };
  Result<void, SysError> remove_entry(std::vector<Level>& levels, int parent, const std::string& name, bool* busy,
                                      std::string_view path) const;

  HostedTask task_;
  SimFd root_;
  std::string host_root_;
};

Result<SimFd, SysError> SimHostFs::open_beneath(std::string_view path, std::uint32_t flags) const {
  const std::string_view relative = trimmed(path);
  auto fd = owned(task_, task_.open(root_.get(), relative.empty() ? "." : relative, flags, 0,
                                    kResolveInRoot | kResolveNoMagicLinks));
  if (!fd.ok()) return error_of(fd.error(), "openat2", path);
  return std::move(fd).value();
}

Result<Slot, SysError> SimHostFs::slot(std::string_view path, Place place) const {
  const std::string_view relative = trimmed(path);
  const std::size_t slash = relative.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? relative : relative.substr(slash + 1);
  const std::string_view parent = slash == std::string_view::npos ? std::string_view() : relative.substr(0, slash);
  if (name.find('\0') != std::string_view::npos) return error_of(Errno::einval, "openat2", path);
  Slot found;
  if (name.empty() || name == "." || name == "..") {
    if (place == Place::named) return error_of(Errno::einval, "openat2", path);
    found.holder = TRY(open_beneath(relative, kOpenPath | kOpenNoFollow));
    found.directory = found.holder.get();
    found.name = ".";
    return found;
  }
  found.name = name;
  found.directory = root_.get();
  if (trimmed(parent).empty()) return found;
  found.holder = TRY(open_beneath(parent, kOpenPath | kOpenDirectory));
  found.directory = found.holder.get();
  return found;
}

Result<FileInfo, SysError> SimHostFs::look(int directory, std::string_view name, std::string_view path) const {
  const auto record = task_.stat(directory, name, kAtNoFollow);
  if (!record.ok()) return error_of(record.error(), "lstat", path);
  FileInfo info = info_of(*record);
  if (info.type == FileType::symlink) {
    auto target = task_.read_link(directory, name);
    if (!target.ok()) return error_of(target.error(), "readlink", path);
    info.link_target = std::move(target).value();
  }
  return info;
}

Result<std::vector<DirectoryEntry>, SysError> SimHostFs::list(std::string_view path) {
  const SimFd fd = TRY(open_beneath(path, kOpenRead | kOpenDirectory | kOpenNoFollow));
  auto names = task_.names(fd.get());
  if (!names.ok()) return error_of(names.error(), "readdir", path);
  std::sort(names->begin(), names->end());
  std::vector<DirectoryEntry> entries;
  for (const std::string& name : *names) entries.push_back({name, TRY(look(fd.get(), name, path))});
  return entries;
}

Result<storage::Xattrs, SysError> SimHostFs::xattrs(std::string_view path) {
  const Slot at = TRY(slot(path, Place::any));
  // There is no *at() form: the name is looked up in the working directory.
  TRY(check(task_.attempt(number::fchdir, {at.directory}), "fchdir", path));
  std::string names(65536, '\0');
  const auto size = task_.attempt(number::llistxattr, {at.name, HostArgument::room(names), names.size()});
  storage::Xattrs all;
  if (!size.ok() && size.error() != Errno::eopnotsupp) return error_of(size.error(), "llistxattr", path);
  names.resize(size.ok() ? static_cast<std::size_t>(*size) : 0);
  for (std::size_t from = 0; from < names.size();) {
    const std::string name(names.c_str() + from);
    from += name.size() + 1;
    std::string value(65536, '\0');
    const auto length = task_.attempt(number::lgetxattr, {at.name, name, HostArgument::room(value), value.size()});
    if (!length.ok()) return error_of(length.error(), "lgetxattr", concat(path, " ", name));
    value.resize(static_cast<std::size_t>(*length));
    all.emplace_back(name, std::move(value));
  }
  return all;
}

Result<std::unique_ptr<storage::FileReader>, SysError> SimHostFs::open_read(std::string_view path) {
  const Slot at = TRY(slot(path, Place::any));
  // Opening a device or a FIFO has effects, so look before opening.
  const FileInfo info = TRY(look(at.directory, at.name, path));
  if (info.type == FileType::directory) return error_of(Errno::eisdir, "open", path);
  if (info.type == FileType::symlink) return error_of(Errno::eloop, "open", path);
  if (info.type != FileType::regular) return error_of(Errno::einval, "open", path);
  auto fd = owned(task_, task_.open(at.directory, at.name, kOpenRead | kOpenNoFollow));
  if (!fd.ok()) return error_of(fd.error(), "open", path);
  return std::unique_ptr<storage::FileReader>(
      std::make_unique<Reader>(task_, std::move(fd).value(), info.size, std::string(path)));
}

Result<std::unique_ptr<storage::FileWriter>, SysError> SimHostFs::open_write(std::string_view path, WriteMode mode,
                                                                             std::uint32_t permissions) {
  const Slot at = TRY(slot(path));
  std::uint32_t flags = kOpenWrite | kOpenCreate | kOpenNoFollow | kOpenNonblock | kOpenNoTty;
  if (mode == WriteMode::create_new) flags |= kOpenExclusive;
  auto fd = owned(task_, task_.open(at.directory, at.name, flags, permissions & 07777));
  if (!fd.ok()) return error_of(fd.error(), "open", path);
  const auto record = task_.stat(fd->get(), "", kAtEmptyPath);
  if (!record.ok()) return error_of(record.error(), "fstat", path);
  if (record->type() != kTypeRegular) return error_of(Errno::einval, "open", path);
  if (mode == WriteMode::truncate) TRY(check(task_.attempt(number::ftruncate, {fd->get(), 0}), "truncate", path));
  const std::uint64_t end = mode == WriteMode::append ? record->size : 0;
  return std::unique_ptr<storage::FileWriter>(
      std::make_unique<Writer>(task_, std::move(fd).value(), end, std::string(path)));
}

Result<void, SysError> SimHostFs::write_atomic(std::string_view path, std::string_view bytes,
                                               std::uint32_t permissions) {
  const Slot at = TRY(slot(path));
  const std::string temporary = concat(".", std::string_view(at.name).substr(0, 200), ".tmp");
  static_cast<void>(task_.call(number::unlinkat, {at.directory, temporary, 0}));  // of a daemon that was killed
  auto fd = owned(task_,
                  task_.open(at.directory, temporary, kOpenWrite | kOpenCreate | kOpenExclusive | kOpenNoFollow, 0600));
  if (!fd.ok()) return error_of(fd.error(), "open", path);
  auto written = check(task_.write_all(fd->get(), bytes), "write", path);
  if (written.ok()) written = check(task_.attempt(number::fchmod, {fd->get(), permissions & 07777}), "chmod", path);
  if (written.ok())
    written = check(task_.attempt(number::renameat, {at.directory, temporary, at.directory, at.name}), "rename", path);
  if (!written.ok()) static_cast<void>(task_.call(number::unlinkat, {at.directory, temporary, 0}));
  return written;
}

Result<void, SysError> SimHostFs::make_node(std::string_view path, const NodeSpec& spec) {
  const Slot at = TRY(slot(path));
  const std::uint32_t mode = spec.mode & 07777;
  switch (spec.type) {
    case FileType::directory:
      TRY(check(task_.attempt(number::mkdirat, {at.directory, at.name, mode}), "mkdir", path));
      break;
    case FileType::symlink:
      if (spec.link_target.find('\0') != std::string::npos) return error_of(Errno::einval, "symlink", spec.link_target);
      return check(task_.attempt(number::symlinkat, {spec.link_target, at.directory, at.name}), "symlink", path);
    case FileType::character_device:
    case FileType::block_device:
    case FileType::fifo: {
      const std::uint32_t type = spec.type == FileType::fifo               ? kTypeFifo
                                 : spec.type == FileType::character_device ? kTypeCharacterDevice
                                                                           : kTypeBlockDevice;
      const std::uint64_t major = spec.device_major, minor = spec.device_minor;
      const std::uint64_t device = spec.type == FileType::fifo
                                       ? 0
                                       : (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~std::uint64_t{0xff}) << 12 |
                                             (major & ~std::uint64_t{0xfff}) << 32;
      TRY(check(task_.attempt(number::mknodat, {at.directory, at.name, type | mode, device}), "mknod", path));
      break;
    }
    case FileType::regular:
    case FileType::socket:
      return error_of(Errno::einval, "mknod", path);
  }
  // The umask, and that mkdir(2) honours neither setuid nor setgid.
  return check(task_.attempt(number::fchmodat, {at.directory, at.name, mode}), "chmod", path);
}

Result<void, SysError> SimHostFs::make_hard_link(std::string_view existing, std::string_view path) {
  const Slot from = TRY(slot(existing)), to = TRY(slot(path));
  return check(task_.attempt(number::linkat, {from.directory, from.name, to.directory, to.name, 0}), "link",
               concat(existing, " ", path));
}

Result<void, SysError> SimHostFs::set_extended(const Slot& at, const storage::Xattrs& xattrs,
                                               std::string_view path) const {
  if (xattrs.empty()) return {};
  TRY(check(task_.attempt(number::fchdir, {at.directory}), "fchdir", path));
  for (const auto& [name, value] : xattrs)
    TRY(check(task_.attempt(number::lsetxattr,
                            {at.name, name, HostArgument::bytes(std::string_view(value)), value.size(), 0}),
              "lsetxattr", concat(path, " ", name)));
  return {};
}

Result<void, SysError> SimHostFs::set_metadata(std::string_view path, const Metadata& metadata) {
  const Slot at = TRY(slot(path, Place::any));
  if (metadata.uid || metadata.gid)
    TRY(check(task_.attempt(number::fchownat, {at.directory, at.name, metadata.uid.value_or(kUnchanged),
                                               metadata.gid.value_or(kUnchanged), kAtNoFollow}),
              "lchown", path));
  if (metadata.mode) {
    // fchmodat(2) follows links; a link has no mode of its own.
    if (TRY(look(at.directory, at.name, path)).type == FileType::symlink)
      return error_of(Errno::eopnotsupp, "chmod", path);
    TRY(check(task_.attempt(number::fchmodat, {at.directory, at.name, *metadata.mode & 07777}), "chmod", path));
  }
  TRY(set_extended(at, metadata.xattrs, path));
  if (!metadata.mtime_ns) return {};
  const std::string times = times_of(*metadata.mtime_ns);
  return check(task_.attempt(number::utimensat,
                             {at.directory, at.name, HostArgument::bytes(std::string_view(times)), kAtNoFollow}),
               "utimensat", path);
}

Result<void, SysError> SimHostFs::rename(std::string_view from, std::string_view to) {
  const Slot source = TRY(slot(from)), target = TRY(slot(to));
  return check(task_.attempt(number::renameat, {source.directory, source.name, target.directory, target.name}),
               "rename", concat(from, " ", to));
}

/// Removes one entry, or opens it as a further level when it is a directory with something in it.
Result<void, SysError> SimHostFs::remove_entry(std::vector<Level>& levels, int parent, const std::string& name,
                                               bool* busy, std::string_view path) const {
  const auto record = task_.stat(parent, name, kAtNoFollow);
  if (!record.ok() && record.error() == Errno::enoent) return {};
  if (!record.ok()) return error_of(record.error(), "lstat", path);
  const bool directory = record->type() == kTypeDirectory;
  const auto removed = task_.attempt(number::unlinkat, {parent, name, directory ? kAtRemoveDirectory : 0});
  if (removed.ok() || removed.error() == Errno::enoent) return {};
  if (removed.error() == Errno::ebusy) {
    *busy = true;
    return {};
  }
  if (!directory || levels.size() >= kDepthMax) return error_of(removed.error(), "unlinkat", concat(path, "/", name));
  auto fd = owned(task_, task_.open(parent, name, kOpenRead | kOpenDirectory | kOpenNoFollow, 0, kResolveNoXdev));
  if (!fd.ok() && fd.error() == Errno::exdev) {
    *busy = true;
    return {};
  }
  if (!fd.ok()) return error_of(fd.error(), "openat2", concat(path, "/", name));
  auto names = task_.names(fd->get());
  if (!names.ok()) return error_of(names.error(), "readdir", path);
  levels.push_back({std::move(fd).value(), name, std::move(names).value()});
  return {};
}

Result<void, SysError> SimHostFs::remove_tree(std::string_view path) {
  auto at = slot(path);
  // A path through something that is not there, or no directory, names nothing.
  if (!at.ok() && (at.error().code == Errno::enoent || at.error().code == Errno::enotdir)) return {};
  if (!at.ok()) return at.error();
  bool busy = false;
  std::vector<Level> levels;
  TRY(remove_entry(levels, at->directory, at->name, &busy, path));
  while (!levels.empty()) {
    Level& level = levels.back();
    if (!level.names.empty()) {
      const std::string name = std::move(level.names.back());
      level.names.pop_back();
      TRY(remove_entry(levels, level.directory.get(), name, &busy, path));
      continue;
    }
    const std::string name = level.name;
    levels.pop_back();
    const int parent = levels.empty() ? at->directory : levels.back().directory.get();
    const auto removed = task_.attempt(number::unlinkat, {parent, name, kAtRemoveDirectory});
    if (removed.ok() || removed.error() == Errno::enoent) continue;
    if (!busy && removed.error() != Errno::ebusy) return error_of(removed.error(), "unlinkat", path);
    busy = true;
  }
  if (busy) return error_of(Errno::ebusy, "unlinkat", path);
  return {};
}

}  // namespace

Result<std::unique_ptr<HostFs>, SysError> open_host_fs(HostedTask daemon, const std::string& root) {
  auto fd = owned(daemon, daemon.open(kHere, root, kOpenPath | kOpenDirectory));
  if (!fd.ok()) return error_of(fd.error(), "open", root);
  std::string host_root = root;
  while (host_root.size() > 1 && host_root.back() == '/') host_root.pop_back();
  return std::unique_ptr<HostFs>(std::make_unique<SimHostFs>(daemon, std::move(fd).value(), std::move(host_root)));
}

}  // namespace drydock::sim
