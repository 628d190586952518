#pragma once
// The daemon's state: tables, and the jobs under way. The verbs are free functions, a file each (create.h, start.h,
// pull.h ...). One thread; ids cross rooms, never pointers into these tables.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/host.h"
#include "engine/job.h"
#include "engine/settings.h"
#include "trace/trace.h"

namespace drydock::engine {

class Containers;  // containers.h: the table of containers, by id and name
class Images;      // images.h: content, layers, references and transfers
class Networks;    // networks.h: networks, endpoints and their addresses
class Volumes;     // volumes.h

struct Daemon {
  /// Reads nothing yet; call open_daemon (lifecycle.h).
  Daemon(Host host, Settings settings);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  Host host;
  Settings settings;
  trace::Trace trace;
  std::string id;  // persistent, made at the first start

  std::unique_ptr<Images> images;
  std::unique_ptr<Networks> networks;
  std::unique_ptr<Volumes> volumes;
  std::unique_ptr<Containers> containers;

  /// Takes effect with the current or the next step().
  void add_job(std::unique_ptr<Job> job);

  struct Progress {
    bool busy = false;                       // step again at once
    std::int64_t deadline_ns = kNoDeadline;  // or then, if nothing happens before
  };
  /// Hands the runtime's events to their containers, then gives every job a turn. The owner of the loop calls it
  /// whenever a port may have news, and by what it returns.
  Progress step();

  /// Ends every job under way, as it is: what they answered to is closed.
  void drop_jobs();
  std::size_t job_count() const { return jobs_.size() + new_jobs_.size(); }

 private:
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<std::unique_ptr<Job>> new_jobs_;
};

/// Appends an EngineEvent to the trace: what `docker events` shows.
void emit_event(Daemon& daemon, std::string_view type, std::string_view action, std::string_view actor,
                trace::Attributes attributes = {});

}  // namespace drydock::engine
