#pragma once
// Platforms: "linux/arm64/v8", their normal form, and which manifest of an index suits a host.
// Source: image-spec image-index.md; normal forms and preference as containerd has them.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace drydock::oci {

struct Platform {
  std::string os = {};
  std::string architecture = {};
  std::string variant = {};
  std::string os_version = {};
  std::vector<std::string> os_features = {};

  friend bool operator==(const Platform&, const Platform&) = default;
};

/// "os", "arch", "os/arch" or "os/arch/variant"; what is left out is taken from `host`. The result is normalised.
/// Errors: invalid_argument.
Result<Platform> parse_platform(std::string_view text, const Platform& host);
/// "linux/arm64/v8": the parts that are there.
std::string to_string(const Platform& platform);

/// Go's names: x86_64 and x86-64 are amd64, aarch64 is arm64, armhf is arm/v7 ...; default variants are dropped
/// (amd64/v1, arm64/v8) and arm without one is v7.
Platform normalised(Platform platform);

/// True if a host of platform `host` can run `image` without emulation. Both need not be normalised.
bool can_run(const Platform& host, const Platform& image);
/// The index of the best match for `host` in `candidates`: the same variant before older ones (arm v7, v6, v5;
/// amd64 v3, v2, v1), earlier before later. Nothing if none can run.
std::optional<std::size_t> choose_platform(const Platform& host, const std::vector<Platform>& candidates);

}  // namespace drydock::oci
