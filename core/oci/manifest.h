#pragma once
// Image manifests and indexes, OCI's and Docker's schema 2 (image-spec: manifest.md, image-index.md; distribution:
// manifest-v2-2.md). A manifest's digest is that of its bytes, so what was parsed keeps them.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "oci/descriptor.h"

namespace drydock::oci {

inline constexpr std::size_t kManifestBytesMax = 4 << 20;  // distribution-spec: what a registry must take at least
inline constexpr std::size_t kLayersMax = 500;  // overlay's own limits are lower and the snapshotter's to tell
inline constexpr std::size_t kIndexManifestsMax = 1000;
inline constexpr std::uint64_t kConfigBytesMax = 8 << 20;

struct Manifest {
  std::string media_type;
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
  Annotations annotations;
  std::string artifact_type;
  std::optional<Descriptor> subject;
};

struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
  Annotations annotations;
  std::string artifact_type;
  std::optional<Descriptor> subject;
};

/// A parsed document together with what names it.
struct ManifestDocument {
  std::variant<Manifest, Index> content;
  std::string raw;
  Digest digest;  // of raw

  const Manifest* manifest() const { return std::get_if<Manifest>(&content); }
  const Index* index() const { return std::get_if<Index>(&content); }
  const std::string& media_type() const;
};

/// Parses either. `content_type` is what the registry said; empty if nobody said anything. It decides, a mediaType
/// within must agree with it, and a document that has members of the other kind (manifests beside layers) is refused:
/// one document must not mean two things to two readers.
/// Errors: invalid_argument (syntax, schemaVersion, types), not_implemented (schema 1), too_large.
Result<ManifestDocument> parse_manifest(std::string raw, std::string_view content_type);

/// Byte for byte what dockerd (for Docker's types: indented by three spaces) or Go's encoder (OCI's: compact) writes.
/// `media_type` empty is an error of the programmer.
std::string to_json_text(const Manifest& manifest);
std::string to_json_text(const Index& index);

/// The manifest of `index` for `host`: by platform; attestations (platform unknown/unknown) are never chosen; an entry
/// without a platform only if it is the only one. Errors: not_found, "no matching manifest for linux/s390x in the
/// manifest list entries".
Result<Descriptor> choose_manifest(const Index& index, const Platform& host);

}  // namespace drydock::oci
