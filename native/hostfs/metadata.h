#pragma once
// FileInfo, Metadata and extended attributes through open descriptors.

#include <sys/stat.h>

#include "base/result.h"
#include "native/hostfs/proc_path.h"
#include "native/kernel/fd.h"
#include "storage/host_fs.h"

namespace drydock::native::hostfs {

/// Without the link target.
storage::FileInfo info_of(const struct stat& status);
/// readlinkat(2), of any length; `name` empty for a link that `directory` has open itself.
Result<std::string, SysError> read_link(int directory, const char* name, std::string_view path);

/// `fd` may be opened with O_PATH and may be a symlink's. `path` is for the error only.
Result<void, SysError> apply_metadata(int fd, const storage::Metadata& metadata, std::string_view path);
/// The same for a regular file opened for writing: without the way through /proc.
Result<void, SysError> apply_metadata_to_open_file(int fd, const storage::Metadata& metadata, std::string_view path);
/// Empty where the file system has no extended attributes.
Result<storage::Xattrs, SysError> read_xattrs(int fd, std::string_view path);

/// Of this process, without changing it as umask(2) would.
std::uint32_t current_umask();

}  // namespace drydock::native::hostfs
