#include "native/kernel/poller.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <cerrno>
#include <ctime>

#include "base/clock.h"

namespace drydock::native {

Result<Poller, SysError> Poller::make() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return last_error("epoll_create1");
  return Poller(std::move(epoll));
}

Result<Poller::Token, SysError> Poller::add(int fd, std::uint32_t events, Handler handler) {
  const Token token = next_++;
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0) return last_error("epoll_ctl");
  watches_.emplace(token, Watch{fd, std::move(handler)});
  return token;
}

void Poller::modify(Token token, std::uint32_t events) {
  const auto found = watches_.find(token);
  if (found == watches_.end()) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, found->second.fd, &event);
}

void Poller::remove(Token token) {
  const auto found = watches_.find(token);
  if (found == watches_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
  watches_.erase(found);
}

void Poller::poll(int timeout_ms) {
  epoll_event events[64];
  const int count = ::epoll_wait(epoll_.get(), events, 64, timeout_ms);
  for (int i = 0; i < count; ++i) {
    // An earlier handler of this round may have removed this one: its token is gone then.
    const auto found = watches_.find(events[i].data.u64);
    if (found == watches_.end()) continue;
    const Handler handler = found->second.handler;  // a copy: it may remove itself
    handler(events[i].events);
  }
}

Result<Fd, SysError> make_eventfd() {
  Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) return last_error("eventfd");
  return fd;
}

std::uint64_t take_counter(int fd) {
  std::uint64_t count = 0;
  return ::read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

Result<Fd, SysError> make_timer() {
  Fd fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd) return last_error("timerfd_create");
  return fd;
}

void arm_timer(int timer, std::int64_t ns) {
  itimerspec when{};
  when.it_value.tv_sec = ns / kNanosPerSecond;
  when.it_value.tv_nsec = ns % kNanosPerSecond;
  ::timerfd_settime(timer, 0, &when, nullptr);
}

namespace {
std::int64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}
}  // namespace

std::int64_t wall_clock_ns() {
  return clock_ns(CLOCK_REALTIME);
}

std::int64_t monotonic_clock_ns() {
  return clock_ns(CLOCK_MONOTONIC);
}

}  // namespace drydock::native
