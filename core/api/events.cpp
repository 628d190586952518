#include "api/events.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "api/respond.h"
#include "base/json.h"
#include "engine/job.h"
#include "oci/reference.h"

namespace drydock::api {

namespace {

constexpr std::size_t kBacklogMax = 1u << 20;
constexpr std::size_t kEventsPerStep = 1000;

std::string attribute(const trace::EngineEvent& event, std::string_view name) {
  for (const auto& [key, value] : event.attributes) {
    if (key == name) return value;
  }
  return "";
}

std::string without_tag(std::string_view name) {
  const auto reference = oci::Reference::parse(name);
  return reference.ok() ? reference->familiar_name() : std::string(name);
}

bool passes_name(const Filters& filters, std::string_view type, const trace::EngineEvent& event) {
  return filters.matches_prefix(type, event.actor) || filters.matches_prefix(type, attribute(event, "name"));
}

bool passes_action(const Filters& filters, const trace::EngineEvent& event) {
  // "exec_create: sh -c ls" is meant by "exec_create".
  const auto wanted = filters.get("event");
  const bool by_prefix = std::any_of(wanted.begin(), wanted.end(), [](const std::string& action) {
    return action == "health_status" || action == "exec_create" || action == "exec_start";
  });
  return by_prefix ? filters.matches_prefix("event", event.action) : filters.matches_exactly("event", event.action);
}

bool passes_image(const Filters& filters, const trace::EngineEvent& event) {
  const std::string image = attribute(event, event.type == "image" ? "name" : "image");
  return filters.matches_exactly("image", event.actor) || filters.matches_exactly("image", image) ||
         filters.matches_exactly("image", without_tag(event.actor)) ||
         filters.matches_exactly("image", without_tag(image));
}

class EventsJob final : public engine::Job {
 public:
  EventsJob(std::shared_ptr<http::Responder> responder, Filters filters, std::uint64_t next_seq)
      : responder_(std::move(responder)), filters_(std::move(filters)), next_seq_(next_seq) {}

  void limit(std::optional<Timestamp> since, std::optional<Timestamp> until, std::int64_t deadline_ns) {
    since_ = since;
    until_ = until;
    deadline_ns_ = deadline_ns;
  }

  State step(engine::Daemon& daemon) override {
    if (responder_->closed()) return State::done;
    std::size_t looked_at = 0;
    next_seq_ = std::max(next_seq_, daemon.trace.first_held_seq());
    while (next_seq_ <= daemon.trace.last_seq() && responder_->backlog() < kBacklogMax) {
      if (++looked_at > kEventsPerStep) return State::busy;
      const trace::Event* event = daemon.trace.find(next_seq_++);
      if (event != nullptr) show(*event);
    }
    if (deadline_ns_ > daemon.host.clock.monotonic_ns()) return State::waiting;
    responder_->finish();
    return State::done;
  }
  std::int64_t deadline_ns() const override { return deadline_ns_; }
  std::string_view name() const override { return "events"; }

 private:
  void show(const trace::Event& event) {
    const auto* payload = std::get_if<trace::EngineEvent>(&event.payload);
    if (payload == nullptr) return;
    if ((since_ && event.time_ns < since_->ns) || (until_ && event.time_ns > until_->ns)) return;
    if (event_passes(filters_, *payload)) responder_->write(event_line(*payload, {event.time_ns}));
  }

  std::shared_ptr<http::Responder> responder_;
  Filters filters_;
  std::uint64_t next_seq_;
  std::optional<Timestamp> since_, until_;
  std::int64_t deadline_ns_ = engine::kNoDeadline;
};

Result<std::optional<Timestamp>> time_of(const Context& context, std::string_view name) {
  const std::string text = context.query().get_or(name, "");
  if (text.empty()) return std::optional<Timestamp>();
  const auto time = parse_api_time(text);
  if (!time.ok()) return fail(ErrorKind::malformed, "strconv.ParseInt: parsing ", go_quoted(text), ": invalid syntax");
  return std::optional<Timestamp>(*time);
}

Result<std::unique_ptr<EventsJob>> make_job(Context& context) {
  auto filters = TRY(Filters::parse(context.query().get_or("filters", "")));
  const auto since = TRY(time_of(context, "since"));
  const auto until = TRY(time_of(context, "until"));
  if (since && until && *until < *since) {
    return fail(ErrorKind::invalid_argument, "`since` time (", context.query().get_or("since", ""),
                ") cannot be after `until` time (", context.query().get_or("until", ""), ")");
  }
  // What was before is told only to those who name a time.
  const trace::Trace& trace = context.daemon.trace;
  const std::uint64_t first = since || until ? trace.first_held_seq() : trace.last_seq() + 1;
  auto job = std::make_unique<EventsJob>(context.responder, std::move(filters), first);
  std::int64_t deadline = engine::kNoDeadline;
  if (until) {
    const Clock& clock = context.daemon.host.clock;
    deadline = clock.monotonic_ns() + std::max<std::int64_t>(0, until->ns - clock.now().ns);
  }
  job->limit(since, until, deadline);
  return job;
}

}  // namespace

std::string event_line(const trace::EngineEvent& event, Timestamp time) {
  Json line = Json::object();
  if (event.type == "container" || event.type == "image") {
    line["status"] = event.action;
    line["id"] = event.actor;
    if (const std::string from = attribute(event, "image"); event.type == "container" && !from.empty()) {
      line["from"] = from;
    }
  }
  line["Type"] = event.type;
  line["Action"] = event.action;
  Json attributes = Json::object();
  for (const auto& [name, value] : event.attributes) attributes[name] = value;
  line["Actor"] = {{"ID", event.actor}, {"Attributes", std::move(attributes)}};
  line["scope"] = event.scope;
  line["time"] = time.seconds();
  line["timeNano"] = time.ns;
  return to_json_text(line) + "\n";
}

bool event_passes(const Filters& filters, const trace::EngineEvent& event) {
  for (const std::string_view type : {"container", "volume", "network", "daemon", "plugin"}) {
    if (!passes_name(filters, type, event)) return false;
  }
  return passes_action(filters, event) && filters.matches_exactly("type", event.type) &&
         filters.matches_exactly("scope", event.scope) && passes_image(filters, event) &&
         filters.matches_labels("label", event.attributes);
}

void stream_events(Context& context) {
  auto job = make_job(context);
  if (!job.ok()) return send_error(*context.responder, job.error());
  context.responder->start(200, {{"Content-Type", "application/json"}});
  context.daemon.add_job(std::move(*job));
}

}  // namespace drydock::api
