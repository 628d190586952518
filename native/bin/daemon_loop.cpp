#include "native/bin/daemon_loop.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <vector>

#include "engine/daemon.h"

namespace drydock::native {

namespace asio = boost::asio;

struct DaemonLoop::State : std::enable_shared_from_this<DaemonLoop::State> {
  State(asio::io_context& io, const Clock& clock) : io(io), clock(clock), timer(io), signals(io) {}

  struct Watch {
    explicit Watch(asio::io_context& io, int fd) : descriptor(io, fd) {}
    asio::posix::stream_descriptor descriptor;
    std::function<void()> pump;
  };

  void schedule() {
    if (scheduled || daemon == nullptr) return;
    scheduled = true;
    asio::post(io, [self = shared_from_this()] { self->step(); });
  }

  void step() {
    scheduled = false;
    if (daemon == nullptr) return;
    for (const auto& watch : watches) watch->pump();
    if (turn) static_cast<void>(turn());
    engine::Daemon::Progress progress = daemon->step();
    if (turn) {
      const Turn after = turn();
      progress.busy = progress.busy || after.busy;
      if (after.deadline_ns) progress.deadline_ns = std::min(progress.deadline_ns, *after.deadline_ns);
    }
    if (hook) hook();
    if (progress.busy) {
      schedule();  // behind what the sockets have to say
    } else {
      sleep_until(progress.deadline_ns);
    }
  }

  void sleep_until(std::int64_t deadline_ns) {
    if (deadline_ns == engine::kNoDeadline) {
      timer.cancel();
      return;
    }
    const std::int64_t wait_ns = std::max<std::int64_t>(0, deadline_ns - clock.monotonic_ns());
    timer.expires_after(std::chrono::nanoseconds(wait_ns));
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->schedule();
    });
  }

  void wait_readable(Watch& watch) {
    watch.descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                [self = shared_from_this(), &watch](const boost::system::error_code& error) {
                                  if (error) return;
                                  // The step pumps; until then the descriptor stays readable and is not waited for.
                                  asio::post(self->io, [self, &watch] { self->wait_readable(watch); });
                                  self->step();
                                });
  }

  void wait_signal() {
    signals.async_wait([self = shared_from_this()](const boost::system::error_code& error, int number) {
      if (error) return;
      self->signal_handler(number);
      self->wait_signal();
    });
  }

  asio::io_context& io;
  const Clock& clock;
  asio::steady_timer timer;
  asio::signal_set signals;
  std::function<void(int)> signal_handler;
  std::function<void()> hook;
  std::function<Turn()> turn;
  std::vector<std::unique_ptr<Watch>> watches;
  engine::Daemon* daemon = nullptr;
  bool scheduled = false;
};

DaemonLoop::DaemonLoop(asio::io_context& io, const Clock& clock) : state_(std::make_shared<State>(io, clock)) {}

DaemonLoop::~DaemonLoop() {
  for (auto& watch : state_->watches) watch->descriptor.release();  // not ours to close
}

void DaemonLoop::wake() {
  state_->schedule();
}

void DaemonLoop::watch(int fd, std::function<void()> pump) {
  auto watch = std::make_unique<State::Watch>(state_->io, fd);
  watch->pump = std::move(pump);
  state_->wait_readable(*watch);
  state_->watches.push_back(std::move(watch));
}

void DaemonLoop::each_turn(std::function<Turn()> turn) {
  state_->turn = std::move(turn);
}

void DaemonLoop::after_step(std::function<void()> hook) {
  state_->hook = std::move(hook);
}

void DaemonLoop::on_signals(std::initializer_list<int> signals, std::function<void(int)> handler) {
  for (int number : signals) state_->signals.add(number);
  state_->signal_handler = std::move(handler);
  state_->wait_signal();
}

void DaemonLoop::run(engine::Daemon& daemon) {
  state_->daemon = &daemon;
  state_->schedule();
  state_->io.run();
  state_->daemon = nullptr;
}

void DaemonLoop::stop() {
  state_->daemon = nullptr;
  state_->io.stop();
}

}  // namespace drydock::native
