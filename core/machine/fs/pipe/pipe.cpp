// pipe(7). Not modelled: splice(2) and its kin, F_NOTIFICATION.

#include "machine/fs/pipe/pipe.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "machine/abi/file.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/send_signal.h"
#include "machine/syscalls/call.h"

namespace drydock::machine {
namespace {

constexpr std::size_t kAtomicBytes = 4096;  // PIPE_BUF

PipeBuffer& buffer_of(Inode& inode) {
  if (!inode.pipe) inode.pipe = Shared<PipeBuffer>(std::make_unique<PipeBuffer>());
  return inode.pipe.edit();
}

WaitKey key_of(InodeId inode) {
  return {WaitKind::inode, inode.value};
}

/// The pages of pipes are of the machine's memory: they are counted with those of files.
void account(Kernel& kernel, std::size_t slots_before, std::size_t slots_now) {
  if (slots_now >= slots_before)
    kernel.file_pages += slots_now - slots_before;
  else
    kernel.file_pages -= std::min<std::uint64_t>(kernel.file_pages, slots_before - slots_now);
}

/// Into the last slot, when all of it has room there: only so does Linux merge.
bool merge(PipeBuffer& buffer, std::span<const char> bytes) {
  if (buffer.slots.empty()) return false;
  PipeSlot& last = buffer.slots.back();
  if (last.packet || last.bytes.size() + bytes.size() > kPageBytes) return false;
  last.bytes.append(bytes.data(), bytes.size());
  return true;
}

/// What can be put in now; the bytes taken.
std::size_t put(PipeBuffer& buffer, std::span<const char> bytes, bool packet) {
  std::size_t done = 0;
  // The odd part that is less than a page goes first, if the last slot takes it.
  const std::size_t odd = bytes.size() % kPageBytes;
  if (!packet && odd != 0 && merge(buffer, bytes.first(odd))) done = odd;
  while (done < bytes.size() && !buffer.full()) {
    const std::size_t step = std::min<std::size_t>(bytes.size() - done, kPageBytes);
    buffer.slots.push_back({std::string(bytes.data() + done, step), 0, packet});
    done += step;
  }
  return done;
}

std::size_t take(PipeBuffer& buffer, std::span<char> out) {
  std::size_t done = 0;
  std::size_t used_up = 0;
  for (PipeSlot& slot : buffer.slots) {
    if (done == out.size()) break;
    const std::size_t step = std::min(out.size() - done, slot.bytes.size() - slot.taken);
    std::memcpy(out.data() + done, slot.bytes.data() + slot.taken, step);
    done += step;
    slot.taken += static_cast<std::uint32_t>(step);
    if (slot.taken < slot.bytes.size() && !slot.packet) break;
    ++used_up;
    if (slot.packet) break;  // one packet for one read
  }
  buffer.slots.erase(buffer.slots.begin(), buffer.slots.begin() + static_cast<std::ptrdiff_t>(used_up));
  return done;
}

bool reads(std::uint32_t flags) {
  return (flags & abi::o_accmode) != abi::o_wronly;
}
bool writes(std::uint32_t flags) {
  return (flags & abi::o_accmode) != abi::o_rdonly;
}

// What a task that waits in open(2) of a FIFO has in RestartState::scratch: the inode, the side, what has to be
// exceeded, and this.
constexpr std::uint64_t kOpeningFifo = 0xf1f0'09e7;

/// Does a task stand in an open(2) of that FIFO that has begun? It is there already as far as the other side is
/// concerned, though it may not have run again since it was woken.
bool somebody_opens(const Kernel& kernel, InodeId inode, bool as_reader) {
  for (const TaskId id : kernel.tasks.ids()) {
    const RestartState& state = kernel.tasks[id].restart;
    if (state.scratch[3] == kOpeningFifo && state.scratch[0] == inode.value &&
        state.scratch[1] == (as_reader ? 1U : 2U))
      return true;
  }
  return false;
}

bool has_readers(const Kernel& kernel, InodeId inode, const PipeBuffer& buffer) {
  return buffer.readers > 0 || (buffer.readers_opened > 0 && somebody_opens(kernel, inode, true));
}
bool has_writers(const Kernel& kernel, InodeId inode, const PipeBuffer& buffer) {
  return buffer.writers > 0 || (buffer.writers_opened > 0 && somebody_opens(kernel, inode, false));
}

void enter(Kernel& kernel, Inode& inode, std::uint32_t flags) {
  PipeBuffer& buffer = buffer_of(inode);
  if (reads(flags)) {
    ++buffer.readers;
    ++buffer.readers_opened;
  }
  if (writes(flags)) {
    ++buffer.writers;
    ++buffer.writers_opened;
  }
  wake(kernel, key_of(inode.id));
}

std::unique_ptr<PipeFile> end_of(const Inode& inode, std::uint32_t flags) {
  auto file = std::make_unique<PipeFile>();
  file->inode = inode.id;
  file->inode_number = inode.number;
  file->flags = flags;
  return file;
}

}  // namespace

Result<void, Errno> PipeInode::change(const Caller&, const AttributeChange& change) {
  if (change.permissions) all.mode = (all.mode & abi::s_ifmt) | (*change.permissions & 07777);
  if (change.uid) all.uid = *change.uid;
  if (change.gid) all.gid = *change.gid;
  if (change.atime_ns) all.atime_ns = *change.atime_ns;
  if (change.mtime_ns) all.mtime_ns = *change.mtime_ns;
  return {};
}

Result<std::unique_ptr<File>, Errno> PipeInode::open(const Caller& caller, const Path&, std::uint32_t flags) {
  return open_fifo(caller, *this, flags);  // by /proc/PID/fd/N
}

Outcome PipeFile::read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) {
  if (offset != nullptr) return Errno::espipe;
  if (out.empty()) return std::int64_t{0};
  PipeBuffer& buffer = buffer_of(caller.kernel.inodes[inode]);
  if (buffer.empty()) {
    if (!has_writers(caller.kernel, inode, buffer)) return std::int64_t{0};
    if ((flags & abi::o_nonblock) != 0) return Errno::eagain;
    return Outcome::block(key_of(inode));
  }
  const std::size_t slots_before = buffer.slots.size();
  const std::size_t got = take(buffer, out);
  account(caller.kernel, slots_before, buffer.slots.size());
  wake(caller.kernel, key_of(inode));
  return static_cast<std::int64_t>(got);
}

Outcome PipeFile::write(const Caller& caller, std::span<const char> bytes, const std::uint64_t* offset) {
  if (offset != nullptr) return Errno::espipe;
  if (bytes.empty()) return std::int64_t{0};
  Kernel& kernel = caller.kernel;
  PipeBuffer& buffer = buffer_of(kernel.inodes[inode]);
  if (!has_readers(kernel, inode, buffer)) {
    (void)send_signal_to_task(kernel, caller.task, kernel_signal(sig_pipe));
    return Errno::epipe;
  }
  if (kernel.file_pages >= kernel.limits.memory_pages_max) return Errno::enomem;
  const std::size_t slots_before = buffer.slots.size();
  const bool packet = (flags & abi::o_direct) != 0;
  const bool nonblocking = (flags & abi::o_nonblock) != 0;
  if (bytes.size() <= kAtomicBytes) {
    // All of it or nothing.
    if (packet || !merge(buffer, bytes)) {
      if (buffer.full()) return nonblocking ? Outcome(Errno::eagain) : Outcome::block(key_of(inode));
      buffer.slots.push_back({std::string(bytes.data(), bytes.size()), 0, packet});
      account(kernel, slots_before, buffer.slots.size());
    }
    wake(kernel, key_of(inode));
    return static_cast<std::int64_t>(bytes.size());
  }
  const std::size_t put_now = put(buffer, bytes, packet);
  account(kernel, slots_before, buffer.slots.size());
  if (put_now > 0) wake(kernel, key_of(inode));
  if (put_now > 0) return static_cast<std::int64_t>(put_now);  // write(2) goes on with the rest where it may block
  return nonblocking ? Outcome(Errno::eagain) : Outcome::block(key_of(inode));
}

Outcome PipeFile::ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) {
  if (request != abi::fionread) return Errno::enotty;
  const std::uint64_t bytes = buffer_of(caller.kernel.inodes[inode]).bytes();
  TRY(Call{caller, {}}.store32(argument, static_cast<std::uint32_t>(bytes)));
  return done();
}

std::uint16_t PipeFile::poll(const Caller& caller) {
  const PipeBuffer& buffer = buffer_of(caller.kernel.inodes[inode]);
  std::uint16_t ready = 0;
  if (reads(flags)) {
    if (!buffer.empty()) ready |= kPollIn | kPollRdNorm;
    // A FIFO that no writer has opened yet has not been hung up.
    if (buffer.writers == 0 && (!named || buffer.writers_opened > position)) ready |= kPollHup;
  }
  if (writes(flags)) {
    if (!buffer.full()) ready |= kPollOut | kPollWrNorm;
    if (buffer.readers == 0) ready |= kPollErr;
  }
  return ready;
}

std::string PipeFile::nameless_text() const {
  return concat("pipe:[", inode_number, "]");
}

void PipeFile::release(Kernel& kernel) {
  Inode& its = kernel.inodes[inode];
  PipeBuffer& buffer = buffer_of(its);
  if (reads(flags)) --buffer.readers;
  if (writes(flags)) --buffer.writers;
  wake(kernel, key_of(inode));
  // What was written stays for a reader that stands in open(2) still.
  const bool awaited = named && (somebody_opens(kernel, inode, true) || somebody_opens(kernel, inode, false));
  if (buffer.readers > 0 || buffer.writers > 0 || awaited) return;
  account(kernel, buffer.slots.size(), 0);
  its.pipe = Shared<PipeBuffer>();
}

Result<PipeEnds, Errno> open_pipe(const Caller& caller, std::uint32_t flags) {
  Kernel& kernel = caller.kernel;
  auto fresh = std::make_unique<PipeInode>();
  fresh->number = take_inode_number(kernel);
  fresh->all.mode = abi::s_ififo | 0600;
  fresh->all.uid = caller.credentials().fsuid;
  fresh->all.gid = caller.credentials().fsgid;
  fresh->all.atime_ns = fresh->all.mtime_ns = fresh->all.ctime_ns = kernel.wall_ns();
  const InodeId id = add_inode(kernel, std::move(fresh));
  Inode& inode = kernel.inodes[id];
  const std::uint32_t both = flags & (abi::o_nonblock | abi::o_direct);
  enter(kernel, inode, abi::o_rdwr);
  PipeEnds ends;
  ends.read_end = open_file(kernel, end_of(inode, abi::o_rdonly | (both & abi::o_nonblock)));
  ends.write_end = open_file(kernel, end_of(inode, abi::o_wronly | both));
  return ends;
}

Outcome before_open_fifo(const Caller& caller, Inode& inode, std::uint32_t flags) {
  RestartState& state = caller.self().restart;
  PipeBuffer& buffer = buffer_of(inode);
  const bool reader = reads(flags);
  if (reader && writes(flags)) return done();
  const bool others =
      reader ? has_writers(caller.kernel, inode.id, buffer) : has_readers(caller.kernel, inode.id, buffer);
  if ((flags & abi::o_nonblock) != 0) {
    if (!reader && !others) return Errno::enxio;
    return done();
  }
  const std::uint64_t theirs = reader ? buffer.writers_opened : buffer.readers_opened;
  if (state.scratch[3] != kOpeningFifo) {
    if (others) return done();
    // Being there is enough for the other side, which may come and go before this one runs again: fifo(7).
    ++(reader ? buffer.readers_opened : buffer.writers_opened);
    state.scratch = {inode.id.value, reader ? 1U : 2U, theirs, kOpeningFifo};
    wake(caller.kernel, key_of(inode.id));
  } else if (theirs > state.scratch[2]) {
    return done();
  }
  return Outcome::block(key_of(inode.id));
}

Result<std::unique_ptr<File>, Errno> open_fifo(const Caller& caller, Inode& inode, std::uint32_t flags) {
  auto file = end_of(inode, flags);
  file->named = true;
  // How many writers had come before: poll() tells a hang-up from nobody's having been there.
  file->position = inode.pipe ? inode.pipe->writers_opened : 0;
  if (inode.pipe && inode.pipe->writers > 0 && file->position > 0) --file->position;
  enter(caller.kernel, inode, flags);
  return std::unique_ptr<File>(std::move(file));
}

Result<std::uint64_t, Errno> pipe_capacity(const Caller& caller, FileId id) {
  const auto* file = dynamic_cast<const PipeFile*>(&caller.kernel.files[id]);
  if (file == nullptr) return Errno::ebadf;
  return std::uint64_t{buffer_of(caller.kernel.inodes[file->inode]).slots_max} * kPageBytes;
}

Result<std::uint64_t, Errno> set_pipe_capacity(const Caller& caller, FileId id, std::uint64_t bytes) {
  const auto* file = dynamic_cast<const PipeFile*>(&caller.kernel.files[id]);
  if (file == nullptr) return Errno::ebadf;
  if (bytes > std::uint64_t{1} << 31) return Errno::einval;
  std::uint64_t capacity = kPageBytes;
  while (capacity < bytes) capacity *= 2;
  PipeBuffer& buffer = buffer_of(caller.kernel.inodes[file->inode]);
  const bool grows = capacity / kPageBytes > buffer.slots_max;
  if (grows && capacity > kPipeBytesMax && !capable(caller, cap::sys_resource)) return Errno::eperm;
  if (capacity > kPipeBytesMax * 64) return Errno::enomem;
  if (capacity / kPageBytes < buffer.slots.size()) return Errno::ebusy;
  buffer.slots_max = static_cast<std::uint32_t>(capacity / kPageBytes);
  wake(caller.kernel, key_of(file->inode));
  return capacity;
}

}  // namespace drydock::machine
