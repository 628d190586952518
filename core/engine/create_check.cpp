// What Docker refuses when a container is created or updated, in its words, and what it fills in.

#include <set>

#include "base/text.h"
#include "engine/containers.h"
#include "engine/create.h"
#include "engine/signals.h"
#include "network/port_mapping.h"
#include "runtime/capability.h"
#include "runtime/default_spec.h"

namespace drydock::engine {

namespace {

constexpr std::int64_t kMemoryMin = 6 << 20;
constexpr std::int64_t kNanosPerCpu = 1'000'000'000;
constexpr std::int64_t kHealthMin = kNanosPerMilli;
constexpr std::uint64_t kListedIdMax = 8192;

template <class... Parts>
Failure<Error> invalid(const Parts&... parts) {
  return fail(ErrorKind::invalid_argument, parts...);
}

Result<void> check_health(const HealthConfig& health) {
  const auto too_short = [](std::int64_t value) { return value != 0 && value < kHealthMin; };
  if (too_short(health.interval)) return invalid("Interval in Healthcheck cannot be less than 1ms");
  if (too_short(health.timeout)) return invalid("Timeout in Healthcheck cannot be less than 1ms");
  if (health.retries < 0) return invalid("Retries in Healthcheck cannot be negative");
  if (too_short(health.start_period)) return invalid("StartPeriod in Healthcheck cannot be less than 1ms");
  return {};
}

/// "0-1,3" (cpuset(7), List format). Nothing where it is not one.
std::optional<std::set<std::uint64_t>> parse_id_list(std::string_view text) {
  std::set<std::uint64_t> ids;
  for (const std::string& part : split(text, ',')) {
    const auto range = split_once(part, '-');
    const auto first = parse_u64(range ? range->first : std::string_view(part));
    const auto last = range ? parse_u64(range->second) : first;
    if (!first || !last || *last < *first || *last >= kListedIdMax) return std::nullopt;
    for (std::uint64_t id = *first; id <= *last; ++id) ids.insert(id);
  }
  return ids;
}

Result<void> check_id_list(std::string_view text, std::uint64_t count, std::string_view field, std::string_view what) {
  if (text.empty()) return {};
  const auto ids = parse_id_list(text);
  if (!ids) return invalid("Invalid value ", text, " for cpuset ", field, ": invalid format: ", text);
  if (*ids->rbegin() < count) return {};
  const std::string available = count > 1 ? concat("0-", count - 1) : std::string("0");
  return invalid("Requested ", what, " are not available - requested ", text, ", available: ", available);
}

Result<void> check_memory(ResourceConfig& r) {
  if (r.memory != 0 && r.memory < kMemoryMin) return invalid("Minimum memory limit allowed is 6MB");
  if (r.memory > 0 && r.memory_swap > 0 && r.memory_swap < r.memory)
    return invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (r.memory == 0 && r.memory_swap > 0)
    return invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
  if (r.memory_swappiness && (*r.memory_swappiness < -1 || *r.memory_swappiness > 100))
    return invalid("Invalid value: ", *r.memory_swappiness, ", valid memory swappiness range is 0-100");
  if (r.memory_swappiness == -1) r.memory_swappiness.reset();  // how the command line says "as it is"
  if (r.memory_reservation > 0 && r.memory_reservation < kMemoryMin)
    return invalid("Minimum memory reservation allowed is 6MB");
  if (r.memory > 0 && r.memory_reservation > 0 && r.memory < r.memory_reservation)
    return invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
  if (r.kernel_memory > 0 && r.kernel_memory < kMemoryMin) return invalid("Minimum kernel memory limit allowed is 6MB");
  return {};
}

Result<void> check_cpu(const Daemon& daemon, const ResourceConfig& r) {
  const std::int64_t cpus = daemon.host.facts.cpus;
  if (r.nano_cpus > 0 && r.cpu_period > 0)
    return invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  if (r.nano_cpus > 0 && r.cpu_quota > 0)
    return invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  if (r.nano_cpus < 0 || r.nano_cpus > cpus * kNanosPerCpu)
    return invalid("Range of CPUs is from 0.01 to ", cpus, ".00, as there are only ", cpus, " CPUs available");
  if (r.cpu_period != 0 && (r.cpu_period < 1000 || r.cpu_period > 1'000'000))
    return invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  if (r.cpu_quota > 0 && r.cpu_quota < 1000) return invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  TRY(check_id_list(r.cpuset_cpus, daemon.host.facts.cpus, "cpus", "CPUs"));
  return check_id_list(r.cpuset_mems, 1, "mems", "memory nodes");
}

Result<void> check_network_mode(const ContainerConfig& config, const HostConfig& host) {
  const std::string& mode = host.network_mode;
  const auto set = [](const std::optional<Strings>& list) { return list && !list->empty(); };
  if (mode.starts_with("container:")) {
    if (mode.size() == std::string_view("container:").size())
      return invalid("Invalid network mode: invalid container format container:<name|id>");
    if (!config.hostname.empty()) return invalid("conflicting options: hostname and the network mode");
    if (set(host.links))
      return invalid(
          "conflicting options: container type network can't be used with links. This would result in "
          "undefined behavior");
    if (set(host.dns)) return invalid("conflicting options: dns and the network mode");
    if (set(host.extra_hosts)) return invalid("conflicting options: custom host-to-IP mapping and the network mode");
    if (host.publish_all_ports || (host.port_bindings && !host.port_bindings->empty()))
      return invalid("conflicting options: port publishing and the container type network mode");
    if (config.exposed_ports && !config.exposed_ports->empty())
      return invalid("conflicting options: port exposing and the container type network mode");
  }
  if (mode == "host" && set(host.links))
    return invalid(
        "conflicting options: host type networking can't be used with links. This would result in "
        "undefined behavior");
  if (host.uts_mode == "host" && !config.hostname.empty())
    return invalid("conflicting options: hostname and the UTS mode");
  return {};
}

Result<void> check_ports(const HostConfig& host) {
  if (!host.port_bindings) return {};
  for (const auto& binding : *host.port_bindings) {
    const std::string port = binding.first.substr(0, binding.first.find('/'));
    if (!network::HostPortRange::parse(port).ok() || port.empty())
      return invalid("invalid port specification: \"", port, "\"");
    if (!binding.second) continue;
    for (const PortBinding& one : *binding.second)
      if (!network::HostPortRange::parse(one.host_port).ok())
        return invalid("invalid port specification: \"", one.host_port, "\"");
  }
  return {};
}

Result<void> check_hosts(const HostConfig& host) {
  for (const std::string& entry : host.extra_hosts.value_or(Strings{})) {
    const auto halves = split_once(entry, ':');
    if (!halves || halves->first.empty()) return invalid("bad format for add-host: \"", entry, "\"");
    if (halves->second != "host-gateway" && !network::Address::parse(halves->second))
      return invalid("invalid IP address in add-host: \"", halves->second, "\"");
  }
  return {};
}

/// "container:X" of PidMode and IpcMode has to be there now; the network's is looked for when it starts.
Result<void> check_joined(Daemon& daemon, std::string_view mode) {
  if (!mode.starts_with("container:")) return {};
  auto other = daemon.containers->find(mode.substr(std::string_view("container:").size()));
  if (!other.ok()) return fail(ErrorKind::invalid_argument, other.error().message);
  return {};
}

Result<void> check_logging(const LogConfig& log) {
  if (log.type != "json-file" && log.type != "none")
    return invalid("error looking up logging plugin ", log.type, ": plugin \"", log.type, "\" not found");
  if (log.type != "json-file" || !log.config) return {};
  static constexpr std::string_view kKnown[] = {"max-file",     "max-size", "compress",  "labels",
                                                "labels-regex", "env",      "env-regex", "tag"};
  for (const auto& option : *log.config) {
    bool known = false;
    for (const std::string_view name : kKnown) known = known || name == option.first;
    if (!known) return invalid("unknown log opt '", option.first, "' for json-file log driver");
  }
  return {};
}

Result<void> check_security(const HostConfig& host) {
  TRY(runtime::normalize_capabilities("CapAdd", host.cap_add.value_or(Strings{})));
  TRY(runtime::normalize_capabilities("CapDrop", host.cap_drop.value_or(Strings{})));
  TRY(runtime::parse_security_options(host.security_opt.value_or(Strings{})));
  if (!host.cgroupns_mode.empty() && host.cgroupns_mode != "host" && host.cgroupns_mode != "private")
    return invalid("invalid cgroup namespace mode: ", host.cgroupns_mode);
  if (!host.isolation.empty() && host.isolation != "default")
    return fail(ErrorKind::malformed, "Invalid isolation: \"", host.isolation, "\" - linux only supports 'default'");
  if (host.runtime != "runc" && host.runtime != "io.containerd.runc.v2")
    return invalid("Unknown runtime specified ", host.runtime);
  if (host.storage_opt && !host.storage_opt->empty())
    return invalid("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
  return {};
}

void fill_defaults(const Daemon& daemon, HostConfig& host) {
  const auto& kernel = daemon.host.runtime.features();
  const bool v2 = kernel.cgroup == runtime::KernelFeatures::Cgroup::v2;
  if (host.network_mode.empty()) host.network_mode = "default";
  if (host.ipc_mode.empty()) host.ipc_mode = "private";
  if (host.cgroupns_mode.empty())
    host.cgroupns_mode = !daemon.settings.default_cgroupns_mode.empty() ? daemon.settings.default_cgroupns_mode
                         : v2 && !host.privileged                       ? "private"
                                                                        : "host";
  if (host.shm_size == 0) host.shm_size = static_cast<std::int64_t>(daemon.settings.default_shm_size);
  if (host.runtime.empty()) host.runtime = "runc";
  if (host.log_config.type.empty()) {
    host.log_config.type = daemon.settings.log_driver;
    if (!host.log_config.config) host.log_config.config = daemon.settings.log_options;
  }
  if (!host.log_config.config) host.log_config.config.emplace();
  if (!host.port_bindings) host.port_bindings.emplace();
  for (auto* list : {&host.dns, &host.dns_search, &host.dns_options})
    if (!*list) list->emplace();
  if (!host.resources.oom_kill_disable && !v2) host.resources.oom_kill_disable = false;
  if (!host.privileged) {
    if (!host.masked_paths) host.masked_paths = runtime::default_masked_paths();
    if (!host.readonly_paths) host.readonly_paths = runtime::default_readonly_paths();
  }
}

}  // namespace

Result<void> check_restart_policy(const RestartPolicy& policy) {
  const std::string& name = policy.name;
  if (!policy.none() && name != "always" && name != "unless-stopped" && name != "on-failure")
    return invalid("invalid restart policy '", name, "'");
  if (name != "on-failure" && policy.maximum_retry_count != 0)
    return invalid("maximum retry count cannot be used with restart policy '", name, "'");
  if (policy.maximum_retry_count < 0) return invalid("maximum retry count cannot be negative");
  return {};
}

Result<void> check_resources(Daemon& daemon, ResourceConfig& r, Strings& warnings) {
  TRY(check_memory(r));
  TRY(check_cpu(daemon, r));
  if (r.cpu_shares < 0) r.cpu_shares = 2;
  if (r.cpu_shares > 262144) r.cpu_shares = 262144;
  if (r.pids_limit && *r.pids_limit <= 0)
    r.pids_limit = *r.pids_limit == 0 ? std::nullopt : std::optional<std::int64_t>(-1);
  if (r.blkio_weight != 0) {
    const auto& controllers = daemon.host.runtime.features().cgroup_controllers;
    bool weighted = false;
    for (const std::string& controller : controllers) weighted = weighted || controller == "blkio.weight";
    if (!weighted) {
      warnings.push_back(
          "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.");
      r.blkio_weight = 0;
    }
  }
  return {};
}

Result<void> check_config(const ContainerConfig& config) {
  if (!config.working_dir.empty() && !config.working_dir.starts_with('/'))
    return invalid("the working directory '", config.working_dir, "' is invalid, it needs to be an absolute path");
  if (!config.stop_signal.empty()) TRY(parse_signal(config.stop_signal));
  for (const std::string& line : config.env.value_or(Strings{}))
    if (line.empty() || line.front() == '=') return invalid("invalid environment variable: ", line);
  if (config.healthcheck) TRY(check_health(*config.healthcheck));
  return {};
}

Result<void> check_host_config(Daemon& daemon, const ContainerConfig& config, HostConfig& host, Strings& warnings) {
  fill_defaults(daemon, host);
  if (host.auto_remove && !host.restart_policy.none())
    return invalid("can't create 'AutoRemove' container with restart policy");
  TRY(check_restart_policy(host.restart_policy));
  TRY(check_hosts(host));
  TRY(check_ports(host));
  TRY(check_network_mode(config, host));
  TRY(check_resources(daemon, host.resources, warnings));
  if (host.resources.memory > 0 && host.resources.memory_swap == 0)
    host.resources.memory_swap = host.resources.memory * 2;
  if (host.shm_size < 0) return invalid("SHM size can not be less than 0");
  if (host.oom_score_adj < -1000 || host.oom_score_adj > 1000)
    return invalid("Invalid value ", host.oom_score_adj, ", range for oom score adj is [-1000, 1000]");
  TRY(check_security(host));
  TRY(check_logging(host.log_config));
  TRY(check_joined(daemon, host.pid_mode));
  TRY(check_joined(daemon, host.ipc_mode));
  for (const std::string& rule : host.resources.device_cgroup_rules.value_or(Strings{}))
    TRY(runtime::parse_device_cgroup_rule(rule));
  for (const std::string& link : host.links.value_or(Strings{})) {
    const std::string target = link.substr(0, link.find(':'));
    if (auto other = daemon.containers->find(target); !other.ok())
      return invalid("could not get container for ", target, ": ", other.error().message);
  }
  return {};
}

}  // namespace drydock::engine
