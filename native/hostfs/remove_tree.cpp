#include "native/hostfs/remove_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include "native/hostfs/directory_reader.h"
#include "native/hostfs/resolve.h"

namespace drydock::native::hostfs {
namespace {

// Deeper directories are moved up and dealt with from there: a tree can be deeper than a process may have files open.
constexpr std::size_t kOpenDirectoriesMax = 64;

struct Level {
  DirectoryReader reader;
  std::string name;  // in the level above
  bool removed_some = false;
};

class Removal {
 public:
  explicit Removal(std::string_view path) : path_(path) {}

  Result<void, SysError> run(int directory, const std::string& name) {
    TRY(remove_entry(directory, name, /*is_directory=*/false));
    while (!levels_.empty()) TRY(step(directory));
    if (busy_) return SysError{Errno::ebusy, "unlinkat", path_};
    return {};
  }

 private:
  Result<void, SysError> step(int directory) {
    Level& level = levels_.back();
    if (const dirent* entry = level.reader.next()) {
      level.removed_some = true;
      return remove_entry(level.reader.fd(), entry->d_name, entry->d_type == DT_DIR);
    }
    if (errno != 0) return sys_error("readdir", path_);
    const int parent = levels_.size() > 1 ? levels_[levels_.size() - 2].reader.fd() : directory;
    if (::unlinkat(parent, level.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      // Directories that were moved up came behind the reading position.
      if ((errno == ENOTEMPTY || errno == EEXIST) && level.removed_some && !busy_) {
        level.removed_some = false;
        level.reader.rewind();
        return {};
      }
      if (!busy_ && errno != EBUSY) return sys_error("unlinkat", path_);
      busy_ = true;
    }
    levels_.pop_back();
    return {};
  }

  Result<void, SysError> remove_entry(int parent, const std::string& name, bool is_directory) {
    if (!is_directory) {
      if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
      if (errno == EBUSY) {
        busy_ = true;
        return {};
      }
      const int unlink_errno = errno;
      struct stat status {};
      // EPERM and EISDIR are both told of directories.
      if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(status.st_mode)) {
        errno = unlink_errno;
        return sys_error("unlinkat", concat(path_, "/", name));
      }
    }
    return remove_directory(parent, name);
  }

  Result<void, SysError> remove_directory(int parent, const std::string& name) {
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (levels_.size() >= kOpenDirectoriesMax) return move_up(parent, name);
    Fd fd(open_beneath(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_NO_XDEV));
    if (!fd.valid() && errno == EACCES && ::fchmodat(parent, name.c_str(), 0700, 0) == 0) {
      fd.reset(open_beneath(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_NO_XDEV));
    }
    if (!fd.valid() && errno == EXDEV) {
      busy_ = true;
      return {};
    }
    if (!fd.valid()) return sys_error("openat2", concat(path_, "/", name));
    levels_.push_back({DirectoryReader(std::move(fd)), name});
    if (!levels_.back().reader.valid()) {
      levels_.pop_back();
      return sys_error("opendir", path_);
    }
    return {};
  }

  Result<void, SysError> move_up(int parent, const std::string& name) {
    for (;;) {
      const std::string temporary = concat(".removing-", moved_++);
      struct stat status {};
      const int top = levels_.front().reader.fd();
      if (::fstatat(top, temporary.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) continue;
      if (::renameat(parent, name.c_str(), top, temporary.c_str()) == 0) {
        levels_.front().removed_some = true;
        return {};
      }
      if (errno == EBUSY || errno == EXDEV) {
        busy_ = true;
        return {};
      }
      return sys_error("rename", concat(path_, "/", name));
    }
  }

  std::string path_;
  std::vector<Level> levels_;
  std::uint64_t moved_ = 0;
  bool busy_ = false;
};

}  // namespace

Result<void, SysError> remove_tree_at(int directory, const std::string& name, std::string_view path) {
  return Removal(path).run(directory, name);
}

}  // namespace drydock::native::hostfs
