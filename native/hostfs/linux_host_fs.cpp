#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "native/hostfs/directory_reader.h"
#include "native/hostfs/features.h"
#include "native/hostfs/files.h"
#include "native/hostfs/host_fs.h"
#include "native/hostfs/metadata.h"
#include "native/hostfs/remove_tree.h"
#include "native/hostfs/resolve.h"

namespace drydock::native {
namespace {

using namespace hostfs;
using storage::DirectoryEntry;
using storage::FileInfo;
using storage::FileType;
using storage::HostFs;
using storage::HostFsFeatures;
using storage::Metadata;
using storage::NodeSpec;
using storage::WriteMode;

/// Probed at most once for a root and its subtrees: it forks.
struct FeatureProbe {
  Fd root;
  std::once_flag once;
  HostFsFeatures features;
};

class LinuxHostFs final : public HostFs {
 public:
  LinuxHostFs(Fd root, CacheParents cache, std::string host_root, std::shared_ptr<FeatureProbe> probe)
      : root_(std::move(root), cache), host_root_(std::move(host_root)), probe_(std::move(probe)) {}

  HostFsFeatures features() const override {
    std::call_once(probe_->once, [this] { probe_->features = probe_features(probe_->root.get()); });
    return probe_->features;
  }

  std::string host_path(std::string_view path) const override {
    while (!path.empty() && path.front() == '/') path.remove_prefix(1);
    if (path.empty()) return host_root_;
    return host_root_ == "/" ? concat("/", path) : concat(host_root_, "/", path);
  }

  Result<std::unique_ptr<HostFs>, SysError> subtree(std::string_view path) override {
    auto fd = TRY(root_.open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    return std::unique_ptr<HostFs>(
        std::make_unique<LinuxHostFs>(std::move(fd), CacheParents::yes, host_path(path), probe_));
  }

  Result<FileInfo, SysError> stat(std::string_view path) override {
    struct stat status {};
    auto at = root_.slot(path);
    if (at.ok()) {
      if (::fstatat(at->directory, at->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return sys_error("lstat", path);
      FileInfo info = info_of(status);
      if (info.type == FileType::symlink) info.link_target = TRY(read_link(at->directory, at->name.c_str(), path));
      return info;
    }
    if (at.error().code != Errno::einval) return at.error();
    auto fd = TRY(root_.pin(path));
    if (::fstat(fd.get(), &status) != 0) return sys_error("lstat", path);
    return info_of(status);
  }

  Result<std::vector<DirectoryEntry>, SysError> list(std::string_view path) override {
    DirectoryReader reader(TRY(root_.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)));
    if (!reader.valid()) return sys_error("opendir", path);
    std::vector<DirectoryEntry> entries;
    while (const dirent* entry = reader.next()) {
      struct stat status {};
      if (::fstatat(reader.fd(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;  // gone meanwhile
        return sys_error("lstat", concat(path, "/", std::string_view(entry->d_name)));
      }
      DirectoryEntry found{entry->d_name, info_of(status)};
      if (found.info.type == FileType::symlink) {
        found.info.link_target = TRY(read_link(reader.fd(), entry->d_name, path));
      }
      entries.push_back(std::move(found));
    }
    if (errno != 0) return sys_error("readdir", path);
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
  }

  Result<storage::Xattrs, SysError> xattrs(std::string_view path) override {
    auto fd = TRY(root_.pin(path));
    return read_xattrs(fd.get(), path);
  }

  Result<std::unique_ptr<storage::FileReader>, SysError> open_read(std::string_view path) override {
    // Opening a device or a FIFO has effects, so look before opening.
    auto pinned = TRY(root_.pin(path));
    struct stat status {};
    if (::fstat(pinned.get(), &status) != 0) return sys_error("open", path);
    if (S_ISDIR(status.st_mode)) return SysError{Errno::eisdir, "open", std::string(path)};
    if (S_ISLNK(status.st_mode)) return SysError{Errno::eloop, "open", std::string(path)};
    if (!S_ISREG(status.st_mode)) return SysError{Errno::einval, "open", std::string(path)};
    Fd fd(::open(proc_path(pinned.get()).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return sys_error("open", path);
    return make_reader(std::move(fd), static_cast<std::uint64_t>(status.st_size), std::string(path));
  }

  Result<std::unique_ptr<storage::FileWriter>, SysError> open_write(std::string_view path, WriteMode mode,
                                                                    std::uint32_t permissions) override {
    const Slot at = TRY(root_.slot(path));
    int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (mode == WriteMode::create_new) flags |= O_EXCL;
    Fd fd(::openat(at.directory, at.name.c_str(), flags, static_cast<mode_t>(permissions & 07777)));
    if (!fd.valid()) return sys_error("open", path);
    if (mode == WriteMode::create_new) return make_writer(std::move(fd), 0, std::string(path));
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return sys_error("fstat", path);
    if (!S_ISREG(status.st_mode)) return SysError{Errno::einval, "open", std::string(path)};
    if (mode == WriteMode::truncate && ::ftruncate(fd.get(), 0) != 0) return sys_error("truncate", path);
    const auto end = mode == WriteMode::truncate ? 0 : static_cast<std::uint64_t>(status.st_size);
    return make_writer(std::move(fd), end, std::string(path));
  }

  Result<void, SysError> write_atomic(std::string_view path, std::string_view bytes,
                                      std::uint32_t permissions) override {
    const Slot at = TRY(root_.slot(path));
    const std::string temporary = concat(".", std::string_view(at.name).substr(0, 200), ".tmp-", ::getpid());
    ::unlinkat(at.directory, temporary.c_str(), 0);  // of a killed daemon that had the same pid
    Fd fd(::openat(at.directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.valid()) return sys_error("open", path);
    auto written = write_all(fd.get(), bytes, 0, path);
    if (written.ok() && ::fchmod(fd.get(), permissions & 07777) != 0) written = sys_error("chmod", path);
    if (written.ok() && ::renameat(at.directory, temporary.c_str(), at.directory, at.name.c_str()) != 0) {
      written = sys_error("rename", path);
    }
    if (!written.ok()) ::unlinkat(at.directory, temporary.c_str(), 0);
    return written;
  }

  Result<void, SysError> make_node(std::string_view path, const NodeSpec& spec) override {
    const Slot at = TRY(root_.slot(path));
    const char* name = at.name.c_str();
    const auto mode = static_cast<mode_t>(spec.mode & 07777);
    switch (spec.type) {
      case FileType::directory:
        if (::mkdirat(at.directory, name, mode) != 0) return sys_error("mkdir", path);
        break;
      case FileType::symlink:
        if (spec.link_target.find('\0') != std::string::npos)
          return SysError{Errno::einval, "symlink", spec.link_target};
        if (::symlinkat(spec.link_target.c_str(), at.directory, name) != 0) return sys_error("symlink", path);
        return {};
      case FileType::character_device:
      case FileType::block_device:
      case FileType::fifo: {
        const mode_t type = spec.type == FileType::fifo               ? S_IFIFO
                            : spec.type == FileType::character_device ? S_IFCHR
                                                                      : S_IFBLK;
        const dev_t device = spec.type == FileType::fifo ? 0 : makedev(spec.device_major, spec.device_minor);
        if (::mknodat(at.directory, name, type | mode, device) != 0) return sys_error("mknod", path);
        break;
      }
      case FileType::regular:
      case FileType::socket:
        return SysError{Errno::einval, "mknod", std::string(path)};
    }
    // mkdir(2) honours neither the masked bits nor setuid and setgid.
    const bool exact = (mode & umask_) == 0 && (mode & 07000) == 0;
    if (exact) return {};
    return set_metadata(path, Metadata{{}, {}, spec.mode & 07777, {}, {}});
  }

  Result<void, SysError> make_hard_link(std::string_view existing, std::string_view path) override {
    auto pinned = TRY(root_.pin(existing));
    const Slot at = TRY(root_.slot(path));
    if (::linkat(AT_FDCWD, proc_path(pinned.get()).c_str(), at.directory, at.name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      return sys_error("link", concat(existing, " ", path));
    }
    return {};
  }

  Result<void, SysError> set_metadata(std::string_view path, const Metadata& metadata) override {
    auto fd = TRY(root_.pin(path));
    return apply_metadata(fd.get(), metadata, path);
  }

  Result<void, SysError> rename(std::string_view from, std::string_view to) override {
    const Slot source = TRY(root_.slot(from));
    Fd source_directory(::fcntl(source.directory, F_DUPFD_CLOEXEC, 0));
    if (!source_directory.valid()) return sys_error("rename", from);
    const Slot target = TRY(root_.slot(to));
    const int result = ::renameat(source_directory.get(), source.name.c_str(), target.directory, target.name.c_str());
    const SysError error = sys_error("rename", concat(from, " ", to));
    root_.forget_parents();
    if (result != 0) return error;
    return {};
  }

  Result<void, SysError> remove_tree(std::string_view path) override {
    auto at = root_.slot(path);
    // A path through something that is not there, or no directory, names nothing.
    if (!at.ok() && (at.error().code == Errno::enoent || at.error().code == Errno::enotdir)) return {};
    if (!at.ok()) return at.error();
    auto removed = remove_tree_at(at->directory, at->name, path);
    root_.forget_parents();
    return removed;
  }

 private:
  Root root_;
  std::string host_root_;
  std::shared_ptr<FeatureProbe> probe_;
  std::uint32_t umask_ = current_umask();
};

}  // namespace

Result<std::unique_ptr<storage::HostFs>, SysError> open_host_fs(const std::string& root) {
  Fd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return sys_error("open", root);
  auto probe = std::make_shared<FeatureProbe>();
  probe->root.reset(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!probe->root.valid()) return sys_error("dup", root);
  std::string host_root = root;
  while (host_root.size() > 1 && host_root.back() == '/') host_root.pop_back();
  return std::unique_ptr<storage::HostFs>(
      std::make_unique<LinuxHostFs>(std::move(fd), CacheParents::no, std::move(host_root), std::move(probe)));
}

}  // namespace drydock::native
