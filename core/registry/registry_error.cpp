#include "registry/registry_error.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"
#include "registry/challenge.h"

namespace drydock::registry {

namespace {

struct CodeRow {
  std::string_view code;
  std::string_view message;  // what distribution says with the code by default
  bool is_final;
};

constexpr std::array kCodes = {
    CodeRow{"UNAUTHORIZED", "authentication required", true},
    CodeRow{"DENIED", "requested access to the resource is denied", true},
    CodeRow{"UNSUPPORTED", "The operation is unsupported.", true},
    CodeRow{"TOOMANYREQUESTS", "too many requests", true},
    CodeRow{"UNAVAILABLE", "service unavailable", false},
    CodeRow{"NAME_UNKNOWN", "repository name not known to registry", true},
    CodeRow{"NAME_INVALID", "invalid repository name", false},
    CodeRow{"MANIFEST_UNKNOWN", "manifest unknown", false},
    CodeRow{"MANIFEST_INVALID", "manifest invalid", false},
    CodeRow{"MANIFEST_UNVERIFIED", "manifest failed signature verification", false},
    CodeRow{"MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", false},
    CodeRow{"BLOB_UNKNOWN", "blob unknown to registry", true},
    CodeRow{"BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", false},
    CodeRow{"BLOB_UPLOAD_INVALID", "blob upload invalid", false},
    CodeRow{"DIGEST_INVALID", "provided digest did not match uploaded content", false},
    CodeRow{"SIZE_INVALID", "provided length did not match content length", false},
    CodeRow{"TAG_INVALID", "manifest tag did not match URI", false},
    CodeRow{"PAGINATION_NUMBER_INVALID", "invalid number of results requested", false},
    CodeRow{"RANGE_INVALID", "invalid content range", false},
    CodeRow{"UNKNOWN", "unknown error", false},
};

const CodeRow* find_code(std::string_view code) {
  const auto found = std::find_if(kCodes.begin(), kCodes.end(), [&](const CodeRow& row) { return row.code == code; });
  return found == kCodes.end() ? nullptr : &*found;
}

constexpr const CodeRow& kUnknown = kCodes.back();

/// "MANIFEST_UNKNOWN" is printed as "manifest unknown".
std::string code_text(std::string_view code) {
  return replace_all(to_lower(code), "_", " ");
}

/// What a member of "errors" is printed as. One that says nothing beyond its code is printed as its code alone.
RegistryError from_member(const Json& member) {
  const std::string code = get_string(member, "code").value_or("");
  const CodeRow* const known = find_code(code);
  const CodeRow& row = known != nullptr ? *known : kUnknown;
  const std::string message = get_string(member, "message").value_or("");
  const bool has_detail = member.contains("detail") && !member["detail"].is_null();
  RegistryError error{std::string(row.code), code_text(row.code)};
  if (has_detail || (!message.empty() && message != row.message)) error.message += concat(": ", message);
  return error;
}

std::string unparsed(int status, std::string_view reason, std::string_view body) {
  return concat("error parsing HTTP ", status, " response body: ", reason, ": ",
                go_quoted(body.substr(0, kErrorBodyBytesMax)));
}

RegistryError from_details(int status, const std::string& details) {
  const std::string_view code = status == 401 ? "UNAUTHORIZED" : status == 429 ? "TOOMANYREQUESTS" : "UNKNOWN";
  return {std::string(code), concat(code_text(code), ": ", details)};
}

RegistryError from_document(int status, const Json& json, std::string_view body) {
  const auto details = get_string(json, "details");
  if (details.ok() && !Result<std::string>(details).value().empty()) {
    return from_details(status, Result<std::string>(details).value());
  }
  const auto errors = get_array(json, "errors");
  if (!errors.ok() || *errors == nullptr || (*errors)->empty()) {
    if (status == 401) return {"UNAUTHORIZED", concat("unauthorized: ", find_code("UNAUTHORIZED")->message)};
    return {"", unparsed(status, "no error details found in HTTP response body", body)};
  }
  RegistryError first = from_member((**errors)[0]);
  if ((*errors)->size() == 1) return first;
  std::string all = "errors:\n";
  for (const Json& member : **errors) all += concat(from_member(member).message, "\n");
  return {first.code, std::move(all)};
}

RegistryError from_body(int status, std::string_view body) {
  const auto json = parse_json(body);
  if (!json.ok()) {
    // A 401 needs no explanation.
    if (status == 401) return {"UNAUTHORIZED", concat("unauthorized: ", find_code("UNAUTHORIZED")->message)};
    return {"", unparsed(status, Result<Json>(json).error().message, body)};
  }
  return from_document(status, Result<Json>(json).value(), body);
}

}  // namespace

bool RegistryError::is_final() const {
  const CodeRow* const row = find_code(code);
  return row != nullptr && row->is_final;
}

RegistryError parse_error_answer(int status, const http::Headers& headers, std::string_view body) {
  if (status >= 500) {
    return {"", concat("received unexpected HTTP status: ", status, " ", http::reason_phrase(status))};
  }
  for (const Challenge& challenge : parse_challenges(headers)) {
    // RFC 6750 §3.1
    const std::string reason = challenge.get("error");
    if (challenge.scheme != "bearer" || (reason != "invalid_token" && reason != "insufficient_scope")) continue;
    const CodeRow& row = *find_code(reason == "invalid_token" ? "UNAUTHORIZED" : "DENIED");
    const std::string description = challenge.get("error_description");
    return {std::string(row.code), concat(code_text(row.code), ": ", description.empty() ? row.message : description)};
  }
  return from_body(status, body);
}

Error pull_error(const RegistryError& error, const oci::Reference& reference) {
  const bool known = error.code == "DENIED" || error.code == "MANIFEST_UNKNOWN" || error.code == "NAME_UNKNOWN";
  // Without a detail dockerd prints the code alone: "manifest unknown".
  if (known && error.message == code_text(error.code)) return Error(ErrorKind::not_found, error.message);
  if (error.code == "DENIED") {
    return make_error(ErrorKind::not_found, "pull access denied for ", reference.familiar_name(),
                      ", repository does not exist or may require 'docker login': ", error.message);
  }
  if (error.code == "MANIFEST_UNKNOWN") {
    return make_error(ErrorKind::not_found, "manifest for ", reference.familiar(), " not found: ", error.message);
  }
  if (error.code == "NAME_UNKNOWN") {
    return make_error(ErrorKind::not_found, "repository ", reference.familiar_name(), " not found: ", error.message);
  }
  return Error(ErrorKind::internal, error.message);
}

}  // namespace drydock::registry
