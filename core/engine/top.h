#pragma once
// docker top: ps(1) of a container's processes, in the host's numbers.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/container.h"
#include "engine/daemon.h"

namespace drydock::engine {

struct ProcessTable {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;
};

/// `ps_args` as for ps: "-ef", "aux", "-o pid,args". Not here: every other selection and format of ps, which is
/// not_implemented with its name. Errors: conflict "Container ID is not running", "Couldn't find PID field in ps
/// output".
Result<ProcessTable> top_container(Daemon& daemon, const Container& container, std::string_view ps_args);

}  // namespace drydock::engine
