#pragma once
// epoll(7) with a function per descriptor, eventfd(2) and timerfd(2). The epoll descriptor itself can be watched, so
// that a Poller can be put into another loop.

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <map>

#include "native/kernel/fd.h"

namespace drydock::native {

class Poller {
 public:
  using Token = std::uint64_t;                         // never used twice
  using Handler = std::function<void(std::uint32_t)>;  // gets the EPOLL* bits

  static Result<Poller, SysError> make();

  /// The descriptor stays the caller's, who removes the token before closing it.
  Result<Token, SysError> add(int fd, std::uint32_t events, Handler handler);
  void modify(Token token, std::uint32_t events);
  void remove(Token token);

  /// Calls the handlers of what is ready; waits at most `timeout_ms` (-1: for ever). A handler may add and remove.
  void poll(int timeout_ms);
  int fd() const { return epoll_.get(); }

 private:
  explicit Poller(Fd epoll) : epoll_(std::move(epoll)) {}
  struct Watch {
    int fd;
    Handler handler;
  };
  Fd epoll_;
  Token next_ = 1;
  std::map<Token, Watch> watches_;
};

Result<Fd, SysError> make_eventfd();
/// Reads and clears the counter of an eventfd or timerfd.
std::uint64_t take_counter(int fd);
Result<Fd, SysError> make_timer();
/// Fires once after `ns`; 0 disarms.
void arm_timer(int timer, std::int64_t ns);

/// CLOCK_REALTIME and CLOCK_MONOTONIC in ns.
std::int64_t wall_clock_ns();
std::int64_t monotonic_clock_ns();

}  // namespace drydock::native
