#pragma once
// Open file descriptions and descriptor tables. open(2), dup(2), close(2), fcntl(2).
//
// References to a File are held by: descriptor tables (one per entry), mappings, messages in flight with SCM_RIGHTS,
// loop over epoll sets, and file system calls while they run (they need none: nothing is closed meanwhile).

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "machine/kernel/caller.h"
#include "machine/kernel/outcome.h"
#include "machine/vfs/path.h"

namespace drydock::machine {

class Marker;

/// poll(2)'s bits.
inline constexpr std::uint16_t kPollIn = 0x001, kPollPri = 0x002, kPollOut = 0x004, kPollErr = 0x008, kPollHup = 0x010,
                               kPollNval = 0x020, kPollRdNorm = 0x040, kPollWrNorm = 0x100, kPollRdHup = 0x2000;

class File {
 public:
  virtual ~File() = default;
  virtual std::unique_ptr<File> clone() const = 0;

  FileId id;                // its own; set by open_file()
  std::uint32_t refs = 0;   // see above; put_file() releases at 0
  std::uint32_t flags = 0;  // abi::o_*: access mode and status flags (O_APPEND, O_NONBLOCK ...)
  std::uint64_t position = 0;
  Path path;                      // nothing for pipes, sockets and other nameless files
  InodeId inode;                  // every file has one
  std::int32_t owner = 0;         // F_SETOWN, as it was given
  std::int32_t owner_signal = 0;  // F_SETSIG

  bool readable() const { return (flags & 3) != 1; }
  bool writable() const { return (flags & 3) != 0; }

  /// At `offset` (pread) or, when null, at `position`, which moves. Not more than out.size(); 0 is the end of the file.
  /// Blocks unless O_NONBLOCK.
  virtual Outcome read(const Caller& caller, std::span<char> out,
                       const std::uint64_t* offset);  // EINVAL unless overridden
  virtual Outcome write(const Caller& caller, std::span<const char> bytes, const std::uint64_t* offset);
  virtual Outcome seek(const Caller& caller, std::int64_t offset, int whence);  // ESPIPE
  /// ioctl(2); the argument may be an address in the caller's memory. ENOTTY unless overridden.
  virtual Outcome ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument);
  /// What is ready now.
  virtual std::uint16_t poll(const Caller& caller);
  /// What is woken when poll()'s answer may have changed.
  virtual WaitKey wait_key() const { return {WaitKind::inode, inode.value}; }
  /// "pipe:[123]", "socket:[5]": what readlink of /proc/PID/fd/N shows of a nameless file.
  virtual std::string nameless_text() const { return "anon_inode"; }
  /// The last reference is gone.
  virtual void release(Kernel&) {}
  virtual void mark(Marker&) const {}
};

struct FdEntry {
  FileId file;
  bool close_on_exec = false;
};

class FdTable {
 public:
  std::uint32_t users = 1;       // tasks that share it (CLONE_FILES)
  std::vector<FdEntry> entries;  // by number; FileId{} is a free one
};

/// Puts a new file into the table of files, with one reference, which the caller owns.
FileId open_file(Kernel& kernel, std::unique_ptr<File> file);
void get_file(Kernel& kernel, FileId file);
void put_file(Kernel& kernel, FileId file);

/// EBADF.
Result<FileId, Errno> file_of(const Caller& caller, int fd);
/// Takes over the reference. EMFILE beyond RLIMIT_NOFILE (the reference is put then).
Result<int, Errno> install_fd(const Caller& caller, FileId file, bool close_on_exec, int lowest = 0);
Result<void, Errno> close_fd(const Caller& caller, int fd);
FdTableId copy_fd_table(Kernel& kernel, FdTableId table);  // fork
void release_fd_table(Kernel& kernel, FdTableId table);    // exit
void close_on_exec(const Caller& caller);                  // execve

}  // namespace drydock::machine
