#pragma once
// docker load: images from an archive.

#include <memory>

#include "base/stream.h"
#include "engine/image_progress.h"

namespace drydock::engine {

struct Daemon;

enum class Quiet { no, yes };

/// Starts a job that takes the archive from `body` and tells `sink`. Images whose layers are all there are made one by
/// one; those before a damaged one stay.
void start_load(Daemon& daemon, std::unique_ptr<ByteSource> body, Quiet quiet, std::shared_ptr<ProgressSink> sink);

}  // namespace drydock::engine
