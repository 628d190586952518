// namespaces(7): unshare(2), setns(2), sethostname(2), setdomainname(2).
// Not modelled: pidfds for setns(2).

#include "machine/fs/nsfs/nsfs.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/create_task.h"
#include "machine/kernel/namespace_set.h"
#include "machine/syscalls/commit_credentials.h"
#include "machine/syscalls/families.h"

namespace drydock::machine {
namespace {

constexpr std::size_t kHostNameMax = 64;

// unshare(2): what goes along with what.
std::uint64_t completed(std::uint64_t flags) {
  if ((flags & clone_flag::newuser) != 0) flags |= clone_flag::thread | clone_flag::fs;
  if ((flags & clone_flag::newns) != 0) flags |= clone_flag::fs;
  if ((flags & clone_flag::vm) != 0) flags |= clone_flag::sighand;
  if ((flags & clone_flag::sighand) != 0) flags |= clone_flag::thread;
  return flags;
}

Result<void, Errno> check_unshare(const Call& call, std::uint64_t flags) {
  constexpr std::uint64_t allowed = clone_flag::namespaces | clone_flag::thread | clone_flag::fs | clone_flag::files |
                                    clone_flag::sighand | clone_flag::vm | clone_flag::sysvsem;
  if ((flags & ~allowed) != 0) return Errno::einval;
  const Task& task = call.self();
  const bool alone = call.kernel.processes[task.process].threads.size() == 1;
  if ((flags & (clone_flag::thread | clone_flag::sighand | clone_flag::vm)) != 0 && !alone) return Errno::einval;
  if ((flags & clone_flag::sighand) != 0 && call.kernel.signal_handlers[task.handlers].users > 1) return Errno::einval;
  const AddressSpace* memory = call.kernel.memories.find(task.memory);
  if ((flags & clone_flag::vm) != 0 && memory != nullptr && memory->users > 1) return Errno::einval;
  return {};
}

void unshare_place(const Call& call) {
  Task& task = call.self();
  if (!task.fs || call.kernel.fs_contexts[task.fs].users == 1) return;
  FsContext own = call.kernel.fs_contexts[task.fs];
  own.users = 1;
  --call.kernel.fs_contexts[task.fs].users;
  task.fs = call.kernel.fs_contexts.emplace(own);
}

void unshare_files(const Call& call) {
  Task& task = call.self();
  if (!task.fds || call.kernel.fd_tables[task.fds].users == 1) return;
  const FdTableId own = copy_fd_table(call.kernel, task.fds);
  --call.kernel.fd_tables[task.fds].users;
  task.fds = own;
}

Outcome sys_unshare(const Call& call) {
  const std::uint64_t flags = completed(call.u64(0));
  TRY(check_unshare(call, flags));
  Kernel& kernel = call.kernel;
  Task& task = call.self();
  Credentials credentials = task.credentials;
  if ((flags & clone_flag::newuser) != 0) credentials = TRY(enter_new_user_namespace(call, task.credentials));
  const UserNamespaceId owner = credentials.user_namespace;
  const std::uint64_t wanted = flags & clone_flag::namespaces & ~clone_flag::newuser;
  get_namespace(kernel, {NamespaceKind::user, owner.value});
  if (wanted != 0 && (credentials.effective & capability_bit(cap::sys_admin)) == 0) {
    put_namespace(kernel, {NamespaceKind::user, owner.value});
    return Errno::eperm;
  }
  if ((flags & clone_flag::fs) != 0) unshare_place(call);
  if ((flags & clone_flag::files) != 0) unshare_files(call);
  FsContext* place = task.fs ? &kernel.fs_contexts[task.fs] : nullptr;
  Result<NamespaceSet, Errno> set = unshared(call, task.namespaces, wanted, owner, place);
  if (!set.ok()) {
    put_namespace(kernel, {NamespaceKind::user, owner.value});
    return set.error();
  }
  get_all(kernel, *set);
  const NamespaceSet before = task.namespaces;
  const UserNamespaceId user_before = task.credentials.user_namespace;
  task.namespaces = *set;
  if ((flags & clone_flag::newuser) != 0) commit_credentials(call, std::move(credentials));
  put_all(kernel, before);
  put_namespace(kernel, {NamespaceKind::user, user_before.value});
  return done();
}

Outcome sys_setns(const Call& call) {
  const FileId file = TRY(file_of(call, call.fd(0)));
  const std::optional<NamespaceRef> which = namespace_of_file(call.kernel, file);
  if (!which) return Errno::einval;
  if (call.i32(1) != 0 && call.u32(1) != namespace_flag(which->kind)) return Errno::einval;
  TRY(join_namespace(call, *which));
  return done();
}

UtsNamespace& uts_of(const Call& call) {
  return call.kernel.uts_namespaces[call.self().namespaces.uts];
}

Result<std::string, Errno> new_name(const Call& call) {
  if (!capable(call, cap::sys_admin, uts_of(call).owner)) return Errno::eperm;
  if (call.i32(1) < 0 || static_cast<std::size_t>(call.i32(1)) > kHostNameMax) return Errno::einval;
  std::string name(static_cast<std::size_t>(call.i32(1)), '\0');
  TRY(call.copy_in(call.address(0), {name.data(), name.size()}));
  return std::string(name.c_str());
}

Outcome sys_sethostname(const Call& call) {
  uts_of(call).nodename = TRY(new_name(call));
  return done();
}

Outcome sys_setdomainname(const Call& call) {
  uts_of(call).domainname = TRY(new_name(call));
  return done();
}

constexpr SyscallRow kRows[] = {
    {170, "sethostname", sys_sethostname, {Arg::buffer_in, Arg::size}, "sethostname(2)", Support::full, ""},
    {171, "setdomainname", sys_setdomainname, {Arg::buffer_in, Arg::size}, "setdomainname(2)", Support::full, ""},
    {272, "unshare", sys_unshare, {Arg::unshare_flags}, "unshare(2)", Support::full, ""},
    {308, "setns", sys_setns, {Arg::fd, Arg::unshare_flags}, "setns(2)", Support::partial, "no pidfds"},
};

}  // namespace

std::span<const SyscallRow> namespace_calls() {
  return kRows;
}

}  // namespace drydock::machine
