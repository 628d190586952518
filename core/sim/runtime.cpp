// The verbs, and what happens to containers by themselves.

#include "sim/runtime.h"

#include <algorithm>

#include "base/text.h"
#include "machine/kernel/cgroup_accounting.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/pids.h"

namespace drydock::sim {

using machine::HostArgument;
using machine::StructReader;
using runtime::ProcessKey;

namespace {

constexpr int kSigKill = 9;
constexpr int kWaitNoHang = 1, kWaitAll = 0x40000000;

Error gone(const std::string& container) {
  return make_error(ErrorKind::not_found, "container ", container, " is not running");
}

std::vector<std::uint64_t> numbers_in(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  for (const auto& word : split(text, ' '))
    if (const auto number = parse_u64(word)) numbers.push_back(*number);
  return numbers;
}

std::vector<runtime::ContainerStats::Network> network_stats(const HostedTask& daemon, std::int64_t pid) {
  std::vector<runtime::ContainerStats::Network> networks;
  const auto text = daemon.read_file(concat("/proc/", pid, "/net/dev"));
  if (!text.ok()) return networks;
  for (const auto& line : split(*text, '\n')) {
    const auto parts = split_once(line, ':');
    if (!parts || trim(parts->first) == "lo") continue;
    // Eight columns received (bytes packets errs drop fifo frame compressed multicast), eight sent.
    const auto n = numbers_in(parts->second);
    if (n.size() < 12) continue;
    networks.push_back({std::string(trim(parts->first)), n[0], n[1], n[2], n[3], n[8], n[9], n[10], n[11]});
  }
  return networks;
}

}  // namespace

runtime::KernelFeatures sim_kernel_features(const HostedTask& daemon) {
  runtime::KernelFeatures features;
  features.cgroup_controllers = probe_cgroup_controllers(daemon);
  if (!features.cgroup_controllers.empty()) features.cgroup = runtime::KernelFeatures::Cgroup::v2;
  features.user_namespaces = true;
  features.time_namespaces = true;
  features.overlay = true;
  features.overlay_in_userns = true;
  features.seccomp = true;
  features.capabilities = machine::kAllCapabilities;
  features.release_major = 6;
  features.release_minor = 1;
  return features;
}

SimRuntime::SimRuntime(HostedTask daemon, storage::HostFs& root, const Clock& clock)
    : daemon_(daemon), root_(root), clock_(clock), features_(sim_kernel_features(daemon)) {}

SimRuntime::~SimRuntime() = default;

Result<SimRuntime::Container*> SimRuntime::find(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return gone(id);
  return found->second.get();
}

Result<SimRuntime::Process*> SimRuntime::find_living(const ProcessKey& key) {
  Container* container = TRY(find(key.container));
  const auto found = container->processes.find(key.exec);
  if (found == container->processes.end() || found->second->ended) return gone(key.container);
  return found->second.get();
}

std::string SimRuntime::container_of(machine::ProcessId process) const {
  constexpr int kDepthMax = 1024;
  const machine::Kernel& kernel = daemon_.kernel();
  for (int depth = 0; process && depth < kDepthMax; ++depth) {
    for (const auto& [id, container] : containers_)
      if (container->monitor_process == process) return id;
    const machine::Process* found = kernel.processes.find(process);
    if (found == nullptr) break;
    process = found->parent;
  }
  return "";
}

Result<runtime::Created> SimRuntime::create(const runtime::CreateRequest& request) {
  if (request.id.empty() || request.id.find('/') != std::string::npos || request.id[0] == '.')
    return fail(ErrorKind::invalid_argument, "invalid container ID format: ", request.id);
  if (containers_.find(request.id) != containers_.end())
    return fail(ErrorKind::conflict, "container with given ID already exists");
  auto plan = TRY(plan_init(request.spec, features_));
  const HostedTask monitor = TRY(spawn_monitor(request.id));
  auto made = std::make_unique<Container>(request.id, monitor, SimCgroup(daemon_, plan.cgroups_path));
  Container& container = *(containers_[request.id] = std::move(made));
  container.monitor_process = daemon_.kernel().tasks[monitor.id()].process;
  container.spec = request.spec;
  auto prepared = prepare(container, plan, request.log);
  auto launched =
      prepared.ok() ? launch(container, "", std::move(plan), request.stdio) : Result<Launched>(prepared.error());
  if (!launched.ok()) {
    static_cast<void>(remove(request.id));
    return launched.error();
  }
  const machine::Kernel& kernel = daemon_.kernel();
  const machine::ProcessId process = launched->process->process;
  const std::int64_t pid = launched->process->pid;
  container.memory_group = machine::cgroup_for(kernel, kernel.processes[process], "memory");
  container.processes[""] = std::move(launched->process);
  return runtime::Created{pid, concat("/proc/", pid, "/ns/net")};
}

Result<void> SimRuntime::start(const std::string& id) {
  Process* process = TRY(find_living({id, ""}));
  if (process->child == nullptr) return fail(ErrorKind::conflict, "container is already running");
  auto ran = run_steps(*TRY(find(id)), *process);
  if (ran.ok()) return {};
  static_cast<void>(remove(id));
  return ran;
}

Result<void> SimRuntime::kill(const ProcessKey& key, int signal) {
  Process* process = TRY(find_living(key));
  Container* container = TRY(find(key.container));
  const auto sent = daemon_.attempt(number::kill, {process->pid, signal});
  if (!sent.ok() && sent.error() == Errno::esrch) return gone(key.container);
  if (!sent.ok()) return fail(ErrorKind::internal, "kill: ", to_string(sent.error()));
  // Frozen processes do not die: whoever waits for them would wait for ever.
  if (signal == kSigKill && container->cgroup.frozen()) TRY(container->cgroup.set_frozen(false));
  return {};
}

Result<void> SimRuntime::pause(const std::string& id) {
  TRY(find_living({id, ""}));
  return TRY(find(id))->cgroup.set_frozen(true);
}

Result<void> SimRuntime::resume(const std::string& id) {
  TRY(find_living({id, ""}));
  return TRY(find(id))->cgroup.set_frozen(false);
}

Result<std::int64_t> SimRuntime::exec(const runtime::ExecRequest& request) {
  const std::int64_t first = TRY(find_living({request.container, ""}))->pid;
  Container* container = TRY(find(request.container));
  runtime::Spec for_exec = container->spec;
  if (request.privileged) for_exec.seccomp.reset();
  const auto join = runtime::namespaces_of(container->spec, first);
  auto plan = TRY(plan_exec(for_exec, request.process, join, features_));
  auto launched = TRY(launch(*container, request.exec, std::move(plan), request.stdio));
  const std::int64_t pid = launched.process->pid;
  // Nothing that it writes before somebody attaches may be missed.
  unclaimed_.push_back({{request.container, request.exec},
                        launched.process->io->attach(request.stdio.open_stdin),
                        clock_.monotonic_ns() + kUnclaimedNs});
  container->processes[request.exec] = std::move(launched.process);
  return pid;
}

Result<void> SimRuntime::resize(const ProcessKey& key, runtime::ConsoleSize size) {
  const auto resized = TRY(find_living(key))->io->resize(size);
  if (!resized.ok()) return fail(ErrorKind::internal, "resize: ", to_string(resized.error()));
  return {};
}

Result<void> SimRuntime::update(const std::string& id, const runtime::Resources& resources) {
  TRY(find_living({id, ""}));
  return TRY(find(id))->cgroup.apply(resources);
}

Result<runtime::ContainerStats> SimRuntime::stats(const std::string& id) {
  const std::int64_t pid = TRY(find_living({id, ""}))->pid;
  auto stats = TRY(TRY(find(id))->cgroup.stats());
  stats.networks = network_stats(daemon_, pid);
  return stats;
}

Result<std::vector<std::int64_t>> SimRuntime::processes(const std::string& id) {
  const std::int64_t pid = TRY(find_living({id, ""}))->pid;
  auto pids = TRY(find(id))->cgroup.processes();
  if (pids.empty()) pids.push_back(pid);  // without cgroups
  return pids;
}

Result<std::unique_ptr<runtime::AttachedStream>> SimRuntime::attach(const ProcessKey& key, bool with_stdin) {
  for (auto one = unclaimed_.begin(); one != unclaimed_.end(); ++one) {
    if (!(one->process == key)) continue;
    auto stream = std::move(one->stream);
    unclaimed_.erase(one);
    return stream;
  }
  return TRY(find_living(key))->io->attach(with_stdin);
}

void SimRuntime::watch_log(const std::string& id) {
  if (auto container = find(id); container.ok()) (*container)->log_watched = true;
}

Result<void> SimRuntime::remove(const std::string& id) {
  Container* container = TRY(find(id));
  for (auto& [exec, process] : container->processes) {
    if (!process->ended) discard(*container, *process);
    process->io->close_output();
  }
  container->cgroup.kill_all();
  static_cast<void>(container->cgroup.remove());
  end_monitor(*container);
  containers_.erase(id);
  return {};
}

void SimRuntime::end_monitor(Container& container) {
  const std::int64_t pid =
      machine::pid_of(daemon_.kernel(), container.monitor_process, daemon_.kernel().initial_pid_namespace);
  container.processes.clear();  // their descriptors are the monitor's
  machine::exit_process(daemon_.kernel(), container.monitor_process, 0);
  static_cast<void>(daemon_.call(number::wait4, {pid, 0, kWaitNoHang | kWaitAll, 0}));
}

std::vector<runtime::RuntimeEvent> SimRuntime::drain() {
  pump();
  return std::exchange(events_, {});
}

bool SimRuntime::pump() {
  bool happened = false;
  const std::int64_t now = clock_.monotonic_ns();
  std::erase_if(unclaimed_, [now](const Unclaimed& one) { return one.deadline_ns <= now; });
  for (auto& [id, container] : containers_) happened = pump(*container) || happened;
  return happened;
}

bool SimRuntime::pump(Container& container) {
  bool happened = false;
  for (auto at = container.processes.begin(); at != container.processes.end();) {
    Process& process = *at->second;
    happened = process.io->pump() || happened;
    if (!process.ended) happened = take_end(container, process) || happened;
    if (process.ended && (process.io->output_ended() || clock_.monotonic_ns() >= process.close_output_ns))
      process.io->close_output();
    const bool forgotten = process.ended && process.io->output_ended() && !process.exec.empty();
    at = forgotten ? container.processes.erase(at) : std::next(at);
  }
  happened = note_oom(container) || happened;
  return note_log(container) || happened;
}

/// wait4(2) by the monitor, once its child is a zombie.
bool SimRuntime::take_end(Container& container, Process& process) {
  const machine::Kernel& kernel = daemon_.kernel();
  const machine::Process* found = kernel.processes.find(process.process);
  const machine::Task* leader = found != nullptr ? kernel.tasks.find(found->leader) : nullptr;
  if (leader != nullptr && leader->state != machine::TaskState::zombie) return false;
  std::string status(4, '\0');
  const auto waited =
      container.monitor.attempt(number::wait4, {process.pid, HostArgument::room(status), kWaitNoHang | kWaitAll, 0});
  if (waited.ok() && *waited == 0) return false;
  const std::uint32_t code = StructReader(status).u32(0);
  process.ended = true;
  process.child.reset();
  process.exit_code = (code & 0x7f) != 0 ? 128 + static_cast<int>(code & 0x7f) : static_cast<int>(code >> 8 & 0xff);
  process.io->take_leftovers();
  process.close_output_ns = clock_.monotonic_ns() + kLingerNs;
  if (process.exec.empty()) {
    // Without a pid namespace of its own the container's other processes are still there.
    container.cgroup.kill_all();
    container.exited = true;
    note_oom(container);
  }
  events_.push_back(runtime::ExitedEvent{
      {container.id, process.exec}, process.exit_code, process.exec.empty() && container.oom_killed, clock_.now()});
  return true;
}

bool SimRuntime::note_oom(Container& container) {
  const machine::Cgroup* group = daemon_.kernel().cgroups.find(container.memory_group);
  if (group == nullptr || group->oom_kills <= container.oom_kills_told) return false;
  container.oom_kills_told = group->oom_kills;
  container.oom_killed = true;
  events_.push_back(runtime::OomEvent{container.id});
  return true;
}

bool SimRuntime::note_log(Container& container) {
  if (container.log != nullptr && container.log->take_grown()) container.log_grown = true;
  if (!container.log_watched || !container.log_grown) return false;
  container.log_watched = false;
  container.log_grown = false;
  events_.push_back(runtime::LoggedEvent{container.id});
  return true;
}

}  // namespace drydock::sim
