#pragma once
// The monitor of one container: parent of its processes, keeper of their terminal, pipes, log and exit codes. It
// outlives the daemon, which it serves over monitor.sock; see README.md for who dies when.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "native/kernel/message_socket.h"
#include "native/kernel/poller.h"
#include "native/runtime/launcher.h"
#include "native/runtime/monitor_protocol.h"
#include "native/runtime/process_io.h"
#include "native/runtime/state_file.h"

namespace drydock::native {

class Monitor {
 public:
  /// Takes over the descriptors that the daemon passed: the first connection and the container's folder.
  static Result<std::unique_ptr<Monitor>, SysError> make(Fd control, Fd directory);
  ~Monitor();
  /// Returns when the container is over and everything about it is told or on disk.
  void run();

 private:
  static constexpr std::size_t kUndeliveredMax = 1000;
  static constexpr std::int64_t kOutputLingerNs = 2'000'000'000;  // for output of processes that outlive their parent
  static constexpr std::int64_t kKillTimeoutNs = 10'000'000'000;

  struct Connection {
    Fd socket;
    Poller::Token token = 0;
    std::deque<std::string> queue;
  };
  struct PendingReply {
    const Connection* connection = nullptr;
    std::uint32_t sequence = 0;
  };
  enum class Phase { launching, created, starting, running, ended };
  struct Process {
    std::string exec;
    Phase phase = Phase::launching;
    LaunchedProcess launched;
    bool reaped = false;
    Poller::Token channel_token = 0;
    Poller::Token pidfd_token = 0;
    std::unique_ptr<ProcessIo> io;
    std::optional<PendingReply> pending;
    Fd helper;  // the process that handed over to this one (child.h)
    Poller::Token helper_token = 0;
    Fd linger_timer;
    Poller::Token linger_token = 0;
  };

  Monitor(Poller poller, Fd directory) : poller_(std::move(poller)), directory_(std::move(directory)) {}

  // monitor_connections.cpp
  Result<void, SysError> serve(Fd control);
  void add_connection(Fd socket);
  void on_connection(Connection& connection, std::uint32_t events);
  void drop(Connection& connection);
  void send(Connection& connection, const MonitorMessage& message);
  void flush(Connection& connection);
  void tell_all(const MonitorMessage& message);
  void reply(const PendingReply& to, std::int64_t pid, std::optional<LaunchFailure> failure,
             std::optional<MonitorState> state = std::nullopt);
  void handle(Connection& connection, Request request, std::vector<Fd> fds);

  void handle_launch(PendingReply to, std::vector<Fd> fds);
  void handle_start(PendingReply to);
  void handle_attach(PendingReply to, const AttachRequest& request, std::vector<Fd> fds);
  void handle_signal(PendingReply to, const SignalRequest& request);
  void handle_resize(PendingReply to, const ResizeRequest& request);
  void handle_watch_log(PendingReply to);
  void handle_destroy(PendingReply to);
  MonitorState state_now() const;

  // monitor_processes.cpp
  Result<void, LaunchFailure> prepare_container(LaunchOrder& order);
  Process* find(const std::string& exec);
  void watch(Process& process);
  void on_channel(Process& process);
  void on_news(Process& process, const struct ChildMessage& message, std::vector<Fd> fds);
  void hand_over(Process& process, pid_t pid, Fd pidfd);
  void on_executing(Process& process);
  void on_launch_failed(Process& process, LaunchFailure failure);
  void on_exit(Process& process);
  void finish_container(int exit_code);
  void finish_exec(Process& process, int exit_code);
  void linger(Process& process);
  void forget_ended();
  void on_oom();
  void note_log();
  void tear_down_container();
  void save();
  bool finished() const;

  Poller poller_;
  Fd directory_;
  Fd listener_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::map<std::string, std::unique_ptr<Process>> processes_;  // by exec; "" is the container's first one
  std::unique_ptr<LogWriter> log_;
  std::unique_ptr<Cgroup> cgroup_;
  Fd oom_watch_;
  ContainerState state_;
  LaunchOrder order_;  // of the container; its plan is dropped once the process runs
  std::uint64_t oom_kills_told_ = 0;
  bool log_watched_ = false;
  bool log_grown_ = false;
  bool released_ = false;
  bool failed_ = false;  // the container could not be made or started: nothing stays
  std::vector<ProcessExit> undelivered_;
};

}  // namespace drydock::native
