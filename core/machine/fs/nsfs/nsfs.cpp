// nsfs. Every namespace has a superblock of its own here (all with one device number, as Linux shows one), because what
// counts for the namespace's life is whether that is mounted anywhere.

#include "machine/fs/nsfs/nsfs.h"

#include "base/text.h"
#include "machine/abi/file.h"
#include "machine/fs/pseudo/pseudo_inode.h"
#include "machine/kernel/capabilities.h"
#include "machine/syscalls/call.h"
#include "machine/vfs/dcache.h"

namespace drydock::machine {

namespace {

constexpr std::uint64_t kNsfsMagic = 0x6e736673, kNsfsDevice = 4;
constexpr std::uint64_t kGetUserns = 0xb701, kGetParent = 0xb702, kGetNsType = 0xb703, kGetOwnerUid = 0xb704;

class NsfsSuperblock final : public Superblock {
 public:
  explicit NsfsSuperblock(NamespaceRef which) : which_(which) {}
  std::unique_ptr<Superblock> clone() const override { return std::make_unique<NsfsSuperblock>(*this); }
  FileSystemUse use(const Caller&) override {
    FileSystemUse all;
    all.magic = kNsfsMagic;
    return all;
  }
  std::string show_options(const Caller&) const override { return ""; }
  void first_mount(Kernel& kernel) override { get_namespace(kernel, which_); }
  void shut_down(Kernel& kernel) override { put_namespace(kernel, which_); }
  bool is_alive(const Kernel& kernel) const;
  bool shows(NamespaceRef which) const { return which.kind == which_.kind && which.id == which_.id; }

 private:
  NamespaceRef which_;
};

bool NsfsSuperblock::is_alive(const Kernel& kernel) const {
  switch (which_.kind) {
    case NamespaceKind::mnt:
      return kernel.mount_namespaces.find({which_.id}) != nullptr;
    case NamespaceKind::uts:
      return kernel.uts_namespaces.find({which_.id}) != nullptr;
    case NamespaceKind::ipc:
      return kernel.ipc_namespaces.find({which_.id}) != nullptr;
    case NamespaceKind::net:
      return kernel.net_namespaces.find({which_.id}) != nullptr;
    case NamespaceKind::pid:
      return kernel.pid_namespaces.find({which_.id}) != nullptr;
    case NamespaceKind::cgroup:
      return kernel.cgroup_namespaces.find({which_.id}) != nullptr;
    case NamespaceKind::time:
      return kernel.time_namespaces.find({which_.id}) != nullptr;
    case NamespaceKind::user:
      return kernel.user_namespaces.find({which_.id}) != nullptr;
  }
  return false;
}

class NamespaceFile final : public File {
 public:
  explicit NamespaceFile(NamespaceRef which) : which_(which) {}
  std::unique_ptr<File> clone() const override { return std::make_unique<NamespaceFile>(*this); }
  NamespaceRef which() const { return which_; }
  Outcome ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) override;
  void release(Kernel& kernel) override { put_namespace(kernel, which_); }

 private:
  NamespaceRef which_;
};

class NamespaceInode final : public PseudoInode {
 public:
  explicit NamespaceInode(NamespaceRef which) : which_(which) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<NamespaceInode>(*this); }
  Result<std::unique_ptr<File>, Errno> open(const Caller& caller, const Path&, std::uint32_t) override {
    get_namespace(caller.kernel, which_);
    return std::unique_ptr<File>(std::make_unique<NamespaceFile>(which_));
  }

 private:
  NamespaceRef which_;
};

Outcome open_namespace(const Caller& caller, NamespaceRef which) {
  Kernel& kernel = caller.kernel;
  const Path path = namespace_path(kernel, which);
  get_namespace(kernel, which);
  auto file = std::make_unique<NamespaceFile>(which);
  file->path = path;
  file->inode = kernel.dentries[path.dentry].inode;
  return std::int64_t{TRY(install_fd(caller, open_file(kernel, std::move(file)), true))};
}

/// Is `inner` the caller's user namespace or below it?
bool is_below_own(const Caller& caller, UserNamespaceId inner) {
  for (; inner; inner = caller.kernel.user_namespaces[inner].parent)
    if (inner == caller.credentials().user_namespace) return true;
  return false;
}

Outcome open_parent(const Caller& caller, NamespaceRef which) {
  const Kernel& kernel = caller.kernel;
  if (which.kind == NamespaceKind::user) {
    const UserNamespaceId parent = kernel.user_namespaces[UserNamespaceId{which.id}].parent;
    if (!parent || !is_below_own(caller, parent)) return Errno::eperm;
    return open_namespace(caller, {NamespaceKind::user, parent.value});
  }
  if (which.kind != NamespaceKind::pid) return Errno::einval;
  const PidNamespaceId parent = kernel.pid_namespaces[PidNamespaceId{which.id}].parent;
  for (PidNamespaceId at = parent; at; at = kernel.pid_namespaces[at].parent)
    if (at == caller.self().pid_namespace) return open_namespace(caller, {NamespaceKind::pid, parent.value});
  return Errno::eperm;
}

Outcome NamespaceFile::ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) {
  switch (request) {
    case kGetUserns: {
      const UserNamespaceId owner = namespace_owner(caller.kernel, which_);
      if (!owner || !is_below_own(caller, owner)) return Errno::eperm;
      return open_namespace(caller, {NamespaceKind::user, owner.value});
    }
    case kGetParent:
      return open_parent(caller, which_);
    case kGetNsType:
      return static_cast<std::int64_t>(namespace_flag(which_.kind));
    case kGetOwnerUid: {
      if (which_.kind != NamespaceKind::user) return Errno::einval;
      const std::uint32_t owner = caller.kernel.user_namespaces[UserNamespaceId{which_.id}].owner;
      TRY(Call{{caller.kernel, caller.task}, {}}.store32(argument, uid_shown(caller, owner)));
      return done();
    }
    default:
      return Errno::enotty;
  }
}

}  // namespace

std::string namespace_link_text(const Kernel& kernel, NamespaceRef which) {
  return concat(namespace_name(which.kind), ":[", namespace_number(kernel, which), ']');
}

Path namespace_path(Kernel& kernel, NamespaceRef which) {
  for (const SuperblockId id : kernel.superblocks.ids()) {
    const auto* known = dynamic_cast<const NsfsSuperblock*>(std::as_const(kernel.superblocks).find(id));
    if (known == nullptr) continue;
    if (known->shows(which)) return {MountId{}, known->root};
    if (known->mounts == 0 && !known->is_alive(kernel)) kernel.superblocks.erase(id);
  }
  auto superblock = std::make_unique<NsfsSuperblock>(which);
  superblock->type = "nsfs";
  auto inode = std::make_unique<NamespaceInode>(which);
  inode->mode = abi::s_ifreg | 0444;
  inode->number = namespace_number(kernel, which);
  inode->time_ns = kernel.wall_ns();
  const SuperblockId id = add_superblock(kernel, std::move(superblock), std::move(inode));
  Superblock& added = kernel.superblocks[id];
  added.device = kNsfsDevice;
  kernel.dentries[added.root].name = namespace_link_text(kernel, which);
  return {MountId{}, added.root};
}

std::optional<NamespaceRef> namespace_of_file(const Kernel& kernel, FileId file) {
  const auto* opened = dynamic_cast<const NamespaceFile*>(kernel.files.find(file));
  if (opened == nullptr) return std::nullopt;
  return opened->which();
}

}  // namespace drydock::machine
