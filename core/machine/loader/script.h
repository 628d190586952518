#pragma once
// The first line of a script: execve(2), "Interpreter scripts".

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace drydock::machine {

inline constexpr std::size_t kProgramStartBytes = 256;  // what execve(2) looks at to tell what a file is

struct ScriptLine {
  std::string interpreter;
  std::optional<std::string> argument;  // the rest of the line, as one
};

/// `start` is the file's first kProgramStartBytes, or all of it. ENOEXEC: not a script, or its line is cut off where
/// the interpreter's path might go on.
Result<ScriptLine, Errno> read_script_line(std::string_view start);

}  // namespace drydock::machine
