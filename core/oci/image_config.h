#pragma once
// The image configuration, whose digest is the image's id (image-spec: config.md, with Docker's additions).
// What was parsed keeps its bytes, so an id never changes by passing through.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "archive/digest.h"
#include "base/clock.h"
#include "oci/platform.h"

namespace drydock::oci {

using archive::Digest;
using StringMap = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t kConfigHistoryMax = 4096;

struct HealthcheckConfig {
  std::vector<std::string> test;  // empty: inherit; "NONE"; "CMD", args…; "CMD-SHELL", command
  std::int64_t interval_ns = 0;
  std::int64_t timeout_ns = 0;
  std::int64_t start_period_ns = 0;
  std::int64_t start_interval_ns = 0;
  std::int64_t retries = 0;

  friend bool operator==(const HealthcheckConfig&, const HealthcheckConfig&) = default;
};

/// The member "config": what a container made from the image starts with.
struct RunConfig {
  std::string hostname;
  std::string domainname;
  std::string user;
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  std::vector<std::string> exposed_ports;  // "80/tcp", sorted
  bool tty = false;
  bool open_stdin = false;
  bool stdin_once = false;
  std::vector<std::string> env;
  std::vector<std::string> cmd;
  std::optional<HealthcheckConfig> healthcheck;
  bool args_escaped = false;
  std::string image;
  std::vector<std::string> volumes;  // paths, sorted
  std::string working_dir;
  std::vector<std::string> entrypoint;
  bool network_disabled = false;
  std::string mac_address;
  std::vector<std::string> on_build;
  StringMap labels;
  std::string stop_signal;
  std::optional<std::int64_t> stop_timeout_s;
  std::vector<std::string> shell;

  friend bool operator==(const RunConfig&, const RunConfig&) = default;
};

struct HistoryEntry {
  Timestamp created;
  std::string author;
  std::string created_by;
  std::string comment;
  bool empty_layer = false;

  friend bool operator==(const HistoryEntry&, const HistoryEntry&) = default;
};

struct ImageConfig {
  Platform platform;
  Timestamp created;
  std::string author;
  std::string comment;
  std::string container;       // the one it was committed from
  std::string docker_version;  // that wrote it
  RunConfig config;
  std::optional<RunConfig> container_config;  // of that container
  std::vector<Digest> diff_ids;               // lowest layer first
  std::vector<HistoryEntry> history;
};

/// A configuration as it was found, and the image's id.
struct ImageConfigDocument {
  ImageConfig config;
  std::string raw;
  Digest digest;  // of raw
};

/// Errors: invalid_argument ("invalid image JSON, no RootFS key", wrong types, more non-empty history entries than
/// layers), too_large.
Result<ImageConfigDocument> parse_image_config(std::string raw);

/// As dockerd writes it: top-level members sorted, those of "config" in Docker's own order, '<', '>' and '&' escaped.
std::string to_json_text(const ImageConfig& config);
/// Writes it: the way a new image comes to its id.
ImageConfigDocument make_document(const ImageConfig& config);

}  // namespace drydock::oci
