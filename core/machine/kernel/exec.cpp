// execve(2): finding the program through its scripts, checking it, and putting it in the place of the old one.
// Order and errnos are those of Linux 6.1 (fs/exec.c). Not modelled: file capabilities, binfmt_misc, 32-bit programs
// (ENOEXEC), core dumps.

#include "machine/kernel/exec.h"

#include <algorithm>
#include <utility>

#include "machine/abi/file.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/cgroup_accounting.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/futex.h"
#include "machine/kernel/schedule.h"
#include "machine/kernel/send_signal.h"
#include "machine/kernel/signal_actions.h"
#include "machine/kernel/tracer.h"
#include "machine/loader/initial_stack.h"
#include "machine/loader/load_elf.h"
#include "machine/loader/script.h"
#include "machine/mm/kernel_pages.h"
#include "machine/mm/map_memory.h"
#include "machine/vfs/access.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kStringsBytesMax = 6 << 20;          // three quarters of the usual stack limit
constexpr std::uint64_t kStringsBytesMin = 131072;           // what is always allowed (ARG_MAX)
constexpr std::uint64_t kStackRoom = 128 << 10;              // mapped below the strings from the start
constexpr std::uint64_t kHardwareCapabilities = 0x07808111;  // CPUID leaf 1, EDX
constexpr std::size_t kNameBytes = 15;

/// Holds an open file until it is handed on.
class HeldFile {
 public:
  HeldFile(Kernel& kernel, FileId file) : kernel_(kernel), file_(file) {}
  HeldFile(const HeldFile&) = delete;
  HeldFile& operator=(const HeldFile&) = delete;
  ~HeldFile() { replace({}); }
  void replace(FileId file) {
    if (file_) put_file(kernel_, file_);
    file_ = file;
  }
  FileId get() const { return file_; }

 private:
  Kernel& kernel_;
  FileId file_;
};

/// EACCES: not a regular file, no permission, a noexec mount. ETXTBSY: open for writing.
Result<FileId, Errno> open_executable(const Caller& caller, const Path& place, std::uint32_t extra_flags) {
  Kernel& kernel = caller.kernel;
  const InodeId id = kernel.dentries[place.dentry].inode;
  Inode& inode = kernel.inodes[id];
  if (!abi::is_regular(TRY(inode.attributes(caller)).mode)) return Errno::eacces;
  TRY(permission(caller, place, abi::may_exec));
  if ((mount_flags_of(kernel, place) & abi::ms_noexec) != 0) return Errno::eacces;
  if (kernel.inodes[id].writers > 0) return Errno::etxtbsy;
  auto file = TRY(kernel.inodes[id].open(caller, place, abi::o_rdonly));
  file->flags = abi::o_rdonly | extra_flags;
  file->path = place;
  if (!file->inode) file->inode = id;
  return open_file(kernel, std::move(file));
}

Result<FileId, Errno> open_program(const Caller& caller, int dirfd, const std::string& path, std::uint32_t flags) {
  if (path.empty() && (flags & abi::at_empty_path) == 0) return Errno::enoent;
  if ((flags & ~(abi::at_empty_path | abi::at_symlink_nofollow)) != 0) return Errno::einval;
  WalkOptions options;
  options.follow_last = (flags & abi::at_symlink_nofollow) == 0;
  options.empty_path = (flags & abi::at_empty_path) != 0;
  const Path place = TRY(walk(caller, dirfd, path, options));
  Inode& inode = caller.kernel.inodes[caller.kernel.dentries[place.dentry].inode];
  const Attributes attributes = TRY(inode.attributes(caller));
  if (abi::is_symlink(attributes.mode)) return Errno::eloop;
  return open_executable(caller, place, abi::o_exec_internal);
}

std::uint64_t strings_limit(const Caller& caller) {
  const std::uint64_t stack = caller.kernel.processes[caller.self().process].limits[kRlimitStack].soft;
  return std::max(std::min(kStringsBytesMax, stack / 4), kStringsBytesMin);
}

/// E2BIG, by the sizes that the strings and their pointers have on the new stack.
Result<void, Errno> check_strings(const Caller& caller, const ExecRequest& request) {
  std::uint64_t total = request.path.size() + 1;
  for (const auto* list : {&request.arguments, &request.environment}) {
    for (const std::string& text : *list) {
      if (text.size() >= kArgumentBytesMax) return Errno::e2big;
      total += text.size() + 1;
    }
  }
  total += 8 * (request.arguments.size() + request.environment.size());
  if (total > strings_limit(caller)) return Errno::e2big;
  return {};
}

/// Scripts are replaced by their interpreters until a file is none.
Result<void, Errno> resolve_scripts(const Caller& caller, ExecRequest* request, HeldFile* program) {
  std::string current = request->path;
  for (int depth = 0;; ++depth) {
    if (depth > kInterpreterRewritesMax) return Errno::eloop;
    const InodeId inode = caller.kernel.files[program->get()].inode;
    const std::string start = TRY(read_bytes(caller, inode, 0, kProgramStartBytes));
    if (start.substr(0, 2) != "#!") return {};
    const ScriptLine line = TRY(read_script_line(start));
    // A script is opened again by its interpreter: one given by a descriptor that is closed then cannot be.
    if (depth == 0 && (request->flags & abi::at_empty_path) != 0 && request->path.empty()) return Errno::enoent;
    std::vector<std::string> arguments{line.interpreter};
    if (line.argument) arguments.push_back(*line.argument);
    arguments.push_back(current);
    if (!request->arguments.empty())
      arguments.insert(arguments.end(), request->arguments.begin() + 1, request->arguments.end());
    request->arguments = std::move(arguments);
    TRY(check_strings(caller, *request));
    current = line.interpreter;
    program->replace(TRY(open_program(caller, kAtFdCwd, line.interpreter, 0)));
  }
}

/// The program and, when it names one, its interpreter, found to be loadable.
struct Programs {
  ElfFile program, interpreter;
  bool interpreted = false;
};

Result<Programs, Errno> read_programs(const Caller& caller, FileId file, HeldFile* interpreter) {
  Programs programs;
  const InodeId inode = caller.kernel.files[file].inode;
  programs.program = TRY(read_elf(caller, inode));
  const std::string path = TRY(read_interpreter(caller, inode, programs.program));
  if (path.empty()) return programs;
  const Path place = TRY(walk(caller, kAtFdCwd, path));
  interpreter->replace(TRY(open_executable(caller, place, 0)));
  auto elf = read_elf(caller, caller.kernel.files[interpreter->get()].inode);
  if (!elf.ok()) return elf.error() == Errno::enoexec ? Errno::elibbad : elf.error();
  programs.interpreter = std::move(*elf);
  programs.interpreted = true;
  return programs;
}

// --- past the point of no return -------------------------------------------------------------------------------------

void replace_memory(const Caller& caller, FileId program) {
  Kernel& kernel = caller.kernel;
  clear_child_tid(kernel, caller.task);
  const AddressSpaceId before = kernel.tasks[caller.task].memory;
  const AddressSpaceId fresh = kernel.memories.emplace();
  AddressSpace& memory = kernel.memories[fresh];
  const Process& process = kernel.processes[kernel.tasks[caller.task].process];
  memory.cgroup = before ? kernel.memories[before].cgroup : cgroup_for(kernel, process, "memory");
  memory.executable = kernel.files[program].inode;
  memory.executable_file = program;
  get_file(kernel, program);
  if (before) {
    Process& owner = kernel.processes[kernel.tasks[caller.task].process];
    owner.peak_pages_before = std::max(owner.peak_pages_before, kernel.memories[before].peak_resident_pages);
  }
  kernel.tasks[caller.task].memory = fresh;
  if (before) release_memory(kernel, before);
  release_vfork_parent(kernel, caller.task);
}

void reset_signals(const Caller& caller) {
  Kernel& kernel = caller.kernel;
  Task& task = kernel.tasks[caller.task];
  SignalHandlers* handlers = kernel.signal_handlers.find(task.handlers);
  if (handlers != nullptr && handlers->users > 1) {
    auto own = std::make_unique<SignalHandlers>(*handlers);
    own->users = 1;
    --handlers->users;
    task.handlers = kernel.signal_handlers.insert(std::move(own));
    handlers = &kernel.signal_handlers[task.handlers];
  }
  if (handlers != nullptr) {
    for (SignalAction& action : handlers->actions) {
      const std::uint64_t kept = action.handler == kSignalIgnore ? kSignalIgnore : kSignalDefault;
      action = SignalAction{};
      action.handler = kept;
    }
  }
  task.alternate_stack = task.alternate_stack_bytes = 0;
  task.alternate_stack_flags = 2;
  task.saved_mask.reset();
}

void unshare_descriptors(const Caller& caller) {
  Kernel& kernel = caller.kernel;
  const FdTableId fds = kernel.tasks[caller.task].fds;
  const FdTable* table = std::as_const(kernel.fd_tables).find(fds);
  if (table == nullptr || table->users < 2) return;
  const FdTableId own = copy_fd_table(kernel, fds);
  kernel.tasks[caller.task].fds = own;
  release_fd_table(kernel, fds);
}

void take_identity(const Caller& caller, const ExecRequest& request, const Credentials& credentials, bool secure) {
  Kernel& kernel = caller.kernel;
  Task& task = kernel.tasks[caller.task];
  const std::string& path = request.path;
  task.name = path.empty() ? std::to_string(request.dirfd) : path.substr(path.rfind('/') + 1);
  task.name.resize(std::min(task.name.size(), kNameBytes));
  if (secure) task.parent_death_signal = 0;
  const bool same = credentials.euid == credentials.uid && credentials.egid == credentials.gid;
  kernel.memories[task.memory].dumpable = same && !secure ? 1 : 0;
  task.credentials = credentials;
  task.clear_child_tid = task.robust_list = task.rseq = 0;
  Process& process = kernel.processes[task.process];
  process.executed = true;
  process.exit_signal = sig_chld;
  process.posix_timers.clear();
}

Result<void, Errno> map_stack(const Caller& caller, const ElfFile& elf, std::uint64_t string_bytes) {
  Kernel& kernel = caller.kernel;
  Mapping stack;
  const std::uint64_t limit = kernel.processes[caller.self().process].limits[kRlimitStack].soft;
  const std::uint64_t strings = (string_bytes + kPageBytes - 1) & kPageMask;
  const std::uint64_t room = strings + kStackRoom > limit ? 0 : kStackRoom;
  stack.start = kStackTop - strings - room;
  stack.end = kStackTop;
  stack.protection = kProtRead | kProtWrite;
  for (const ElfSegment& segment : elf.segments)
    if (segment.type == kSegmentStack && (segment.flags & 1) != 0) stack.protection |= kProtExec;
  stack.grows_down = true;
  stack.name = "[stack]";
  FileReferences files;
  kernel.memories[caller.self().memory].map(std::move(stack), &files);
  return {};
}

std::vector<std::uint64_t> auxiliary_vector(const Caller& caller, const Programs& programs, const LoadedElf& program,
                                            std::uint64_t interpreter_base, bool secure) {
  const Credentials& who = caller.credentials();
  return {auxv::minsigstksz, 2048,
          auxv::hwcap,       kHardwareCapabilities,
          auxv::pagesz,      kPageBytes,
          auxv::clktck,      100,
          auxv::phdr,        program.headers,
          auxv::phent,       kProgramHeaderBytes,
          auxv::phnum,       programs.program.segments.size(),
          auxv::base,        interpreter_base,
          auxv::flags,       0,
          auxv::entry,       program.entry,
          auxv::uid,         uid_shown(caller, who.uid),
          auxv::euid,        uid_shown(caller, who.euid),
          auxv::gid,         gid_shown(caller, who.gid),
          auxv::egid,        gid_shown(caller, who.egid),
          auxv::secure,      secure ? std::uint64_t{1} : 0,
          auxv::random,      0,
          auxv::hwcap2,      0,
          auxv::execfn,      0,
          auxv::platform,    0};
}

void set_extents(AddressSpace& memory, const LoadedElf& program, const StackImage& stack, bool moved_break) {
  memory.code_start = program.code_start;
  memory.code_end = program.code_end;
  memory.data_start = program.data_start;
  memory.data_end = program.data_end;
  // A program among the mappings would have no room for a heap behind it.
  memory.brk_start = memory.brk_end = moved_break ? kProgramBase : program.end;
  memory.stack_start = stack.pointer;
  memory.arguments_start = stack.arguments_start;
  memory.arguments_end = stack.arguments_end;
  memory.environment_start = stack.environment_start;
  memory.environment_end = stack.environment_end;
  memory.auxv = stack.auxiliary;
}

/// Loads everything into the new memory and points the processor at it.
Result<void, Errno> start_program(const Caller& caller, const ExecRequest& request, const Programs& programs,
                                  FileId program_file, FileId interpreter_file, bool secure) {
  Kernel& kernel = caller.kernel;
  InitialStack initial;
  initial.arguments = request.arguments;
  initial.environment = request.environment;
  initial.path = request.path.empty() ? "/dev/fd/" + std::to_string(request.dirfd) : request.path;
  kernel.random.fill(initial.random);
  initial.auxiliary = auxiliary_vector(caller, programs, {}, 0, secure);
  TRY(map_stack(caller, programs.program, build_stack(initial, kStackTop).bytes.size()));
  const LoadPlace place = programs.interpreted ? LoadPlace::interpreted_program : LoadPlace::program;
  const LoadedElf program = TRY(load_elf(caller, program_file, programs.program, place));
  LoadedElf interpreter;
  if (programs.interpreted)
    interpreter = TRY(load_elf(caller, interpreter_file, programs.interpreter, LoadPlace::interpreter));
  initial.auxiliary = auxiliary_vector(caller, programs, program, interpreter.bias, secure);
  const StackImage stack = build_stack(initial, kStackTop);
  AddressSpace& memory = kernel.memories[caller.self().memory];
  KernelPages pages(kernel, caller.task);
  if (memory.write(pages, stack.pointer, stack.bytes) < stack.bytes.size()) return Errno::efault;
  set_extents(memory, program, stack, programs.program.position_independent && !programs.interpreted);
  Task& task = kernel.tasks[caller.task];
  Cpu fresh;
  fresh.tsc = task.cpu.tsc;
  fresh.tsc_per_instruction = task.cpu.tsc_per_instruction;
  fresh.rip = programs.interpreted ? interpreter.entry : program.entry;
  fresh.gpr[rsp] = stack.pointer;
  task.cpu = fresh;
  return {};
}

/// argv and envp are arrays of addresses, ended by a null; none at all counts as empty.
Result<std::vector<std::string>, Errno> read_strings(const Call& call, std::uint64_t array, std::uint64_t* budget) {
  std::vector<std::string> strings;
  if (array == 0) return strings;
  for (;; array += 8) {
    const std::uint64_t address = TRY(call.load64(array));
    if (address == 0) return strings;
    auto text = call.string(address, kArgumentBytesMax);
    if (!text.ok()) return text.error() == Errno::enametoolong ? Errno::e2big : text.error();
    if (text->size() + 1 + 8 > *budget) return Errno::e2big;
    *budget -= text->size() + 1 + 8;
    strings.push_back(std::move(*text));
  }
}

}  // namespace

Result<void, Errno> execute(const Caller& caller, ExecRequest request, bool* fatal) {
  Kernel& kernel = caller.kernel;
  if (fatal != nullptr) *fatal = false;
  HeldFile program(kernel, TRY(open_program(caller, request.dirfd, request.path, request.flags)));
  HeldFile interpreter(kernel, FileId{});
  if (request.arguments.empty()) request.arguments.emplace_back();
  TRY(check_strings(caller, request));
  TRY(resolve_scripts(caller, &request, &program));
  const Programs programs = TRY(read_programs(caller, program.get(), &interpreter));

  const Path place = kernel.files[program.get()].path;
  const Attributes attributes = TRY(kernel.inodes[kernel.files[program.get()].inode].attributes(caller));
  const bool honour_setid = (mount_flags_of(kernel, place) & abi::ms_nosuid) == 0;
  bool secure = false;
  const Credentials credentials = credentials_after_exec(kernel, caller.credentials(), attributes.mode, attributes.uid,
                                                         attributes.gid, honour_setid, &secure);
  end_other_threads(kernel, caller.task);
  unshare_descriptors(caller);
  replace_memory(caller, program.get());
  close_on_exec(caller);
  reset_signals(caller);
  take_identity(caller, request, credentials, secure);
  auto started = start_program(caller, request, programs, program.get(), interpreter.get(), secure);
  Task& task = kernel.tasks[caller.task];
  const bool was_hosted = task.body == TaskBody::hosted;
  task.body = TaskBody::guest;
  if (!started.ok()) {
    if (fatal != nullptr) *fatal = true;
    force_signal(kernel, caller.task, kernel_signal(sig_segv));
  }
  note_task(kernel, {.kind = TaskNote::Kind::executed, .task = caller.task, .text = request.path});
  if (was_hosted) make_runnable(kernel, caller.task);
  return started;
}

Outcome execve(const Call& call, int dirfd, std::uint64_t path, std::uint64_t argv, std::uint64_t envp,
               std::uint32_t flags) {
  ExecRequest request;
  request.dirfd = dirfd;
  request.flags = flags;
  request.path = TRY(call.string(path, kPathBytesMax));
  std::uint64_t budget = strings_limit(call);
  request.arguments = TRY(read_strings(call, argv, &budget));
  request.environment = TRY(read_strings(call, envp, &budget));
  TRY(execute(call, std::move(request)));
  return done();
}

}  // namespace drydock::machine
