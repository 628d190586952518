#pragma once
// What every kernel's runtime::Runtime has to do. A backend's test file gives a World and invokes the suite:
//
//   TEST_CASE_TEMPLATE_INVOKE(runtime_suite, LinuxWorld);
//
// A World is default-constructible and offers
//   static std::optional<std::string> unusable();    why this machine cannot run it, printed when the suite is skipped
//   runtime::Runtime& runtime();
//   runtime::Spec spec(args);                        a Spec over a root with BusyBox in /bin, not started anywhere yet
//   void turn();                                     lets time pass until something may have happened (at most 0.1 s)

#include <doctest/doctest.h>

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/runtime.h"

namespace drydock::conformance {

inline constexpr int kTurnsMax = 600;

/// A container that a test makes, watches and removes.
template <class World>
class Box {
 public:
  Box(World& world, std::string id, std::vector<std::string> args) : world_(world) {
    request.id = std::move(id);
    request.spec = world.spec(std::move(args));
    request.spec.cgroups_path = "/drydock-test/" + request.id;
  }
  ~Box() { static_cast<void>(world_.runtime().remove(request.id)); }

  Result<runtime::Created> create() {
    request.spec.process.terminal = request.stdio.terminal;
    auto created = world_.runtime().create(request);
    if (!created.ok()) return created;
    auto attached = world_.runtime().attach({request.id, ""}, request.stdio.open_stdin);
    if (attached.ok()) stream = std::move(attached).value();
    return created;
  }
  void start() {
    const auto created = create();
    REQUIRE_MESSAGE(created.ok(), (created.ok() ? "" : created.error().message));
    REQUIRE(stream != nullptr);
    const auto started = world_.runtime().start(request.id);
    REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : started.error().message));
  }
  /// Reads what is there and takes in events, once.
  void turn() {
    world_.turn();
    for (auto& event : world_.runtime().drain()) events.push_back(std::move(event));
    while (stream != nullptr) {
      auto chunk = stream->read();
      if (!chunk) break;
      (chunk->stream == runtime::StreamKind::err ? errors : output) += chunk->bytes;
    }
  }
  template <class Condition>
  bool turn_until(Condition condition) {
    for (int turns = 0; turns < kTurnsMax; ++turns) {
      if (condition()) return true;
      turn();
    }
    return condition();
  }
  std::optional<runtime::ExitedEvent> exited(const std::string& exec = "") const {
    for (const auto& event : events) {
      const auto* exit = std::get_if<runtime::ExitedEvent>(&event);
      if (exit != nullptr && exit->process == runtime::ProcessKey{request.id, exec}) return *exit;
    }
    return std::nullopt;
  }
  template <class Event>
  bool saw() const {
    for (const auto& event : events) {
      if (std::holds_alternative<Event>(event)) return true;
    }
    return false;
  }
  /// Until the first process has ended and all of its output is read; its exit code, -1 if that takes too long.
  int finish() {
    turn_until([&] { return exited() && (stream == nullptr || stream->ended()); });
    return exited() ? exited()->exit_code : -1;
  }
  bool wait_for_output(const std::string& text) {
    return turn_until([&] { return output.find(text) != std::string::npos; });
  }

  runtime::CreateRequest request;
  std::unique_ptr<runtime::AttachedStream> stream;
  std::string output, errors;
  std::vector<runtime::RuntimeEvent> events;

 private:
  World& world_;
};

inline std::vector<std::string> shell(std::string script) {
  return {"/bin/sh", "-c", std::move(script)};
}

TEST_CASE_TEMPLATE_DEFINE("runtime conformance", World, runtime_suite) {
  if (const auto reason = World::unusable()) {
    MESSAGE("skipped: " << *reason);
    return;
  }
  World world;
  runtime::Runtime& kernel = world.runtime();

  SUBCASE("a process's exit code and both of its outputs arrive") {
    Box<World> box(world, "exit", shell("echo out; echo err >&2; exit 7"));
    box.start();
    CHECK(box.finish() == 7);
    CHECK(box.output == "out\n");
    CHECK(box.errors == "err\n");
  }

  SUBCASE("a process that a signal ended has 128 plus its number") {
    Box<World> box(world, "signal", {"/bin/sleep", "100"});
    box.start();
    // The first process of a pid namespace gets no signal that it has no handler for, but SIGKILL.
    REQUIRE(kernel.kill({"signal", ""}, SIGKILL).ok());
    CHECK(box.finish() == 137);
    CHECK(kernel.kill({"signal", ""}, SIGKILL).error().kind == ErrorKind::not_found);
  }

  SUBCASE("a signal reaches its handler") {
    Box<World> box(world, "trap", shell("trap 'echo got it; exit 3' TERM; echo ready; while :; do sleep 0.1; done"));
    box.start();
    REQUIRE(box.wait_for_output("ready"));
    REQUIRE(kernel.kill({"trap", ""}, SIGTERM).ok());
    CHECK(box.finish() == 3);
    CHECK(box.output == "ready\ngot it\n");
  }

  SUBCASE("a program that is not there fails create in runc's words, and leaves nothing") {
    Box<World> box(world, "nosuch", {"nosuch"});
    const auto created = box.create();
    REQUIRE(!created.ok());
    CHECK(created.error().kind == ErrorKind::not_found);
    CHECK(created.error().message ==
          "unable to start container process: exec: \"nosuch\": executable file not found in $PATH");
    CHECK(kernel.start("nosuch").error().kind == ErrorKind::not_found);
  }

  SUBCASE("a program that is no program is forbidden") {
    Box<World> box(world, "directory", {"/etc"});
    const auto created = box.create();
    REQUIRE(!created.ok());
    CHECK(created.error().kind == ErrorKind::forbidden);
    CHECK(created.error().message == "unable to start container process: exec: \"/etc\": permission denied");
  }

  SUBCASE("an id cannot be taken twice") {
    Box<World> box(world, "twice", {"/bin/sleep", "100"});
    box.start();
    CHECK(kernel.create(box.request).error().kind == ErrorKind::conflict);
    CHECK(kernel.kill({"twice", ""}, SIGKILL).ok());
    CHECK(box.finish() == 137);
  }

  SUBCASE("without an open stdin the process reads end of file") {
    Box<World> box(world, "nostdin", shell("cat; echo end"));
    box.start();
    CHECK(box.finish() == 0);
    CHECK(box.output == "end\n");
  }

  SUBCASE("ten megabytes go through stdin and stdout unharmed") {
    Box<World> box(world, "tenmb", {"/bin/cat"});
    box.request.stdio.open_stdin = true;
    box.start();
    std::string sent;
    std::uint32_t state = 1;
    while (sent.size() < 10'000'000) {
      state = state * 1664525 + 1013904223;
      sent.push_back(static_cast<char>(state >> 24));
    }
    std::size_t at = 0;
    for (int turns = 0; turns < 100'000 && (at < sent.size() || box.output.size() < sent.size()); ++turns) {
      const std::size_t taken = box.stream->write(std::string_view(sent).substr(at));
      at += taken;
      if (at == sent.size()) box.stream->close_stdin();
      const std::size_t before = box.output.size();
      while (auto chunk = box.stream->read()) box.output += chunk->bytes;
      if (taken == 0 && box.output.size() == before) box.turn();
    }
    CHECK(box.finish() == 0);
    CHECK(box.output == sent);
  }

  SUBCASE("a client that does not read holds the process back, and loses nothing") {
    Box<World> box(world, "slow", shell("i=0; while [ $i -lt 200 ]; do head -c 10000 /dev/zero; i=$((i+1)); done"));
    box.start();
    for (int turns = 0; turns < 5; ++turns) {
      world.turn();
      for (auto& event : kernel.drain()) box.events.push_back(std::move(event));
    }
    CHECK(!box.exited());
    CHECK(box.finish() == 0);
    CHECK(box.output.size() == 2'000'000);
  }

  SUBCASE("a terminal has the size it was given, and follows a resize") {
    Box<World> box(world, "tty",
                   shell("stty size; tty; trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done"));
    box.request.stdio.terminal = true;
    box.request.stdio.open_stdin = true;
    box.request.stdio.console_size = {24, 80};
    box.request.spec.process.console_size = {24, 80};
    box.start();
    REQUIRE(box.wait_for_output("ready"));
    REQUIRE(kernel.resize({"tty", ""}, {50, 132}).ok());
    CHECK(box.finish() == 0);
    CHECK(box.output == "24 80\r\n/dev/pts/0\r\nready\r\n50 132\r\n");
  }

  SUBCASE("what is typed at a terminal is echoed, and Ctrl-C interrupts") {
    Box<World> box(
        world, "ctrlc",
        shell("trap 'echo interrupted; exit 5' INT; read line; echo got $line; while :; do sleep 0.1; done"));
    box.request.stdio.terminal = true;
    box.request.stdio.open_stdin = true;
    box.start();
    box.stream->write("hello\r");
    REQUIRE(box.wait_for_output("got hello"));
    box.stream->write("\x03");
    CHECK(box.finish() == 5);
    CHECK(box.output.find("interrupted") != std::string::npos);
  }

  SUBCASE("a further process runs beside the first one and is reported for itself") {
    Box<World> box(world, "exec", {"/bin/sleep", "100"});
    box.start();
    runtime::ExecRequest request;
    request.container = "exec";
    request.exec = "one";
    request.process = box.request.spec.process;
    request.process.args = shell("echo pid $$; hostname; ls /proc/1/exe >/dev/null && exit 4");
    const auto pid = kernel.exec(request);
    REQUIRE_MESSAGE(pid.ok(), (pid.ok() ? "" : pid.error().message));
    CHECK(*pid > 0);
    auto attached = kernel.attach({"exec", "one"}, false);
    REQUIRE(attached.ok());
    std::string output;
    box.turn_until([&] {
      while (auto chunk = (*attached)->read()) output += chunk->bytes;
      return box.exited("one") && (*attached)->ended();
    });
    REQUIRE(box.exited("one"));
    CHECK(box.exited("one")->exit_code == 4);
    CHECK(output.starts_with("pid "));
    CHECK(output.ends_with("\nconformance\n"));
    CHECK(!box.exited());
    request.exec = "two";
    request.process.args = {"nosuch"};
    const auto missing = kernel.exec(request);
    REQUIRE(!missing.ok());
    CHECK(missing.error().kind == ErrorKind::not_found);
    CHECK(kernel.kill({"exec", ""}, SIGKILL).ok());
    CHECK(box.finish() == 137);
    request.exec = "three";
    CHECK(kernel.exec(request).error().kind == ErrorKind::not_found);
  }

  SUBCASE("a paused container does nothing until it is resumed, and can be killed while paused") {
    Box<World> box(world, "pause", shell("while :; do echo tick; sleep 0.05; done"));
    box.start();
    REQUIRE(box.wait_for_output("tick"));
    const auto paused = kernel.pause("pause");
    REQUIRE_MESSAGE(paused.ok(), (paused.ok() ? "" : paused.error().message));
    box.turn();
    const std::size_t before = box.output.size();
    for (int turns = 0; turns < 4; ++turns) box.turn();
    CHECK(box.output.size() == before);
    REQUIRE(kernel.resume("pause").ok());
    REQUIRE(box.turn_until([&] { return box.output.size() > before; }));
    REQUIRE(kernel.pause("pause").ok());
    REQUIRE(kernel.kill({"pause", ""}, SIGKILL).ok());
    CHECK(box.finish() == 137);
  }

  SUBCASE("a container that was created and never started can be removed") {
    Box<World> box(world, "created", {"/bin/true"});
    REQUIRE(box.create().ok());
    REQUIRE(kernel.remove("created").ok());
    CHECK(kernel.start("created").error().kind == ErrorKind::not_found);
    REQUIRE(box.create().ok());
    REQUIRE(kernel.start("created").ok());
    CHECK(box.finish() == 0);
  }

  SUBCASE("the container sees its own host name, processes and root") {
    Box<World> box(world, "isolated", shell("hostname; echo $$; ls /"));
    box.start();
    CHECK(box.finish() == 0);
    CHECK(box.output == "conformance\n1\nbin\ndev\netc\nproc\nsys\ntmp\n");
  }

  SUBCASE("statistics and processes of a running container can be asked for") {
    Box<World> box(world, "stats", shell("echo ready; sleep 100 & wait"));
    box.start();
    REQUIRE(box.wait_for_output("ready"));
    const auto pids = kernel.processes("stats");
    REQUIRE(pids.ok());
    CHECK(!pids->empty());
    CHECK(kernel.stats("stats").ok());
    CHECK(kernel.kill({"stats", ""}, SIGKILL).ok());
    CHECK(box.finish() == 137);
    CHECK(kernel.stats("stats").error().kind == ErrorKind::not_found);
  }

  SUBCASE("each step of the recipe is told") {
    Box<World> box(world, "steps", {"/bin/true"});
    box.start();
    CHECK(box.finish() == 0);
    std::string last;
    for (const auto& event : box.events) {
      if (const auto* step = std::get_if<runtime::StepEvent>(&event)) last = step->step;
    }
    CHECK(last == "execve");
  }
}

}  // namespace drydock::conformance
