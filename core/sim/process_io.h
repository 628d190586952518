#pragma once
// Moves a process's stdio on the simulated host: output to the log and to every attached client, clients' input to the
// process. Nothing is dropped: while a client's queue is full, output is not read and the process blocks; while stdin
// is full, the client's input waits. The pipes' other ends are descriptors of the container's monitor.

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "runtime/runtime.h"
#include "sim/hosted_task.h"
#include "sim/log_writer.h"

namespace drydock::sim {

struct StreamState;

class ProcessIo {
 public:
  static constexpr std::size_t kClientQueueMax = 256 * 1024;  // bytes; beyond it output is not read
  static constexpr std::size_t kInputQueueMax = 64 * 1024;
  static constexpr std::size_t kPieceBytes = 16 * 1024;
  static constexpr std::size_t kLeftoverMax = std::size_t{1} << 20;  // the most a pipe may still hold at the end

  ProcessIo(HostedTask monitor, runtime::Stdio stdio, LogWriter* log) : monitor_(monitor), stdio_(stdio), log_(log) {}
  ~ProcessIo();

  void use_pipes(SimFd input, SimFd output, SimFd errors);
  void use_terminal(SimFd master);
  std::unique_ptr<runtime::AttachedStream> attach(bool with_stdin);
  Result<void, Errno> resize(runtime::ConsoleSize size);

  /// Moves what can be moved now. True: something was.
  bool pump();
  /// The process has ended: takes what is left in its pipes, whatever clients' queues hold.
  void take_leftovers();
  /// No more output is expected; clients see the end once they have everything.
  void close_output();
  bool output_ended() const { return sources_.empty(); }

 private:
  struct Source {
    runtime::StreamKind kind;
    SimFd fd;
  };
  bool readable(int fd) const;
  /// False: nothing there now.
  bool pump_source(Source& source);
  void deliver(runtime::StreamKind kind, std::string_view bytes);
  bool take_input();
  bool write_input();
  void close_input();

  HostedTask monitor_;
  runtime::Stdio stdio_;
  LogWriter* log_;
  std::vector<Source> sources_;
  std::vector<std::shared_ptr<StreamState>> clients_;
  SimFd input_;  // of a pipe; a terminal is written to by its source's descriptor
  int terminal_ = -1;
  std::string pending_input_;
  bool close_input_after_pending_ = false;
  bool output_closed_ = false;
};

}  // namespace drydock::sim
