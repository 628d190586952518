// The literal lines are those that strace 6.1 printed of a program that made the same calls on Linux.

#include "machine/syscalls/strace.h"

#include <doctest/doctest.h>

#include "machine/mm/kernel_pages.h"
#include "machine/syscalls/strace_arguments.h"
#include "machine/syscalls/strace_values.h"

namespace drydock::machine {
namespace {

/// A kernel with one task that has memory to keep arguments in.
class Traced {
 public:
  Traced() {
    auto memory = std::make_unique<AddressSpace>();
    Mapping mapping;
    mapping.start = kBase;
    mapping.end = kBase + 16 * kPageBytes;
    mapping.protection = kProtRead | kProtWrite;
    FileReferences files;
    memory->map(mapping, &files);
    task_ = kernel_.tasks.insert(std::make_unique<Task>());
    kernel_.tasks[task_].process = kernel_.processes.emplace();
    kernel_.tasks[task_].memory = kernel_.memories.insert(std::move(memory));
  }
  /// Puts bytes into the task's memory and gives their address.
  std::uint64_t put(std::string_view bytes) {
    const std::uint64_t address = next_;
    KernelPages pages(kernel_, task_);
    const std::uint64_t written =
        kernel_.memories[kernel_.tasks[task_].memory].write(pages, address, {bytes.data(), bytes.size()});
    REQUIRE(written == bytes.size());
    next_ += (bytes.size() + 15) / 16 * 16;
    return address;
  }
  std::uint64_t text(std::string_view words) { return put(std::string(words) + '\0'); }
  std::string line(std::int64_t number, std::array<std::uint64_t, 6> arguments, const Outcome& outcome) {
    enter(number, arguments);
    SyscallText call(kernel_, task_);
    call.finish(kernel_, task_, outcome);
    return call.line();
  }
  std::string unfinished(std::int64_t number, std::array<std::uint64_t, 6> arguments) {
    enter(number, arguments);
    return SyscallText(kernel_, task_).unfinished();
  }

 private:
  void enter(std::int64_t number, std::array<std::uint64_t, 6> arguments) {
    kernel_.tasks[task_].call_number = number;
    kernel_.tasks[task_].call_arguments = arguments;
  }
  static constexpr std::uint64_t kBase = 0x10000;
  Kernel kernel_;
  TaskId task_;
  std::uint64_t next_ = kBase;
};

constexpr std::uint64_t kHere = static_cast<std::uint64_t>(std::int64_t{-100});

}  // namespace

TEST_CASE("strace shows flags, modes and the text of an error") {
  Traced task;
  CHECK(task.line(257, {kHere, task.text("/tmp/simtmp/x"), 02102, 0644}, 3) ==
        "openat(AT_FDCWD, \"/tmp/simtmp/x\", O_RDWR|O_CREAT|O_APPEND, 0644) = 3");
  CHECK(task.line(165, {task.text("none"), task.text("/mnt"), task.text("tmpfs"), 6, task.text("size=65536k,mode=755")},
                  Errno::eperm) ==
        "mount(\"none\", \"/mnt\", \"tmpfs\", MS_NOSUID|MS_NODEV, \"size=65536k,mode=755\") = -1 EPERM (Operation not "
        "permitted)");
  CHECK(task.line(87, {task.text("/tmp/simtmp/node")}, Errno::enoent) ==
        "unlink(\"/tmp/simtmp/node\")              = -1 ENOENT (No such file or directory)");
}

TEST_CASE("strace cuts a string at 32 bytes but shows a path as a whole") {
  Traced task;
  CHECK(task.line(1, {1, task.put("-rw-r--r--    1 root     root             3 Nov 25 13:34 f\n"), 59}, 59) ==
        "write(1, \"-rw-r--r--    1 root     root   \"..., 59) = 59");
  CHECK(task.line(1,
                  {1,
                   task.put(std::string("\x80\xff"
                                        "a\0"
                                        "12",
                                        6)),
                   6},
                  6) == "write(1, \"\\200\\377a\\00012\", 6)          = 6");
  CHECK(task.line(87, {task.text("/a/path/that/is/longer/than/thirty/two/bytes")}, 0) ==
        "unlink(\"/a/path/that/is/longer/than/thirty/two/bytes\") = 0");
}

TEST_CASE("strace shows what a call brought back, and the address where it failed") {
  Traced task;
  std::string raw(144, '\0');
  raw[24] = static_cast<char>(0xed);  // S_IFDIR|0755 is 0x41ed
  raw[25] = 0x41;
  raw[49] = 0x10;  // 4096
  const std::uint64_t buffer = task.put(raw);
  CHECK(task.line(262, {kHere, task.text("."), buffer, 0}, 0) ==
        "newfstatat(AT_FDCWD, \".\", {st_mode=S_IFDIR|0755, st_size=4096, ...}, 0) = 0");
  CHECK(task.line(262, {kHere, task.text("none"), buffer, 0}, Errno::enoent) ==
        "newfstatat(AT_FDCWD, \"none\", " + hex_text(buffer) + ", 0) = -1 ENOENT (No such file or directory)");
  CHECK(task.line(0, {3, task.put("hi\n"), 4096}, 3) == "read(3, \"hi\\n\", 4096)                   = 3");
}

TEST_CASE("strace names how a child ended") {
  Traced task;
  const std::uint64_t status = task.put(std::string("\0\3\0\0", 4));
  CHECK(task.line(61, {~std::uint64_t{0}, status, 0, 0}, 18654) ==
        "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 18654");
  REQUIRE(status == 0x10000);
  CHECK(task.line(61, {~std::uint64_t{0}, status, 1, 0}, Errno::echild) ==
        "wait4(-1, 0x10000, WNOHANG, NULL)       = -1 ECHILD (No child processes)");
  CHECK(task.unfinished(61, {~std::uint64_t{0}, status, 0, 0}) == "wait4(-1,  <unfinished ...>");
  CHECK(wait_status_text(0x8b) == "{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}");
  CHECK(wait_status_text(0x147f) == "{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTSTP}");
  CHECK(wait_status_text(0xffff) == "{WIFCONTINUED(s)}");
}

TEST_CASE("strace shows the arguments that depend on a command") {
  Traced task;
  CHECK(task.line(72, {3, 3, 0}, 0x8402) ==
        "fcntl(3, F_GETFL)                       = 0x8402 (flags O_RDWR|O_APPEND|O_LARGEFILE)");
  CHECK(task.line(72, {3, 2, 1}, 0) == "fcntl(3, F_SETFD, FD_CLOEXEC)           = 0");
  CHECK(task.line(72, {1, 1030, 10}, 11) == "fcntl(1, F_DUPFD_CLOEXEC, 10)           = 11");
  CHECK(task.line(157, {38, 1, 0, 0, 0}, 0) == "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  = 0");
  CHECK(task.line(157, {23, 21}, 1) == "prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN)   = 1");
  CHECK(task.line(158, {0x1002, 0x2f1b43c0}, 0) == "arch_prctl(ARCH_SET_FS, 0x2f1b43c0)     = 0");
  CHECK(task.line(16, {0, 0x5413, 0x7ffc}, Errno::enotty) ==
        "ioctl(0, TIOCGWINSZ, 0x7ffc)            = -1 ENOTTY (Inappropriate ioctl for device)");
  CHECK(task.line(56, {0x1200011, 0, 0, 0x2f1b4690, 0}, 18653) ==
        "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x2f1b4690) = "
        "18653");
}

TEST_CASE("strace shows what openat2 is asked, and flags that have no access mode") {
  Traced task;
  std::string how(24, '\0');
  how[2] = 0x28;  // O_PATH|O_CLOEXEC
  how[16] = 0x10;
  CHECK(task.line(437, {3, task.text("dev/pts"), task.put(how), 24}, 4) ==
        "openat2(3, \"dev/pts\", {flags=O_RDONLY|O_CLOEXEC|O_PATH, resolve=RESOLVE_IN_ROOT}, 24) = 4");
  CHECK(task.line(292, {3, 0, 0}, 0) == "dup3(3, 0, 0)                           = 0");
  CHECK(task.line(259, {kHere, task.text("n"), 020666, 0x103}, 0) ==
        "mknodat(AT_FDCWD, \"n\", S_IFCHR|0666, makedev(0x1, 0x3)) = 0");
}

TEST_CASE("strace shows sets of signals by what is in them or by what is not") {
  CHECK(signal_set_text(0) == "[]");
  CHECK(signal_set_text(signal_bit(sig_int) | signal_bit(sig_chld)) == "[INT CHLD]");
  CHECK(signal_set_text(~(signal_bit(32) | signal_bit(33))) == "~[RTMIN RT_1]");
}

TEST_CASE("strace shows addresses of sockets") {
  CHECK(socket_address_text(std::string("\2\0\x1f\xa3\x7f\0\0\1\0\0\0\0\0\0\0\0", 16)) ==
        "{sa_family=AF_INET, sin_port=htons(8099), sin_addr=inet_addr(\"127.0.0.1\")}");
  CHECK(socket_address_text(std::string("\1\0/tmp/nosuch\0", 14)) == "{sa_family=AF_UNIX, sun_path=\"/tmp/nosuch\"}");
  std::string loopback(28, '\0');
  loopback[0] = 10;
  loopback[3] = 53;
  loopback[23] = 1;
  CHECK(socket_address_text(loopback) ==
        "{sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"::1\", &sin6_addr), "
        "sin6_scope_id=0}");
}

TEST_CASE("a call that is not modelled is told by its name, one that Linux lacks by its number") {
  Traced task;
  CHECK(task.line(500, {1, 2, 3, 0, 0, 0}, Errno::enosys) ==
        "syscall_0x1f4(0x1, 0x2, 0x3, 0, 0, 0)   = -1 ENOSYS (Function not implemented)");
  const std::string line = task.line(425, {1, 2, 0, 0, 0, 0}, Errno::enosys);
  CHECK(line.substr(0, 15) == "io_uring_setup(");
}

TEST_CASE("arguments that point nowhere are shown as addresses") {
  Traced task;
  CHECK(task.line(87, {0xdead0000}, Errno::efault) ==
        "unlink(0xdead0000)                      = -1 EFAULT (Bad address)");
  CHECK(task.line(59, {task.text("/bin/true"), 0xdead0000, 0xbeef0000}, Errno::efault) ==
        "execve(\"/bin/true\", 0xdead0000, 0xbeef0000) = -1 EFAULT (Bad address)");
}

}  // namespace drydock::machine
