// From a plan to a process: the monitor, its pipes, clone(2), and the child's steps.

#include "base/text.h"
#include "machine/kernel/create_task.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/pids.h"
#include "machine/vfs/file.h"
#include "sim/runtime.h"
#include "sim/seccomp_filter.h"

namespace drydock::sim {

using machine::CloneRequest;
using machine::HostArgument;
using machine::StructReader;
using machine::StructWriter;
using machine::TaskBody;
using machine::TaskId;
using runtime::InitPlan;
using runtime::NamespaceKind;

namespace {

constexpr int kSigPipe = 13, kSigKill = 9;
constexpr std::int64_t kRtSigaction = 13;
constexpr int kSetName = 15;  // prctl(2)
constexpr std::uint32_t kSignalMask = 0xff;

Error start_error(const char* operation, Errno code) {
  return make_error(ErrorKind::internal, "unable to start container process: ", operation, ": ", to_string(code));
}

void set_signal(const HostedTask& task, int signal, std::uint64_t handler) {
  const std::string action = StructWriter().u64(handler).zeros(24).bytes();
  static_cast<void>(task.call(kRtSigaction, {signal, HostArgument::bytes(std::string_view(action)), 0, 8}));
}

/// Both ends close on exec; the child's copies of 0, 1 and 2 do not.
struct PipePair {
  SimFd read_end, write_end;
};
Result<PipePair, Errno> make_pipe(const HostedTask& task) {
  std::string fds(8, '\0');
  TRY(task.attempt(number::pipe2, {HostArgument::room(fds), kOpenCloseOnExec}));
  const StructReader in(fds);
  return PipePair{SimFd(task, static_cast<int>(in.u32(0))), SimFd(task, static_cast<int>(in.u32(4)))};
}

struct ChildEnds {
  SimFd input, output, errors;  // the child's, as the monitor holds them before the clone
  SimFd to_input, from_output, from_errors;
};

Result<ChildEnds, Errno> make_stdio(const HostedTask& monitor, const runtime::Stdio& stdio) {
  ChildEnds ends;
  if (stdio.terminal) return ends;
  if (stdio.open_stdin) {
    PipePair input = TRY(make_pipe(monitor));
    ends.input = std::move(input.read_end);
    ends.to_input = std::move(input.write_end);
  } else {
    ends.input = TRY(owned(monitor, monitor.open(kHere, "/dev/null", kOpenReadWrite)));
  }
  PipePair output = TRY(make_pipe(monitor)), errors = TRY(make_pipe(monitor));
  ends.output = std::move(output.write_end);
  ends.from_output = std::move(output.read_end);
  ends.errors = std::move(errors.write_end);
  ends.from_errors = std::move(errors.read_end);
  return ends;
}

/// The namespaces to join, opened while the host's /proc is in sight. A pid namespace is for children only: the monitor
/// itself enters it around the clone.
struct Joins {
  std::vector<SimFd> held;
  std::vector<int> fds;  // as Child wants them
  int pid_namespace = -1;
};

Result<Joins, StepFailure> open_joins(const HostedTask& monitor, const InitPlan& plan) {
  Joins joins;
  for (std::size_t n = 0; n < plan.child.size(); ++n) {
    const auto* join = std::get_if<runtime::StepJoinNamespace>(&plan.child[n]);
    if (join == nullptr) continue;
    auto fd = owned(monitor, monitor.open(kHere, join->path, kOpenRead));
    if (!fd.ok()) return StepFailure{n, fd.error()};
    const bool is_pid = join->kind == NamespaceKind::pid;
    joins.fds.push_back(is_pid ? -1 : fd->get());
    if (is_pid) joins.pid_namespace = fd->get();
    joins.held.push_back(std::move(fd).value());
  }
  return joins;
}

Result<TaskId, Errno> clone_child(const HostedTask& monitor, const InitPlan& plan, int pid_namespace) {
  CloneRequest request;
  for (const NamespaceKind kind : plan.new_namespaces) request.flags |= clone_flag(kind);
  request.body = TaskBody::hosted;
  const machine::Caller caller{monitor.kernel(), monitor.id()};
  if (pid_namespace < 0) return machine::clone_task(caller, request);
  const std::uint64_t flag = clone_flag(NamespaceKind::pid);
  const SimFd own = TRY(owned(monitor, monitor.open(kHere, "/proc/self/ns/pid", kOpenRead)));
  TRY(monitor.attempt(number::setns, {pid_namespace, flag}));
  const auto child = machine::clone_task(caller, request);
  TRY(monitor.attempt(number::setns, {own.get(), flag}));  // every later child would be born in the container otherwise
  return child;
}

std::string id_map_text(const std::vector<runtime::IdMapping>& mappings) {
  std::string text;
  for (const auto& map : mappings) text += concat(map.container_id, " ", map.host_id, " ", map.size, "\n");
  return text;
}

/// What the child does before the plan's first step.
Result<void, Errno> settle_child(const HostedTask& child, const ChildEnds& ends, bool new_user_namespace) {
  set_signal(child, kSigPipe, 0);
  TRY(child.attempt(number::setsid, {}));
  TRY(child.attempt(number::umask, {022}));
  int target = 0;
  for (const SimFd* end : {&ends.input, &ends.output, &ends.errors}) {
    if (*end) TRY(child.attempt(number::dup3, {end->get(), target, 0}));
    ++target;
  }
  if (!new_user_namespace) return {};
  TRY(child.attempt(number::setresgid, {0, 0, 0}));
  TRY(child.attempt(number::setresuid, {0, 0, 0}));
  return {};
}

Result<std::string> filter_of(const InitPlan& plan) {
  for (const runtime::InitStep& step : plan.child) {
    if (const auto* seccomp = std::get_if<runtime::StepLoadSeccomp>(&step))
      return to_bytes(TRY(compile_seccomp(seccomp->filter)));
  }
  return std::string();
}

}  // namespace

Result<HostedTask> SimRuntime::spawn_monitor(const std::string& id) {
  CloneRequest request;
  request.body = TaskBody::hosted;
  const auto task = machine::clone_task({daemon_.kernel(), daemon_.id()}, request);
  if (!task.ok()) return start_error("clone", task.error());
  const HostedTask monitor(daemon_.kernel(), *task);
  static_cast<void>(monitor.call(number::prctl, {kSetName, "drydock-monitor"}));
  static_cast<void>(monitor.call(number::close_range, {3, 0xffffffffu, 0}));
  set_signal(monitor, kSigPipe, 1);  // a process that does not read its stdin is told by EPIPE
  static_cast<void>(id);
  return monitor;
}

Result<void> SimRuntime::prepare(Container& container, const InitPlan& plan, const runtime::LogFile& log) {
  auto opened = LogWriter::open(root_, clock_, log);
  if (!opened.ok()) return Error(opened.error());
  container.log = std::move(opened).value();
  const auto made = container.cgroup.create(plan.resources);
  if (!made.ok()) return with_context("unable to start container process: error setting cgroup config", made.error());
  return {};
}

Result<SimRuntime::Launched> SimRuntime::launch(Container& container, const std::string& exec, InitPlan plan,
                                                const runtime::Stdio& stdio) {
  const HostedTask& monitor = container.monitor;
  plan.terminal = stdio.terminal;
  if (plan.console_size.height == 0) plan.console_size = stdio.console_size;
  std::string filter = TRY(filter_of(plan));
  auto joins = open_joins(monitor, plan);
  if (!joins.ok()) return runtime::launch_error(plan.child[joins.error().step], joins.error().code);
  auto ends = make_stdio(monitor, stdio);
  if (!ends.ok()) return start_error("pipe2", ends.error());
  const auto cloned = clone_child(monitor, plan, joins->pid_namespace);
  if (!cloned.ok()) return start_error("clone", cloned.error());

  machine::Kernel& kernel = daemon_.kernel();
  const HostedTask child(kernel, *cloned);
  auto process = std::make_unique<Process>();
  process->exec = exec;
  process->process = kernel.tasks[*cloned].process;
  process->pid = machine::pid_of(kernel, process->process, kernel.initial_pid_namespace);
  process->io = std::make_unique<ProcessIo>(monitor, stdio, exec.empty() ? container.log.get() : nullptr);
  if (!stdio.terminal)
    process->io->use_pipes(std::move(ends->to_input), std::move(ends->from_output), std::move(ends->from_errors));

  bool user_namespace = false;
  for (const NamespaceKind kind : plan.new_namespaces) user_namespace = user_namespace || kind == NamespaceKind::user;
  if (user_namespace) {
    const std::string place = concat("/proc/", process->pid);
    auto mapped = daemon_.write_file(place + "/uid_map", id_map_text(plan.uid_mappings));
    if (mapped.ok()) mapped = daemon_.write_file(place + "/gid_map", id_map_text(plan.gid_mappings));
    if (!mapped.ok()) {
      discard(container, *process);
      return start_error("write id map", mapped.error());
    }
  }
  auto added = container.cgroup.add(process->pid);
  const auto settled = added.ok() ? settle_child(child, *ends, user_namespace) : Result<void, Errno>();
  if (!added.ok() || !settled.ok()) {
    discard(container, *process);
    if (!added.ok())
      return with_context("unable to start container process: unable to apply cgroup configuration", added.error());
    return start_error("set up", settled.error());
  }
  process->child = std::make_unique<Child>(child, std::move(plan), std::move(filter), std::move(joins->fds));
  auto ran = run_steps(container, *process);
  if (!ran.ok()) {
    discard(container, *process);
    return ran.error();
  }
  return Launched{std::move(process), false};
}

/// The steps up to the next stop. After the last one the process is the container's own program.
Result<void> SimRuntime::run_steps(Container& container, Process& process) {
  Child& child = *process.child;
  const std::vector<runtime::InitStep>& steps = child.plan().child;
  const std::size_t first = child.next_step();
  const auto ran = child.run();
  const std::size_t end = ran.ok() ? child.next_step() : ran.error().step + 1;
  if (process.exec.empty()) {
    for (std::size_t n = first; n < end; ++n) {
      const bool failed = !ran.ok() && n == ran.error().step;
      events_.push_back(runtime::StepEvent{container.id, static_cast<std::uint32_t>(n), runtime::step_name(steps[n]),
                                           runtime::step_detail(steps[n]),
                                           failed ? static_cast<std::int32_t>(ran.error().code) : 0});
    }
  }
  if (!ran.ok()) return runtime::launch_error(steps[ran.error().step], ran.error().code);
  if (child.console()) {
    const machine::Caller monitor{daemon_.kernel(), container.monitor.id()};
    const auto fd = machine::install_fd(monitor, child.console(), true);
    if (!fd.ok()) return start_error("open terminal", fd.error());
    process.io->use_terminal(SimFd(container.monitor, *fd));
    child.forget_console();
  }
  if (*ran) process.child.reset();
  return {};
}

/// Its launch has failed: nothing of it stays.
void SimRuntime::discard(Container& container, Process& process) {
  machine::exit_process(daemon_.kernel(), process.process, kSigKill);
  static_cast<void>(container.monitor.call(61, {process.pid, 0, 0x40000001, 0}));  // wait4: WNOHANG, __WALL
  process.io->close_output();
}

}  // namespace drydock::sim
