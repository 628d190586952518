#include "native/kernel/fd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

namespace drydock::native {

SysError last_error(std::string_view operation, std::string_view object) {
  return SysError{static_cast<Errno>(errno), std::string(operation), std::string(object)};
}

std::string proc_fd_path(int fd) {
  return concat("/proc/self/fd/", fd);
}

Result<Fd, SysError> open_file(const std::string& path, int flags, unsigned mode) {
  return open_at(AT_FDCWD, path, flags, mode);
}

Result<Fd, SysError> open_at(int directory, const std::string& path, int flags, unsigned mode) {
  const int fd = ::openat(directory, path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return last_error("open", path);
  return Fd(fd);
}

Result<Fd, SysError> duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return last_error("dup");
  return Fd(copy);
}

Result<std::string, SysError> read_to_end(int fd, std::size_t max_bytes) {
  std::string content;
  char buffer[8192];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error("read");
    if (count == 0) return content;
    if (content.size() + static_cast<std::size_t>(count) > max_bytes) {
      return SysError{Errno::efbig, "read", ""};
    }
    content.append(buffer, static_cast<std::size_t>(count));
  }
}

Result<std::string, SysError> read_file(const std::string& path, std::size_t max_bytes) {
  const Fd file = TRY(open_file(path, O_RDONLY));
  auto content = read_to_end(file.get(), max_bytes);
  if (!content.ok()) content.error().object = path;
  return content;
}

Result<void, SysError> write_kernel_file(const std::string& path, std::string_view text) {
  const Fd file = TRY(open_file(path, O_WRONLY));
  if (::write(file.get(), text.data(), text.size()) < 0) return last_error("write", path);
  return {};
}

Result<void, SysError> write_all(int fd, std::string_view bytes, std::string_view object) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error("write", object);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void, SysError> replace_file(int directory, const std::string& name, std::string_view content) {
  const std::string temporary = concat(".", name, ".new");
  const Fd file = TRY(open_at(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  TRY(write_all(file.get(), content, name));
  if (::renameat(directory, temporary.c_str(), directory, name.c_str()) < 0) return last_error("rename", name);
  return {};
}

Result<Pipe, SysError> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return last_error("pipe2");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<void, SysError> set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return last_error("fcntl");
  return {};
}

Result<Fd, SysError> make_memory_file(const char* name, std::string_view content) {
  Fd file(::memfd_create(name, MFD_CLOEXEC));
  if (!file) return last_error("memfd_create", name);
  TRY(write_all(file.get(), content, name));
  if (::lseek(file.get(), 0, SEEK_SET) < 0) return last_error("lseek", name);
  return file;
}

}  // namespace drydock::native
