#include <sys/prctl.h>
#include <sys/utsname.h>

#include <cerrno>

#include "native/runtime/linux_runtime.h"

namespace drydock::native {

namespace {

bool exists(const char* path) {
  return ::access(path, F_OK) == 0;
}

bool knows_file_system(std::string_view name) {
  const auto text = read_file("/proc/filesystems");
  if (!text.ok()) return false;
  for (const auto& line : split(*text, '\n')) {
    if (line.ends_with(concat("\t", name))) return true;
  }
  return false;
}

/// A field of /proc/self/status in hexadecimal.
std::uint64_t status_mask(std::string_view field) {
  const auto text = read_file("/proc/self/status");
  if (!text.ok()) return 0;
  for (const auto& line : split(*text, '\n')) {
    const auto parts = split_once(line, ':');
    if (parts && parts->first == field) return parse_unsigned(trim(parts->second), 16).value_or(0);
  }
  return 0;
}

std::uint64_t leading_number(std::string_view text) {
  std::uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') break;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

}  // namespace

runtime::KernelFeatures probe_kernel_features(const CgroupLayout& layout) {
  runtime::KernelFeatures features;
  features.cgroup = layout.kind;
  features.cgroup_controllers = layout.controllers;
  for (const auto& hierarchy : layout.v1) {
    features.cgroup_hierarchies.push_back({hierarchy.mount_point, hierarchy.options});
  }
  utsname name{};
  if (::uname(&name) == 0) {
    const std::string_view release = name.release;
    features.release_major = static_cast<std::uint32_t>(leading_number(release));
    const auto parts = split_once(release, '.');
    if (parts) features.release_minor = static_cast<std::uint32_t>(leading_number(parts->second));
  }
  features.user_namespaces = exists("/proc/self/ns/user");
  features.time_namespaces = exists("/proc/self/ns/time");
  features.overlay = knows_file_system("overlay");
  const bool since_5_11 = features.release_major > 5 || (features.release_major == 5 && features.release_minor >= 11);
  features.overlay_in_userns = features.overlay && since_5_11;
  features.seccomp = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0 || errno != EINVAL;
  constexpr int kSysAdmin = 21;
  features.capabilities = status_mask("CapBnd") & status_mask("CapPrm");
  features.rootless = (status_mask("CapEff") >> kSysAdmin & 1) == 0;
  return features;
}

}  // namespace drydock::native
