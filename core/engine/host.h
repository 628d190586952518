#pragma once
// The whole backend in one struct: the ports, and what the host says of itself.

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "http/transport.h"
#include "network/network_driver.h"
#include "runtime/runtime.h"
#include "storage/host_fs.h"

namespace drydock::engine {

/// What /info and /version show of the host. Read once, at start.
struct HostFacts {
  std::string hostname;
  std::string kernel_version;    // uname -r
  std::string operating_system;  // PRETTY_NAME of os-release(5)
  std::string os_version;        // VERSION_ID
  std::string architecture;      // uname -m: "x86_64"
  unsigned cpus = 1;
  std::uint64_t memory_bytes = 0;
  std::string resolv_conf;  // what containers get, if not told otherwise
  std::string backend = "native";
};

/// References only; everything outlives the Daemon.
struct Host {
  storage::HostFs& data;  // the data root (--data-root)
  storage::HostFs& root;  // the host's own files: sources of bind mounts
  runtime::Runtime& runtime;
  network::NetworkDriver& network;
  http::Transport& transport;
  Clock& clock;
  Random& random;
  HostFacts facts;
};

}  // namespace drydock::engine
