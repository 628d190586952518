#include "native/runtime/linux_runtime.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "native/kernel/process.h"
#include "native/runtime/attached_stream.h"
#include "native/runtime/network_stats.h"
#include "native/runtime/seccomp_compiler.h"
#include "runtime/spec_json.h"

namespace drydock::runtime {
DD_WIRE(SeccompArgument, v.index, v.value, v.value_two, v.op)
DD_WIRE(SeccompRule, v.names, v.action, v.errno_value, v.arguments)
DD_WIRE(Seccomp, v.default_action, v.default_errno, v.architectures, v.rules)
}  // namespace drydock::runtime

namespace drydock::native {

namespace {

using runtime::ProcessKey;

constexpr const char* kConfigFileName = "config.json";

Result<void> make_directory(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) < 0 && errno != EEXIST) return Error(last_error("mkdir", path));
  return {};
}

Error gone(const std::string& container) {
  return make_error(ErrorKind::not_found, "container ", container, " is not running");
}

/// Words for a request that the monitor refused or did not answer.
Error request_error(const LaunchFailure& failure) {
  const auto kind = failure.code == static_cast<int>(Errno::esrch) ? ErrorKind::not_found : ErrorKind::internal;
  return make_error(kind, failure.operation, ": ", to_string(static_cast<Errno>(failure.code)));
}

}  // namespace

Error launch_error(const LaunchFailure& failure, const std::vector<runtime::InitStep>& steps) {
  constexpr std::string_view kPrefix = "unable to start container process: ";
  const auto code = static_cast<Errno>(failure.code);
  if (failure.step < 0 || static_cast<std::size_t>(failure.step) >= steps.size()) {
    std::string text = concat(kPrefix, failure.operation);
    if (!failure.object.empty()) text += concat(" ", failure.object);
    if (failure.code != 0) text += concat(": ", to_string(code));
    return Error(ErrorKind::internal, std::move(text));
  }
  return runtime::launch_error(steps[static_cast<std::size_t>(failure.step)], code);
}

LinuxRuntime::LinuxRuntime(LinuxRuntimeOptions options, std::shared_ptr<Poller> poller, Fd timer)
    : options_(std::move(options)),
      poller_(std::move(poller)),
      unclaimed_timer_(std::move(timer)),
      layout_(probe_cgroups()),
      features_(probe_kernel_features(layout_)) {}

LinuxRuntime::~LinuxRuntime() {
  for (auto& [id, container] : containers_) {
    if (container->link != nullptr) poller_->remove(container->link->token);
  }
}

Result<std::unique_ptr<LinuxRuntime>> LinuxRuntime::open(LinuxRuntimeOptions options) {
  if (::access(options.monitor_program.c_str(), X_OK) < 0) return Error(last_error("exec", options.monitor_program));
  auto poller = Poller::make();
  if (!poller.ok()) return Error(poller.error());
  auto timer = make_timer();
  if (!timer.ok()) return Error(timer.error());
  TRY(make_directory(options.exec_root, 0711));
  TRY(make_directory(concat(options.exec_root, "/containers"), 0700));
  auto shared = std::make_shared<Poller>(std::move(poller).value());
  std::unique_ptr<LinuxRuntime> made(new LinuxRuntime(std::move(options), shared, std::move(timer).value()));
  auto watched = shared->add(made->unclaimed_timer_.get(), EPOLLIN, [runtime = made.get()](std::uint32_t) {
    take_counter(runtime->unclaimed_timer_.get());
    runtime->drop_unclaimed();
  });
  if (!watched.ok()) return Error(watched.error());
  return made;
}

std::string LinuxRuntime::directory_of(const std::string& id) const {
  return concat(options_.exec_root, "/containers/", id);
}

Result<LinuxRuntime::Container*> LinuxRuntime::find(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return gone(id);
  return found->second.get();
}

Result<LinuxRuntime::Container*> LinuxRuntime::find_linked(const std::string& id) {
  Container* container = TRY(find(id));
  if (container->link == nullptr || container->exited) return gone(id);
  return container;
}

Result<std::string> LinuxRuntime::compiled_filter(runtime::InitPlan& plan) {
  for (auto& step : plan.child) {
    auto* load = std::get_if<runtime::StepLoadSeccomp>(&step);
    if (load == nullptr) continue;
    const std::string key = to_wire(load->filter);
    const auto known = filters_.find(key);
    if (known != filters_.end()) return known->second;
    std::string filter = TRY(compile_seccomp(load->filter));
    if (filters_.size() >= kFiltersMax) filters_.clear();
    filters_.emplace(key, filter);
    return filter;
  }
  return std::string();
}

Result<std::string> LinuxRuntime::launch_order(const std::string& id, const std::string& exec, runtime::InitPlan plan,
                                               const runtime::Stdio& stdio, const runtime::LogFile& log) {
  LaunchOrder order;
  order.id = id;
  order.exec = exec;
  order.filter = TRY(compiled_filter(plan));
  order.plan = std::move(plan);
  // The terminal is the plan's affair and the stdio's: both have to mean the same.
  order.plan.terminal = stdio.terminal;
  if (order.plan.console_size.height == 0) order.plan.console_size = stdio.console_size;
  order.stdio = stdio;
  order.log = log;
  std::string bytes = to_wire(order);
  if (bytes.size() > kLaunchOrderMax) return fail(ErrorKind::too_large, "arguments and environment are too long");
  return bytes;
}

Result<void> LinuxRuntime::make_container_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) == 0) return {};
  if (errno == EEXIST) return fail(ErrorKind::conflict, "container with given ID already exists");
  return Error(last_error("mkdir", directory));
}

Result<runtime::Created> LinuxRuntime::create(const runtime::CreateRequest& request) {
  if (request.id.empty() || request.id.find('/') != std::string::npos || request.id[0] == '.') {
    return fail(ErrorKind::invalid_argument, "invalid container ID format: ", request.id);
  }
  auto plan = TRY(plan_init(request.spec, features_));
  auto container = std::make_unique<Container>();
  container->id = request.id;
  container->directory = directory_of(request.id);
  container->cgroup = make_cgroup(layout_, plan.cgroups_path);
  container->steps = plan.child;
  container->spec = request.spec;
  const std::string order = TRY(launch_order(request.id, "", std::move(plan), request.stdio, request.log));
  TRY(make_container_directory(container->directory));
  Container& added = *(containers_[request.id] = std::move(container));
  auto created = launch_container(added, order);
  if (!created.ok()) discard(request.id);
  return created;
}

Result<runtime::Created> LinuxRuntime::launch_container(Container& container, const std::string& order) {
  auto link = MonitorLink::spawn(options_.monitor_program, container.directory);
  if (!link.ok()) return with_context("start monitor", Error(link.error()));
  container.link = std::move(link).value();
  // While the monitor starts: what an exec after the daemon's restart has to know.
  const Fd folder(::open(container.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto saved = replace_file(folder.get(), kConfigFileName, to_json_text(*container.spec));
  if (!saved.ok()) return Error(saved.error());
  const auto file = make_memory_file("launch", order);
  if (!file.ok()) return Error(file.error());
  const int fds[] = {file->get()};
  const auto reply = container.link->call(LaunchRequest{}, fds, kCallTimeoutNs);
  if (!reply.ok()) {
    container.link->kill_monitor();
    return with_context("unable to start container process: monitor", Error(reply.error()));
  }
  if (reply->failure) {
    add_step_events(container.id, container.steps, 0, container.steps.size(), &*reply->failure);
    return launch_error(*reply->failure, container.steps);
  }
  container.pid = reply->pid;
  std::size_t done = 0;
  while (done < container.steps.size() && !std::holds_alternative<runtime::StepAwaitStart>(container.steps[done])) {
    ++done;
  }
  add_step_events(container.id, container.steps, 0, done, nullptr);
  watch(container);
  return runtime::Created{container.pid, concat("/proc/", container.pid, "/ns/net")};
}

void LinuxRuntime::add_step_events(const std::string& container, const std::vector<runtime::InitStep>& steps,
                                   std::size_t begin, std::size_t end, const LaunchFailure* failure) {
  for (std::size_t i = begin; i < end; ++i) {
    const bool failed = failure != nullptr && failure->step == static_cast<std::int32_t>(i);
    if (failure != nullptr && failure->step < static_cast<std::int32_t>(i)) return;
    events_.push_back(runtime::StepEvent{container, static_cast<std::uint32_t>(i), step_name(steps[i]),
                                         step_detail(steps[i]), failed ? failure->code : 0});
  }
}

Result<void> LinuxRuntime::start(const std::string& id) {
  Container* container = TRY(find_linked(id));
  const auto reply = container->link->call(StartRequest{}, {}, kCallTimeoutNs);
  if (!reply.ok()) {
    const Error error = with_context("unable to start container process: monitor", Error(reply.error()));
    discard(id);
    return error;
  }
  const auto steps = std::exchange(container->steps, {});
  std::size_t first = 0;
  while (first < steps.size() && !std::holds_alternative<runtime::StepAwaitStart>(steps[first])) ++first;
  if (reply->failure) {
    add_step_events(id, steps, first, steps.size(), &*reply->failure);
    const Error error = launch_error(*reply->failure, steps);
    discard(id);
    return error;
  }
  add_step_events(id, steps, first, steps.size(), nullptr);
  return {};
}

Result<void> LinuxRuntime::kill(const ProcessKey& process, int signal) {
  Container* container = TRY(find_linked(process.container));
  const auto reply = container->link->call(SignalRequest{process.exec, signal}, {}, kCallTimeoutNs);
  if (!reply.ok()) return gone(process.container);
  if (reply->failure) return request_error(*reply->failure);
  // Frozen processes do not die: on cgroup v1 whoever waits for them would wait for ever.
  if (signal == SIGKILL && container->cgroup->frozen()) TRY(container->cgroup->thaw());
  return {};
}

Result<void> LinuxRuntime::pause(const std::string& id) {
  return TRY(find_linked(id))->cgroup->freeze();
}

Result<void> LinuxRuntime::resume(const std::string& id) {
  return TRY(find_linked(id))->cgroup->thaw();
}

Result<runtime::Spec*> LinuxRuntime::spec_of(Container& container) {
  if (!container.spec) {
    auto text = read_file(concat(container.directory, "/", kConfigFileName), runtime::kConfigBytesMax);
    if (!text.ok()) return Error(text.error());
    container.spec = TRY(runtime::spec_from_json(*text));
  }
  return &*container.spec;
}

Result<std::int64_t> LinuxRuntime::exec(const runtime::ExecRequest& request) {
  Container* container = TRY(find_linked(request.container));
  const runtime::Spec* spec = TRY(spec_of(*container));
  runtime::Spec for_exec = *spec;
  if (request.privileged) for_exec.seccomp.reset();
  auto plan = TRY(plan_exec(for_exec, request.process, runtime::namespaces_of(*spec, container->pid), features_));
  const auto steps = plan.child;
  const std::string order = TRY(launch_order(request.container, request.exec, std::move(plan), request.stdio, {}));
  const auto file = make_memory_file("launch", order);
  if (!file.ok()) return Error(file.error());
  auto pair = make_socket_pair();
  if (!pair.ok()) return Error(pair.error());
  const int fds[] = {file->get(), pair->second.get()};
  const auto reply = container->link->call(LaunchRequest{}, fds, kCallTimeoutNs);
  if (!reply.ok()) return with_context("exec failed: monitor", Error(reply.error()));
  if (reply->failure) return launch_error(*reply->failure, steps);
  auto stream = std::make_unique<LinuxAttachedStream>(poller_, std::move(pair->first), request.stdio.open_stdin);
  unclaimed_.push_back({{request.container, request.exec}, std::move(stream), monotonic_clock_ns() + kUnclaimedNs});
  arm_timer(unclaimed_timer_.get(), kUnclaimedNs);
  return reply->pid;
}

void LinuxRuntime::drop_unclaimed() {
  const std::int64_t now = monotonic_clock_ns();
  std::erase_if(unclaimed_, [&](const Unclaimed& one) { return one.deadline_ns <= now; });
  if (!unclaimed_.empty())
    arm_timer(unclaimed_timer_.get(), std::max<std::int64_t>(1, unclaimed_.front().deadline_ns - now));
}

Result<void> LinuxRuntime::resize(const ProcessKey& process, runtime::ConsoleSize size) {
  Container* container = TRY(find_linked(process.container));
  const auto reply = container->link->call(ResizeRequest{process.exec, size}, {}, kCallTimeoutNs);
  if (!reply.ok()) return gone(process.container);
  if (reply->failure) return request_error(*reply->failure);
  return {};
}

Result<void> LinuxRuntime::update(const std::string& id, const runtime::Resources& resources) {
  return TRY(find_linked(id))->cgroup->apply(resources);
}

Result<runtime::ContainerStats> LinuxRuntime::stats(const std::string& id) {
  Container* container = TRY(find_linked(id));
  auto stats = TRY(container->cgroup->stats());
  stats.networks = read_network_stats(container->pid);
  return stats;
}

Result<std::vector<std::int64_t>> LinuxRuntime::processes(const std::string& id) {
  Container* container = TRY(find_linked(id));
  auto pids = container->cgroup->processes();
  if (pids.empty()) pids.push_back(container->pid);  // without cgroups
  return pids;
}

Result<std::unique_ptr<runtime::AttachedStream>> LinuxRuntime::attach(const ProcessKey& process, bool with_stdin) {
  for (auto one = unclaimed_.begin(); one != unclaimed_.end(); ++one) {
    if (!(one->process == process)) continue;
    auto stream = std::move(one->stream);
    unclaimed_.erase(one);
    return stream;
  }
  Container* container = TRY(find_linked(process.container));
  auto pair = make_socket_pair();
  if (!pair.ok()) return Error(pair.error());
  const int fds[] = {pair->second.get()};
  const auto reply = container->link->call(AttachRequest{process.exec, with_stdin}, fds, kCallTimeoutNs);
  if (!reply.ok()) return gone(process.container);
  if (reply->failure) return request_error(*reply->failure);
  return std::unique_ptr<runtime::AttachedStream>(
      std::make_unique<LinuxAttachedStream>(poller_, std::move(pair->first), with_stdin));
}

void LinuxRuntime::watch_log(const std::string& id) {
  auto container = find_linked(id);
  if (container.ok()) (*container)->link->post(WatchLogRequest{});
}

Result<void> LinuxRuntime::remove(const std::string& id) {
  TRY(find(id));
  discard(id);
  return {};
}

std::vector<runtime::RuntimeEvent> LinuxRuntime::drain() {
  pump();
  return std::exchange(events_, {});
}

}  // namespace drydock::native
