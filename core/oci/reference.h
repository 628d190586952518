#pragma once
// Image references: "busybox", "registry:5000/team/app:1.2@sha256:…". Grammar and wording: distribution's reference
// package, as Docker uses it.

#include <optional>
#include <string>
#include <string_view>

#include "archive/digest.h"
#include "base/result.h"

namespace drydock::oci {

using archive::Digest;

inline constexpr std::string_view kDefaultDomain = "docker.io";
inline constexpr std::string_view kDefaultTag = "latest";
inline constexpr std::size_t kRepositoryNameBytesMax = 255;
inline constexpr std::size_t kTagBytesMax = 128;

/// A repository with its domain, and a tag or a digest or both or neither.
class Reference {
 public:
  /// What a user types: the domain defaults to docker.io, its one-part repositories are in library/.
  /// Errors, invalid_argument: "invalid reference format", "invalid reference format: repository name must be
  /// lowercase", "repository name must not be more than 255 characters", "invalid repository name (…), cannot specify
  /// 64-byte hexadecimal strings".
  static Result<Reference> parse(std::string_view text);
  /// The same with the tag latest where there is neither tag nor digest.
  static Result<Reference> parse_tagged(std::string_view text);

  const std::string& domain() const { return domain_; }  // "docker.io", "localhost:5000"
  const std::string& path() const { return path_; }      // "library/busybox"
  const std::string& tag() const { return tag_; }        // empty if there is none
  const Digest& digest() const { return digest_; }       // empty if there is none
  bool is_name_only() const { return tag_.empty() && digest_.empty(); }

  /// "docker.io/library/busybox:latest": every part.
  std::string canonical() const;
  /// "docker.io/library/busybox": domain and path.
  std::string repository() const { return domain_ + "/" + path_; }
  /// "busybox:latest": what Docker shows.
  std::string familiar() const;
  /// "busybox": familiar() without tag and digest.
  std::string familiar_name() const;
  /// What stands after /v2/<path>/manifests/: the digest before the tag, "latest" before nothing.
  std::string selector() const;

  Reference name_only() const;
  /// Keeps the digest. Errors: invalid_argument, "invalid tag format".
  Result<Reference> with_tag(std::string_view tag) const;
  /// Keeps the tag.
  Reference with_digest(Digest digest) const;
  Reference with_default_tag() const;

  friend bool operator==(const Reference&, const Reference&) = default;

 private:
  std::string domain_;
  std::string path_;
  std::string tag_;
  Digest digest_;
};

bool is_valid_tag(std::string_view tag);
/// True for what may be (the start of) an image id: 1 to 64 lower-case hexadecimal digits, "sha256:" before them or
/// not.
bool looks_like_image_id(std::string_view text);

}  // namespace drydock::oci
