// netlink(7): requests in, answers out.

#include "machine/net/netlink_socket.h"

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/tracer.h"
#include "machine/net/delivery.h"
#include "machine/net/rtnetlink.h"
#include "machine/syscalls/call.h"

namespace drydock::machine::net {

namespace {

constexpr std::size_t kDatagramBytes = 7168;  // of a dump, at most; readers commonly have 8 KiB
constexpr std::uint64_t kQueueBytesMax = 8 << 20;

std::string netlink_address(std::uint32_t port, std::uint32_t groups) {
  return StructWriter().u16(abi::af_netlink).u16(0).u32(port).u32(groups).bytes();
}

Result<void, Errno> carry_out(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request, Messages* out) {
  switch (request.type) {
    case nl::get_link:
      return get_links(caller, net, request, out);
    case nl::get_address:
      return get_addresses(caller, net, request, out);
    case nl::get_route:
      return get_routes(caller, net, request, out);
    case nl::get_neighbour:
      return get_neighbours(caller, net, request, out);
    case nl::get_rule:
      return get_rules(request, out);
    case nl::get_qdisc:
      return get_queues(caller, net, request, out);
    default:
      break;
  }
  if (!capable(caller, cap::net_admin, caller.kernel.net_namespaces[net].owner)) return Errno::eperm;
  switch (request.type) {
    case nl::new_link:
    case nl::set_link:
      return change_link(caller, net, request);
    case nl::del_link:
      return delete_link(caller, net, request);
    case nl::new_address:
    case nl::del_address:
      return change_address(caller, net, request);
    case nl::new_route:
    case nl::del_route:
      return change_route(caller, net, request);
    case nl::new_neighbour:
    case nl::del_neighbour:
      return change_neighbour(caller, net, request);
    default:
      break;
  }
  note_unimplemented(caller.kernel, caller.task, "rtnetlink message");
  return Errno::eopnotsupp;
}

}  // namespace

void NetlinkSocket::bind_itself(const Caller& caller) {
  NetNamespace& space = caller.kernel.net_namespaces[net];
  const auto is_taken = [&](std::uint32_t wanted) {
    return std::any_of(space.netlink_sockets.begin(), space.netlink_sockets.end(), [&](FileId file) {
      const auto* other = dynamic_cast<NetlinkSocket*>(caller.kernel.files.find(file));
      return other != nullptr && other != this && other->port == wanted;
    });
  };
  // Kept out of `port` until it is settled: this socket is one of those that are looked through.
  std::uint32_t wanted = pid_of(caller, caller.self().process);
  // netlink(7): the first socket of a process has its pid, the others what is free from the top down.
  while (wanted == 0 || is_taken(wanted)) wanted = 0xffffefff - space.next_netlink_port++;
  port = wanted;
}

Outcome NetlinkSocket::bind(const Caller& caller, std::string_view address) {
  if (address.size() < 12) return Errno::einval;
  const StructReader reader{std::string(address)};
  if (reader.u16(0) != abi::af_netlink) return Errno::einval;
  const std::uint32_t wanted = reader.u32(4);
  if (port != 0 && wanted != port) return Errno::einval;
  groups = reader.u32(8);
  if (port != 0) return done();
  if (wanted == 0) {
    bind_itself(caller);
    return done();
  }
  for (FileId file : caller.kernel.net_namespaces[net].netlink_sockets) {
    const auto* other = dynamic_cast<NetlinkSocket*>(caller.kernel.files.find(file));
    if (other != nullptr && other->port == wanted) return Errno::eaddrinuse;
  }
  port = wanted;
  return done();
}

Outcome NetlinkSocket::connect(const Caller& caller, std::string_view address) {
  if (address.size() < 2) return Errno::einval;
  const StructReader reader{std::string(address)};
  if (reader.u16(0) == abi::af_unspec) return done();
  if (reader.u16(0) != abi::af_netlink || address.size() < 12) return Errno::einval;
  if (reader.u32(4) != 0) return Errno::econnrefused;  // only the kernel listens
  if (port == 0) bind_itself(caller);
  return done();
}

Result<std::string, Errno> NetlinkSocket::local_address(const Caller&) {
  return netlink_address(port, groups);
}

Result<std::string, Errno> NetlinkSocket::peer_address(const Caller&) {
  return netlink_address(0, 0);
}

Outcome NetlinkSocket::send(const Caller& caller, const OutgoingMessage& message) {
  if ((message.flags & abi::msg_oob) != 0) return Errno::eopnotsupp;
  if (message.address) {
    const StructReader address(*message.address);
    if (address.u16(0) != abi::af_netlink || message.address->size() < 12) return Errno::einval;
    if (address.u32(4) != 0) return Errno::econnrefused;
  }
  if (message.bytes.size() + 32 > options.send_buffer) return Errno::emsgsize;
  if (port == 0) bind_itself(caller);
  std::string_view rest = message.bytes;
  while (rest.size() >= nl::header_bytes) {
    const StructReader header{std::string(rest.substr(0, nl::header_bytes))};
    const std::size_t length = header.u32(0);
    if (length < nl::header_bytes || length > rest.size()) break;
    NetlinkRequest request;
    request.type = header.u16(4);
    request.flags = header.u16(6);
    request.sequence = header.u32(8);
    request.port = port;
    request.whole = rest.substr(0, length);
    request.body = rest.substr(nl::header_bytes, length - nl::header_bytes);
    answer(caller, request);
    rest.remove_prefix(std::min((length + 3) & ~std::size_t{3}, rest.size()));
  }
  run_local_deliveries(caller.kernel);
  return static_cast<std::int64_t>(message.bytes.size());
}

void NetlinkSocket::answer(const Caller& caller, const NetlinkRequest& request) {
  if ((request.flags & nl::flag_request) == 0) return;
  Messages answers;
  Result<void, Errno> result;
  if (request.type >= nl::first_real_type) result = carry_out(caller, net, request, &answers);
  const bool dump = result.ok() && wants_dump(request);
  if (dump)
    answers.push_back(NetlinkWriter(nl::type_done, nl::flag_multi, request).body(StructWriter().u32(0)).bytes());
  std::string datagram;
  for (const std::string& message : answers) {
    if (!datagram.empty() && datagram.size() + message.size() > kDatagramBytes)
      enqueue(caller.kernel, std::exchange(datagram, {}));
    datagram += message;
  }
  if (!datagram.empty()) enqueue(caller.kernel, std::move(datagram));
  if (result.ok() && (dump || (request.flags & nl::flag_ack) == 0)) return;
  // NLMSG_ERROR quotes the request: all of it for an error, its header for an acknowledgement.
  const std::int32_t code = result.ok() ? 0 : -static_cast<std::int32_t>(result.error());
  const bool head_only = result.ok() || capped_acks;
  const std::string_view quoted =
      std::string_view(request.whole).substr(0, head_only ? nl::header_bytes : request.whole.size());
  NetlinkWriter error(nl::type_error, head_only ? 0x100 : 0, request);
  enqueue(caller.kernel, error.body(StructWriter().i32(code)).raw(quoted).bytes());
}

void NetlinkSocket::enqueue(Kernel& kernel, std::string datagram) {
  if (queued_bytes + datagram.size() > kQueueBytesMax) {
    pending_error = static_cast<int>(Errno::enobufs);
  } else {
    queued_bytes += datagram.size();
    queue.push_back(std::move(datagram));
  }
  wake_socket(kernel, id);
}

Outcome NetlinkSocket::receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags_in,
                               IncomingMessage* message) {
  if ((flags_in & abi::msg_oob) != 0) return Errno::eopnotsupp;
  if (const auto error = take_error()) return *error;
  if (queue.empty()) return wait_to_receive(caller, flags_in);
  const std::string& datagram = queue.front();
  message->bytes = datagram.substr(0, bytes_max);
  message->full_bytes = datagram.size();
  message->address = netlink_address(0, 0);
  message->credentials.known = true;  // the kernel: pid 0, root
  if (message->bytes.size() < datagram.size()) message->flags |= abi::msg_trunc;
  const std::size_t told = (flags_in & abi::msg_trunc) != 0 ? datagram.size() : message->bytes.size();
  if ((flags_in & abi::msg_peek) == 0) {
    queued_bytes -= datagram.size();
    queue.pop_front();
  }
  return static_cast<std::int64_t>(told);
}

Result<void, Errno> NetlinkSocket::set_option(const Caller&, int level, int name, std::string_view value) {
  if (level != abi::sol_netlink) return Errno::enoprotoopt;
  const auto number = int_option(value);
  if (!number) return Errno::einval;
  switch (name) {
    case abi::netlink_add_membership:
    case abi::netlink_drop_membership:
      return *number < 1 || *number > 38 ? Result<void, Errno>(Errno::einval) : Result<void, Errno>();
    case 10:
      capped_acks = *number != 0;
      return {};
    case abi::netlink_get_strict_chk:
      strict_checks = *number != 0;
      return {};
    case abi::netlink_pktinfo:
    case abi::netlink_no_enobufs:
    case abi::netlink_ext_ack:
      return {};
    default:
      return Errno::enoprotoopt;
  }
}

Result<std::string, Errno> NetlinkSocket::get_option(const Caller&, int level, int name) {
  if (level != abi::sol_netlink) return Errno::enoprotoopt;
  if (name == abi::netlink_get_strict_chk) return int_value(strict_checks ? 1 : 0);
  return Errno::enoprotoopt;
}

std::uint16_t NetlinkSocket::poll(const Caller&) {
  std::uint16_t bits = kPollOut | kPollWrNorm;
  if (!queue.empty()) bits |= kPollIn | kPollRdNorm;
  if (pending_error != 0) bits |= kPollErr;
  return bits;
}

void NetlinkSocket::release(Kernel& kernel) {
  std::erase(kernel.net_namespaces[net].netlink_sockets, id);
  Socket::release(kernel);
}

}  // namespace drydock::machine::net
