#pragma once
// rm -rf on descriptors: not led astray by links, not beyond mounts, with a bounded number of open directories.

#include <string>
#include <string_view>

#include "base/result.h"

namespace drydock::native::hostfs {

/// `name` in `directory` and all below it; nothing there is success. EBUSY: something is mounted below it; the rest is
/// removed nevertheless.
Result<void, SysError> remove_tree_at(int directory, const std::string& name, std::string_view path);

}  // namespace drydock::native::hostfs
