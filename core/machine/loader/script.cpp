// What follows "#!". Only the first 255 bytes of the file count; blanks are spaces and tabs.

#include "machine/loader/script.h"

namespace drydock::machine {
namespace {

constexpr std::string_view kBlanks = " \t";

/// C strings end at a NUL, whatever the line holds after it.
std::string until_nul(std::string_view text) {
  return std::string(text.substr(0, text.find('\0')));
}

}  // namespace

Result<ScriptLine, Errno> read_script_line(std::string_view start) {
  if (start.substr(0, 2) != "#!") return Errno::enoexec;
  std::string buffer(start.substr(0, kProgramStartBytes));
  buffer.resize(kProgramStartBytes, '\0');
  std::string_view line = std::string_view(buffer).substr(2);
  if (const std::size_t end = line.find('\n'); end != std::string_view::npos) {
    line = line.substr(0, end);
  } else {
    const std::size_t name = line.find_first_not_of(kBlanks);
    if (name == std::string_view::npos) return Errno::enoexec;
    // With nothing after the path it may have been cut.
    if (line.find_first_of(std::string_view(" \t\0", 3), name) == std::string_view::npos) return Errno::enoexec;
    line.remove_suffix(1);
  }
  const std::size_t first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return Errno::enoexec;
  line = line.substr(first, line.find_last_not_of(kBlanks) + 1 - first);
  ScriptLine script;
  const std::size_t name_end = line.find_first_of(std::string_view(" \t\0", 3));
  script.interpreter = std::string(line.substr(0, name_end));
  if (name_end == std::string_view::npos || line[name_end] == '\0') return script;
  const std::size_t argument = line.find_first_not_of(kBlanks, name_end);
  if (argument != std::string_view::npos) script.argument = until_nul(line.substr(argument));
  return script;
}

}  // namespace drydock::machine
