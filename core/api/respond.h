#pragma once
// Answers: JSON, and errors as Docker sends them. The one place where an ErrorKind becomes a status.

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "api/version.h"
#include "base/error.h"
#include "http/message.h"

namespace drydock {
using Json = nlohmann::ordered_json;
}

namespace drydock::api {

/// The answer to one request, which knows the API version that the request was made in.
class ApiResponder : public http::Responder {
 public:
  virtual ApiVersion version() const = 0;
};

/// What was malformed is 400 since API 1.42; dockerd 20.10 (API 1.41) called it its own failure.
int status_of(ErrorKind kind, ApiVersion version = kApiVersionMax);

/// The same error, as malformed where it was invalid_argument.
Error as_malformed(Error error);
template <class T>
Result<T> as_malformed(Result<T> result) {
  if (result.ok()) return result;
  return as_malformed(std::move(result).error());
}

/// Compact JSON and a newline, as Go's encoder ends it.
void send_json(http::Responder& responder, int status, const Json& body);
/// {"message":"…"}; 304 has no body. Without a version of its own the answer is as the newest has it.
void send_error(http::Responder& responder, const Error& error);
void send_error(ApiResponder& responder, const Error& error);
/// 204, or another status without a body.
void send_empty(http::Responder& responder, int status = 204);

}  // namespace drydock::api
