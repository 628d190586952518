// close(2), dup(2), pipe(2), fcntl(2), flock(2), ioctl(2), close_range(2).
// Not modelled: leases (F_SETLEASE), F_NOTIFY, signals of F_SETOWN and O_ASYNC (the owner is only kept), file seals.

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/fs/pipe/pipe.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/families.h"
#include "machine/vfs/dcache.h"

namespace drydock::machine {
namespace {

namespace command {
constexpr std::uint32_t dupfd = 0, getfd = 1, setfd = 2, getfl = 3, setfl = 4, getlk = 5, setlk = 6, setlkw = 7,
                        setown = 8, getown = 9, setsig = 10, getsig = 11, setown_ex = 15, getown_ex = 16,
                        ofd_getlk = 36, ofd_setlk = 37, ofd_setlkw = 38, dupfd_cloexec = 1030, setpipe_sz = 1031,
                        getpipe_sz = 1032;
}
constexpr std::size_t kLocksPerFileMax = 16384;  // ENOLCK
constexpr std::uint16_t kLockRead = 0, kLockWrite = 1, kLockNone = 2;

std::uint64_t descriptor_limit(const Call& call) {
  return call.kernel.processes[call.self().process].limits[kRlimitFiles].soft;
}

Outcome sys_close(const Call& call) {
  TRY(close_fd(call, call.fd(0)));
  return done();
}

Outcome sys_close_range(const Call& call) {
  constexpr std::uint32_t kUnshare = 2, kCloexec = 4;
  const std::uint32_t first = call.u32(0), last = call.u32(1), flags = call.u32(2);
  if ((flags & ~(kUnshare | kCloexec)) != 0 || first > last) return Errno::einval;
  Kernel& kernel = call.kernel;
  if ((flags & kUnshare) != 0 && kernel.fd_tables[call.self().fds].users > 1) {
    const FdTableId own = copy_fd_table(kernel, call.self().fds);
    release_fd_table(kernel, call.self().fds);
    call.self().fds = own;
  }
  const std::size_t count = kernel.fd_tables[call.self().fds].entries.size();
  for (std::size_t fd = first; fd < count && fd <= last; ++fd) {
    if ((flags & kCloexec) == 0)
      (void)close_fd(call, static_cast<int>(fd));
    else if (FdEntry& entry = kernel.fd_tables[call.self().fds].entries[fd]; entry.file)
      entry.close_on_exec = true;
  }
  return done();
}

Outcome duplicate(const Call& call, int fd, int lowest, bool close_on_exec) {
  const FileId file = TRY(file_of(call, fd));
  get_file(call.kernel, file);
  return std::int64_t{TRY(install_fd(call, file, close_on_exec, lowest))};
}

Outcome sys_dup(const Call& call) {
  return duplicate(call, call.fd(0), 0, false);
}

Outcome duplicate_to(const Call& call, int from, int to, bool close_on_exec) {
  const FileId file = TRY(file_of(call, from));
  if (to < 0 || static_cast<std::uint64_t>(to) >= descriptor_limit(call)) return Errno::ebadf;
  get_file(call.kernel, file);
  (void)close_fd(call, to);
  return std::int64_t{TRY(install_fd(call, file, close_on_exec, to))};
}

Outcome sys_dup2(const Call& call) {
  if (call.fd(0) == call.fd(1)) {
    TRY(file_of(call, call.fd(0)));
    return std::int64_t{call.fd(1)};
  }
  return duplicate_to(call, call.fd(0), call.fd(1), false);
}
Outcome sys_dup3(const Call& call) {
  if ((call.u32(2) & ~abi::o_cloexec) != 0 || call.fd(0) == call.fd(1)) return Errno::einval;
  return duplicate_to(call, call.fd(0), call.fd(1), call.u32(2) != 0);
}

Outcome make_pipe(const Call& call, std::uint32_t flags) {
  if ((flags & ~(abi::o_cloexec | abi::o_nonblock | abi::o_direct)) != 0) return Errno::einval;
  const bool cloexec = (flags & abi::o_cloexec) != 0;
  const PipeEnds ends = TRY(open_pipe(call, flags));
  const auto read_fd = install_fd(call, ends.read_end, cloexec);
  if (!read_fd.ok()) {
    put_file(call.kernel, ends.write_end);
    return read_fd.error();
  }
  const auto write_fd = install_fd(call, ends.write_end, cloexec);
  if (!write_fd.ok()) {
    (void)close_fd(call, *read_fd);
    return write_fd.error();
  }
  StructWriter pair;
  pair.i32(*read_fd).i32(*write_fd);
  if (call.copy_out(call.address(0), pair.span()).ok()) return done();
  (void)close_fd(call, *read_fd);
  (void)close_fd(call, *write_fd);
  return Errno::efault;
}
Outcome sys_pipe(const Call& call) {
  return make_pipe(call, 0);
}
Outcome sys_pipe2(const Call& call) {
  return make_pipe(call, call.u32(1));
}

// struct flock: l_type u16, l_whence u16, pad, l_start i64, l_len i64, l_pid i32.
struct FlockWords {
  std::uint16_t type = 0;
  FileLock lock;
};

Result<FlockWords, Errno> load_lock(const Call& call, const File& file, bool ofd) {
  const std::uint64_t address = call.address(2);
  const std::uint64_t head = TRY(call.load64(address));
  const auto offset = static_cast<std::int64_t>(TRY(call.load64(address + 8)));
  const auto length = static_cast<std::int64_t>(TRY(call.load64(address + 16)));
  const auto pid = static_cast<std::uint32_t>(TRY(call.load64(address + 24)));
  FlockWords words;
  words.type = static_cast<std::uint16_t>(head);
  if (words.type > kLockNone) return Errno::einval;
  if (ofd && pid != 0) return Errno::einval;
  std::uint64_t base = 0;
  const auto whence = static_cast<std::uint16_t>(head >> 16);
  if (whence == 1) base = file.position;
  if (whence == 2) base = TRY(call.kernel.inodes[file.inode].attributes(call)).size;
  if (whence > 2) return Errno::einval;
  constexpr std::uint64_t kOffsetMax = ~std::uint64_t{0} >> 1;
  const std::uint64_t start = base + static_cast<std::uint64_t>(offset);
  if (offset > 0 && start > kOffsetMax) return Errno::eoverflow;
  if (start > kOffsetMax) return Errno::einval;
  words.lock.start = start;
  if (length > 0) {
    if (static_cast<std::uint64_t>(length) - 1 > kOffsetMax - start) return Errno::eoverflow;
    words.lock.end = start + static_cast<std::uint64_t>(length) - 1;
  } else if (length < 0) {
    const std::uint64_t before = ~static_cast<std::uint64_t>(length) + 1;
    if (before > start) return Errno::einval;
    words.lock.start = start - before;
    words.lock.end = start - 1;
  } else {
    words.lock.end = kOffsetMax;
  }
  words.lock.kind = ofd ? LockKind::ofd : LockKind::posix;
  words.lock.exclusive = words.type == kLockWrite;
  words.lock.owner = ofd ? file.id.value : call.self().fds.value;
  words.lock.process = call.self().process;
  return words;
}

Outcome get_lock(const Call& call, const File& file, bool ofd) {
  const FlockWords words = TRY(load_lock(call, file, ofd));
  if (words.type == kLockNone) return Errno::einval;
  const auto held = find_conflict(call.kernel, file.inode, words.lock);
  StructWriter out;
  if (!held) {
    out.u16(kLockNone);
    TRY(call.copy_out(call.address(2), out.span()));
    return done();
  }
  std::int32_t pid = -1;
  if (held->kind == LockKind::posix) {
    pid = 0;
    if (const Process* process = call.kernel.processes.find(held->process))
      if (const Task* leader = call.kernel.tasks.find(process->leader)) {
        const std::uint32_t level = call.kernel.pid_namespaces[call.self().pid_namespace].level;
        if (leader->tids.size() > level) pid = static_cast<std::int32_t>(leader->tids[level]);
      }
  }
  const bool to_end = held->end == ~std::uint64_t{0} >> 1;
  out.u16(held->exclusive ? kLockWrite : kLockRead).u16(0).u32(0).u64(held->start);
  out.u64(to_end ? 0 : held->end - held->start + 1).i32(pid);
  TRY(call.copy_out(call.address(2), out.span()));
  return done();
}

Outcome place_lock(const Call& call, const File& file, bool ofd, bool wait) {
  const FlockWords words = TRY(load_lock(call, file, ofd));
  if (words.type == kLockRead && !file.readable()) return Errno::ebadf;
  if (words.type == kLockWrite && !file.writable()) return Errno::ebadf;
  RestartState& state = call.self().restart;
  if (words.type != kLockNone) {
    if (const auto held = find_conflict(call.kernel, file.inode, words.lock)) {
      if (!wait) return Errno::eagain;
      const bool both_posix = held->kind == LockKind::posix && !ofd;
      if (both_posix && would_deadlock(call.kernel, words.lock.owner, held->owner)) return Errno::edeadlk;
      state.scratch[0] = both_posix ? held->owner : 0;
      return Outcome::block(lock_wait_key(file.inode));
    }
  }
  const auto held = call.kernel.file_locks.find(file.inode);
  if (words.type != kLockNone && held != call.kernel.file_locks.end() && held->second.size() >= kLocksPerFileMax)
    return Errno::enolck;
  set_lock(call.kernel, file.inode, words.lock, words.type == kLockNone);
  return done();
}

Outcome sys_flock(const Call& call) {
  constexpr std::uint32_t kShared = 1, kExclusive = 2, kNonBlocking = 4, kUnlock = 8, kMandatory = 32;
  const File& file = call.kernel.files[TRY(file_of(call, call.fd(0)))];
  if ((file.flags & abi::o_path) != 0) return Errno::ebadf;
  if ((call.u32(1) & kMandatory) != 0) return done();  // of old, taken and without effect
  const std::uint32_t operation = call.u32(1) & ~kNonBlocking;
  if (operation != kShared && operation != kExclusive && operation != kUnlock) return Errno::einval;
  FileLock lock;
  lock.kind = LockKind::flock;
  lock.owner = file.id.value;
  lock.exclusive = operation == kExclusive;
  lock.process = call.self().process;
  if (operation != kUnlock && find_conflict(call.kernel, file.inode, lock)) {
    // flock(2): a conversion gives up the old lock first.
    set_lock(call.kernel, file.inode, lock, true);
    if ((call.u32(1) & kNonBlocking) != 0) return Errno::eagain;
    return Outcome::block(lock_wait_key(file.inode));
  }
  set_lock(call.kernel, file.inode, lock, operation == kUnlock);
  return done();
}

Outcome set_status_flags(const Call& call, File& file) {
  const std::uint32_t flags = call.u32(2);
  const auto attributes = TRY(call.kernel.inodes[file.inode].attributes(call));
  if (((flags ^ file.flags) & abi::o_noatime & flags) != 0 && call.credentials().fsuid != attributes.uid &&
      (call.credentials().effective >> abi::cap_fowner & 1) == 0)
    return Errno::eperm;
  file.flags = (file.flags & ~abi::o_setfl) | (flags & abi::o_setfl);
  return done();
}

FdEntry& entry_of(const Call& call) {
  return call.kernel.fd_tables[call.self().fds].entries[static_cast<std::size_t>(call.fd(0))];
}

Outcome sys_fcntl(const Call& call) {
  const FileId id = TRY(file_of(call, call.fd(0)));
  File& file = call.kernel.files[id];
  const std::uint32_t what = call.u32(1);
  const bool path_only = (file.flags & abi::o_path) != 0;
  switch (what) {
    case command::dupfd:
    case command::dupfd_cloexec:
      if (call.u64(2) >= descriptor_limit(call)) return Errno::einval;
      return duplicate(call, call.fd(0), call.i32(2), what == command::dupfd_cloexec);
    case command::getfd:
      return std::int64_t{entry_of(call).close_on_exec ? 1 : 0};
    case command::setfd:
      entry_of(call).close_on_exec = (call.u32(2) & 1) != 0;
      return done();
    case command::getfl:
      return std::int64_t{(file.flags & ~abi::o_exec_internal) | abi::o_largefile};
    default:
      break;
  }
  if (path_only) return Errno::ebadf;
  switch (what) {
    case command::setfl:
      return set_status_flags(call, file);
    case command::getlk:
      return get_lock(call, file, false);
    case command::setlk:
      return place_lock(call, file, false, false);
    case command::setlkw:
      return place_lock(call, file, false, true);
    case command::ofd_getlk:
      return get_lock(call, file, true);
    case command::ofd_setlk:
      return place_lock(call, file, true, false);
    case command::ofd_setlkw:
      return place_lock(call, file, true, true);
    case command::setown:
      file.owner = call.i32(2);
      return done();
    case command::getown:
      return std::int64_t{file.owner};
    case command::setsig:
      if (call.u64(2) > 64) return Errno::einval;
      file.owner_signal = call.i32(2);
      return done();
    case command::getsig:
      return std::int64_t{file.owner_signal};
    case command::getpipe_sz:
      return static_cast<std::int64_t>(TRY(pipe_capacity(call, id)));
    case command::setpipe_sz:
      return static_cast<std::int64_t>(TRY(set_pipe_capacity(call, id, call.u64(2))));
    default:
      break;
  }
  note_unimplemented(call.kernel, call.task, "fcntl " + std::to_string(what));
  return Errno::einval;
}

Outcome sys_ioctl(const Call& call) {
  File& file = call.kernel.files[TRY(file_of(call, call.fd(0)))];
  if ((file.flags & abi::o_path) != 0) return Errno::ebadf;
  const std::uint64_t request = call.u32(1);
  const auto set_flag = [&](std::uint32_t flag) -> Outcome {
    const bool on = TRY(call.load32(call.address(2))) != 0;
    file.flags = on ? file.flags | flag : file.flags & ~flag;
    return done();
  };
  constexpr std::uint64_t fifreeze = 0xc0045877, fithaw = 0xc0045878;
  switch (request) {
    case abi::fioclex:
      entry_of(call).close_on_exec = true;
      return done();
    case abi::fionclex:
      entry_of(call).close_on_exec = false;
      return done();
    case abi::fionbio:
      return set_flag(abi::o_nonblock);
    case abi::fioasync:
      return set_flag(abi::o_async);
    case abi::ficlone:
      return Errno::eopnotsupp;
    case fifreeze:
    case fithaw:
      // No file system here can be frozen, so none is.
      if (!capable(call, cap::sys_admin)) return Errno::eperm;
      return request == fifreeze ? Errno::eopnotsupp : Errno::einval;
    default:
      return file.ioctl(call, request, call.address(2));
  }
}

using enum Arg;
constexpr SyscallRow kRows[] = {
    {3, "close", sys_close, {fd, none, none, none, none, none}, "close(2)", Support::full, ""},
    {16,
     "ioctl",
     sys_ioctl,
     {fd, ioctl_request, hex, none, none, none},
     "ioctl(2)",
     Support::partial,
     "those that the kinds of files have"},
    {22, "pipe", sys_pipe, {fd_pair, none, none, none, none, none}, "pipe(2)", Support::full, ""},
    {32, "dup", sys_dup, {fd, none, none, none, none, none}, "dup(2)", Support::full, ""},
    {33, "dup2", sys_dup2, {fd, fd, none, none, none, none}, "dup(2)", Support::full, ""},
    {72,
     "fcntl",
     sys_fcntl,
     {fd, fcntl_command, hex, none, none, none},
     "fcntl(2)",
     Support::partial,
     "no leases, no F_NOTIFY, no seals; F_SETOWN is kept but sends no signals"},
    {73, "flock", sys_flock, {fd, hex, none, none, none, none}, "flock(2)", Support::full, ""},
    {292, "dup3", sys_dup3, {fd, fd, open_flags, none, none, none}, "dup(2)", Support::full, ""},
    {293, "pipe2", sys_pipe2, {fd_pair, open_flags, none, none, none, none}, "pipe(2)", Support::full, ""},
    {436, "close_range", sys_close_range, {u32, u32, hex, none, none, none}, "close_range(2)", Support::full, ""},
};

}  // namespace

std::span<const SyscallRow> descriptor_calls() {
  return kRows;
}

}  // namespace drydock::machine
