#include "api/respond.h"

#include "base/json.h"

namespace drydock::api {

namespace {

constexpr ApiVersion kMalformedIs400 = {1, 42};

void send_error_as(http::Responder& responder, const Error& error, ApiVersion version) {
  const int status = status_of(error.kind, version);
  if (status == 304) return send_empty(responder, status);
  send_json(responder, status, Json{{"message", error.message}});
}

}  // namespace

int status_of(ErrorKind kind, ApiVersion version) {
  switch (kind) {
    case ErrorKind::internal:
    case ErrorKind::corrupt:
    case ErrorKind::cancelled:
      return 500;
    case ErrorKind::invalid_argument:
      return 400;
    case ErrorKind::unauthorized:
      return 401;
    case ErrorKind::forbidden:
      return 403;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::conflict:
      return 409;
    case ErrorKind::not_modified:
      return 304;
    case ErrorKind::unavailable:
      return 503;
    case ErrorKind::not_implemented:
      return 501;
    case ErrorKind::too_large:
      return 413;
    case ErrorKind::malformed:
      return version < kMalformedIs400 ? 500 : 400;
  }
  return 500;
}

Error as_malformed(Error error) {
  if (error.kind == ErrorKind::invalid_argument) error.kind = ErrorKind::malformed;
  return error;
}

void send_json(http::Responder& responder, int status, const Json& body) {
  responder.send(status, "application/json", to_json_text(body) + "\n");
}

void send_error(http::Responder& responder, const Error& error) {
  send_error_as(responder, error, kApiVersionMax);
}

void send_error(ApiResponder& responder, const Error& error) {
  send_error_as(responder, error, responder.version());
}

void send_empty(http::Responder& responder, int status) {
  responder.start(status, {});
  responder.finish();
}

}  // namespace drydock::api
