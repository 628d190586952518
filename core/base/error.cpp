#include "base/error.h"

namespace drydock {

std::string_view symbol(Errno code) {
  switch (code) {
#define X(name, number, symbol, text) \
  case Errno::name:                   \
    return symbol;
    DD_ERRNO_TABLE(X)
#undef X
  }
  return "E?";
}

std::string_view to_string(Errno code) {
  switch (code) {
#define X(name, number, symbol, text) \
  case Errno::name:                   \
    return text;
    DD_ERRNO_TABLE(X)
#undef X
  }
  return "unknown error";
}

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::internal:
      return "internal";
    case ErrorKind::invalid_argument:
      return "invalid argument";
    case ErrorKind::unauthorized:
      return "unauthorized";
    case ErrorKind::forbidden:
      return "forbidden";
    case ErrorKind::not_found:
      return "not found";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::not_modified:
      return "not modified";
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::not_implemented:
      return "not implemented";
    case ErrorKind::corrupt:
      return "corrupt";
    case ErrorKind::too_large:
      return "too large";
    case ErrorKind::cancelled:
      return "cancelled";
    case ErrorKind::malformed:
      return "malformed";
  }
  return "unknown";
}

namespace {

ErrorKind kind_of(Errno code) {
  switch (code) {
    case Errno::enoent:
      return ErrorKind::not_found;
    case Errno::eexist:
    case Errno::ebusy:
      return ErrorKind::conflict;
    case Errno::eacces:
    case Errno::eperm:
      return ErrorKind::forbidden;
    case Errno::enosys:
      return ErrorKind::not_implemented;
    default:
      return ErrorKind::internal;
  }
}

}  // namespace

std::string to_string(const SysError& error) {
  if (error.object.empty()) return concat(error.operation, ": ", to_string(error.code));
  return concat(error.operation, " ", error.object, ": ", to_string(error.code));
}

Error::Error(const SysError& error) : kind(kind_of(error.code)), message(to_string(error)) {}

Error with_context(std::string_view context, Error error) {
  error.message = concat(context, ": ", error.message);
  return error;
}

}  // namespace drydock
