#pragma once
// Names and errors of open files.

#include <string>
#include <string_view>

#include "base/error.h"

namespace drydock::native::hostfs {

/// The present errno(3) as an error; Errno has Linux' own numbers.
SysError sys_error(const char* operation, std::string_view object);

/// What /proc calls the file that `fd` has open: for calls that take no descriptor, or none opened with O_PATH.
std::string proc_path(int fd);

}  // namespace drydock::native::hostfs
