#pragma once
// The query parameter `filters` of every list, of events and of prune: a JSON object of lists,
// {"label":["a=b","c"],"dangling":["true"]}, or as clients before API 1.22 sent it, {"label":{"a=b":true}}.

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace drydock::api {

class Filters {
 public:
  Filters() = default;
  /// Empty text is no filter. Errors: `broken`; not every endpoint of dockerd 20.10 called it malformed.
  static Result<Filters> parse(std::string_view json, ErrorKind broken = ErrorKind::malformed);

  void add(std::string_view name, std::string value);
  bool empty() const { return values_.empty(); }
  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
  /// Sorted; empty where there is no such filter.
  std::vector<std::string> get(std::string_view name) const;

  /// Errors: invalid_argument "Invalid filter 'x'" for a name that is not among those.
  Result<void> allow(std::initializer_list<std::string_view> names) const;

  /// Each is true too if there is no such filter; of several values one must match.
  bool matches_exactly(std::string_view name, std::string_view value) const;
  /// A value is a prefix of what is asked for.
  bool matches_prefix(std::string_view name, std::string_view value) const;
  /// Every value, "key" or "key=value", is among the labels.
  template <class Labels>
  bool matches_labels(std::string_view name, const Labels& labels) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return true;
    for (const std::string& wanted : found->second) {
      bool present = false;
      for (const auto& [key, value] : labels) present = present || label_is(wanted, key, value);
      if (!present) return false;
    }
    return true;
  }
  /// "1", "true", "0", "false". Errors: invalid_argument "Invalid filter 'dangling=[x]'".
  Result<bool> flag(std::string_view name, bool fallback) const;

 private:
  static bool label_is(std::string_view wanted, std::string_view key, std::string_view value);

  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// A filter `until`: a time as parse_api_time() takes it, or how long ago, "24h". Errors: malformed.
Result<Timestamp> parse_until(std::string_view text, Timestamp now);

}  // namespace drydock::api
