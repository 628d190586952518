#include "native/runtime/launcher.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

#include "native/kernel/message_socket.h"
#include "native/kernel/namespaces.h"
#include "native/runtime/child.h"
#include "native/runtime/child_context.h"

namespace drydock::native {

namespace {

using runtime::NamespaceKind;

struct ChildEnds {
  Fd input, output, errors;
};

Result<Fd, SysError> open_null() {
  return open_file("/dev/null", O_RDWR);
}

Result<ChildEnds, SysError> make_stdio(const runtime::Stdio& stdio, LaunchedProcess& process) {
  ChildEnds ends;
  if (stdio.terminal) return ends;
  if (stdio.open_stdin) {
    Pipe input = TRY(make_pipe());
    ends.input = std::move(input.read_end);
    process.input = std::move(input.write_end);
    TRY(set_nonblocking(process.input.get()));
  } else {
    ends.input = TRY(open_null());
  }
  Pipe output = TRY(make_pipe());
  Pipe errors = TRY(make_pipe());
  ends.output = std::move(output.write_end);
  ends.errors = std::move(errors.write_end);
  process.output = std::move(output.read_end);
  process.errors = std::move(errors.read_end);
  TRY(set_nonblocking(process.output.get()));
  TRY(set_nonblocking(process.errors.get()));
  return ends;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (const auto& text : strings) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

void add_program(const runtime::InitPlan& plan, ChildSetup& setup) {
  for (const auto& step : plan.child) {
    if (const auto* exec = std::get_if<runtime::StepExec>(&step)) {
      setup.arguments = pointers(exec->args);
      setup.environment = pointers(exec->env);
    }
  }
}

/// The namespaces to join, opened while the host's /proc is in sight. A pid namespace is for children only: the monitor
/// itself enters it around the clone.
Result<std::vector<Fd>, LaunchFailure> open_joins(const runtime::InitPlan& plan, ChildSetup& setup, Fd& pid_namespace) {
  std::vector<Fd> fds;
  for (std::size_t i = 0; i < plan.child.size(); ++i) {
    const auto* join = std::get_if<runtime::StepJoinNamespace>(&plan.child[i]);
    if (join == nullptr) continue;
    auto fd = open_namespace(join->path);
    if (!fd.ok())
      return LaunchFailure{static_cast<std::int32_t>(i), static_cast<std::int32_t>(fd.error().code), "", ""};
    if (join->kind == NamespaceKind::pid) {
      pid_namespace = std::move(fd).value();
      setup.joins.push_back(-1);
      continue;
    }
    setup.joins.push_back(fd->get());
    fds.push_back(std::move(fd).value());
  }
  return fds;
}

std::string id_map_text(const std::vector<runtime::IdMapping>& mappings) {
  std::string text;
  for (const auto& map : mappings) text += concat(map.container_id, " ", map.host_id, " ", map.size, "\n");
  return text;
}

/// Without privileges the kernel takes a map of one's own id only; the setuid helper of shadow-utils writes more.
bool map_by_helper(const char* helper, pid_t pid, const std::vector<runtime::IdMapping>& mappings) {
  std::vector<std::string> words = {helper, std::to_string(pid)};
  for (const auto& map : mappings) {
    for (const auto number : {map.container_id, map.host_id, map.size}) words.push_back(std::to_string(number));
  }
  auto arguments = pointers(words);
  pid_t helper_pid = 0;
  char* no_environment[] = {nullptr};
  if (::posix_spawnp(&helper_pid, helper, nullptr, nullptr, arguments.data(), no_environment) != 0) return false;
  int status = 0;
  return ::waitpid(helper_pid, &status, 0) == helper_pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Result<void, SysError> write_id_maps(pid_t pid, const runtime::InitPlan& plan) {
  const std::string process = concat("/proc/", pid);
  const auto uid = write_kernel_file(concat(process, "/uid_map"), id_map_text(plan.uid_mappings));
  if (!uid.ok() && !map_by_helper("newuidmap", pid, plan.uid_mappings)) return uid.error();
  const auto gid = write_kernel_file(concat(process, "/gid_map"), id_map_text(plan.gid_mappings));
  if (gid.ok() || map_by_helper("newgidmap", pid, plan.gid_mappings)) return {};
  // An unprivileged writer has to give up setgroups(2) first, see user_namespaces(7).
  TRY(write_kernel_file(concat(process, "/setgroups"), "deny"));
  return write_kernel_file(concat(process, "/gid_map"), id_map_text(plan.gid_mappings));
}

std::uint64_t namespace_flags(const runtime::InitPlan& plan) {
  std::uint64_t flags = 0;
  for (const auto kind : plan.new_namespaces) flags |= clone_flag(kind);
  return flags;
}

/// clone3 from inside another pid namespace, and back. Without the right to enter it the child does so itself.
Result<CloneResult, SysError> clone_in(const Fd& pid_namespace, std::uint64_t flags, int cgroup_fd, ChildSetup& setup) {
  if (!pid_namespace) return clone_process(flags, cgroup_fd);
  const Fd own = TRY(open_namespace("/proc/self/ns/pid"));
  const auto entered = enter_namespace(pid_namespace, CLONE_NEWPID);
  if (!entered.ok()) {
    if (entered.error().code != Errno::eperm) return entered.error();
    setup.pid_namespace = pid_namespace.get();
    return clone_process(flags, cgroup_fd);
  }
  auto result = clone_process(flags, cgroup_fd);
  if (result.ok() && result->pid == 0) return result;
  // Every later child would be born in the container otherwise.
  DD_ASSERT(enter_namespace(own, CLONE_NEWPID).ok());
  return result;
}

LaunchFailure to_failure(const Error& error) {
  return LaunchFailure{-1, 0, error.message, ""};
}

/// What the child waits for. Its own end is noticed later, by its pidfd: a message nobody reads is no failure.
Result<void, LaunchFailure> settle(const LaunchedProcess& process, const runtime::InitPlan& plan, bool maps,
                                   const std::vector<Fd>& entries) {
  if (maps) {
    const auto written = write_id_maps(process.pid, plan);
    if (!written.ok()) return to_failure(written.error());
    send_message(process.channel.get(), std::string_view(&kChildMapped, 1));
  }
  const std::string pid = std::to_string(process.pid);
  for (const Fd& entry : entries) {
    if (::write(entry.get(), pid.data(), pid.size()) >= 0 || errno == ESRCH) continue;
    return to_failure(last_error("unable to apply cgroup configuration: write", "cgroup.procs"));
  }
  send_message(process.channel.get(), std::string_view(&kChildMoved, 1));
  return {};
}

}  // namespace

LaunchFailure to_failure(const SysError& error) {
  return LaunchFailure{-1, static_cast<std::int32_t>(error.code), error.operation, error.object};
}

Result<LaunchedProcess, LaunchFailure> launch(const LaunchOrder& order, Cgroup& cgroup) {
  const runtime::InitPlan& plan = order.plan;
  LaunchedProcess process;
  ChildSetup setup;
  setup.plan = &plan;
  add_program(plan, setup);
  setup.filter.len = static_cast<unsigned short>(order.filter.size() / sizeof(sock_filter));
  setup.filter.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(order.filter.data()));

  Fd pid_namespace;
  const auto joins = TRY(open_joins(plan, setup, pid_namespace));
  const auto ends = make_stdio(order.stdio, process);
  if (!ends.ok()) return to_failure(ends.error());
  auto channel = make_socket_pair();
  if (!channel.ok()) return to_failure(channel.error());
  auto birth = cgroup.birth_directory();
  if (!birth.ok()) return to_failure(birth.error());
  std::vector<Fd> entries;
  if (!*birth) {
    auto opened = cgroup.entries();
    if (!opened.ok()) return to_failure(opened.error());
    entries = std::move(opened).value();
  }
  setup.channel = channel->second.get();
  setup.stdio[0] = ends->input.get();
  setup.stdio[1] = ends->output.get();
  setup.stdio[2] = ends->errors.get();
  const std::uint64_t flags = namespace_flags(plan);
  setup.new_user_namespace = (flags & CLONE_NEWUSER) != 0;

  auto cloned = clone_in(pid_namespace, flags, birth->get(), setup);
  if (!cloned.ok()) return to_failure(cloned.error());
  if (cloned->pid == 0) run_child(setup);
  process.pid = cloned->pid;
  process.pidfd = std::move(cloned->pidfd);
  process.channel = std::move(channel->first);
  auto settled = settle(process, plan, setup.new_user_namespace, entries);
  if (!settled.ok()) {
    static_cast<void>(send_signal(process.pidfd.get(), SIGKILL));
    ::waitpid(process.pid, nullptr, 0);
    return settled.error();
  }
  return process;
}

}  // namespace drydock::native
