#include "native/kernel/beneath.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace drydock::native {

namespace {

constexpr int kLinksMax = 40;  // as the kernel's own MAXSYMLINKS

int openat2_in_root(int root, const char* path, std::uint64_t flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, root, path, &how, sizeof(how));
    if (fd >= 0) return static_cast<int>(fd);
    // EAGAIN: a rename elsewhere made the lookup uncertain; try again.
    if (errno != EAGAIN && errno != EINTR) return -errno;
  }
}

/// The end of the component that starts at `at`, slashes before it skipped.
std::size_t component_end(const char* path, std::size_t at) {
  while (path[at] == '/') ++at;
  while (path[at] != '\0' && path[at] != '/') ++at;
  return at;
}

bool is_last(const char* path, std::size_t end) {
  while (path[end] == '/') ++end;
  return path[end] == '\0';
}

/// Puts a link's target in the place of the component [begin, end) of `path`.
int splice_link(char (&path)[PATH_MAX], std::size_t begin, std::size_t end, int parent, const char* name) {
  char target[PATH_MAX];
  const ssize_t length = ::readlinkat(parent, name, target, sizeof(target) - 1);
  if (length < 0) return -errno;
  target[length] = '\0';
  const std::size_t keep = target[0] == '/' ? 0 : begin;  // an absolute target starts at the root again
  const std::size_t rest = std::strlen(path + end);
  if (keep + static_cast<std::size_t>(length) + rest + 1 > sizeof(path)) return -ENAMETOOLONG;
  std::memmove(path + keep + length, path + end, rest + 1);
  std::memcpy(path + keep, target, static_cast<std::size_t>(length));
  return 0;
}

int make_component(int parent, const char* name, Create kind) {
  if (kind == Create::directory) return ::mkdirat(parent, name, 0755) < 0 ? -errno : 0;
  const int file = ::openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
  if (file < 0) return -errno;
  ::close(file);
  return 0;
}

/// Makes the first component of `path` that is missing. A dangling link among them is replaced by its target in `path`.
int make_first_missing(int root, char (&path)[PATH_MAX], Create last) {
  int parent = ::openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0) return -errno;
  std::size_t end = 0;
  int result = 0;
  for (;;) {
    std::size_t begin = end;
    while (path[begin] == '/') ++begin;
    end = component_end(path, end);
    if (begin == end) break;  // everything is there by now
    const char after = path[end];
    path[end] = '\0';
    const int next = openat2_in_root(root, path, O_PATH, 0);
    if (next >= 0) {
      path[end] = after;
      ::close(parent);
      parent = next;
      continue;
    }
    char name[NAME_MAX + 1];
    const std::size_t length = end - begin;
    if (next != -ENOENT || length > NAME_MAX) {
      result = next != -ENOENT ? next : -ENAMETOOLONG;
      break;
    }
    std::memcpy(name, path + begin, length + 1);
    path[end] = after;
    result = make_component(parent, name, is_last(path, end) ? last : Create::directory);
    if (result == -EEXIST) result = splice_link(path, begin, end, parent, name);
    break;
  }
  ::close(parent);
  return result;
}

}  // namespace

int open_beneath(int root, const char* path, Symlinks symlinks) {
  return openat2_in_root(root, path, O_PATH, symlinks == Symlinks::refuse ? RESOLVE_NO_SYMLINKS : 0);
}

int open_beneath_with_flags(int root, const char* path, int flags) {
  return openat2_in_root(root, path, static_cast<std::uint64_t>(flags), 0);
}

int create_beneath(int root, const char* path, Create last) {
  char rest[PATH_MAX];
  const std::size_t length = std::strlen(path);
  if (length >= sizeof(rest)) return -ENAMETOOLONG;
  std::memcpy(rest, path, length + 1);
  // Each round makes one component or follows one link.
  int links_and_components = kLinksMax;
  for (std::size_t i = 0; i < length; ++i) links_and_components += path[i] == '/';
  for (; links_and_components >= 0; --links_and_components) {
    const int fd = openat2_in_root(root, rest, O_PATH, 0);
    if (fd != -ENOENT || last == Create::nothing) return fd;
    const int made = make_first_missing(root, rest, last);
    if (made < 0) return made;
  }
  return -ELOOP;
}

int open_parent_beneath(int root, const char* path, const char** name) {
  const std::size_t length = std::strlen(path);
  char parent[PATH_MAX];
  if (length >= sizeof(parent)) return -ENAMETOOLONG;
  std::size_t begin = length;
  while (begin > 0 && path[begin - 1] != '/') --begin;
  *name = path + begin;
  if (**name == '\0' || std::strcmp(*name, ".") == 0 || std::strcmp(*name, "..") == 0) return -EINVAL;
  std::memcpy(parent, path, begin);
  if (begin == 0) parent[begin++] = '.';
  parent[begin] = '\0';
  return create_beneath(root, parent, Create::directory);
}

}  // namespace drydock::native
