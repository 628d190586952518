#pragma once
// Published ports that the kernel cannot translate: one small process a port (native/bin/proxy_main.cpp), which accepts
// on the host's address and passes bytes to the container's. It outlives the daemon; a note per proxy tells the next
// daemon which there are.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "native/kernel/fd.h"
#include "network/network_driver.h"

namespace drydock::native {

/// Binds the host's side of a published port, listening for TCP. Port 0: the kernel chooses.
/// Errors: EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT (no IPv6 here) ...
Result<Fd, SysError> bind_port(network::Protocol protocol, const network::Address& address, std::uint16_t port);
/// The port a socket is bound to.
std::uint16_t bound_port(const Fd& socket);

class PortProxies {
 public:
  PortProxies(std::string directory, std::string program);

  /// Starts a proxy, or finds the running one of the same plan. Returns the host's port.
  Result<std::uint16_t> start(const network::PortPlan& plan);
  /// Ends the proxy; fine when there is none.
  void stop(const network::PortPlan& plan);
  /// Ends every noted proxy whose endpoint is not among these.
  void retain_only(const std::vector<std::string>& endpoint_ids);

 private:
  std::string note_path(const network::PortPlan& plan) const;
  void stop_noted(const std::string& note);

  std::string directory_;
  std::string program_;
};

}  // namespace drydock::native
