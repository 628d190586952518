#include "runtime/capability.h"

#include <algorithm>

namespace drydock::runtime {

namespace {

constexpr std::string_view kNames[kCapabilityCount] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

std::string_view capability_name(int number) {
  return number >= 0 && number < kCapabilityCount ? kNames[number] : std::string_view();
}

std::optional<int> capability_number(std::string_view name) {
  for (int number = 0; number < kCapabilityCount; ++number) {
    if (kNames[number] == name) return number;
  }
  return std::nullopt;
}

std::vector<std::string> capability_names(std::uint64_t mask) {
  std::vector<std::string> out;
  for (int number = 0; number < kCapabilityCount; ++number) {
    if ((mask >> number) & 1) out.emplace_back(kNames[number]);
  }
  return out;
}

std::uint64_t capability_mask(const std::vector<std::string>& names) {
  std::uint64_t mask = 0;
  for (const std::string& name : names) {
    if (const auto number = capability_number(name)) mask |= std::uint64_t{1} << *number;
  }
  return mask;
}

const std::vector<std::string>& default_capabilities() {
  static const std::vector<std::string> names = {
      "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
      "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
      "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
      "CAP_KILL",    "CAP_AUDIT_WRITE",
  };
  return names;
}

Result<std::vector<std::string>> normalize_capabilities(std::string_view field, const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const std::string& name : names) {
    std::string upper = to_upper(name);
    if (upper != "ALL") {
      if (!upper.starts_with("CAP_")) upper = "CAP_" + upper;
      if (!capability_number(upper)) {
        return fail(ErrorKind::invalid_argument, "invalid ", field, ": unknown capability: ", go_quoted(upper));
      }
    }
    out.push_back(std::move(upper));
  }
  return out;
}

Result<std::vector<std::string>> choose_capabilities(const std::vector<std::string>& add,
                                                     const std::vector<std::string>& drop, bool privileged,
                                                     std::uint64_t available) {
  if (privileged) return capability_names(available);
  const auto added = TRY(normalize_capabilities("CapAdd", add));
  const auto dropped = TRY(normalize_capabilities("CapDrop", drop));
  std::vector<std::string> out;
  const auto keep = [&](const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (name != "ALL" && !contains(out, name)) out.push_back(name);
    }
  };
  const auto keep_undropped = [&](const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (!contains(dropped, name)) out.push_back(name);
    }
  };
  if (contains(added, "ALL")) {
    keep_undropped(capability_names(available));
  } else if (contains(dropped, "ALL")) {
    keep(added);
  } else {
    keep_undropped(default_capabilities());
    keep(added);
  }
  return out;
}

}  // namespace drydock::runtime
