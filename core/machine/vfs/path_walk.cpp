// path_resolution(7), openat2(2). Not modelled: RESOLVE_CACHED (nothing is ever not cached), automounts.

#include "machine/vfs/path_walk.h"

#include "machine/abi/file.h"
#include "machine/vfs/access.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/mounts.h"

namespace drydock::machine {
namespace {

Result<Path, Errno> place_of_descriptor(const Caller& caller, int dirfd) {
  if (dirfd == kAtFdCwd) return caller.kernel.fs_contexts[caller.self().fs].cwd;
  return path_of_file(caller.kernel, TRY(file_of(caller, dirfd)));
}

Result<std::uint32_t, Errno> mode_of(const Caller& caller, const Path& path) {
  return TRY(inode_of(caller, path).attributes(caller)).mode;
}

}  // namespace

Result<void, Errno> PathWalk::begin(int dirfd, std::string_view path) {
  if (path.empty()) return Errno::enoent;
  root_ = caller_.kernel.fs_contexts[caller_.self().fs].root;
  rest_ = std::string(path);
  const bool absolute = path.front() == '/';
  if (absolute && resolves(abi::resolve_beneath)) return Errno::exdev;
  if (!absolute || resolves(abi::resolve_in_root | abi::resolve_beneath)) {
    at_ = TRY(place_of_descriptor(caller_, dirfd));
    if (!abi::is_directory(TRY(mode_of(caller_, at_)))) return Errno::enotdir;
    if (resolves(abi::resolve_in_root | abi::resolve_beneath)) root_ = at_;
  } else {
    at_ = root_;
  }
  return {};
}

Result<void, Errno> PathWalk::to_parent() {
  for (;;) {
    const std::size_t start = rest_.find_first_not_of('/');
    if (start == std::string::npos) {  // only slashes: the root itself
      last_.clear();
      rest_.clear();
      trailing_slash_ = true;
      return {};
    }
    const std::size_t end = std::min(rest_.find('/', start), rest_.size());
    const std::string name = rest_.substr(start, end - start);
    const std::size_t next = rest_.find_first_not_of('/', end);
    if (!abi::is_directory(TRY(mode_of(caller_, at_)))) return Errno::enotdir;
    TRY(inode_permission(caller_, inode_of(caller_, at_), abi::may_exec));
    if (next == std::string::npos) {
      last_ = name;
      trailing_slash_ = end < rest_.size();
      rest_.clear();
      return {};
    }
    rest_.erase(0, next);
    const Path place = TRY(step(name));
    const std::uint32_t mode = TRY(mode_of(caller_, place));
    if (!abi::is_symlink(mode)) {
      if (!abi::is_directory(mode)) return Errno::enotdir;
      at_ = place;
      continue;
    }
    TRY(follow(place));
    if (arrived_) {
      arrived_ = false;
      if (!abi::is_directory(TRY(mode_of(caller_, at_)))) return Errno::enotdir;
    }
  }
}

Result<Path, Errno> PathWalk::step(std::string_view name) {
  if (name.empty() || name == ".") return at_;
  if (name == "..") return step_up();
  const DentryId child = TRY(lookup_child(caller_, at_.dentry, name));
  return enter(Path{at_.mount, child});
}

Result<Path, Errno> PathWalk::enter(Path place) {
  const Path seen = cross_mounts(caller_.kernel, place);
  if (!(seen.mount == place.mount) && resolves(abi::resolve_no_xdev)) return Errno::exdev;
  return seen;
}

Result<Path, Errno> PathWalk::step_up() {
  const Kernel& kernel = caller_.kernel;
  Path place = at_;
  if (place == root_) {
    if (resolves(abi::resolve_beneath)) return Errno::exdev;
    return enter(place);
  }
  while (const MountPoint* mount = kernel.mounts.find(place.mount)) {
    if (!(place.dentry == mount->root)) break;
    if (mount->parent == place.mount) return place;  // the namespace's root, or a detached tree's
    if (resolves(abi::resolve_no_xdev)) return Errno::exdev;
    place = Path{mount->parent, mount->mountpoint};
    if (place == root_) return enter(place);
  }
  return enter(Path{place.mount, kernel.dentries[place.dentry].parent});
}

Result<void, Errno> PathWalk::jump_to_root() {
  if (resolves(abi::resolve_beneath)) return Errno::exdev;
  if (resolves(abi::resolve_no_xdev) && !(at_.mount == root_.mount)) return Errno::exdev;
  at_ = root_;
  return {};
}

Result<void, Errno> PathWalk::follow(const Path& link) {
  if (++links_ > kSymlinksMax || resolves(abi::resolve_no_symlinks)) return Errno::eloop;
  if ((mount_flags_of(caller_.kernel, link) & abi::ms_nosymfollow) != 0) return Errno::eloop;
  Inode& inode = inode_of(caller_, link);
  touch_on_read(caller_, link, inode, 0);
  if (auto target = inode.follow(caller_)) {
    if (resolves(abi::resolve_no_magiclinks)) return Errno::eloop;
    if (!target->ok()) return target->error();
    if (resolves(abi::resolve_beneath | abi::resolve_in_root)) return Errno::exdev;
    if (resolves(abi::resolve_no_xdev) && !((*target)->mount == at_.mount)) return Errno::exdev;
    at_ = **target;
    arrived_ = true;
    return {};
  }
  std::string text = TRY(inode.readlink(caller_));
  if (text.empty()) return Errno::enoent;
  if (text.front() == '/') TRY(jump_to_root());
  if (!rest_.empty())
    text += "/" + rest_;
  else if (trailing_slash_)
    text += "/";
  rest_ = std::move(text);
  return {};
}

Result<Path, Errno> walk(const Caller& caller, int dirfd, std::string_view path, WalkOptions options) {
  if (path.empty() && options.empty_path) return place_of_descriptor(caller, dirfd);
  PathWalk walker(caller, options.resolve);
  TRY(walker.begin(dirfd, path));
  for (;;) {
    TRY(walker.to_parent());
    const Path place = TRY(walker.step(walker.last()));
    const std::uint32_t mode = TRY(mode_of(caller, place));
    if (abi::is_symlink(mode) && (options.follow_last || walker.trailing_slash())) {
      const bool slash = walker.trailing_slash();
      TRY(walker.follow(place));
      if (!walker.arrived()) continue;
      if (slash && !abi::is_directory(TRY(mode_of(caller, walker.at())))) return Errno::enotdir;
      return walker.at();
    }
    if (walker.trailing_slash() && !abi::is_directory(mode)) return Errno::enotdir;
    return place;
  }
}

Result<LastComponent, Errno> walk_parent(const Caller& caller, int dirfd, std::string_view path,
                                         std::uint64_t resolve) {
  PathWalk walker(caller, resolve);
  TRY(walker.begin(dirfd, path));
  TRY(walker.to_parent());
  return LastComponent{walker.at(), walker.last(), walker.trailing_slash()};
}

Result<Path, Errno> step_into(const Caller& caller, const Path& directory, std::string_view name) {
  const DentryId child = TRY(lookup_child(caller, directory.dentry, name));
  return cross_mounts(caller.kernel, Path{directory.mount, child});
}

}  // namespace drydock::machine
