#pragma once
// Published ports of a container: from what `docker run -p` and -P ask for to what the network driver has bound.

#include <vector>

#include "base/result.h"
#include "network/network_driver.h"
#include "network/port_mapping.h"

namespace drydock::engine {

struct Daemon;
struct Container;

/// Publishes what the container's PortBindings and PublishAllPorts ask for towards this endpoint, and fills in
/// container.ports. What was published, also before an error, is appended to `published`: the caller takes it back.
/// Errors are in Docker's words: "driver failed programming external connectivity on endpoint ...".
Result<void> publish_ports(Daemon& daemon, Container& container, network::PortAllocator& allocator,
                           const network::EndpointPlan& endpoint, std::vector<network::PortPlan>& published);

/// After a daemon's restart: publishes container.ports as they were.
Result<void> republish_ports(Daemon& daemon, const Container& container, network::PortAllocator& allocator,
                             const network::EndpointPlan& endpoint, std::vector<network::PortPlan>& published);

}  // namespace drydock::engine
