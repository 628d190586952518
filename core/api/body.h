#pragma once
// The body of a request as JSON.

#include "api/context.h"
#include "base/json.h"

namespace drydock::api {

/// Errors: invalid_argument in Docker's words: `Content-Type specified (text/plain) must be 'application/json'`;
/// `broken`: "EOF" for no body, and what is no JSON: dockerd 20.10 was of two minds about that (ErrorKind::malformed).
/// What follows the first value is ignored, as Go's decoder does.
Result<Json> json_body(const Context& context, ErrorKind broken = ErrorKind::invalid_argument);

/// The same, but no body at all is `{}`.
Result<Json> optional_json_body(const Context& context);

/// A query parameter as Go's strconv.Atoi takes it: "strconv.Atoi: parsing "x": invalid syntax".
Result<std::int64_t> int_query(const Context& context, std::string_view name, std::int64_t fallback);

/// The parameters h and w. Errors: "strconv.Atoi: parsing "": invalid syntax".
Result<runtime::ConsoleSize> console_size(const Context& context);

/// An answer of a verb without a value: 204 or its error.
void send_result(Context& context, const Result<void>& result, int status = 204);

}  // namespace drydock::api
