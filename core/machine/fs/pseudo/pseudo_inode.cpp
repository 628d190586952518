// Inodes and files of the file systems without data.

#include "machine/fs/pseudo/pseudo_inode.h"

#include <algorithm>

#include "machine/vfs/dcache.h"
#include "machine/vfs/regular_file.h"

namespace drydock::machine {

Result<Attributes, Errno> PseudoInode::attributes(const Caller&) {
  Attributes all;
  all.mode = mode;
  all.uid = uid;
  all.gid = gid;
  all.links = links;
  all.size = size;
  all.atime_ns = all.mtime_ns = all.ctime_ns = time_ns;
  all.block_size = abi::is_regular(mode) || abi::is_directory(mode) || abi::is_symlink(mode) ? 1024 : 4096;
  return all;
}

Result<void, Errno> PseudoInode::change(const Caller&, const AttributeChange& change) {
  if (change.permissions || change.uid || change.gid) return Errno::eperm;
  return {};
}

Result<InodeId, Errno> PseudoInode::create(const Caller&, std::string_view, const NewNode& node) {
  if (!abi::is_directory(mode)) return Errno::enotdir;
  if (only_what_is_there) return Errno::enoent;
  return abi::is_regular(node.mode) ? Errno::eacces : Errno::eperm;
}

Result<void, Errno> PseudoInode::rename(const Caller& caller, std::string_view, InodeId to_directory,
                                        std::string_view to_name, std::uint32_t) {
  auto* to = caller.kernel.inodes.find(to_directory);
  if (only_what_is_there && to != nullptr && !to->lookup(caller, to_name).ok()) return Errno::enoent;
  return Errno::eperm;
}

Result<std::unique_ptr<File>, Errno> PseudoInode::open(const Caller&, const Path&, std::uint32_t) {
  if (!abi::is_directory(mode)) return Errno::eio;
  return std::unique_ptr<File>(std::make_unique<DirectoryFile>());
}

Result<void, Errno> TextInode::store(const Caller&, std::string_view) {
  return Errno::einval;
}

Result<void, Errno> TextInode::may_open(const Caller&, std::uint32_t) {
  return {};
}

Result<std::unique_ptr<File>, Errno> TextInode::open(const Caller& caller, const Path&, std::uint32_t flags) {
  TRY(may_open(caller, flags));
  return std::unique_ptr<File>(std::make_unique<TextFile>());
}

Outcome TextFile::read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) {
  const std::uint64_t at = offset != nullptr ? *offset : position;
  if (!loaded_ || at == 0) {
    auto* node = dynamic_cast<TextInode*>(caller.kernel.inodes.find(inode));
    if (node == nullptr) return Errno::eio;
    text_ = TRY(node->text(caller));
    loaded_ = true;
  }
  const std::size_t from = std::min<std::uint64_t>(at, text_.size());
  const std::size_t count = std::min(out.size(), text_.size() - from);
  std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(from), count, out.begin());
  if (offset == nullptr) position += count;
  return static_cast<std::int64_t>(count);
}

Outcome TextFile::write(const Caller& caller, std::span<const char> bytes, const std::uint64_t* offset) {
  auto* node = dynamic_cast<TextInode*>(caller.kernel.inodes.find(inode));
  if (node == nullptr) return Errno::eio;
  if (bytes.size() > kPseudoWriteBytesMax) return Errno::einval;
  TRY(node->store(caller, {bytes.data(), bytes.size()}));
  if (offset == nullptr) position += bytes.size();
  return static_cast<std::int64_t>(bytes.size());
}

Outcome TextFile::seek(const Caller&, std::int64_t offset, int whence) {
  if (whence != abi::seek_set && whence != abi::seek_cur) return Errno::einval;
  return seek_to(*this, offset, whence, 0);
}

std::uint16_t TextFile::poll(const Caller&) {
  return kPollIn | kPollOut | kPollRdNorm | kPollWrNorm;
}

InodeId add_inode(Kernel& kernel, SuperblockId superblock, std::unique_ptr<Inode> inode) {
  inode->superblock = superblock;
  return kernel.inodes.insert(std::move(inode));
}

SuperblockId add_superblock(Kernel& kernel, std::unique_ptr<Superblock> superblock, std::unique_ptr<Inode> root) {
  superblock->device = kernel.take_device();
  const SuperblockId id = kernel.superblocks.insert(std::move(superblock));
  add_root_dentry(kernel, id, add_inode(kernel, id, std::move(root)));
  return id;
}

std::vector<MountOption> parse_options(std::string_view data) {
  std::vector<MountOption> all;
  while (!data.empty()) {
    const std::size_t comma = std::min(data.find(','), data.size());
    const std::string_view option = data.substr(0, comma);
    data.remove_prefix(std::min(comma + 1, data.size()));
    if (option.empty()) continue;
    const std::size_t equals = std::min(option.find('='), option.size());
    all.push_back({option.substr(0, equals), option.substr(std::min(equals + 1, option.size()))});
  }
  return all;
}

}  // namespace drydock::machine
