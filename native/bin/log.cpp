#include "native/bin/log.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "native/bin/system_ports.h"

namespace drydock::native {

namespace {

LogLevel& threshold() {
  static LogLevel level = LogLevel::info;
  return level;
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
    case LogLevel::fatal:
      return "fatal";
  }
  return "info";
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  if (text == "warn") return LogLevel::warning;
  for (LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error, LogLevel::fatal}) {
    if (text == name_of(level)) return level;
  }
  return std::nullopt;
}

void set_log_level(LogLevel level) {
  threshold() = level;
}
bool logs(LogLevel level) {
  return level >= threshold();
}

void log(LogLevel level, std::string_view message) {
  if (!logs(level)) return;
  const std::string line = concat("time=\"", to_rfc3339_nine_digits(SystemClock().now()), "\" level=", name_of(level),
                                  " msg=", go_quoted(message), '\n');
  // A log that cannot be written has nowhere to say so.
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
}

}  // namespace drydock::native
