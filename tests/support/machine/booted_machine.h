#pragma once
// A machine for tests: boots, takes files of the host's, runs programs to their end and gives back what they wrote.
//
//   BootedMachine booted;
//   booted.put_host_file("/bin/busybox", "/bin/busybox");
//   Finished run = booted.run({"/bin/busybox", "echo", "hello"});
//   CHECK(run.out == "hello\n");

#include <string>
#include <string_view>
#include <vector>

#include "machine/machine.h"

namespace drydock::machine::testing {

struct Program {
  std::vector<std::string> arguments = {};  // [0] is also the path, unless `path` says otherwise
  std::vector<std::string> environment = {"PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/"};
  std::string path = {};
  std::string input = {};  // standard input; then its end
  std::string directory = "/";
  std::uint64_t flags = 0;  // CLONE_NEW* for the program's process
};

struct Finished {
  std::string out, err;
  int status = -1;     // as wait(2) tells it; -1: it has not ended
  Errno exec_error{};  // why it could not be started
  RunEnd end = RunEnd::idle;
  bool exited() const { return status >= 0 && (status & 0x7f) == 0; }
  int code() const { return exited() ? status >> 8 & 0xff : -1; }
  int signal() const { return status >= 0 ? status & 0x7f : -1; }
};

/// A program that has been started and not been waited for.
struct Running {
  TaskId task;
  ProcessId process;
  FileId input, out, err;  // our ends of its pipes
  std::string unsent;
  Finished so_far;
};

class BootedMachine {
 public:
  explicit BootedMachine(const MachineConfig& config = {});

  Machine& machine() { return machine_; }
  Kernel& kernel() { return machine_.kernel(); }
  Caller caller() { return machine_.caller(); }

  /// Makes the directories above as well. Replaces what is there.
  void put_file(std::string_view path, std::string_view bytes, std::uint32_t permissions = 0755);
  void put_host_file(std::string_view path, const std::string& host_path, std::uint32_t permissions = 0755);
  void put_symlink(std::string_view path, std::string_view target);
  void put_directory(std::string_view path, std::uint32_t permissions = 0755);
  std::string file(std::string_view path);  // its content; "" when it cannot be read
  /// /dev, /proc, /sys, /tmp, /etc/passwd ... as a small Linux has them.
  void furnish();

  Running start(Program program);
  /// Runs until the program has ended, nothing can go on any more, or the instructions are used up.
  Finished finish(Running& running, std::uint64_t instructions = 2'000'000'000);
  /// A part of finish(): runs so many instructions at most, moves input and output. True: it has ended.
  bool pump(Running& running, std::uint64_t instructions);
  Finished run(Program program, std::uint64_t instructions = 2'000'000'000);
  Finished run(std::vector<std::string> arguments) { return run(Program{.arguments = std::move(arguments)}); }

 private:
  Machine machine_;
};

}  // namespace drydock::machine::testing
