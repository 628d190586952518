#include "engine/detach_keys.h"

#include "base/text.h"

namespace drydock::engine {

Result<std::string> parse_detach_keys(std::string_view text) {
  if (text.empty()) return std::string(kDefaultDetachKeys);
  std::string keys;
  for (const std::string& key : split(text, ',')) {
    if (key.size() == 1) {
      keys.push_back(key[0]);
      continue;
    }
    const std::string_view control = "ctrl-";
    if (key.size() != control.size() + 1 || !key.starts_with(control))
      return fail(ErrorKind::invalid_argument, "Unknown character: '", key, "'");
    const char c = key.back();
    if (c >= 'a' && c <= 'z')
      keys.push_back(static_cast<char>(c - 'a' + 1));
    else if (c == '@' || (c >= '[' && c <= '_'))
      keys.push_back(static_cast<char>(c - '@'));
    else
      return fail(ErrorKind::invalid_argument, "Unknown character: '", key, "'");
  }
  return keys;
}

std::string DetachMatcher::feed(std::string_view typed) {
  std::string through;
  for (const char c : typed) {
    if (detached_) break;
    if (c != keys_[matched_]) {
      through.append(keys_, 0, matched_);
      matched_ = 0;
    }
    if (c != keys_[matched_]) {
      through.push_back(c);
      continue;
    }
    detached_ = ++matched_ == keys_.size();
  }
  return through;
}

}  // namespace drydock::engine
