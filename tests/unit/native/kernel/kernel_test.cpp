#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "native/kernel/message_socket.h"
#include "native/kernel/mount_table.h"
#include "native/kernel/poller.h"
#include "native/kernel/process.h"

namespace drydock::native {

TEST_CASE("a line of mountinfo gives root, mount point, type and options, with escapes undone") {
  const auto mounts = parse_mount_info(
      "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
      "32 31 0:29 /a\\040b /mnt/c\\134d rw shared:1 master:2 - cgroup cgroup rw,cpu,cpuacct\n"
      "damaged line\n");
  REQUIRE(mounts.size() == 2);
  CHECK(mounts[0].type == "tmpfs");
  CHECK(mounts[1].root == "/a b");
  CHECK(mounts[1].mount_point == "/mnt/c\\d");
  CHECK(mounts[1].super_options == "rw,cpu,cpuacct");
}

TEST_CASE("messages keep their boundaries and carry descriptors") {
  auto pair = make_socket_pair();
  REQUIRE(pair.ok());
  auto pipe = make_pipe();
  REQUIRE(pipe.ok());
  const int fds[] = {pipe->write_end.get()};
  REQUIRE(send_message(pair->first.get(), "one", fds) == SendStatus::sent);
  REQUIRE(send_message(pair->first.get(), "two") == SendStatus::sent);
  ReceivedMessage message;
  REQUIRE(receive_message(pair->second.get(), 100, message) == ReceiveStatus::message);
  CHECK(message.bytes == "one");
  REQUIRE(message.fds.size() == 1);
  CHECK(::write(message.fds[0].get(), "x", 1) == 1);
  REQUIRE(receive_message(pair->second.get(), 100, message) == ReceiveStatus::message);
  CHECK(message.bytes == "two");
  CHECK(message.fds.empty());
  CHECK(receive_message(pair->second.get(), 100, message) == ReceiveStatus::nothing);
  pair->first.reset();
  CHECK(receive_message(pair->second.get(), 100, message) == ReceiveStatus::closed);
  CHECK(send_message(pair->second.get(), "three") == SendStatus::closed);
}

TEST_CASE("what a peer sent is read although it closed without reading everything") {
  auto pair = make_socket_pair();
  REQUIRE(pair.ok());
  REQUIRE(send_message(pair->second.get(), "unread") == SendStatus::sent);
  REQUIRE(send_message(pair->first.get(), "last words") == SendStatus::sent);
  pair->first.reset();
  ReceivedMessage message;
  REQUIRE(receive_message(pair->second.get(), 100, message) == ReceiveStatus::message);
  CHECK(message.bytes == "last words");
  CHECK(receive_message(pair->second.get(), 100, message) == ReceiveStatus::closed);
}

TEST_CASE("a message that is too long counts as a closed connection") {
  auto pair = make_socket_pair();
  REQUIRE(pair.ok());
  REQUIRE(send_message(pair->first.get(), "too long") == SendStatus::sent);
  ReceivedMessage message;
  CHECK(receive_message(pair->second.get(), 4, message) == ReceiveStatus::closed);
}

TEST_CASE("a full socket says so") {
  auto pair = make_socket_pair();
  REQUIRE(pair.ok());
  const std::string piece(60'000, 'x');
  int sent = 0;
  while (sent < 1000 && send_message(pair->first.get(), piece) == SendStatus::sent) ++sent;
  CHECK(sent > 0);
  CHECK(send_message(pair->first.get(), piece) == SendStatus::full);
}

TEST_CASE("a process is reaped by its pidfd with its exit code or signal") {
  auto one = clone_process(0);
  REQUIRE(one.ok());
  if (one->pid == 0) ::_exit(42);
  REQUIRE(wait_ready(one->pidfd.get(), POLLIN, monotonic_clock_ns() + 5'000'000'000));
  CHECK(reap(one->pidfd.get()) == 42);
  CHECK(send_signal(one->pidfd.get(), SIGKILL).error().code == Errno::esrch);

  auto two = clone_process(0);
  REQUIRE(two.ok());
  if (two->pid == 0) {
    ::pause();
    ::_exit(0);
  }
  CHECK(!reap(two->pidfd.get()).has_value());
  CHECK(process_start_ticks(two->pid).value_or(0) > 0);
  REQUIRE(send_signal(two->pidfd.get(), SIGKILL).ok());
  REQUIRE(wait_ready(two->pidfd.get(), POLLIN, monotonic_clock_ns() + 5'000'000'000));
  CHECK(reap(two->pidfd.get()) == 128 + SIGKILL);
  CHECK(!process_start_ticks(two->pid).has_value());
}

TEST_CASE("a handler that removes another one of the same round keeps it from being called") {
  auto poller = Poller::make();
  REQUIRE(poller.ok());
  auto first = make_pipe();
  auto second = make_pipe();
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  int calls = 0;
  Poller::Token tokens[2] = {};
  for (int i = 0; i < 2; ++i) {
    auto token = poller->add((i == 0 ? first : second)->read_end.get(), EPOLLIN, [&, i](std::uint32_t) {
      ++calls;
      poller->remove(tokens[1 - i]);
    });
    REQUIRE(token.ok());
    tokens[i] = *token;
  }
  CHECK(::write(first->write_end.get(), "x", 1) == 1);
  CHECK(::write(second->write_end.get(), "x", 1) == 1);
  poller->poll(1000);
  CHECK(calls == 1);
}

}  // namespace drydock::native
