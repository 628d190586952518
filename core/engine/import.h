#pragma once
// docker import: a tar of a root directory becomes an image of one layer.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/stream.h"
#include "engine/image_progress.h"
#include "oci/platform.h"

namespace drydock::engine {

struct Daemon;

struct ImportRequest {
  std::string source;      // "-": the body; else an http(s) URL
  std::string repository;  // empty: the image stays without a name
  std::string tag;         // empty: latest
  std::string message;     // empty: "Imported from SOURCE"
  std::optional<oci::Platform> platform;
  std::vector<std::string> changes;
  std::unique_ptr<ByteSource> body;
};

/// Checks what can be checked at once, and leaves the rest to a job that tells `sink`.
/// Errors: invalid_argument.
Result<void> start_import(Daemon& daemon, ImportRequest request, std::shared_ptr<ProgressSink> sink);

}  // namespace drydock::engine
