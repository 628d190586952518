#pragma once
// POSIX message queues: mq_overview(7). A file system per ipc namespace; a queue is a file in it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "machine/fs/pseudo/pseudo_inode.h"
#include "machine/kernel/kernel.h"

namespace drydock::machine {

inline constexpr std::uint32_t kMessagePrioritiesMax = 32768;
/// Of RLIMIT_MSGQUEUE: what each message that a queue can hold costs beyond its bytes.
inline constexpr std::uint64_t kQueueSlotBytes = 96;

/// mq_notify(3): who is told when a message arrives in an empty queue that nobody waits at.
struct QueueNotification {
  ProcessId process;
  FileId file;   // by which it was asked for: it ends with it
  int kind = 0;  // SIGEV_SIGNAL 0, SIGEV_NONE 1
  int signal = 0;
  std::uint64_t value = 0;
};

class QueueInode final : public PseudoInode {
 public:
  std::uint64_t messages_max = 10, message_bytes_max = 8192;
  // Highest priority first, of one priority the oldest first.
  std::multimap<std::uint32_t, std::string, std::greater<>> messages;
  std::uint64_t bytes = 0;
  std::optional<QueueNotification> notification;
  bool unlinked = false;
  std::uint64_t charged_bytes = 0;  // against the RLIMIT_MSGQUEUE of charged_uid
  std::uint32_t charged_uid = 0;

  std::unique_ptr<Inode> clone() const override { return std::make_unique<QueueInode>(*this); }
  Result<Attributes, Errno> attributes(const Caller& caller) override;
  Result<void, Errno> change(const Caller& caller, const AttributeChange& change) override;
  Result<std::unique_ptr<File>, Errno> open(const Caller& caller, const Path& path, std::uint32_t flags) override;
  bool is_nameless() const override { return unlinked; }
  void forget_data(Kernel&) override { messages.clear(); }
  WaitKey key() const { return {WaitKind::queue, id.value}; }
};

/// An open queue. read(2) gives its state as text: "QSIZE:129 NOTIFY:2 SIGNO:0 NOTIFY_PID:8260".
class QueueFile final : public File {
 public:
  std::unique_ptr<File> clone() const override { return std::make_unique<QueueFile>(*this); }
  Outcome read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) override;
  void release(Kernel& kernel) override;
  std::uint16_t poll(const Caller& caller) override;
  WaitKey wait_key() const override { return {WaitKind::queue, inode.value}; }
};

/// mount(2) of "mqueue": the one of the caller's ipc namespace.
Result<SuperblockId, Errno> mount_mqueue(const Caller& caller, std::string_view source, std::uint64_t flags,
                                         std::string_view data);

struct QueueAttributes {
  std::uint64_t messages_max = 0, message_bytes_max = 0;
};
struct QueueRequest {
  std::uint32_t flags = 0;  // abi::o_*
  std::uint32_t permissions = 0;
  std::optional<QueueAttributes> attributes;  // of a new queue; none: the namespace's defaults
};
/// mq_open(3): a file with one reference, the caller's. ENOENT, EEXIST, EACCES, EINVAL, ENOSPC (queues_max), EMFILE
/// (RLIMIT_MSGQUEUE).
Result<FileId, Errno> open_queue(const Caller& caller, std::string_view name, const QueueRequest& request);
/// ENOENT, EACCES.
Result<void, Errno> unlink_queue(const Caller& caller, std::string_view name);
/// Tells who asked for it that a message has come, once.
void notify(Kernel& kernel, QueueInode& queue);
/// The ipc namespace is gone: its queues go with the last mount.
void release_queues(Kernel& kernel, SuperblockId superblock);

}  // namespace drydock::machine
