#include "tests/support/scripted_runtime.h"

#include <algorithm>

namespace drydock::testing {

using runtime::AttachedStream;
using runtime::ExitedEvent;
using runtime::ProcessKey;
using runtime::StreamKind;

class ScriptedStream final : public AttachedStream {
 public:
  using Process = ScriptedRuntime::Process;
  ScriptedStream(std::shared_ptr<Process> process, bool with_stdin)
      : process_(std::move(process)), reader_(std::make_shared<Process::Reader>()), with_stdin_(with_stdin) {
    process_->readers.push_back(reader_);
  }
  std::optional<Chunk> read() override {
    if (reader_->chunks.empty()) return std::nullopt;
    Chunk chunk = std::move(reader_->chunks.front());
    reader_->chunks.pop_front();
    return chunk;
  }
  bool ended() const override { return process_->ended && reader_->chunks.empty(); }
  std::size_t write(std::string_view bytes) override {
    if (!with_stdin_ || process_->input_ended) return 0;
    process_->input.append(bytes);
    return bytes.size();
  }
  bool writable() const override { return with_stdin_ && !process_->input_ended; }
  void close_stdin() override { process_->input_ended = true; }

 private:
  std::shared_ptr<Process> process_;
  std::shared_ptr<Process::Reader> reader_;
  bool with_stdin_;
};

ScriptedRuntime::ScriptedRuntime(storage::HostFs& data, Clock& clock) : data_(data), clock_(clock) {
  features_.cgroup = runtime::KernelFeatures::Cgroup::v1;
  features_.cgroup_controllers = {"memory", "cpu", "pids"};
  features_.overlay = true;
  features_.seccomp = true;
  features_.capabilities = (std::uint64_t{1} << 41) - 1;
  features_.release_major = 6;
}

Result<ScriptedRuntime::Entry*> ScriptedRuntime::find(const std::string& container) {
  const auto found = containers_.find(container);
  if (found == containers_.end()) return fail(ErrorKind::not_found, "container ", container, " does not exist");
  return &found->second;
}

ScriptedRuntime::Process& ScriptedRuntime::process(const std::string& container, const std::string& exec) const {
  return *containers_.at(container).processes.at(exec);
}

void ScriptedRuntime::append_log(Entry& entry, StreamKind stream, std::string_view bytes) {
  if (entry.request.log.path.empty()) return;
  const std::string path = entry.request.log.path.substr(data_.host_path("").size());
  auto file = data_.open_write(path, storage::WriteMode::append, 0640);
  DD_ASSERT(file.ok());
  runtime::LogRecord record;
  record.log = std::string(bytes);
  record.stream = stream == StreamKind::err ? "stderr" : "stdout";
  record.time = clock_.now();
  DD_ASSERT((*file)->write(runtime::encode_log_record(record)).ok());
  if (entry.log_watched)
    events_.push_back(runtime::LoggedEvent{entry.request.id});
  else
    entry.log_grown = true;
  entry.log_watched = false;
}

void ScriptedRuntime::write(const std::string& container, StreamKind stream, std::string_view bytes,
                            const std::string& exec) {
  Process& target = process(container, exec);
  DD_ASSERT(target.started && !target.ended);
  const StreamKind kind = target.stdio.terminal ? StreamKind::out : stream;
  if (exec.empty()) append_log(containers_.at(container), kind, bytes);
  for (const auto& weak : target.readers)
    if (const auto reader = weak.lock()) reader->chunks.push_back({kind, std::string(bytes)});
}

void ScriptedRuntime::exit(const std::string& container, int code, const std::string& exec, bool oom_killed) {
  Entry& entry = containers_.at(container);
  Process& target = process(container, exec);
  target.ended = true;
  ExitedEvent event;
  event.process = {container, exec};
  event.exit_code = code;
  event.oom_killed = oom_killed;
  event.time = clock_.now();
  if (exec.empty()) {
    entry.exited = event;
    for (auto& item : entry.processes) item.second->ended = true;
  }
  events_.push_back(event);
}

std::string ScriptedRuntime::take_stdin(const std::string& container, const std::string& exec) {
  return std::exchange(process(container, exec).input, "");
}

bool ScriptedRuntime::stdin_ended(const std::string& container, const std::string& exec) const {
  return process(container, exec).input_ended;
}

bool ScriptedRuntime::runs(const std::string& container) const {
  const auto found = containers_.find(container);
  return found != containers_.end() && found->second.processes.at("")->started && !found->second.exited;
}

const runtime::CreateRequest& ScriptedRuntime::request(const std::string& container) const {
  return containers_.at(container).request;
}

Result<runtime::Created> ScriptedRuntime::create(const runtime::CreateRequest& request) {
  if (create_error_) return *std::exchange(create_error_, std::nullopt);
  if (containers_.contains(request.id)) return fail(ErrorKind::conflict, "container with given ID already exists");
  Entry entry;
  entry.request = request;
  auto first = std::make_shared<Process>();
  first->pid = next_pid_++;
  first->stdio = request.stdio;
  const runtime::Created created{first->pid, "/proc/" + std::to_string(first->pid) + "/ns/net"};
  entry.processes[""] = std::move(first);
  containers_[request.id] = std::move(entry);
  return created;
}

Result<void> ScriptedRuntime::start(const std::string& container) {
  TRY(find(container))->processes.at("")->started = true;
  return {};
}

Result<void> ScriptedRuntime::kill(const ProcessKey& key, int signal) {
  Entry* entry = TRY(find(key.container));
  if (entry->exited) return fail(ErrorKind::not_found, "process already finished");
  signals_.push_back(signal);
  if (std::find(ignored_.begin(), ignored_.end(), signal) == ignored_.end() || signal == 9)
    exit(key.container, 128 + signal, key.exec);
  return {};
}

Result<void> ScriptedRuntime::pause(const std::string& container) {
  TRY(find(container))->paused = true;
  return {};
}

Result<void> ScriptedRuntime::resume(const std::string& container) {
  TRY(find(container))->paused = false;
  return {};
}

Result<std::int64_t> ScriptedRuntime::exec(const runtime::ExecRequest& request) {
  Entry* entry = TRY(find(request.container));
  if (exec_error_) return *std::exchange(exec_error_, std::nullopt);
  auto added = std::make_shared<Process>();
  added->pid = next_pid_++;
  added->started = true;
  added->stdio = request.stdio;
  const std::int64_t pid = added->pid;
  entry->processes[request.exec] = std::move(added);
  return pid;
}

Result<void> ScriptedRuntime::resize(const ProcessKey& key, runtime::ConsoleSize size) {
  TRY(find(key.container));
  last_size = size;
  return {};
}

Result<void> ScriptedRuntime::update(const std::string& container, const runtime::Resources& resources) {
  TRY(find(container));
  last_update = resources;
  return {};
}

Result<runtime::ContainerStats> ScriptedRuntime::stats(const std::string& container) {
  TRY(find(container));
  runtime::ContainerStats stats;
  stats.cpu_usage_ns = 1'000'000;
  stats.memory_usage = 4096;
  stats.pids_current = 1;
  return stats;
}

Result<std::vector<std::int64_t>> ScriptedRuntime::processes(const std::string& container) {
  std::vector<std::int64_t> pids;
  for (const auto& item : TRY(find(container))->processes)
    if (!item.second->ended) pids.push_back(item.second->pid);
  return pids;
}

Result<std::unique_ptr<AttachedStream>> ScriptedRuntime::attach(const ProcessKey& key, bool with_stdin) {
  Entry* entry = TRY(find(key.container));
  const auto found = entry->processes.find(key.exec);
  if (found == entry->processes.end() || found->second->ended)
    return fail(ErrorKind::not_found, "process already finished");
  return std::unique_ptr<AttachedStream>(std::make_unique<ScriptedStream>(found->second, with_stdin));
}

void ScriptedRuntime::watch_log(const std::string& container) {
  auto entry = find(container);
  if (!entry.ok()) return;
  if (std::exchange((*entry)->log_grown, false))
    events_.push_back(runtime::LoggedEvent{container});
  else
    (*entry)->log_watched = true;
}

Result<void> ScriptedRuntime::remove(const std::string& container) {
  const auto found = containers_.find(container);
  if (found == containers_.end()) return {};
  for (auto& item : found->second.processes) item.second->ended = true;
  containers_.erase(found);
  return {};
}

std::vector<runtime::Recovered> ScriptedRuntime::recover() {
  std::vector<runtime::Recovered> all;
  for (const auto& item : containers_) {
    runtime::Recovered found;
    found.container = item.first;
    found.created = !item.second.processes.at("")->started;
    found.running = !found.created && !item.second.exited;
    found.paused = item.second.paused;
    found.pid = item.second.processes.at("")->pid;
    found.exited = item.second.exited;
    all.push_back(std::move(found));
  }
  events_.clear();  // they were the earlier daemon's
  return all;
}

std::vector<runtime::RuntimeEvent> ScriptedRuntime::drain() {
  return std::exchange(events_, {});
}

}  // namespace drydock::testing
