#pragma once
// Events about containers: their attributes are the image, the name and the labels, and what the action adds.

#include <string_view>

#include "engine/container.h"
#include "engine/daemon.h"

namespace drydock::engine {

void emit_container_event(Daemon& daemon, const Container& container, std::string_view action,
                          trace::Attributes more = {});

}  // namespace drydock::engine
