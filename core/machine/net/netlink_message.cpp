// Netlink messages: taking them apart, and putting them together.

#include "machine/net/netlink_message.h"

#include <algorithm>

namespace drydock::machine::net {

namespace {

constexpr std::uint16_t kTypeMask = 0x3fff;  // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

std::size_t aligned(std::size_t bytes) {
  return (bytes + 3) & ~std::size_t{3};
}

}  // namespace

AttributeSet::AttributeSet(std::string_view bytes) {
  while (bytes.size() >= 4) {
    const StructReader header{std::string(bytes.substr(0, 4))};
    const std::size_t length = header.u16(0);
    if (length < 4 || length > bytes.size()) return;
    values_[header.u16(2) & kTypeMask] = std::string(bytes.substr(4, length - 4));
    bytes.remove_prefix(std::min(aligned(length), bytes.size()));
  }
}

std::string_view AttributeSet::raw(std::uint16_t type) const {
  const auto found = values_.find(type);
  return found == values_.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::uint32_t> AttributeSet::u32(std::uint16_t type) const {
  const std::string_view value = raw(type);
  if (value.size() < 4) return std::nullopt;
  return StructReader(std::string(value)).u32(0);
}

std::string AttributeSet::text(std::uint16_t type) const {
  const std::string_view value = raw(type);
  return std::string(value.substr(0, std::min(value.find('\0'), value.size())));
}

std::optional<IpAddress> AttributeSet::address(std::uint16_t type) const {
  const std::string_view value = raw(type);
  if (value.size() != 4 && value.size() != 16) return std::nullopt;
  return IpAddress::from_bytes(value);
}

std::string netlink_attribute(std::uint16_t type, std::string_view value) {
  std::string out = StructWriter().u16(static_cast<std::uint16_t>(value.size() + 4)).u16(type).bytes();
  out += value;
  out.resize(aligned(out.size()), '\0');
  return out;
}

NetlinkWriter::NetlinkWriter(std::uint16_t type, std::uint16_t flags, const NetlinkRequest& answered)
    : bytes_(StructWriter().u32(0).u16(type).u16(flags).u32(answered.sequence).u32(answered.port).bytes()) {}

NetlinkWriter& NetlinkWriter::raw(std::string_view bytes) {
  bytes_ += bytes;
  bytes_.resize(aligned(bytes_.size()), '\0');
  return *this;
}

NetlinkWriter& NetlinkWriter::attribute(std::uint16_t type, std::string_view value) {
  bytes_ += netlink_attribute(type, value);
  return *this;
}

NetlinkWriter& NetlinkWriter::attribute_u8(std::uint16_t type, std::uint8_t value) {
  return attribute(type, StructWriter().u8(value).bytes());
}

NetlinkWriter& NetlinkWriter::attribute_u32(std::uint16_t type, std::uint32_t value) {
  return attribute(type, StructWriter().u32(value).bytes());
}

NetlinkWriter& NetlinkWriter::attribute_text(std::uint16_t type, std::string_view text) {
  return attribute(type, std::string(text) + std::string(1, '\0'));
}

std::string NetlinkWriter::bytes() const {
  std::string out = bytes_;
  const std::string length = StructWriter().u32(static_cast<std::uint32_t>(out.size())).bytes();
  std::copy(length.begin(), length.end(), out.begin());
  return out;
}

}  // namespace drydock::machine::net
