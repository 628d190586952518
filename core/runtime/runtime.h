#pragma once
// The Runtime port: the verbs of the OCI runtime specification (runtime.md, Operations) and the events that come back.
//
// A call returns at once, or blocks for the few milliseconds that a kernel needs, never on a container's own code.
// What happens later arrives by drain(). A container outlives its daemon: what it wrote, how it ended and its terminal
// are kept by the backend, and recover() finds everything again.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "runtime/init_plan.h"
#include "runtime/spec.h"

namespace drydock::runtime {

/// Names a process of a container: its first one (exec empty), or one made by exec().
struct ProcessKey {
  std::string container;
  std::string exec;
  friend bool operator==(const ProcessKey&, const ProcessKey&) = default;
};

enum class StreamKind : std::uint8_t { in = 0, out = 1, err = 2 };  // the numbers of Docker's stdcopy framing

struct Stdio {
  bool terminal = false;
  ConsoleSize console_size;
  bool open_stdin = false;  // else /dev/null
  bool stdin_once = false;  // stdin ends when the first attached stream that fed it closes
};

/// Where the backend appends the output, in Docker's json-file form (log_record.h). Empty path: nowhere.
struct LogFile {
  std::string path;                  // the host's absolute path
  std::uint64_t size_max_bytes = 0;  // 0: no rotation
  std::uint32_t files_max = 1;
};

struct CreateRequest {
  std::string id;
  Spec spec;
  Stdio stdio;
  LogFile log;
};

struct ExecRequest {
  std::string container;
  std::string exec;  // chosen by the caller, unique within the container
  Process process;
  Stdio stdio;
  bool privileged = false;
};

struct ContainerStats {
  std::uint64_t cpu_usage_ns = 0, cpu_user_ns = 0, cpu_system_ns = 0;
  std::vector<std::uint64_t> cpu_per_core_ns;
  std::uint64_t throttle_periods = 0, throttled_periods = 0, throttled_ns = 0;
  std::uint64_t memory_usage = 0, memory_usage_max = 0, memory_limit = 0, memory_failures = 0;  // bytes; limit 0: none
  std::vector<std::pair<std::string, std::uint64_t>> memory_stat;
  std::uint64_t pids_current = 0, pids_limit = 0;  // limit 0: none
  struct BlkioEntry {
    std::uint64_t major, minor;
    std::string op;
    std::uint64_t value;
  };
  std::vector<BlkioEntry> io_service_bytes, io_serviced;
  struct Network {
    std::string interface;
    std::uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped;
  };
  std::vector<Network> networks;
};

/// A process inside a container as `docker top` shows it: the host's pids.
struct ProcessInfo {
  std::int64_t pid = 0;
};

struct ExitedEvent {
  ProcessKey process;
  int exit_code = 0;  // 128 + signal for one that a signal ended
  bool oom_killed = false;
  Timestamp time;
};
/// The cgroup's OOM killer chose a process of the container (the first one or another).
struct OomEvent {
  std::string container;
};
/// The log has grown since watch_log() was called; watch again for more.
struct LoggedEvent {
  std::string container;
};
/// A step of the container's InitPlan was carried out (for the trace).
struct StepEvent {
  std::string container;
  std::uint32_t index = 0;
  std::string step;
  std::string detail;
  std::int32_t error = 0;
};

using RuntimeEvent = std::variant<ExitedEvent, OomEvent, LoggedEvent, StepEvent>;

/// A client's end of a process's stdio. Several may be attached; each gets all output from then on.
class AttachedStream {
 public:
  struct Chunk {
    StreamKind stream = StreamKind::out;  // with a terminal always out
    std::string bytes;
  };
  virtual ~AttachedStream() = default;  // detaches
  /// The next piece of output (at most 64 KiB), or nothing now. Output waits in the backend, bounded, while nobody
  /// reads; the process blocks when that is full and its log, if any, is written.
  virtual std::optional<Chunk> read() = 0;
  /// True when the process ended and all of its output was read, or the backend lost it.
  virtual bool ended() const = 0;
  /// Bytes for stdin; returns how many were taken.
  virtual std::size_t write(std::string_view bytes) = 0;
  /// True while write() would take bytes.
  virtual bool writable() const = 0;
  /// End of file on stdin, after what was written.
  virtual void close_stdin() = 0;
};

struct Recovered {
  std::string container;
  bool created = false;  // created, but not started yet
  bool running = false;
  bool paused = false;
  std::int64_t pid = 0;
  bool oom_killed = false;
  std::optional<ExitedEvent> exited;  // ended while no daemon looked
  std::vector<std::string> execs;     // running ones
};

struct Created {
  std::int64_t pid = 0;
  std::string network_namespace;  // a path that a NetworkDriver can enter: "/proc/PID/ns/net"
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual const KernelFeatures& features() const = 0;

  /// Everything up to, not including, the execve: namespaces, mounts, pivot_root, limits are in place, and the process
  /// waits. On an error nothing is left. Errors carry runc's words, since docker shows them.
  virtual Result<Created> create(const CreateRequest& request) = 0;
  /// Lets the created process go on to execve; an execve that fails is an error here, and the container is gone.
  virtual Result<void> start(const std::string& container) = 0;
  /// Sends a signal to the first process. Errors: not_found when it has ended.
  virtual Result<void> kill(const ProcessKey& process, int signal) = 0;
  /// cgroup freezer. A paused container that is killed is thawed, or it would never end.
  virtual Result<void> pause(const std::string& container) = 0;
  virtual Result<void> resume(const std::string& container) = 0;
  /// Starts a further process in a running container and returns its pid on the host.
  virtual Result<std::int64_t> exec(const ExecRequest& request) = 0;
  virtual Result<void> resize(const ProcessKey& process, ConsoleSize size) = 0;
  virtual Result<void> update(const std::string& container, const Resources& resources) = 0;
  virtual Result<ContainerStats> stats(const std::string& container) = 0;
  /// Pids of all processes in the container's cgroup, in the host's numbers, ascending.
  virtual Result<std::vector<std::int64_t>> processes(const std::string& container) = 0;
  /// May be called from create() on, before start(), so that no output is missed. Not after the process ended.
  virtual Result<std::unique_ptr<AttachedStream>> attach(const ProcessKey& process, bool with_stdin) = 0;
  /// One LoggedEvent will follow once the log has grown; at once if it grew since the last one.
  virtual void watch_log(const std::string& container) = 0;
  /// Forgets a container that has ended (or was only created): cgroup, state, monitor. Kills what is left in it.
  virtual Result<void> remove(const std::string& container) = 0;

  /// What an earlier daemon left, at start-up. Each is known to this object from then on.
  virtual std::vector<Recovered> recover() = 0;
  /// What has happened since the last call, in order.
  virtual std::vector<RuntimeEvent> drain() = 0;
};

}  // namespace drydock::runtime
