#pragma once
// Seccomp filters to classic BPF by libseccomp. Takes milliseconds, so that results are kept by content.

#include <string>

#include "base/result.h"
#include "runtime/spec.h"

namespace drydock::native {

/// An array of struct sock_filter as bytes. As runc does, system calls that are newer than every one the filter names
/// answer ENOSYS instead of its default errno: a C library then falls back to what it had before.
Result<std::string> compile_seccomp(const runtime::Seccomp& filter);

}  // namespace drydock::native
