#pragma once
// The Engine API as an http::Application: finds the route, reads the version, adds the headers that every answer has,
// and tells the trace of each exchange.

#include <cstdint>
#include <memory>
#include <vector>

#include "api/context.h"
#include "http/message.h"

namespace drydock::api {

class EngineApi final : public http::Application {
 public:
  /// The daemon outlives it. `tables` as all_routes() has them.
  EngineApi(engine::Daemon& daemon, std::vector<RouteTable> tables) : daemon_(daemon), tables_(std::move(tables)) {}

  http::BodyMode body_mode(const http::RequestHead& head) override;
  void handle(http::Request request, std::shared_ptr<http::Responder> responder) override;

 private:
  http::RouteMatch<Handler> match(const http::RequestHead& head) const;

  engine::Daemon& daemon_;
  std::vector<RouteTable> tables_;
  std::uint64_t next_exchange_ = 1;
};

}  // namespace drydock::api
