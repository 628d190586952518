#pragma once
// Namespaces by descriptor: open one by its path ("/proc/42/ns/net"), enter it, come back.

#include <string>

#include "native/kernel/fd.h"

namespace drydock::native {

/// Fails with EINVAL where the path is not a namespace's file.
Result<Fd, SysError> open_namespace(const std::string& path);
/// setns(2). `kind` is a CLONE_NEW* flag, 0: any.
Result<void, SysError> enter_namespace(const Fd& target, int kind);

/// Works in another network namespace for as long as it lives; the thread then is back in its own. A thread that cannot
/// come back would work on somebody else's network: the destructor aborts the program in that case.
class NetworkNamespaceVisit {
 public:
  static Result<NetworkNamespaceVisit, SysError> enter(const Fd& target);
  NetworkNamespaceVisit(NetworkNamespaceVisit&&) noexcept = default;
  NetworkNamespaceVisit& operator=(NetworkNamespaceVisit&&) = delete;
  ~NetworkNamespaceVisit();

 private:
  explicit NetworkNamespaceVisit(Fd own) : own_(std::move(own)) {}
  Fd own_;
};

}  // namespace drydock::native
