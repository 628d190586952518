#pragma once
// Paths beneath a root: openat2(2) with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "native/hostfs/proc_path.h"
#include "native/kernel/fd.h"

namespace drydock::native::hostfs {

enum class CacheParents { no, yes };

/// A directory and a name in it. `directory` belongs to the Root and is valid until its next call.
struct Slot {
  int directory = -1;
  std::string name;
};

class Root {
 public:
  /// With CacheParents::yes the directory that was used last stays open: many files in a row in one directory then cost
  /// one lookup. Only for trees that nobody else rearranges meanwhile.
  Root(Fd fd, CacheParents cache) : fd_(std::move(fd)), cache_(cache) {}

  int fd() const { return fd_.get(); }
  /// openat2(2) beneath the root; "" is the root itself.
  Result<Fd, SysError> open(std::string_view path, int flags, std::uint32_t mode = 0) const;
  /// The directory of the last component, which itself is not looked up. EINVAL for "", "." and "..".
  Result<Slot, SysError> slot(std::string_view path);
  /// The object itself, links not followed, opened with O_PATH.
  Result<Fd, SysError> pin(std::string_view path);
  /// After a directory went or moved.
  void forget_parents();

 private:
  Fd fd_;
  CacheParents cache_;
  Fd parent_;
  std::string parent_path_;
};

/// openat2(2), again after EINTR and (a rename was in the way) EAGAIN.
int open_beneath(int directory, const char* path, int flags, std::uint32_t mode, std::uint64_t resolve);

}  // namespace drydock::native::hostfs
