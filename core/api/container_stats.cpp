#include "api/container_stats.h"

#include "api/respond.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/containers.h"

namespace drydock::api {

namespace {

using engine::Container;

constexpr std::int64_t kInterval = kNanosPerSecond;
constexpr std::uint64_t kProcStatMax = 4u << 20;

Json blkio_entries(const std::vector<runtime::ContainerStats::BlkioEntry>& entries) {
  Json array = Json::array();
  for (const auto& entry : entries)
    array.push_back(Json{{"major", entry.major}, {"minor", entry.minor}, {"op", entry.op}, {"value", entry.value}});
  return array;
}

Json blkio_json(const runtime::ContainerStats* stats) {
  Json blkio = Json::object();
  blkio["io_service_bytes_recursive"] = stats == nullptr ? Json(nullptr) : blkio_entries(stats->io_service_bytes);
  blkio["io_serviced_recursive"] = stats == nullptr ? Json(nullptr) : blkio_entries(stats->io_serviced);
  for (const char* name : {"io_queue_recursive", "io_service_time_recursive", "io_wait_time_recursive",
                           "io_merged_recursive", "io_time_recursive", "sectors_recursive"})
    blkio[name] = stats == nullptr ? Json(nullptr) : Json::array();
  return blkio;
}

/// All the CPU time of the host, in ns: what the CLI compares a container's share with.
std::uint64_t system_cpu_ns(engine::Daemon& daemon) {
  const auto text = storage::read_file(daemon.host.root, "proc/stat", kProcStatMax);
  if (!text.ok()) return 0;
  const std::string line = text->substr(0, text->find('\n'));
  std::uint64_t ticks = 0;
  int counted = 0;
  for (const std::string& word : split(line, ' '))
    if (const auto value = parse_u64(word); value && counted < 7) {
      ticks += *value;
      ++counted;
    }
  return ticks * 10'000'000;  // USER_HZ is 100
}

Json cpu_json(const runtime::ContainerStats* stats, std::uint64_t system_ns, unsigned cpus) {
  Json usage = {{"total_usage", stats == nullptr ? 0 : stats->cpu_usage_ns}};
  if (stats != nullptr && !stats->cpu_per_core_ns.empty()) usage["percpu_usage"] = stats->cpu_per_core_ns;
  usage["usage_in_kernelmode"] = stats == nullptr ? 0 : stats->cpu_system_ns;
  usage["usage_in_usermode"] = stats == nullptr ? 0 : stats->cpu_user_ns;
  Json cpu = {{"cpu_usage", std::move(usage)}};
  if (stats != nullptr) {
    cpu["system_cpu_usage"] = system_ns;
    cpu["online_cpus"] = cpus;
  }
  cpu["throttling_data"] = Json{{"periods", stats == nullptr ? 0 : stats->throttle_periods},
                                {"throttled_periods", stats == nullptr ? 0 : stats->throttled_periods},
                                {"throttled_time", stats == nullptr ? 0 : stats->throttled_ns}};
  return cpu;
}

Json memory_json(const engine::Daemon& daemon, const runtime::ContainerStats& stats) {
  Json memory = {{"usage", stats.memory_usage}};
  if (stats.memory_usage_max > 0) memory["max_usage"] = stats.memory_usage_max;
  Json details = Json::object();
  for (const auto& item : stats.memory_stat) details[item.first] = item.second;
  memory["stats"] = std::move(details);
  if (stats.memory_failures > 0) memory["failcnt"] = stats.memory_failures;
  const std::uint64_t host = daemon.host.facts.memory_bytes;
  memory["limit"] = stats.memory_limit == 0 || stats.memory_limit > host ? host : stats.memory_limit;
  return memory;
}

Json networks_json(const runtime::ContainerStats& stats) {
  Json networks = Json::object();
  for (const auto& n : stats.networks)
    networks[n.interface] =
        Json{{"rx_bytes", n.rx_bytes},     {"rx_packets", n.rx_packets}, {"rx_errors", n.rx_errors},
             {"rx_dropped", n.rx_dropped}, {"tx_bytes", n.tx_bytes},     {"tx_packets", n.tx_packets},
             {"tx_errors", n.tx_errors},   {"tx_dropped", n.tx_dropped}};
  return networks;
}

/// One reading, and the one before it.
struct Reading {
  Timestamp time;
  runtime::ContainerStats stats;
  std::uint64_t system_ns = 0;
};

Json document(const engine::Daemon& daemon, const Container& container, const Reading* now, const Reading* before) {
  const unsigned cpus = daemon.host.facts.cpus;
  Json d = Json::object();
  d["read"] = to_rfc3339(now == nullptr ? Timestamp{} : now->time);
  d["preread"] = to_rfc3339(before == nullptr ? Timestamp{} : before->time);
  Json pids = Json::object();
  if (now != nullptr && now->stats.pids_current > 0) pids["current"] = now->stats.pids_current;
  if (now != nullptr && now->stats.pids_limit > 0) pids["limit"] = now->stats.pids_limit;
  d["pids_stats"] = std::move(pids);
  d["blkio_stats"] = blkio_json(now == nullptr ? nullptr : &now->stats);
  d["num_procs"] = 0;
  d["storage_stats"] = Json::object();
  d["cpu_stats"] = cpu_json(now == nullptr ? nullptr : &now->stats, now == nullptr ? 0 : now->system_ns, cpus);
  d["precpu_stats"] =
      cpu_json(before == nullptr ? nullptr : &before->stats, before == nullptr ? 0 : before->system_ns, cpus);
  d["memory_stats"] = now == nullptr ? Json::object() : memory_json(daemon, now->stats);
  d["name"] = "/" + container.name;
  d["id"] = container.id;
  if (now != nullptr && !now->stats.networks.empty()) d["networks"] = networks_json(now->stats);
  return d;
}

class StatsJob final : public engine::Job {
 public:
  StatsJob(std::string id, bool stream, bool one_shot, std::shared_ptr<http::Responder> responder)
      : id_(std::move(id)), stream_(stream), one_shot_(one_shot), responder_(std::move(responder)) {}

  State step(engine::Daemon& daemon) override {
    if (responder_->closed()) return State::done;
    const Container* container = daemon.containers->by_id(id_);
    if (container == nullptr) return finish();
    const std::int64_t now_ns = daemon.host.clock.monotonic_ns();
    if (now_ns < next_ns_) return State::waiting;
    if (!container->is_running()) {
      write(document(daemon, *container, nullptr, nullptr));
      if (!stream_) return finish();
      before_.reset();
    } else {
      Reading reading;
      auto stats = daemon.host.runtime.stats(id_);
      if (!stats.ok()) return finish();
      reading.time = daemon.host.clock.now();
      reading.stats = std::move(*stats);
      reading.system_ns = system_cpu_ns(daemon);
      // Without a stream Docker takes two readings a second apart, so that the client can compute a rate.
      const bool ready = stream_ || one_shot_ || before_ != nullptr;
      if (ready) write(document(daemon, *container, &reading, before_.get()));
      before_ = std::make_unique<Reading>(std::move(reading));
      if (ready && !stream_) return finish();
    }
    next_ns_ = now_ns + kInterval;
    return State::waiting;
  }
  std::int64_t deadline_ns() const override { return next_ns_; }
  std::string_view name() const override { return "stats"; }

 private:
  void write(const Json& json) { responder_->write(to_json_text(json) + "\n"); }
  State finish() {
    responder_->finish();
    return State::done;
  }

  std::string id_;
  bool stream_;
  bool one_shot_;
  std::shared_ptr<http::Responder> responder_;
  std::unique_ptr<Reading> before_;
  std::int64_t next_ns_ = 0;
};

}  // namespace

void container_stats(Context& context) {
  auto container = context.daemon.containers->find(context.params.get("name"));
  if (!container.ok()) return send_error(*context.responder, container.error());
  const http::Query& query = context.query();
  const bool stream = !query.has("stream") || query.flag("stream");
  const bool one_shot = query.flag("one-shot") && context.version.minor >= 41;
  if (stream && one_shot)
    return send_error(*context.responder,
                      make_error(ErrorKind::invalid_argument, "cannot have stream=true and one-shot=true"));
  context.responder->start(200, {{"Content-Type", "application/json"}});
  context.daemon.add_job(std::make_unique<StatsJob>((*container)->id, stream, one_shot, context.responder));
}

}  // namespace drydock::api
