// An InitPlan as JSON and back. One description of each struct's members serves both directions, so that they cannot
// drift apart. The reader takes exactly what the writer writes: a member that is missing, superfluous or of another
// type is an error, since a plan is carried out with the daemon's privileges.

#include <limits>
#include <type_traits>
#include <utility>

#include "base/json.h"
#include "runtime/init_plan.h"
#include "runtime/plan_checks.h"

namespace drydock::runtime {

namespace {

constexpr std::size_t kPlanBytesMax = 16 * 1024 * 1024;

// Each struct tells its members to an archive, a Writer or a Reader: f(name, member).
template <class F>
void members(IdMapping& v, F& f) {
  f("container", v.container_id), f("host", v.host_id), f("size", v.size);
}
template <class F>
void members(ConsoleSize& v, F& f) {
  f("height", v.height), f("width", v.width);
}
template <class F>
void members(User& v, F& f) {
  f("uid", v.uid), f("gid", v.gid), f("umask", v.umask), f("additional_gids", v.additional_gids);
}
template <class F>
void members(Device& v, F& f) {
  f("path", v.path), f("type", v.type), f("major", v.major), f("minor", v.minor), f("mode", v.mode);
  f("uid", v.uid), f("gid", v.gid);
}
template <class F>
void members(DeviceRule& v, F& f) {
  f("allow", v.allow), f("type", v.type), f("major", v.major), f("minor", v.minor), f("access", v.access);
}
template <class F>
void members(ThrottleDevice& v, F& f) {
  f("major", v.major), f("minor", v.minor), f("rate", v.rate);
}
template <class F>
void members(Resources& v, F& f) {
  f("memory_limit", v.memory_limit), f("memory_reservation", v.memory_reservation), f("memory_swap", v.memory_swap);
  f("memory_swappiness", v.memory_swappiness), f("oom_kill_disable", v.oom_kill_disable);
  f("cpu_shares", v.cpu_shares), f("cpu_quota", v.cpu_quota), f("cpu_period", v.cpu_period);
  f("cpuset_cpus", v.cpuset_cpus), f("cpuset_mems", v.cpuset_mems), f("pids_limit", v.pids_limit);
  f("blkio_weight", v.blkio_weight), f("read_bps", v.read_bps), f("write_bps", v.write_bps);
  f("read_iops", v.read_iops), f("write_iops", v.write_iops), f("devices", v.devices);
}
template <class F>
void members(SeccompArgument& v, F& f) {
  f("index", v.index), f("value", v.value), f("value_two", v.value_two), f("op", v.op);
}
template <class F>
void members(SeccompRule& v, F& f) {
  f("names", v.names), f("action", v.action), f("errno", v.errno_value), f("arguments", v.arguments);
}
template <class F>
void members(Seccomp& v, F& f) {
  f("default_action", v.default_action), f("default_errno", v.default_errno), f("architectures", v.architectures);
  f("rules", v.rules);
}
template <class F>
void members(StepJoinNamespace& v, F& f) {
  f("kind", v.kind), f("path", v.path);
}
template <class F>
void members(StepUnshareNamespace& v, F& f) {
  f("kind", v.kind);
}
template <class F>
void members(StepJoinSessionKeyring& v, F& f) {
  f("name", v.name);
}
template <class F>
void members(StepSetPropagation& v, F& f) {
  f("target", v.target), f("flags", v.flags);
}
template <class F>
void members(StepMount& v, F& f) {
  f("source", v.source), f("target", v.target), f("type", v.type), f("flags", v.flags), f("data", v.data);
  f("propagation", v.propagation), f("remount_flags", v.remount_flags), f("recursive_set", v.recursive_set);
  f("recursive_clear", v.recursive_clear), f("create_target", v.create_target), f("inherit_mode", v.inherit_mode);
  f("copy_up", v.copy_up), f("fallback_source", v.fallback_source);
}
template <class F>
void members(StepMakeDirectory& v, F& f) {
  f("path", v.path), f("mode", v.mode);
}
template <class F>
void members(StepMakeDevice& v, F& f) {
  f("device", v.device), f("bind_from_host", v.bind_from_host);
}
template <class F>
void members(StepMakeSymlink& v, F& f) {
  f("target", v.target), f("path", v.path), f("replace", v.replace), f("needs_target", v.needs_target);
}
template <class F>
void members(StepPivotRoot& v, F& f) {
  f("rootfs", v.rootfs);
}
template <class F>
void members(StepRemountRootReadonly&, F&) {}
template <class F>
void members(StepMaskPath& v, F& f) {
  f("path", v.path);
}
template <class F>
void members(StepReadonlyPath& v, F& f) {
  f("path", v.path);
}
template <class F>
void members(StepSetHostname& v, F& f) {
  f("name", v.name);
}
template <class F>
void members(StepSetDomainname& v, F& f) {
  f("name", v.name);
}
template <class F>
void members(StepSetSysctl& v, F& f) {
  f("path", v.path), f("value", v.value);
}
template <class F>
void members(StepSetRlimit& v, F& f) {
  f("resource", v.resource), f("soft", v.soft), f("hard", v.hard), f("name", v.name);
}
template <class F>
void members(StepSetupConsole& v, F& f) {
  f("mount_console", v.mount_console);
}
template <class F>
void members(StepSetUmask& v, F& f) {
  f("mask", v.mask);
}
template <class F>
void members(StepSetOomScoreAdj& v, F& f) {
  f("value", v.value);
}
template <class F>
void members(StepResolveExecutable& v, F& f) {
  f("file", v.file), f("search_path", v.search_path);
}
template <class F>
void members(StepAwaitStart&, F&) {}
template <class F>
void members(StepSetNoNewPrivileges&, F&) {}
template <class F>
void members(StepLoadSeccomp& v, F& f) {
  f("filter", v.filter);
}
template <class F>
void members(StepLimitCapabilities& v, F& f) {
  f("keep", v.keep);
}
template <class F>
void members(StepSetUser& v, F& f) {
  f("user", v.user), f("keep_capabilities", v.keep_capabilities);
}
template <class F>
void members(StepSetCapabilities& v, F& f) {
  f("effective", v.effective), f("permitted", v.permitted), f("inheritable", v.inheritable), f("ambient", v.ambient);
}
template <class F>
void members(StepChangeDirectory& v, F& f) {
  f("path", v.path), f("as_user", v.as_user);
}
template <class F>
void members(StepExec& v, F& f) {
  f("args", v.args), f("env", v.env);
}
template <class F>
void members(InitPlan& v, F& f) {
  f("new_namespaces", v.new_namespaces), f("uid_mappings", v.uid_mappings), f("gid_mappings", v.gid_mappings);
  f("rootfs", v.rootfs), f("cgroups_path", v.cgroups_path), f("resources", v.resources), f("terminal", v.terminal);
  f("console_size", v.console_size), f("child", v.child);
}

// The names by which the reader knows the alternatives of InitStep, in its order.
constexpr std::string_view kStepTags[] = {
    "join_namespace",
    "unshare_namespace",
    "join_session_keyring",
    "set_propagation",
    "mount",
    "make_directory",
    "make_device",
    "make_symlink",
    "pivot_root",
    "remount_root_readonly",
    "mask_path",
    "readonly_path",
    "set_hostname",
    "set_domainname",
    "set_sysctl",
    "set_rlimit",
    "setup_console",
    "set_umask",
    "set_oom_score_adj",
    "resolve_executable",
    "await_start",
    "set_no_new_privileges",
    "load_seccomp",
    "limit_capabilities",
    "set_user",
    "set_capabilities",
    "change_directory",
    "exec",
};
static_assert(std::size(kStepTags) == std::variant_size_v<InitStep>);

/// How many enumerators an enum has: what the reader takes as its number.
constexpr int enumerators(NamespaceKind) {
  return 8;
}
constexpr int enumerators(SeccompAction) {
  return 7;
}
constexpr int enumerators(SeccompOperator) {
  return 7;
}

// Writing.

Json json_of(const std::string& value) {
  // Go strings of paths need not be UTF-8, JSON has to be: bytes beyond ASCII travel as Latin-1 code points.
  std::string text;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | (byte >> 6));
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}
Json json_of(bool value) {
  return value;
}
Json json_of(char value) {
  return static_cast<int>(static_cast<unsigned char>(value));
}
template <class T>
requires std::is_integral_v<T> Json json_of(T value) {
  return value;
}
template <class T>
requires std::is_enum_v<T> Json json_of(T value) {
  return static_cast<int>(value);
}
template <class T>
requires std::is_class_v<T> Json json_of(const T& value);
template <class T>
Json json_of(const std::optional<T>& value);
template <class T>
Json json_of(const std::vector<T>& value);

struct Writer {
  Json out = Json::object();
  template <class T>
  void operator()(std::string_view name, T& value) {
    out[name] = json_of(value);
  }
};

Json json_of(const InitStep& step) {
  Writer writer;
  writer.out["step"] = kStepTags[step.index()];
  InitStep copy = step;
  std::visit([&](auto& one) { members(one, writer); }, copy);
  return std::move(writer.out);
}

template <class T>
requires std::is_class_v<T> Json json_of(const T& value) {
  Writer writer;
  T copy = value;  // members() serves the reader too, so it takes what can be written to
  members(copy, writer);
  return std::move(writer.out);
}

template <class T>
Json json_of(const std::optional<T>& value) {
  return value ? json_of(*value) : Json();
}

template <class T>
Json json_of(const std::vector<T>& value) {
  Json out = Json::array();
  for (const T& one : value) out.push_back(json_of(one));
  return out;
}

// Reading. Each read() says whether the JSON was what it has to be.

bool read(const Json& json, std::string& out) {
  if (!json.is_string()) return false;
  const auto& text = json.get_ref<const std::string&>();
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      out += text[i];
      continue;
    }
    if ((byte != 0xc2 && byte != 0xc3) || i + 1 == text.size()) return false;
    out += static_cast<char>(((byte & 3) << 6) | (static_cast<unsigned char>(text[++i]) & 0x3f));
  }
  return true;
}
bool read(const Json& json, bool& out) {
  if (!json.is_boolean()) return false;
  out = json.get<bool>();
  return true;
}
template <class T>
requires std::is_integral_v<T>
bool read(const Json& json, T& out) {
  using Limits = std::numeric_limits<T>;
  if (json.is_number_unsigned()) {
    const auto number = json.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(Limits::max())) return false;
    out = static_cast<T>(number);
    return true;
  }
  if (!json.is_number_integer()) return false;
  const auto number = json.get<std::int64_t>();  // negative, or it would be unsigned
  if (!std::is_signed_v<T> || number < static_cast<std::int64_t>(Limits::min())) return false;
  out = static_cast<T>(number);
  return true;
}
bool read(const Json& json, char& out) {
  std::uint8_t number = 0;
  if (!read(json, number)) return false;
  out = static_cast<char>(number);
  return true;
}
template <class T>
requires std::is_enum_v<T>
bool read(const Json& json, T& out) {
  std::uint8_t number = 0;
  if (!read(json, number) || number >= enumerators(T{})) return false;
  out = static_cast<T>(number);
  return true;
}
template <class T>
requires std::is_class_v<T>
bool read(const Json& json, T& out);
template <class T>
bool read(const Json& json, std::optional<T>& out);
template <class T>
bool read(const Json& json, std::vector<T>& out);

struct Reader {
  const Json& in;
  std::size_t taken = 0;
  bool ok = true;
  std::string where = {};  // the first member that is wrong

  template <class T>
  void operator()(std::string_view name, T& value) {
    if (!ok) return;
    const auto found = in.find(name);
    ok = found != in.end() && read(*found, value);
    if (!ok) where = std::string(name);
    ++taken;
  }
  bool all_taken() const { return ok && taken == in.size(); }
};

template <std::size_t I>
bool read_step(const Json& json, std::string_view tag, InitStep& out) {
  if constexpr (I < std::variant_size_v<InitStep>) {
    if (kStepTags[I] != tag) return read_step<I + 1>(json, tag, out);
    Reader reader{json, 1};
    members(out.emplace<I>(), reader);
    return reader.all_taken();
  } else {
    return false;
  }
}

bool read(const Json& json, InitStep& out) {
  if (!json.is_object()) return false;
  const auto tag = json.find("step");
  if (tag == json.end() || !tag->is_string()) return false;
  return read_step<0>(json, tag->get_ref<const std::string&>(), out);
}

template <class T>
requires std::is_class_v<T>
bool read(const Json& json, T& out) {
  if (!json.is_object()) return false;
  Reader reader{json};
  members(out, reader);
  return reader.all_taken();
}

template <class T>
bool read(const Json& json, std::optional<T>& out) {
  out.reset();
  return json.is_null() || read(json, out.emplace());
}

template <class T>
bool read(const Json& json, std::vector<T>& out) {
  if (!json.is_array()) return false;
  out.clear();
  for (const Json& one : json) {
    if (!read(one, out.emplace_back())) return false;
  }
  return true;
}

}  // namespace

std::string to_json_text(const InitPlan& plan) {
  return drydock::to_json_text(json_of(plan));
}

Result<InitPlan> init_plan_from_json(std::string_view text) {
  if (text.size() > kPlanBytesMax)
    return fail(ErrorKind::too_large, "init plan of more than ", kPlanBytesMax, " bytes");
  const Json json = TRY(parse_json(text));
  if (!json.is_object()) return fail(ErrorKind::invalid_argument, "init plan: not an object");
  InitPlan plan;
  Reader reader{json};
  members(plan, reader);
  if (!reader.ok) return fail(ErrorKind::invalid_argument, "init plan: bad member ", go_quoted(reader.where));
  if (!reader.all_taken()) return fail(ErrorKind::invalid_argument, "init plan: unknown member");
  return plan;
}

}  // namespace drydock::runtime
