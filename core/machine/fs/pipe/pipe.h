#pragma once
// Pipes and FIFOs. pipe(2), pipe(7), fifo(7). The buffer is in the inode (vfs/pipe_buffer.h).

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// The inode of a pipe without a name.
class PipeInode final : public Inode {
 public:
  Attributes all;
  std::unique_ptr<Inode> clone() const override { return std::make_unique<PipeInode>(*this); }
  Result<Attributes, Errno> attributes(const Caller&) override { return all; }
  Result<void, Errno> change(const Caller& caller, const AttributeChange& change) override;
  Result<std::unique_ptr<File>, Errno> open(const Caller& caller, const Path& path, std::uint32_t flags) override;
};

/// One end, or both, of a pipe or FIFO.
class PipeFile final : public File {
 public:
  bool named = false;  // a FIFO
  std::unique_ptr<File> clone() const override { return std::make_unique<PipeFile>(*this); }
  Outcome read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) override;
  Outcome write(const Caller& caller, std::span<const char> bytes, const std::uint64_t* offset) override;
  Outcome ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) override;
  std::uint16_t poll(const Caller& caller) override;
  std::string nameless_text() const override;
  void release(Kernel& kernel) override;

  std::uint64_t inode_number = 0;
};

struct PipeEnds {
  FileId read_end, write_end;  // a reference each, the caller's
};
/// flags: abi::o_nonblock, o_direct.
Result<PipeEnds, Errno> open_pipe(const Caller& caller, std::uint32_t flags);

/// For the inodes of FIFOs, whatever file system they are in: Inode::open() and before_open().
Result<std::unique_ptr<File>, Errno> open_fifo(const Caller& caller, Inode& inode, std::uint32_t flags);
Outcome before_open_fifo(const Caller& caller, Inode& inode, std::uint32_t flags);

/// fcntl(2) F_GETPIPE_SZ, F_SETPIPE_SZ. EBADF: no pipe.
Result<std::uint64_t, Errno> pipe_capacity(const Caller& caller, FileId file);
Result<std::uint64_t, Errno> set_pipe_capacity(const Caller& caller, FileId file, std::uint64_t bytes);

}  // namespace drydock::machine
