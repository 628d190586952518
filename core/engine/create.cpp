#include "engine/create.h"

#include <algorithm>

#include "base/text.h"
#include "engine/config_json.h"
#include "engine/container_events.h"
#include "engine/containers.h"
#include "engine/images.h"
#include "engine/mount_points.h"
#include "engine/volumes.h"
#include "storage/merged_tree.h"

namespace drydock::engine {

namespace {

std::string_view variable_name(std::string_view assignment) {
  return assignment.substr(0, assignment.find('='));
}

void merge_env(ContainerConfig& config, const std::vector<std::string>& image) {
  if (!config.env) config.env.emplace();
  const std::size_t given = config.env->size();
  for (const std::string& line : image) {
    const auto has_name = [&](const std::string& mine) { return variable_name(mine) == variable_name(line); };
    if (std::none_of(config.env->begin(), config.env->begin() + static_cast<std::ptrdiff_t>(given), has_name))
      config.env->push_back(line);
  }
}

void merge_names(NameSet& names, const std::vector<std::string>& image) {
  if (image.empty()) {
    if (names && names->empty()) names.reset();  // Go's merge takes the image's nil for an empty map
    return;
  }
  if (!names) names.emplace();
  for (const std::string& name : image) (*names)[name] = true;
}

/// What was made on the way to a container, taken back unless it becomes one.
class Undo {
 public:
  explicit Undo(Daemon& daemon) : daemon_(daemon) {}
  ~Undo() {
    if (kept_) return;
    if (!id_.empty()) {
      daemon_.containers->erase(id_);
      static_cast<void>(daemon_.images->snapshots().remove(id_));
      static_cast<void>(daemon_.host.data.remove_tree("containers/" + id_));
    }
    for (const std::string& volume : volumes) static_cast<void>(daemon_.volumes->remove(volume));
  }
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  void covers(const std::string& id) { id_ = id; }
  void keep() { kept_ = true; }

  Strings volumes;

 private:
  Daemon& daemon_;
  std::string id_;
  bool kept_ = false;
};

void set_command(Container& container) {
  const Strings entrypoint = container.config.entrypoint.value_or(Strings{});
  Strings words = entrypoint;
  for (const std::string& word : container.config.cmd.value_or(Strings{})) words.push_back(word);
  container.path = words.front();
  container.args.assign(words.begin() + 1, words.end());
}

void set_hostname(const Daemon& daemon, Container& container) {
  const std::string& mode = container.host_config.network_mode;
  if (!container.config.hostname.empty() || mode.starts_with("container:")) return;
  const bool of_host = mode == "host" || container.host_config.uts_mode == "host";
  container.config.hostname = of_host ? daemon.host.facts.hostname : container.id.substr(0, 12);
}

void note_unmodelled(Daemon& daemon, Container& container) {
  for (const std::string& member : unmodelled_members(container.config, container.host_config)) {
    container.warnings.push_back(member + " is not implemented and has no effect");
    daemon.trace.emit(trace::UnimplementedEvent{member, "POST /containers/create"}, container.id);
  }
}

Result<void> check_endpoints(const CreateConfig& create) {
  for (const auto& endpoint : create.endpoints) {
    if (!endpoint.second.ipam_config) continue;
    const EndpointIpam& ipam = *endpoint.second.ipam_config;
    const auto v4 = network::Address::parse(ipam.ipv4_address);
    if (!ipam.ipv4_address.empty() && (!v4 || v4->is_v6()))
      return fail(ErrorKind::invalid_argument, "invalid IPv4 address: ", ipam.ipv4_address);
    const auto v6 = network::Address::parse(ipam.ipv6_address);
    if (!ipam.ipv6_address.empty() && (!v6 || !v6->is_v6()))
      return fail(ErrorKind::invalid_argument, "invalid IPv6 address: ", ipam.ipv6_address);
  }
  return {};
}

/// What the network mode and NetworkingConfig ask for together: an endpoint for each network.
void set_endpoints(Container& container, EndpointMap given) {
  const std::string& mode = container.host_config.network_mode;
  container.endpoints = std::move(given);
  if (mode.starts_with("container:")) {
    container.endpoints.clear();
    return;
  }
  const std::string name = mode == "default" || mode.empty() ? "bridge" : mode;
  if (name != "default" && container.endpoints.contains("default")) {
    container.endpoints.try_emplace(name, container.endpoints["default"]);
    container.endpoints.erase("default");
  }
  container.endpoints.try_emplace(name);
}

Result<void> make_files(Daemon& daemon, const Container& container) {
  storage::HostFs& data = daemon.host.data;
  TRY(storage::make_directories(data, "containers", 0710));
  storage::NodeSpec directory;
  directory.mode = 0710;
  TRY(data.make_node(container.directory(), directory));
  return {};
}

/// Docker makes the working directory when it creates the container, and so refuses one that is a file.
Result<void> check_working_directory(Daemon& daemon, const Container& container) {
  const std::string path = clean_absolute(container.config.working_dir);
  if (path == "/") return {};
  const auto tree = TRY(daemon.images->snapshots().tree(container.id));
  const auto info = tree.stat(path, storage::FollowLast::yes);
  if (info.ok() && info->type != storage::FileType::directory)
    return fail(ErrorKind::internal, "Cannot mkdir: ", path, " is not a directory");
  return {};
}

}  // namespace

void merge_image_config(ContainerConfig& config, const oci::RunConfig& image) {
  if (config.user.empty()) config.user = image.user;
  merge_names(config.exposed_ports, image.exposed_ports);
  merge_env(config, image.env);
  if (!config.labels) config.labels.emplace();
  for (const auto& label : image.labels) config.labels->insert({label.first, label.second});
  if (!config.entrypoint || config.entrypoint->empty()) {
    if ((!config.cmd || config.cmd->empty()) && !image.cmd.empty()) config.cmd = image.cmd;
    if (!config.entrypoint && !image.entrypoint.empty()) config.entrypoint = image.entrypoint;
  }
  if (config.working_dir.empty()) config.working_dir = image.working_dir;
  merge_names(config.volumes, image.volumes);
  if (config.stop_signal.empty()) config.stop_signal = image.stop_signal;
  if (!config.stop_timeout && image.stop_timeout_s) config.stop_timeout = *image.stop_timeout_s;
  if (!config.shell && !image.shell.empty()) config.shell = image.shell;
  // Docker's way to say "no entrypoint" on the command line.
  if (config.entrypoint == Strings{""}) config.entrypoint.reset();
}

Result<CreatedContainer> create_container(Daemon& daemon, CreateRequest request) {
  if (!request.create.has_config)
    return fail(ErrorKind::invalid_argument, "Config cannot be empty in order to create a container");
  auto container = std::make_unique<Container>();
  container->config = std::move(request.create.config);
  container->host_config = std::move(request.create.host_config);
  TRY(check_config(container->config));
  TRY(check_host_config(daemon, container->config, container->host_config, container->warnings));
  TRY(check_endpoints(request.create));
  if (!request.name.empty()) TRY(daemon.containers->check_name(request.name));

  const FoundImage image = TRY(daemon.images->find(container->config.image));
  merge_image_config(container->config, image.config.config);
  if (container->config.entrypoint.value_or(Strings{}).empty() && container->config.cmd.value_or(Strings{}).empty())
    return fail(ErrorKind::invalid_argument, "No command specified");

  container->id = daemon.host.random.hex_id(32);
  container->name = request.name.empty() ? daemon.containers->generate_name()
                                         : request.name.substr(request.name.starts_with('/') ? 1 : 0);
  container->created = daemon.host.clock.now();
  container->image_id = image.id.str();
  set_command(*container);
  set_hostname(daemon, *container);
  set_endpoints(*container, std::move(request.create.endpoints));
  note_unmodelled(daemon, *container);

  Undo undo(daemon);
  container->mounts = TRY(plan_mount_points(daemon, container->config, container->host_config, undo.volumes));
  undo.covers(container->id);
  TRY(daemon.images->snapshots().prepare(container->id, image.chain));
  TRY(check_working_directory(daemon, *container));
  TRY(make_files(daemon, *container));
  Container& added = daemon.containers->add(std::move(container));
  TRY(copy_up_volumes(daemon, added));
  TRY(daemon.containers->save(added));
  undo.keep();
  emit_container_event(daemon, added, "create");
  return CreatedContainer{added.id, added.warnings};
}

}  // namespace drydock::engine
