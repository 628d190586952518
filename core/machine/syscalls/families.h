#pragma once
// Every family of system calls keeps its rows beside its handlers (sys_<family>.cpp); table.cpp puts them together.

#include <span>

#include "machine/syscalls/table.h"

namespace drydock::machine {

std::span<const SyscallRow> memory_calls();      // mmap(2) ... : sys_memory.cpp
std::span<const SyscallRow> file_calls();        // open(2) read(2) write(2) lseek(2) sendfile(2) ...: sys_file.cpp
std::span<const SyscallRow> descriptor_calls();  // dup(2) fcntl(2) pipe(2) close(2) ioctl(2): sys_descriptor.cpp
std::span<const SyscallRow> directory_calls();   // mkdir(2) rename(2) getdents64(2) ...: sys_directory.cpp
std::span<const SyscallRow> attribute_calls();   // stat(2) chmod(2) statfs(2) utimensat(2) xattr(7): sys_attribute.cpp
std::span<const SyscallRow> mount_calls();       // mount(2) pivot_root(2) ...: sys_mount.cpp
std::span<const SyscallRow> poll_calls();        // poll(2) select(2), later epoll(7): sys_poll.cpp
std::span<const SyscallRow> process_calls();     // clone(2) execve(2) exit(2) wait4(2) setpgid(2): sys_process.cpp
std::span<const SyscallRow> signal_calls();      // sys_signal.cpp
std::span<const SyscallRow> credential_calls();  // setuid(2) capset(2) prctl(2): sys_credential.cpp
std::span<const SyscallRow> time_calls();        // nanosleep(2) alarm(2) clock_gettime(2) ...: sys_time.cpp
std::span<const SyscallRow> namespace_calls();   // unshare(2) setns(2) sethostname(2): sys_namespace.cpp
std::span<const SyscallRow>
system_calls();  // uname(2) sysinfo(2) getrandom(2) prlimit64(2) sched_*(2) futex(2) seccomp(2): sys_system.cpp
std::span<const SyscallRow> queue_calls();   // mq_overview(7): sys_queue.cpp
std::span<const SyscallRow> socket_calls();  // socket(2) ...: sys_socket.cpp

}  // namespace drydock::machine
