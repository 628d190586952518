// /proc/PID/{stat,status,comm,limits,io,sched,schedstat,wchan,syscall,personality,oom_*,timers...}. proc(5).
//
// Not counted, and shown as 0: page faults, disk blocks, context switches, processor time slices.

#include <algorithm>
#include <array>

#include "base/text.h"
#include "machine/fs/proc/process_view.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/pids.h"
#include "machine/tty/job_control.h"

namespace drydock::machine {

std::string padded_left(std::string_view text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ').append(text);
}

std::string padded_right(std::string_view text, std::size_t width) {
  return std::string(text).append(width - std::min(width, text.size()), ' ');
}

std::string hex_number(std::uint64_t value, std::size_t digits) {
  std::string text;
  for (; value != 0 || text.size() < std::max<std::size_t>(digits, 1); value >>= 4)
    text.insert(text.begin(), "0123456789abcdef"[value & 15]);
  return text;
}

std::string kilobytes(std::string_view label, std::uint64_t bytes) {
  return concat(label, ":\t", padded_left(concat(bytes / 1024), 8), " kB\n");
}

namespace {

constexpr std::uint64_t kTickNs = 10'000'000;  // USER_HZ is 100

struct Shown {
  const Kernel& kernel;
  const Task& task;
  const Process& process;
  const AddressSpace* memory;  // null: a zombie, or a hosted task
};

Result<Shown, Errno> shown(const Caller& caller, const ProcessView& view) {
  const Kernel& kernel = caller.kernel;
  const Task* task = kernel.tasks.find(view.task);
  const Process* process = kernel.processes.find(view.process);
  if (task == nullptr || process == nullptr) return Errno::esrch;
  return Shown{kernel, *task, *process, kernel.memories.find(task->memory)};
}

char state_letter(const Caller& caller, const Task& task) {
  if (task.id == caller.task) return 'R';
  switch (task.state) {
    case TaskState::runnable:
      return task.body == TaskBody::hosted ? 'S' : 'R';
    case TaskState::stopped:
      return 'T';
    case TaskState::zombie:
      return 'Z';
    default:
      return task.vfork_child ? 'D' : 'S';
  }
}

std::string_view state_name(char letter) {
  switch (letter) {
    case 'R':
      return "running";
    case 'T':
      return "stopped";
    case 'Z':
      return "zombie";
    case 'D':
      return "disk sleep";
    default:
      return "sleeping";
  }
}

struct SignalSets {
  SignalSet ignored = 0, caught = 0;
};

SignalSets handler_sets(const Kernel& kernel, const Task& task) {
  SignalSets sets;
  const SignalHandlers* handlers = kernel.signal_handlers.find(task.handlers);
  if (handlers == nullptr) return sets;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    const std::uint64_t handler = handlers->actions[static_cast<std::size_t>(signal)].handler;
    if (handler == 1) sets.ignored |= signal_bit(signal);
    if (handler > 1) sets.caught |= signal_bit(signal);
  }
  return sets;
}

struct TerminalNumbers {
  std::uint32_t device = 0;
  std::int64_t foreground = -1;
};

TerminalNumbers terminal_of(const Caller& caller, const ProcessView& view, const Process& process) {
  TerminalNumbers numbers;
  const auto found = caller.kernel.terminals.find(process.terminal);
  if (found == caller.kernel.terminals.end()) return numbers;
  const Terminal& terminal = found->second;
  // The old encoding of a device number: minor in the low and bits 20.., major in between.
  numbers.device = terminal.devpts ? (136u << 8 | (terminal.index & 0xff) | (terminal.index & ~0xffu) << 12) : 0x501;
  if (terminal.foreground) numbers.foreground = pid_of(caller.kernel, terminal.foreground, view.seen_from);
  return numbers;
}

std::uint64_t start_ticks(const Caller& caller, const Task& task) {
  const TimeNamespace* space = std::as_const(caller.kernel).time_namespaces.find(caller.self().namespaces.time);
  const std::int64_t offset = space != nullptr ? space->boottime_offset_ns : 0;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(task.start_ns) + offset) / kTickNs;
}

std::string joined(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (const std::uint64_t number : numbers) text += concat(' ', number);
  return text;
}

/// Fields 14 to 22 of stat.
std::string stat_times(const Caller& caller, const ProcessView& view, const Shown& at) {
  const std::uint64_t user = view.is_thread ? at.task.user_ns : user_time_ns(at.kernel, at.process);
  const std::uint64_t system = view.is_thread ? at.task.system_ns : system_time_ns(at.kernel, at.process);
  return concat(' ', user / kTickNs, ' ', system / kTickNs, ' ', at.process.children_user_ns / kTickNs, ' ',
                at.process.children_system_ns / kTickNs, ' ', 20 + at.task.nice, ' ', at.task.nice, ' ',
                at.process.threads.size(), " 0 ", start_ticks(caller, at.task));
}

std::string stat_memory(const Shown& at, bool permitted) {
  const AddressSpace* memory = at.memory;
  if (memory == nullptr) return joined({0, 0, at.process.limits[kRlimitRss].soft, 0, 0, 0, 0, 0});
  std::vector<std::uint64_t> numbers{memory->mapped_bytes(), memory->resident_pages,
                                     at.process.limits[kRlimitRss].soft};
  if (permitted)
    numbers.insert(numbers.end(), {memory->code_start, memory->code_end, memory->stack_start, 0, 0});
  else
    numbers.insert(numbers.end(), {1, 1, 0, 0, 0});
  return joined(numbers);
}

std::string stat_layout(const Shown& at, bool permitted) {
  const AddressSpace* memory = at.memory;
  if (memory == nullptr || !permitted) return joined({0, 0, 0, 0, 0, 0, 0, 0});
  const auto status = static_cast<std::uint64_t>(at.task.state == TaskState::zombie ? at.process.exit_status : 0);
  return joined({memory->data_start, memory->data_end, memory->brk_start, memory->arguments_start,
                 memory->arguments_end, memory->environment_start, memory->environment_end, status});
}

constexpr SignalSet kFirst31 = 0x7fffffff;

}  // namespace

Result<std::string, Errno> stat_text(const Caller& caller, const ProcessView& view) {
  const Shown at = TRY(shown(caller, view));
  const bool permitted = may_inspect(caller, view.task).ok();
  const SignalSets sets = handler_sets(at.kernel, at.task);
  const TerminalNumbers terminal = terminal_of(caller, view, at.process);
  const auto number = [&](ProcessId id) { return id ? pid_of(at.kernel, id, view.seen_from) : 0; };
  const std::uint32_t flags = 0x400000 | (at.process.executed ? 0 : 0x40);
  std::string text =
      concat(tid_of(at.kernel, view.task, view.seen_from), " (", at.task.name, ") ", state_letter(caller, at.task), ' ',
             number(at.process.parent), ' ', number(at.process.group), ' ', number(at.process.session), ' ',
             terminal.device, ' ', terminal.foreground, ' ', flags, " 0 0 0 0");
  text += stat_times(caller, view, at) + stat_memory(at, permitted);
  text += joined({at.task.pending.set & kFirst31, at.task.blocked_signals & kFirst31, sets.ignored & kFirst31,
                  sets.caught & kFirst31, permitted && state_letter(caller, at.task) != 'R' ? 1u : 0u, 0, 0});
  text += concat(' ', view.is_thread && at.process.leader != view.task ? -1 : at.process.exit_signal, " 0 0 0 0 0 0");
  return text + stat_layout(at, permitted) + "\n";
}

namespace {

std::string status_numbers(const Caller& caller, const ProcessView& view, const Shown& at) {
  const Kernel& kernel = at.kernel;
  const auto number = [&](ProcessId id) { return id ? pid_of(kernel, id, view.seen_from) : 0; };
  const char state = state_letter(caller, at.task);
  std::string text;
  if (const FsContext* place = kernel.fs_contexts.find(at.task.fs); place != nullptr) {
    text = "Umask:\t0000\n";
    for (int digit = 0; digit < 3; ++digit)
      text[text.size() - 2 - static_cast<std::size_t>(digit)] =
          static_cast<char>('0' + (place->umask >> (3 * digit) & 7));
  }
  text +=
      concat("State:\t", state, " (", state_name(state), ")\nTgid:\t", number(view.process), "\nNgid:\t0\nPid:\t",
             tid_of(kernel, view.task, view.seen_from), "\nPPid:\t", number(at.process.parent), "\nTracerPid:\t0\n");
  const Credentials& who = at.task.credentials;
  const auto uid = [&](std::uint32_t id) { return concat('\t', uid_shown(caller, id)); };
  const auto gid = [&](std::uint32_t id) { return concat('\t', gid_shown(caller, id)); };
  text += concat("Uid:", uid(who.uid), uid(who.euid), uid(who.suid), uid(who.fsuid), "\nGid:", gid(who.gid),
                 gid(who.egid), gid(who.sgid), gid(who.fsgid), "\n");
  const FdTable* fds = kernel.fd_tables.find(at.task.fds);
  std::size_t slots = fds != nullptr ? 64 : 0;
  while (fds != nullptr && slots < fds->entries.size()) slots *= 2;
  text += concat("FDSize:\t", slots, "\nGroups:\t");
  for (std::size_t n = 0; n < who.groups.size(); ++n)
    text += concat(n != 0 ? " " : "", gid_shown(caller, who.groups[n]));
  return text + " \n";
}

/// NStgid and its like: the numbers from the mount's pid namespace down to the process's own.
std::string nested_numbers(const ProcessView& view, const Shown& at) {
  std::vector<PidNamespaceId> spaces;
  for (PidNamespaceId id = at.task.pid_namespace; id; id = at.kernel.pid_namespaces[id].parent) {
    spaces.push_back(id);
    if (id == view.seen_from) break;
  }
  std::reverse(spaces.begin(), spaces.end());
  const auto line = [&](std::string_view label, ProcessId id, bool thread) {
    std::string text(label);
    for (const PidNamespaceId space : spaces)
      text += concat('\t', thread ? tid_of(at.kernel, view.task, space) : pid_of(at.kernel, id, space));
    return text + "\n";
  };
  return line("NStgid:", view.process, false) + line("NSpid:", {}, true) + line("NSpgid:", at.process.group, false) +
         line("NSsid:", at.process.session, false);
}

std::uint64_t mapping_bytes(const AddressSpace& memory, bool (*wanted)(const AddressSpace&, const Mapping&)) {
  std::uint64_t bytes = 0;
  for (const auto& [start, mapping] : memory.mappings())
    if (wanted(memory, mapping)) bytes += mapping.bytes();
  return bytes;
}

std::string status_memory(const Shown& at) {
  if (at.memory == nullptr) return "";
  const AddressSpace& memory = *at.memory;
  const std::uint64_t stack =
      mapping_bytes(memory, [](const AddressSpace&, const Mapping& mapping) { return mapping.grows_down; });
  const std::uint64_t code = memory.code_end - std::min(memory.code_start, memory.code_end);
  const std::uint64_t executable = mapping_bytes(memory, [](const AddressSpace& space, const Mapping& mapping) {
    return (mapping.protection & kProtExec) != 0 && mapping.start > space.code_end;
  });
  const std::uint64_t resident = memory.resident_pages * kPageBytes;
  return kilobytes("VmPeak", memory.mapped_bytes()) + kilobytes("VmSize", memory.mapped_bytes()) +
         kilobytes("VmLck", memory.locked_bytes()) + kilobytes("VmPin", 0) +
         kilobytes("VmHWM", std::max(memory.peak_resident_pages, memory.resident_pages) * kPageBytes) +
         kilobytes("VmRSS", resident) + kilobytes("RssAnon", resident) + kilobytes("RssFile", 0) +
         kilobytes("RssShmem", 0) + kilobytes("VmData", memory.data_bytes()) + kilobytes("VmStk", stack) +
         kilobytes("VmExe", code) + kilobytes("VmLib", executable) + kilobytes("VmPTE", 40 * 1024) +
         kilobytes("VmSwap", 0) + kilobytes("HugetlbPages", 0) + "CoreDumping:\t0\nTHP_enabled:\t1\n";
}

std::string status_signals(const Shown& at) {
  const SignalSets sets = handler_sets(at.kernel, at.task);
  const auto mask = [](std::string_view label, std::uint64_t set) {
    return concat(label, ":\t", hex_number(set, 16), "\n");
  };
  const Credentials& who = at.task.credentials;
  return concat("Threads:\t", at.process.threads.size(), "\nSigQ:\t",
                at.task.pending.queue.size() + at.process.pending.queue.size(), "/",
                at.process.limits[kRlimitSigpending].soft, "\n") +
         mask("SigPnd", at.task.pending.set) + mask("ShdPnd", at.process.pending.set) +
         mask("SigBlk", at.task.blocked_signals) + mask("SigIgn", sets.ignored) + mask("SigCgt", sets.caught) +
         mask("CapInh", who.inheritable) + mask("CapPrm", who.permitted) + mask("CapEff", who.effective) +
         mask("CapBnd", who.bounding) + mask("CapAmb", who.ambient);
}

std::string status_rest(const Shown& at) {
  const std::uint32_t cpus = std::min(at.kernel.limits.cpus, 64u);
  const std::uint64_t mask = cpus >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << cpus) - 1;
  return concat("NoNewPrivs:\t", at.task.credentials.no_new_privs ? 1 : 0, "\nSeccomp:\t",
                unsigned{at.task.seccomp_mode}, "\nSeccomp_filters:\t", at.task.seccomp_filters.size(),
                "\nSpeculation_Store_Bypass:\tnot vulnerable\nSpeculationIndirectBranch:\tnot affected\n"
                "Cpus_allowed:\t",
                hex_number(mask, 1), "\nCpus_allowed_list:\t", cpus > 1 ? concat("0-", cpus - 1) : std::string("0"),
                "\nMems_allowed:\t00000000,00000001\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t0\n"
                "nonvoluntary_ctxt_switches:\t0\n");
}

/// A name's backslashes and newlines are escaped in status, but not in comm.
std::string escaped_name(std::string_view name) {
  return replace_all(replace_all(name, "\\", "\\\\"), "\n", "\\n");
}

}  // namespace

Result<std::string, Errno> status_text(const Caller& caller, const ProcessView& view) {
  const Shown at = TRY(shown(caller, view));
  return concat("Name:\t", escaped_name(at.task.name), "\n") + status_numbers(caller, view, at) +
         nested_numbers(view, at) + status_memory(at) + status_signals(at) + status_rest(at);
}

Result<std::string, Errno> statm_text(const Caller& caller, const ProcessView& view) {
  const Shown at = TRY(shown(caller, view));
  if (at.memory == nullptr) return std::string("0 0 0 0 0 0 0\n");
  const std::uint64_t code = at.memory->code_end - std::min(at.memory->code_start, at.memory->code_end);
  return concat(at.memory->mapped_bytes() / kPageBytes, ' ', at.memory->resident_pages, " 0 ",
                (code + kPageBytes - 1) / kPageBytes, " 0 ", at.memory->data_bytes() / kPageBytes, " 0\n");
}

Result<std::string, Errno> comm_text(const Caller& caller, const ProcessView& view) {
  return TRY(shown(caller, view)).task.name + "\n";
}

Result<void, Errno> store_comm(const Caller& caller, const ProcessView& view, std::string_view text) {
  if (view.process != caller.self().process) return Errno::einval;
  caller.kernel.tasks[view.task].name = std::string(text.substr(0, std::min(text.find('\0'), std::size_t{15})));
  return {};
}

namespace {

struct LimitName {
  std::string_view name, unit;
};
constexpr std::array<LimitName, kRlimitCount> kLimitNames{{{"Max cpu time", "seconds"},
                                                           {"Max file size", "bytes"},
                                                           {"Max data size", "bytes"},
                                                           {"Max stack size", "bytes"},
                                                           {"Max core file size", "bytes"},
                                                           {"Max resident set", "bytes"},
                                                           {"Max processes", "processes"},
                                                           {"Max open files", "files"},
                                                           {"Max locked memory", "bytes"},
                                                           {"Max address space", "bytes"},
                                                           {"Max file locks", "locks"},
                                                           {"Max pending signals", "signals"},
                                                           {"Max msgqueue size", "bytes"},
                                                           {"Max nice priority", ""},
                                                           {"Max realtime priority", ""},
                                                           {"Max realtime timeout", "us"}}};

}  // namespace

Result<std::string, Errno> limits_text(const Caller& caller, const ProcessView& view) {
  const Shown at = TRY(shown(caller, view));
  const auto row = [](std::string_view name, std::string_view soft, std::string_view hard, std::string_view unit) {
    return concat(padded_right(name, 25), ' ', padded_right(soft, 20), ' ', padded_right(hard, 20), ' ',
                  unit.empty() ? std::string() : padded_right(unit, 10), "\n");
  };
  const auto value = [](std::uint64_t limit) { return limit == ~std::uint64_t{0} ? "unlimited" : concat(limit); };
  std::string text = row("Limit", "Soft Limit", "Hard Limit", "Units");
  for (std::size_t n = 0; n < kLimitNames.size(); ++n)
    text += row(kLimitNames[n].name, value(at.process.limits[n].soft), value(at.process.limits[n].hard),
                kLimitNames[n].unit);
  return text;
}

Result<std::string, Errno> io_text(const Caller&, const ProcessView&) {
  return std::string(
      "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");
}

Result<std::string, Errno> schedstat_text(const Caller& caller, const ProcessView& view) {
  const Shown at = TRY(shown(caller, view));
  return concat(at.task.user_ns + at.task.system_ns, " 0 0\n");
}

Result<std::string, Errno> sched_text(const Caller& caller, const ProcessView& view) {
  const Shown at = TRY(shown(caller, view));
  const auto line = [](std::string_view name, std::string_view value) {
    return concat(padded_right(name, 45), ':', padded_left(value, 21), "\n");
  };
  return concat(at.task.name, " (", tid_of(at.kernel, view.task, view.seen_from),
                ", #threads: ", at.process.threads.size(), ")\n", std::string(67, '-'), "\n") +
         line("nr_switches", "0") + line("policy", "0") + line("prio", concat(120 + at.task.nice));
}

Result<std::string, Errno> wchan_text(const Caller&, const ProcessView&) {
  return std::string("0");
}

Result<std::string, Errno> syscall_text(const Caller& caller, const ProcessView& view) {
  const Shown at = TRY(shown(caller, view));
  if (view.task == caller.task || at.task.state == TaskState::runnable) return std::string("running\n");
  if (at.task.state != TaskState::blocked) return std::string("-1 0x0 0x0\n");
  std::string text = concat(at.task.call_number);
  for (const std::uint64_t argument : at.task.call_arguments) text += concat(" 0x", hex_number(argument, 1));
  return text + " 0x0 0x0\n";
}

Result<std::string, Errno> personality_text(const Caller& caller, const ProcessView& view) {
  return hex_number(TRY(shown(caller, view)).task.personality, 8) + "\n";
}

Result<std::string, Errno> oom_score_text(const Caller& caller, const ProcessView& view) {
  const Shown at = TRY(shown(caller, view));
  // Share of the machine's memory in thousandths, moved by oom_score_adj, as proc(5) has it: 666 stands for half.
  const std::uint64_t pages = at.memory != nullptr ? at.memory->resident_pages : 0;
  const auto share =
      static_cast<std::int64_t>(pages * 1000 / std::max<std::uint64_t>(at.kernel.limits.memory_pages_max, 1));
  const std::int64_t points = share + at.process.oom_score_adj;
  return concat(std::max<std::int64_t>((1000 + points) * 2 / 3, 0), "\n");
}

Result<std::string, Errno> oom_score_adj_text(const Caller& caller, const ProcessView& view) {
  return concat(TRY(shown(caller, view)).process.oom_score_adj, "\n");
}

namespace {

constexpr int kOomAdjDisable = -17, kOomAdjMax = 15, kOomScoreAdjMax = 1000;

Result<void, Errno> set_oom(const Caller& caller, const ProcessView& view, std::int64_t value) {
  Process& process = caller.kernel.processes[view.process];
  const bool privileged = capable(caller, cap::sys_resource);
  if (value < process.oom_score_adj_min && !privileged) return Errno::eacces;
  process.oom_score_adj = static_cast<int>(value);
  if (privileged) process.oom_score_adj_min = static_cast<int>(value);
  return {};
}

}  // namespace

Result<void, Errno> store_oom_score_adj(const Caller& caller, const ProcessView& view, std::string_view text) {
  const auto value = parse_i64(trim(text));
  if (!value || *value < -kOomScoreAdjMax || *value > kOomScoreAdjMax) return Errno::einval;
  return set_oom(caller, view, *value);
}

Result<std::string, Errno> oom_adj_text(const Caller& caller, const ProcessView& view) {
  const int score = TRY(shown(caller, view)).process.oom_score_adj;
  if (score == kOomScoreAdjMax) return concat(kOomAdjMax, "\n");
  return concat(score * -kOomAdjDisable / kOomScoreAdjMax, "\n");
}

Result<void, Errno> store_oom_adj(const Caller& caller, const ProcessView& view, std::string_view text) {
  const auto value = parse_i64(trim(text));
  if (!value || *value < kOomAdjDisable || *value > kOomAdjMax) return Errno::einval;
  if (*value == kOomAdjMax) return set_oom(caller, view, kOomScoreAdjMax);
  return set_oom(caller, view, *value * kOomScoreAdjMax / -kOomAdjDisable);
}

Result<std::string, Errno> timerslack_text(const Caller&, const ProcessView&) {
  return std::string("50000\n");
}

Result<std::string, Errno> timers_text(const Caller&, const ProcessView&) {
  return std::string();
}

}  // namespace drydock::machine
