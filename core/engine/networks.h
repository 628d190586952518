#pragma once
// Networks and the endpoints of running containers. A container is connected between Runtime::create and
// Runtime::start: its network namespace is there, its program does not run yet.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/container_config.h"

namespace drydock::engine {

struct Daemon;
struct Container;

struct Network {
  std::string id;  // 64 hexadecimal digits
  std::string name;
  std::string driver;  // "bridge", "host", "null"
  Timestamp created;
  bool internal = false;
  StringMap options;
  StringMap labels;
  std::string subnet, gateway;  // of bridge: "172.17.0.0/16", "172.17.0.1"
};

class Networks {
 public:
  Networks();
  ~Networks();

  /// The default networks, what is on disk, and the host brought into that shape.
  Result<void> open(Daemon& daemon);

  /// By name, id or unambiguous prefix. Errors: not_found "network x not found".
  Result<const Network*> find(std::string_view name_or_id) const;
  std::vector<const Network*> list() const;

  /// Connects a created container to every network of its `endpoints`, publishes its ports, and fills in
  /// container.endpoints, container.ports and the addresses. On an error nothing is left connected.
  Result<void> connect_all(Daemon& daemon, Container& container);
  /// The addresses by which the container is known to itself: lines of its /etc/hosts ("172.17.0.2\tname").
  std::vector<std::string> hosts_lines(const Container& container) const;
  /// Gives back whatever the container holds. Fine when it holds nothing.
  void disconnect_all(Daemon& daemon, Container& container);
  /// After a daemon's restart: the container runs and has these endpoints.
  Result<void> adopt(Daemon& daemon, Container& container);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drydock::engine
