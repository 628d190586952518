#pragma once

#include <cstdint>
#include <vector>

#include "runtime/runtime.h"

namespace drydock::native {

/// The interfaces of the process's network namespace but loopback, from /proc/PID/net/dev.
std::vector<runtime::ContainerStats::Network> read_network_stats(std::int64_t pid);

}  // namespace drydock::native
