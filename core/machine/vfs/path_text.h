#pragma once
// Places as the links of /proc show them. path_text() in walk.h is how getcwd(2) does.

#include <string>

#include "machine/vfs/walk.h"

namespace drydock::machine {

/// exe, cwd, fd/N, maps: of a place outside of `root` just the way from the top of its mounts.
std::string link_text(const Kernel& kernel, const Path& path, const Path& root);

}  // namespace drydock::machine
