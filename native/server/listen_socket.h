#pragma once
// Listening descriptors, with the errors of bind(2) and listen(2) in the words that dockerd's users know.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace drydock::native {

/// A listening UNIX socket, mode 0660, group `group` if there is such a group. See Server::listen_unix.
Result<int> listen_on_unix_socket(const std::string& path, std::string_view group);
/// `host`: an address, a name, or empty for all addresses. `bound_port` gets the port that was given.
Result<int> listen_on_tcp(const std::string& host, std::uint16_t port, std::uint16_t& bound_port);

}  // namespace drydock::native
