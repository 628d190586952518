#pragma once
// What -v, --mount, --tmpfs, --volumes-from and an image's VOLUME mean for one container.

#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/container.h"
#include "engine/daemon.h"

namespace drydock::engine {

/// "SOURCE:DESTINATION[:MODE]" or "DESTINATION". Errors: invalid_argument "invalid volume specification: 'x' ...".
Result<MountPoint> parse_bind(std::string_view spec);
/// Errors: invalid_argument, `invalid mount config for type "bind": ...`.
Result<MountPoint> parse_mount_config(Daemon& daemon, const MountConfig& mount);

/// Every mount of a container to be, volumes made where there are none. Errors: in Docker's words; "Duplicate mount
/// point: /x". Volumes that were made stay in `made_volumes`, for whoever has to undo this.
Result<std::vector<MountPoint>> plan_mount_points(Daemon& daemon, const ContainerConfig& config,
                                                  const HostConfig& host_config, Strings& made_volumes);

/// Fills empty volumes with what the container's image has at their place.
Result<void> copy_up_volumes(Daemon& daemon, const Container& container);

/// "/a//b/../c" is "/a/c": Go's path.Clean for absolute paths.
std::string clean_absolute(std::string_view path);

}  // namespace drydock::engine
