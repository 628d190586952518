#pragma once
// One path being resolved, component by component: what walk(), walk_parent() and open(2) share. path_resolution(7).

#include "machine/kernel/kernel.h"

namespace drydock::machine {

class PathWalk {
 public:
  PathWalk(const Caller& caller, std::uint64_t resolve) : caller_(caller), resolve_(resolve) {}

  /// Where it starts. EBADF, ENOTDIR, ENOENT for an empty path, EXDEV.
  Result<void, Errno> begin(int dirfd, std::string_view path);
  /// On through all components but the last one, which last() names then; at() is its directory. The caller may search
  /// that directory.
  Result<void, Errno> to_parent();

  const Path& at() const { return at_; }
  /// "" when the path named a root ("/"), which at() is then.
  const std::string& last() const { return last_; }
  bool trailing_slash() const { return trailing_slash_; }
  bool last_is_dots() const { return last_ == "." || last_ == ".."; }

  /// The place of one component. ".." stops at the root.
  Result<Path, Errno> step(std::string_view name);
  /// at() is the directory the link was found in: the link's text is walked next (call to_parent() again), or, when it
  /// is a magic link, arrived() is true and at() the place.
  Result<void, Errno> follow(const Path& link);
  bool arrived() const { return arrived_; }

 private:
  Result<Path, Errno> step_up();
  Result<Path, Errno> enter(Path place);
  Result<void, Errno> jump_to_root();
  bool resolves(std::uint64_t flag) const { return (resolve_ & flag) != 0; }

  const Caller caller_;
  std::uint64_t resolve_;
  Path root_, at_;
  std::string rest_;  // not walked yet
  std::string last_;
  bool trailing_slash_ = false;
  bool arrived_ = false;
  std::size_t links_ = 0;
};

}  // namespace drydock::machine
