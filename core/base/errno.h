#pragma once
// Linux error numbers (x86-64), independent of the compiling system's <errno.h>. Source: errno(3).

#include <cstdint>
#include <string_view>

namespace drydock {

// Lower case, because the upper-case names are macros wherever <cerrno> was included.
#define DD_ERRNO_TABLE(X)                                                         \
  X(eperm, 1, "EPERM", "operation not permitted")                                 \
  X(enoent, 2, "ENOENT", "no such file or directory")                             \
  X(esrch, 3, "ESRCH", "no such process")                                         \
  X(eintr, 4, "EINTR", "interrupted system call")                                 \
  X(eio, 5, "EIO", "input/output error")                                          \
  X(enxio, 6, "ENXIO", "no such device or address")                               \
  X(e2big, 7, "E2BIG", "argument list too long")                                  \
  X(enoexec, 8, "ENOEXEC", "exec format error")                                   \
  X(ebadf, 9, "EBADF", "bad file descriptor")                                     \
  X(echild, 10, "ECHILD", "no child processes")                                   \
  X(eagain, 11, "EAGAIN", "resource temporarily unavailable")                     \
  X(enomem, 12, "ENOMEM", "cannot allocate memory")                               \
  X(eacces, 13, "EACCES", "permission denied")                                    \
  X(efault, 14, "EFAULT", "bad address")                                          \
  X(enotblk, 15, "ENOTBLK", "block device required")                              \
  X(ebusy, 16, "EBUSY", "device or resource busy")                                \
  X(eexist, 17, "EEXIST", "file exists")                                          \
  X(exdev, 18, "EXDEV", "invalid cross-device link")                              \
  X(enodev, 19, "ENODEV", "no such device")                                       \
  X(enotdir, 20, "ENOTDIR", "not a directory")                                    \
  X(eisdir, 21, "EISDIR", "is a directory")                                       \
  X(einval, 22, "EINVAL", "invalid argument")                                     \
  X(enfile, 23, "ENFILE", "too many open files in system")                        \
  X(emfile, 24, "EMFILE", "too many open files")                                  \
  X(enotty, 25, "ENOTTY", "inappropriate ioctl for device")                       \
  X(etxtbsy, 26, "ETXTBSY", "text file busy")                                     \
  X(efbig, 27, "EFBIG", "file too large")                                         \
  X(enospc, 28, "ENOSPC", "no space left on device")                              \
  X(espipe, 29, "ESPIPE", "illegal seek")                                         \
  X(erofs, 30, "EROFS", "read-only file system")                                  \
  X(emlink, 31, "EMLINK", "too many links")                                       \
  X(epipe, 32, "EPIPE", "broken pipe")                                            \
  X(edom, 33, "EDOM", "numerical argument out of domain")                         \
  X(erange, 34, "ERANGE", "numerical result out of range")                        \
  X(edeadlk, 35, "EDEADLK", "resource deadlock avoided")                          \
  X(enametoolong, 36, "ENAMETOOLONG", "file name too long")                       \
  X(enolck, 37, "ENOLCK", "no locks available")                                   \
  X(enosys, 38, "ENOSYS", "function not implemented")                             \
  X(enotempty, 39, "ENOTEMPTY", "directory not empty")                            \
  X(eloop, 40, "ELOOP", "too many levels of symbolic links")                      \
  X(enodata, 61, "ENODATA", "no data available")                                  \
  X(etime, 62, "ETIME", "timer expired")                                          \
  X(eproto, 71, "EPROTO", "protocol error")                                       \
  X(ebadmsg, 74, "EBADMSG", "bad message")                                        \
  X(eoverflow, 75, "EOVERFLOW", "value too large for defined data type")          \
  X(elibbad, 80, "ELIBBAD", "accessing a corrupted shared library")               \
  X(eilseq, 84, "EILSEQ", "invalid or incomplete multibyte or wide character")    \
  X(eusers, 87, "EUSERS", "too many users")                                       \
  X(enotsock, 88, "ENOTSOCK", "socket operation on non-socket")                   \
  X(edestaddrreq, 89, "EDESTADDRREQ", "destination address required")             \
  X(emsgsize, 90, "EMSGSIZE", "message too long")                                 \
  X(eprototype, 91, "EPROTOTYPE", "protocol wrong type for socket")               \
  X(enoprotoopt, 92, "ENOPROTOOPT", "protocol not available")                     \
  X(eprotonosupport, 93, "EPROTONOSUPPORT", "protocol not supported")             \
  X(esocktnosupport, 94, "ESOCKTNOSUPPORT", "socket type not supported")          \
  X(eopnotsupp, 95, "EOPNOTSUPP", "operation not supported")                      \
  X(eafnosupport, 97, "EAFNOSUPPORT", "address family not supported by protocol") \
  X(eaddrinuse, 98, "EADDRINUSE", "address already in use")                       \
  X(eaddrnotavail, 99, "EADDRNOTAVAIL", "cannot assign requested address")        \
  X(enetdown, 100, "ENETDOWN", "network is down")                                 \
  X(enetunreach, 101, "ENETUNREACH", "network is unreachable")                    \
  X(econnaborted, 103, "ECONNABORTED", "software caused connection abort")        \
  X(econnreset, 104, "ECONNRESET", "connection reset by peer")                    \
  X(enobufs, 105, "ENOBUFS", "no buffer space available")                         \
  X(eisconn, 106, "EISCONN", "transport endpoint is already connected")           \
  X(enotconn, 107, "ENOTCONN", "transport endpoint is not connected")             \
  X(etoomanyrefs, 109, "ETOOMANYREFS", "too many references: cannot splice")      \
  X(etimedout, 110, "ETIMEDOUT", "connection timed out")                          \
  X(econnrefused, 111, "ECONNREFUSED", "connection refused")                      \
  X(ehostunreach, 113, "EHOSTUNREACH", "no route to host")                        \
  X(ealready, 114, "EALREADY", "operation already in progress")                   \
  X(einprogress, 115, "EINPROGRESS", "operation now in progress")                 \
  X(estale, 116, "ESTALE", "stale NFS file handle")                               \
  X(edquot, 122, "EDQUOT", "disk quota exceeded")                                 \
  X(ecanceled, 125, "ECANCELED", "operation canceled")

enum class Errno : std::int32_t {
#define X(name, number, symbol, text) name = number,
  DD_ERRNO_TABLE(X)
#undef X
};

/// "ENOENT"; "E?" for a number that is not in the table.
std::string_view symbol(Errno code);
/// "no such file or directory": Go's wording, which is what Docker's users know.
std::string_view to_string(Errno code);

}  // namespace drydock
