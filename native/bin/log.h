#pragma once
// The daemon's own log on standard error, in logrus's text form, as dockerd's.

#include <optional>
#include <string_view>

namespace drydock::native {

enum class LogLevel { debug, info, warning, error, fatal };

/// "debug", "info", "warn", "warning", "error", "fatal"; nothing on any other word.
std::optional<LogLevel> parse_log_level(std::string_view text);
/// Messages below it are dropped.
void set_log_level(LogLevel level);
bool logs(LogLevel level);
/// time="2024-05-01T12:00:00.5Z" level=info msg="..."
void log(LogLevel level, std::string_view message);

}  // namespace drydock::native
