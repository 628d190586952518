#include "archive/digest.h"

#include <algorithm>

#include "base/text.h"

namespace drydock::archive {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::size_t kHexDigits = 2 * kSha256Bytes;

bool is_algorithm_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '.' || c == '_' || c == '-';
}

bool is_encoded_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '=' || c == '_' || c == '-';
}

// image-spec descriptor.md: algorithm-component [separator component]* ":" encoded
bool has_digest_grammar(std::string_view algorithm, std::string_view encoded) {
  const auto is_separator = [](char c) { return c == '+' || c == '.' || c == '_' || c == '-'; };
  if (algorithm.empty() || encoded.empty()) return false;
  if (is_separator(algorithm.front()) || is_separator(algorithm.back())) return false;
  for (std::size_t i = 1; i < algorithm.size(); ++i) {
    if (is_separator(algorithm[i]) && is_separator(algorithm[i - 1])) return false;
  }
  return std::all_of(algorithm.begin(), algorithm.end(), is_algorithm_character) &&
         std::all_of(encoded.begin(), encoded.end(), is_encoded_character);
}

}  // namespace

Digest::Digest(const Sha256Sum& sum)
    : text_(concat(kPrefix, to_hex({reinterpret_cast<const char*>(sum.data()), sum.size()}))) {}

Result<Digest> Digest::parse(std::string_view text) {
  const auto parts = split_once(text, ':');
  if (!parts || !has_digest_grammar(parts->first, parts->second)) {
    return fail(ErrorKind::invalid_argument, "invalid checksum digest format");
  }
  if (parts->first != "sha256") return fail(ErrorKind::invalid_argument, "unsupported digest algorithm");
  return from_hex(parts->second);
}

Result<Digest> Digest::from_hex(std::string_view hex) {
  if (hex.size() != kHexDigits) return fail(ErrorKind::invalid_argument, "invalid checksum digest length");
  if (!is_lower_hex(hex)) return fail(ErrorKind::invalid_argument, "invalid checksum digest format");
  Digest digest;
  digest.text_ = concat(kPrefix, hex);
  return digest;
}

std::string_view Digest::algorithm() const {
  return empty() ? std::string_view() : kPrefix.substr(0, kPrefix.size() - 1);
}

std::string_view Digest::hex() const {
  return empty() ? std::string_view() : std::string_view(text_).substr(kPrefix.size());
}

Digest digest_of(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return Digest(hash.finish());
}

}  // namespace drydock::archive
