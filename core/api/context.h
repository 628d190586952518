#pragma once
// What a handler is given, and the shape of a route table.

#include <memory>
#include <span>

#include "api/respond.h"
#include "api/version.h"
#include "engine/daemon.h"
#include "http/message.h"
#include "http/router.h"

namespace drydock::api {

/// One request. A handler that answers later keeps a copy of `responder` (in a Job).
struct Context {
  engine::Daemon& daemon;
  http::Request& request;
  http::PathParams params;
  ApiVersion version;
  std::shared_ptr<ApiResponder> responder;

  const http::Query& query() const { return request.query; }
};

using Handler = void (*)(Context&);
using Route = http::Route<Handler>;
using RouteTable = std::span<const Route>;

}  // namespace drydock::api
