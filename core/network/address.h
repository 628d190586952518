#pragma once
// Internet and Ethernet addresses as values. IPv4 and IPv6 share one type, as netip.Addr of Go does.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drydock::network {

class Address {
 public:
  Address() = default;  // 0.0.0.0
  static Address v4(std::uint32_t host_order);
  static Address v6(const std::array<std::uint8_t, 16>& bytes);
  /// "172.17.0.2" or "fd00::1" (RFC 4291 §2.2); nothing on anything else: no ports, no zones, no leading zeros.
  static std::optional<Address> parse(std::string_view text);

  bool is_v6() const { return v6_; }
  bool is_unspecified() const;
  bool is_loopback() const;
  std::uint32_t to_v4() const;                                          // host order; only of an IPv4 address
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }  // IPv4: the first four
  /// The address that many further on; wraps.
  Address plus(std::uint64_t offset) const;
  std::string str() const;  // IPv6 as RFC 5952

  friend bool operator==(const Address&, const Address&) = default;
  friend std::strong_ordering operator<=>(const Address&, const Address&) = default;

 private:
  bool v6_ = false;
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address with the length of its network's prefix: "172.17.0.1/16".
struct Subnet {
  Address address;
  unsigned prefix = 0;

  static std::optional<Subnet> parse(std::string_view text);
  Subnet network() const;  // host bits cleared
  bool contains(const Address& address) const;
  bool overlaps(const Subnet& other) const;
  Address last() const;  // the broadcast address of an IPv4 network
  std::string str() const;
  friend bool operator==(const Subnet&, const Subnet&) = default;
};

struct Mac {
  std::array<std::uint8_t, 6> bytes{};
  static std::optional<Mac> parse(std::string_view text);
  /// Docker's rule for IPv4: 02:42 and the four bytes of the address.
  static Mac from_address(const Address& address);
  std::string str() const;
  friend bool operator==(const Mac&, const Mac&) = default;
};

}  // namespace drydock::network
