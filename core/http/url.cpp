#include "http/url.h"

#include <algorithm>

#include "base/text.h"

namespace drydock::http {

namespace {

std::uint16_t default_port(std::string_view scheme) {
  if (scheme == "https") return 443;
  if (scheme == "http") return 80;
  return 0;
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

bool has_broken_escape(std::string_view text) {
  for (std::size_t i = text.find('%'); i != std::string_view::npos; i = text.find('%', i + 1)) {
    if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return true;
  }
  return false;
}

/// As Go does when it writes a parsed URL on the request line: what may not stand there is escaped.
std::string escape_target(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' || c == '`' ||
        c == '{' || c == '|' || c == '}') {
      out += percent_encode(std::string_view(&c, 1));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

Failure<Error> parse_failure(std::string_view text, std::string_view reason) {
  return fail(ErrorKind::invalid_argument, "parse ", go_quoted(text.substr(0, 256)), ": ", reason);
}

/// Splits "host:port", "[::1]:5000", "host".
Result<void> parse_host_and_port(std::string_view text, std::string_view whole, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return parse_failure(whole, "missing ']' in host");
    url.host = to_lower(text.substr(1, end - 1));
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return parse_failure(whole, "invalid port after host");
    port = rest.empty() ? rest : rest.substr(1);
  } else {
    const std::size_t colon = text.find(':');
    url.host = to_lower(percent_decode(text.substr(0, colon)));
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  if (url.host.empty()) return parse_failure(whole, "no Host in request URL");
  if (url.host.find_first_of(" /\\@?#<>\"[]%") != std::string::npos || has_control_character(url.host)) {
    return parse_failure(whole, "invalid character in host name");
  }
  if (port.empty()) {
    url.port = default_port(url.scheme);
    return {};
  }
  const auto number = parse_u64(port);
  if (!number || *number == 0 || *number > 65535) {
    return parse_failure(whole, concat("invalid port ", go_quoted(concat(":", port)), " after host"));
  }
  url.port = static_cast<std::uint16_t>(*number);
  return {};
}

/// RFC 3986 §5.2.4, on a path that begins with '/'.
std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string> kept;
  const std::vector<std::string> parts = split(path.substr(1), '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    if (parts[i] == "." || parts[i] == "..") {
      if (parts[i] == ".." && !kept.empty()) kept.pop_back();
      if (last) kept.emplace_back();
    } else {
      kept.push_back(parts[i]);
    }
  }
  return concat("/", join(kept, "/"));
}

std::string with_clean_path(std::string_view target) {
  const std::size_t query = target.find('?');
  std::string cleaned = remove_dot_segments(target.substr(0, query));
  if (query != std::string_view::npos) cleaned.append(target.substr(query));
  return cleaned;
}

bool has_scheme(std::string_view reference) {
  const std::size_t colon = reference.find(':');
  return colon != std::string_view::npos && colon > 0 && reference.find_first_of("/?#") > colon;
}

}  // namespace

std::string Url::authority() const {
  if (is_unix()) return "docker";  // what Docker's own clients send; the socket's path is no host name
  const std::string name = host.find(':') == std::string::npos ? host : concat("[", host, "]");
  return port == default_port(scheme) ? name : concat(name, ":", port);
}

std::string Url::origin() const {
  return concat(scheme, "://", host, "|", port);
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlBytesMax) return parse_failure(text, "URL too long");
  if (has_control_character(text)) return parse_failure(text, "net/url: invalid control character in URL");
  const std::size_t separator = text.find("://");
  if (separator == std::string_view::npos) return parse_failure(text, "missing protocol scheme");
  Url url;
  url.scheme = to_lower(text.substr(0, separator));
  if (url.scheme != "http" && url.scheme != "https" && url.scheme != "http+unix") {
    return parse_failure(text, concat("unsupported protocol scheme ", go_quoted(url.scheme.substr(0, 32))));
  }
  std::string_view rest = text.substr(separator + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t target_at = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, target_at);
  url.target = escape_target(rest.substr(target_at));
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (has_broken_escape(url.target.substr(0, url.target.find('?'))) || has_broken_escape(authority)) {
    return parse_failure(text, "invalid URL escape");
  }
  if (url.is_unix()) {
    url.host = percent_decode(authority);
    if (!url.host.starts_with('/')) return parse_failure(text, "no socket path in URL");
    if (url.host.find('\0') != std::string::npos) return parse_failure(text, "invalid character in socket path");
    return url;
  }
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user_info = percent_decode(authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
  TRY(parse_host_and_port(authority, text, url));
  return url;
}

std::string to_string(const Url& url) {
  if (url.is_unix()) return concat(url.scheme, "://", percent_encode(url.host), url.target);
  return concat(url.scheme, "://", url.authority(), url.target);
}

Result<Url> resolve_reference(const Url& base, std::string_view reference) {
  if (has_scheme(reference)) return parse_url(reference);
  if (reference.starts_with("//")) return parse_url(concat(base.scheme, ":", reference));
  if (reference.size() > kUrlBytesMax || has_control_character(reference)) {
    return parse_failure(reference, "net/url: invalid control character in URL");
  }
  Url url = base;
  url.user_info.clear();
  const std::string text = escape_target(reference.substr(0, reference.find('#')));
  if (has_broken_escape(text.substr(0, text.find('?')))) return parse_failure(reference, "invalid URL escape");
  const std::string_view base_path = std::string_view(base.target).substr(0, base.target.find('?'));
  if (text.empty()) return url;
  if (text.starts_with('/')) {
    url.target = with_clean_path(text);
  } else if (text.starts_with('?')) {
    url.target = concat(base_path, text);
  } else {
    url.target = with_clean_path(concat(base_path.substr(0, base_path.rfind('/') + 1), text));
  }
  return url;
}

Result<RequestTarget> parse_request_target(std::string_view target) {
  if (target == "*") return RequestTarget{"*", {}};
  if (!target.starts_with('/')) {
    // Absolute-form: what clients send through a proxy. The authority is of no interest here.
    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos) return parse_failure(target, "invalid URI for request");
    const std::size_t path = target.find_first_of("/?", scheme + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  if (has_control_character(target) || has_broken_escape(path)) {
    return parse_failure(target, "invalid URI for request");
  }
  RequestTarget parsed;
  parsed.path = path.empty() ? "/" : percent_decode(path);
  if (mark != std::string_view::npos) parsed.query = Query::parse(target.substr(mark + 1));
  return parsed;
}

}  // namespace drydock::http
