#include "oci/reference.h"

#include <algorithm>

#include "base/text.h"

namespace drydock::oci {
namespace {

constexpr std::string_view kLegacyDefaultDomain = "index.docker.io";
constexpr std::string_view kOfficialPrefix = "library/";

bool is_lower_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_letter(c) || is_digit(c);
}

Failure<Error> bad_format() {
  return fail(ErrorKind::invalid_argument, "invalid reference format");
}

// [a-z0-9]+ ((\. | _ | __ | -+) [a-z0-9]+)*
bool is_path_component(std::string_view text) {
  if (text.empty() || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_lower_alnum(text[i])) {
      ++i;
      continue;
    }
    const std::size_t end = std::min(text.find_first_not_of(text[i], i), text.size());
    const std::size_t run = end - i;
    const bool allowed = text[i] == '-' || (text[i] == '.' && run == 1) || (text[i] == '_' && run <= 2);
    if (!allowed || !is_lower_alnum(text[end])) return false;
    i = end;
  }
  return true;
}

bool is_path(std::string_view text) {
  const std::vector<std::string> parts = split(text, '/');
  return std::all_of(parts.begin(), parts.end(), is_path_component);
}

bool is_domain_component(std::string_view text) {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_ipv6(std::string_view text) {
  return text.size() > 2 && text.starts_with('[') && text.ends_with(']') &&
         std::all_of(text.begin() + 1, text.end() - 1, [](char c) {
           return is_digit(c) || c == ':' || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

bool is_domain(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    if (port.empty() || !std::all_of(port.begin(), port.end(), is_digit)) return false;
    text = text.substr(0, colon);
  }
  if (is_ipv6(text)) return true;
  const std::vector<std::string> parts = split(text, '.');
  return std::all_of(parts.begin(), parts.end(), is_domain_component);
}

// What distribution's grammar takes for a digest; Digest::parse is stricter and says why.
bool has_digest_grammar(std::string_view text) {
  constexpr std::size_t kHexDigitsMin = 32;
  const auto parts = split_once(text, ':');
  if (!parts || parts->first.empty() || !is_letter(parts->first.front())) return false;
  const auto is_hex = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  return parts->second.size() >= kHexDigitsMin && std::all_of(parts->second.begin(), parts->second.end(), is_hex) &&
         std::all_of(parts->first.begin(), parts->first.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '+' || c == '.'; });
}

bool is_64_hex(std::string_view text) {
  return text.size() == 64 && is_lower_hex(text);
}

// The first part is a domain if it cannot be anything else: it has a dot or a port, or is localhost.
std::pair<std::string_view, std::string_view> split_domain(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {kDefaultDomain, text};
  const std::string_view first = text.substr(0, slash);
  if (first.find_first_of(".:") == std::string_view::npos && first != "localhost") return {kDefaultDomain, text};
  return {first == kLegacyDefaultDomain ? kDefaultDomain : first, text.substr(slash + 1)};
}

bool has_upper(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

bool is_valid_tag(std::string_view tag) {
  const auto is_word = [](char c) { return is_alnum(c) || c == '_'; };
  return !tag.empty() && tag.size() <= kTagBytesMax && is_word(tag.front()) &&
         std::all_of(tag.begin(), tag.end(), [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool looks_like_image_id(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  return !text.empty() && text.size() <= 64 && is_lower_hex(text);
}

Result<Reference> Reference::parse(std::string_view text) {
  if (is_64_hex(text)) {
    return fail(ErrorKind::invalid_argument, "invalid repository name (", text,
                "), cannot specify 64-byte hexadecimal strings");
  }
  auto [domain, rest] = split_domain(text);
  Reference reference;
  reference.domain_ = domain;
  if (has_upper(rest.substr(0, rest.find(':')))) {
    return fail(ErrorKind::invalid_argument, "invalid reference format: repository name must be lowercase");
  }
  const std::size_t at = rest.find('@');
  if (at != std::string_view::npos) {
    const std::string_view digest = rest.substr(at + 1);
    if (!has_digest_grammar(digest)) return bad_format();
    reference.digest_ = TRY(Digest::parse(digest));
    rest = rest.substr(0, at);
  }
  const std::size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos) {
    reference.tag_ = rest.substr(colon + 1);
    if (!is_valid_tag(reference.tag_)) return bad_format();
    rest = rest.substr(0, colon);
  }
  const bool official = domain == kDefaultDomain && rest.find('/') == std::string_view::npos;
  reference.path_ = official ? concat(kOfficialPrefix, rest) : std::string(rest);
  if (!is_domain(domain) || !is_path(reference.path_)) return bad_format();
  if (reference.repository().size() > kRepositoryNameBytesMax) {
    return fail(ErrorKind::invalid_argument, "repository name must not be more than ", kRepositoryNameBytesMax,
                " characters");
  }
  return reference;
}

Result<Reference> Reference::parse_tagged(std::string_view text) {
  return TRY(parse(text)).with_default_tag();
}

std::string Reference::canonical() const {
  std::string text = repository();
  if (!tag_.empty()) text += ":" + tag_;
  if (!digest_.empty()) text += "@" + digest_.str();
  return text;
}

std::string Reference::familiar_name() const {
  if (domain_ != kDefaultDomain) return repository();
  const bool official =
      path_.starts_with(kOfficialPrefix) && path_.find('/', kOfficialPrefix.size()) == std::string::npos;
  return official ? path_.substr(kOfficialPrefix.size()) : path_;
}

std::string Reference::familiar() const {
  std::string text = familiar_name();
  if (!tag_.empty()) text += ":" + tag_;
  if (!digest_.empty()) text += "@" + digest_.str();
  return text;
}

std::string Reference::selector() const {
  if (!digest_.empty()) return digest_.str();
  return tag_.empty() ? std::string(kDefaultTag) : tag_;
}

Reference Reference::name_only() const {
  Reference name = *this;
  name.tag_.clear();
  name.digest_ = Digest();
  return name;
}

Result<Reference> Reference::with_tag(std::string_view tag) const {
  if (!is_valid_tag(tag)) return fail(ErrorKind::invalid_argument, "invalid tag format");
  Reference tagged = *this;
  tagged.tag_ = tag;
  return tagged;
}

Reference Reference::with_digest(Digest digest) const {
  Reference reference = *this;
  reference.digest_ = std::move(digest);
  return reference;
}

Reference Reference::with_default_tag() const {
  Reference reference = *this;
  if (reference.is_name_only()) reference.tag_ = kDefaultTag;
  return reference;
}

}  // namespace drydock::oci
