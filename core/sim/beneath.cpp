// openat2(2), mkdirat(2).

#include "sim/beneath.h"

#include "base/text.h"

namespace drydock::sim {
namespace {

std::string_view without_slashes(std::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return path;
}

}  // namespace

Result<SimFd, Errno> open_beneath(const HostedTask& task, int root, std::string_view path, std::uint32_t flags,
                                  Links links) {
  const std::string_view relative = without_slashes(path);
  std::uint64_t resolve = kResolveInRoot;
  // A link to a process's descriptor leads anywhere; only /proc/self/fd itself is meant to.
  resolve |= links == Links::refuse ? kResolveNoSymlinks : kResolveNoMagicLinks;
  return owned(task, task.open(root, relative.empty() ? "." : relative, flags, 0, resolve));
}

Result<SimFd, Errno> create_beneath(const HostedTask& task, int root, std::string_view path, Create what) {
  auto present = open_beneath(task, root, path);
  if (present.ok() || present.error() != Errno::enoent) return present;
  std::string name;
  const SimFd parent = TRY(parent_beneath(task, root, path, &name));
  if (what == Create::directory) {
    const auto made = task.attempt(number::mkdirat, {parent.get(), name, 0755});
    if (!made.ok() && made.error() != Errno::eexist) return made.error();
  } else {
    const SimFd file = TRY(owned(task, task.open(parent.get(), name, kOpenWrite | kOpenCreate | kOpenNoFollow, 0644)));
  }
  return open_beneath(task, root, path);
}

Result<SimFd, Errno> parent_beneath(const HostedTask& task, int root, std::string_view path, std::string* name) {
  const std::string_view relative = without_slashes(path);
  const std::size_t slash = relative.rfind('/');
  *name = std::string(slash == std::string_view::npos ? relative : relative.substr(slash + 1));
  if (name->empty() || *name == "." || *name == "..") return Errno::einval;
  if (slash == std::string_view::npos) return open_beneath(task, root, "");
  return create_beneath(task, root, relative.substr(0, slash), Create::directory);
}

}  // namespace drydock::sim
