#include "runtime/spec_json.h"

#include <array>
#include <limits>
#include <utility>

#include "base/json.h"
#include "runtime/plan_checks.h"
#include "runtime/seccomp_profile.h"

namespace drydock::runtime {

namespace {

constexpr std::array<std::string_view, 6> kHookNames = {"prestart",       "createRuntime", "createContainer",
                                                        "startContainer", "poststart",     "poststop"};

Failure<Error> wrong_type(const Json& value, std::string_view name, std::string_view wanted) {
  return fail(ErrorKind::invalid_argument, "json: cannot unmarshal ", value.type_name(), " into Go struct field ", name,
              " of type ", wanted);
}

template <class T>
std::string_view go_type() {
  if (std::is_same_v<T, std::uint16_t>) return "uint16";
  if (std::is_same_v<T, std::uint32_t>) return "uint32";
  if (std::is_same_v<T, std::uint64_t>) return "uint64";
  return std::is_same_v<T, int> ? "int" : "int64";
}

/// A member that is an integer of type T, within its range.
template <class T>
Result<std::optional<T>> number(const Json& object, std::string_view name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::optional<T>();
  if (found->is_number_unsigned()) {
    const auto value = found->template get<std::uint64_t>();
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return std::optional(static_cast<T>(value));
  } else if (std::is_signed_v<T> && found->is_number_integer()) {
    const auto value = found->template get<std::int64_t>();
    if (value >= static_cast<std::int64_t>(std::numeric_limits<T>::min())) return std::optional(static_cast<T>(value));
  }
  return wrong_type(*found, name, go_type<T>());
}

template <class T>
Result<void> set_number(const Json& object, std::string_view name, T& out) {
  if (const auto value = TRY(number<T>(object, name))) out = *value;
  return {};
}

/// The objects of an array member.
template <class Read>
Result<void> each(const Json& object, std::string_view name, Read read) {
  const Json* array = TRY(get_array(object, name));
  if (array == nullptr) return {};
  for (const Json& one : *array) {
    if (!one.is_object()) return wrong_type(one, name, "object");
    TRY(read(one));
  }
  return {};
}

Result<std::vector<std::uint32_t>> ids_of(const Json& object, std::string_view name) {
  std::vector<std::uint32_t> out;
  const Json* array = TRY(get_array(object, name));
  if (array == nullptr) return out;
  for (const Json& one : *array) {
    if (!one.is_number_unsigned() || one.get<std::uint64_t>() > UINT32_MAX) return wrong_type(one, name, "uint32");
    out.push_back(one.get<std::uint32_t>());
  }
  return out;
}

Result<User> read_user(const Json& json) {
  User out;
  TRY(set_number(json, "uid", out.uid));
  TRY(set_number(json, "gid", out.gid));
  out.umask = TRY(number<std::uint32_t>(json, "umask"));
  out.additional_gids = TRY(ids_of(json, "additionalGids"));
  return out;
}

Result<CapabilitySets> read_capabilities(const Json& json) {
  CapabilitySets out;
  out.bounding = TRY(get_strings(json, "bounding"));
  out.effective = TRY(get_strings(json, "effective"));
  out.permitted = TRY(get_strings(json, "permitted"));
  out.inheritable = TRY(get_strings(json, "inheritable"));
  out.ambient = TRY(get_strings(json, "ambient"));
  return out;
}

Result<Process> read_process(const Json& json) {
  Process out;
  out.terminal = TRY(get_bool(json, "terminal"));
  if (const Json* size = TRY(get_object(json, "consoleSize"))) {
    TRY(set_number(*size, "height", out.console_size.height));
    TRY(set_number(*size, "width", out.console_size.width));
  }
  if (const Json* user = TRY(get_object(json, "user"))) out.user = TRY(read_user(*user));
  out.args = TRY(get_strings(json, "args"));
  out.env = TRY(get_strings(json, "env"));
  out.cwd = TRY(get_string(json, "cwd"));
  if (const Json* sets = TRY(get_object(json, "capabilities"))) out.capabilities = TRY(read_capabilities(*sets));
  TRY(each(json, "rlimits", [&](const Json& one) -> Result<void> {
    Rlimit rlimit;
    rlimit.type = TRY(get_string(one, "type"));
    TRY(set_number(one, "hard", rlimit.hard));
    TRY(set_number(one, "soft", rlimit.soft));
    out.rlimits.push_back(std::move(rlimit));
    return {};
  }));
  out.no_new_privileges = TRY(get_bool(json, "noNewPrivileges"));
  out.oom_score_adj = TRY(number<int>(json, "oomScoreAdj"));
  return out;
}

Result<std::vector<IdMapping>> read_mappings(const Json& json, std::string_view name) {
  std::vector<IdMapping> out;
  TRY(each(json, name, [&](const Json& one) -> Result<void> {
    IdMapping mapping;
    TRY(set_number(one, "containerID", mapping.container_id));
    TRY(set_number(one, "hostID", mapping.host_id));
    TRY(set_number(one, "size", mapping.size));
    out.push_back(mapping);
    return {};
  }));
  return out;
}

Result<char> device_type(const Json& json, char fallback) {
  const std::string text = TRY(get_string(json, "type"));
  if (text.empty()) return fallback;
  if (text.size() > 1) return fail(ErrorKind::invalid_argument, "invalid device type: ", go_quoted(text));
  return text[0];
}

Result<Device> read_device(const Json& json) {
  Device out;
  out.path = TRY(get_string(json, "path"));
  out.type = TRY(device_type(json, 'c'));
  std::int64_t major = 0, minor = 0;
  TRY(set_number(json, "major", major));
  TRY(set_number(json, "minor", minor));
  if (major < 0 || major > UINT32_MAX || minor < 0 || minor > UINT32_MAX) {
    return fail(ErrorKind::invalid_argument, "device ", out.path, ": number out of range");
  }
  out.major = static_cast<std::uint32_t>(major);
  out.minor = static_cast<std::uint32_t>(minor);
  TRY(set_number(json, "fileMode", out.mode));
  TRY(set_number(json, "uid", out.uid));
  TRY(set_number(json, "gid", out.gid));
  return out;
}

Result<DeviceRule> read_device_rule(const Json& json) {
  DeviceRule out;
  out.allow = TRY(get_bool(json, "allow"));
  out.type = TRY(device_type(json, 'a'));
  if (out.type != 'a' && out.type != 'b' && out.type != 'c') {
    return fail(ErrorKind::invalid_argument, "invalid device type: ", go_quoted(std::string(1, out.type)));
  }
  out.major = TRY(number<std::int64_t>(json, "major"));
  out.minor = TRY(number<std::int64_t>(json, "minor"));
  if (out.major && *out.major < 0) out.major.reset();  // -1 stands for any
  if (out.minor && *out.minor < 0) out.minor.reset();
  out.access = TRY(get_string(json, "access"));
  if (out.access.find_first_not_of("rwm") != std::string::npos) {
    return fail(ErrorKind::invalid_argument, "invalid device access: ", go_quoted(out.access));
  }
  return out;
}

Result<std::vector<ThrottleDevice>> read_throttle(const Json& json, std::string_view name) {
  std::vector<ThrottleDevice> out;
  TRY(each(json, name, [&](const Json& one) -> Result<void> {
    ThrottleDevice device;
    TRY(set_number(one, "major", device.major));
    TRY(set_number(one, "minor", device.minor));
    TRY(set_number(one, "rate", device.rate));
    out.push_back(device);
    return {};
  }));
  return out;
}

Result<void> read_memory(const Json& json, Resources& out) {
  const Json* memory = TRY(get_object(json, "memory"));
  if (memory == nullptr) return {};
  out.memory_limit = TRY(number<std::int64_t>(*memory, "limit"));
  out.memory_reservation = TRY(number<std::int64_t>(*memory, "reservation"));
  out.memory_swap = TRY(number<std::int64_t>(*memory, "swap"));
  out.memory_swappiness = TRY(number<std::uint64_t>(*memory, "swappiness"));
  out.oom_kill_disable = TRY(get_optional_bool(*memory, "disableOOMKiller"));
  return {};
}

Result<void> read_cpu(const Json& json, Resources& out) {
  const Json* cpu = TRY(get_object(json, "cpu"));
  if (cpu == nullptr) return {};
  out.cpu_shares = TRY(number<std::uint64_t>(*cpu, "shares"));
  out.cpu_quota = TRY(number<std::int64_t>(*cpu, "quota"));
  out.cpu_period = TRY(number<std::uint64_t>(*cpu, "period"));
  out.cpuset_cpus = TRY(get_string(*cpu, "cpus"));
  out.cpuset_mems = TRY(get_string(*cpu, "mems"));
  return {};
}

Result<Resources> read_resources(const Json& json) {
  Resources out;
  TRY(each(json, "devices", [&](const Json& one) -> Result<void> {
    out.devices.push_back(TRY(read_device_rule(one)));
    return {};
  }));
  TRY(read_memory(json, out));
  TRY(read_cpu(json, out));
  if (const Json* pids = TRY(get_object(json, "pids"))) out.pids_limit = TRY(number<std::int64_t>(*pids, "limit"));
  if (const Json* block = TRY(get_object(json, "blockIO"))) {
    out.blkio_weight = TRY(number<std::uint16_t>(*block, "weight"));
    out.read_bps = TRY(read_throttle(*block, "throttleReadBpsDevice"));
    out.write_bps = TRY(read_throttle(*block, "throttleWriteBpsDevice"));
    out.read_iops = TRY(read_throttle(*block, "throttleReadIOPSDevice"));
    out.write_iops = TRY(read_throttle(*block, "throttleWriteIOPSDevice"));
  }
  return out;
}

Result<Namespace> read_namespace(const Json& json) {
  const std::string type = TRY(get_string(json, "type"));
  for (int kind = 0; kind <= static_cast<int>(NamespaceKind::time); ++kind) {
    if (namespace_word(static_cast<NamespaceKind>(kind)) != type) continue;
    return Namespace{static_cast<NamespaceKind>(kind), TRY(get_string(json, "path"))};
  }
  return fail(ErrorKind::invalid_argument, "namespace ", go_quoted(type), " does not exist");
}

Result<void> read_linux(const Json& json, Spec& out) {
  TRY(each(json, "namespaces", [&](const Json& one) -> Result<void> {
    out.namespaces.push_back(TRY(read_namespace(one)));
    return {};
  }));
  out.uid_mappings = TRY(read_mappings(json, "uidMappings"));
  out.gid_mappings = TRY(read_mappings(json, "gidMappings"));
  TRY(each(json, "devices", [&](const Json& one) -> Result<void> {
    out.devices.push_back(TRY(read_device(one)));
    return {};
  }));
  out.cgroups_path = TRY(get_string(json, "cgroupsPath"));
  if (const Json* resources = TRY(get_object(json, "resources"))) out.resources = TRY(read_resources(*resources));
  out.rootfs_propagation = TRY(get_string(json, "rootfsPropagation"));
  for (auto& [name, value] : TRY(get_string_map(json, "sysctl"))) out.sysctl[name] = std::move(value);
  if (const Json* seccomp = TRY(get_object(json, "seccomp"))) {
    // The profile's own format is a superset of the specification's.
    out.seccomp = TRY(parse_seccomp_profile(drydock::to_json_text(*seccomp), SeccompContext{}));
  }
  out.masked_paths = TRY(get_strings(json, "maskedPaths"));
  out.readonly_paths = TRY(get_strings(json, "readonlyPaths"));
  return {};
}

std::array<std::vector<Hook>*, 6> hook_lists(Spec::Hooks& hooks) {
  return {&hooks.prestart,        &hooks.create_runtime, &hooks.create_container,
          &hooks.start_container, &hooks.poststart,      &hooks.poststop};
}

Result<void> read_hooks(const Json& json, Spec::Hooks& out) {
  const auto lists = hook_lists(out);
  for (std::size_t i = 0; i < lists.size(); ++i) {
    TRY(each(json, kHookNames[i], [&](const Json& one) -> Result<void> {
      Hook hook;
      hook.path = TRY(get_string(one, "path"));
      hook.args = TRY(get_strings(one, "args"));
      hook.env = TRY(get_strings(one, "env"));
      hook.timeout_seconds = TRY(number<int>(one, "timeout"));
      lists[i]->push_back(std::move(hook));
      return {};
    }));
  }
  return {};
}

/// semver: any 1.x; a release candidate of 1.0.0 had another layout.
Result<void> check_version(const std::string& version) {
  const std::vector<std::string> parts = split(version.substr(0, version.find_first_of("-+")), '.');
  bool numbers = parts.size() == 3;
  for (const std::string& part : parts) numbers = numbers && parse_u64(part).has_value();
  if (!numbers || parts[0] != "1")
    return fail(ErrorKind::invalid_argument, "unsupported OCI version ", go_quoted(version));
  return {};
}

// Writing.

Json json_of(const User& user) {
  Json out = {{"uid", user.uid}, {"gid", user.gid}};
  if (user.umask) out["umask"] = *user.umask;
  if (!user.additional_gids.empty()) out["additionalGids"] = user.additional_gids;
  return out;
}

Json json_of(const Process& process) {
  Json out = Json::object();
  if (process.terminal) out["terminal"] = true;
  if (process.console_size.height != 0 || process.console_size.width != 0) {
    out["consoleSize"] = {{"height", process.console_size.height}, {"width", process.console_size.width}};
  }
  out["user"] = json_of(process.user);
  out["args"] = process.args;
  out["env"] = process.env;
  out["cwd"] = process.cwd;
  if (process.capabilities) {
    const CapabilitySets& sets = *process.capabilities;
    out["capabilities"] = {{"bounding", sets.bounding},
                           {"effective", sets.effective},
                           {"permitted", sets.permitted},
                           {"inheritable", sets.inheritable},
                           {"ambient", sets.ambient}};
  }
  for (const Rlimit& rlimit : process.rlimits) {
    out["rlimits"].push_back(Json{{"type", rlimit.type}, {"hard", rlimit.hard}, {"soft", rlimit.soft}});
  }
  if (process.no_new_privileges) out["noNewPrivileges"] = true;
  if (process.oom_score_adj) out["oomScoreAdj"] = *process.oom_score_adj;
  return out;
}

template <class T>
void put(Json& out, std::string_view name, const std::optional<T>& value) {
  if (value) out[name] = *value;
}

void put(Json& out, std::string_view name, const std::string& value) {
  if (!value.empty()) out[name] = value;
}

void put(Json& out, std::string_view name, const std::vector<std::string>& value) {
  if (!value.empty()) out[name] = value;
}

void put(Json& out, std::string_view name, const std::vector<IdMapping>& mappings) {
  for (const IdMapping& mapping : mappings) {
    out[name].push_back(
        Json{{"containerID", mapping.container_id}, {"hostID", mapping.host_id}, {"size", mapping.size}});
  }
}

void put(Json& out, std::string_view name, const std::vector<ThrottleDevice>& devices) {
  for (const ThrottleDevice& device : devices) {
    out[name].push_back(Json{{"major", device.major}, {"minor", device.minor}, {"rate", device.rate}});
  }
}

void put_object(Json& out, std::string_view name, Json value) {
  if (!value.empty()) out[name] = std::move(value);
}

Json json_of(const DeviceRule& rule) {
  Json out = {{"allow", rule.allow}, {"type", std::string(1, rule.type)}};
  put(out, "major", rule.major);
  put(out, "minor", rule.minor);
  put(out, "access", rule.access);
  return out;
}

Json json_of(const Resources& resources) {
  Json out = Json::object(), memory = Json::object(), cpu = Json::object(), block = Json::object();
  for (const DeviceRule& rule : resources.devices) out["devices"].push_back(json_of(rule));
  put(memory, "limit", resources.memory_limit);
  put(memory, "reservation", resources.memory_reservation);
  put(memory, "swap", resources.memory_swap);
  put(memory, "swappiness", resources.memory_swappiness);
  put(memory, "disableOOMKiller", resources.oom_kill_disable);
  put_object(out, "memory", std::move(memory));
  put(cpu, "shares", resources.cpu_shares);
  put(cpu, "quota", resources.cpu_quota);
  put(cpu, "period", resources.cpu_period);
  put(cpu, "cpus", resources.cpuset_cpus);
  put(cpu, "mems", resources.cpuset_mems);
  put_object(out, "cpu", std::move(cpu));
  if (resources.pids_limit) out["pids"] = {{"limit", *resources.pids_limit}};
  put(block, "weight", resources.blkio_weight);
  put(block, "throttleReadBpsDevice", resources.read_bps);
  put(block, "throttleWriteBpsDevice", resources.write_bps);
  put(block, "throttleReadIOPSDevice", resources.read_iops);
  put(block, "throttleWriteIOPSDevice", resources.write_iops);
  put_object(out, "blockIO", std::move(block));
  return out;
}

Json json_of(const SeccompRule& rule) {
  Json out = {{"names", rule.names}, {"action", seccomp_action_name(rule.action)}};
  put(out, "errnoRet", rule.errno_value);
  for (const SeccompArgument& argument : rule.arguments) {
    out["args"].push_back(Json{{"index", argument.index},
                               {"value", argument.value},
                               {"valueTwo", argument.value_two},
                               {"op", seccomp_operator_name(argument.op)}});
  }
  return out;
}

Json json_of(const Seccomp& seccomp) {
  Json out = {{"defaultAction", seccomp_action_name(seccomp.default_action)}};
  put(out, "defaultErrnoRet", seccomp.default_errno);
  put(out, "architectures", seccomp.architectures);
  for (const SeccompRule& rule : seccomp.rules) out["syscalls"].push_back(json_of(rule));
  return out;
}

Json linux_json(const Spec& spec) {
  Json out = Json::object();
  for (const Namespace& ns : spec.namespaces) {
    Json one = {{"type", namespace_word(ns.kind)}};
    put(one, "path", ns.path);
    out["namespaces"].push_back(std::move(one));
  }
  put(out, "uidMappings", spec.uid_mappings);
  put(out, "gidMappings", spec.gid_mappings);
  for (const Device& device : spec.devices) {
    out["devices"].push_back(Json{{"path", device.path},
                                  {"type", std::string(1, device.type)},
                                  {"major", device.major},
                                  {"minor", device.minor},
                                  {"fileMode", device.mode},
                                  {"uid", device.uid},
                                  {"gid", device.gid}});
  }
  put(out, "cgroupsPath", spec.cgroups_path);
  put_object(out, "resources", json_of(spec.resources));
  put(out, "rootfsPropagation", spec.rootfs_propagation);
  for (const auto& [name, value] : spec.sysctl) out["sysctl"][name] = value;
  if (spec.seccomp) out["seccomp"] = json_of(*spec.seccomp);
  put(out, "maskedPaths", spec.masked_paths);
  put(out, "readonlyPaths", spec.readonly_paths);
  return out;
}

Json hooks_json(const Spec& spec) {
  Json out = Json::object();
  Spec::Hooks hooks = spec.hooks;
  const auto lists = hook_lists(hooks);
  for (std::size_t i = 0; i < lists.size(); ++i) {
    for (const Hook& hook : *lists[i]) {
      Json one = {{"path", hook.path}};
      put(one, "args", hook.args);
      put(one, "env", hook.env);
      put(one, "timeout", hook.timeout_seconds);
      out[kHookNames[i]].push_back(std::move(one));
    }
  }
  return out;
}

Result<Json> parse_config(std::string_view text) {
  if (text.size() > kConfigBytesMax)
    return fail(ErrorKind::too_large, "config of more than ", kConfigBytesMax, " bytes");
  Json json = TRY(parse_json(text));
  if (!json.is_object()) return wrong_type(json, "config", "object");
  return json;
}

}  // namespace

Result<Spec> spec_from_json(std::string_view text) {
  const Json json = TRY(parse_config(text));
  Spec out;
  out.oci_version = TRY(get_string(json, "ociVersion"));
  TRY(check_version(out.oci_version));
  if (const Json* process = TRY(get_object(json, "process"))) out.process = TRY(read_process(*process));
  const Json* root = TRY(get_object(json, "root"));
  if (root == nullptr) return fail(ErrorKind::invalid_argument, "root must be specified");
  out.root_path = TRY(get_string(*root, "path"));
  out.root_readonly = TRY(get_bool(*root, "readonly"));
  out.hostname = TRY(get_string(json, "hostname"));
  out.domainname = TRY(get_string(json, "domainname"));
  TRY(each(json, "mounts", [&](const Json& one) -> Result<void> {
    out.mounts.push_back({TRY(get_string(one, "destination")), TRY(get_string(one, "type")),
                          TRY(get_string(one, "source")), TRY(get_strings(one, "options"))});
    return {};
  }));
  for (auto& [name, value] : TRY(get_string_map(json, "annotations"))) out.annotations[name] = std::move(value);
  if (const Json* hooks = TRY(get_object(json, "hooks"))) TRY(read_hooks(*hooks, out.hooks));
  if (const Json* linux_part = TRY(get_object(json, "linux"))) TRY(read_linux(*linux_part, out));
  return out;
}

std::string to_json_text(const Spec& spec) {
  Json out = {{"ociVersion", spec.oci_version}, {"process", json_of(spec.process)}};
  out["root"] = {{"path", spec.root_path}};
  if (spec.root_readonly) out["root"]["readonly"] = true;
  put(out, "hostname", spec.hostname);
  put(out, "domainname", spec.domainname);
  for (const Mount& mount : spec.mounts) {
    Json one = {{"destination", mount.destination}};
    put(one, "type", mount.type);
    put(one, "source", mount.source);
    put(one, "options", mount.options);
    out["mounts"].push_back(std::move(one));
  }
  put_object(out, "hooks", hooks_json(spec));
  for (const auto& [name, value] : spec.annotations) out["annotations"][name] = value;
  out["linux"] = linux_json(spec);
  return drydock::to_json_text(out);
}

Result<Process> process_from_json(std::string_view text) {
  return read_process(TRY(parse_config(text)));
}

}  // namespace drydock::runtime
