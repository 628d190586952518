#pragma once
// ContainerConfig, HostConfig and EndpointSettings as JSON: decoded as strictly as Go does, encoded in Docker's order.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/container_config.h"

namespace drydock {
using Json = nlohmann::ordered_json;
}

namespace drydock::engine {

/// What is written to disk: every member, whatever the API version.
inline constexpr unsigned kApiMinorAll = 10'000;

/// Members that are unknown are ignored, as Go does; names compare without case. Errors: invalid_argument in Go's
/// words: "json: cannot unmarshal string into Go struct field HostConfig.Memory of type int64".
Result<CreateConfig> decode_create_config(const Json& body);
Result<ContainerConfig> decode_container_config(const Json& object);
Result<HostConfig> decode_host_config(const Json& object);
Result<EndpointMap> decode_endpoints(const Json& object);
Result<PortMap> decode_ports(const Json& object);

struct UpdateConfig {
  ResourceConfig resources;
  RestartPolicy restart_policy;
};
Result<UpdateConfig> decode_update_config(const Json& object);

/// In the order and shape of API version 1.`minor`.
Json encode(const ContainerConfig& config, unsigned minor = kApiMinorAll);
Json encode(const HostConfig& config, unsigned minor = kApiMinorAll);
Json encode(const EndpointSettings& settings, unsigned minor = kApiMinorAll);
Json encode(const EndpointMap& endpoints, unsigned minor = kApiMinorAll);
Json encode(const PortMap& ports);

/// Members that Docker knows and Drydock does not carry out, if they are set to anything but their default:
/// "HostConfig.CpuRealtimePeriod".
std::vector<std::string> unmodelled_members(const ContainerConfig& config, const HostConfig& host_config);

}  // namespace drydock::engine
