// SOL_SOCKET options. socket(7). Timestamps, marks and priorities are kept and told, but nothing comes of them.
// Not modelled: SO_ATTACH_FILTER and SO_PEEK_OFF (ENOPROTOOPT).

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/pids.h"
#include "machine/net/socket.h"
#include "machine/syscalls/call.h"

namespace drydock::machine {

namespace {

/// struct timeval, 16 bytes. EDOM: microseconds out of range. A negative time is none at all (as poll's).
Result<std::uint64_t, Errno> timeout_of(std::string_view value) {
  if (value.size() < 16) return Errno::einval;
  const StructReader reader{std::string(value)};
  const auto seconds = static_cast<std::int64_t>(reader.u64(0)), micros = static_cast<std::int64_t>(reader.u64(8));
  if (micros < 0 || micros >= 1'000'000) return Errno::edom;
  if (seconds < 0) return std::uint64_t{1};
  if (seconds > 1'000'000'000) return std::uint64_t{0};
  return static_cast<std::uint64_t>(seconds) * 1'000'000'000 + static_cast<std::uint64_t>(micros) * 1000;
}

std::string timeval(std::uint64_t timeout_ns) {
  return StructWriter().u64(timeout_ns / 1'000'000'000).u64(timeout_ns % 1'000'000'000 / 1000).bytes();
}

/// The kernel doubles what it is told, for its bookkeeping.
std::uint64_t buffer_bytes(std::int32_t wanted, std::uint64_t least) {
  const auto bytes = static_cast<std::uint64_t>(std::max(wanted, 0));
  return std::max(std::min(bytes, kSocketBufferDefault) * 2, least);
}

bool* flag_of(SocketOptions& options, int name) {
  switch (name) {
    case abi::so_debug:
      return &options.debug;
    case abi::so_reuseaddr:
      return &options.reuse_address;
    case abi::so_reuseport:
      return &options.reuse_port;
    case abi::so_keepalive:
      return &options.keep_alive;
    case abi::so_broadcast:
      return &options.broadcast;
    case abi::so_dontroute:
      return &options.dont_route;
    case abi::so_oobinline:
      return &options.oob_inline;
    case abi::so_passcred:
      return &options.pass_credentials;
    case abi::so_timestamp:
      return &options.timestamp;
    case abi::so_no_check:
      return &options.no_check;
    default:
      return nullptr;
  }
}

Result<void, Errno> bind_to_device(const Caller& caller, Socket& socket, std::string_view value) {
  const NetNamespace& space = caller.kernel.net_namespaces[socket.net];
  if (socket.options.bound_interface != 0 && !capable(caller, cap::net_raw, space.owner)) return Errno::eperm;
  const std::string name(value.substr(0, std::min(value.find('\0'), value.size())));
  if (name.empty()) {
    socket.options.bound_interface = 0;
    return {};
  }
  for (const auto& entry : space.interfaces) {
    if (entry.second.name != name) continue;
    socket.options.bound_interface = entry.first;
    return {};
  }
  return Errno::enodev;
}

}  // namespace

Result<void, Errno> Socket::set_socket_option(const Caller& caller, int name, std::string_view value) {
  if (name == abi::so_bindtodevice) return bind_to_device(caller, *this, value);
  const auto number = int_option(value);
  if (!number) return Errno::einval;
  const UserNamespaceId owner = caller.kernel.net_namespaces[net].owner;
  if (bool* flag = flag_of(options, name)) {
    if (name == abi::so_debug && *number != 0 && !capable(caller, cap::net_admin)) return Errno::eacces;
    if (name == abi::so_passcred && family != abi::af_unix && family != abi::af_netlink) return Errno::eopnotsupp;
    *flag = *number != 0;
    options_changed(caller.kernel);
    return {};
  }
  switch (name) {
    case abi::so_sndbufforce:
      if (!capable(caller, cap::net_admin, owner)) return Errno::eperm;
      [[fallthrough]];
    case abi::so_sndbuf:
      options.send_buffer = buffer_bytes(*number, 4608);
      break;
    case abi::so_rcvbufforce:
      if (!capable(caller, cap::net_admin, owner)) return Errno::eperm;
      [[fallthrough]];
    case abi::so_rcvbuf:
      options.receive_buffer = buffer_bytes(*number, kSocketBufferMin);
      break;
    case abi::so_rcvtimeo:
      options.receive_timeout_ns = TRY(timeout_of(value));
      break;
    case abi::so_sndtimeo:
      options.send_timeout_ns = TRY(timeout_of(value));
      break;
    case abi::so_rcvlowat:
      options.receive_low_water = *number <= 0 ? 1 : *number;
      break;
    case abi::so_priority:
      if ((*number < 0 || *number > 6) && !capable(caller, cap::net_admin, owner)) return Errno::eperm;
      options.priority = static_cast<std::uint32_t>(*number);
      break;
    case abi::so_mark:
      if (!capable(caller, cap::net_admin, owner) && !capable(caller, cap::net_raw, owner)) return Errno::eperm;
      options.mark = static_cast<std::uint32_t>(*number);
      break;
    case abi::so_linger:
      if (value.size() < 8) return Errno::einval;
      options.linger = *number != 0;
      options.linger_seconds = static_cast<std::uint32_t>(int_option(value.substr(4)).value_or(0));
      break;
    case abi::so_bindtoifindex:
      if (*number < 0) return Errno::einval;
      options.bound_interface = static_cast<std::uint32_t>(*number);
      break;
    case abi::so_type:
    case abi::so_protocol:
    case abi::so_domain:
    case abi::so_error:
    case abi::so_sndlowat:
    case abi::so_acceptconn:
      return Errno::enoprotoopt;
    default:
      return Errno::enoprotoopt;
  }
  options_changed(caller.kernel);
  return {};
}

Result<std::string, Errno> Socket::get_socket_option(const Caller& caller, int name) {
  if (const bool* flag = flag_of(options, name)) return int_value(*flag ? 1 : 0);
  switch (name) {
    case abi::so_type:
      return int_value(type);
    case abi::so_domain:
      return int_value(family);
    case abi::so_protocol:
      return int_value(protocol);
    case abi::so_error: {
      collect_error(caller.kernel);
      const auto error = take_error();
      return int_value(error ? static_cast<int>(*error) : 0);
    }
    case abi::so_acceptconn:
      return int_value(is_listening() ? 1 : 0);
    case abi::so_sndbuf:
      return int_value(static_cast<std::int64_t>(options.send_buffer));
    case abi::so_rcvbuf:
      return int_value(static_cast<std::int64_t>(options.receive_buffer));
    case abi::so_rcvlowat:
      return int_value(options.receive_low_water);
    case abi::so_sndlowat:
      return int_value(1);
    case abi::so_priority:
      return int_value(options.priority);
    case abi::so_mark:
      return int_value(options.mark);
    case abi::so_incoming_cpu:
      return int_value(0);
    case abi::so_bindtoifindex:
      return int_value(options.bound_interface);
    case abi::so_rcvtimeo:
      return timeval(options.receive_timeout_ns);
    case abi::so_sndtimeo:
      return timeval(options.send_timeout_ns);
    case abi::so_linger:
      return int_value(options.linger ? 1 : 0) + int_value(options.linger_seconds);
    case abi::so_peername:
      return peer_address(caller);
    case abi::so_bindtodevice: {
      const auto& interfaces = caller.kernel.net_namespaces[net].interfaces;
      const auto found = interfaces.find(options.bound_interface);
      return found == interfaces.end() ? std::string() : found->second.name + std::string(1, '\0');
    }
    case abi::so_peercred: {
      const PeerCredentials peer = peer_credentials();
      if (!peer.known) return StructWriter().u32(0).u32(~0u).u32(~0u).bytes();
      return StructWriter()
          .u32(shown_pid(caller, peer))
          .u32(uid_shown(caller, peer.uid))
          .u32(gid_shown(caller, peer.gid))
          .bytes();
    }
    default:
      return Errno::enoprotoopt;
  }
}

}  // namespace drydock::machine
