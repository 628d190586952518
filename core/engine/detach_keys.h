#pragma once
// The keys that leave an attached terminal without ending what runs in it: "ctrl-p,ctrl-q".

#include <string>
#include <string_view>

#include "base/result.h"

namespace drydock::engine {

inline constexpr std::string_view kDefaultDetachKeys = "\x10\x11";

/// Comma-separated: one character each, or "ctrl-" and a letter, '@', '[', '\\', ']', '^', '_'. Empty: the default.
/// Nothing wrong but the words: the caller adds "Invalid detach keys (...) provided".
Result<std::string> parse_detach_keys(std::string_view text);

/// Looks for the keys in what is typed. What may be their beginning is held back until that is decided.
class DetachMatcher {
 public:
  explicit DetachMatcher(std::string keys) : keys_(std::move(keys)) {}
  /// Returns what goes on to the process. After the keys nothing does.
  std::string feed(std::string_view typed);
  bool detached() const { return detached_; }

 private:
  std::string keys_;
  std::size_t matched_ = 0;
  bool detached_ = false;
};

}  // namespace drydock::engine
