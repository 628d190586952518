// What only the real kernel has: cgroup limits, monitors that outlive the daemon, hostile roots.

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "conformance/runtime/runtime_suite.h"
#include "linux_world.h"
#include "native/kernel/process.h"
#include "native/runtime/state_file.h"
#include "runtime/log_record.h"

namespace drydock::native {

namespace fs = std::filesystem;
using conformance::shell;
using test::LinuxWorld;
using Box = conformance::Box<LinuxWorld>;

#define SKIP_UNLESS_USABLE()                        \
  if (const auto reason = LinuxWorld::unusable()) { \
    MESSAGE("skipped: " << *reason);                \
    return;                                         \
  }

namespace {

std::int64_t monitor_of(const LinuxWorld& world, const std::string& id) {
  const auto state = read_state(world.folder_of(id));
  REQUIRE(state);
  return state->monitor_pid;
}

bool alive(std::int64_t pid) {
  return ::kill(static_cast<pid_t>(pid), 0) == 0;
}

std::vector<runtime::LogRecord> read_log(const std::string& path) {
  std::vector<runtime::LogRecord> records;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (auto record = runtime::decode_log_record(line)) records.push_back(*record);
  }
  return records;
}

}  // namespace

TEST_CASE("a container that ended leaves no cgroup, mount, folder or process behind") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  std::int64_t monitor = 0;
  {
    Box box(world, "clean", shell("sleep 100 & echo hello"));
    box.start();
    monitor = monitor_of(world, "clean");
    CHECK(box.finish() == 0);
  }
  for (int turns = 0; turns < 50 && alive(monitor); ++turns) {
    world.turn();
    world.linux_runtime().pump();
  }
  CHECK(!alive(monitor));
  CHECK(world.leftovers().empty());
}

TEST_CASE("the memory limit kills the hog, says so, and spares the neighbour") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box neighbour(world, "neighbour", {"/bin/sleep", "100"});
  neighbour.start();
  Box hog(world, "hog", shell("x=$(head -c 100000000 /dev/zero | tail -c 90000000); echo survived"));
  hog.request.spec.process.args = {"/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"};
  hog.request.spec.resources.memory_limit = 32 << 20;
  hog.request.spec.resources.memory_swap = 32 << 20;
  hog.start();
  CHECK(hog.finish() == 137);
  REQUIRE(hog.exited());
  CHECK(hog.exited()->oom_killed);
  CHECK(hog.saw<runtime::OomEvent>());
  CHECK(!neighbour.exited());
  CHECK(world.runtime().kill({"neighbour", ""}, SIGKILL).ok());
  CHECK(neighbour.finish() == 137);
  CHECK(!neighbour.exited()->oom_killed);
}

TEST_CASE("the pids limit stops a fork") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "pids", shell("for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo all"));
  box.request.spec.resources.pids_limit = 4;
  box.start();
  CHECK(box.finish() != 0);
  CHECK(box.errors.find("can't fork") != std::string::npos);
}

TEST_CASE("a device that no rule allows can be made, and not be opened") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "devices",
          shell("mknod /tmp/kmem c 1 2; head -c 1 /tmp/kmem || echo refused; mknod /tmp/null c 1 3; cat /tmp/null && "
                "echo allowed"));
  runtime::CapabilitySets sets;
  sets.bounding = sets.effective = sets.permitted = {"CAP_MKNOD"};
  box.request.spec.process.capabilities = sets;
  box.request.spec.resources.devices = {{false, 'a', std::nullopt, std::nullopt, "rwm"}};
  box.start();
  CHECK(box.finish() == 0);
  CHECK(box.output == "refused\nallowed\n");
}

TEST_CASE("limits can be changed while the container runs, and are seen in its statistics") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "update", {"/bin/sleep", "100"});
  box.request.spec.resources.memory_limit = 64 << 20;
  box.request.spec.resources.memory_swap = 128 << 20;
  box.start();
  REQUIRE(world.runtime().stats("update").ok());
  CHECK(world.runtime().stats("update")->memory_limit == 64 << 20);
  runtime::Resources more;
  more.memory_limit = 256 << 20;
  more.memory_swap = 512 << 20;
  more.pids_limit = 77;
  const auto updated = world.runtime().update("update", more);
  REQUIRE_MESSAGE(updated.ok(), (updated.ok() ? "" : updated.error().message));
  CHECK(world.runtime().stats("update")->memory_limit == 256 << 20);
  CHECK(world.runtime().stats("update")->pids_limit == 77);
  CHECK(world.runtime().stats("update")->pids_current == 1);
}

TEST_CASE("a new daemon finds running, paused, created and ended containers again") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box running(world, "running", shell("trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.1; done"));
  running.start();
  REQUIRE(running.wait_for_output("ready"));
  Box paused(world, "paused", {"/bin/sleep", "100"});
  paused.start();
  REQUIRE(world.runtime().pause("paused").ok());
  Box created(world, "created", {"/bin/true"});
  REQUIRE(created.create().ok());
  Box ended(world, "ended", shell("sleep 0.3; exit 6"));
  ended.start();
  for (Box* box : {&running, &paused, &created, &ended}) box->stream.reset();
  world.restart_daemon();
  std::this_thread::sleep_for(std::chrono::milliseconds(600));

  const auto found = world.runtime().recover();
  REQUIRE(found.size() == 4);
  for (const auto& one : found) {
    CAPTURE(one.container);
    CHECK(one.running == (one.container == "running" || one.container == "paused"));
    CHECK(one.paused == (one.container == "paused"));
    CHECK(one.created == (one.container == "created"));
    CHECK(one.exited.has_value() == (one.container == "ended"));
    if (one.exited) CHECK(one.exited->exit_code == 6);
    CHECK((one.pid > 0) == !one.exited.has_value());
  }
  auto attached = world.runtime().attach({"running", ""}, false);
  REQUIRE(attached.ok());
  running.stream = std::move(attached).value();
  REQUIRE(world.runtime().kill({"running", ""}, SIGTERM).ok());
  CHECK(running.finish() == 9);
  CHECK(running.output == "ready\nbye\n");
  REQUIRE(world.runtime().start("created").ok());
  CHECK(created.finish() == 0);
  REQUIRE(world.runtime().kill({"paused", ""}, SIGKILL).ok());
  CHECK(paused.finish() == 137);
}

TEST_CASE("a process can be added to a container that an earlier daemon started") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "later", {"/bin/sleep", "100"});
  box.start();
  box.stream.reset();
  world.restart_daemon();
  REQUIRE(world.runtime().recover().size() == 1);
  runtime::ExecRequest request;
  request.container = "later";
  request.exec = "e";
  request.process = box.request.spec.process;
  request.process.args = shell("hostname; exit 2");
  const auto pid = world.runtime().exec(request);
  REQUIRE_MESSAGE(pid.ok(), (pid.ok() ? "" : pid.error().message));
  REQUIRE(box.turn_until([&] { return box.exited("e").has_value(); }));
  CHECK(box.exited("e")->exit_code == 2);
}

TEST_CASE("a running container is removed at once, with the processes that were added to it") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "busy", {"/bin/sleep", "100"});
  box.start();
  const runtime::ExecRequest request{"busy", "e", box.request.spec.process, {}, false};
  REQUIRE(world.runtime().exec(request).ok());
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(world.runtime().remove("busy").ok());
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  CHECK(world.leftovers().empty());
}

TEST_CASE("a container whose monitor is killed dies with it and is reported") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "orphan", shell("echo ready; sleep 100 & sleep 100"));
  box.start();
  REQUIRE(box.wait_for_output("ready"));
  const auto state = read_state(world.folder_of("orphan"));
  REQUIRE(state);
  REQUIRE(::kill(static_cast<pid_t>(state->monitor_pid), SIGKILL) == 0);
  CHECK(box.finish() == 137);
  REQUIRE(world.runtime().remove("orphan").ok());
  CHECK(world.leftovers().empty());
}

TEST_CASE("a container whose monitor died while no daemon was there is found ended") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "unseen", {"/bin/sleep", "100"});
  box.start();
  const auto state = read_state(world.folder_of("unseen"));
  REQUIRE(state);
  box.stream.reset();
  world.restart_daemon();
  REQUIRE(::kill(static_cast<pid_t>(state->monitor_pid), SIGKILL) == 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto found = world.runtime().recover();
  REQUIRE(found.size() == 1);
  CHECK(!found[0].running);
  REQUIRE(found[0].exited);
  CHECK(found[0].exited->exit_code == 137);
  REQUIRE(world.runtime().remove("unseen").ok());
  CHECK(world.leftovers().empty());
}

TEST_CASE("what an earlier daemon began and never made is swept away") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  fs::create_directories(world.folder_of("half"));
  std::ofstream(world.folder_of("half") + "/config.json") << "{";
  CHECK(world.runtime().recover().empty());
  CHECK(world.leftovers().empty());
}

TEST_CASE("a daemon killed at any moment of create, start, exec and remove loses nothing and leaves nothing") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  runtime::CreateRequest request;
  request.id = "killed";
  request.spec = world.spec({"/bin/sleep", "100"});
  request.spec.cgroups_path = "/drydock-test/killed";
  const auto work = [&](runtime::Runtime& daemon) {
    if (!daemon.create(request).ok() || !daemon.start(request.id).ok()) return;
    runtime::ExecRequest exec{"killed", "e", request.spec.process, {}, false};
    static_cast<void>(daemon.exec(exec));
    static_cast<void>(daemon.remove(request.id));
  };
  // The moments are spread over what all of it takes here, and a little more.
  const auto begin = std::chrono::steady_clock::now();
  world.restart_daemon();
  work(world.runtime());
  const auto whole = std::chrono::steady_clock::now() - begin;
  const auto step_us = static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(whole).count() / 50);
  int found_created = 0, found_running = 0, found_nothing = 0;
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    world.with_short_lived_daemon(round * step_us, work);
    const auto found = world.runtime().recover();
    REQUIRE(found.size() <= 1);
    if (found.empty()) {
      ++found_nothing;
    } else {
      found_created += found[0].created;
      found_running += found[0].running;
      CHECK(found[0].created + found[0].running + found[0].exited.has_value() == 1);
      CHECK(alive(found[0].pid) == !found[0].exited.has_value());
      REQUIRE(world.runtime().remove("killed").ok());
    }
    const auto left = world.leftovers();
    CHECK_MESSAGE(left.empty(), (left.empty() ? "" : left[0]));
  }
  MESSAGE("nothing " << found_nothing << ", created " << found_created << ", running " << found_running);
  CHECK(found_nothing > 0);
  CHECK(found_nothing < 60);
}

TEST_CASE("a tmpfs has the mode of the directory that it covers, and the kernel's own where there was none") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  fs::create_directories(world.root() + "/there");
  fs::permissions(world.root() + "/there", fs::perms(0750));
  Box box(world, "modes", shell("stat -c %a /there /made /asked"));
  box.request.spec.mounts.push_back({"/there", "tmpfs", "tmpfs", {}});
  box.request.spec.mounts.push_back({"/made", "tmpfs", "tmpfs", {}});
  box.request.spec.mounts.push_back({"/asked", "tmpfs", "tmpfs", {"mode=710"}});
  box.start();
  CHECK(box.finish() == 0);
  CHECK(box.output == "750\n1777\n710\n");
}

TEST_CASE("links in a hostile root lead nowhere on the host") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  const std::string outside = world.directory() + "/outside";
  fs::create_directories(outside);
  fs::create_directory_symlink("/../../../../.." + outside, world.root() + "/data");
  fs::create_symlink(".." + std::string("/../../../..") + outside + "/made", world.root() + "/etc/hosts");
  std::ofstream(world.directory() + "/hosts") << "127.0.0.1 inside\n";
  Box box(world, "hostile", shell("cat /etc/hosts; ls /data/here; mount | grep -c -e /hosts -e here"));
  box.request.spec.mounts.push_back({"/etc/hosts", "bind", world.directory() + "/hosts", {"rbind", "ro"}});
  box.request.spec.mounts.push_back({"/data/here", "tmpfs", "tmpfs", {}});
  box.start();
  CHECK(box.finish() == 0);
  CHECK(box.output.starts_with("127.0.0.1 inside\n"));
  CHECK(fs::is_empty(outside));
}

TEST_CASE("an image whose /proc is a link is refused") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  fs::remove(world.root() + "/proc");
  fs::create_directories(world.root() + "/elsewhere");
  fs::create_directory_symlink("/elsewhere", world.root() + "/proc");
  Box box(world, "proclink", {"/bin/true"});
  CHECK(!box.create().ok());
  CHECK(world.leftovers().empty());
}

TEST_CASE("a mount that cannot be made fails create in runc's words and leaves nothing") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  const std::string file = world.directory() + "/file";
  std::ofstream(file) << "no directory\n";
  Box box(world, "badmount", {"/bin/true"});
  box.request.spec.mounts.push_back({"/etc", "bind", file, {"rbind"}});
  const auto created = box.create();
  REQUIRE(!created.ok());
  CHECK(created.error().message.find("error mounting \"" + file + "\" to rootfs at \"/etc\"") != std::string::npos);
  CHECK(created.error().message.ends_with("not a directory"));
  CHECK(world.leftovers().empty());
}

TEST_CASE("a limit that may not be raised fails in runc's words") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  if ((world.runtime().features().capabilities >> 24 & 1) != 0) {
    MESSAGE("skipped: this process may raise limits");
    return;
  }
  Box box(world, "rlimit", {"/bin/true"});
  box.request.spec.process.rlimits = {{"RLIMIT_NOFILE", 100'000'000, 100'000'000}};
  const auto created = box.create();
  REQUIRE(!created.ok());
  CHECK(created.error().message.ends_with("error setting rlimit type 7: operation not permitted"));
}

TEST_CASE("output is logged, with a notice, and the log rotates") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  const std::string path = world.directory() + "/log";
  Box box(world, "log",
          shell("echo one; echo two >&2; i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; sleep 0.3; "
                "printf end"));
  box.request.log = {path, 4096, 3};
  REQUIRE(box.create().ok());
  world.runtime().watch_log("log");
  REQUIRE(world.runtime().start("log").ok());
  CHECK(box.finish() == 0);
  CHECK(box.saw<runtime::LoggedEvent>());
  CHECK(fs::exists(path + ".2"));
  CHECK(!fs::exists(path + ".3"));
  CHECK(fs::file_size(path + ".1") <= 4096);
  const auto records = read_log(path);
  REQUIRE(!records.empty());
  CHECK(records.back().log == "end");
  CHECK(records.back().stream == "stdout");
}

TEST_CASE("output is logged while nobody is attached and while a client does not read") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  const std::string path = world.directory() + "/log";
  Box box(world, "unread", shell("i=0; while [ $i -lt 1000 ]; do echo $i; i=$((i+1)); done"));
  box.request.log = {path, 0, 1};
  box.start();
  box.stream.reset();
  CHECK(box.finish() == 0);
  const auto records = read_log(path);
  REQUIRE(records.size() == 1000);
  CHECK(records[999].log == "999\n");
}

TEST_CASE("stdin ends when the attached client that fed it goes, if that was asked for") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "once", shell("cat >/dev/null; exit 3"));
  box.request.stdio.open_stdin = true;
  box.request.stdio.stdin_once = true;
  box.start();
  box.stream->write("something");
  box.stream.reset();
  CHECK(box.finish() == 3);
}

TEST_CASE("two clients get the same output") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "both", shell("echo hello"));
  REQUIRE(box.create().ok());
  auto other = world.runtime().attach({"both", ""}, false);
  REQUIRE(other.ok());
  REQUIRE(world.runtime().start("both").ok());
  CHECK(box.finish() == 0);
  std::string seen;
  box.turn_until([&] {
    while (auto chunk = (*other)->read()) seen += chunk->bytes;
    return (*other)->ended();
  });
  CHECK(box.output == "hello\n");
  CHECK(seen == "hello\n");
}

TEST_CASE("output that is still unread when the container is removed arrives") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "tail", shell("head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2"));
  box.start();
  for (int turns = 0; turns < 100 && !box.exited(); ++turns) {
    world.turn();
    for (auto& event : world.runtime().drain()) box.events.push_back(std::move(event));
  }
  REQUIRE(box.exited());
  REQUIRE(world.runtime().remove("tail").ok());
  for (int turns = 0; turns < 100 && !box.stream->ended(); ++turns) {
    while (auto chunk = box.stream->read()) box.output += chunk->bytes;
    if (!box.stream->ended()) world.turn();
  }
  CHECK(box.output.size() == 120'000);
}

TEST_CASE("a user without privileges runs containers and adds processes to them, in a user namespace") {
  SKIP_UNLESS_USABLE();
  const bool good = LinuxWorld::as_user([](LinuxWorld& world) {
    Box box(world, "rootless", shell("id -u; cat /proc/self/uid_map; trap 'exit 4' TERM; while :; do sleep 0.1; done"));
    box.request.spec.cgroups_path = "";
    box.request.stdio.terminal = true;
    box.start();
    bool fine = box.wait_for_output("1000");
    runtime::ExecRequest request;
    request.container = "rootless";
    request.exec = "more";
    request.process = box.request.spec.process;
    request.process.terminal = false;
    request.process.args =
        shell("test $(hostname) = conformance && test -d /proc/1 && test $(id -u) = 0 && kill 1 && exit 5");
    const auto pid = world.runtime().exec(request);
    if (!pid.ok()) MESSAGE("exec: " << pid.error().message);
    fine = fine && pid.ok() && box.turn_until([&] { return box.exited("more").has_value(); });
    fine = fine && box.exited("more")->exit_code == 5;
    return box.finish() == 4 && fine && box.output.starts_with("0\r\n");
  });
  CHECK(good);
}

TEST_CASE("root in a container with an id map is somebody else outside, for exec as well") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "remapped", shell("id -u; cat /proc/self/uid_map; sleep 100"));
  box.request.spec.namespaces.push_back({runtime::NamespaceKind::user, ""});
  box.request.spec.uid_mappings = box.request.spec.gid_mappings = {{0, 200'000, 65'536}};
  box.start();
  REQUIRE(box.wait_for_output("65536"));
  CHECK(box.output.starts_with("0\n"));
  struct stat about {};
  const auto state = read_state(world.folder_of("remapped"));
  REQUIRE(state);
  REQUIRE(::stat(("/proc/" + std::to_string(state->pid)).c_str(), &about) == 0);
  CHECK(about.st_uid == 200'000);
  runtime::ExecRequest request;
  request.container = "remapped";
  request.exec = "e";
  request.process = box.request.spec.process;
  request.process.args = shell("test $(id -u) = 0 && exit 8");
  const auto pid = world.runtime().exec(request);
  REQUIRE_MESSAGE(pid.ok(), (pid.ok() ? "" : pid.error().message));
  REQUIRE(box.turn_until([&] { return box.exited("e").has_value(); }));
  CHECK(box.exited("e")->exit_code == 8);
}

TEST_CASE("a seccomp filter refuses what it names and lets the rest pass") {
  SKIP_UNLESS_USABLE();
  LinuxWorld world;
  Box box(world, "seccomp", shell("grep Seccomp: /proc/self/status; mount -t tmpfs x /tmp; echo $?"));
  runtime::Seccomp filter;
  filter.default_action = runtime::SeccompAction::allow;
  filter.architectures = {"SCMP_ARCH_X86_64"};
  filter.rules = {{{"mount", "nosuchcall"}, runtime::SeccompAction::errno_, 1, {}}};
  box.request.spec.seccomp = filter;
  box.start();
  CHECK(box.finish() == 0);
  CHECK(box.output == "Seccomp:\t2\n1\n");
}

}  // namespace drydock::native
