#pragma once
// /etc/hostname, /etc/hosts and /etc/resolv.conf of a container: files in its directory, bound over the image's.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/container.h"
#include "engine/daemon.h"

namespace drydock::engine {

/// Pure: what Docker writes into the files.
std::string hosts_text(const std::vector<std::string>& extra_hosts, const std::vector<std::string>& own_lines);
std::string resolv_conf_text(std::string_view host_text, const HostConfig& host, const Strings& default_servers,
                             const Strings& default_search, const Strings& default_options, bool own_network);

/// Writes all three. For a container in another's network they are that other's.
Result<void> write_container_files(Daemon& daemon, const Container& container);
/// Adds lines to its hosts file, in place: it is mounted already.
Result<void> append_hosts(Daemon& daemon, const Container& container, const std::vector<std::string>& lines);

}  // namespace drydock::engine
