#pragma once
// What a registry says went wrong (distribution-spec: error codes), in the words that Docker prints.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"
#include "oci/reference.h"

namespace drydock::registry {

inline constexpr std::size_t kErrorBodyBytesMax = 64u << 10;

struct RegistryError {
  std::string code;     // "MANIFEST_UNKNOWN"; empty if the answer was no list of errors
  std::string message;  // the whole sentence: "manifest unknown: manifest unknown"

  /// No repetition will help: denied, unauthorized, too many requests, unknown blob …
  bool is_final() const;
};

/// From an answer with a status of 400 or more.
RegistryError parse_error_answer(int status, const http::Headers& headers, std::string_view body);

/// As dockerd words the failure of a pull: "pull access denied for NAME, repository does not exist or may require
/// 'docker login': …", "manifest for NAME:TAG not found: …", "repository NAME not found: …" are not_found; others are
/// as they stand.
Error pull_error(const RegistryError& error, const oci::Reference& reference);

}  // namespace drydock::registry
