#pragma once
// The name of content: "sha256:" and 64 lower-case hexadecimal digits (image-spec: descriptor.md, Digests).
// Other registered algorithms (sha512) are refused by name: nothing that Docker writes uses them.

#include <compare>
#include <string>
#include <string_view>

#include "archive/sha256.h"
#include "base/result.h"

namespace drydock::archive {

class Digest {
 public:
  /// The empty digest, which names nothing; str() is "".
  Digest() = default;
  explicit Digest(const Sha256Sum& sum);

  /// Errors, all invalid_argument, in the words of Docker's digest library: "invalid checksum digest format",
  /// "unsupported digest algorithm", "invalid checksum digest length".
  static Result<Digest> parse(std::string_view text);
  /// From the hexadecimal part alone.
  static Result<Digest> from_hex(std::string_view hex);

  bool empty() const { return text_.empty(); }
  const std::string& str() const { return text_; }
  std::string_view algorithm() const;
  std::string_view hex() const;
  /// The first twelve digits, as `docker images` shows an id.
  std::string_view short_hex() const { return hex().substr(0, 12); }

  friend bool operator==(const Digest&, const Digest&) = default;
  friend std::strong_ordering operator<=>(const Digest& a, const Digest& b) { return a.text_.compare(b.text_) <=> 0; }

 private:
  std::string text_;
};

Digest digest_of(std::string_view bytes);

/// Hashes what passes through it.
class Digester {
 public:
  void update(std::string_view bytes) { hash_.update(bytes); }
  /// Starts anew.
  Digest finish() { return Digest(hash_.finish()); }

 private:
  Sha256 hash_;
};

}  // namespace drydock::archive
