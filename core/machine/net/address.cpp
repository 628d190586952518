// Internet and Ethernet addresses: text and arithmetic. RFC 4291, RFC 5952.

#include "machine/net/address.h"

#include <vector>

#include "base/text.h"

namespace drydock::machine::net {

namespace {

std::optional<std::uint32_t> parse_dotted(std::string_view text) {
  const std::vector<std::string> parts = split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  std::uint32_t value = 0;
  for (const std::string& part : parts) {
    const auto number = parse_u64(part);
    if (part.size() > 3 || !number || *number > 255) return std::nullopt;
    value = value << 8 | static_cast<std::uint32_t>(*number);
  }
  return value;
}

/// Groups of four hexadecimal digits, and a dotted address as the last two; appended as bytes.
bool parse_groups(std::string_view text, std::vector<std::uint8_t>* out) {
  if (text.empty()) return true;
  const std::vector<std::string> groups = split(text, ':');
  for (std::size_t at = 0; at < groups.size(); ++at) {
    if (at + 1 == groups.size() && groups[at].find('.') != std::string::npos) {
      const auto dotted = parse_dotted(groups[at]);
      if (!dotted) return false;
      for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<std::uint8_t>(*dotted >> shift));
      continue;
    }
    const auto number = parse_unsigned(groups[at], 16);
    if (groups[at].empty() || groups[at].size() > 4 || !number) return false;
    out->push_back(static_cast<std::uint8_t>(*number >> 8));
    out->push_back(static_cast<std::uint8_t>(*number));
  }
  return true;
}

std::string hex_number(std::uint32_t value) {
  std::string out;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const unsigned digit = value >> shift & 15;
    if (digit != 0 || !out.empty() || shift == 0) out.push_back("0123456789abcdef"[digit]);
  }
  return out;
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress address;
  for (unsigned n = 0; n < 4; ++n) address.bytes_[n] = static_cast<std::uint8_t>(host_order >> (24 - 8 * n));
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  bool is_mapped = bytes[10] == 0xff && bytes[11] == 0xff;
  for (unsigned n = 0; n < 10; ++n) is_mapped = is_mapped && bytes[n] == 0;
  IpAddress address;
  if (is_mapped) {
    for (unsigned n = 0; n < 4; ++n) address.bytes_[n] = bytes[12 + n];
    return address;
  }
  address.v6_ = true;
  address.bytes_ = bytes;
  return address;
}

IpAddress IpAddress::any(bool v6) {
  IpAddress address;
  address.v6_ = v6;
  return address;
}

IpAddress IpAddress::loopback(bool v6) {
  if (!v6) return v4(0x7f000001);
  IpAddress address = any(true);
  address.bytes_[15] = 1;
  return address;
}

IpAddress IpAddress::from_bytes(std::string_view bytes) {
  if (bytes.size() == 16) {
    std::array<std::uint8_t, 16> all{};
    for (unsigned n = 0; n < 16; ++n) all[n] = static_cast<std::uint8_t>(bytes[n]);
    return v6(all);
  }
  std::uint32_t value = 0;
  if (bytes.size() != 4) return v4(0);
  for (char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return v4(value);
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    const auto dotted = parse_dotted(text);
    if (!dotted) return std::nullopt;
    return v4(*dotted);
  }
  std::vector<std::uint8_t> head, tail;
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (!parse_groups(text, &head) || head.size() != 16) return std::nullopt;
  } else {
    if (!parse_groups(text.substr(0, gap), &head) || !parse_groups(text.substr(gap + 2), &tail)) return std::nullopt;
    if (head.size() + tail.size() > 14) return std::nullopt;
  }
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t n = 0; n < head.size(); ++n) bytes[n] = head[n];
  for (std::size_t n = 0; n < tail.size(); ++n) bytes[16 - tail.size() + n] = tail[n];
  return v6(bytes);
}

bool IpAddress::is_unspecified() const {
  return bytes_ == std::array<std::uint8_t, 16>{};
}

bool IpAddress::is_loopback() const {
  return v6_ ? *this == loopback(true) : bytes_[0] == 127;
}

bool IpAddress::is_multicast() const {
  return v6_ ? bytes_[0] == 0xff : (bytes_[0] & 0xf0) == 0xe0;
}

bool IpAddress::is_link_local() const {
  return v6_ ? bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80 : bytes_[0] == 169 && bytes_[1] == 254;
}

std::uint32_t IpAddress::to_v4() const {
  std::uint32_t value = 0;
  for (unsigned n = 0; n < 4; ++n) value = value << 8 | bytes_[n];
  return value;
}

std::array<std::uint8_t, 16> IpAddress::mapped() const {
  if (v6_) return bytes_;
  std::array<std::uint8_t, 16> out{};
  out[10] = out[11] = 0xff;
  for (unsigned n = 0; n < 4; ++n) out[12 + n] = bytes_[n];
  return out;
}

std::string IpAddress::str() const {
  if (!v6_) return concat(+bytes_[0], ".", +bytes_[1], ".", +bytes_[2], ".", +bytes_[3]);
  std::array<std::uint32_t, 8> groups{};
  for (unsigned n = 0; n < 8; ++n) groups[n] = static_cast<std::uint32_t>(bytes_[2 * n]) << 8 | bytes_[2 * n + 1];
  unsigned best = 8, best_length = 1;  // the first longest run of at least two zero groups
  for (unsigned start = 0; start < 8; ++start) {
    unsigned length = 0;
    while (start + length < 8 && groups[start + length] == 0) ++length;
    if (length > best_length) {
      best = start;
      best_length = length;
    }
  }
  std::string out;
  for (unsigned n = 0; n < 8; ++n) {
    if (n == best) {
      out += "::";
      n += best_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    out += hex_number(groups[n]);
  }
  return out;
}

namespace {

IpAddress with_host_bits(const Prefix& prefix, bool ones) {
  std::string bytes = prefix.address.bytes();
  for (unsigned bit = prefix.length; bit < prefix.address.bits(); ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80u >> (bit % 8));
    const auto byte = static_cast<std::uint8_t>(bytes[bit / 8]);
    bytes[bit / 8] = static_cast<char>(ones ? byte | mask : byte & ~mask);
  }
  return IpAddress::from_bytes(bytes);
}

}  // namespace

bool Prefix::contains(const IpAddress& other) const {
  if (other.is_v6() != address.is_v6()) return false;
  return Prefix{other, length}.network() == network();
}

IpAddress Prefix::network() const {
  return with_host_bits(*this, false);
}

IpAddress Prefix::broadcast() const {
  return with_host_bits(*this, true);
}

std::string Prefix::str() const {
  return concat(address.str(), "/", length);
}

std::string MacAddress::str() const {
  std::string out;
  for (std::uint8_t byte : bytes) {
    if (!out.empty()) out += ':';
    out.push_back("0123456789abcdef"[byte >> 4]);
    out.push_back("0123456789abcdef"[byte & 15]);
  }
  return out;
}

}  // namespace drydock::machine::net
