#pragma once
// Netlink messages and their attributes, in and out. netlink(7), rtnetlink(7). Numbers are little-endian, as the host
// of an x86-64 guest has them; everything is aligned to 4 bytes.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "machine/net/address.h"
#include "machine/syscalls/call.h"

namespace drydock::machine::net {

namespace nl {
inline constexpr std::uint16_t flag_request = 1, flag_multi = 2, flag_ack = 4, flag_dump = 0x300, flag_replace = 0x100,
                               flag_excl = 0x200, flag_create = 0x400;
inline constexpr std::uint16_t type_noop = 1, type_error = 2, type_done = 3, first_real_type = 16;
inline constexpr std::uint16_t new_link = 16, del_link = 17, get_link = 18, set_link = 19, new_address = 20,
                               del_address = 21, get_address = 22, new_route = 24, del_route = 25, get_route = 26,
                               new_neighbour = 28, del_neighbour = 29, get_neighbour = 30, get_rule = 34,
                               get_qdisc = 38;
inline constexpr std::size_t header_bytes = 16;
}  // namespace nl

/// Attributes by type; of several of one type the last.
class AttributeSet {
 public:
  AttributeSet() = default;
  /// Stops where they are malformed.
  explicit AttributeSet(std::string_view bytes);
  bool has(std::uint16_t type) const { return values_.count(type) != 0; }
  std::string_view raw(std::uint16_t type) const;  // empty: there is none
  std::optional<std::uint32_t> u32(std::uint16_t type) const;
  std::string text(std::uint16_t type) const;  // up to its NUL
  std::optional<IpAddress> address(std::uint16_t type) const;

 private:
  std::map<std::uint16_t, std::string> values_;
};

struct NetlinkRequest {
  std::uint16_t type = 0, flags = 0;
  std::uint32_t sequence = 0, port = 0;
  std::string whole;  // with its header
  std::string body;   // without

  std::uint8_t byte(std::size_t at) const { return at < body.size() ? static_cast<std::uint8_t>(body[at]) : 0; }
  std::uint32_t word(std::size_t at) const { return StructReader(body).u32(at); }
  AttributeSet attributes(std::size_t after) const {
    return AttributeSet(std::string_view(body).substr(std::min(after, body.size())));
  }
};

/// Builds one message; the length is filled in by bytes().
class NetlinkWriter {
 public:
  NetlinkWriter(std::uint16_t type, std::uint16_t flags, const NetlinkRequest& answered);
  NetlinkWriter& body(const StructWriter& fields) { return raw(fields.bytes()); }
  NetlinkWriter& raw(std::string_view bytes);
  NetlinkWriter& attribute(std::uint16_t type, std::string_view value);
  NetlinkWriter& attribute_u8(std::uint16_t type, std::uint8_t value);
  NetlinkWriter& attribute_u32(std::uint16_t type, std::uint32_t value);
  NetlinkWriter& attribute_text(std::uint16_t type, std::string_view text);  // with its NUL
  std::string bytes() const;

 private:
  std::string bytes_;
};

/// An attribute by itself, for nested ones.
std::string netlink_attribute(std::uint16_t type, std::string_view value);

}  // namespace drydock::machine::net
