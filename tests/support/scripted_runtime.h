#pragma once
// A Runtime without a kernel, for tests on every platform: containers are entries in a table, and a container's program
// is what the test does with it (write, exit). It behaves: attached streams get what is written from then on, logs are
// appended in json-file form, signals end what does not ignore them, what ended is there until it is removed.

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/log_record.h"
#include "runtime/runtime.h"
#include "storage/host_fs.h"

namespace drydock::testing {

class ScriptedRuntime final : public runtime::Runtime {
 public:
  /// Logs go into `data`, whose host_path("") is the beginning of their paths.
  ScriptedRuntime(storage::HostFs& data, Clock& clock);

  // What the program of a process does; an empty exec means the container's first process.
  void write(const std::string& container, runtime::StreamKind stream, std::string_view bytes,
             const std::string& exec = "");
  void exit(const std::string& container, int code, const std::string& exec = "", bool oom_killed = false);
  std::string take_stdin(const std::string& container, const std::string& exec = "");
  bool stdin_ended(const std::string& container, const std::string& exec = "") const;
  /// These signals are only noted, not obeyed.
  void ignore_signal(int signal) { ignored_.push_back(signal); }
  const std::vector<int>& signals() const { return signals_; }
  /// The next create() fails so.
  void fail_create(Error error) { create_error_ = std::move(error); }
  /// The next exec() fails so.
  void fail_exec(Error error) { exec_error_ = std::move(error); }

  bool knows(const std::string& container) const { return containers_.contains(container); }
  bool runs(const std::string& container) const;
  const runtime::CreateRequest& request(const std::string& container) const;
  std::size_t count() const { return containers_.size(); }
  runtime::Resources last_update;
  runtime::ConsoleSize last_size;

  const runtime::KernelFeatures& features() const override { return features_; }
  Result<runtime::Created> create(const runtime::CreateRequest& request) override;
  Result<void> start(const std::string& container) override;
  Result<void> kill(const runtime::ProcessKey& process, int signal) override;
  Result<void> pause(const std::string& container) override;
  Result<void> resume(const std::string& container) override;
  Result<std::int64_t> exec(const runtime::ExecRequest& request) override;
  Result<void> resize(const runtime::ProcessKey& process, runtime::ConsoleSize size) override;
  Result<void> update(const std::string& container, const runtime::Resources& resources) override;
  Result<runtime::ContainerStats> stats(const std::string& container) override;
  Result<std::vector<std::int64_t>> processes(const std::string& container) override;
  Result<std::unique_ptr<runtime::AttachedStream>> attach(const runtime::ProcessKey& process, bool with_stdin) override;
  void watch_log(const std::string& container) override;
  Result<void> remove(const std::string& container) override;
  std::vector<runtime::Recovered> recover() override;
  std::vector<runtime::RuntimeEvent> drain() override;

 private:
  friend class ScriptedStream;
  /// Shared by a process and the streams that are attached to it.
  struct Process {
    std::int64_t pid = 0;
    bool started = false;
    bool ended = false;
    std::string input;
    bool input_ended = false;
    runtime::Stdio stdio;
    struct Reader {
      std::deque<runtime::AttachedStream::Chunk> chunks;
    };
    std::vector<std::weak_ptr<Reader>> readers;
  };
  struct Entry {
    runtime::CreateRequest request;
    std::map<std::string, std::shared_ptr<Process>> processes;  // "" is the first one
    bool paused = false;
    bool log_watched = false;
    bool log_grown = false;
    std::optional<runtime::ExitedEvent> exited;
  };
  Result<Entry*> find(const std::string& container);
  Process& process(const std::string& container, const std::string& exec) const;
  void append_log(Entry& entry, runtime::StreamKind stream, std::string_view bytes);

  storage::HostFs& data_;
  Clock& clock_;
  runtime::KernelFeatures features_;
  std::map<std::string, Entry> containers_;
  std::vector<runtime::RuntimeEvent> events_;
  std::vector<int> ignored_, signals_;
  std::optional<Error> create_error_, exec_error_;
  std::int64_t next_pid_ = 100;
};

}  // namespace drydock::testing
