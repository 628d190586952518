#pragma once
// Answers: JSON, and errors as Docker sends them. The one place where an ErrorKind becomes a status.

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace drydock {
using Json = nlohmann::ordered_json;
}

namespace drydock::api {

int status_of(ErrorKind kind);

/// Compact JSON and a newline, as Go's encoder ends it.
void send_json(http::Responder& responder, int status, const Json& body);
/// {"message":"…"}; 304 has no body.
void send_error(http::Responder& responder, const Error& error);
/// 204, or another status without a body.
void send_empty(http::Responder& responder, int status = 204);

}  // namespace drydock::api
