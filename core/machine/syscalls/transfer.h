#pragma once
// Moving bytes between files and the caller's memory, piece by piece: the work of read(2), write(2) and their kin.

#include <vector>

#include "machine/syscalls/call.h"

namespace drydock::machine {

/// struct iovec: a piece of the caller's memory.
struct MemoryPiece {
  std::uint64_t address = 0, bytes = 0;
};
/// EINVAL for more than 1024, or for a sum that is not a ssize_t.
Result<std::vector<MemoryPiece>, Errno> load_pieces(const Call& call, std::uint64_t address, std::uint64_t count);

/// EBADF when it is not open for that.
Result<FileId, Errno> readable_file(const Caller& caller, int fd);
Result<FileId, Errno> writable_file(const Caller& caller, int fd);

/// One read(2): what the file has now goes into the pieces. Blocks only when nothing was read.
Outcome read_into(const Call& call, FileId file, const std::vector<MemoryPiece>& pieces, const std::uint64_t* offset);
/// One write(2): goes on until all is written, blocking where the file does; interrupted, it returns what it has done.
Outcome write_from(const Call& call, FileId file, const std::vector<MemoryPiece>& pieces, const std::uint64_t* offset);

/// sendfile(2), copy_file_range(2); the addresses of offsets may be 0.
Outcome send_file(const Call& call, int out_fd, int in_fd, std::uint64_t offset_address, std::uint64_t bytes);
Outcome copy_range(const Call& call, int in_fd, std::uint64_t in_offset_address, int out_fd,
                   std::uint64_t out_offset_address, std::uint64_t bytes);

}  // namespace drydock::machine
