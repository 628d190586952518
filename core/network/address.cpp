#include "network/address.h"

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"

namespace drydock::network {

namespace {

std::optional<std::uint32_t> parse_v4(std::string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  std::uint32_t value = 0;
  for (const std::string& part : parts) {
    const auto number = parse_u64(part);
    if (!number || *number > 255 || (part.size() > 1 && part[0] == '0')) return std::nullopt;
    value = (value << 8) | static_cast<std::uint32_t>(*number);
  }
  return value;
}

/// The 16-bit groups of one side of "::", the last of which may be an IPv4 address.
std::optional<std::vector<std::uint16_t>> parse_groups(std::string_view text) {
  std::vector<std::uint16_t> groups;
  if (text.empty()) return groups;
  const auto parts = split(text, ':');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i + 1 == parts.size() && parts[i].find('.') != std::string::npos) {
      const auto v4 = parse_v4(parts[i]);
      if (!v4) return std::nullopt;
      groups.push_back(static_cast<std::uint16_t>(*v4 >> 16));
      groups.push_back(static_cast<std::uint16_t>(*v4));
      continue;
    }
    const auto group = parse_unsigned(parts[i], 16);
    if (!group || parts[i].size() > 4 || parts[i][0] == '-') return std::nullopt;
    groups.push_back(static_cast<std::uint16_t>(*group));
  }
  return groups;
}

std::optional<std::array<std::uint8_t, 16>> parse_v6(std::string_view text) {
  const std::size_t gap = text.find("::");
  std::vector<std::uint16_t> groups;
  if (gap == std::string_view::npos) {
    auto all = parse_groups(text);
    if (!all || all->size() != 8) return std::nullopt;
    groups = std::move(*all);
  } else {
    const auto head = parse_groups(text.substr(0, gap));
    const auto tail = parse_groups(text.substr(gap + 2));
    if (!head || !tail || head->size() + tail->size() > 7) return std::nullopt;
    groups = *head;
    groups.resize(8 - tail->size());
    groups.insert(groups.end(), tail->begin(), tail->end());
  }
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    bytes[2 * i + 1] = static_cast<std::uint8_t>(groups[i]);
  }
  return bytes;
}

/// RFC 5952 §4.2: the longest run of at least two zero groups becomes "::", the first of equals.
std::pair<std::size_t, std::size_t> longest_zero_run(const std::array<std::uint16_t, 8>& groups) {
  std::size_t best = 8;
  std::size_t best_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t length = 0;
    while (i + length < 8 && groups[i + length] == 0) ++length;
    if (length > best_length) {
      best = i;
      best_length = length;
    }
  }
  return {best, best_length};
}

std::string hexadecimal(std::uint32_t value) {
  std::string out;
  do {
    out.insert(out.begin(), "0123456789abcdef"[value & 15]);
    value >>= 4;
  } while (value != 0);
  return out;
}

}  // namespace

Address Address::v4(std::uint32_t host_order) {
  Address address;
  for (std::size_t i = 0; i < 4; ++i) address.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return address;
}

Address Address::v6(const std::array<std::uint8_t, 16>& bytes) {
  Address address;
  address.v6_ = true;
  address.bytes_ = bytes;
  return address;
}

std::optional<Address> Address::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    const auto value = parse_v4(text);
    return value ? std::optional(v4(*value)) : std::nullopt;
  }
  const auto bytes = parse_v6(text);
  return bytes ? std::optional(v6(*bytes)) : std::nullopt;
}

bool Address::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const {
  if (!v6_) return bytes_[0] == 127;
  return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.begin() + 15, [](std::uint8_t b) { return b == 0; });
}

std::uint32_t Address::to_v4() const {
  DD_ASSERT(!v6_);
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = (value << 8) | bytes_[i];
  return value;
}

Address Address::plus(std::uint64_t offset) const {
  Address sum = *this;
  std::uint64_t carry = offset;
  for (std::size_t i = v6_ ? 16 : 4; i-- > 0 && carry != 0;) {
    const std::uint64_t digit = sum.bytes_[i] + (carry & 0xff);
    sum.bytes_[i] = static_cast<std::uint8_t>(digit);
    carry = (carry >> 8) + (digit >> 8);
  }
  return sum;
}

std::string Address::str() const {
  if (!v6_)
    return concat(unsigned{bytes_[0]}, '.', unsigned{bytes_[1]}, '.', unsigned{bytes_[2]}, '.', unsigned{bytes_[3]});
  std::array<std::uint16_t, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = static_cast<std::uint16_t>(bytes_[2 * i] << 8 | bytes_[2 * i + 1]);
  const auto [gap, length] = longest_zero_run(groups);
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == gap) {
      out += "::";
      i += length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    out += hexadecimal(groups[i]);
  }
  return out;
}

std::optional<Subnet> Subnet::parse(std::string_view text) {
  const auto parts = split_once(text, '/');
  if (!parts) return std::nullopt;
  const auto address = Address::parse(parts->first);
  const auto prefix = parse_u64(parts->second);
  if (!address || !prefix || *prefix > (address->is_v6() ? 128u : 32u)) return std::nullopt;
  if (parts->second.size() > 1 && parts->second[0] == '0') return std::nullopt;
  return Subnet{*address, static_cast<unsigned>(*prefix)};
}

namespace {

enum class HostBits { cleared, set };

Address with_host_bits(const Subnet& subnet, HostBits bits) {
  std::array<std::uint8_t, 16> bytes = subnet.address.bytes();
  const unsigned width = subnet.address.is_v6() ? 128 : 32;
  for (unsigned bit = subnet.prefix; bit < width; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80u >> (bit % 8));
    if (bits == HostBits::set) {
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | mask);
    } else {
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~mask);
    }
  }
  if (subnet.address.is_v6()) return Address::v6(bytes);
  return Address::v4(std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
                     bytes[3]);
}

}  // namespace

Subnet Subnet::network() const {
  return {with_host_bits(*this, HostBits::cleared), prefix};
}
Address Subnet::last() const {
  return with_host_bits(*this, HostBits::set);
}

bool Subnet::contains(const Address& other) const {
  if (other.is_v6() != address.is_v6()) return false;
  return Subnet{other, prefix}.network().address == network().address;
}

bool Subnet::overlaps(const Subnet& other) const {
  return contains(other.address) || other.contains(address);
}

std::string Subnet::str() const {
  return concat(address.str(), '/', prefix);
}

std::optional<Mac> Mac::parse(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() != 6) return std::nullopt;
  Mac mac;
  for (std::size_t i = 0; i < 6; ++i) {
    const auto byte = parse_unsigned(parts[i], 16);
    if (parts[i].size() != 2 || !byte || *byte > 255) return std::nullopt;
    mac.bytes[i] = static_cast<std::uint8_t>(*byte);
  }
  return mac;
}

Mac Mac::from_address(const Address& address) {
  const auto& bytes = address.bytes();
  return Mac{{0x02, 0x42, bytes[0], bytes[1], bytes[2], bytes[3]}};
}

std::string Mac::str() const {
  std::vector<std::string> parts;
  for (std::uint8_t byte : bytes) parts.push_back(to_hex(std::string(1, static_cast<char>(byte))));
  return join(parts, ":");
}

}  // namespace drydock::network
