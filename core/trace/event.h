#pragma once
// The one stream of truth: everything that happens is an Event. `docker events`, the page's drawing and the lessons'
// checks are filters and folds over it; what is not in the stream is neither drawn nor graded.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/errno.h"

namespace drydock::trace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

/// One HTTP exchange, told twice: when the head of the request was read, and when the head of the answer was sent.
struct HttpEvent {
  enum class Phase { request, response };
  Phase phase = Phase::request;
  std::uint64_t exchange = 0;  // joins the two
  std::string method;
  std::string target;
  int status = 0;  // of the response
};

/// What `docker events` shows (Engine API, GET /events): the daemon's objects changed.
struct EngineEvent {
  std::string type;    // "container", "image", "network", "volume", "daemon"
  std::string action;  // "create", "start", "die", "exec_create: sh -c ls" ...
  std::string actor;   // the object's id, or an image's name
  Attributes attributes;
  std::string scope = "local";
};

/// A step of a distribution transfer.
struct RegistryEvent {
  std::string action;  // "resolve", "manifest", "blob-start", "blob-done", "mount", "upload" ...
  std::string repository;
  std::string digest;
  std::uint64_t bytes = 0;
};

/// One step of an InitPlan as it was carried out.
struct RuntimeStepEvent {
  std::string container;
  std::uint32_t index = 0;
  std::string step;
  std::string detail;
  std::int32_t error = 0;  // an Errno, or 0
};

/// A process of a container began or ended.
struct TaskEvent {
  enum class Kind { started, exited, oom_killed };
  Kind kind = Kind::started;
  std::string container;
  std::string exec;  // empty: the container's first process
  std::int64_t pid = 0;
  int exit_code = 0;
};

/// A system call of a process on the simulated kernel, as strace(1) words it. One that blocks is told twice: what is
/// known of it when it begins to wait, and the whole.
struct SyscallEvent {
  std::string container;  // empty: a process of the host
  std::int64_t pid = 0;   // the host's
  std::string name;       // "openat"
  std::string text;       // `openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3`, without strace's columns
  bool finished = true;
};

/// Something that Drydock does not model was asked for: never silently faked.
struct UnimplementedEvent {
  std::string what;   // "endpoint POST /session", "HostConfig.CpuRealtimePeriod"
  std::string where;  // who answered so
};

using Payload =
    std::variant<HttpEvent, EngineEvent, RegistryEvent, RuntimeStepEvent, TaskEvent, SyscallEvent, UnimplementedEvent>;

struct Event {
  std::uint64_t seq = 0;     // from 1, without gaps
  std::int64_t time_ns = 0;  // Clock::now()
  std::uint64_t span = 0;    // the operation this belongs to; 0 = none
  std::uint64_t cause = 0;   // seq of the event that brought this about; 0 = none
  std::string who;           // container id or process name; empty = the daemon
  Payload payload;
};

}  // namespace drydock::trace
