#include "engine/signals.h"

#include "base/text.h"

namespace drydock::engine {

namespace {

constexpr std::string_view kNames[] = {"",       "HUP",  "INT",    "QUIT", "ILL",   "TRAP", "ABRT", "BUS",
                                       "FPE",    "KILL", "USR1",   "SEGV", "USR2",  "PIPE", "ALRM", "TERM",
                                       "STKFLT", "CHLD", "CONT",   "STOP", "TSTP",  "TTIN", "TTOU", "URG",
                                       "XCPU",   "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS"};

struct Alias {
  std::string_view name;
  int number;
};
constexpr Alias kAliases[] = {{"IOT", 6}, {"CLD", 17}, {"POLL", 29}, {"UNUSED", 31}, {"RTMIN", 34}, {"RTMAX", 64}};

}  // namespace

Result<int> parse_signal(std::string_view text) {
  const auto invalid = [text] { return fail(ErrorKind::invalid_argument, "Invalid signal: ", text); };
  // Whether the kernel has such a number is found out when it is sent.
  if (const auto number = parse_i64(text)) {
    if (*number == 0 || *number < INT32_MIN || *number > INT32_MAX) return invalid();
    return static_cast<int>(*number);
  }
  std::string name = to_upper(text);
  if (name.starts_with("SIG")) name = name.substr(3);
  if (name.empty()) return invalid();
  for (int number = 1; number < 32; ++number)
    if (kNames[number] == name) return number;
  for (const Alias& alias : kAliases)
    if (alias.name == name) return alias.number;
  if (name.starts_with("RTMIN+"))
    if (const auto more = parse_u64(std::string_view(name).substr(6)); more && *more <= 15)
      return 34 + static_cast<int>(*more);
  if (name.starts_with("RTMAX-"))
    if (const auto less = parse_u64(std::string_view(name).substr(6)); less && *less <= 14)
      return 64 - static_cast<int>(*less);
  return invalid();
}

}  // namespace drydock::engine
