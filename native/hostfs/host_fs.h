#pragma once
// The HostFs port on Linux. Every path is resolved by openat2(2) beneath the root (kernel 5.6 or newer).

#include <memory>
#include <string>

#include "base/result.h"
#include "storage/host_fs.h"

namespace drydock::native {

/// `root`: an absolute path to an existing directory.
Result<std::unique_ptr<storage::HostFs>, SysError> open_host_fs(const std::string& root);

}  // namespace drydock::native
