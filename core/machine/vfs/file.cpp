// Open file descriptions and descriptor tables. open(2), close(2), dup(2).

#include "machine/vfs/file.h"

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/kernel/kernel.h"
#include "machine/vfs/locks.h"

namespace drydock::machine {
namespace {

/// Counts the file as one that has its inode open, or no longer.
void count_open(Kernel& kernel, const File& file, bool opened) {
  Inode* inode = kernel.inodes.find(file.inode);
  if (inode == nullptr || (file.flags & abi::o_path) != 0) return;
  const auto count = [&](std::uint32_t& counter) { counter += opened ? 1U : ~std::uint32_t{0}; };
  count(inode->opens);
  if ((file.flags & abi::o_exec_internal) != 0)
    count(inode->executors);
  else if (file.writable())
    count(inode->writers);
}

/// The data of a file without names goes with the last who has it open.
void forget_data_if_unused(Kernel& kernel, InodeId id) {
  Inode* inode = kernel.inodes.find(id);
  if (inode == nullptr || inode->opens > 0) return;
  if (inode->is_nameless()) inode->forget_data(kernel);
}

}  // namespace

Outcome File::read(const Caller&, std::span<char>, const std::uint64_t*) {
  return Errno::einval;
}
Outcome File::write(const Caller&, std::span<const char>, const std::uint64_t*) {
  return Errno::einval;
}
Outcome File::seek(const Caller&, std::int64_t, int) {
  return Errno::espipe;
}
Outcome File::ioctl(const Caller&, std::uint64_t, std::uint64_t) {
  return Errno::enotty;
}
std::uint16_t File::poll(const Caller&) {
  return kPollIn | kPollOut | kPollRdNorm | kPollWrNorm;
}

FileId open_file(Kernel& kernel, std::unique_ptr<File> file) {
  const FileId id = kernel.files.insert(std::move(file));
  File& opened = kernel.files[id];
  opened.id = id;
  opened.refs = 1;
  count_open(kernel, opened, true);
  return id;
}

void get_file(Kernel& kernel, FileId file) {
  ++kernel.files[file].refs;
}

void put_file(Kernel& kernel, FileId id) {
  File* file = kernel.files.find(id);
  if (file == nullptr || --file->refs > 0) return;
  const InodeId inode = file->inode;
  drop_locks(kernel, inode, LockKind::ofd, id.value);
  drop_locks(kernel, inode, LockKind::flock, id.value);
  file->release(kernel);
  count_open(kernel, kernel.files[id], false);
  kernel.files.erase(id);
  forget_data_if_unused(kernel, inode);
}

Result<FileId, Errno> file_of(const Caller& caller, int fd) {
  const FdTable* table = std::as_const(caller.kernel.fd_tables).find(caller.self().fds);
  if (table == nullptr || fd < 0 || static_cast<std::size_t>(fd) >= table->entries.size()) return Errno::ebadf;
  const FileId file = table->entries[static_cast<std::size_t>(fd)].file;
  if (!file) return Errno::ebadf;
  return file;
}

Result<int, Errno> install_fd(const Caller& caller, FileId file, bool close_on_exec, int lowest) {
  Kernel& kernel = caller.kernel;
  FdTable& table = kernel.fd_tables[caller.self().fds];
  const std::uint64_t limit = kernel.processes[caller.self().process].limits[kRlimitFiles].soft;
  auto at = static_cast<std::size_t>(std::max(lowest, 0));
  while (at < table.entries.size() && table.entries[at].file) ++at;
  if (at >= limit || at >= kernel.limits.open_files_max) {
    put_file(kernel, file);
    return Errno::emfile;
  }
  if (at >= table.entries.size()) table.entries.resize(at + 1);
  table.entries[at] = FdEntry{file, close_on_exec};
  return static_cast<int>(at);
}

Result<void, Errno> close_fd(const Caller& caller, int fd) {
  const FileId file = TRY(file_of(caller, fd));
  Kernel& kernel = caller.kernel;
  FdTable& table = kernel.fd_tables[caller.self().fds];
  table.entries[static_cast<std::size_t>(fd)] = FdEntry{};
  // fcntl(2): closing any descriptor of a file gives up the process's locks on it.
  drop_locks(kernel, kernel.files[file].inode, LockKind::posix, caller.self().fds.value);
  put_file(kernel, file);
  return {};
}

FdTableId copy_fd_table(Kernel& kernel, FdTableId from) {
  auto copy = std::make_unique<FdTable>(kernel.fd_tables[from]);
  copy->users = 1;
  for (const FdEntry& entry : copy->entries)
    if (entry.file) get_file(kernel, entry.file);
  return kernel.fd_tables.insert(std::move(copy));
}

void release_fd_table(Kernel& kernel, FdTableId id) {
  FdTable* table = kernel.fd_tables.find(id);
  if (table == nullptr || --table->users > 0) return;
  const std::vector<FdEntry> entries = std::move(table->entries);
  kernel.fd_tables.erase(id);
  for (const FdEntry& entry : entries) {
    if (!entry.file) continue;
    drop_locks(kernel, kernel.files[entry.file].inode, LockKind::posix, id.value);
    put_file(kernel, entry.file);
  }
}

void close_on_exec(const Caller& caller) {
  const std::size_t count = caller.kernel.fd_tables[caller.self().fds].entries.size();
  for (std::size_t fd = 0; fd < count; ++fd)
    if (caller.kernel.fd_tables[caller.self().fds].entries[fd].close_on_exec)
      (void)close_fd(caller, static_cast<int>(fd));
}

}  // namespace drydock::machine
