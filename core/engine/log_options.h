#pragma once
// --log-opt of the json-file driver.

#include "base/result.h"
#include "engine/container.h"
#include "engine/daemon.h"
#include "runtime/runtime.h"

namespace drydock::engine {

/// Errors: "failed to initialize logging driver: invalid size: 'x'".
Result<runtime::LogFile> log_file(Daemon& daemon, const Container& container);

/// "10m", "1.5g", "2048": docker's go-units, binary. Nothing on anything else.
std::optional<std::uint64_t> parse_ram_size(std::string_view text);

}  // namespace drydock::engine
