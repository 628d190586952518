#include "oci/platform.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace drydock::oci {
namespace {

constexpr std::array<std::string_view, 9> kSystems = {"linux",   "windows", "darwin",  "freebsd", "netbsd",
                                                      "openbsd", "solaris", "android", "illumos"};
constexpr std::array<std::string_view, 12> kArchitectures = {
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64le", "ppc64", "ppc64le", "riscv64", "s390x", "wasm"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_component(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  });
}

// The number of a variant "v7"; nothing for what is no such variant.
std::optional<std::uint64_t> level_of(const Platform& platform) {
  if (platform.variant.empty()) {
    if (platform.architecture == "amd64") return 1;
    if (platform.architecture == "arm64") return 8;
    return std::nullopt;
  }
  if (!platform.variant.starts_with('v')) return std::nullopt;
  return parse_u64(std::string_view(platform.variant).substr(1));
}

// How far `image` is from `host`: 0 for the same variant, more for older ones; nothing if it cannot run.
std::optional<std::uint64_t> distance(const Platform& raw_host, const Platform& raw_image) {
  const Platform host = normalised(raw_host);
  const Platform image = normalised(raw_image);
  if (host.os != image.os || host.architecture != image.architecture) return std::nullopt;
  if (host.variant == image.variant) return 0;
  const auto host_level = level_of(host);
  const auto image_level = level_of(image);
  if (!host_level || !image_level || *image_level > *host_level) return std::nullopt;
  return *host_level - *image_level;
}

}  // namespace

Platform normalised(Platform platform) {
  platform.os = to_lower(platform.os);
  if (platform.os == "macos") platform.os = "darwin";
  std::string& architecture = platform.architecture;
  std::string& variant = platform.variant;
  architecture = to_lower(architecture);
  variant = to_lower(variant);
  if (architecture == "i386") architecture = "386";
  if (architecture == "x86_64" || architecture == "x86-64") architecture = "amd64";
  if (architecture == "aarch64") architecture = "arm64";
  if (architecture == "armhf" || architecture == "armel") {
    variant = architecture == "armhf" ? "v7" : "v6";
    architecture = "arm";
  }
  if (parse_u64(variant)) variant.insert(0, "v");
  if (architecture == "arm" && variant.empty()) variant = "v7";
  if (architecture == "amd64" && variant == "v1") variant.clear();
  if (architecture == "arm64" && variant == "v8") variant.clear();
  return platform;
}

Result<Platform> parse_platform(std::string_view text, const Platform& host) {
  const std::vector<std::string> parts = split(text, '/');
  if (parts.size() > 3 || !std::all_of(parts.begin(), parts.end(), is_component)) {
    return fail(ErrorKind::invalid_argument, go_quoted(text), ": cannot parse platform specifier");
  }
  Platform platform;
  if (parts.size() > 1) {
    platform.os = parts[0];
    platform.architecture = parts[1];
    if (parts.size() == 3) platform.variant = parts[2];
    return normalised(std::move(platform));
  }
  platform.os = parts[0];
  platform = normalised(std::move(platform));
  if (contains(kSystems, platform.os)) {
    platform.architecture = host.architecture;
    platform.variant = host.variant;
    return normalised(std::move(platform));
  }
  platform.os = host.os;
  platform.architecture = parts[0];
  platform = normalised(std::move(platform));
  if (!contains(kArchitectures, platform.architecture)) {
    return fail(ErrorKind::invalid_argument, go_quoted(text), ": unknown operating system or architecture");
  }
  return platform;
}

std::string to_string(const Platform& platform) {
  std::string text = platform.os;
  if (!platform.architecture.empty()) text += "/" + platform.architecture;
  if (!platform.variant.empty()) text += "/" + platform.variant;
  return text;
}

bool can_run(const Platform& host, const Platform& image) {
  return distance(host, image).has_value();
}

std::optional<std::size_t> choose_platform(const Platform& host, const std::vector<Platform>& candidates) {
  std::optional<std::size_t> best;
  std::uint64_t best_distance = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const auto away = distance(host, candidates[i]);
    if (!away || (best && *away >= best_distance)) continue;
    best = i;
    best_distance = *away;
  }
  return best;
}

}  // namespace drydock::oci
