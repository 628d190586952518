#include "trace/trace.h"

#include <utility>

#include "base/json.h"

namespace drydock::trace {

namespace {

Json attributes_json(const Attributes& attributes) {
  Json out = Json::object();
  for (const auto& [name, value] : attributes) out[name] = value;
  return out;
}

Json payload_json(const HttpEvent& event) {
  Json out = {{"kind", "http"},
              {"phase", event.phase == HttpEvent::Phase::request ? "request" : "response"},
              {"exchange", event.exchange},
              {"method", event.method},
              {"target", event.target}};
  if (event.phase == HttpEvent::Phase::response) out["status"] = event.status;
  return out;
}

Json payload_json(const EngineEvent& event) {
  return {{"kind", "engine"},
          {"type", event.type},
          {"action", event.action},
          {"actor", event.actor},
          {"attributes", attributes_json(event.attributes)},
          {"scope", event.scope}};
}

Json payload_json(const RegistryEvent& event) {
  return {{"kind", "registry"},
          {"action", event.action},
          {"repository", event.repository},
          {"digest", event.digest},
          {"bytes", event.bytes}};
}

Json payload_json(const RuntimeStepEvent& event) {
  return {{"kind", "step"},     {"container", event.container}, {"index", event.index},
          {"step", event.step}, {"detail", event.detail},       {"error", event.error}};
}

std::string_view task_kind(TaskEvent::Kind kind) {
  switch (kind) {
    case TaskEvent::Kind::started:
      return "started";
    case TaskEvent::Kind::exited:
      return "exited";
    case TaskEvent::Kind::oom_killed:
      return "oom-killed";
  }
  return "";
}

Json payload_json(const TaskEvent& event) {
  Json out = {{"kind", "task"},
              {"change", task_kind(event.kind)},
              {"container", event.container},
              {"exec", event.exec},
              {"pid", event.pid}};
  if (event.kind == TaskEvent::Kind::exited) out["exit_code"] = event.exit_code;
  return out;
}

Json payload_json(const SyscallEvent& event) {
  return {{"kind", "syscall"},  {"container", event.container}, {"pid", event.pid},
          {"name", event.name}, {"text", event.text},           {"finished", event.finished}};
}

Json payload_json(const UnimplementedEvent& event) {
  return {{"kind", "unimplemented"}, {"what", event.what}, {"where", event.where}};
}

}  // namespace

std::uint64_t Trace::emit(Payload payload, std::string who, std::uint64_t span, std::uint64_t cause) {
  Event event;
  event.seq = next_seq_++;
  event.time_ns = clock_.now().ns;
  event.span = span;
  event.cause = cause;
  event.who = std::move(who);
  event.payload = std::move(payload);
  events_.push_back(std::move(event));
  if (events_.size() > kTraceEventsMax) events_.pop_front();
  return next_seq_ - 1;
}

const Event* Trace::find(std::uint64_t seq) const {
  if (seq < first_held_seq() || seq >= next_seq_) return nullptr;
  return &events_[static_cast<std::size_t>(seq - first_held_seq())];
}

std::string to_json_line(const Event& event) {
  Json out = {{"seq", event.seq}, {"time_ns", event.time_ns}};
  if (event.span != 0) out["span"] = event.span;
  if (event.cause != 0) out["cause"] = event.cause;
  if (!event.who.empty()) out["who"] = event.who;
  out["event"] = std::visit([](const auto& payload) { return payload_json(payload); }, event.payload);
  return to_json_text(out);
}

}  // namespace drydock::trace
