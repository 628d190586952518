// The rules are kept in Cgroup::settings as the text of devices.list, so that a copied machine has them: under
// "devices.default" whether what no exception names is allowed, under "devices.exceptions" a line for each exception.

#include "machine/fs/cgroup/device_rules.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"

namespace drydock::machine {

namespace {

constexpr std::string_view kDefault = "devices.default", kExceptions = "devices.exceptions";
constexpr std::size_t kExceptionsMax = 1024;

struct Rule {
  char type = 'a';  // a, b, c
  std::optional<std::uint32_t> major, minor;
  DeviceAccess access;
};

std::optional<std::uint32_t> number_or_star(std::string_view text, bool& bad) {
  if (text == "*") return std::nullopt;
  const auto value = parse_u64(text);
  bad |= !value || *value > 0xffffffff;
  return bad ? 0 : static_cast<std::uint32_t>(*value);
}

std::optional<Rule> parse_rule(std::string_view line) {
  Rule rule;
  line = trim(line);
  if (line.empty()) return std::nullopt;
  rule.type = line[0];
  if (rule.type == 'a') {
    rule.access = {true, true, true};
    return rule;
  }
  const std::vector<std::string> parts = split(line, ' ');
  if ((rule.type != 'b' && rule.type != 'c') || parts.size() != 3 || parts[0].size() != 1) return std::nullopt;
  const auto numbers = split_once(parts[1], ':');
  if (!numbers) return std::nullopt;
  bool bad = parts[2].empty() || parts[2].size() > 3;
  rule.major = number_or_star(numbers->first, bad);
  rule.minor = number_or_star(numbers->second, bad);
  for (const char c : parts[2]) {
    if (c == 'r')
      rule.access.read = true;
    else if (c == 'w')
      rule.access.write = true;
    else if (c == 'm')
      rule.access.make = true;
    else
      bad = true;
  }
  if (bad) return std::nullopt;
  return rule;
}

std::string text_of(const Rule& rule) {
  const auto number = [](const std::optional<std::uint32_t>& value) {
    return value ? concat(*value) : std::string("*");
  };
  return concat(rule.type, ' ', number(rule.major), ':', number(rule.minor), ' ', rule.access.read ? "r" : "",
                rule.access.write ? "w" : "", rule.access.make ? "m" : "");
}

std::string setting(const Cgroup& group, std::string_view name) {
  const auto found = group.settings.find(name);
  return found == group.settings.end() ? std::string() : found->second;
}

bool same_device(const Rule& left, const Rule& right) {
  return left.type == right.type && left.major == right.major && left.minor == right.minor;
}

std::vector<Rule> exceptions_of(const Cgroup& group) {
  std::vector<Rule> rules;
  for (const std::string& line : split(setting(group, kExceptions), '\n'))
    if (const auto rule = parse_rule(line)) rules.push_back(*rule);
  return rules;
}

bool default_allows(const Cgroup& group) {
  return setting(group, kDefault) != "deny";
}

bool names(const Rule& rule, bool character, std::uint32_t major, std::uint32_t minor) {
  if (rule.type != 'a' && (rule.type == 'c') != character) return false;
  return rule.major.value_or(major) == major && rule.minor.value_or(minor) == minor;
}

bool allowed_by(const Cgroup& group, bool character, std::uint32_t major, std::uint32_t minor, DeviceAccess access) {
  const bool allows = default_allows(group);
  for (const Rule& rule : exceptions_of(group)) {
    if (!names(rule, character, major, minor)) continue;
    const DeviceAccess& has = rule.access;
    // An exception from "all" forbids any of its accesses; one from "none" must have all that are asked for.
    if (allows && ((has.read && access.read) || (has.write && access.write) || (has.make && access.make))) return false;
    if (!allows && (has.read || !access.read) && (has.write || !access.write) && (has.make || !access.make))
      return true;
  }
  return allows;
}

}  // namespace

bool device_allowed(const Caller& caller, bool character, std::uint32_t major, std::uint32_t minor,
                    DeviceAccess access) {
  const Kernel& kernel = caller.kernel;
  for (CgroupId id : kernel.processes[caller.self().process].cgroups) {
    for (const Cgroup* group = kernel.cgroups.find(id); group != nullptr; group = kernel.cgroups.find(group->parent))
      if (group->settings.count(kDefault) != 0 && !allowed_by(*group, character, major, minor, access)) return false;
  }
  return true;
}

Result<void, Errno> change_device_rules(Cgroup& group, std::string_view line, bool allow) {
  const auto rule = parse_rule(line);
  if (!rule) return Errno::einval;
  if (rule->type == 'a') {
    group.settings[std::string(kDefault)] = allow ? "allow" : "deny";
    group.settings.erase(std::string(kExceptions));
    return {};
  }
  const bool adds = default_allows(group) != allow;
  std::vector<Rule> rules = exceptions_of(group);
  const auto found =
      std::find_if(rules.begin(), rules.end(), [&](const Rule& other) { return same_device(other, *rule); });
  if (found == rules.end() && adds) {
    if (rules.size() >= kExceptionsMax) return Errno::enomem;
    rules.push_back(*rule);
  } else if (found != rules.end()) {
    DeviceAccess& has = found->access;
    has.read = adds ? has.read || rule->access.read : has.read && !rule->access.read;
    has.write = adds ? has.write || rule->access.write : has.write && !rule->access.write;
    has.make = adds ? has.make || rule->access.make : has.make && !rule->access.make;
    if (!has.read && !has.write && !has.make) rules.erase(found);
  }
  std::string text;
  for (const Rule& each : rules) text += text_of(each) + "\n";
  group.settings[std::string(kExceptions)] = std::move(text);
  if (group.settings.count(kDefault) == 0) group.settings[std::string(kDefault)] = "allow";
  return {};
}

std::string device_rules_text(const Cgroup& group) {
  if (default_allows(group)) return "a *:* rwm\n";
  return setting(group, kExceptions);
}

}  // namespace drydock::machine
