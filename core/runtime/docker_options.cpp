// The small languages of docker run's options: --security-opt, --device-cgroup-rule, --tmpfs, numbers, environment.

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/default_spec.h"
#include "runtime/mount_options.h"

namespace drydock::runtime {

namespace {

constexpr std::int64_t kCpuPeriodUs = 100'000;
constexpr std::int64_t kNanoCpusPerQuotaUs = 10'000;  // 1e9 nano CPUs are 100000 us of a period of that length

/// Go's strconv.ParseBool.
std::optional<bool> parse_go_bool(std::string_view text) {
  for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

Result<void> apply_security_option(const std::string& option, SecurityOptions& out) {
  if (option == "no-new-privileges") {
    out.no_new_privileges = true;
    return {};
  }
  if (option == "disable") return {};  // labels are off anyway
  auto parts = split_once(option, '=');
  if (!parts) parts = split_once(option, ':');
  // Kind internal: dockerd answers 500 here.
  if (!parts) return fail(ErrorKind::internal, "invalid --security-opt 1: ", go_quoted(option));
  const auto& [name, value] = *parts;
  if (name == "label" || name == "apparmor") {
    if (value != "disable" && value != "unconfined") {
      out.warnings.push_back(concat("--security-opt ", name, " is not supported and has no effect"));
    }
  } else if (name == "seccomp") {
    out.seccomp = std::string(value);
  } else if (name == "systempaths" && value == "unconfined") {
    out.systempaths_unconfined = true;
  } else if (const auto on = parse_go_bool(value); name == "no-new-privileges" && on) {
    out.no_new_privileges = *on;
  } else {
    return fail(ErrorKind::internal, "invalid --security-opt 2: ", go_quoted(option));
  }
  return {};
}

/// What two options have in common when the later one replaces the earlier; empty: not an option of tmpfs.
std::string tmpfs_option_key(const std::string& option) {
  const MountOptions parsed = parse_mount_options({option});
  if (parsed.propagation != 0) return "propagation";
  if ((parsed.flags | parsed.cleared) != 0) return std::to_string(parsed.flags | parsed.cleared);
  const auto parts = split_once(option, '=');
  if (!parts) return "";
  for (const std::string_view known : {"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"}) {
    if (parts->first == known) return std::string(known);
  }
  return "";
}

std::string_view variable_name(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

template <class T, class U>
void set_if_not_zero(std::optional<T>& target, U value) {
  if (value != 0) target = static_cast<T>(value);
}

}  // namespace

Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options) {
  SecurityOptions out;
  for (const std::string& option : options) TRY(apply_security_option(option, out));
  return out;
}

Result<DeviceRule> parse_device_cgroup_rule(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorKind::invalid_argument, "invalid device cgroup rule format: '", text, "'");
  };
  const std::vector<std::string> words = split(text, ' ');
  if (words.size() != 3 || words[0].size() != 1 ||
      std::string_view("acb").find(words[0][0]) == std::string_view::npos) {
    return wrong();
  }
  const auto numbers = split_once(words[1], ':');
  if (!numbers || words[2].empty() || words[2].size() > 3 || words[2].find_first_not_of("rwm") != std::string::npos) {
    return wrong();
  }
  DeviceRule rule;
  rule.allow = true;
  rule.type = words[0][0];
  rule.access = words[2];
  for (const auto& [word, target] : {std::pair{numbers->first, &rule.major}, std::pair{numbers->second, &rule.minor}}) {
    if (word == "*") continue;
    const auto number = parse_u64(word);
    if (!number || *number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return wrong();
    *target = static_cast<std::int64_t>(*number);
  }
  return rule;
}

Result<std::vector<std::string>> merge_tmpfs_options(const std::vector<std::string>& options) {
  std::vector<std::string> kept;
  std::vector<std::string> seen;
  for (auto option = options.rbegin(); option != options.rend(); ++option) {
    if (*option == "defaults") continue;
    std::string key = tmpfs_option_key(*option);
    if (key.empty()) {
      std::string quoted;  // as Go prints the list of the option's parts
      if (const auto parts = split_once(*option, '=')) {
        quoted = concat(go_quoted(parts->first), " ", go_quoted(parts->second));
      } else {
        quoted = go_quoted(*option);
      }
      return fail(ErrorKind::internal, "invalid tmpfs option [", quoted, "]");
    }
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    seen.push_back(std::move(key));
    kept.push_back(*option);
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

Resources docker_resources(const DockerResources& from) {
  Resources out;
  if (from.memory > 0) out.memory_limit = from.memory;
  if (from.memory_reservation > 0) out.memory_reservation = from.memory_reservation;
  if (from.memory_swap != 0) {
    out.memory_swap = from.memory_swap;
  } else if (from.memory > 0) {
    // Docker's default: as much swap as memory.
    constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
    out.memory_swap = from.memory > kMax / 2 ? -1 : 2 * from.memory;
  }
  if (from.memory_swappiness && *from.memory_swappiness >= 0) {
    out.memory_swappiness = static_cast<std::uint64_t>(*from.memory_swappiness);
  }
  out.oom_kill_disable = from.oom_kill_disable;
  if (from.cpu_shares > 0) out.cpu_shares = static_cast<std::uint64_t>(from.cpu_shares);
  if (from.nano_cpus > 0) {
    out.cpu_period = kCpuPeriodUs;
    out.cpu_quota = from.nano_cpus / kNanoCpusPerQuotaUs;
  }
  if (from.cpu_period > 0) out.cpu_period = static_cast<std::uint64_t>(from.cpu_period);
  set_if_not_zero(out.cpu_quota, from.cpu_quota);
  out.cpuset_cpus = from.cpuset_cpus;
  out.cpuset_mems = from.cpuset_mems;
  if (from.pids_limit) out.pids_limit = *from.pids_limit > 0 ? *from.pids_limit : -1;
  set_if_not_zero(out.blkio_weight, from.blkio_weight);
  out.read_bps = from.read_bps;
  out.write_bps = from.write_bps;
  out.read_iops = from.read_iops;
  out.write_iops = from.write_iops;
  return out;
}

std::vector<std::string> docker_environment(const std::vector<std::string>& env, std::string_view hostname,
                                            bool terminal, std::string_view home) {
  std::vector<std::string> out;
  const auto find = [&](std::string_view name) {
    return std::find_if(out.begin(), out.end(), [&](const std::string& have) { return variable_name(have) == name; });
  };
  out.push_back(concat("PATH=", kDefaultPath));
  out.push_back(concat("HOSTNAME=", hostname));
  if (terminal) out.emplace_back("TERM=xterm");
  for (const std::string& variable : env) {
    const auto have = find(variable_name(variable));
    const bool has_value = variable.find('=') != std::string::npos && variable.front() != '=';
    if (has_value && have != out.end()) {
      *have = variable;
    } else if (has_value) {
      out.push_back(variable);
    } else if (have != out.end()) {
      out.erase(have);
    }
  }
  if (!home.empty() && find("HOME") == out.end()) out.push_back(concat("HOME=", home));
  return out;
}

}  // namespace drydock::runtime
