#pragma once
// The owner of the loop: steps the daemon whenever something may have happened, and sleeps in epoll otherwise.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace boost::asio {
class io_context;
}
namespace drydock {
class Clock;
}
namespace drydock::engine {
struct Daemon;
}

namespace drydock::native {

class DaemonLoop {
 public:
  DaemonLoop(boost::asio::io_context& io, const Clock& clock);
  ~DaemonLoop();
  DaemonLoop(const DaemonLoop&) = delete;
  DaemonLoop& operator=(const DaemonLoop&) = delete;

  /// Asks for a step soon: many calls, one step. Also what the server and the transport are given as `wake`.
  void wake();
  /// Calls wake() and `pump` (before the step) whenever the descriptor is readable.
  void watch(int fd, std::function<void()> pump);
  /// For a backend that only moves when it is asked to: called before and after each step. What it returns counts as
  /// the daemon's own progress does, its deadline too.
  struct Turn {
    bool busy = false;
    std::optional<std::int64_t> deadline_ns;  // of the clock
  };
  void each_turn(std::function<Turn()> turn);
  /// After each step.
  void after_step(std::function<void()> hook);
  /// `handler` runs in the loop, not in the signal's context.
  void on_signals(std::initializer_list<int> signals, std::function<void(int)> handler);

  /// Returns after stop().
  void run(engine::Daemon& daemon);
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace drydock::native
