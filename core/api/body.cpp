#include "api/body.h"

#include "api/respond.h"
#include "base/text.h"

namespace drydock::api {

Result<Json> json_body(const Context& context, ErrorKind broken) {
  const std::string& body = context.request.body;
  const auto content_type = context.request.headers.get("Content-Type");
  if (!body.empty() || content_type) {
    const std::string type = content_type.value_or("");
    const std::string media(trim(std::string_view(type).substr(0, type.find(';'))));
    if (!equals_ignoring_case(media, "application/json"))
      return fail(ErrorKind::invalid_argument, "Content-Type specified (", media, ") must be 'application/json'");
  }
  if (trim(body).empty()) return fail(broken, "EOF");
  auto json = parse_json(body);
  if (!json.ok()) return fail(broken, json.error().message);
  return json;
}

Result<Json> optional_json_body(const Context& context) {
  if (trim(context.request.body).empty()) return Json::object();
  return json_body(context);
}

Result<std::int64_t> int_query(const Context& context, std::string_view name, std::int64_t fallback) {
  const auto text = context.query().get(name);
  if (!text || text->empty()) return fallback;
  const auto number = parse_i64(*text);
  if (!number) return fail(ErrorKind::internal, "strconv.Atoi: parsing ", go_quoted(*text), ": invalid syntax");
  return *number;
}

Result<runtime::ConsoleSize> console_size(const Context& context) {
  std::uint16_t parts[2] = {0, 0};
  const std::string_view names[2] = {"h", "w"};
  for (int i = 0; i < 2; ++i) {
    const std::string text = context.query().get_or(names[i], "");
    const auto number = parse_i64(text);
    if (!number || *number < 0 || *number > UINT16_MAX)
      return fail(ErrorKind::invalid_argument, "strconv.Atoi: parsing ", go_quoted(text), ": invalid syntax");
    parts[i] = static_cast<std::uint16_t>(*number);
  }
  return runtime::ConsoleSize{parts[0], parts[1]};
}

void send_result(Context& context, const Result<void>& result, int status) {
  if (result.ok()) return send_empty(*context.responder, status);
  send_error(*context.responder, result.error());
}

}  // namespace drydock::api
