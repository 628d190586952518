// machine_run [--busybox FILE] [--root DIRECTORY] [--put GUEST=HOST]... [--trace] [--instructions N] [--] PROGRAM
//             ARGUMENT...
// Runs a static program of the host's in a fresh simulated machine: standard input, output and exit status are passed
// on. What a program's end by a signal is to a shell, it is here: 128 + N. 124: it did not end.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "machine/kernel/tracer.h"
#include "machine/syscalls/strace.h"
#include "tests/support/machine/booted_machine.h"

using namespace drydock::machine;

namespace {

struct Options {
  std::string busybox;
  std::string root;  // a directory of the host's that is copied over the furnished root
  std::vector<std::pair<std::string, std::string>> files;  // in the machine, on the host
  bool trace = false, input = true, adopts = false;
  std::uint64_t instructions = 4'000'000'000;
  std::vector<std::string> command;
};

bool parse(int argc, char** argv, Options* options) {
  int at = 1;
  for (; at < argc; ++at) {
    const std::string argument = argv[at];
    if (argument == "--") {
      ++at;
      break;
    }
    if (argument.substr(0, 2) != "--") break;
    if (argument == "--trace") {
      options->trace = true;
    } else if (argument == "--adopts") {
      options->adopts = true;  // orphans become the program's, as if it were the first process
    } else if (argument == "--no-input") {
      options->input = false;
    } else if (at + 1 >= argc) {
      return false;
    } else if (argument == "--busybox") {
      options->busybox = argv[++at];
    } else if (argument == "--root") {
      options->root = argv[++at];
    } else if (argument == "--instructions") {
      options->instructions = std::strtoull(argv[++at], nullptr, 10);
    } else if (argument == "--put") {
      const std::string pair = argv[++at];
      const std::size_t equals = pair.find('=');
      if (equals == std::string::npos) return false;
      options->files.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    } else {
      return false;
    }
  }
  options->command.assign(argv + at, argv + argc);
  return !options->command.empty();
}

/// Copies a tree of the host's: directories, files and symbolic links with their permissions. Everything is root's.
void put_tree(testing::BootedMachine& booted, const std::string& root) {
  namespace fs = std::filesystem;
  std::error_code trouble;
  for (fs::recursive_directory_iterator at(root, trouble), end; !trouble && at != end; at.increment(trouble)) {
    const std::string inside = "/" + at->path().lexically_relative(root).string();
    const fs::file_status status = at->symlink_status();
    const auto permissions = static_cast<std::uint32_t>(status.permissions() & fs::perms::mask);
    if (fs::is_symlink(status)) {
      booted.put_symlink(inside, fs::read_symlink(at->path(), trouble).string());
    } else if (fs::is_directory(status)) {
      booted.put_directory(inside, permissions);
    } else if (fs::is_regular_file(status)) {
      booted.put_host_file(inside, at->path().string(), permissions);
    }
  }
  if (trouble) std::cerr << "machine_run: " << root << ": " << trouble.message() << "\n";
}

/// strace -f, to standard error.
class Strace final : public Tracer {
 public:
  void call_entered(Kernel& kernel, TaskId task) override {
    text_ = std::make_unique<SyscallText>(kernel, task);
    entered_ = task;
  }
  void call_left(Kernel& kernel, TaskId task, const Outcome& outcome) override {
    std::string line;
    if (entered_ != task || !text_) {
      line = "... resumed";
    } else if (outcome.blocked()) {
      line = text_->unfinished();
    } else {
      text_->finish(kernel, task, outcome);
      line = text_->line();
    }
    std::cerr << "[" << task.value << "] " << line << "\n";
  }
  void unimplemented(const Kernel&, TaskId task, std::string_view what) override {
    std::cerr << "[" << task.value << "] not modelled: " << what << "\n";
  }

 private:
  std::unique_ptr<SyscallText> text_;
  TaskId entered_;
};

/// Says what is not modelled, so that a difference has its reason beside it.
class Complaints final : public Tracer {
 public:
  void unimplemented(const Kernel&, TaskId, std::string_view what) override {
    std::cerr << "machine_run: not modelled: " << what << "\n";
  }
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, &options)) {
    std::cerr << "usage: machine_run [--busybox FILE] [--root DIRECTORY] [--put GUEST=HOST]... [--trace] [--no-input] "
                 "[--adopts] "
                 "[--instructions N] [--] PROGRAM ARGUMENT...\n";
    return 2;
  }
  testing::BootedMachine booted;
  booted.furnish();
  if (!options.busybox.empty()) {
    booted.put_host_file("/bin/busybox", options.busybox);
    booted.put_symlink("/bin/sh", "busybox");
  }
  if (!options.root.empty()) put_tree(booted, options.root);
  for (const auto& file : options.files) booted.put_host_file(file.first, file.second);
  testing::Program program;
  program.arguments = options.command;
  const std::string& host_path = options.command.front();
  program.path = "/bin/" + host_path.substr(host_path.rfind('/') + 1);
  const bool there = program.path == "/bin/busybox" && !(options.busybox.empty() && options.root.empty());
  if (!there) booted.put_host_file(program.path, host_path);
  program.arguments.front() = program.path;
  if (options.input) program.input.assign(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  Strace strace;
  Complaints complaints;
  booted.kernel().tracer = options.trace ? static_cast<Tracer*>(&strace) : &complaints;

  testing::Running running = booted.start(program);
  if (options.adopts && running.process) booted.kernel().processes[running.process].child_subreaper = true;
  const testing::Finished end = booted.finish(running, options.instructions);
  std::cout << end.out << std::flush;
  std::cerr << end.err << std::flush;
  if (end.status < 0) {
    std::cerr << "machine_run: the program has not ended: "
              << (running.task ? end.end == RunEnd::idle ? "everything waits" : "instructions used up"
                               : "it could not be started")
              << ", errno " << static_cast<int>(end.exec_error) << "\n";
    return 124;
  }
  return end.exited() ? end.code() : 128 + end.signal();
}
