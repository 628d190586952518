#pragma once
// Internet and Ethernet addresses as the simulated network stack keeps them. IPv4 and IPv6 share one type; an
// IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is kept as the IPv4 address it stands for.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drydock::machine::net {

class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
  static IpAddress any(bool v6);
  static IpAddress loopback(bool v6);
  /// From network order bytes: 4 or 16 of them; anything else gives 0.0.0.0.
  static IpAddress from_bytes(std::string_view bytes);
  /// "10.0.0.1" or "fd00::1"; nothing on anything else.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v6() const { return v6_; }
  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_multicast() const;
  bool is_link_local() const;
  std::uint32_t to_v4() const;  // host order; only of an IPv4 address
  std::size_t width() const { return v6_ ? 16 : 4; }
  unsigned bits() const { return v6_ ? 128 : 32; }
  std::string bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), width()}; }
  /// 16 bytes, ::ffff:a.b.c.d for an IPv4 address.
  std::array<std::uint8_t, 16> mapped() const;
  std::string str() const;  // IPv6 as RFC 5952

  friend bool operator==(const IpAddress& a, const IpAddress& b) { return a.v6_ == b.v6_ && a.bytes_ == b.bytes_; }
  friend bool operator<(const IpAddress& a, const IpAddress& b) {
    return a.v6_ != b.v6_ ? a.v6_ < b.v6_ : a.bytes_ < b.bytes_;
  }

 private:
  bool v6_ = false;
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address with the length of its network's prefix.
struct Prefix {
  IpAddress address;
  unsigned length = 0;

  bool contains(const IpAddress& other) const;
  IpAddress network() const;    // host bits cleared
  IpAddress broadcast() const;  // host bits set
  std::string str() const;
  friend bool operator==(const Prefix& a, const Prefix& b) { return a.address == b.address && a.length == b.length; }
};

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  static MacAddress broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
  bool is_group() const { return (bytes[0] & 1) != 0; }
  bool is_zero() const { return bytes == std::array<std::uint8_t, 6>{}; }
  std::string str() const;
  std::string raw() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  friend bool operator==(const MacAddress& a, const MacAddress& b) { return a.bytes == b.bytes; }
  friend bool operator<(const MacAddress& a, const MacAddress& b) { return a.bytes < b.bytes; }
};

}  // namespace drydock::machine::net
