#pragma once
// Every route table of the Engine API, a file each.

#include <vector>

#include "api/context.h"

namespace drydock::api {

RouteTable container_routes();  // containers.cpp
RouteTable stream_routes();     // container_streams.cpp: attach, logs, stats, wait
RouteTable exec_routes();       // exec.cpp
RouteTable volume_routes();     // volumes.cpp
RouteTable network_routes();    // networks.cpp
RouteTable image_routes();      // images.cpp
RouteTable system_routes();     // system.cpp: /_ping, /version, /info, /events, /system/df, /auth, /distribution

/// All of them, in the order in which they are tried.
std::vector<RouteTable> all_routes();

}  // namespace drydock::api
