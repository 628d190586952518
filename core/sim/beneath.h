#pragma once
// Places below a directory that a path cannot lead out of: openat2(2) with RESOLVE_IN_ROOT.

#include <string>
#include <string_view>

#include "sim/hosted_task.h"

namespace drydock::sim {

enum class Links { follow, refuse };
enum class Create { directory, file };

Result<SimFd, Errno> open_beneath(const HostedTask& task, int root, std::string_view path,
                                  std::uint32_t flags = kOpenPath, Links links = Links::follow);
/// The place, made with its parents (mode 0755) where it is missing.
Result<SimFd, Errno> create_beneath(const HostedTask& task, int root, std::string_view path, Create what);
/// The directory that holds the path's last component, made if missing; `name` is that component.
Result<SimFd, Errno> parent_beneath(const HostedTask& task, int root, std::string_view path, std::string* name);

}  // namespace drydock::sim
