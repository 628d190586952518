#pragma once
// rtnetlink(7): links, addresses and routes of one network namespace. Messages are built and read by libmnl.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "network/address.h"

struct mnl_socket;
struct nlmsghdr;

namespace drydock::native {

struct Link {
  int index = 0;
  std::string name;
  std::string kind;          // "bridge", "veth"; empty for hardware and loopback
  bool operational = false;  // up, with a carrier, and the queue in place: what is sent now goes out (RFC 2863)
};

/// A socket in the network namespace that the calling thread was in when it was opened.
class Netlink {
 public:
  static Result<Netlink, SysError> open();
  ~Netlink();
  Netlink(Netlink&& other) noexcept;
  Netlink& operator=(Netlink&&) = delete;

  /// ENODEV when there is none.
  Result<Link, SysError> link(const std::string& name);
  Result<std::vector<Link>, SysError> links();
  Result<void, SysError> create_bridge(const std::string& name, std::uint32_t mtu);
  /// A veth pair; the peer appears in the network namespace that `peer_namespace_fd` refers to, not up yet.
  Result<void, SysError> create_veth(const std::string& name, std::uint32_t mtu, const std::string& peer_name,
                                     int peer_namespace_fd, const network::Mac& peer_mac);
  /// Fine when there is none.
  Result<void, SysError> delete_link(const std::string& name);
  Result<void, SysError> set_up(const std::string& name);
  Result<void, SysError> set_hardware_address(const std::string& name, const network::Mac& mac);

  struct BridgePort {
    bool hairpin = false;   // a container may reach itself by its published port
    bool isolated = false;  // it reaches no other isolated port
  };
  Result<void, SysError> join_bridge(const std::string& port, const std::string& bridge, BridgePort options);

  /// Fine when it has that address already.
  Result<void, SysError> add_address(const std::string& link, const network::Subnet& address);
  Result<void, SysError> remove_address(const std::string& link, const network::Subnet& address);
  Result<std::vector<network::Subnet>, SysError> addresses(const std::string& link);
  Result<void, SysError> add_default_route(const network::Address& gateway);
  /// Addresses of all links and destinations of all routes but the default one.
  Result<std::vector<network::Subnet>, SysError> used_subnets();

 private:
  explicit Netlink(mnl_socket* socket);

  using Fill = std::function<void(nlmsghdr*)>;
  using Take = std::function<void(const nlmsghdr*)>;
  /// Sends one request and hands each answer to `take`, until the kernel acknowledges.
  Result<void, SysError> call(std::uint16_t type, std::uint16_t flags, const Fill& fill, const Take& take,
                              std::string operation, std::string object);
  Result<void, SysError> change_address(std::uint16_t type, std::uint16_t flags, const std::string& link,
                                        const network::Subnet& address);

  mnl_socket* socket_ = nullptr;
  std::uint32_t sequence_ = 0;
};

}  // namespace drydock::native
