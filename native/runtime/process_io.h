#pragma once
// Moves a process's stdio: output to the log and to every attached client, clients' input to the process. Nothing is
// dropped: while a client's queue is full, output is not read and the process blocks; while stdin is full, the client
// is not read. Without a log and without clients output is read and forgotten.

#include <deque>
#include <list>
#include <memory>
#include <string>

#include "native/kernel/poller.h"
#include "native/runtime/log_writer.h"
#include "runtime/runtime.h"

namespace drydock::native {

class ProcessIo {
 public:
  static constexpr std::size_t kClientQueueMax = 256 * 1024;         // bytes; beyond it output is not read
  static constexpr std::size_t kLeftoverMax = std::size_t{1} << 20;  // the most a pipe may still hold at the end

  ProcessIo(Poller& poller, runtime::Stdio stdio, LogWriter* log) : poller_(poller), stdio_(stdio), log_(log) {}
  ~ProcessIo();
  ProcessIo(const ProcessIo&) = delete;
  ProcessIo& operator=(const ProcessIo&) = delete;

  void use_pipes(Fd input, Fd output, Fd errors);
  void use_terminal(Fd master);
  void attach(Fd socket, bool with_stdin);
  Result<void, SysError> resize(runtime::ConsoleSize size);

  /// The process has ended: takes what is left in its pipes, whatever clients' queues hold.
  void take_leftovers();
  /// No more output is expected; clients are closed once they have everything.
  void close_output();
  /// All outputs are at their end.
  bool output_ended() const { return sources_.empty(); }
  bool clients_drained() const { return clients_.empty(); }

 private:
  struct Source {
    runtime::StreamKind kind;
    Fd fd;
    Poller::Token token = 0;
  };
  struct Client {
    Fd socket;
    Poller::Token token = 0;  // 0: not watched
    std::uint32_t watched = 0;
    bool with_stdin = false;
    bool fed = false;  // it has sent input
    std::deque<std::string> queue;
    std::size_t queued = 0;
  };

  void add_source(runtime::StreamKind kind, Fd fd);
  /// Reads one piece. False: nothing there now, or the end.
  bool pump_source(Source& source);
  void end_source(int fd);
  void deliver(std::string_view piece);
  void watch_client(Client& client);
  void on_client(Client& client, std::uint32_t events);
  void flush(Client& client);
  void read_client(Client& client);
  void drop(Client& client);
  void update_watches();
  void write_input();
  void close_input();
  bool input_waits() const { return !pending_input_.empty(); }

  Poller& poller_;
  runtime::Stdio stdio_;
  LogWriter* log_;
  std::list<Source> sources_;
  std::list<Client> clients_;
  int terminal_ = -1;  // the master, owned by its source
  Fd input_;           // pipe, or a duplicate of the master
  Poller::Token input_token_ = 0;
  std::string pending_input_;
  bool close_input_after_pending_ = false;
  bool output_closed_ = false;
};

}  // namespace drydock::native
