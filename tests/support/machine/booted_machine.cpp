// The fixture's machine: files by the vfs's own operations, stdio by pipes.

#include "tests/support/machine/booted_machine.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "machine/abi/file.h"
#include "machine/fs/dev/device.h"
#include "machine/fs/pipe/pipe.h"
#include "machine/kernel/create_task.h"
#include "machine/kernel/exec.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/wait_child.h"
#include "machine/syscalls/inject.h"
#include "machine/vfs/operations.h"

namespace drydock::machine::testing {
namespace {

NewNode node_of(std::uint32_t mode) {
  NewNode node;
  node.mode = mode;
  return node;
}

void make_parents(const Caller& caller, std::string_view path) {
  for (std::size_t at = path.find('/', 1); at != std::string_view::npos; at = path.find('/', at + 1))
    (void)make_node(caller, kAtFdCwd, path.substr(0, at), node_of(abi::s_ifdir | 0755));
}

std::string read_all(Kernel& kernel, const Caller& caller, FileId file) {
  std::string all;
  char buffer[4096];
  while (true) {
    const Outcome got = kernel.files[file].read(caller, buffer, nullptr);
    if (!got.ok() || got.value() == 0) return all;
    all.append(buffer, static_cast<std::size_t>(got.value()));
  }
}

}  // namespace

BootedMachine::BootedMachine(const MachineConfig& config) : machine_(config) {}

void BootedMachine::put_file(std::string_view path, std::string_view bytes, std::uint32_t permissions) {
  make_parents(caller(), path);
  (void)remove_file(caller(), kAtFdCwd, path);
  const Outcome opened =
      open_at(caller(), kAtFdCwd, path, {.flags = abi::o_wronly | abi::o_creat, .mode = permissions, .resolve = 0});
  if (!opened.ok()) return;
  const FileId file{static_cast<std::uint32_t>(opened.value())};
  while (!bytes.empty()) {
    const Outcome put = kernel().files[file].write(caller(), bytes, nullptr);
    if (!put.ok() || put.value() <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(put.value()));
  }
  machine::put_file(kernel(), file);
}

void BootedMachine::put_host_file(std::string_view path, const std::string& host_path, std::uint32_t permissions) {
  std::ifstream in(host_path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  put_file(path, bytes, permissions);
}

void BootedMachine::put_symlink(std::string_view path, std::string_view target) {
  make_parents(caller(), path);
  (void)make_node(caller(), kAtFdCwd, path, NewNode{.mode = abi::s_iflnk | 0777, .link_target = std::string(target)});
}

void BootedMachine::put_directory(std::string_view path, std::uint32_t permissions) {
  make_parents(caller(), path);
  (void)make_node(caller(), kAtFdCwd, path, node_of(abi::s_ifdir | permissions));
}

std::string BootedMachine::file(std::string_view path) {
  const Outcome opened = open_at(caller(), kAtFdCwd, path, {.flags = abi::o_rdonly, .mode = 0, .resolve = 0});
  if (!opened.ok()) return "";
  const FileId id{static_cast<std::uint32_t>(opened.value())};
  std::string all = read_all(kernel(), caller(), id);
  machine::put_file(kernel(), id);
  return all;
}

void BootedMachine::furnish() {
  for (const char* name : {"/bin", "/sbin", "/usr/bin", "/etc", "/dev", "/proc", "/sys", "/tmp", "/root", "/var/tmp"})
    put_directory(name);
  const auto mount = [&](const char* type, const char* at, const char* data) {
    (void)inject(kernel(), machine_.init(), call_number::mount, {type, at, type, 0, data});
  };
  mount("proc", "/proc", "");
  mount("sysfs", "/sys", "");
  mount("tmpfs", "/dev", "mode=755");
  if (const Result<Path, Errno> dev = walk(caller(), kAtFdCwd, "/dev"); dev.ok()) (void)populate_dev(caller(), *dev);
  mount("devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=620,gid=5");
  if (const Result<Path, Errno> tmp = walk(caller(), kAtFdCwd, "/tmp"); tmp.ok())
    (void)change_mode(caller(), *tmp, 01777);
  put_file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", 0644);
  put_file("/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n", 0644);
}

Running BootedMachine::start(Program program) {
  Running running;
  running.unsent = std::move(program.input);
  const Result<TaskId, Errno> child =
      clone_task(caller(), CloneRequest{.flags = program.flags, .body = TaskBody::hosted});
  if (!child.ok()) {
    running.so_far.exec_error = child.error();
    return running;
  }
  running.task = *child;
  running.process = kernel().tasks[*child].process;
  const Caller self{kernel(), *child};
  // Its ends are 0, 1 and 2; ours belong to nobody's table.
  for (int fd = 0; fd < 3; ++fd) {
    const Result<PipeEnds, Errno> ends = open_pipe(self, 0);
    const FileId theirs = fd == 0 ? ends->read_end : ends->write_end;
    const FileId ours = fd == 0 ? ends->write_end : ends->read_end;
    kernel().files[ours].flags |= abi::o_nonblock;
    (void)install_fd(self, theirs, false);
    (fd == 0 ? running.input : fd == 1 ? running.out : running.err) = ours;
  }
  (void)inject(kernel(), *child, call_number::chdir, {program.directory});
  ExecRequest request;
  request.path = program.path.empty() ? program.arguments.front() : program.path;
  request.arguments = std::move(program.arguments);
  request.environment = std::move(program.environment);
  const Result<void, Errno> started = execute(self, std::move(request));
  if (!started.ok()) {
    running.so_far.exec_error = started.error();
    exit_process(kernel(), running.process, 127 << 8);
  }
  return running;
}

bool BootedMachine::pump(Running& running, std::uint64_t instructions) {
  if (!running.process) return true;
  if (running.input) {
    while (!running.unsent.empty()) {
      const Outcome put = kernel().files[running.input].write(caller(), running.unsent, nullptr);
      if (put.is(Errno::epipe)) running.unsent.clear();
      if (!put.ok() || put.value() <= 0) break;
      running.unsent.erase(0, static_cast<std::size_t>(put.value()));
    }
    if (running.unsent.empty()) {
      machine::put_file(kernel(), running.input);
      running.input = {};
    }
  }
  running.so_far.end = machine_.run({.instructions = instructions});
  running.so_far.out += read_all(kernel(), caller(), running.out);
  running.so_far.err += read_all(kernel(), caller(), running.err);
  WaitSelection selection;
  selection.which = WaitSelection::Which::pid;
  selection.id = running.process;
  selection.options = wait_option::exited | wait_option::all;
  const Result<std::optional<ChildNews>, Errno> news = take_child_news(caller(), selection);
  if (!news.ok() || !*news) return !news.ok();
  running.so_far.status = (*news)->status;
  for (FileId file : {running.input, running.out, running.err})
    if (file) machine::put_file(kernel(), file);
  running.process = {};
  return true;
}

Finished BootedMachine::finish(Running& running, std::uint64_t instructions) {
  constexpr std::uint64_t slice = 2'000'000;
  std::uint64_t left = instructions;
  while (left > 0) {
    const std::uint64_t part = std::min(left, slice);
    left -= part;
    const std::size_t before = running.so_far.out.size() + running.so_far.err.size() + running.unsent.size();
    if (pump(running, part)) break;
    const bool moved = before != running.so_far.out.size() + running.so_far.err.size() + running.unsent.size();
    if (running.so_far.end == RunEnd::idle && !moved) break;
    if (running.so_far.end == RunEnd::halted) break;
  }
  return running.so_far;
}

Finished BootedMachine::run(Program program, std::uint64_t instructions) {
  Running running = start(std::move(program));
  return finish(running, instructions);
}

}  // namespace drydock::machine::testing
