#include "native/network/port_proxy.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>

#include "network/port_mapping.h"

namespace drydock::native {

using network::Address;
using network::PortPlan;
using network::Protocol;

namespace {

constexpr int kListenBacklog = 1024;
constexpr std::size_t kEndpointInNote = 12;

/// Go's words: "listen tcp4 0.0.0.0:80: bind: address already in use".
SysError bind_error(const std::string& operation, const Address& address, std::uint16_t port) {
  const std::string host = address.is_v6() ? concat('[', address.str(), ']') : address.str();
  return SysError{static_cast<Errno>(errno), operation, concat(host, ':', port, ": bind")};
}

socklen_t fill_sockaddr(sockaddr_storage& storage, const Address& address, std::uint16_t port) {
  storage = {};
  if (address.is_v6()) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    std::memcpy(&v6->sin6_addr, address.bytes().data(), 16);
    return sizeof(sockaddr_in6);
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(port);
  std::memcpy(&v4->sin_addr, address.bytes().data(), 4);
  return sizeof(sockaddr_in);
}

/// Field 22 of /proc/PID/stat: with the pid it names a process for good. Nothing when there is no such process.
std::optional<std::string> start_time(pid_t pid) {
  std::ifstream file(concat("/proc/", pid, "/stat"));
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const std::size_t name_end = line.rfind(')');  // the name may hold spaces and parentheses
  if (name_end == std::string::npos) return std::nullopt;
  const auto fields = split(std::string_view(line).substr(name_end + 2), ' ');
  constexpr std::size_t kStartTimeAfterName = 19;
  if (fields.size() <= kStartTimeAfterName || fields[0] == "Z") return std::nullopt;
  return fields[kStartTimeAfterName];
}

struct Note {
  pid_t pid = 0;
  std::uint16_t port = 0;
};

/// The note of a proxy that still runs.
std::optional<Note> read_note(const std::string& path) {
  std::ifstream file(path);
  long pid = 0;
  unsigned port = 0;
  std::string started;
  if (!(file >> pid >> started >> port) || pid <= 1 || port > 65535) return std::nullopt;
  if (start_time(static_cast<pid_t>(pid)) != started) return std::nullopt;
  return Note{static_cast<pid_t>(pid), static_cast<std::uint16_t>(port)};
}

}  // namespace

Result<Fd, SysError> bind_port(Protocol protocol, const Address& address, std::uint16_t port) {
  if (protocol == Protocol::sctp) return SysError{Errno::eprotonosupport, "listen sctp", address.str()};
  const int type = protocol == Protocol::tcp ? SOCK_STREAM : SOCK_DGRAM;
  const std::string operation = concat("listen ", network::to_string(protocol), address.is_v6() ? '6' : '4');
  Fd socket(::socket(address.is_v6() ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return bind_error(operation, address, port);
  const int on = 1;
  if (protocol == Protocol::tcp) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // The IPv4 side of "::" is bound for itself.
  if (address.is_v6()) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  sockaddr_storage storage;
  const socklen_t length = fill_sockaddr(storage, address, port);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&storage), length) < 0) {
    return bind_error(operation, address, port);
  }
  // Only a listening socket keeps others, who also say SO_REUSEADDR, from binding.
  if (protocol == Protocol::tcp && ::listen(socket.get(), kListenBacklog) < 0) {
    return bind_error(operation, address, port);
  }
  return socket;
}

std::uint16_t bound_port(const Fd& socket) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &length) < 0) return 0;
  if (storage.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
}

PortProxies::PortProxies(std::string directory, std::string program)
    : directory_(std::move(directory)), program_(std::move(program)) {
  ::mkdir(directory_.c_str(), 0700);
}

std::string PortProxies::note_path(const PortPlan& plan) const {
  return concat(directory_, '/', plan.endpoint_id.substr(0, kEndpointInNote), '-', network::to_string(plan.protocol),
                '-', plan.host_address.str(), '-', plan.host_port, '-', plan.container_port);
}

Result<std::uint16_t> PortProxies::start(const PortPlan& plan) {
  if (const auto running = read_note(note_path(plan))) return running->port;
  Fd socket = TRY(bind_port(plan.protocol, plan.host_address, plan.host_port));
  const std::uint16_t port = bound_port(socket);

  const std::string protocol(network::to_string(plan.protocol));
  const std::string address = plan.container_address.str();
  const std::string container_port = std::to_string(plan.container_port);
  const std::array<const char*, 5> args = {"drydock-proxy", protocol.c_str(), address.c_str(), container_port.c_str(),
                                           nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, socket.get(), STDIN_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, program_.c_str(), &actions, &attributes, const_cast<char* const*>(args.data()), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(SysError{static_cast<Errno>(error), "spawn", program_});

  PortPlan bound = plan;
  bound.host_port = port;
  std::ofstream note(note_path(bound), std::ios::trunc);
  note << pid << ' ' << start_time(pid).value_or("0") << ' ' << port << '\n';
  return port;
}

void PortProxies::stop_noted(const std::string& note) {
  if (const auto running = read_note(note)) {
    ::kill(running->pid, SIGKILL);
    ::waitpid(running->pid, nullptr, 0);  // fails at once for one that an earlier daemon started
  }
  ::unlink(note.c_str());
}

void PortProxies::stop(const PortPlan& plan) {
  stop_noted(note_path(plan));
}

void PortProxies::retain_only(const std::vector<std::string>& endpoint_ids) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(directory_.c_str()), ::closedir);
  if (!directory) return;
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  for (const std::string& name : names) {
    const bool wanted = std::any_of(endpoint_ids.begin(), endpoint_ids.end(), [&](const std::string& id) {
      return name.substr(0, kEndpointInNote) == id.substr(0, kEndpointInNote);
    });
    if (!wanted) stop_noted(concat(directory_, '/', name));
  }
}

}  // namespace drydock::native
