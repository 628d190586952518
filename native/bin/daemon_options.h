#pragma once
// drydockd's command line and configuration file: dockerd's own flags and daemon.json members where there is one.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/settings.h"

namespace drydock::native {

struct DaemonOptions {
  enum class Action { run, show_help, show_version };
  Action action = Action::run;

  std::string backend = "native";
  std::vector<std::string> hosts;  // -H; unix:///var/run/drydock.sock if none is given
  std::string pid_file;
  std::string group = "docker";
  std::string log_level = "info";
  std::string userns_remap;
  bool tls = false;
  bool tls_verify = false;
  std::string tls_ca_certificate, tls_certificate, tls_key;
  engine::Settings settings;
};

/// Reads the arguments (without the program's name) and the file that --config-file names; without that flag
/// /etc/drydock/daemon.json is read if it is there. Errors: invalid_argument, worded as dockerd words them.
Result<DaemonOptions> parse_daemon_options(const std::vector<std::string>& arguments);

/// The text of --help.
std::string daemon_help();

}  // namespace drydock::native
