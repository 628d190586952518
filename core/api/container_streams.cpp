// Containers' answers that go on: attach, logs, stats, wait.

#include "api/attach_job.h"
#include "api/body.h"
#include "api/container_stats.h"
#include "api/respond.h"
#include "api/routes.h"
#include "api/stdcopy.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/container_events.h"
#include "engine/containers.h"
#include "engine/detach_keys.h"
#include "engine/log_reader.h"

namespace drydock::api {

namespace {

using engine::Container;

constexpr std::size_t kBacklogMax = 1024 * 1024;
constexpr int kRecordsPerStep = 2000;
constexpr std::uint64_t kReplayBytesMax = 64u << 20;

runtime::StreamKind stream_of(const runtime::LogRecord& record) {
  return record.stream == "stderr" ? runtime::StreamKind::err : runtime::StreamKind::out;
}

// --- wait ------------------------------------------------------------------------------------------------------------

class WaitJob final : public engine::Job {
 public:
  enum class Condition { not_running, next_exit, removed };
  WaitJob(const Container& container, Condition condition, ApiVersion version,
          std::shared_ptr<http::Responder> responder)
      : id_(container.id),
        exits_(container.live.exits),
        condition_(condition),
        version_(version),
        responder_(std::move(responder)) {}

  State step(engine::Daemon& daemon) override {
    if (responder_->closed()) return State::done;
    const auto code = exit_code(daemon);
    if (!code) return State::waiting;
    Json answer = Json::object();
    if (version_.minor >= 30 && version_.minor < 42) answer["Error"] = nullptr;
    answer["StatusCode"] = *code;
    const std::string text = to_json_text(answer) + "\n";
    if (version_.minor < 30) {
      responder_->send(200, "application/json", text);
    } else {
      responder_->write(text);
      responder_->finish();
    }
    return State::done;
  }
  std::string_view name() const override { return "wait"; }

 private:
  std::optional<int> exit_code(engine::Daemon& daemon) const {
    const Container* container = daemon.containers->by_id(id_);
    if (container == nullptr) {
      const auto* removed = daemon.containers->removed(id_);
      return removed == nullptr ? 0 : removed->exit_code;
    }
    if (condition_ == Condition::removed) return std::nullopt;
    if (condition_ == Condition::not_running && !container->is_running()) return container->state.exit_code;
    if (container->live.exits != exits_) return container->state.exit_code;
    return std::nullopt;
  }

  std::string id_;
  std::uint64_t exits_;
  Condition condition_;
  ApiVersion version_;
  std::shared_ptr<http::Responder> responder_;
};

void wait(Context& context) {
  auto container = context.daemon.containers->find(context.params.get("name"));
  if (!container.ok()) return send_error(*context.responder, container.error());
  auto condition = WaitJob::Condition::not_running;
  const std::string text = context.version.minor >= 30 ? context.query().get_or("condition", "") : "";
  if (text == "next-exit") condition = WaitJob::Condition::next_exit;
  if (text == "removed") condition = WaitJob::Condition::removed;
  // The client has to know that it is waited before it starts the container.
  if (context.version.minor >= 30) context.responder->start(200, {{"Content-Type", "application/json"}});
  WaitJob job(**container, condition, context.version, context.responder);
  if (job.step(context.daemon) != engine::Job::State::done)
    context.daemon.add_job(std::make_unique<WaitJob>(std::move(job)));
}

// --- attach ----------------------------------------------------------------------------------------------------------

Result<std::string> replay(engine::Daemon& daemon, const Container& container, const AttachOptions& options) {
  engine::LogOptions log;
  log.out = options.out;
  log.err = options.err;
  auto reader = TRY(engine::LogReader::open(daemon.host.data, container, log));
  std::string bytes;
  while (auto record = TRY(reader.next())) {
    if (options.terminal)
      bytes += record->log;
    else
      append_frame(bytes, stream_of(*record), record->log);
    if (bytes.size() > kReplayBytesMax) break;
  }
  return bytes;
}

Result<void> check_attachable(const Container& container) {
  if (container.state.status == engine::Status::paused)
    return fail(ErrorKind::conflict, "container ", container.id, " is paused, unpause the container before attach");
  if (container.is_restarting())
    return fail(ErrorKind::conflict, "container ", container.id, " is restarting, wait until the container is running");
  return {};
}

Result<void> attach_to(Context& context) {
  const http::Query& query = context.query();
  const std::string keys = query.get_or("detachKeys", "");
  auto parsed_keys = engine::parse_detach_keys(keys);
  if (!parsed_keys.ok()) return fail(ErrorKind::invalid_argument, "Invalid detach keys (", keys, ") provided");
  Container& container = *TRY(context.daemon.containers->find(context.params.get("name")));
  TRY(check_attachable(container));

  AttachOptions options;
  options.container = container.id;
  options.in = query.flag("stdin") && container.config.open_stdin;
  options.out = query.flag("stdout");
  options.err = query.flag("stderr");
  options.terminal = container.config.tty;
  options.close_stdin = container.config.stdin_once && !container.config.tty;
  options.detach_keys = *parsed_keys;
  auto attachment = std::make_shared<engine::Attachment>();
  attachment->with_stdin = options.in;
  if (query.flag("logs")) options.first = TRY(replay(context.daemon, container, options));
  if (!query.flag("stream"))
    attachment->over = true;
  else if (container.is_running())
    attachment->stream = TRY(context.daemon.host.runtime.attach({container.id, ""}, options.in));
  if (!attachment->over) container.live.attachments.push_back(attachment);
  engine::emit_container_event(context.daemon, container, "attach");
  const bool terminal = options.terminal;
  context.daemon.add_job(make_attach_job(std::move(options), hijack(context, terminal), attachment));
  return {};
}

void attach(Context& context) {
  if (auto attached = attach_to(context); !attached.ok()) send_error(*context.responder, attached.error());
}

// --- logs ------------------------------------------------------------------------------------------------------------

struct LogsRequest {
  engine::LogOptions options;
  bool timestamps = false;
  bool follow = false;
  std::string details;  // before each line: "label=value,VARIABLE=value "
};

/// --details: the labels and variables that --log-opt labels= and env= name.
std::string log_details(const Container& container) {
  engine::StringMap details;
  const auto options = container.host_config.log_config.config.value_or(engine::StringMap{});
  const auto named = [&options](const char* option) {
    const auto found = options.find(option);
    return found == options.end() ? engine::Strings{} : split(found->second, ',');
  };
  const auto labels = container.config.labels.value_or(engine::StringMap{});
  for (const std::string& name : named("labels"))
    if (const auto label = labels.find(name); label != labels.end()) details.insert(*label);
  for (const std::string& name : named("env"))
    for (const std::string& line : container.config.env.value_or(engine::Strings{}))
      if (const auto halves = split_once(line, '='); halves && halves->first == name)
        details[name] = std::string(halves->second);
  std::string text;
  for (const auto& item : details)
    text += concat(text.empty() ? "" : ",", http::percent_encode(item.first), '=', http::percent_encode(item.second));
  return text.empty() ? text : text + " ";
}

class LogsJob final : public engine::Job {
 public:
  LogsJob(const Container& container, engine::LogReader reader, LogsRequest request,
          std::shared_ptr<http::Responder> responder)
      : id_(container.id),
        terminal_(container.config.tty),
        reader_(std::move(reader)),
        request_(std::move(request)),
        responder_(std::move(responder)) {}

  State step(engine::Daemon& daemon) override {
    if (responder_->closed()) return State::done;
    if (responder_->backlog() > kBacklogMax) return State::waiting;
    const Container* container = daemon.containers->by_id(id_);
    // Looked at before the file: what was written until then is read below.
    const bool may_grow =
        request_.follow && container != nullptr && (container->is_running() || container->live.in_runtime);
    if (at_end_ && may_grow && container->live.log_growth == seen_growth_) return State::waiting;
    if (container != nullptr && may_grow) {
      seen_growth_ = container->live.log_growth;
      daemon.host.runtime.watch_log(id_);
    }
    const State state = send_some();
    if (state != State::waiting) return state;
    at_end_ = true;
    if (may_grow && !reader_.past_end()) return State::waiting;
    responder_->finish();
    return State::done;
  }
  std::string_view name() const override { return "logs"; }

 private:
  /// Waiting: everything that is there was sent.
  State send_some() {
    std::string bytes;
    for (int count = 0; count < kRecordsPerStep; ++count) {
      auto record = reader_.next();
      if (!record.ok()) {
        responder_->write(bytes);
        responder_->finish();
        return State::done;
      }
      if (!*record) {
        if (!bytes.empty()) responder_->write(bytes);
        return State::waiting;
      }
      append(bytes, **record);
    }
    responder_->write(bytes);
    return State::busy;
  }
  void append(std::string& bytes, const runtime::LogRecord& record) const {
    std::string line = request_.details + record.log;
    if (request_.timestamps) line = concat(to_rfc3339_nine_digits(record.time), ' ', line);
    if (terminal_)
      bytes += line;
    else
      append_frame(bytes, stream_of(record), line);
  }

  std::string id_;
  bool terminal_;
  engine::LogReader reader_;
  LogsRequest request_;
  std::shared_ptr<http::Responder> responder_;
  std::uint64_t seen_growth_ = 0;
  bool at_end_ = false;
};

Result<Timestamp> time_query(const http::Query& query, std::string_view name) {
  const std::string text = query.get_or(name, "");
  if (text.empty() || text == "0") return Timestamp{};
  auto time = parse_api_time(text);
  if (!time.ok()) return fail(ErrorKind::internal, "strconv.ParseInt: parsing ", go_quoted(text), ": invalid syntax");
  return time;
}

Result<void> send_logs(Context& context) {
  const http::Query& query = context.query();
  LogsRequest request;
  request.options.out = query.flag("stdout");
  request.options.err = query.flag("stderr");
  if (!request.options.out && !request.options.err)
    return fail(ErrorKind::invalid_argument, "Bad parameters: you must choose at least one stream");
  request.options.since = TRY(time_query(query, "since"));
  request.options.until = TRY(time_query(query, "until"));
  request.options.tail = parse_u64(query.get_or("tail", "all"));
  request.timestamps = query.flag("timestamps");
  request.follow = query.flag("follow");
  Container& container = *TRY(context.daemon.containers->find(context.params.get("name")));
  if (query.flag("details")) request.details = log_details(container);
  if (container.host_config.log_config.type == "none")
    return fail(ErrorKind::not_implemented, "configured logging driver does not support reading");
  auto reader = TRY(engine::LogReader::open(context.daemon.host.data, container, request.options));
  context.responder->start(200, {{"Content-Type", stream_content_type(context.version, container.config.tty)}});
  context.daemon.add_job(
      std::make_unique<LogsJob>(container, std::move(reader), std::move(request), context.responder));
  return {};
}

void logs(Context& context) {
  if (auto sent = send_logs(context); !sent.ok()) send_error(*context.responder, sent.error());
}

constexpr Route kRoutes[] = {
    {"POST", "/containers/{name}/attach", &attach, http::BodyMode::buffered, "ContainerAttach"},
    {"POST", "/containers/{name}/wait", &wait, http::BodyMode::buffered, "ContainerWait"},
    {"GET", "/containers/{name}/logs", &logs, http::BodyMode::buffered, "ContainerLogs"},
    {"GET", "/containers/{name}/stats", &container_stats, http::BodyMode::buffered, "ContainerStats"},
};

}  // namespace

RouteTable stream_routes() {
  return kRoutes;
}

}  // namespace drydock::api
