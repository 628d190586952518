#pragma once
// DD_ASSERT: for what only a programmer's mistake can break; stays on in every build.
// Input from a guest, an image, a file or a network never asserts: it returns an Error.

namespace drydock {

/// Called with the failed expression; does not return.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace drydock

#define DD_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::drydock::assertion_failed(#expression, __FILE__, __LINE__))
