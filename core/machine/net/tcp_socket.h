#pragma once
// SOCK_STREAM sockets of AF_INET and AF_INET6. tcp(7). The connection itself is a TcpEndpoint.
// Not modelled: urgent data, TCP_FASTOPEN, keep-alive probes (the options are kept), SO_LINGER's waiting close.

#include "machine/net/inet_socket.h"
#include "machine/net/tcp_endpoint.h"

namespace drydock::machine::net {

struct TcpOptions {
  int no_delay = 0, cork = 0, keep_idle = 7200, keep_interval = 75, keep_count = 9, syn_count = 6, linger2 = 60,
      defer_accept = 0, window_clamp = 0, quick_ack = 1, user_timeout = 0, segment_max = 0;
};

class TcpSocket final : public InetSocket {
 public:
  std::unique_ptr<File> clone() const override { return std::make_unique<TcpSocket>(*this); }

  Outcome bind(const Caller& caller, std::string_view address) override;
  Outcome connect(const Caller& caller, std::string_view address) override;
  Outcome listen(const Caller& caller, int backlog) override;
  Outcome accept(const Caller& caller, std::string* peer) override;
  Outcome send(const Caller& caller, const OutgoingMessage& message) override;
  Outcome receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags,
                  IncomingMessage* message) override;
  Outcome shutdown(const Caller& caller, int how) override;
  Result<std::string, Errno> local_address(const Caller& caller) override;
  Result<std::string, Errno> peer_address(const Caller& caller) override;
  Result<void, Errno> set_option(const Caller& caller, int level, int name, std::string_view value) override;
  Result<std::string, Errno> get_option(const Caller& caller, int level, int name) override;
  bool is_listening() const override { return listening; }
  void options_changed(Kernel& kernel) override;
  void collect_error(Kernel& kernel) override;
  Outcome ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) override;
  std::uint16_t poll(const Caller& caller) override;
  void release(Kernel& kernel) override;

  TcpId endpoint;
  TcpOptions tcp;
  bool listening = false;
  bool connecting = false;  // connect(2) has been called and has not told how it ended
  bool was_connected = false;

 private:
  Outcome await_connection(const Caller& caller, Errno when_not_now);
  Outcome disconnect(const Caller& caller);
  std::string tcp_info(const Kernel& kernel) const;
};

}  // namespace drydock::machine::net
