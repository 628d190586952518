#pragma once
// Resources as the files of a cgroup v2 directory. Documentation/admin-guide/cgroup-v2.rst. Limits come in the units of
// v1 and are converted as runc converts them.

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/spec.h"

namespace drydock::runtime {

struct CgroupSetting {
  std::string controller;
  std::string file;
  std::string value;
};

/// In the order in which they are to be written. `memory_max`: the group's present limit in bytes, if it has one.
/// `swap_accounted`: there is a file memory.swap.max. Device rules are no files and are left out.
Result<std::vector<CgroupSetting>> cgroup_settings(const Resources& resources, std::optional<std::uint64_t> memory_max,
                                                   bool swap_accounted);

}  // namespace drydock::runtime
