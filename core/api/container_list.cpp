#include "api/container_list.h"

#include <algorithm>

#include "api/body.h"
#include "api/container_inspect.h"
#include "api/filters.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/config_json.h"
#include "engine/containers.h"
#include "engine/images.h"
#include "engine/remove.h"
#include "network/port_mapping.h"

namespace drydock::api {

namespace {

using engine::Container;
using engine::Status;

// --- The words of STATUS ---------------------------------------------------------------------------------------------

/// As docker's go-units HumanDuration.
std::string human_duration(std::int64_t ns) {
  const std::int64_t seconds = ns / kNanosPerSecond;
  const std::int64_t minutes = seconds / 60;
  const std::int64_t hours = (minutes + 30) / 60;  // rounded, as Go's does
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return concat(seconds, " seconds");
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return concat(minutes, " minutes");
  if (hours == 1) return "About an hour";
  if (hours < 48) return concat(hours, " hours");
  if (hours < 24 * 7 * 2) return concat(hours / 24, " days");
  if (hours < 24 * 30 * 2) return concat(hours / 24 / 7, " weeks");
  if (hours < 24 * 365 * 2) return concat(hours / 24 / 30, " months");
  return concat(hours / 24 / 365, " years");
}

std::string status_words(const Container& container, Timestamp now) {
  const engine::ContainerState& state = container.state;
  const std::string up = "Up " + human_duration(now.ns - state.started_at.ns);
  const std::string ago = human_duration(now.ns - state.finished_at.ns) + " ago";
  switch (state.status) {
    case Status::running:
      return up;
    case Status::paused:
      return up + " (Paused)";
    case Status::restarting:
      return concat("Restarting (", state.exit_code, ") ", ago);
    case Status::removing:
      return "Removal In Progress";
    case Status::dead:
      return "Dead";
    case Status::created:
      return "Created";
    case Status::exited:
      return concat("Exited (", state.exit_code, ") ", ago);
  }
  return "";
}

// --- One row ---------------------------------------------------------------------------------------------------------

Json ports_json(const Container& container) {
  Json ports = Json::array();
  const auto add = [&ports](const std::string& key, const engine::PortBinding* binding) {
    auto port = network::ContainerPort::parse(key);
    if (!port.ok()) return;
    Json row = Json::object();
    if (binding != nullptr) row["IP"] = binding->host_ip;
    row["PrivatePort"] = port->port;
    if (binding != nullptr) row["PublicPort"] = parse_u64(binding->host_port).value_or(0);
    row["Type"] = network::to_string(port->protocol);
    ports.push_back(std::move(row));
  };
  if (!container.is_running()) return ports;
  for (const auto& item : container.ports) {
    if (!item.second || item.second->empty()) add(item.first, nullptr);
    if (item.second)
      for (const auto& binding : *item.second) add(item.first, &binding);
  }
  return ports;
}

/// The name that was used, unless it means another image by now.
std::string image_name(engine::Daemon& daemon, const Container& container) {
  auto image = daemon.images->lookup(container.config.image);
  if (image.ok() && (*image)->id.str() == container.image_id) return container.config.image;
  return container.image_id;
}

std::string command_words(const Container& container) {
  std::string words = container.path;
  for (const std::string& arg : container.args) {
    words.push_back(' ');
    words += arg.find_first_of(" \t\n'\"") == std::string::npos ? arg : "'" + arg + "'";
  }
  return words;
}

Result<Json> row_json(const Context& context, const Container& container, bool with_size) {
  engine::Daemon& daemon = context.daemon;
  Json row = Json::object();
  row["Id"] = container.id;
  row["Names"] = Json::array({"/" + container.name});
  row["Image"] = image_name(daemon, container);
  row["ImageID"] = container.image_id;
  row["Command"] = command_words(container);
  row["Created"] = container.created.seconds();
  row["Ports"] = ports_json(container);
  if (with_size) {
    const std::uint64_t own = TRY(daemon.images->snapshots().usage(container.id));
    auto image = daemon.images->lookup(container.image_id);
    if (own > 0) row["SizeRw"] = own;
    row["SizeRootFs"] = own + (image.ok() ? daemon.images->size(**image) : 0);
  }
  Json labels = Json::object();
  for (const auto& label : container.config.labels.value_or(engine::StringMap{})) labels[label.first] = label.second;
  row["Labels"] = std::move(labels);
  row["State"] = engine::to_string(container.state.status);
  row["Status"] = status_words(container, daemon.host.clock.now());
  row["HostConfig"] = Json{{"NetworkMode", container.host_config.network_mode}};
  row["NetworkSettings"] = Json{{"Networks", engine::encode(container.endpoints, context.version.minor)}};
  row["Mounts"] = mounts_json(container);
  return row;
}

// --- Filters ---------------------------------------------------------------------------------------------------------

class Selection {
 public:
  static Result<Selection> make(Context& context, const Filters& filters) {
    TRY(filters.allow({"ancestor", "before", "exited", "id", "isolation", "label", "name", "status", "health", "since",
                       "volume", "network", "is-task", "publish", "expose"}));
    Selection selection(context.daemon, filters);
    for (const std::string& status : filters.get("status")) {
      if (!engine::parse_status(status))
        return fail(ErrorKind::invalid_argument, "Invalid filter 'status=", status, "'");
      selection.all = true;
    }
    for (const std::string& code : filters.get("exited")) {
      if (!parse_i64(code))
        return fail(ErrorKind::internal, "strconv.Atoi: parsing ", go_quoted(code), ": invalid syntax");
      selection.all = true;
    }
    for (const std::string& health : filters.get("health"))
      if (health != "none" && health != "starting" && health != "healthy" && health != "unhealthy")
        return fail(ErrorKind::invalid_argument, "Unrecognised filter value for health: ", health);
    selection.is_task_ = TRY(filters.flag("is-task", false));
    TRY(selection.find_neighbours());
    TRY(selection.find_ancestors());
    for (const std::string_view name : {"publish", "expose"}) TRY(selection.read_ports(name));
    return selection;
  }

  bool includes(const Container& c) const {
    const std::string_view status = engine::to_string(c.state.status);
    if (!filters_.matches_exactly("status", status)) return false;
    if (filters_.has("exited") && (c.state.status != Status::exited || c.state.started_at.is_zero() ||
                                   !filters_.matches_exactly("exited", concat(c.state.exit_code))))
      return false;
    if (is_task_ || !filters_.matches_prefix("id", c.id) || !matches_name(c)) return false;
    if (!filters_.matches_labels("label", c.config.labels.value_or(engine::StringMap{}))) return false;
    if (filters_.has("health") && !filters_.matches_exactly("health", "none")) return false;
    if (before_ && !(c.created < *before_)) return false;
    if (since_ && !(c.created > *since_)) return false;
    if (filters_.has("ancestor") && std::find(ancestors_.begin(), ancestors_.end(), c.image_id) == ancestors_.end())
      return false;
    return matches_volume(c) && matches_network(c) && matches_ports(c);
  }

  bool all = false;  // those that do not run, too

 private:
  Selection(engine::Daemon& daemon, const Filters& filters) : daemon_(daemon), filters_(filters) {}

  Result<void> find_neighbours() {
    for (const std::string_view name : {"before", "since"})
      for (const std::string& value : filters_.get(name)) {
        auto container = daemon_.containers->find(value);
        if (!container.ok()) return fail(ErrorKind::internal, "no such container ", value);
        all = true;
        auto& bound = name == "before" ? before_ : since_;
        const Timestamp created = (*container)->created;
        if (!bound || (name == "before" ? created < *bound : created > *bound)) bound = created;
      }
    return {};
  }
  Result<void> find_ancestors() {
    for (const std::string& value : filters_.get("ancestor")) {
      auto image = daemon_.images->lookup(value);
      if (!image.ok()) continue;
      add_ancestor(**image);
    }
    return {};
  }
  void add_ancestor(const storage::Image& image) {
    ancestors_.push_back(image.id.str());
    for (const storage::Image* child : daemon_.images->store().children(image.id)) add_ancestor(*child);
  }
  Result<void> read_ports(std::string_view name) {
    for (const std::string& value : filters_.get(name)) {
      const auto halves = split_once(value, '/');
      const std::string_view numbers = halves ? halves->first : std::string_view(value);
      auto range = network::HostPortRange::parse(numbers);
      if (!range.ok() || numbers.empty())
        return fail(ErrorKind::internal, "error while looking up for ", name, " ", value,
                    ": strconv.ParseUint: parsing ", go_quoted(numbers), ": invalid syntax");
    }
    return {};
  }
  /// Docker takes the value as a regular expression; here it is a part of the name, with ^ and $ at its ends.
  bool matches_name(const Container& c) const {
    const auto values = filters_.get("name");
    if (values.empty()) return true;
    for (const std::string& value : values) {
      std::string_view text = value;
      const bool at_start = text.starts_with('^');
      if (at_start) text.remove_prefix(1);
      if (at_start && text.starts_with("/?")) text.remove_prefix(2);  // as Compose asks
      const bool at_end = text.ends_with('$');
      if (at_end) text.remove_suffix(1);
      for (const std::string& name : {c.name, "/" + c.name}) {
        if (at_start && at_end ? name == text
            : at_start         ? name.starts_with(text)
            : at_end           ? name.ends_with(text)
                               : name.find(text) != std::string::npos)
          return true;
      }
    }
    return false;
  }
  bool matches_volume(const Container& c) const {
    if (!filters_.has("volume")) return true;
    return std::any_of(c.mounts.begin(), c.mounts.end(), [this](const engine::MountPoint& point) {
      return (!point.volume.empty() && filters_.matches_exactly("volume", point.volume)) ||
             filters_.matches_exactly("volume", point.destination) ||
             (!point.source.empty() && filters_.matches_exactly("volume", point.source));
    });
  }
  bool matches_network(const Container& c) const {
    if (!filters_.has("network")) return true;
    for (const auto& endpoint : c.endpoints)
      if (filters_.matches_exactly("network", endpoint.first) ||
          (!endpoint.second.network_id.empty() && filters_.matches_prefix("network", endpoint.second.network_id)))
        return true;
    return false;
  }
  static bool in_range(const std::string& wanted, std::uint16_t port, std::string_view protocol) {
    const auto halves = split_once(wanted, '/');
    auto range = network::HostPortRange::parse(halves ? halves->first : std::string_view(wanted));
    const std::string_view wanted_protocol = halves ? halves->second : std::string_view("tcp");
    return range.ok() && port >= range->first && port <= range->last && protocol == wanted_protocol;
  }
  bool matches_ports(const Container& c) const {
    const auto any = [](const std::vector<std::string>& wanted, const std::string& key) {
      auto port = network::ContainerPort::parse(key);
      return port.ok() && std::any_of(wanted.begin(), wanted.end(), [&](const std::string& value) {
               return in_range(value, port->port, network::to_string(port->protocol));
             });
    };
    // A published port is known by its number on the host.
    if (const auto wanted = filters_.get("publish"); !wanted.empty()) {
      bool found = false;
      for (const auto& item : c.ports) {
        const auto halves = split_once(item.first, '/');
        for (const auto& binding : item.second.value_or(std::vector<engine::PortBinding>{}))
          found = found || any(wanted, concat(binding.host_port, '/', halves ? halves->second : "tcp"));
      }
      if (!found) return false;
    }
    if (const auto wanted = filters_.get("expose"); !wanted.empty()) {
      bool found = false;
      if (c.config.exposed_ports)
        for (const auto& item : *c.config.exposed_ports) found = found || any(wanted, item.first);
      if (!found) return false;
    }
    return true;
  }

  engine::Daemon& daemon_;
  const Filters& filters_;
  bool is_task_ = false;
  std::optional<Timestamp> before_, since_;
  std::vector<std::string> ancestors_;
};

}  // namespace

Result<Json> list_json(Context& context) {
  const Filters filters = TRY(Filters::parse(context.query().get_or("filters", "")));
  const Selection selection = TRY(Selection::make(context, filters));
  const std::int64_t limit = TRY(int_query(context, "limit", 0));
  const bool all = context.query().flag("all") || selection.all || limit > 0;
  const bool with_size = context.query().flag("size");
  Json rows = Json::array();
  for (const Container* container : context.daemon.containers->list()) {
    if (!all && !container->is_running() && !container->is_restarting()) continue;
    if (!selection.includes(*container)) continue;
    rows.push_back(TRY(row_json(context, *container, with_size)));
    if (limit > 0 && static_cast<std::int64_t>(rows.size()) == limit) break;
  }
  return rows;
}

Result<Json> prune_json(Context& context) {
  const Filters filters = TRY(Filters::parse(context.query().get_or("filters", ""), ErrorKind::invalid_argument));
  TRY(filters.allow({"label", "label!", "until"}));
  std::optional<Timestamp> until;
  for (const std::string& text : filters.get("until")) until = TRY(parse_until(text, context.daemon.host.clock.now()));
  Json deleted = nullptr;
  std::uint64_t reclaimed = 0;
  for (Container* container : context.daemon.containers->list()) {
    const Status status = container->state.status;
    if (status != Status::created && status != Status::exited && status != Status::dead) continue;
    const auto labels = container->config.labels.value_or(engine::StringMap{});
    if (!filters.matches_labels("label", labels)) continue;
    if (filters.has("label!") && filters.matches_labels("label!", labels)) continue;
    if (until && container->created > *until) continue;
    const std::string id = container->id;
    auto size = context.daemon.images->snapshots().usage(id);
    if (!engine::remove_container(context.daemon, *container, {}).ok()) continue;
    if (size.ok()) reclaimed += *size;
    deleted.push_back(id);
  }
  engine::emit_event(context.daemon, "container", "prune", "", {{"reclaimed", concat(reclaimed)}});
  return Json{{"ContainersDeleted", std::move(deleted)}, {"SpaceReclaimed", reclaimed}};
}

}  // namespace drydock::api
