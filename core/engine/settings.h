#pragma once
// What a daemon is told at its start: dockerd's flags and daemon.json members, those that Drydock has.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/spec.h"

namespace drydock::engine {

/// Of this program: /version, /info, and the images it makes.
inline constexpr std::string_view kVersion = "0.1.0";

struct Settings {
  std::string data_root = "/var/lib/drydock";  // the host's absolute path of Host::data
  std::string exec_root = "/run/drydock";
  std::string init_path;  // the host's path of the program for --init; empty: there is none
  std::vector<std::string> registry_mirrors;
  std::vector<std::string> insecure_registries;
  std::string bridge;  // --bridge: "none" for no default network
  std::string bip;     // --bip: the default bridge's own address, "172.17.0.1/16"
  std::optional<std::uint32_t> mtu;
  std::vector<std::string> dns, dns_search, dns_options;
  std::vector<std::string> labels;
  bool inter_container = true;        // --icc
  bool ip_masquerade = true;          // --ip-masq
  bool userland_proxy = true;         // --userland-proxy
  std::string default_cgroupns_mode;  // --default-cgroupns-mode; empty: by the kernel's cgroup version, as Docker
  std::uint64_t default_shm_size = 64u << 20;
  std::vector<runtime::Rlimit> default_ulimits;
  std::string log_driver = "json-file";
  std::map<std::string, std::string> log_options;
  std::vector<runtime::IdMapping> uid_mappings, gid_mappings;  // --userns-remap, resolved; empty: off
  bool no_new_privileges = false;
  std::string seccomp_profile;  // JSON of --seccomp-profile; empty: the default profile; "unconfined"
  std::uint32_t shutdown_timeout_seconds = 15;
  bool live_restore = true;  // containers outlive the daemon
};

}  // namespace drydock::engine
