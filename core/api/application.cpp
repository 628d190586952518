#include "api/application.h"

#include "api/respond.h"
#include "base/text.h"

namespace drydock::api {

namespace {

/// Adds the headers that every answer of dockerd has, and tells the trace of the answer.
class EngineResponder final : public ApiResponder {
 public:
  EngineResponder(std::shared_ptr<http::Responder> inner, engine::Daemon& daemon, trace::HttpEvent event)
      : inner_(std::move(inner)), daemon_(daemon), event_(std::move(event)) {}

  ApiVersion version() const override { return version_; }
  void set_version(ApiVersion version) { version_ = version; }
  /// dockerd's router answers what it does not know without those headers.
  void leave_headers_out() { with_headers_ = false; }

  void start(int status, http::Headers headers) override {
    note(status);
    inner_->start(status, with_common(std::move(headers)));
  }
  void write(std::string_view bytes) override { inner_->write(bytes); }
  void finish() override { inner_->finish(); }
  std::size_t backlog() const override { return inner_->backlog(); }
  bool closed() const override { return inner_->closed(); }
  std::unique_ptr<ByteStream> hijack(int status, http::Headers headers) override {
    note(status);
    return inner_->hijack(status, with_common(std::move(headers)));
  }

 private:
  http::Headers with_common(http::Headers headers) const {
    if (!with_headers_) return headers;
    headers.set("Api-Version", std::string(kApiVersionMaxText));
    headers.set("Docker-Experimental", "false");
    headers.set("Ostype", "linux");
    headers.set("Server", "Drydock (linux)");
    return headers;
  }
  void note(int status) {
    event_.phase = trace::HttpEvent::Phase::response;
    event_.status = status;
    daemon_.trace.emit(event_);
  }

  std::shared_ptr<http::Responder> inner_;
  engine::Daemon& daemon_;
  trace::HttpEvent event_;
  ApiVersion version_ = kApiVersionMax;
  bool with_headers_ = true;
};

}  // namespace

http::RouteMatch<Handler> EngineApi::match(const http::RequestHead& head) const {
  for (const RouteTable table : tables_) {
    auto found = http::find_route<Handler>(table, head.method, head.path);
    if (found.route != nullptr) return found;
  }
  return {};
}

http::BodyMode EngineApi::body_mode(const http::RequestHead& head) {
  const auto found = match(head);
  return found.route == nullptr ? http::BodyMode::buffered : found.route->body;
}

void EngineApi::handle(http::Request request, std::shared_ptr<http::Responder> responder) {
  trace::HttpEvent event;
  event.exchange = next_exchange_++;
  event.method = request.method;
  event.target = request.path;
  daemon_.trace.emit(event);
  auto answer = std::make_shared<EngineResponder>(std::move(responder), daemon_, std::move(event));

  auto found = match(request);
  if (found.route == nullptr) {
    daemon_.trace.emit(trace::UnimplementedEvent{concat("endpoint ", request.method, " ", request.path), "api"});
    answer->leave_headers_out();
    answer->send(404, "application/json", http::kPageNotFoundJson);
    return;
  }
  auto version = parse_api_version(found.version);
  if (!version.ok()) return send_error(*answer, version.error());
  answer->set_version(*version);
  Context context{daemon_, request, std::move(found.params), *version, answer};
  found.route->handler(context);
}

}  // namespace drydock::api
