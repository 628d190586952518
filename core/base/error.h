#pragma once
// The two error types: Error (a kind and a sentence, what users see) and SysError (what a kernel said).

#include <string>
#include <string_view>
#include <utility>

#include "base/errno.h"
#include "base/text.h"

namespace drydock {

/// The closed set of kinds; core/api maps each to one HTTP status.
enum class ErrorKind {
  internal,          // 500: anything that is neither the caller's nor a peer's fault
  invalid_argument,  // 400: the request itself is wrong
  unauthorized,      // 401
  forbidden,         // 403
  not_found,         // 404
  conflict,          // 409: right in itself, but not in the present state
  not_modified,      // 304: already so (start of a running container)
  unavailable,       // 503: a peer or a resource is not there now
  not_implemented,   // 501: Drydock does not model this
  corrupt,           // 500: data whose digest, size or syntax is not what was promised
  too_large,         // 413: over a named limit
  cancelled,         // the caller went away or the daemon is stopping
  malformed,         // 400, but 500 up to API 1.41: what cannot even be read, as broken JSON
};

std::string_view to_string(ErrorKind kind);

struct [[nodiscard]] Error {
  Error() = default;
  Error(ErrorKind kind, std::string message) : kind(kind), message(std::move(message)) {}
  Error(const struct SysError& error);  // "open /a/b: permission denied", the kind by errno

  ErrorKind kind = ErrorKind::internal;
  std::string message;
};

/// make_error(ErrorKind::not_found, "no such image: ", name)
template <class... Parts>
Error make_error(ErrorKind kind, Parts&&... parts) {
  return Error(kind, concat(std::forward<Parts>(parts)...));
}

/// The same error with "context: " before its message.
Error with_context(std::string_view context, Error error);

/// A failed operation of a port, as the kernel told it.
struct [[nodiscard]] SysError {
  Errno code = Errno::eio;
  std::string operation;  // "mount", "openat2"
  std::string object;     // the path or name it was about; may be empty
};

/// "operation object: text of the errno", with Go's wording for the errno (lower case), as Docker prints it.
std::string to_string(const SysError& error);

}  // namespace drydock
