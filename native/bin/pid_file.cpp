#include "native/bin/pid_file.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

namespace drydock::native {

namespace {

/// True for a process that runs this very program: after a reboot the number may be anyone's.
bool is_drydockd(long pid) {
  std::error_code error;
  const auto theirs = std::filesystem::read_symlink(concat("/proc/", pid, "/exe"), error);
  if (error) return false;
  return theirs.filename().string().starts_with("drydockd");
}

}  // namespace

Result<PidFile> PidFile::create(std::string path) {
  long pid = 0;
  if (std::ifstream existing(path); existing >> pid && pid != ::getpid() && is_drydockd(pid)) {
    return fail(ErrorKind::conflict, "pid file found, ensure drydockd is not running or delete ", path);
  }
  std::ofstream file(path, std::ios::trunc);
  file << ::getpid();
  file.flush();
  if (!file) return fail(ErrorKind::internal, "cannot write the pid file ", path);
  return PidFile(std::move(path));
}

PidFile::PidFile(PidFile&& other) noexcept : path_(std::exchange(other.path_, std::string())) {}

PidFile::~PidFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

}  // namespace drydock::native
