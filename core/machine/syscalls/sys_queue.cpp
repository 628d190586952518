// POSIX message queues: mq_overview(7), mq_open(3), mq_send(3), mq_receive(3), mq_notify(3), mq_getattr(3).
//
// Not modelled: SIGEV_THREAD of mq_notify(3) (EINVAL); receivers that wait are served in the order in which the
// scheduler runs them.

#include <algorithm>
#include <array>
#include <limits>

#include "machine/abi/file.h"
#include "machine/fs/mqueue/mqueue.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/families.h"

namespace drydock::machine {

namespace {

constexpr int kReceiveNumber = 243;
constexpr std::uint64_t kQueueBytesMax = 16 << 20;  // in one queue: ENOMEM
constexpr std::size_t kAttributeBytes = 64, kSigeventBytes = 64, kNameBytesMaxWithNul = 4096;
constexpr std::int64_t kSecondNs = 1'000'000'000;

std::string attribute_bytes(const QueueInode& queue, std::uint32_t flags) {
  return StructWriter()
      .u64(flags & abi::o_nonblock)
      .u64(queue.messages_max)
      .u64(queue.message_bytes_max)
      .u64(queue.messages.size())
      .zeros(32)
      .bytes();
}

/// EBADF: no queue, or not open for that.
Result<QueueInode*, Errno> queue_of(const Call& call, int fd, bool to_read, bool to_write) {
  const File& file = std::as_const(call.kernel.files)[TRY(file_of(call, fd))];
  if (dynamic_cast<const QueueFile*>(&file) == nullptr) return Errno::ebadf;
  if ((to_read && !file.readable()) || (to_write && !file.writable())) return Errno::ebadf;
  return static_cast<QueueInode*>(&call.kernel.inodes[file.inode]);
}

bool is_nonblocking(const Call& call, int fd) {
  auto id = file_of(call, fd);
  return id.ok() && (std::as_const(call.kernel.files)[id.value()].flags & abi::o_nonblock) != 0;
}

/// The absolute CLOCK_REALTIME timeout, as a deadline on the machine's clock. EINVAL, EFAULT.
Result<std::optional<std::uint64_t>, Errno> deadline_of(const Call& call, std::uint64_t address) {
  if (address == 0) return std::optional<std::uint64_t>();
  const auto seconds = static_cast<std::int64_t>(TRY(call.load64(address)));
  const auto rest = static_cast<std::int64_t>(TRY(call.load64(address + 8)));
  if (seconds < 0 || rest < 0 || rest >= kSecondNs) return Errno::einval;
  const std::int64_t capped = std::min(seconds, std::numeric_limits<std::int64_t>::max() / kSecondNs - 1);
  const std::int64_t wall = capped * kSecondNs + rest;
  if (wall <= call.kernel.boot_time_ns) return std::optional<std::uint64_t>(0);
  return std::optional<std::uint64_t>(static_cast<std::uint64_t>(wall - call.kernel.boot_time_ns));
}

Outcome wait_at(const Call& call, const QueueInode& queue, int fd, const std::optional<std::uint64_t>& deadline) {
  if (is_nonblocking(call, fd)) return Errno::eagain;
  if (deadline && call.kernel.now_ns() >= *deadline) return Errno::etimedout;
  return Block{{queue.key()}, deadline, Interruption::restart, std::nullopt};
}

bool somebody_receives(const Kernel& kernel, const QueueInode& queue) {
  const auto range = kernel.sleepers.equal_range(queue.key());
  return std::any_of(range.first, range.second,
                     [&](const auto& sleeper) { return kernel.tasks[sleeper.second].call_number == kReceiveNumber; });
}

// mq_open(2). The name is without its slash. EACCES, EEXIST, EINVAL, EMFILE, ENOENT, ENOSPC.
Outcome sys_mq_open(const Call& call) {
  const std::string name = TRY(call.string(call.address(0), kNameBytesMaxWithNul));
  QueueRequest request;
  request.flags = call.u32(1);
  request.permissions = call.u32(2);
  if ((request.flags & abi::o_creat) != 0 && call.address(3) != 0) {
    std::string bytes(kAttributeBytes, '\0');
    TRY(call.copy_in(call.address(3), bytes));
    const StructReader in(std::move(bytes));
    request.attributes = QueueAttributes{in.u64(8), in.u64(16)};
  }
  const FileId file = TRY(open_queue(call, name, request));
  return std::int64_t{TRY(install_fd(call, file, true))};
}

// mq_unlink(2). EACCES, ENOENT.
Outcome sys_mq_unlink(const Call& call) {
  TRY(unlink_queue(call, TRY(call.string(call.address(0), kNameBytesMaxWithNul))));
  return done();
}

// mq_timedsend(2). EAGAIN, EBADF, EINVAL, EMSGSIZE, ETIMEDOUT.
Outcome sys_mq_timedsend(const Call& call) {
  const std::uint32_t priority = call.u32(3);
  const std::uint64_t bytes = call.u64(2);
  if (priority >= kMessagePrioritiesMax) return Errno::einval;
  const std::optional<std::uint64_t> deadline = TRY(deadline_of(call, call.address(4)));
  QueueInode& queue = *TRY(queue_of(call, call.fd(0), false, true));
  if (bytes > queue.message_bytes_max) return Errno::emsgsize;
  std::string message(bytes, '\0');
  TRY(call.copy_in(call.address(1), message));
  if (queue.messages.size() >= queue.messages_max) return wait_at(call, queue, call.fd(0), deadline);
  // The machine's own limit, for those whom RLIMIT_MSGQUEUE does not hold.
  if (queue.bytes + bytes > kQueueBytesMax) return Errno::enomem;
  const bool was_empty = queue.messages.empty();
  queue.bytes += message.size();
  queue.messages.emplace(priority, std::move(message));
  if (was_empty && !somebody_receives(call.kernel, queue)) notify(call.kernel, queue);
  wake(call.kernel, queue.key());
  return done();
}

// mq_timedreceive(2). EAGAIN, EBADF, EINVAL, EMSGSIZE, ETIMEDOUT.
Outcome sys_mq_timedreceive(const Call& call) {
  const std::optional<std::uint64_t> deadline = TRY(deadline_of(call, call.address(4)));
  QueueInode& queue = *TRY(queue_of(call, call.fd(0), true, false));
  if (call.u64(2) < queue.message_bytes_max) return Errno::emsgsize;
  if (queue.messages.empty()) return wait_at(call, queue, call.fd(0), deadline);
  const auto first = queue.messages.begin();
  const std::uint32_t priority = first->first;
  const std::string message = std::move(first->second);
  queue.bytes -= message.size();
  queue.messages.erase(first);
  wake(call.kernel, queue.key());
  // Linux, too, has taken it off the queue by now: a bad address loses the message.
  if (call.address(3) != 0) TRY(call.store32(call.address(3), priority));
  TRY(call.copy_out(call.address(1), message));
  return static_cast<std::int64_t>(message.size());
}

// mq_notify(2). EBADF, EBUSY, EINVAL.
Outcome sys_mq_notify(const Call& call) {
  constexpr int kSignal = 0, kNone = 1, kThread = 2;
  QueueNotification wanted;
  wanted.process = call.self().process;
  if (call.address(1) != 0) {
    std::string bytes(kSigeventBytes, '\0');
    TRY(call.copy_in(call.address(1), bytes));
    const StructReader in(std::move(bytes));
    wanted.value = in.u64(0);
    wanted.signal = static_cast<int>(in.u32(8));
    wanted.kind = static_cast<int>(in.u32(12));
    if (wanted.kind == kThread) note_unimplemented(call.kernel, call.task, "mq_notify(2) with SIGEV_THREAD");
    if (wanted.kind != kSignal && wanted.kind != kNone) return Errno::einval;
    if (wanted.kind == kSignal && (wanted.signal < 1 || wanted.signal > kSignalMax)) return Errno::einval;
  }
  QueueInode& queue = *TRY(queue_of(call, call.fd(0), false, false));
  wanted.file = TRY(file_of(call, call.fd(0)));
  if (call.address(1) == 0) {
    if (queue.notification && queue.notification->process == wanted.process) queue.notification.reset();
    return done();
  }
  const bool taken = queue.notification && call.kernel.processes.find(queue.notification->process) != nullptr;
  if (taken) return Errno::ebusy;
  queue.notification = wanted;
  return done();
}

// mq_getsetattr(2). EBADF, EINVAL.
Outcome sys_mq_getsetattr(const Call& call) {
  std::uint64_t flags = 0;
  if (call.address(1) != 0) {
    flags = TRY(call.load64(call.address(1)));
    if ((flags & ~std::uint64_t{abi::o_nonblock}) != 0) return Errno::einval;
  }
  const QueueInode& queue = *TRY(queue_of(call, call.fd(0), false, false));
  File& file = call.kernel.files[TRY(file_of(call, call.fd(0)))];
  const std::string before = attribute_bytes(queue, file.flags);
  if (call.address(1) != 0) file.flags = (file.flags & ~abi::o_nonblock) | static_cast<std::uint32_t>(flags);
  if (call.address(2) != 0) TRY(call.copy_out(call.address(2), before));
  return done();
}

}  // namespace

std::span<const SyscallRow> queue_calls() {
  static constexpr std::array<SyscallRow, 6> kRows{{
      {240,
       "mq_open",
       sys_mq_open,
       {Arg::string, Arg::open_flags, Arg::octal_mode, Arg::address},
       "mq_open(2)",
       Support::full,
       ""},
      {241, "mq_unlink", sys_mq_unlink, {Arg::string}, "mq_unlink(2)", Support::full, ""},
      {242,
       "mq_timedsend",
       sys_mq_timedsend,
       {Arg::fd, Arg::buffer_in, Arg::size, Arg::u32, Arg::timespec},
       "mq_timedsend(2)",
       Support::full,
       ""},
      {243,
       "mq_timedreceive",
       sys_mq_timedreceive,
       {Arg::fd, Arg::buffer_out, Arg::size, Arg::address, Arg::timespec},
       "mq_timedreceive(2)",
       Support::full,
       ""},
      {244, "mq_notify", sys_mq_notify, {Arg::fd, Arg::address}, "mq_notify(2)", Support::partial, "no SIGEV_THREAD"},
      {245,
       "mq_getsetattr",
       sys_mq_getsetattr,
       {Arg::fd, Arg::address, Arg::address},
       "mq_getsetattr(2)",
       Support::full,
       ""},
  }};
  return kRows;
}

}  // namespace drydock::machine
