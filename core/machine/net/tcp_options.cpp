// The options of tcp(7). Those about timers and probes are kept and told; TCP_NODELAY and TCP_CORK change nothing,
// because segments are never held back.

#include "machine/abi/socket.h"
#include "machine/net/tcp_socket.h"
#include "machine/syscalls/call.h"

namespace drydock::machine::net {

namespace {

struct KeptOption {
  int name;
  int TcpOptions::*value;
  int least, most;
};

constexpr KeptOption kKept[] = {
    {abi::tcp_nodelay, &TcpOptions::no_delay, -0x7fffffff, 0x7fffffff},
    {abi::tcp_cork, &TcpOptions::cork, -0x7fffffff, 0x7fffffff},
    {abi::tcp_keepidle, &TcpOptions::keep_idle, 1, 32767},
    {abi::tcp_keepintvl, &TcpOptions::keep_interval, 1, 32767},
    {abi::tcp_keepcnt, &TcpOptions::keep_count, 1, 127},
    {abi::tcp_syncnt, &TcpOptions::syn_count, 1, 127},
    {abi::tcp_linger2, &TcpOptions::linger2, -0x7fffffff, 0x7fffffff},
    {abi::tcp_defer_accept, &TcpOptions::defer_accept, -0x7fffffff, 0x7fffffff},
    {abi::tcp_window_clamp, &TcpOptions::window_clamp, 0, 0x7fffffff},
    {abi::tcp_quickack, &TcpOptions::quick_ack, -0x7fffffff, 0x7fffffff},
    {abi::tcp_user_timeout, &TcpOptions::user_timeout, 0, 0x7fffffff},
    {abi::tcp_maxseg, &TcpOptions::segment_max, 0, 32767},
};

bool is_switch(int name) {
  return name == abi::tcp_nodelay || name == abi::tcp_cork || name == abi::tcp_quickack;
}

}  // namespace

Result<void, Errno> TcpSocket::set_option(const Caller& caller, int level, int name, std::string_view value) {
  if (level != abi::ipproto_tcp) {
    TRY(InetSocket::set_option(caller, level, name, value));
    options_changed(caller.kernel);
    return {};
  }
  if (name == abi::tcp_congestion) {
    const std::string_view wanted = value.substr(0, std::min(value.find('\0'), value.size()));
    if (wanted != "cubic" && wanted != "reno") return Errno::enoent;
    return {};
  }
  const auto number = int_option(value);
  if (!number) return Errno::einval;
  for (const KeptOption& option : kKept) {
    if (option.name != name) continue;
    if (*number < option.least || *number > option.most) return Errno::einval;
    tcp.*option.value = is_switch(name) ? (*number != 0 ? 1 : 0) : *number;
    return {};
  }
  return Errno::enoprotoopt;
}

std::string TcpSocket::tcp_info(const Kernel& kernel) const {
  const TcpEndpoint& end = kernel.network.tcp[endpoint];
  StructWriter writer;
  writer.u8(static_cast<std::uint8_t>(end.state)).zeros(1).u8(static_cast<std::uint8_t>(end.retries)).zeros(5);
  writer.u32(1'000'000).u32(40'000).u32(end.segment_max).u32(536);  // rto and ato in microseconds, both MSS
  writer.u32(end.send_next - end.send_unacknowledged).zeros(16);    // unacked, sacked, lost, retrans, fackets
  writer.zeros(16).u32(1500).u32(65535).zeros(12).u32(10).u32(end.segment_max);
  return writer.bytes() + std::string(104 - writer.bytes().size(), '\0');
}

Result<std::string, Errno> TcpSocket::get_option(const Caller& caller, int level, int name) {
  if (level != abi::ipproto_tcp) return InetSocket::get_option(caller, level, name);
  if (name == abi::tcp_congestion) return StructWriter().text("cubic", 16).bytes();
  if (name == abi::tcp_info) return tcp_info(caller.kernel);
  if (name == abi::tcp_maxseg) return int_value(std::as_const(caller.kernel.network.tcp)[endpoint].segment_max);
  for (const KeptOption& option : kKept)
    if (option.name == name) return int_value(tcp.*option.value);
  return Errno::enoprotoopt;
}

}  // namespace drydock::machine::net
