#pragma once
// AF_NETLINK sockets of the family NETLINK_ROUTE. netlink(7). Requests are carried out as they are sent; answers wait
// in the socket's queue. Not modelled: multicast groups (joining is accepted, nothing is ever told), other families.

#include <deque>

#include "machine/net/netlink_message.h"
#include "machine/net/socket.h"

namespace drydock::machine::net {

class NetlinkSocket final : public Socket {
 public:
  std::unique_ptr<File> clone() const override { return std::make_unique<NetlinkSocket>(*this); }

  Outcome bind(const Caller& caller, std::string_view address) override;
  Outcome connect(const Caller& caller, std::string_view address) override;
  Outcome send(const Caller& caller, const OutgoingMessage& message) override;
  Outcome receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags,
                  IncomingMessage* message) override;
  Result<std::string, Errno> local_address(const Caller& caller) override;
  Result<std::string, Errno> peer_address(const Caller& caller) override;
  Result<void, Errno> set_option(const Caller& caller, int level, int name, std::string_view value) override;
  Result<std::string, Errno> get_option(const Caller& caller, int level, int name) override;
  std::uint64_t readable_bytes() const override { return queue.empty() ? 0 : queue.front().size(); }
  std::uint16_t poll(const Caller& caller) override;
  void release(Kernel& kernel) override;

  std::uint32_t port = 0;  // 0: not bound
  std::uint32_t groups = 0;
  bool capped_acks = false, strict_checks = false;
  std::deque<std::string> queue;  // datagrams, each of one or more messages
  std::uint64_t queued_bytes = 0;

 private:
  void bind_itself(const Caller& caller);
  void answer(const Caller& caller, const NetlinkRequest& request);
  void enqueue(Kernel& kernel, std::string datagram);
};

}  // namespace drydock::machine::net
