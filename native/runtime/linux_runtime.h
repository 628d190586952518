#pragma once
// runtime::Runtime on Linux: makes the plan, has a monitor per container carry it out, and keeps a connection to each
// monitor. One thread; event_fd() is for the owner's loop.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "native/kernel/poller.h"
#include "native/runtime/cgroup.h"
#include "native/runtime/monitor_link.h"
#include "runtime/runtime.h"

namespace drydock::native {

struct LinuxRuntimeOptions {
  std::string exec_root;        // containers live in its folder "containers"; gone after a reboot (/run)
  std::string monitor_program;  // the path of drydock-monitor
};

class LinuxRuntime final : public runtime::Runtime {
 public:
  static Result<std::unique_ptr<LinuxRuntime>> open(LinuxRuntimeOptions options);
  ~LinuxRuntime() override;

  /// Readable when pump() has work; for epoll, poll or another loop.
  int event_fd() const { return poller_->fd(); }
  /// Takes in what the monitors say, without waiting.
  void pump();

  const runtime::KernelFeatures& features() const override { return features_; }
  /// Errors of create, start and exec: not_found where the program is not there (exit code 127), forbidden where it
  /// cannot be executed (126).
  Result<runtime::Created> create(const runtime::CreateRequest& request) override;
  Result<void> start(const std::string& container) override;
  Result<void> kill(const runtime::ProcessKey& process, int signal) override;
  Result<void> pause(const std::string& container) override;
  Result<void> resume(const std::string& container) override;
  Result<std::int64_t> exec(const runtime::ExecRequest& request) override;
  Result<void> resize(const runtime::ProcessKey& process, runtime::ConsoleSize size) override;
  Result<void> update(const std::string& container, const runtime::Resources& resources) override;
  Result<runtime::ContainerStats> stats(const std::string& container) override;
  Result<std::vector<std::int64_t>> processes(const std::string& container) override;
  /// For a process of exec(): nothing is missed if this is called within kUnclaimedNs after it.
  Result<std::unique_ptr<runtime::AttachedStream>> attach(const runtime::ProcessKey& process, bool with_stdin) override;
  void watch_log(const std::string& container) override;
  Result<void> remove(const std::string& container) override;
  std::vector<runtime::Recovered> recover() override;
  std::vector<runtime::RuntimeEvent> drain() override;

  static constexpr std::int64_t kCallTimeoutNs = 30'000'000'000;
  static constexpr std::int64_t kKillTimeoutNs = 10'000'000'000;
  static constexpr std::int64_t kUnclaimedNs = 1'000'000'000;
  static constexpr std::size_t kFiltersMax = 16;  // compiled seccomp filters that are kept

 private:
  struct Container {
    std::string id;
    std::string directory;
    std::unique_ptr<MonitorLink> link;  // null once the monitor is gone
    std::unique_ptr<Cgroup> cgroup;
    std::vector<runtime::InitStep> steps;  // of its plan, until it runs: for the words of a failure and the trace
    std::int64_t pid = 0;
    bool exited = false;
    std::optional<runtime::Spec> spec;  // read from config.json when an exec needs it after a restart
  };
  struct Unclaimed {
    runtime::ProcessKey process;
    std::unique_ptr<runtime::AttachedStream> stream;
    std::int64_t deadline_ns;
  };

  LinuxRuntime(LinuxRuntimeOptions options, std::shared_ptr<Poller> poller, Fd timer);
  std::string directory_of(const std::string& id) const;
  Result<Container*> find(const std::string& id);
  Result<Container*> find_linked(const std::string& id);

  // linux_runtime.cpp
  Result<std::string> compiled_filter(runtime::InitPlan& plan);
  Result<std::string> launch_order(const std::string& id, const std::string& exec, runtime::InitPlan plan,
                                   const runtime::Stdio& stdio, const runtime::LogFile& log);
  Result<void> make_container_directory(const std::string& directory);
  Result<runtime::Created> launch_container(Container& container, const std::string& order);
  Result<runtime::Spec*> spec_of(Container& container);
  void add_step_events(const std::string& container, const std::vector<runtime::InitStep>& steps, std::size_t begin,
                       std::size_t end, const LaunchFailure* failure);
  void discard(const std::string& id);
  /// Streams of exec() that nobody asked for in time.
  void drop_unclaimed();

  // linux_runtime_recover.cpp
  std::unique_ptr<MonitorLink> find_monitor(const std::string& directory, Fd& lock);
  std::optional<runtime::Recovered> recover_one(const std::string& id);
  runtime::Recovered bury(Container& container, const struct ContainerState& state);
  void watch(Container& container);
  void on_link(Container& container);
  void on_message(Container& container, const MonitorMessage& message);
  /// The monitor ended without saying that the container did: nothing of the container may go on.
  void on_monitor_lost(Container& container);
  void clean_up(Container& container);

  LinuxRuntimeOptions options_;
  std::shared_ptr<Poller> poller_;  // attached streams, which callers own, hold it too
  Fd unclaimed_timer_;
  CgroupLayout layout_;
  runtime::KernelFeatures features_;
  std::map<std::string, std::unique_ptr<Container>> containers_;
  std::map<std::string, std::string> filters_;  // by the filter's content
  std::vector<Unclaimed> unclaimed_;
  std::vector<runtime::RuntimeEvent> events_;
  std::vector<Fd> old_monitors_;  // pidfds of monitors that are about to end: to be reaped
};

/// What this kernel, and this process on it, can do. Nothing is assumed, everything is looked up or tried.
runtime::KernelFeatures probe_kernel_features(const CgroupLayout& layout);

/// What users read about a failed launch, in runc's words.
Error launch_error(const LaunchFailure& failure, const std::vector<runtime::InitStep>& steps);

}  // namespace drydock::native
