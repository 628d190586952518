// The tmpfs option "tmpcopyup": what the image has at the mount's place is copied into it.

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "native/runtime/child_context.h"

namespace drydock::native {

namespace {

constexpr int kDepthMax = 128;

int copy_level(int from, int to, int depth);

int copy_file(int from, int to, const char* name, const struct stat& about) {
  const int source = ::openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (source < 0) return errno;
  const int target = ::openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  int code = target < 0 ? errno : 0;
  for (off_t left = about.st_size; code == 0 && left > 0;) {
    const ssize_t count = ::sendfile(target, source, nullptr, static_cast<std::size_t>(left));
    if (count == 0) break;
    if (count < 0) code = errno;
    left -= count;
  }
  if (code == 0 && (::fchown(target, about.st_uid, about.st_gid) < 0 || ::fchmod(target, about.st_mode & 07777) < 0)) {
    code = errno;
  }
  if (target >= 0) ::close(target);
  ::close(source);
  return code;
}

int copy_link(int from, int to, const char* name, const struct stat& about) {
  char target[PATH_MAX];
  const ssize_t length = ::readlinkat(from, name, target, sizeof(target) - 1);
  if (length < 0) return errno;
  target[length] = '\0';
  if (::symlinkat(target, to, name) < 0) return errno;
  return ::fchownat(to, name, about.st_uid, about.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0;
}

int copy_subdirectory(int from, int to, const char* name, const struct stat& about, int depth) {
  if (::mkdirat(to, name, 0700) < 0) return errno;
  const int source = ::openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (source < 0) return errno;
  const int target = ::openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int code = target < 0 ? errno : copy_level(source, target, depth + 1);
  if (code == 0 && (::fchown(target, about.st_uid, about.st_gid) < 0 || ::fchmod(target, about.st_mode & 07777) < 0)) {
    code = errno;
  }
  if (target >= 0) ::close(target);
  ::close(source);
  return code;
}

int copy_entry(int from, int to, const char* name, int depth) {
  struct stat about {};
  if (::fstatat(from, name, &about, AT_SYMLINK_NOFOLLOW) < 0) return errno;
  if (S_ISDIR(about.st_mode)) return copy_subdirectory(from, to, name, about, depth);
  if (S_ISLNK(about.st_mode)) return copy_link(from, to, name, about);
  if (S_ISREG(about.st_mode)) return copy_file(from, to, name, about);
  return 0;  // devices, sockets and pipes mean nothing in a fresh tmpfs
}

int copy_level(int from, int to, int depth) {
  if (depth > kDepthMax) return ELOOP;
  const int listing = ::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* directory = listing < 0 ? nullptr : ::fdopendir(listing);
  if (directory == nullptr) return errno;
  int code = 0;
  while (const dirent* entry = code == 0 ? ::readdir(directory) : nullptr) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    code = copy_entry(from, to, entry->d_name, depth);
  }
  ::closedir(directory);
  return code;
}

}  // namespace

int copy_directory(int from, int to) {
  return copy_level(from, to, 0);
}

}  // namespace drydock::native
