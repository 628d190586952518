#include "native/bin/daemon_options.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/json.h"

namespace drydock::native {

namespace {

constexpr std::string_view kDefaultConfigFile = "/etc/drydock/daemon.json";
constexpr std::string_view kDefaultHost = "unix:///var/run/drydock.sock";

using Setter = Result<void> (*)(DaemonOptions&, const std::string& value);

struct Flag {
  std::string_view name;    // --name
  char letter;              // -x, or 0
  std::string_view member;  // of the configuration file; empty: there is none
  std::string_view value;   // what --help calls it; empty: a switch, which may be given as --name=false
  Setter set;
  std::string_view help;
};

Result<void> set_switch(bool& target, const std::string& value) {
  if (value == "true" || value == "1") {
    target = true;
  } else if (value == "false" || value == "0") {
    target = false;
  } else {
    return fail(ErrorKind::invalid_argument, "strconv.ParseBool: parsing ", go_quoted(value), ": invalid syntax");
  }
  return {};
}

Result<std::uint64_t> parse_size(const std::string& value) {
  static constexpr std::string_view kUnits = "bkmgt";
  std::string digits = to_lower(value);
  std::uint64_t unit = 1;
  if (digits.size() > 1 && digits.back() == 'b' && kUnits.find(digits[digits.size() - 2]) != std::string_view::npos) {
    digits.pop_back();
  }
  if (!digits.empty() && kUnits.find(digits.back()) != std::string_view::npos) {
    unit = std::uint64_t{1} << (10 * kUnits.find(digits.back()));
    digits.pop_back();
  }
  const auto number = parse_u64(digits);
  if (!number || *number > UINT64_MAX / unit) return fail(ErrorKind::invalid_argument, "invalid size: '", value, "'");
  return *number * unit;
}

/// "nofile=1024:2048" or "nofile=1024".
Result<runtime::Rlimit> parse_ulimit(const std::string& value) {
  const auto parts = split_once(value, '=');
  if (!parts) return fail(ErrorKind::invalid_argument, "invalid ulimit argument: ", value);
  const auto limits = split_once(parts->second, ':');
  const auto soft = parse_u64(limits ? limits->first : parts->second);
  const auto hard = limits ? parse_u64(limits->second) : soft;
  if (!soft || !hard || *soft > *hard) return fail(ErrorKind::invalid_argument, "invalid ulimit argument: ", value);
  return runtime::Rlimit{concat("RLIMIT_", to_upper(parts->first)), *hard, *soft};
}

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorKind::not_found, "open ", path, ": no such file or directory");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

#define SET_TEXT(field)                                        \
  [](DaemonOptions& o, const std::string& v) -> Result<void> { \
    o.field = v;                                               \
    return {};                                                 \
  }
#define SET_LIST(field)                                        \
  [](DaemonOptions& o, const std::string& v) -> Result<void> { \
    o.field.push_back(v);                                      \
    return {};                                                 \
  }
#define SET_SWITCH(field) [](DaemonOptions& o, const std::string& v) { return set_switch(o.field, v); }

Result<void> set_mtu(DaemonOptions& options, const std::string& value) {
  const auto number = parse_u64(value);
  if (!number || *number > 65535) return fail(ErrorKind::invalid_argument, "invalid MTU: ", value);
  if (*number > 0) options.settings.mtu = static_cast<std::uint32_t>(*number);
  return {};
}

Result<void> set_log_option(DaemonOptions& options, const std::string& value) {
  const auto parts = split_once(value, '=');
  if (!parts) return fail(ErrorKind::invalid_argument, "invalid key value pair: ", value);
  options.settings.log_options[std::string(parts->first)] = std::string(parts->second);
  return {};
}

Result<void> set_shutdown_timeout(DaemonOptions& options, const std::string& value) {
  const auto number = parse_u64(value);
  if (!number || *number > 86400) return fail(ErrorKind::invalid_argument, "invalid shutdown timeout: ", value);
  options.settings.shutdown_timeout_seconds = static_cast<std::uint32_t>(*number);
  return {};
}

Result<void> set_seccomp_profile(DaemonOptions& options, const std::string& value) {
  if (value.empty() || value == "builtin") return {};
  if (value == "unconfined") {
    options.settings.seccomp_profile = value;
    return {};
  }
  options.settings.seccomp_profile = TRY(read_text(value));
  return {};
}

const Flag kFlags[] = {
    {"backend", 0, "", "string", SET_TEXT(backend),
     "Kernel that containers run on: native (default), or sim, a Linux simulated in the daemon"},
    {"bip", 0, "bip", "string", SET_TEXT(settings.bip), "Specify network bridge IP"},
    {"bridge", 'b', "bridge", "string", SET_TEXT(settings.bridge), "Attach containers to a network bridge"},
    {"data-root", 0, "data-root", "string", SET_TEXT(settings.data_root), "Root directory of persistent state"},
    {"debug", 'D', "debug", "",
     [](DaemonOptions& o, const std::string& v) -> Result<void> {
       bool on = false;
       TRY(set_switch(on, v));
       if (on) o.log_level = "debug";
       return {};
     },
     "Enable debug mode"},
    {"default-cgroupns-mode", 0, "default-cgroupns-mode", "string", SET_TEXT(settings.default_cgroupns_mode),
     "Default mode for containers cgroup namespace (\"host\" | \"private\")"},
    {"default-shm-size", 0, "default-shm-size", "bytes",
     [](DaemonOptions& o, const std::string& v) -> Result<void> {
       o.settings.default_shm_size = TRY(parse_size(v));
       return {};
     },
     "Default shm size for containers (default 64MiB)"},
    {"default-ulimit", 0, "", "ulimit",
     [](DaemonOptions& o, const std::string& v) -> Result<void> {
       o.settings.default_ulimits.push_back(TRY(parse_ulimit(v)));
       return {};
     },
     "Default ulimits for containers"},
    {"dns", 0, "dns", "list", SET_LIST(settings.dns), "DNS server to use"},
    {"dns-opt", 0, "dns-opts", "list", SET_LIST(settings.dns_options), "DNS options to use"},
    {"dns-search", 0, "dns-search", "list", SET_LIST(settings.dns_search), "DNS search domains to use"},
    {"exec-root", 0, "exec-root", "string", SET_TEXT(settings.exec_root), "Root directory for execution state files"},
    {"group", 'G', "group", "string", SET_TEXT(group), "Group for the unix socket (default \"docker\")"},
    {"host", 'H', "hosts", "list", SET_LIST(hosts), "Daemon socket(s) to connect to"},
    {"icc", 0, "icc", "", SET_SWITCH(settings.inter_container), "Enable inter-container communication (default true)"},
    {"init-path", 0, "init-path", "string", SET_TEXT(settings.init_path), "Path to the program that --init runs"},
    {"insecure-registry", 0, "insecure-registries", "list", SET_LIST(settings.insecure_registries),
     "Enable insecure registry communication"},
    {"ip-masq", 0, "ip-masq", "", SET_SWITCH(settings.ip_masquerade), "Enable IP masquerading (default true)"},
    {"label", 0, "labels", "list", SET_LIST(settings.labels), "Set key=value labels to the daemon"},
    {"live-restore", 0, "live-restore", "", SET_SWITCH(settings.live_restore),
     "Keep containers running while the daemon does not (default true)"},
    {"log-driver", 0, "log-driver", "string", SET_TEXT(settings.log_driver),
     "Default driver for container logs (default \"json-file\")"},
    {"log-level", 'l', "log-level", "string", SET_TEXT(log_level),
     "Set the logging level (\"debug\"|\"info\"|\"warn\"|\"error\"|\"fatal\") (default \"info\")"},
    {"log-opt", 0, "", "map", set_log_option, "Default log driver options for containers"},
    {"mtu", 0, "mtu", "int", set_mtu, "Set the containers network MTU"},
    {"no-new-privileges", 0, "no-new-privileges", "", SET_SWITCH(settings.no_new_privileges),
     "Set no-new-privileges by default for new containers"},
    {"pidfile", 'p', "pidfile", "string", SET_TEXT(pid_file), "Path to use for daemon PID file"},
    {"registry-mirror", 0, "registry-mirrors", "list", SET_LIST(settings.registry_mirrors),
     "Preferred registry mirror"},
    {"seccomp-profile", 0, "seccomp-profile", "string", set_seccomp_profile,
     "Path to seccomp profile, \"builtin\" or \"unconfined\""},
    {"shutdown-timeout", 0, "shutdown-timeout", "int", set_shutdown_timeout,
     "Set the default shutdown timeout (default 15)"},
    {"tls", 0, "tls", "", SET_SWITCH(tls), "Use TLS; implied by --tlsverify"},
    {"tlscacert", 0, "tlscacert", "string", SET_TEXT(tls_ca_certificate), "Trust certs signed only by this CA"},
    {"tlscert", 0, "tlscert", "string", SET_TEXT(tls_certificate), "Path to TLS certificate file"},
    {"tlskey", 0, "tlskey", "string", SET_TEXT(tls_key), "Path to TLS key file"},
    {"tlsverify", 0, "tlsverify", "", SET_SWITCH(tls_verify), "Use TLS and verify the remote"},
    {"userland-proxy", 0, "userland-proxy", "", SET_SWITCH(settings.userland_proxy),
     "Use a proxy where the kernel cannot translate (default true)"},
    {"userns-remap", 0, "userns-remap", "string", SET_TEXT(userns_remap), "User/Group setting for user namespaces"},
};

#undef SET_TEXT
#undef SET_LIST
#undef SET_SWITCH

const Flag* find_flag(std::string_view name) {
  const auto found = std::find_if(std::begin(kFlags), std::end(kFlags), [&](const Flag& f) { return f.name == name; });
  return found == std::end(kFlags) ? nullptr : &*found;
}

const Flag* find_letter(char letter) {
  const auto found =
      std::find_if(std::begin(kFlags), std::end(kFlags), [&](const Flag& f) { return f.letter == letter; });
  return found == std::end(kFlags) ? nullptr : &*found;
}

Failure<Error> bad_usage(const std::string& what) {
  return fail(ErrorKind::invalid_argument, what, "\nSee 'drydockd --help'.");
}

/// The arguments as they are read one after another.
struct Reader {
  const std::vector<std::string>& arguments;
  DaemonOptions& options;
  std::set<std::string_view> seen{};  // names of flags that were given
  std::optional<std::string> config_file{};
  std::size_t at = 0;

  Result<void> take(const Flag& flag, std::optional<std::string> value) {
    if (!value && flag.value.empty()) value = "true";
    if (!value) {
      if (at >= arguments.size()) return bad_usage(concat("flag needs an argument: --", flag.name));
      value = arguments[at++];
    }
    seen.insert(flag.name);
    auto set = flag.set(options, *value);
    if (set.ok()) return {};
    return bad_usage(
        concat("invalid argument ", go_quoted(*value), " for \"--", flag.name, "\" flag: ", set.error().message));
  }

  Result<void> take_long(std::string_view text) {
    const auto parts = split_once(text, '=');
    const std::string_view name = parts ? parts->first : text;
    std::optional<std::string> value;
    if (parts) value = std::string(parts->second);
    if (name == "help") {
      options.action = DaemonOptions::Action::show_help;
    } else if (name == "version") {
      options.action = DaemonOptions::Action::show_version;
    } else if (name == "config-file") {
      if (!value && at >= arguments.size()) return bad_usage("flag needs an argument: --config-file");
      config_file = value ? *value : arguments[at++];
    } else if (const Flag* flag = find_flag(name)) {
      return take(*flag, value);
    } else {
      return bad_usage(concat("unknown flag: --", name));
    }
    return {};
  }

  Result<void> take_short(std::string_view letters) {
    while (!letters.empty()) {
      const char letter = letters.front();
      letters.remove_prefix(1);
      if (letter == 'h') options.action = DaemonOptions::Action::show_help;
      if (letter == 'v') options.action = DaemonOptions::Action::show_version;
      if (letter == 'h' || letter == 'v') continue;
      const Flag* flag = find_letter(letter);
      if (flag == nullptr) return bad_usage(concat("unknown shorthand flag: '", letter, "' in -", letter, letters));
      if (flag->value.empty()) {
        TRY(take(*flag, std::nullopt));
        continue;
      }
      if (letters.starts_with('=')) letters.remove_prefix(1);
      return take(*flag, letters.empty() ? std::nullopt : std::optional(std::string(letters)));
    }
    return {};
  }

  Result<void> read_all() {
    while (at < arguments.size()) {
      const std::string& argument = arguments[at++];
      if (argument.starts_with("--") && argument.size() > 2) {
        TRY(take_long(std::string_view(argument).substr(2)));
      } else if (argument.starts_with('-') && argument.size() > 1 && argument != "--") {
        TRY(take_short(std::string_view(argument).substr(1)));
      } else {
        return bad_usage(concat("\"drydockd\" accepts no arguments: ", go_quoted(argument)));
      }
    }
    return {};
  }
};

/// A member's values as the flag would be given them.
Result<std::vector<std::string>> flag_values(const std::string& name, const Json& value) {
  if (value.is_string()) return std::vector<std::string>{value.get<std::string>()};
  if (value.is_boolean()) return std::vector<std::string>{value.get<bool>() ? "true" : "false"};
  if (value.is_number_integer()) return std::vector<std::string>{std::to_string(value.get<std::int64_t>())};
  if (!value.is_array()) return fail(ErrorKind::invalid_argument, "unexpected type of ", name);
  std::vector<std::string> values;
  for (const Json& entry : value) {
    if (!entry.is_string()) return fail(ErrorKind::invalid_argument, "unexpected type of an entry of ", name);
    values.push_back(entry.get<std::string>());
  }
  return values;
}

Result<void> apply_member(DaemonOptions& options, const std::set<std::string_view>& seen, const std::string& member,
                          const Json& value) {
  if (member == "log-opts") {
    Json wrapped;
    wrapped[member] = value;
    for (const auto& [name, text] : TRY(get_string_map(wrapped, member))) options.settings.log_options[name] = text;
    return {};
  }
  const auto flag = std::find_if(std::begin(kFlags), std::end(kFlags),
                                 [&](const Flag& f) { return !f.member.empty() && f.member == member; });
  if (flag == std::end(kFlags)) {
    return fail(ErrorKind::invalid_argument, "the following directives don't match any configuration option: ", member);
  }
  const std::vector<std::string> values = TRY(flag_values(member, value));
  if (seen.contains(flag->name)) {
    return fail(ErrorKind::invalid_argument,
                "the following directives are specified both as a flag and in the configuration file: ", member,
                ": (from flag, from file: ", join(values, ","), ")");
  }
  for (const std::string& text : values) TRY(flag->set(options, text));
  return {};
}

Result<void> apply_config_file(DaemonOptions& options, const std::set<std::string_view>& seen,
                               const std::string& path) {
  const std::string text = TRY(read_text(path));
  const Json json = TRY(parse_json(text));
  if (!json.is_object()) return fail(ErrorKind::invalid_argument, "not a JSON object");
  for (const auto& [member, value] : json.items()) TRY(apply_member(options, seen, member, value));
  return {};
}

}  // namespace

Result<DaemonOptions> parse_daemon_options(const std::vector<std::string>& arguments) {
  DaemonOptions options;
  Reader reader{arguments, options};
  TRY(reader.read_all());
  if (options.action != DaemonOptions::Action::run) return options;
  const bool have_default_file = std::ifstream(std::string(kDefaultConfigFile)).good();
  if (!reader.config_file && have_default_file) reader.config_file = kDefaultConfigFile;
  if (reader.config_file) {
    auto applied = apply_config_file(options, reader.seen, *reader.config_file);
    if (!applied.ok()) {
      return fail(ErrorKind::invalid_argument, "unable to configure the Docker daemon with file ", *reader.config_file,
                  ": ", applied.error().message);
    }
  }
  if (options.hosts.empty()) options.hosts.emplace_back(kDefaultHost);
  return options;
}

std::string daemon_help() {
  std::ostringstream out;
  out << "Usage:  drydockd [OPTIONS]\n\nA container engine that can be looked into.\n\nOptions:\n";
  for (const Flag& flag : kFlags) {
    std::string left = flag.letter != 0 ? concat("  -", flag.letter, ", ") : std::string("      ");
    left += concat("--", flag.name, flag.value.empty() ? "" : " ", flag.value);
    left.resize(std::max<std::size_t>(left.size() + 2, 36), ' ');
    out << left << flag.help << '\n';
  }
  out << "      --config-file string          Daemon configuration file (default \"" << kDefaultConfigFile << "\")\n"
      << "  -v, --version                     Print version information and quit\n";
  return out.str();
}

}  // namespace drydock::native
