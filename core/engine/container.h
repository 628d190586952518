#pragma once
// One container: what is known of it on disk, and what is only known while this daemon lives.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/container_config.h"
#include "engine/container_state.h"
#include "engine/job.h"
#include "runtime/runtime.h"

namespace drydock::engine {

/// A mount of a container as `docker inspect` lists it (MountPoint).
struct MountPoint {
  enum class Kind { bind, volume, tmpfs };
  Kind kind = Kind::bind;
  std::string volume;  // name
  std::string source;  // the host's path; empty for tmpfs
  std::string destination;
  std::string driver;  // "local" for volumes
  std::string mode;    // as given: "ro,z"
  bool read_write = true;
  std::string propagation;
  bool anonymous = false;      // the volume goes with the container (rm -v, --rm)
  bool copy_up = true;         // an empty volume gets what the image has there
  bool create_source = false;  // bind of -v: the host's directory is made if it is not there
  bool non_recursive = false;
  bool recursive_read_only = false;
  std::string tmpfs_options;
  bool from_mounts = false;  // --mount: tmpfs of --tmpfs are not listed by inspect
};

struct ContainerState {
  Status status = Status::created;
  bool oom_killed = false;
  std::int64_t pid = 0;
  int exit_code = 0;
  std::string error;
  Timestamp started_at, finished_at;
};

/// What a client's attach waits for: the stream of the next run. Shared by the container and the job that pumps it.
struct Attachment {
  bool with_stdin = false;
  std::unique_ptr<runtime::AttachedStream> stream;  // null until the container starts
  bool over = false;                                // it never will, or the client went away
};

/// A process of `docker exec`.
struct Exec {
  std::string id;
  std::string container;
  Strings cmd;
  std::optional<Strings> env;
  std::string user, working_dir, detach_keys;
  bool tty = false, privileged = false;
  bool attach_stdin = false, attach_stdout = false, attach_stderr = false;
  runtime::ConsoleSize console_size;
  bool started = false;
  bool running = false;
  std::optional<int> exit_code;
  std::int64_t pid = 0;
  std::shared_ptr<Attachment> attachment;
};

inline constexpr std::size_t kExecsMax = 1000;  // ended ones are forgotten, the oldest first, beyond this

struct Container {
  // Kept on disk.
  std::string id;
  std::string name;  // without '/'
  Timestamp created;
  std::string path;
  Strings args;
  ContainerConfig config;
  HostConfig host_config;
  EndpointMap endpoints;  // by network name
  PortMap ports;          // published, while it runs
  ContainerState state;
  std::string image_id;  // "sha256:…"
  std::vector<MountPoint> mounts;
  Strings warnings;
  std::int64_t restart_count = 0;
  bool manually_stopped = false;  // unless-stopped stays down after a daemon's restart

  // Only while this daemon lives.
  struct Live {
    std::map<std::string, Exec> execs;
    std::vector<std::shared_ptr<Attachment>> attachments;
    std::string network_namespace;
    std::uint64_t log_growth = 0;              // counts LoggedEvents
    std::uint64_t exits = 0;                   // counts ends of its first process: next-exit of wait
    bool in_runtime = false;                   // the runtime knows it: remove() is due before the next create()
    bool has_been_stopped = false;             // by stop or kill: the restart policy is not asked at this exit
    std::int64_t restart_at_ns = kNoDeadline;  // monotonic
    std::int64_t restart_delay_ns = 0;
    std::int64_t started_monotonic_ns = 0;
    std::int64_t drained_by_ns = kNoDeadline;  // ended; its streams are being read to their ends until then
  } live;

  bool is_running() const { return state.status == Status::running || state.status == Status::paused; }
  bool is_restarting() const { return state.status == Status::restarting; }
  /// Files of a container below the data root.
  std::string directory() const { return "containers/" + id; }
  std::string file(std::string_view name) const { return directory() + "/" + std::string(name); }
  std::string log_file() const { return file(id + "-json.log"); }
};

}  // namespace drydock::engine
