#pragma once
// What a daemon and the monitor of a container say to each other, one message per datagram of a SOCK_SEQPACKET socket.
// Every request gets one reply with its sequence number; notices come in between. Big requests travel as a memory file.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "native/runtime/plan_wire.h"

namespace drydock::native {

inline constexpr const char* kMonitorSocketName = "monitor.sock";
inline constexpr const char* kStateFileName = "state.json";
inline constexpr int kMonitorControlFd = 3;  // the first connection, which the daemon that spawned it holds
inline constexpr int kMonitorDirectoryFd = 4;
inline constexpr std::size_t kControlMessageMax = 16 * 1024;
inline constexpr std::size_t kLaunchOrderMax = std::size_t{32} << 20;  // arguments and environment: execve's own limits

// Attached streams: one datagram per piece, its first byte says what it is.
inline constexpr std::size_t kStreamPieceMax = 64 * 1024;  // with that byte
inline constexpr char kStdinData = 0;                      // towards the monitor; from it: StreamKind
inline constexpr char kStdinClose = 1;

/// A process to be made: the container's first one (`exec` empty) or a further one.
struct LaunchOrder {
  std::string id;
  std::string exec;
  runtime::InitPlan plan;
  std::string filter;  // classic BPF, array of sock_filter; empty: none
  runtime::Stdio stdio;
  runtime::LogFile log;
};
DD_WIRE(LaunchOrder, v.id, v.exec, v.plan, v.filter, v.stdio, v.log)

struct LaunchRequest {};  // descriptors: memory file with a LaunchOrder[, the first attached stream]
struct StartRequest {};
struct AttachRequest {  // descriptor: the stream's socket
  std::string exec;
  bool with_stdin = false;
};
struct SignalRequest {
  std::string exec;
  std::int32_t signal = 0;
};
struct ResizeRequest {
  std::string exec;
  runtime::ConsoleSize size;
};
struct WatchLogRequest {};
struct StateRequest {};
/// The container has ended and the daemon knows: the monitor goes as soon as attached clients have all output.
struct ReleaseRequest {};
/// Kill what runs, take the cgroup away, go.
struct DestroyRequest {};

DD_WIRE(LaunchRequest)
DD_WIRE(StartRequest)
DD_WIRE(AttachRequest, v.exec, v.with_stdin)
DD_WIRE(SignalRequest, v.exec, v.signal)
DD_WIRE(ResizeRequest, v.exec, v.size)
DD_WIRE(WatchLogRequest)
DD_WIRE(StateRequest)
DD_WIRE(ReleaseRequest)
DD_WIRE(DestroyRequest)

struct Request {
  std::uint32_t sequence = 0;
  std::variant<LaunchRequest, StartRequest, AttachRequest, SignalRequest, ResizeRequest, WatchLogRequest, StateRequest,
               ReleaseRequest, DestroyRequest>
      body;
};
DD_WIRE(Request, v.sequence, v.body)

/// Why something failed: a step of the plan, or an operation of the monitor itself (`operation` not empty).
struct LaunchFailure {
  std::int32_t step = -1;  // index into InitPlan::child; -1: none
  std::int32_t code = 0;   // errno
  std::string operation;
  std::string object;
};
DD_WIRE(LaunchFailure, v.step, v.code, v.operation, v.object)

enum class MonitorStatus : std::uint8_t { creating, created, running, exited };

struct ProcessExit {
  std::string exec;
  std::int32_t exit_code = 0;
  bool oom_killed = false;
  std::int64_t time_ns = 0;
};
DD_WIRE(ProcessExit, v.exec, v.exit_code, v.oom_killed, v.time_ns)

struct MonitorState {
  MonitorStatus status = MonitorStatus::creating;
  std::int64_t pid = 0;
  bool oom_killed = false;
  std::vector<std::string> execs;  // running ones
  std::optional<ProcessExit> exited;
};
DD_WIRE(MonitorState, v.status, v.pid, v.oom_killed, v.execs, v.exited)

struct Reply {
  std::uint32_t sequence = 0;
  std::int64_t pid = 0;
  std::optional<LaunchFailure> failure;
  std::optional<MonitorState> state;
};
DD_WIRE(Reply, v.sequence, v.pid, v.failure, v.state)

struct OomNotice {};
struct LoggedNotice {};
DD_WIRE(OomNotice)
DD_WIRE(LoggedNotice)

using MonitorMessage = std::variant<Reply, ProcessExit, OomNotice, LoggedNotice>;

}  // namespace drydock::native
