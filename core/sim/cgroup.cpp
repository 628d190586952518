// Documentation/admin-guide/cgroup-v2.rst. Not modelled: rules for devices (the group would need a BPF program).

#include "sim/cgroup.h"

#include <algorithm>

#include "base/text.h"
#include "runtime/cgroup_values.h"

namespace drydock::sim {

using machine::HostArgument;

namespace {

constexpr std::uint64_t kNanosPerMicro = 1000;
constexpr int kSigKill = 9;

using Pairs = std::vector<std::pair<std::string, std::uint64_t>>;

/// "name value" per line.
Pairs pairs_of(std::string_view text) {
  Pairs pairs;
  for (const std::string& line : split(text, '\n')) {
    const auto parts = split_once(line, ' ');
    const auto value = parts ? parse_u64(trim(parts->second)) : std::nullopt;
    if (value) pairs.emplace_back(std::string(parts->first), *value);
  }
  return pairs;
}

std::uint64_t value_of(const Pairs& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs)
    if (key == name) return value;
  return 0;
}

/// io.stat: "MAJOR:MINOR rbytes=N wbytes=N rios=N wios=N dbytes=N dios=N".
void add_io_line(const std::string& line, runtime::ContainerStats& stats) {
  const auto fields = split(line, ' ');
  const auto device = split_once(fields.front(), ':');
  if (!device) return;
  const std::uint64_t major = parse_u64(device->first).value_or(0), minor = parse_u64(device->second).value_or(0);
  for (const auto& field : fields) {
    const auto pair = split_once(field, '=');
    const auto value = pair ? parse_u64(pair->second) : std::nullopt;
    if (!value) continue;
    if (pair->first == "rbytes") stats.io_service_bytes.push_back({major, minor, "read", *value});
    if (pair->first == "wbytes") stats.io_service_bytes.push_back({major, minor, "write", *value});
    if (pair->first == "rios") stats.io_serviced.push_back({major, minor, "read", *value});
    if (pair->first == "wios") stats.io_serviced.push_back({major, minor, "write", *value});
  }
}

}  // namespace

std::vector<std::string> probe_cgroup_controllers(const HostedTask& daemon) {
  std::vector<std::string> controllers;
  const auto text = daemon.read_file(concat(kCgroupMount, "/cgroup.controllers"));
  if (!text.ok()) return controllers;
  for (const std::string& name : split(trim(*text), ' '))
    if (!name.empty()) controllers.push_back(name);
  return controllers;
}

SimCgroup::SimCgroup(HostedTask daemon, std::string path) : daemon_(daemon), path_(std::move(path)) {
  if (daemon_.stat(kHere, concat(kCgroupMount, "/cgroup.procs"), 0).ok()) directory_ = concat(kCgroupMount, path_);
}

std::string SimCgroup::file(std::string_view name) const {
  return concat(directory_, "/", name);
}

std::string SimCgroup::read(std::string_view name) const {
  if (directory_.empty()) return "";
  const auto text = daemon_.read_file(file(name));
  return text.ok() ? std::string(trim(*text)) : "";
}

Result<void> SimCgroup::write(const std::string& directory, std::string_view name, std::string_view value) const {
  const std::string path = concat(directory, "/", name);
  const auto written = daemon_.write_file(path, value);
  if (!written.ok())
    return Error(SysError{written.error(), concat("failed to write ", go_quoted(value), ": write"), path});
  return {};
}

Result<void> SimCgroup::create(const runtime::Resources& resources) {
  if (directory_.empty()) return apply(resources);
  std::string directory(kCgroupMount);
  for (const std::string& part : split(path_, '/')) {
    if (part.empty()) continue;
    for (const std::string& controller :
         split(trim(daemon_.read_file(concat(directory, "/cgroup.controllers")).value_or("")), ' '))
      if (!controller.empty()) static_cast<void>(write(directory, "cgroup.subtree_control", concat("+", controller)));
    directory = concat(directory, "/", part);
    const auto made = daemon_.attempt(number::mkdirat, {kHere, directory, 0755});
    if (!made.ok() && made.error() != Errno::eexist) return Error(SysError{made.error(), "mkdir", directory});
  }
  return apply(resources);
}

Result<void> SimCgroup::apply(const runtime::Resources& resources) {
  const bool swap = !directory_.empty() && daemon_.stat(kHere, file("memory.swap.max"), 0).ok();
  const auto settings = TRY(runtime::cgroup_settings(resources, parse_u64(read("memory.max")), swap));
  const auto present = split(read("cgroup.controllers"), ' ');
  for (const runtime::CgroupSetting& setting : settings) {
    if (std::find(present.begin(), present.end(), setting.controller) == present.end())
      return fail(ErrorKind::invalid_argument, "cannot set ", setting.file, ": cgroup controller ", setting.controller,
                  " is not available");
    TRY(write(directory_, setting.file, setting.value));
  }
  return {};
}

Result<void> SimCgroup::add(std::int64_t pid) {
  if (directory_.empty()) return {};
  return write(directory_, "cgroup.procs", std::to_string(pid));
}

Result<void> SimCgroup::set_frozen(bool frozen) {
  if (directory_.empty()) return fail(ErrorKind::not_implemented, "there are no control groups to freeze");
  return write(directory_, "cgroup.freeze", frozen ? "1" : "0");
}

bool SimCgroup::frozen() const {
  return read("cgroup.freeze") == "1";
}

Result<runtime::ContainerStats> SimCgroup::stats() const {
  runtime::ContainerStats stats;
  const Pairs cpu = pairs_of(read("cpu.stat"));
  stats.cpu_usage_ns = value_of(cpu, "usage_usec") * kNanosPerMicro;
  stats.cpu_user_ns = value_of(cpu, "user_usec") * kNanosPerMicro;
  stats.cpu_system_ns = value_of(cpu, "system_usec") * kNanosPerMicro;
  stats.throttle_periods = value_of(cpu, "nr_periods");
  stats.throttled_periods = value_of(cpu, "nr_throttled");
  stats.throttled_ns = value_of(cpu, "throttled_usec") * kNanosPerMicro;
  stats.memory_usage = parse_u64(read("memory.current")).value_or(0);
  stats.memory_usage_max = parse_u64(read("memory.peak")).value_or(0);
  stats.memory_limit = parse_u64(read("memory.max")).value_or(0);
  stats.memory_failures = value_of(pairs_of(read("memory.events")), "max");
  stats.memory_stat = pairs_of(read("memory.stat"));
  stats.pids_current = parse_u64(read("pids.current")).value_or(0);
  stats.pids_limit = parse_u64(read("pids.max")).value_or(0);
  for (const auto& line : split(read("io.stat"), '\n')) add_io_line(line, stats);
  return stats;
}

void SimCgroup::add_processes(const std::string& directory, std::vector<std::int64_t>& pids) const {
  const auto text = daemon_.read_file(concat(directory, "/cgroup.procs"));
  if (!text.ok()) return;
  for (const std::string& line : split(*text, '\n'))
    if (const auto pid = parse_i64(line)) pids.push_back(*pid);
  const auto fd = owned(daemon_, daemon_.open(kHere, directory, kOpenRead | kOpenDirectory));
  const auto names = fd.ok() ? daemon_.names(fd->get()) : Result<std::vector<std::string>, Errno>(fd.error());
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const std::string below = concat(directory, "/", name);
    const auto about = daemon_.stat(kHere, below, kAtNoFollow);
    if (about.ok() && about->type() == kTypeDirectory) add_processes(below, pids);
  }
}

std::vector<std::int64_t> SimCgroup::processes() const {
  std::vector<std::int64_t> pids;
  if (!directory_.empty()) add_processes(directory_, pids);
  std::sort(pids.begin(), pids.end());
  return pids;
}

void SimCgroup::kill_all() {
  const auto pids = processes();
  if (pids.empty()) return;
  if (frozen()) static_cast<void>(set_frozen(false));
  for (const std::int64_t pid : pids) static_cast<void>(daemon_.call(number::kill, {pid, kSigKill}));
}

void SimCgroup::remove_tree(const std::string& directory) const {
  const auto fd = owned(daemon_, daemon_.open(kHere, directory, kOpenRead | kOpenDirectory));
  if (!fd.ok()) return;
  const auto names = daemon_.names(fd->get());
  for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
    const std::string below = concat(directory, "/", name);
    const auto about = daemon_.stat(kHere, below, kAtNoFollow);
    if (about.ok() && about->type() == kTypeDirectory) remove_tree(below);
  }
  static_cast<void>(daemon_.call(number::unlinkat, {kHere, directory, kAtRemoveDirectory}));
}

Result<void> SimCgroup::remove() {
  if (!directory_.empty()) remove_tree(directory_);
  return {};
}

std::uint64_t SimCgroup::oom_kills() const {
  return value_of(pairs_of(read("memory.events")), "oom_kill");
}

}  // namespace drydock::sim
