// The magic links of /proc/PID: exe, cwd, root, fd/N, ns/NAME, and the directories fd, fdinfo and ns. proc(5).

#include <array>

#include "base/text.h"
#include "machine/fs/nsfs/nsfs.h"
#include "machine/fs/proc/process_view.h"
#include "machine/kernel/capabilities.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/path_text.h"
#include "machine/vfs/walk.h"

namespace drydock::machine {

namespace {

/// As the caller's root shows it.
std::string text_of(const Caller& caller, const Path& path) {
  const FsContext* place = std::as_const(caller.kernel).fs_contexts.find(caller.self().fs);
  return link_text(caller.kernel, path, place != nullptr ? place->root : Path{});
}

/// exe, cwd, root.
class PlaceLink final : public ProcessInode {
 public:
  enum class Which : std::uint8_t { executable, cwd, root };
  PlaceLink(const ProcessView& view, Which which) : ProcessInode(view), which_(which) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<PlaceLink>(*this); }

  Result<std::string, Errno> readlink(const Caller& caller) override { return text_of(caller, TRY(place(caller))); }
  std::optional<Result<Path, Errno>> follow(const Caller& caller) override { return place(caller); }

 private:
  Result<Path, Errno> place(const Caller& caller) const {
    TRY(may_inspect(caller, view_.task));
    const Kernel& kernel = caller.kernel;
    const Task* task = kernel.tasks.find(view_.task);
    if (task == nullptr) return Errno::enoent;
    if (which_ == Which::executable) {
      const AddressSpace* memory = kernel.memories.find(task->memory);
      const File* file = memory != nullptr ? kernel.files.find(memory->executable_file) : nullptr;
      if (file == nullptr || !file->path) return Errno::enoent;
      return file->path;
    }
    const FsContext* context = kernel.fs_contexts.find(task->fs);
    if (context == nullptr) return Errno::enoent;
    return which_ == Which::cwd ? context->cwd : context->root;
  }
  Which which_;
};

/// The task's open file of that number; null when there is none (any more).
const File* file_at(const Kernel& kernel, TaskId id, std::uint64_t fd) {
  const Task* task = kernel.tasks.find(id);
  const FdTable* table = task != nullptr ? kernel.fd_tables.find(task->fds) : nullptr;
  if (table == nullptr || fd >= table->entries.size()) return nullptr;
  return kernel.files.find(table->entries[fd].file);
}

std::optional<std::uint64_t> number_named(std::string_view name) {
  const auto number = parse_u64(name);
  if (!number || concat(*number) != name) return std::nullopt;
  return number;
}

constexpr std::uint32_t kFdPart = 0x1000, kFdinfoPart = 0x40000, kNsPart = 0x200;

class FdLink final : public ProcessInode {
 public:
  FdLink(const ProcessView& view, std::uint64_t fd) : ProcessInode(view), fd_(fd) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<FdLink>(*this); }
  Result<Attributes, Errno> attributes(const Caller& caller) override {
    Attributes all = TRY(ProcessInode::attributes(caller));
    all.size = 64;
    if (const File* file = file_at(caller.kernel, view_.task, fd_); file != nullptr) {
      const bool path_only = (file->flags & abi::o_path) != 0;
      all.mode =
          abi::s_iflnk | (path_only || file->readable() ? 0500 : 0) | (!path_only && file->writable() ? 0300 : 0);
      if (path_only) all.mode = abi::s_iflnk;
    }
    return all;
  }
  bool still_valid(const Caller& caller) const override { return file_at(caller.kernel, view_.task, fd_) != nullptr; }
  Result<std::string, Errno> readlink(const Caller& caller) override { return text_of(caller, TRY(place(caller))); }
  std::optional<Result<Path, Errno>> follow(const Caller& caller) override { return place(caller); }

 private:
  Result<Path, Errno> place(const Caller& caller) const {
    TRY(may_inspect(caller, view_.task));
    const File* file = file_at(caller.kernel, view_.task, fd_);
    if (file == nullptr) return Errno::enoent;
    return path_of_file(caller.kernel, file->id);
  }
  std::uint64_t fd_;
};

class FdInfoFile final : public TextInode {
 public:
  FdInfoFile(const ProcessView& view, std::uint64_t fd) : view_(view), fd_(fd) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<FdInfoFile>(*this); }
  Result<Attributes, Errno> attributes(const Caller& caller) override {
    Attributes all = TRY(PseudoInode::attributes(caller));
    show_owner(caller.kernel, view_, all);
    return all;
  }
  bool still_valid(const Caller& caller) const override { return file_at(caller.kernel, view_.task, fd_) != nullptr; }
  Result<void, Errno> may_open(const Caller& caller, std::uint32_t) override { return may_inspect(caller, view_.task); }
  Result<std::string, Errno> text(const Caller& caller) override {
    const Kernel& kernel = caller.kernel;
    const File* file = file_at(kernel, view_.task, fd_);
    if (file == nullptr) return Errno::enoent;
    const bool closes = kernel.fd_tables[kernel.tasks[view_.task].fds].entries[fd_].close_on_exec;
    std::string octal;
    std::uint32_t flags = (file->flags & ~abi::o_cloexec) | (closes ? abi::o_cloexec : 0);
    if (file->path.mount) flags |= abi::o_largefile;  // openat(2) sets it for 64-bit programs
    for (; flags != 0; flags >>= 3) octal.insert(octal.begin(), static_cast<char>('0' + (flags & 7)));
    const MountPoint* mount = kernel.mounts.find(file->path.mount);
    const Inode* inode = kernel.inodes.find(file->inode);
    return concat("pos:\t", file->position, "\nflags:\t0", octal, "\nmnt_id:\t", mount != nullptr ? mount->number : 15u,
                  "\nino:\t", inode != nullptr ? inode->number : 0, "\n");
  }

 private:
  ProcessView view_;
  std::uint64_t fd_;
};

/// fd/ and fdinfo/.
class FdDirectory final : public ProcessInode {
 public:
  FdDirectory(const ProcessView& view, bool info) : ProcessInode(view), info_(info) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<FdDirectory>(*this); }

  /// A process may always look at its own, whatever it has become.
  std::optional<Result<void, Errno>> own_permission(const Caller& caller, int) override {
    if (caller.self().process == view_.process) return Result<void, Errno>();
    if (info_) return may_inspect(caller, view_.task);
    return std::nullopt;
  }
  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override {
    const auto fd = number_named(name);
    if (!fd || file_at(caller.kernel, view_.task, *fd) == nullptr) return Errno::enoent;
    std::unique_ptr<PseudoInode> node;
    if (info_)
      node = std::make_unique<FdInfoFile>(view_, *fd);
    else
      node = std::make_unique<FdLink>(view_, *fd);
    node->mode = info_ ? abi::s_ifreg | 0444 : abi::s_iflnk | 0700;
    node->number = process_inode_number(view_, (info_ ? kFdinfoPart : kFdPart) + static_cast<std::uint32_t>(*fd));
    node->time_ns = caller.kernel.boot_time_ns;
    return add_inode(caller.kernel, superblock, std::move(node));
  }
  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override {
    const Task* task = std::as_const(caller.kernel).tasks.find(view_.task);
    if (task == nullptr) return Errno::enoent;
    std::vector<DirectoryItem> items;
    const FdTable* table = std::as_const(caller.kernel).fd_tables.find(task->fds);
    for (std::size_t fd = cookie; table != nullptr && fd < table->entries.size() && items.size() < count_max; ++fd)
      if (table->entries[fd].file)
        items.push_back({concat(fd),
                         process_inode_number(view_, (info_ ? kFdinfoPart : kFdPart) + static_cast<std::uint32_t>(fd)),
                         static_cast<std::uint8_t>((info_ ? abi::s_ifreg : abi::s_iflnk) >> 12), fd + 1});
    return items;
  }

 private:
  bool info_;
};

struct NsName {
  std::string_view name;
  NamespaceKind kind;
  bool for_children;
};
constexpr std::array<NsName, 10> kNamespaces{{
    {"net", NamespaceKind::net, false},
    {"uts", NamespaceKind::uts, false},
    {"ipc", NamespaceKind::ipc, false},
    {"pid", NamespaceKind::pid, false},
    {"pid_for_children", NamespaceKind::pid, true},
    {"user", NamespaceKind::user, false},
    {"mnt", NamespaceKind::mnt, false},
    {"cgroup", NamespaceKind::cgroup, false},
    {"time", NamespaceKind::time, false},
    {"time_for_children", NamespaceKind::time, true},
}};

class NsLink final : public ProcessInode {
 public:
  NsLink(const ProcessView& view, const NsName& which) : ProcessInode(view), which_(&which) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<NsLink>(*this); }
  Result<std::string, Errno> readlink(const Caller& caller) override {
    return namespace_link_text(caller.kernel, TRY(target(caller)));
  }
  std::optional<Result<Path, Errno>> follow(const Caller& caller) override {
    auto which = target(caller);
    if (!which.ok()) return Result<Path, Errno>(which.error());
    return Result<Path, Errno>(namespace_path(caller.kernel, which.value()));
  }

 private:
  Result<NamespaceRef, Errno> target(const Caller& caller) const {
    TRY(may_inspect(caller, view_.task));
    const NamespaceRef found =
        namespace_of(caller.kernel, std::as_const(caller.kernel).tasks[view_.task], which_->kind, which_->for_children);
    if (found.id == 0) return Errno::enoent;  // a zombie has left them
    // A pid namespace that was made for children is none yet before the first of them.
    if (which_->for_children && found.kind == NamespaceKind::pid &&
        !std::as_const(caller.kernel.pid_namespaces)[PidNamespaceId{found.id}].init)
      return Errno::enoent;
    return found;
  }
  const NsName* which_;
};

class NsDirectory final : public ProcessInode {
 public:
  using ProcessInode::ProcessInode;
  std::unique_ptr<Inode> clone() const override { return std::make_unique<NsDirectory>(*this); }
  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override {
    for (std::size_t at = 0; at < kNamespaces.size(); ++at) {
      if (kNamespaces[at].name != name || !still_valid(caller)) continue;
      auto node = std::make_unique<NsLink>(view_, kNamespaces[at]);
      node->mode = abi::s_iflnk | 0777;
      node->number = process_inode_number(view_, kNsPart + static_cast<std::uint32_t>(at));
      node->time_ns = caller.kernel.boot_time_ns;
      return add_inode(caller.kernel, superblock, std::move(node));
    }
    return Errno::enoent;
  }
  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override {
    TRY(may_inspect(caller, view_.task));
    std::vector<DirectoryItem> items;
    for (std::size_t at = cookie; at < kNamespaces.size() && items.size() < count_max; ++at)
      items.push_back({std::string(kNamespaces[at].name),
                       process_inode_number(view_, kNsPart + static_cast<std::uint32_t>(at)), abi::s_iflnk >> 12,
                       at + 1});
    return items;
  }
};

}  // namespace

std::unique_ptr<PseudoInode> make_exe_link(const Caller&, const ProcessView& view) {
  return std::make_unique<PlaceLink>(view, PlaceLink::Which::executable);
}
std::unique_ptr<PseudoInode> make_cwd_link(const Caller&, const ProcessView& view) {
  return std::make_unique<PlaceLink>(view, PlaceLink::Which::cwd);
}
std::unique_ptr<PseudoInode> make_root_link(const Caller&, const ProcessView& view) {
  return std::make_unique<PlaceLink>(view, PlaceLink::Which::root);
}
std::unique_ptr<PseudoInode> make_fd_directory(const Caller&, const ProcessView& view) {
  return std::make_unique<FdDirectory>(view, false);
}
std::unique_ptr<PseudoInode> make_fdinfo_directory(const Caller&, const ProcessView& view) {
  return std::make_unique<FdDirectory>(view, true);
}
std::unique_ptr<PseudoInode> make_ns_directory(const Caller&, const ProcessView& view) {
  return std::make_unique<NsDirectory>(view);
}

}  // namespace drydock::machine
