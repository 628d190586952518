#pragma once
// What every HostFs must do. Each backend runs the same cases on roots of its own.

#include <functional>
#include <memory>

#include "storage/host_fs.h"

namespace drydock::conformance {

/// An empty root. Whatever keeps it alive goes with the pointer.
using HostFsFactory = std::function<std::shared_ptr<storage::HostFs>()>;

void check_host_fs(const HostFsFactory& make_root);

}  // namespace drydock::conformance
