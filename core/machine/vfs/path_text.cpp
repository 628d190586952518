// A place as text: getcwd(2), readlink(2) of /proc/PID/cwd, /proc/PID/mountinfo.

#include "machine/vfs/path_text.h"

#include <string_view>
#include <vector>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

std::string path_text(const Kernel& kernel, const Path& path, const Path& root) {
  if (!path) return "";
  const Dentry& first = kernel.dentries[path.dentry];
  if (!path.mount && first.parent == path.dentry) return first.name;  // "pipe:[12]"
  std::vector<std::string_view> names;                                // the last first
  Path at = path;
  bool reachable = false;
  for (;;) {
    if (at == root) {
      reachable = true;
      break;
    }
    const MountPoint* mount = kernel.mounts.find(at.mount);
    if (mount != nullptr && at.dentry == mount->root) {
      if (mount->parent == at.mount) break;
      at = Path{mount->parent, mount->mountpoint};
      continue;
    }
    const Dentry& dentry = kernel.dentries[at.dentry];
    if (dentry.parent == at.dentry) {
      if (dentry.name != "/") names.push_back(dentry.name);  // a file without a name (O_TMPFILE)
      break;
    }
    names.push_back(dentry.name);
    at.dentry = dentry.parent;
  }
  std::string text;
  for (auto name = names.rbegin(); name != names.rend(); ++name) text.append("/").append(*name);
  if (text.empty()) text = "/";
  if (!reachable && root) text = "(unreachable)" + text;
  if (first.unlinked) text += " (deleted)";
  return text;
}

std::string link_text(const Kernel& kernel, const Path& path, const Path& root) {
  constexpr std::string_view kOutside = "(unreachable)";
  std::string text = path_text(kernel, path, root);
  if (text.starts_with(kOutside)) text.erase(0, kOutside.size());  // no path begins so
  return text;
}

}  // namespace drydock::machine
