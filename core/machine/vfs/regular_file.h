#pragma once
// Open regular files of file systems that keep data, and open directories of any. The bytes are the inode's business.

#include "machine/vfs/file.h"

namespace drydock::machine {

class RegularFile final : public File {
 public:
  std::unique_ptr<File> clone() const override { return std::make_unique<RegularFile>(*this); }
  Outcome read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) override;
  Outcome write(const Caller& caller, std::span<const char> bytes, const std::uint64_t* offset) override;
  Outcome seek(const Caller& caller, std::int64_t offset, int whence) override;
  Outcome ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) override;
};

/// getdents(2) asks the inode; the position is the cookie.
class DirectoryFile final : public File {
 public:
  std::unique_ptr<File> clone() const override { return std::make_unique<DirectoryFile>(*this); }
  Outcome read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) override;  // EISDIR
  Outcome seek(const Caller& caller, std::int64_t offset, int whence) override;
};

/// The position after a seek by SEEK_SET, SEEK_CUR or SEEK_END (`end`); EINVAL when it is negative or no such whence.
Outcome seek_to(File& file, std::int64_t offset, int whence, std::uint64_t end);

/// setuid and setgid bits go when somebody without CAP_FSETID writes.
Result<void, Errno> drop_privilege_bits(const Caller& caller, Inode& inode);

}  // namespace drydock::machine
