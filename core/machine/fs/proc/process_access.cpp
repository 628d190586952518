// Who may look into a process: ptrace(2), "Ptrace access mode checking"; proc(5).

#include "machine/abi/file.h"
#include "machine/fs/proc/process_view.h"
#include "machine/kernel/capabilities.h"

namespace drydock::machine {

namespace {

constexpr std::uint32_t kDumpableUser = 1;  // SUID_DUMP_USER

}  // namespace

bool is_dumpable(const Kernel& kernel, const Task& task) {
  const AddressSpace* memory = kernel.memories.find(task.memory);
  return memory == nullptr || memory->dumpable == kDumpableUser;
}

Result<void, Errno> may_inspect(const Caller& caller, TaskId target_id) {
  const Kernel& kernel = caller.kernel;
  const Task* target = kernel.tasks.find(target_id);
  if (target == nullptr) return Errno::esrch;
  if (target->process == caller.self().process) return {};
  const Credentials& who = caller.credentials();
  const Credentials& whom = target->credentials;
  const bool privileged = capable(caller, cap::sys_ptrace, whom.user_namespace);
  const bool same_ids = who.fsuid == whom.euid && who.fsuid == whom.suid && who.fsuid == whom.uid &&
                        who.fsgid == whom.egid && who.fsgid == whom.sgid && who.fsgid == whom.gid;
  const bool no_more_capable = who.user_namespace == whom.user_namespace && (whom.permitted & ~who.effective) == 0;
  if (privileged || (same_ids && no_more_capable && is_dumpable(kernel, *target))) return {};
  return Errno::eacces;
}

void show_owner(const Kernel& kernel, const ProcessView& view, Attributes& attributes) {
  const Task* task = kernel.tasks.find(view.task);
  if (task == nullptr) return;
  attributes.uid = task->credentials.euid;
  attributes.gid = task->credentials.egid;
  if (attributes.mode == (abi::s_ifdir | 0555) || is_dumpable(kernel, *task)) return;
  const UserNamespaceId space = task->credentials.user_namespace;
  attributes.uid = uid_from(kernel, space, 0).value_or(0);
  attributes.gid = gid_from(kernel, space, 0).value_or(0);
}

std::uint64_t process_inode_number(const ProcessView& view, std::uint32_t part) {
  return (std::uint64_t{view.task.value} << 20) + (view.is_thread ? 0x80000 : 0) + 0x1000 + part;
}

Result<Attributes, Errno> ProcessInode::attributes(const Caller& caller) {
  Attributes all = TRY(PseudoInode::attributes(caller));
  show_owner(caller.kernel, view_, all);
  const Task* task = std::as_const(caller.kernel).tasks.find(view_.task);
  if (task != nullptr)
    all.atime_ns = all.mtime_ns = all.ctime_ns = caller.kernel.boot_time_ns + static_cast<std::int64_t>(task->start_ns);
  return all;
}

bool ProcessInode::still_valid(const Caller& caller) const {
  return std::as_const(caller.kernel).tasks.find(view_.task) != nullptr;
}

}  // namespace drydock::machine
