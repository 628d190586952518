// replay_session BUSYBOX [--slice N] [--undo]
// A fixed session (a seed, and lines typed at virtual moments) on a simulated machine; prints every event as a line of
// JSON. Equal on every platform, however the run is cut into slices. --undo: goes on from the middle, takes that back
// by a snapshot, and goes on again: the second time is what is printed.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/strace.h"
#include "tests/support/machine/booted_machine.h"
#include "trace/trace.h"

using namespace drydock;
using namespace drydock::machine;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

struct Typed {
  std::uint64_t at_ns;
  std::string_view line;
};

// The input log. What is typed while a command runs waits in the shell's input, as at a terminal.
constexpr Typed kInputLog[] = {
    {kSecond, "mkdir -p /tmp/play && cd /tmp/play\n"},
    {kSecond + 7'000'001, "i=0; while [ $i -lt 150 ]; do /bin/busybox true; i=$((i+1)); done\n"},
    {2 * kSecond, "ls -lR /proc/1 /etc /dev > list; ps > ps; cat /proc/*/stat > stats; wc list ps stats > counts\n"},
    {2 * kSecond + 500'000,
     "(sleep 1; echo late >> order) & (sleep 2; echo later >> order) & echo now >> order; wait\n"},
    {6 * kSecond,
     "dd if=/dev/urandom bs=1k count=64 2>/dev/null | sha256sum > sum; date > date; cat /proc/sys/kernel/random/uuid > "
     "id\n"},
    {6 * kSecond + 1, "seq 1 2000 | sort -r | awk '{s+=$1; print s}' | gzip | gunzip | tail -n 3 > numbers\n"},
    {8 * kSecond,
     "for n in 1 2 3 4 5 6 7 8; do (for m in 1 2 3 4 5 6; do /bin/busybox echo $n $m >> mixed; done) & done; wait\n"},
    {9 * kSecond, "mount -t tmpfs none /mnt; cp -r /etc /mnt; umount /mnt; no-such-command\n"},
    {9 * kSecond + 3'000'000, "trap 'echo caught > caught' USR1; kill -USR1 $$; find / -xdev > found; exit 3\n"},
};

/// Prints what it is told as events of the one stream.
class Printer final : public Tracer {
 public:
  explicit Printer(const Kernel& kernel) : clock_(kernel), trace_(clock_) {}
  void call_entered(Kernel& kernel, TaskId task) override {
    waiting.calls.erase(task.value);
    waiting.calls.emplace(task.value, SyscallText(kernel, task));
    waiting.pids[task.value] = tid_of(kernel, task, kernel.initial_pid_namespace);
  }
  void call_left(Kernel& kernel, TaskId task, const Outcome& outcome) override {
    const auto call = waiting.calls.find(task.value);
    if (call == waiting.calls.end()) return;
    if (outcome.blocked()) return print(task, call->second, call->second.unfinished(), false);
    call->second.finish(kernel, task, outcome);
    print(task, call->second, call->second.text(), true);
    waiting.calls.erase(call);
  }
  void task_changed(const Kernel&, const TaskNote& note) override {
    print(trace::TaskEvent{
        note.kind == TaskNote::Kind::exited ? trace::TaskEvent::Kind::exited : trace::TaskEvent::Kind::started, "",
        std::string(note.text), static_cast<std::int64_t>(note.task.value), note.status});
  }
  void unimplemented(const Kernel&, TaskId, std::string_view what) override {
    print(trace::UnimplementedEvent{std::string(what), "kernel"});
  }
  struct Waiting {
    std::map<std::uint32_t, SyscallText> calls;  // by task
    std::map<std::uint32_t, std::int64_t> pids;
  };
  Waiting waiting;  // what has been entered and not been left: goes with a snapshot
  bool quiet = false;

 private:
  class KernelClock final : public Clock {
   public:
    explicit KernelClock(const Kernel& kernel) : kernel_(kernel) {}
    Timestamp now() const override { return {kernel_.wall_ns()}; }
    std::int64_t monotonic_ns() const override { return static_cast<std::int64_t>(kernel_.now_ns()); }

   private:
    const Kernel& kernel_;
  };
  void print(TaskId task, const SyscallText& call, std::string text, bool finished) {
    print(trace::SyscallEvent{"", waiting.pids[task.value], std::string(call.name()), std::move(text), finished});
  }
  void print(trace::Payload payload) {
    if (quiet) return;
    std::cout << trace::to_json_line(*trace_.find(trace_.emit(std::move(payload)))) << "\n";
  }

  KernelClock clock_;
  trace::Trace trace_;
};

void run_until(machine::testing::BootedMachine& booted, std::uint64_t until_ns, std::uint64_t slice) {
  while (booted.kernel().now_ns() < until_ns) {
    const RunEnd end = booted.machine().run({.until_ns = until_ns, .instructions = slice});
    if (end == RunEnd::halted) return;
    if (end == RunEnd::idle) booted.machine().advance_clock(until_ns);
  }
}

void type(machine::testing::BootedMachine& booted, FileId input, std::string_view line) {
  const Outcome put = booted.kernel().files[input].write(booted.caller(), line, nullptr);
  if (!put.ok() || put.value() != static_cast<std::int64_t>(line.size())) std::cout << "the line was not taken\n";
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t slice = 1'000'000;
  bool undo = false;
  for (int at = 2; at < argc; ++at) {
    const std::string_view argument = argv[at];
    if (argument == "--undo") undo = true;
    if (argument == "--slice" && at + 1 < argc) slice = std::strtoull(argv[++at], nullptr, 10);
  }
  if (argc < 2 || slice == 0) {
    std::cerr << "usage: replay_session BUSYBOX [--slice N] [--undo]\n";
    return 2;
  }
  MachineConfig config;
  config.seed = 42;
  machine::testing::BootedMachine booted(config);
  booted.furnish();
  booted.put_host_file("/bin/busybox", argv[1]);
  for (const char* name : {"sh",   "ls",  "ps",   "cat",    "wc",   "sleep", "dd",    "sha256sum", "date", "seq",
                           "sort", "awk", "gzip", "gunzip", "tail", "mkdir", "mount", "umount",    "cp",   "find"})
    booted.put_symlink(std::string("/bin/") + name, "busybox");
  Printer printer(booted.kernel());
  booted.kernel().tracer = &printer;
  machine::testing::Running shell = booted.start({.arguments = {"/bin/sh"}});

  constexpr std::size_t half = std::size(kInputLog) / 2;
  for (std::size_t at = 0; at < std::size(kInputLog); ++at) {
    if (undo && at == half) {
      const Kernel before = booted.machine().snapshot();
      const Printer::Waiting waiting = printer.waiting;
      printer.quiet = true;
      for (std::size_t tried = half; tried < std::size(kInputLog); ++tried) {
        run_until(booted, kInputLog[tried].at_ns, slice);
        type(booted, shell.input, kInputLog[tried].line);
      }
      booted.machine().restore(before);
      printer.waiting = waiting;
      printer.quiet = false;
    }
    run_until(booted, kInputLog[at].at_ns, slice);
    type(booted, shell.input, kInputLog[at].line);
  }
  run_until(booted, 20 * kSecond, slice);
  for (const char* file : {"list", "counts", "order", "sum", "date", "id", "numbers", "mixed", "caught", "found"})
    std::cout << "# " << file << "\n" << booted.file(std::string("/tmp/play/") + file);
  std::cout << "# instructions " << booted.kernel().retired << ", clock " << booted.kernel().now_ns() << "\n";
}
