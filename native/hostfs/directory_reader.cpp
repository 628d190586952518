#include "native/hostfs/directory_reader.h"

#include <cerrno>
#include <string_view>

namespace drydock::native::hostfs {

DirectoryReader::DirectoryReader(Fd fd) : stream_(::fdopendir(fd.get())) {
  if (stream_) fd.release();
}

const dirent* DirectoryReader::next() {
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream_.get());
    if (entry == nullptr) return nullptr;
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") return entry;
  }
}

}  // namespace drydock::native::hostfs
