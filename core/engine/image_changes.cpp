#include "engine/image_changes.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "engine/image_change_words.h"
#include "network/port_mapping.h"

namespace drydock::engine {

namespace {

struct Instruction {
  std::string name;  // lower case
  std::string rest;  // behind it, trimmed
};

struct State {
  oci::RunConfig& config;
  bool command_set = false;  // an ENTRYPOINT does not take a CMD away that these changes have set
};

template <class... Parts>
Failure<Error> invalid(Parts&&... parts) {
  return fail(ErrorKind::invalid_argument, std::forward<Parts>(parts)...);
}

/// As a Dockerfile: comments and blank lines go, a backslash at the end of a line joins it with the next.
Result<std::vector<Instruction>> parse_instructions(const std::vector<std::string>& changes) {
  std::vector<Instruction> instructions;
  std::string logical;
  for (const std::string& line : split(join(changes, "\n"), '\n')) {
    std::string_view text = trim(line);
    if (text.starts_with('#') || (text.empty() && logical.empty())) continue;
    const bool goes_on = text.ends_with('\\');
    if (goes_on) text.remove_suffix(1);
    logical += text;
    if (goes_on) continue;
    const std::size_t blank = std::min(logical.find_first_of(" \t"), logical.size());
    instructions.push_back({to_lower(logical.substr(0, blank)), std::string(trim(logical.substr(blank)))});
    logical.clear();
    if (instructions.size() > kChangesMax) return fail(ErrorKind::too_large, "more than ", kChangesMax, " changes");
  }
  if (instructions.empty()) return invalid("file with no instructions");
  return instructions;
}

/// The strings of a JSON array, or nothing where the text is none: then it is a shell's.
std::optional<std::vector<std::string>> parse_exec_form(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  const auto json = parse_json(text);
  if (!json.ok() || !json->is_array()) return std::nullopt;
  std::vector<std::string> words;
  for (const Json& word : *json) {
    if (!word.is_string()) return std::nullopt;
    words.push_back(word.get<std::string>());
  }
  return words;
}

std::vector<std::string> command_of(std::string_view text, const oci::RunConfig& config) {
  if (auto words = parse_exec_form(text)) return std::move(*words);
  std::vector<std::string> words = config.shell;
  if (words.empty()) words = {"/bin/sh", "-c"};
  if (!text.empty()) words.emplace_back(text);
  return words;
}

template <class Map>
void set_entry(Map& map, std::string key, std::string value) {
  const auto place = std::lower_bound(map.begin(), map.end(), key,
                                      [](const auto& entry, const std::string& name) { return entry.first < name; });
  if (place != map.end() && place->first == key) {
    place->second = std::move(value);
  } else {
    map.emplace(place, std::move(key), std::move(value));
  }
}

void insert_sorted(std::vector<std::string>& set, std::string value) {
  const auto place = std::lower_bound(set.begin(), set.end(), value);
  if (place == set.end() || *place != value) set.insert(place, std::move(value));
}

/// ENV and LABEL: "name=value name=value", or "name the rest".
Result<oci::StringMap> parse_pairs(const Instruction& instruction, const std::vector<std::string>& env) {
  const std::string upper = to_upper(instruction.name);
  const std::vector<std::string> words = split_words(instruction.rest);
  if (words.empty()) return invalid(upper, " requires at least one argument");
  oci::StringMap pairs;
  if (words.front().find('=') == std::string::npos) {
    if (words.size() < 2) return invalid(upper, " must have two arguments");
    const std::string_view rest = trim(std::string_view(instruction.rest).substr(words.front().size()));
    pairs.emplace_back(words.front(), rest);
  }
  for (const std::string& word : words) {
    if (words.front().find('=') == std::string::npos) break;
    const auto pair = split_once(word, '=');
    if (!pair) return invalid("Syntax error - can't find = in ", go_quoted(word), ". Must be of the form: name=value");
    pairs.emplace_back(pair->first, pair->second);
  }
  for (auto& [name, value] : pairs) {
    name = TRY(process_word(name, env));
    value = TRY(process_word(value, env));
    if (name.empty()) return invalid(upper, " names can not be blank");
  }
  return pairs;
}

Result<void> change_env(const Instruction& instruction, State& state) {
  for (const auto& [name, value] : TRY(parse_pairs(instruction, state.config.env))) {
    std::string entry = concat(name, '=', value);
    const auto place = std::find_if(state.config.env.begin(), state.config.env.end(), [&name = name](const auto& old) {
      return old.starts_with(name) && old.size() > name.size() && old[name.size()] == '=';
    });
    if (place == state.config.env.end()) {
      state.config.env.push_back(std::move(entry));
    } else {
      *place = std::move(entry);
    }
  }
  return {};
}

Result<void> change_label(const Instruction& instruction, State& state) {
  for (auto& [name, value] : TRY(parse_pairs(instruction, state.config.env))) {
    set_entry(state.config.labels, name, value);
  }
  return {};
}

Result<void> change_cmd(const Instruction& instruction, State& state) {
  state.config.cmd = command_of(instruction.rest, state.config);
  state.config.args_escaped = false;
  state.command_set = true;
  return {};
}

Result<void> change_entrypoint(const Instruction& instruction, State& state) {
  state.config.entrypoint =
      instruction.rest.empty() ? std::vector<std::string>() : command_of(instruction.rest, state.config);
  if (!state.command_set) state.config.cmd.clear();
  return {};
}

Result<void> expose_port(std::string_view spec, oci::RunConfig& config) {
  std::string_view ports = spec, protocol = "tcp";
  if (const auto pair = split_once(spec, '/')) {
    ports = pair->first;
    protocol = pair->second;
  }
  if (const std::size_t colon = ports.rfind(':'); colon != std::string_view::npos) ports.remove_prefix(colon + 1);
  if (ports.empty()) return invalid("No port specified: ", spec, "<empty>");
  const auto range = network::HostPortRange::parse(ports);
  if (!range.ok() || range->first == 0) return invalid("Invalid containerPort: ", ports);
  const std::string lower = to_lower(protocol);
  if (!network::parse_protocol(lower)) return invalid("Invalid proto: ", protocol);
  for (unsigned port = range->first; port <= range->last; ++port) {
    insert_sorted(config.exposed_ports, concat(port, '/', lower));
  }
  return {};
}

Result<void> change_expose(const Instruction& instruction, State& state) {
  const std::vector<std::string> words = split_words(instruction.rest);
  if (words.empty()) return invalid("EXPOSE requires at least one argument");
  for (const std::string& word : words) {
    TRY(expose_port(TRY(process_word(word, state.config.env)), state.config));
  }
  return {};
}

Result<void> change_user(const Instruction& instruction, State& state) {
  if (instruction.rest.empty()) return invalid("USER requires exactly one argument");
  state.config.user = TRY(process_word(instruction.rest, state.config.env));
  return {};
}

Result<void> change_volume(const Instruction& instruction, State& state) {
  auto paths = parse_exec_form(instruction.rest);
  if (!paths) paths = split_words(instruction.rest);
  if (paths->empty()) return invalid("VOLUME requires at least one argument");
  for (const std::string& word : *paths) {
    const std::string path(trim(TRY(process_word(word, state.config.env))));
    if (path.empty()) return invalid("VOLUME specified can not be an empty string");
    insert_sorted(state.config.volumes, path);
  }
  return {};
}

std::string clean_directory(std::string_view path) {
  std::vector<std::string> parts;
  for (std::string& part : split(path, '/')) {
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(std::move(part));
  }
  return "/" + join(parts, "/");
}

Result<void> change_workdir(const Instruction& instruction, State& state) {
  if (instruction.rest.empty()) return invalid("WORKDIR requires exactly one argument");
  const std::string path = TRY(process_word(instruction.rest, state.config.env));
  if (path.empty()) return invalid("cannot normalize nothing");
  state.config.working_dir =
      clean_directory(path.starts_with('/') ? path : concat(state.config.working_dir, '/', path));
  return {};
}

Result<void> set_health_flag(std::string_view flag, oci::HealthcheckConfig& health) {
  const auto pair = split_once(flag, '=');
  const std::string_view name = pair ? pair->first : flag;
  const std::string_view value = pair ? pair->second : std::string_view();
  if (name == "--interval") {
    health.interval_ns = TRY(parse_go_duration(value));
  } else if (name == "--timeout") {
    health.timeout_ns = TRY(parse_go_duration(value));
  } else if (name == "--start-period") {
    health.start_period_ns = TRY(parse_go_duration(value));
  } else if (name == "--retries") {
    const auto retries = parse_i64(value);
    if (!retries) return invalid("strconv.ParseInt: parsing ", go_quoted(value), ": invalid syntax");
    if (*retries < 1) return invalid("--retries must be at least 1 (not ", *retries, ")");
    health.retries = *retries;
  } else {
    return invalid("Unknown flag: ", name.substr(std::min<std::size_t>(2, name.size())));
  }
  return {};
}

Result<void> change_healthcheck(const Instruction& instruction, State& state) {
  oci::HealthcheckConfig health;
  std::string_view rest = instruction.rest;
  while (rest.starts_with("--")) {
    const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
    TRY(set_health_flag(rest.substr(0, end), health));
    rest = trim(rest.substr(end));
  }
  if (rest.empty()) return invalid("HEALTHCHECK requires at least one argument");
  const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string kind = to_upper(rest.substr(0, end));
  const std::string_view command = trim(rest.substr(end));
  if (kind == "NONE") {
    if (!command.empty()) return invalid("HEALTHCHECK NONE takes no arguments");
    health = {};
    health.test = {"NONE"};
  } else if (kind == "CMD") {
    if (command.empty()) return invalid("Missing command after HEALTHCHECK CMD");
    if (auto words = parse_exec_form(command)) {
      health.test = std::move(*words);
      health.test.insert(health.test.begin(), "CMD");
    } else {
      health.test = {"CMD-SHELL", std::string(command)};
    }
  } else {
    return invalid("Unknown type ", go_quoted(kind), " in HEALTHCHECK (try CMD)");
  }
  state.config.healthcheck = std::move(health);
  return {};
}

Result<void> change_onbuild(const Instruction& instruction, State& state) {
  if (instruction.rest.empty()) return invalid("ONBUILD requires at least one argument");
  const std::size_t end = std::min(instruction.rest.find_first_of(" \t"), instruction.rest.size());
  const std::string trigger = to_upper(instruction.rest.substr(0, end));
  if (trigger == "ONBUILD") return invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger == "MAINTAINER" || trigger == "FROM") return invalid(trigger, " isn't allowed as an ONBUILD trigger");
  state.config.on_build.push_back(instruction.rest);
  return {};
}

struct Row {
  std::string_view name;
  Result<void> (*apply)(const Instruction&, State&);
};

constexpr std::array<Row, 10> kRows = {{{"cmd", &change_cmd},
                                        {"entrypoint", &change_entrypoint},
                                        {"env", &change_env},
                                        {"expose", &change_expose},
                                        {"healthcheck", &change_healthcheck},
                                        {"label", &change_label},
                                        {"onbuild", &change_onbuild},
                                        {"user", &change_user},
                                        {"volume", &change_volume},
                                        {"workdir", &change_workdir}}};

}  // namespace

Result<void> apply_changes(const std::vector<std::string>& changes, oci::RunConfig& config) {
  if (changes.empty()) return {};
  const auto instructions = TRY(parse_instructions(changes));
  std::vector<const Row*> rows;
  for (const Instruction& instruction : instructions) {
    const auto row = std::find_if(kRows.begin(), kRows.end(),
                                  [&instruction](const Row& entry) { return entry.name == instruction.name; });
    if (row == kRows.end()) return invalid(instruction.name, " is not a valid change command");
    rows.push_back(&*row);
  }
  State state{config};
  for (std::size_t i = 0; i < rows.size(); ++i) TRY(rows[i]->apply(instructions[i], state));
  return {};
}

}  // namespace drydock::engine
