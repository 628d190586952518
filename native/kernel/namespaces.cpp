#include "native/kernel/namespaces.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/vfs.h>

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

namespace drydock::native {

Result<Fd, SysError> open_namespace(const std::string& path) {
  Fd file = TRY(open_file(path, O_RDONLY));
  struct statfs about {};
  if (::fstatfs(file.get(), &about) < 0) return last_error("statfs", path);
  if (about.f_type != NSFS_MAGIC) return SysError{Errno::einval, "open namespace", path};
  return file;
}

Result<void, SysError> enter_namespace(const Fd& target, int kind) {
  if (::setns(target.get(), kind) < 0) return last_error("setns");
  return {};
}

Result<NetworkNamespaceVisit, SysError> NetworkNamespaceVisit::enter(const Fd& target) {
  Fd own = TRY(open_namespace("/proc/thread-self/ns/net"));
  TRY(enter_namespace(target, CLONE_NEWNET));
  return NetworkNamespaceVisit(std::move(own));
}

NetworkNamespaceVisit::~NetworkNamespaceVisit() {
  if (own_) DD_ASSERT(enter_namespace(own_, CLONE_NEWNET).ok());
}

}  // namespace drydock::native
