// The mqueue file system and its queues. The system calls are in syscalls/sys_queue.cpp.

#include "machine/fs/mqueue/mqueue.h"

#include <algorithm>

#include "base/text.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/send_signal.h"
#include "machine/vfs/access.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/garbage.h"

namespace drydock::machine {

namespace {

constexpr std::uint64_t kMqueueMagic = 0x19800202, kQueueFileBytes = 80;
constexpr std::uint64_t kMessagesHardMax = 65536, kMessageBytesHardMax = 16 << 20;

class MqueueSuperblock final : public Superblock {
 public:
  std::unique_ptr<Superblock> clone() const override { return std::make_unique<MqueueSuperblock>(*this); }
  FileSystemUse use(const Caller&) override {
    FileSystemUse all;
    all.magic = kMqueueMagic;
    return all;
  }
  std::string show_options(const Caller&) const override { return ""; }
  Result<void, Errno> remount(const Caller&, std::string_view) override { return {}; }
  IpcNamespaceId space;
  std::uint64_t next_number = 2;
};

class QueueRoot final : public PseudoInode {
 public:
  std::unique_ptr<Inode> clone() const override { return std::make_unique<QueueRoot>(*this); }
  Result<InodeId, Errno> lookup(const Caller&, std::string_view name) override {
    const auto found = queues_.find(name);
    return found != queues_.end() ? Result<InodeId, Errno>(found->second) : Errno::enoent;
  }
  /// creat(2) makes a queue with the namespace's default attributes.
  Result<InodeId, Errno> create(const Caller& caller, std::string_view name, const NewNode& node) override;
  Result<void, Errno> unlink(const Caller& caller, std::string_view name) override;
  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override;
  void mark(Marker& marker) const override {
    for (const auto& [name, queue] : queues_) marker.inode(queue);
  }
  std::uint64_t bytes_of(const Kernel& kernel, std::uint32_t charged_uid) const;
  std::optional<QueueAttributes> next_attributes;  // of the queue that is being created

 private:
  std::map<std::string, InodeId, std::less<>> queues_;
};

IpcNamespace& own_space(const Caller& caller) {
  return caller.kernel.ipc_namespaces[caller.self().namespaces.ipc];
}

/// The caller's namespace's instance, made when it is first asked for. The kernel itself holds a mount of it.
SuperblockId own_queues(const Caller& caller) {
  Kernel& kernel = caller.kernel;
  IpcNamespace& space = own_space(caller);
  if (kernel.superblocks.find(space.message_queues) != nullptr) return space.message_queues;
  auto superblock = std::make_unique<MqueueSuperblock>();
  superblock->type = "mqueue";
  superblock->space = caller.self().namespaces.ipc;
  superblock->user_namespace = space.owner;
  superblock->mounts = 1;
  auto root = std::make_unique<QueueRoot>();
  root->mode = abi::s_ifdir | 01777;
  root->links = 2;
  root->number = 1;
  root->time_ns = kernel.wall_ns();
  root->uid = uid_from(kernel, space.owner, 0).value_or(0);
  root->gid = gid_from(kernel, space.owner, 0).value_or(0);
  const SuperblockId id = add_superblock(kernel, std::move(superblock), std::move(root));
  own_space(caller).message_queues = id;
  return id;
}

QueueRoot& root_of(Kernel& kernel, SuperblockId id) {
  return static_cast<QueueRoot&>(kernel.inodes[kernel.dentries[kernel.superblocks[id].root].inode]);
}

/// What all queues of that user, in all namespaces, are charged.
std::uint64_t charged_to(Kernel& kernel, std::uint32_t uid) {
  std::uint64_t bytes = 0;
  for (const IpcNamespaceId id : kernel.ipc_namespaces.ids()) {
    const SuperblockId queues = kernel.ipc_namespaces[id].message_queues;
    if (kernel.superblocks.find(queues) != nullptr) bytes += root_of(kernel, queues).bytes_of(kernel, uid);
  }
  return bytes;
}

Result<QueueAttributes, Errno> checked(const Caller& caller, const std::optional<QueueAttributes>& wanted) {
  const IpcNamespace& space = own_space(caller);
  if (!wanted)
    return QueueAttributes{std::min(space.messages_max, space.message_default),
                           std::min(space.message_bytes_max, space.message_bytes_default)};
  const bool privileged = capable(caller, cap::sys_resource);
  const std::uint64_t messages = privileged ? kMessagesHardMax : space.messages_max;
  const std::uint64_t bytes = privileged ? kMessageBytesHardMax : space.message_bytes_max;
  if (wanted->messages_max == 0 || wanted->messages_max > messages) return Errno::einval;
  if (wanted->message_bytes_max == 0 || wanted->message_bytes_max > bytes) return Errno::einval;
  return *wanted;
}

std::unique_ptr<QueueInode> new_queue(const Caller& caller, const NewNode& node, const QueueAttributes& attributes) {
  auto queue = std::make_unique<QueueInode>();
  queue->mode = abi::s_ifreg | (node.mode & 0777);
  queue->uid = node.uid;
  queue->gid = node.gid;
  queue->size = kQueueFileBytes;
  queue->time_ns = caller.kernel.wall_ns();
  queue->messages_max = attributes.messages_max;
  queue->message_bytes_max = attributes.message_bytes_max;
  queue->charged_bytes = attributes.messages_max * (attributes.message_bytes_max + kQueueSlotBytes);
  queue->charged_uid = caller.credentials().uid;
  return queue;
}

/// A new queue's inode in the root's table. EMFILE, ENOSPC.
Result<InodeId, Errno> add_new(const Caller& caller, SuperblockId superblock, std::unique_ptr<QueueInode> queue) {
  Kernel& kernel = caller.kernel;
  auto& its = static_cast<MqueueSuperblock&>(kernel.superblocks[superblock]);
  IpcNamespace* space = kernel.ipc_namespaces.find(its.space);
  if (space == nullptr) return Errno::eacces;
  if (space->queues >= space->queues_max && !capable(caller, cap::sys_resource)) return Errno::enospc;
  const std::uint64_t limit = kernel.processes[caller.self().process].limits[kRlimitMessageQueue].soft;
  const std::uint64_t used = charged_to(kernel, queue->charged_uid);
  if (queue->charged_bytes > limit || used > limit - queue->charged_bytes) return Errno::emfile;
  ++space->queues;
  queue->number = its.next_number++;
  return add_inode(kernel, superblock, std::move(queue));
}

Result<InodeId, Errno> QueueRoot::create(const Caller& caller, std::string_view name, const NewNode& node) {
  if (!abi::is_regular(node.mode)) return Errno::eperm;
  const QueueAttributes attributes = TRY(checked(caller, next_attributes));
  const InodeId made = TRY(add_new(caller, superblock, new_queue(caller, node, attributes)));
  queues_[std::string(name)] = made;
  return made;
}

Result<void, Errno> QueueRoot::unlink(const Caller& caller, std::string_view name) {
  const auto found = queues_.find(name);
  if (found == queues_.end()) return Errno::enoent;
  auto& queue = static_cast<QueueInode&>(caller.kernel.inodes[found->second]);
  queue.unlinked = true;
  queue.links = 0;
  const auto& its = static_cast<const MqueueSuperblock&>(caller.kernel.superblocks[superblock]);
  if (IpcNamespace* space = caller.kernel.ipc_namespaces.find(its.space); space != nullptr && space->queues > 0)
    --space->queues;
  queues_.erase(found);
  return {};
}

Result<std::vector<DirectoryItem>, Errno> QueueRoot::list(const Caller& caller, std::uint64_t cookie,
                                                          std::size_t count_max) {
  std::vector<DirectoryItem> items;
  for (const auto& [name, id] : queues_) {
    const std::uint64_t number_of = std::as_const(caller.kernel.inodes)[id].number;
    items.push_back({name, number_of, abi::s_ifreg >> 12, number_of});
  }
  // By number, so that an entry that goes does not move the others.
  const auto earlier = [](const DirectoryItem& a, const DirectoryItem& b) { return a.next_cookie < b.next_cookie; };
  std::sort(items.begin(), items.end(), earlier);
  const auto seen = [cookie](const DirectoryItem& item) { return item.next_cookie <= cookie; };
  items.erase(std::remove_if(items.begin(), items.end(), seen), items.end());
  if (items.size() > count_max) items.resize(count_max);
  return items;
}

std::uint64_t QueueRoot::bytes_of(const Kernel& kernel, std::uint32_t charged_uid) const {
  std::uint64_t bytes = 0;
  for (const auto& [name, id] : queues_) {
    const auto& queue = static_cast<const QueueInode&>(kernel.inodes[id]);
    if (queue.charged_uid == charged_uid) bytes += queue.charged_bytes;
  }
  return bytes;
}

Result<FileId, Errno> open_inode(const Caller& caller, DentryId dentry, std::uint32_t flags) {
  const Path place{MountId{}, dentry};
  const InodeId inode = caller.kernel.dentries[dentry].inode;
  auto file = TRY(inode_of(caller, place).open(caller, place, flags));
  file->flags = flags & (abi::o_accmode | abi::o_nonblock);
  file->path = place;
  file->inode = inode;
  return open_file(caller.kernel, std::move(file));
}

Result<void, Errno> check_name(std::string_view name) {
  if (name.empty()) return Errno::enoent;
  if (name.size() > 255) return Errno::enametoolong;
  if (name == "." || name == ".." || name.find('/') != std::string_view::npos) return Errno::eacces;
  return {};
}

}  // namespace

Result<Attributes, Errno> QueueInode::attributes(const Caller& caller) {
  Attributes all = TRY(PseudoInode::attributes(caller));
  all.block_size = 4096;
  return all;
}

Result<void, Errno> QueueInode::change(const Caller&, const AttributeChange& change) {
  if (change.permissions) mode = (mode & abi::s_ifmt) | *change.permissions;
  uid = change.uid.value_or(uid);
  gid = change.gid.value_or(gid);
  return {};
}

Result<std::unique_ptr<File>, Errno> QueueInode::open(const Caller&, const Path&, std::uint32_t) {
  return std::unique_ptr<File>(std::make_unique<QueueFile>());
}

Outcome QueueFile::read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) {
  const auto* queue = dynamic_cast<const QueueInode*>(std::as_const(caller.kernel.inodes).find(inode));
  if (queue == nullptr) return Errno::eio;
  const auto column = [](std::uint64_t value, std::size_t width) {
    std::string text = concat(value);
    return text.append(width - std::min(width, text.size()), ' ');
  };
  const auto& told = queue->notification;
  const std::string text = concat(
      "QSIZE:", column(queue->bytes, 10), " NOTIFY:", column(told ? static_cast<std::uint64_t>(told->kind) : 0, 5),
      " SIGNO:", column(told && told->kind == 0 ? static_cast<std::uint64_t>(told->signal) : 0, 5),
      " NOTIFY_PID:", column(told ? pid_of(caller, told->process) : 0, 6), "\n");
  const std::size_t from = std::min<std::uint64_t>(offset != nullptr ? *offset : position, text.size());
  const std::size_t count = std::min(out.size(), text.size() - from);
  std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(from), count, out.begin());
  if (offset == nullptr) position += count;
  return static_cast<std::int64_t>(count);
}

void QueueFile::release(Kernel& kernel) {
  auto* queue = dynamic_cast<QueueInode*>(kernel.inodes.find(inode));
  if (queue != nullptr && queue->notification && queue->notification->file == id) queue->notification.reset();
}

std::uint16_t QueueFile::poll(const Caller& caller) {
  const auto* queue = dynamic_cast<const QueueInode*>(std::as_const(caller.kernel.inodes).find(inode));
  if (queue == nullptr) return kPollErr;
  std::uint16_t ready = 0;
  if (!queue->messages.empty()) ready |= kPollIn | kPollRdNorm;
  if (queue->messages.size() < queue->messages_max) ready |= kPollOut | kPollWrNorm;
  return ready;
}

Result<SuperblockId, Errno> mount_mqueue(const Caller& caller, std::string_view, std::uint64_t, std::string_view) {
  if (!capable(caller, cap::sys_admin, own_space(caller).owner)) return Errno::eperm;
  return own_queues(caller);
}

Result<FileId, Errno> open_queue(const Caller& caller, std::string_view name, const QueueRequest& request) {
  Kernel& kernel = caller.kernel;
  TRY(check_name(name));
  if ((request.flags & abi::o_accmode) == 3) return Errno::einval;
  const SuperblockId superblock = own_queues(caller);
  const DentryId directory = kernel.superblocks[superblock].root;
  const auto found = lookup_child(caller, directory, name);
  if (found.ok()) {
    if ((request.flags & abi::o_creat) != 0 && (request.flags & abi::o_excl) != 0) return Errno::eexist;
    const std::uint32_t how = request.flags & abi::o_accmode;
    const int mask = (how != abi::o_wronly ? abi::may_read : 0) | (how != abi::o_rdonly ? abi::may_write : 0);
    TRY(inode_permission(caller, inode_of(caller, found.value()), mask));
    return open_inode(caller, found.value(), request.flags);
  }
  if ((request.flags & abi::o_creat) == 0) return Errno::enoent;
  const FsContext* place = std::as_const(kernel.fs_contexts).find(caller.self().fs);
  NewNode node;
  node.mode = abi::s_ifreg | (request.permissions & 0777 & ~(place != nullptr ? place->umask : 022));
  node.uid = caller.credentials().fsuid;
  node.gid = caller.credentials().fsgid;
  root_of(kernel, superblock).next_attributes = request.attributes;
  const auto made = create_child(caller, directory, name, node);
  root_of(kernel, superblock).next_attributes.reset();
  if (!made.ok()) return made.error();
  return open_inode(caller, made.value(), request.flags);
}

Result<void, Errno> unlink_queue(const Caller& caller, std::string_view name) {
  TRY(check_name(name));
  Kernel& kernel = caller.kernel;
  const DentryId directory = kernel.superblocks[own_queues(caller)].root;
  const DentryId found = TRY(lookup_child(caller, directory, name));
  TRY(may_delete_from(caller, inode_of(caller, directory), inode_of(caller, found)));
  return remove_child(caller, directory, found);
}

void notify(Kernel& kernel, QueueInode& queue) {
  if (!queue.notification) return;
  const QueueNotification told = *queue.notification;
  queue.notification.reset();
  if (told.kind != 0 || kernel.processes.find(told.process) == nullptr) return;
  constexpr int kFromQueue = -3;  // SI_MESGQ
  SignalInfo info = kernel_signal(told.signal);
  info.code = kFromQueue;
  info.value = told.value;
  (void)send_signal(kernel, told.process, info);
}

void release_queues(Kernel& kernel, SuperblockId id) {
  Superblock* superblock = kernel.superblocks.find(id);
  if (superblock != nullptr && --superblock->mounts == 0) kernel.superblocks.erase(id);
}

}  // namespace drydock::machine
