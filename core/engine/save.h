#pragma once
// docker save: images as a docker-archive (manifest.json, repositories, <config hex>.json, <layer>/layer.tar), readable
// for Docker since 1.0, podman and skopeo.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace drydock::engine {

struct Daemon;

/// Starts a job that answers with the tar. A repository without a tag stands for all of its tags.
/// Errors: not_found "No such image: x", "reference does not exist"; invalid_argument.
Result<void> start_save(Daemon& daemon, const std::vector<std::string>& names,
                        std::shared_ptr<http::Responder> responder);

}  // namespace drydock::engine
