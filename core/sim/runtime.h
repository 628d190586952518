#pragma once
// runtime::Runtime on the simulated host. A container's monitor and its first process, until its execve, are hosted
// tasks: what they do are system calls of theirs. pump() lets the monitors look around; the machine runs in between
// (sim_host.h).
//
// Not modelled: containers that outlive the daemon (recover() finds none: the machine ends with the program).

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/runtime.h"
#include "sim/cgroup.h"
#include "sim/child.h"
#include "sim/hosted_task.h"
#include "sim/process_io.h"

namespace drydock::sim {

class SimRuntime final : public runtime::Runtime {
 public:
  /// `root`: all files of the simulated host. Everything outlives the runtime.
  SimRuntime(HostedTask daemon, storage::HostFs& root, const Clock& clock);
  ~SimRuntime() override;

  /// Moves input and output, takes in what has ended. True: something happened.
  bool pump();

  /// The container that the process belongs to: a descendant of its monitor. Empty: none.
  std::string container_of(machine::ProcessId process) const;

  const runtime::KernelFeatures& features() const override { return features_; }
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
  Result<std::unique_ptr<runtime::AttachedStream>> attach(const runtime::ProcessKey& process, bool with_stdin) override;
  void watch_log(const std::string& container) override;
  Result<void> remove(const std::string& container) override;
  std::vector<runtime::Recovered> recover() override { return {}; }
  std::vector<runtime::RuntimeEvent> drain() override;

  static constexpr std::int64_t kUnclaimedNs = 1'000'000'000;  // a stream of exec() that nobody asks for
  static constexpr std::int64_t kLingerNs = 100'000'000;       // output of who holds an ended process's pipes

 private:
  struct Process {
    std::string exec;
    machine::ProcessId process;
    std::int64_t pid = 0;
    std::unique_ptr<Child> child;  // until its execve
    std::unique_ptr<ProcessIo> io;
    bool ended = false;
    int exit_code = 0;
    std::int64_t close_output_ns = 0;  // after its end
  };
  struct Container {
    Container(std::string id, HostedTask monitor, SimCgroup cgroup)
        : id(std::move(id)), monitor(monitor), cgroup(std::move(cgroup)) {}
    std::string id;
    HostedTask monitor;
    machine::ProcessId monitor_process;
    SimCgroup cgroup;
    runtime::Spec spec;
    std::unique_ptr<LogWriter> log;
    std::map<std::string, std::unique_ptr<Process>> processes;  // by exec; "": the first one
    bool log_watched = false, log_grown = false;
    bool exited = false;
    bool oom_killed = false;
    std::uint64_t oom_kills_told = 0;
    machine::CgroupId memory_group;
  };
  struct Unclaimed {
    runtime::ProcessKey process;
    std::unique_ptr<runtime::AttachedStream> stream;
    std::int64_t deadline_ns;
  };
  struct Launched {
    std::unique_ptr<Process> process;
    bool waits = false;
  };

  Result<Container*> find(const std::string& id);
  Result<Process*> find_living(const runtime::ProcessKey& key);

  // launch.cpp
  Result<HostedTask> spawn_monitor(const std::string& id);
  Result<void> prepare(Container& container, const runtime::InitPlan& plan, const runtime::LogFile& log);
  Result<Launched> launch(Container& container, const std::string& exec, runtime::InitPlan plan,
                          const runtime::Stdio& stdio);
  Result<void> run_steps(Container& container, Process& process);
  void discard(Container& container, Process& process);

  bool pump(Container& container);
  bool take_end(Container& container, Process& process);
  bool note_oom(Container& container);
  bool note_log(Container& container);
  void end_monitor(Container& container);

  HostedTask daemon_;
  storage::HostFs& root_;
  const Clock& clock_;
  runtime::KernelFeatures features_;
  std::map<std::string, std::unique_ptr<Container>> containers_;
  std::vector<Unclaimed> unclaimed_;
  std::vector<runtime::RuntimeEvent> events_;
};

/// What the simulated kernel can do.
runtime::KernelFeatures sim_kernel_features(const HostedTask& daemon);

}  // namespace drydock::sim
