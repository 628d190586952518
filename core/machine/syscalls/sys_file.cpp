// open(2), openat2(2), creat(2), read(2), write(2), pread(2), readv(2), lseek(2), truncate(2), sendfile(2),
// copy_file_range(2), fallocate(2), fsync(2). Not modelled: io_uring, AIO, splice(2) and its kin.

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/syscalls/families.h"
#include "machine/syscalls/transfer.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/operations.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kOpenHowBytes = 24;

Outcome open_and_install(const Call& call, int dirfd, const std::string& path, const OpenRequest& request) {
  Outcome opened = open_at(call, dirfd, path, request);
  if (!opened.ok()) return opened;
  const FileId file{static_cast<std::uint32_t>(opened.value())};
  return std::int64_t{TRY(install_fd(call, file, (request.flags & abi::o_cloexec) != 0))};
}

OpenRequest lenient(std::uint32_t flags, std::uint32_t mode) {
  // open(2), unlike openat2(2), ignores what it does not know.
  constexpr std::uint32_t known = abi::o_accmode | abi::o_creat | abi::o_excl | abi::o_noctty | abi::o_trunc |
                                  abi::o_append | abi::o_nonblock | abi::o_sync | abi::o_async | abi::o_direct |
                                  abi::o_largefile | abi::o_directory | abi::o_nofollow | abi::o_noatime |
                                  abi::o_cloexec | abi::o_path | abi::o_tmpfile_bit;
  return {flags & known, mode, 0};
}

Outcome sys_open(const Call& call) {
  return open_and_install(call, kAtFdCwd, TRY(call.path(0)), lenient(call.u32(1), call.u32(2)));
}
Outcome sys_creat(const Call& call) {
  return open_and_install(call, kAtFdCwd, TRY(call.path(0)),
                          lenient(abi::o_creat | abi::o_wronly | abi::o_trunc, call.u32(1)));
}
Outcome sys_openat(const Call& call) {
  return open_and_install(call, call.fd(0), TRY(call.path(1)), lenient(call.u32(2), call.u32(3)));
}

Outcome sys_openat2(const Call& call) {
  const std::uint64_t size = call.u64(3);
  if (size < kOpenHowBytes) return Errno::einval;
  if (size > 4096) return Errno::e2big;
  std::string bytes(size, '\0');
  TRY(call.copy_in(call.address(2), bytes));
  if (bytes.find_first_not_of('\0', kOpenHowBytes) != std::string::npos) return Errno::e2big;
  const StructReader how(std::move(bytes));
  const std::uint64_t flags = how.u64(0), mode = how.u64(8), resolve = how.u64(16);
  const OpenRequest request = lenient(static_cast<std::uint32_t>(flags), static_cast<std::uint32_t>(mode));
  if (request.flags != flags || (resolve & ~std::uint64_t{0x3f}) != 0) return Errno::einval;
  if ((resolve & abi::resolve_beneath) != 0 && (resolve & abi::resolve_in_root) != 0) return Errno::einval;
  const bool creates = (flags & (abi::o_creat | abi::o_tmpfile_bit)) != 0;
  if (creates ? (mode & ~std::uint64_t{07777}) != 0 : mode != 0) return Errno::einval;
  if ((flags & abi::o_path) != 0 &&
      (flags & ~std::uint64_t{abi::o_path | abi::o_directory | abi::o_nofollow | abi::o_cloexec}) != 0)
    return Errno::einval;
  if ((resolve & abi::resolve_cached) != 0) {
    if ((flags & (abi::o_trunc | abi::o_creat | abi::o_tmpfile_bit)) != 0) return Errno::eagain;
  }
  OpenRequest resolved = request;
  resolved.resolve = resolve;
  return open_and_install(call, call.fd(0), TRY(call.path(1)), resolved);
}

Outcome sys_read(const Call& call) {
  return read_into(call, TRY(readable_file(call, call.fd(0))), {{call.address(1), call.u64(2)}}, nullptr);
}
Outcome sys_write(const Call& call) {
  return write_from(call, TRY(writable_file(call, call.fd(0))), {{call.address(1), call.u64(2)}}, nullptr);
}
Outcome sys_pread64(const Call& call) {
  const std::uint64_t offset = call.u64(3);
  if (call.i64(3) < 0) return Errno::einval;
  return read_into(call, TRY(readable_file(call, call.fd(0))), {{call.address(1), call.u64(2)}}, &offset);
}
Outcome sys_pwrite64(const Call& call) {
  const std::uint64_t offset = call.u64(3);
  if (call.i64(3) < 0) return Errno::einval;
  return write_from(call, TRY(writable_file(call, call.fd(0))), {{call.address(1), call.u64(2)}}, &offset);
}
Outcome sys_readv(const Call& call) {
  const FileId file = TRY(readable_file(call, call.fd(0)));
  return read_into(call, file, TRY(load_pieces(call, call.address(1), call.u64(2))), nullptr);
}
Outcome sys_writev(const Call& call) {
  const FileId file = TRY(writable_file(call, call.fd(0)));
  return write_from(call, file, TRY(load_pieces(call, call.address(1), call.u64(2))), nullptr);
}
Outcome sys_preadv(const Call& call) {
  const std::uint64_t offset = call.u64(3);
  if (call.i64(3) < 0) return Errno::einval;
  const FileId file = TRY(readable_file(call, call.fd(0)));
  return read_into(call, file, TRY(load_pieces(call, call.address(1), call.u64(2))), &offset);
}
Outcome sys_pwritev(const Call& call) {
  const std::uint64_t offset = call.u64(3);
  if (call.i64(3) < 0) return Errno::einval;
  const FileId file = TRY(writable_file(call, call.fd(0)));
  return write_from(call, file, TRY(load_pieces(call, call.address(1), call.u64(2))), &offset);
}
Outcome sys_preadv2(const Call& call) {
  if (call.u32(5) != 0) return Errno::eopnotsupp;
  return call.i64(3) == -1 ? sys_readv(call) : sys_preadv(call);
}
Outcome sys_pwritev2(const Call& call) {
  if (call.u32(5) != 0) return Errno::eopnotsupp;
  return call.i64(3) == -1 ? sys_writev(call) : sys_pwritev(call);
}

Outcome sys_lseek(const Call& call) {
  File& file = call.kernel.files[TRY(file_of(call, call.fd(0)))];
  if ((file.flags & abi::o_path) != 0) return Errno::ebadf;
  if (call.u32(2) > 4) return Errno::einval;
  return file.seek(call, call.i64(1), call.i32(2));
}

Outcome sys_truncate(const Call& call) {
  if (call.i64(1) < 0) return Errno::einval;
  const Path place = TRY(walk(call, kAtFdCwd, TRY(call.path(0))));
  TRY(truncate_place(call, place, call.u64(1)));
  return done();
}

Outcome sys_ftruncate(const Call& call) {
  if (call.i64(1) < 0) return Errno::einval;
  const File& file = call.kernel.files[TRY(file_of(call, call.fd(0)))];
  if ((file.flags & abi::o_path) != 0) return Errno::ebadf;
  Inode& inode = call.kernel.inodes[file.inode];
  if (!file.writable() || !abi::is_regular(TRY(inode.attributes(call)).mode)) return Errno::einval;
  TRY(truncate_inode(call, inode, call.u64(1)));
  return done();
}

Outcome sys_fallocate(const Call& call) {
  const File& file = call.kernel.files[TRY(file_of(call, call.fd(0)))];
  if ((file.flags & abi::o_path) != 0) return Errno::ebadf;
  const std::uint32_t mode = call.u32(1);
  const std::int64_t offset = call.i64(2), bytes = call.i64(3);
  if (offset < 0 || bytes <= 0) return Errno::einval;
  if ((mode & ~std::uint32_t{0x7f}) != 0) return Errno::eopnotsupp;
  if ((mode & abi::falloc_punch_hole) != 0 && (mode & abi::falloc_keep_size) == 0) return Errno::eopnotsupp;
  if (!file.writable()) return Errno::ebadf;
  Inode& inode = call.kernel.inodes[file.inode];
  const std::uint32_t kind = TRY(inode.attributes(call)).mode;
  if ((kind & abi::s_ifmt) == abi::s_ififo) return Errno::espipe;
  if (abi::is_directory(kind)) return Errno::eisdir;
  if (!abi::is_regular(kind)) return Errno::enodev;
  if (offset > (std::int64_t{1} << 47) - bytes || bytes > std::int64_t{1} << 47) return Errno::efbig;
  TRY(inode.allocate(call, mode, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(bytes)));
  return done();
}

/// There is no disk: all is as safe as it will ever be.
Outcome sys_fsync(const Call& call) {
  const File& file = call.kernel.files[TRY(file_of(call, call.fd(0)))];
  if ((file.flags & abi::o_path) != 0) return Errno::ebadf;
  const std::uint32_t mode = TRY(call.kernel.inodes[file.inode].attributes(call)).mode;
  if (!abi::is_regular(mode) && !abi::is_directory(mode)) return Errno::einval;
  return done();
}
Outcome sys_sync(const Call&) {
  return done();
}
Outcome sys_syncfs(const Call& call) {
  TRY(file_of(call, call.fd(0)));
  return done();
}
Outcome sys_fadvise64(const Call& call) {
  const File& file = call.kernel.files[TRY(file_of(call, call.fd(0)))];
  if ((file.flags & abi::o_path) != 0) return Errno::ebadf;
  const std::uint32_t mode = TRY(call.kernel.inodes[file.inode].attributes(call)).mode;
  if ((mode & abi::s_ifmt) == abi::s_ififo) return Errno::espipe;
  if (call.i64(2) < 0 || call.u32(3) > 5) return Errno::einval;
  return done();
}
Outcome sys_readahead(const Call& call) {
  TRY(readable_file(call, call.fd(0)));
  return done();
}

Outcome sys_sendfile(const Call& call) {
  return send_file(call, call.fd(0), call.fd(1), call.address(2), call.u64(3));
}
Outcome sys_copy_file_range(const Call& call) {
  if (call.u32(5) != 0) return Errno::einval;
  return copy_range(call, call.fd(0), call.address(1), call.fd(2), call.address(3), call.u64(4));
}

using enum Arg;
constexpr SyscallRow kRows[] = {
    {0, "read", sys_read, {fd, buffer_out, size, none, none, none}, "read(2)", Support::full, ""},
    {1, "write", sys_write, {fd, buffer_in, size, none, none, none}, "write(2)", Support::full, ""},
    {2, "open", sys_open, {path, open_flags, octal_mode, none, none, none}, "open(2)", Support::full, ""},
    {8, "lseek", sys_lseek, {fd, i64, whence, none, none, none}, "lseek(2)", Support::full, ""},
    {17, "pread64", sys_pread64, {fd, buffer_out, size, i64, none, none}, "pread(2)", Support::full, ""},
    {18, "pwrite64", sys_pwrite64, {fd, buffer_in, size, i64, none, none}, "pread(2)", Support::full, ""},
    {19, "readv", sys_readv, {fd, iovec, i32, none, none, none}, "readv(2)", Support::full, ""},
    {20, "writev", sys_writev, {fd, iovec, i32, none, none, none}, "readv(2)", Support::full, ""},
    {40, "sendfile", sys_sendfile, {fd, fd, address, size, none, none}, "sendfile(2)", Support::full, ""},
    {74, "fsync", sys_fsync, {fd, none, none, none, none, none}, "fsync(2)", Support::full, ""},
    {75, "fdatasync", sys_fsync, {fd, none, none, none, none, none}, "fsync(2)", Support::full, ""},
    {76, "truncate", sys_truncate, {path, i64, none, none, none, none}, "truncate(2)", Support::full, ""},
    {77, "ftruncate", sys_ftruncate, {fd, i64, none, none, none, none}, "truncate(2)", Support::full, ""},
    {85, "creat", sys_creat, {path, octal_mode, none, none, none, none}, "open(2)", Support::full, ""},
    {162, "sync", sys_sync, {none, none, none, none, none, none}, "sync(2)", Support::full, ""},
    {187, "readahead", sys_readahead, {fd, i64, size, none, none, none}, "readahead(2)", Support::full, ""},
    {221, "fadvise64", sys_fadvise64, {fd, i64, size, i32, none, none}, "posix_fadvise(2)", Support::full, ""},
    {257, "openat", sys_openat, {dirfd, path, open_flags, octal_mode, none, none}, "open(2)", Support::full, ""},
    {285,
     "fallocate",
     sys_fallocate,
     {fd, hex, i64, i64, none, none},
     "fallocate(2)",
     Support::partial,
     "FALLOC_FL_ZERO_RANGE, COLLAPSE_RANGE and INSERT_RANGE are EOPNOTSUPP, as in tmpfs"},
    {295, "preadv", sys_preadv, {fd, iovec, i32, i64, none, none}, "readv(2)", Support::full, ""},
    {296, "pwritev", sys_pwritev, {fd, iovec, i32, i64, none, none}, "readv(2)", Support::full, ""},
    {306, "syncfs", sys_syncfs, {fd, none, none, none, none, none}, "syncfs(2)", Support::full, ""},
    {326,
     "copy_file_range",
     sys_copy_file_range,
     {fd, address, fd, address, size, u32},
     "copy_file_range(2)",
     Support::full,
     ""},
    {327, "preadv2", sys_preadv2, {fd, iovec, i32, i64, i64, hex}, "readv(2)", Support::partial, "no RWF_* flags"},
    {328, "pwritev2", sys_pwritev2, {fd, iovec, i32, i64, i64, hex}, "readv(2)", Support::partial, "no RWF_* flags"},
    {437, "openat2", sys_openat2, {dirfd, path, address, size, none, none}, "openat2(2)", Support::full, ""},
};

}  // namespace

std::span<const SyscallRow> file_calls() {
  return kRows;
}

}  // namespace drydock::machine
