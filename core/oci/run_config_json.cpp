#include "oci/run_config_json.h"

#include <algorithm>

#include "oci/descriptor_json.h"

namespace drydock::oci {
namespace {

// Go's sets are objects with empty members: {"80/tcp": {}}.
Result<std::vector<std::string>> parse_set(const Json& json, const char* name) {
  std::vector<std::string> members;
  if (const Json* object = TRY(get_object(json, name))) {
    for (const auto& item : object->items()) members.push_back(item.key());
  }
  std::sort(members.begin(), members.end());
  return members;
}

Json set_to_json(const std::vector<std::string>& members) {
  if (members.empty()) return nullptr;
  std::vector<std::string> sorted = members;
  std::sort(sorted.begin(), sorted.end());
  Json json = Json::object();
  for (const std::string& member : sorted) json[member] = Json::object();
  return json;
}

Json list_to_json(const std::vector<std::string>& list) {
  return list.empty() ? Json(nullptr) : Json(list);
}

// Go writes maps sorted by key.
Json labels_to_json(StringMap labels) {
  if (labels.empty()) return nullptr;
  std::sort(labels.begin(), labels.end());
  return to_json(labels);
}

Result<HealthcheckConfig> parse_healthcheck(const Json& json) {
  HealthcheckConfig check;
  check.test = TRY(get_strings(json, "Test"));
  check.interval_ns = TRY(get_int(json, "Interval"));
  check.timeout_ns = TRY(get_int(json, "Timeout"));
  check.start_period_ns = TRY(get_int(json, "StartPeriod"));
  check.start_interval_ns = TRY(get_int(json, "StartInterval"));
  check.retries = TRY(get_int(json, "Retries"));
  return check;
}

Json healthcheck_to_json(const HealthcheckConfig& check) {
  Json json = Json::object();
  if (!check.test.empty()) json["Test"] = check.test;
  if (check.interval_ns != 0) json["Interval"] = check.interval_ns;
  if (check.timeout_ns != 0) json["Timeout"] = check.timeout_ns;
  if (check.start_period_ns != 0) json["StartPeriod"] = check.start_period_ns;
  if (check.start_interval_ns != 0) json["StartInterval"] = check.start_interval_ns;
  if (check.retries != 0) json["Retries"] = check.retries;
  return json;
}

}  // namespace

Result<RunConfig> parse_run_config(const Json& json) {
  RunConfig config;
  config.hostname = TRY(get_string(json, "Hostname"));
  config.domainname = TRY(get_string(json, "Domainname"));
  config.user = TRY(get_string(json, "User"));
  config.attach_stdin = TRY(get_bool(json, "AttachStdin"));
  config.attach_stdout = TRY(get_bool(json, "AttachStdout"));
  config.attach_stderr = TRY(get_bool(json, "AttachStderr"));
  config.exposed_ports = TRY(parse_set(json, "ExposedPorts"));
  config.tty = TRY(get_bool(json, "Tty"));
  config.open_stdin = TRY(get_bool(json, "OpenStdin"));
  config.stdin_once = TRY(get_bool(json, "StdinOnce"));
  config.env = TRY(get_strings(json, "Env"));
  config.cmd = TRY(get_strings(json, "Cmd"));
  if (const Json* check = TRY(get_object(json, "Healthcheck"))) config.healthcheck = TRY(parse_healthcheck(*check));
  config.args_escaped = TRY(get_bool(json, "ArgsEscaped"));
  config.image = TRY(get_string(json, "Image"));
  config.volumes = TRY(parse_set(json, "Volumes"));
  config.working_dir = TRY(get_string(json, "WorkingDir"));
  config.entrypoint = TRY(get_strings(json, "Entrypoint"));
  config.network_disabled = TRY(get_bool(json, "NetworkDisabled"));
  config.mac_address = TRY(get_string(json, "MacAddress"));
  config.on_build = TRY(get_strings(json, "OnBuild"));
  config.labels = TRY(get_string_map(json, "Labels"));
  config.stop_signal = TRY(get_string(json, "StopSignal"));
  config.stop_timeout_s = TRY(get_optional_int(json, "StopTimeout"));
  config.shell = TRY(get_strings(json, "Shell"));
  return config;
}

Json to_json(const RunConfig& config) {
  Json json = {{"Hostname", config.hostname},
               {"Domainname", config.domainname},
               {"User", config.user},
               {"AttachStdin", config.attach_stdin},
               {"AttachStdout", config.attach_stdout},
               {"AttachStderr", config.attach_stderr}};
  if (!config.exposed_ports.empty()) json["ExposedPorts"] = set_to_json(config.exposed_ports);
  json["Tty"] = config.tty;
  json["OpenStdin"] = config.open_stdin;
  json["StdinOnce"] = config.stdin_once;
  json["Env"] = list_to_json(config.env);
  json["Cmd"] = list_to_json(config.cmd);
  if (config.healthcheck) json["Healthcheck"] = healthcheck_to_json(*config.healthcheck);
  if (config.args_escaped) json["ArgsEscaped"] = true;
  json["Image"] = config.image;
  json["Volumes"] = set_to_json(config.volumes);
  json["WorkingDir"] = config.working_dir;
  json["Entrypoint"] = list_to_json(config.entrypoint);
  if (config.network_disabled) json["NetworkDisabled"] = true;
  if (!config.mac_address.empty()) json["MacAddress"] = config.mac_address;
  json["OnBuild"] = list_to_json(config.on_build);
  json["Labels"] = labels_to_json(config.labels);
  if (!config.stop_signal.empty()) json["StopSignal"] = config.stop_signal;
  if (config.stop_timeout_s) json["StopTimeout"] = *config.stop_timeout_s;
  if (!config.shell.empty()) json["Shell"] = config.shell;
  return json;
}

}  // namespace drydock::oci
