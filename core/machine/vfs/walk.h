#pragma once
// path_resolution(7), openat2(2).

#include <cstdint>
#include <string>
#include <string_view>

#include "machine/kernel/caller.h"
#include "machine/kernel/outcome.h"
#include "machine/vfs/path.h"

namespace drydock::machine {

/// A task's place in the tree (CLONE_FS shares it).
class FsContext {
 public:
  std::uint32_t users = 1;
  Path root;
  Path cwd;
  std::uint32_t umask = 022;
};

inline constexpr int kAtFdCwd = -100;
inline constexpr std::size_t kPathBytesMax = 4096, kNameBytesMax = 255, kSymlinksMax = 40;

struct WalkOptions {
  bool follow_last = true;    // the last component, if it is a symbolic link
  bool empty_path = false;    // AT_EMPTY_PATH
  std::uint64_t resolve = 0;  // RESOLVE_* of openat2(2)
};

/// The place a path names. Errors: ENOENT, ENOTDIR, ELOOP, EACCES, ENAMETOOLONG, EBADF, EXDEV.
Result<Path, Errno> walk(const Caller& caller, int dirfd, std::string_view path, WalkOptions options = {});

/// The directory that holds (or would hold) the last component, and that component ("", "." and ".." stay as they are).
struct LastComponent {
  Path directory;
  std::string name;
  bool trailing_slash = false;
};
Result<LastComponent, Errno> walk_parent(const Caller& caller, int dirfd, std::string_view path,
                                         std::uint64_t resolve = 0);

/// The child's place, mounts on it crossed. ENOENT.
Result<Path, Errno> step_into(const Caller& caller, const Path& directory, std::string_view name);

/// MAY_EXEC 1, MAY_WRITE 2, MAY_READ 4; capabilities are considered. EACCES, EROFS for writing on a read-only mount.
Result<void, Errno> permission(const Caller& caller, const Path& path, int mask);

/// The path's text as getcwd(2) and /proc show it, seen from `root`; "(unreachable)/..." outside of it, " (deleted)" at
/// its end.
std::string path_text(const Kernel& kernel, const Path& path, const Path& root);

}  // namespace drydock::machine
