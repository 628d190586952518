#include "engine/container_file.h"

#include "engine/config_json.h"
#include "engine/json_codec.h"

namespace drydock::engine {

constexpr std::string_view struct_name(const MountPoint&) {
  return "MountPoint";
}
constexpr std::string_view struct_name(const ContainerState&) {
  return "State";
}

// Enumerations and small integers pass through a value of a type that JSON has; an encoder writes back what it read.
template <class V>
static void fields(V& visit, MountPoint& m) {
  auto kind = static_cast<std::int64_t>(m.kind);
  visit("Kind", kind);
  if (kind >= 0 && kind <= static_cast<std::int64_t>(MountPoint::Kind::tmpfs))
    m.kind = static_cast<MountPoint::Kind>(kind);
  visit("Volume", m.volume);
  visit("Source", m.source);
  visit("Destination", m.destination);
  visit("Driver", m.driver);
  visit("Mode", m.mode);
  visit("RW", m.read_write);
  visit("Propagation", m.propagation);
  visit("Anonymous", m.anonymous);
  visit("CopyUp", m.copy_up);
  visit("CreateSource", m.create_source);
  visit("NonRecursive", m.non_recursive);
  visit("RecursiveReadOnly", m.recursive_read_only);
  visit("TmpfsOptions", m.tmpfs_options);
  visit("FromMounts", m.from_mounts);
}

template <class V>
static void fields(V& visit, ContainerState& s) {
  auto status = std::string(to_string(s.status));
  visit("Status", status);
  if (const auto parsed = parse_status(status)) s.status = *parsed;
  visit("OOMKilled", s.oom_killed);
  visit("Pid", s.pid);
  std::int64_t exit_code = s.exit_code;
  visit("ExitCode", exit_code);
  s.exit_code = static_cast<int>(exit_code);
  visit("Error", s.error);
  visit("StartedAt", s.started_at.ns);
  visit("FinishedAt", s.finished_at.ns);
}

namespace {

template <class V>
void own_fields(V& visit, Container& c) {
  visit("ID", c.id);
  visit("Name", c.name);
  visit("Created", c.created.ns);
  visit("Path", c.path);
  visit("Args", c.args);
  visit("State", c.state);
  visit("Image", c.image_id);
  visit("Mounts", c.mounts);
  visit("Warnings", c.warnings);
  visit("RestartCount", c.restart_count);
  visit("ManuallyStopped", c.manually_stopped);
  visit("NetworkNamespace", c.live.network_namespace);
}

const Json& member_or_null(const Json& object, std::string_view name) {
  static const Json null = nullptr;
  const Json* found = codec::member(object, name);
  return found == nullptr ? null : *found;
}

}  // namespace

std::string container_to_text(const Container& container) {
  codec::Encoder encoder(kApiMinorAll);
  own_fields(encoder, const_cast<Container&>(container));
  Json file = encoder.take();
  file["Config"] = encode(container.config);
  file["HostConfig"] = encode(container.host_config);
  file["Endpoints"] = encode(container.endpoints);
  file["Ports"] = encode(container.ports);
  return to_json_text(file);
}

Result<std::unique_ptr<Container>> container_from_text(std::string_view text) {
  const Json file = TRY(parse_json(text));
  if (!file.is_object()) return fail(ErrorKind::corrupt, "not a container's file");
  auto container = std::make_unique<Container>();
  codec::Decoder decoder(file, "Container", "");
  own_fields(decoder, *container);
  TRY(decoder.finish());
  container->ports = TRY(decode_ports(member_or_null(file, "Ports")));
  container->config = TRY(decode_container_config(member_or_null(file, "Config")));
  container->host_config = TRY(decode_host_config(member_or_null(file, "HostConfig")));
  container->endpoints = TRY(decode_endpoints(member_or_null(file, "Endpoints")));
  return container;
}

}  // namespace drydock::engine
