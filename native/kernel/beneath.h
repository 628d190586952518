#pragma once
// Paths inside a directory that somebody else filled (an image's root): openat2(2) with RESOLVE_IN_ROOT, so that no
// symbolic link and no ".." leads out. Allocates nothing: a container's init uses it between clone and execve.

#include <cstdint>

namespace drydock::native {

enum class Symlinks { follow, refuse };
enum class Create { nothing, directory, file };

/// An O_PATH descriptor of `path` below `root`, or -errno. ELOOP where a link is refused.
int open_beneath(int root, const char* path, Symlinks symlinks = Symlinks::follow);
/// The same with any open(2) flags: O_RDONLY, O_WRONLY ...
int open_beneath_with_flags(int root, const char* path, int flags);

/// Opens `path` with O_PATH; what is missing of it is made, directories with mode 0755 and the last name as asked for.
/// A link that points to nothing is followed and its target is made (beneath the root). Returns -errno.
int create_beneath(int root, const char* path, Create last);

/// An O_PATH descriptor of the directory that holds the last name of `path`, made if need be; `name` then points to
/// that name within `path`. -EINVAL for a path without a last name ("/", "..", ends in "/.").
int open_parent_beneath(int root, const char* path, const char** name);

}  // namespace drydock::native
