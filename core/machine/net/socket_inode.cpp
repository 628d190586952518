// sockfs: nameless inodes of sockets. stat(2) shows mode 0777 and the creator's ids, fchmod(2) and fchown(2) change
// them.

#include "machine/net/socket_inode.h"

#include "machine/abi/file.h"

namespace drydock::machine::net {

namespace {

class SocketInode final : public Inode {
 public:
  std::unique_ptr<Inode> clone() const override { return std::make_unique<SocketInode>(*this); }
  Result<Attributes, Errno> attributes(const Caller&) override { return attributes_; }
  Result<void, Errno> change(const Caller&, const AttributeChange& change) override {
    if (change.permissions) attributes_.mode = abi::s_ifsock | *change.permissions;
    if (change.uid) attributes_.uid = *change.uid;
    if (change.gid) attributes_.gid = *change.gid;
    return {};
  }
  Result<std::unique_ptr<File>, Errno> open(const Caller&, const Path&, std::uint32_t) override {
    return Errno::enxio;  // also by way of /proc/PID/fd/N
  }
  Attributes attributes_;
};

class SocketSuperblock final : public Superblock {
 public:
  std::unique_ptr<Superblock> clone() const override { return std::make_unique<SocketSuperblock>(*this); }
  FileSystemUse use(const Caller&) override {
    FileSystemUse use;
    use.magic = 0x534f434b;
    return use;
  }
  std::string show_options(const Caller&) const override { return ""; }
};

}  // namespace

InodeId make_socket_inode(Kernel& kernel, const Credentials& creator) {
  if (!kernel.network.socket_superblock) {
    auto superblock = std::make_unique<SocketSuperblock>();
    superblock->type = "sockfs";
    superblock->device = kernel.take_device();
    superblock->mounts = 1;  // Linux mounts it for itself
    kernel.network.socket_superblock = kernel.superblocks.insert(std::move(superblock));
  }
  auto inode = std::make_unique<SocketInode>();
  inode->superblock = kernel.network.socket_superblock;
  inode->number = take_inode_number(kernel);
  inode->attributes_.mode = abi::s_ifsock | 0777;
  inode->attributes_.uid = creator.fsuid;
  inode->attributes_.gid = creator.fsgid;
  return add_inode(kernel, std::move(inode));
}

}  // namespace drydock::machine::net
