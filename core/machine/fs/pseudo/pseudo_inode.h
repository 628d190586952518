#pragma once
// What the file systems that keep no data have in common: proc(5), sysfs(5), cgroups(7), devpts, nsfs, mqueue. Their
// inodes are made when they are looked up, and their files' text when it is read.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "machine/abi/file.h"
#include "machine/kernel/kernel.h"
#include "machine/vfs/file.h"
#include "machine/vfs/inode.h"
#include "machine/vfs/superblock.h"

namespace drydock::machine {

inline constexpr std::size_t kPseudoWriteBytesMax = 4096;  // of one write(2) to a file that is parsed: EINVAL beyond

/// Owner, permissions and times as fields.
class PseudoInode : public Inode {
 public:
  std::uint32_t mode = 0;  // with the type
  std::uint32_t uid = 0, gid = 0;
  std::uint32_t links = 1;
  std::uint64_t size = 0;
  std::int64_t time_ns = 0;
  bool only_what_is_there = false;  // /proc: making anything fails as if its name could not even be looked up

  Result<Attributes, Errno> attributes(const Caller& caller) override;
  /// Times and truncation are taken and forgotten; EPERM for the rest.
  Result<void, Errno> change(const Caller& caller, const AttributeChange& change) override;
  /// EACCES for a file, EPERM for the rest.
  Result<InodeId, Errno> create(const Caller& caller, std::string_view name, const NewNode& node) override;
  Result<void, Errno> rename(const Caller& caller, std::string_view name, InodeId to_directory,
                             std::string_view to_name, std::uint32_t flags) override;
  Result<std::unique_ptr<File>, Errno> open(const Caller& caller, const Path& path, std::uint32_t flags) override;
};

/// A regular file that is text computed at each read from its beginning, and that may be written as a command.
class TextInode : public PseudoInode {
 public:
  virtual Result<std::string, Errno> text(const Caller& caller) = 0;
  /// One write(2), whole. EINVAL unless overridden.
  virtual Result<void, Errno> store(const Caller& caller, std::string_view text);
  /// Beyond the permission bits: what open(2) checks (ptrace access of /proc/PID files).
  virtual Result<void, Errno> may_open(const Caller& caller, std::uint32_t flags);
  Result<std::unique_ptr<File>, Errno> open(const Caller& caller, const Path& path, std::uint32_t flags) override;
};

/// An open TextInode: what was read first stays the same until it is read from the beginning again.
class TextFile : public File {
 public:
  std::unique_ptr<File> clone() const override { return std::make_unique<TextFile>(*this); }
  Outcome read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) override;
  Outcome write(const Caller& caller, std::span<const char> bytes, const std::uint64_t* offset) override;
  Outcome seek(const Caller& caller, std::int64_t offset, int whence) override;
  std::uint16_t poll(const Caller& caller) override;

 private:
  std::string text_;
  bool loaded_ = false;
};

/// Puts the inode into the kernel's table, as one of that superblock.
InodeId add_inode(Kernel& kernel, SuperblockId superblock, std::unique_ptr<Inode> inode);
/// Puts superblock and root into the kernel, with the root's dentry and a device number.
SuperblockId add_superblock(Kernel& kernel, std::unique_ptr<Superblock> superblock, std::unique_ptr<Inode> root);

/// "a,b=c" as {{"a",""},{"b","c"}}; empty options are left out.
struct MountOption {
  std::string_view name, value;
};
std::vector<MountOption> parse_options(std::string_view data);

}  // namespace drydock::machine
