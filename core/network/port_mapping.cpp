#include "network/port_mapping.h"

#include "base/text.h"

namespace drydock::network {

namespace {

Result<std::uint16_t> parse_port(std::string_view text) {
  const auto number = parse_u64(text);
  if (!number || *number > 65535) return fail(ErrorKind::invalid_argument, "invalid port: ", text);
  return static_cast<std::uint16_t>(*number);
}

}  // namespace

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp:
      return "tcp";
    case Protocol::udp:
      return "udp";
    case Protocol::sctp:
      return "sctp";
  }
  return "tcp";
}

std::optional<Protocol> parse_protocol(std::string_view text) {
  const std::string name = to_lower(text);
  for (Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::sctp}) {
    if (name == to_string(protocol)) return protocol;
  }
  return std::nullopt;
}

Result<ContainerPort> ContainerPort::parse(std::string_view text) {
  const auto parts = split_once(text, '/');
  ContainerPort port;
  port.port = TRY(parse_port(parts ? parts->first : text));
  if (parts) {
    const auto protocol = parse_protocol(parts->second);
    if (!protocol) return fail(ErrorKind::invalid_argument, "invalid proto: ", parts->second);
    port.protocol = *protocol;
  }
  if (port.port == 0) return fail(ErrorKind::invalid_argument, "invalid port: ", text);
  return port;
}

std::string ContainerPort::str() const {
  return concat(port, '/', to_string(protocol));
}

Result<HostPortRange> HostPortRange::parse(std::string_view text) {
  if (text.empty()) return HostPortRange{};
  const auto parts = split_once(text, '-');
  HostPortRange range;
  range.first = TRY(parse_port(parts ? parts->first : text));
  range.last = parts ? TRY(parse_port(parts->second)) : range.first;
  if (range.last < range.first) return fail(ErrorKind::invalid_argument, "invalid port range: ", text);
  return range;
}

bool PortAllocator::is_free(const Address& address, Protocol protocol, std::uint16_t port) const {
  const auto found = taken_.find({protocol, port});
  if (found == taken_.end()) return true;
  for (const Address& other : found->second) {
    // "Every address" clashes with each one, of its own family.
    if (other.is_v6() != address.is_v6()) continue;
    if (other == address || other.is_unspecified() || address.is_unspecified()) return false;
  }
  return true;
}

Result<std::uint16_t> PortAllocator::allocate(const Address& address, Protocol protocol, HostPortRange range) {
  const auto take = [&](std::uint16_t port) {
    taken_[{protocol, port}].insert(address);
    return port;
  };
  if (range.first == 0) {
    for (int tries = 0; tries <= kEphemeralLast - kEphemeralFirst; ++tries) {
      const std::uint16_t port = next_ephemeral_;
      next_ephemeral_ = port == kEphemeralLast ? kEphemeralFirst : static_cast<std::uint16_t>(port + 1);
      if (is_free(address, protocol, port)) return take(port);
    }
    return fail(ErrorKind::conflict, "all ports are allocated");
  }
  for (std::uint32_t port = range.first; port <= range.last; ++port) {
    if (is_free(address, protocol, static_cast<std::uint16_t>(port))) return take(static_cast<std::uint16_t>(port));
  }
  const std::string host = address.is_v6() ? concat('[', address.str(), ']') : address.str();
  return fail(ErrorKind::conflict, "Bind for ", host, ':', range.first, " failed: port is already allocated");
}

void PortAllocator::release(const Address& address, Protocol protocol, std::uint16_t port) {
  const auto found = taken_.find({protocol, port});
  if (found == taken_.end()) return;
  found->second.erase(address);
  if (found->second.empty()) taken_.erase(found);
}

}  // namespace drydock::network
