#pragma once
// Signals by name or number, as users give them (signal(7), x86-64 numbers).

#include <string_view>

#include "base/result.h"

namespace drydock::engine {

inline constexpr int kSignalKill = 9;
inline constexpr int kSignalTerm = 15;
inline constexpr int kSignalMax = 64;

/// "KILL", "SIGKILL", "sigkill", "9", "RTMIN+3". Errors: invalid_argument "Invalid signal: NOSUCH".
Result<int> parse_signal(std::string_view text);

}  // namespace drydock::engine
