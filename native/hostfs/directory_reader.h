#pragma once
// opendir(3) and readdir(3) on a descriptor.

#include <dirent.h>

#include <memory>

#include "native/hostfs/proc_path.h"
#include "native/kernel/fd.h"

namespace drydock::native::hostfs {

class DirectoryReader {
 public:
  /// Takes the descriptor, which must be open for reading. valid() is false (errno is set) when that failed.
  explicit DirectoryReader(Fd fd);

  bool valid() const { return stream_ != nullptr; }
  int fd() const { return ::dirfd(stream_.get()); }
  /// Null at the end or on an error, then errno is set. Without "." and "..".
  const dirent* next();
  void rewind() { ::rewinddir(stream_.get()); }

 private:
  struct Close {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  std::unique_ptr<DIR, Close> stream_;
};

}  // namespace drydock::native::hostfs
