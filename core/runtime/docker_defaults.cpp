// The tables of default_spec.h. Values after moby's oci/defaults.go and runc's specconv.

#include "runtime/default_spec.h"

namespace drydock::runtime {

const std::vector<std::string>& default_masked_paths() {
  static const std::vector<std::string> paths = {
      "/proc/asound",
      "/proc/acpi",
      "/proc/kcore",
      "/proc/keys",
      "/proc/latency_stats",
      "/proc/timer_list",
      "/proc/timer_stats",
      "/proc/sched_debug",
      "/proc/scsi",
      "/sys/firmware",
      "/sys/devices/virtual/powercap",
  };
  return paths;
}

const std::vector<std::string>& default_readonly_paths() {
  static const std::vector<std::string> paths = {
      "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
  };
  return paths;
}

const std::vector<Mount>& default_mounts() {
  static const std::vector<Mount> mounts = {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777"}},
  };
  return mounts;
}

const std::vector<Device>& default_devices() {
  static const std::vector<Device> devices = {
      {"/dev/null", 'c', 1, 3, 0666, 0, 0}, {"/dev/random", 'c', 1, 8, 0666, 0, 0},
      {"/dev/full", 'c', 1, 7, 0666, 0, 0}, {"/dev/tty", 'c', 5, 0, 0666, 0, 0},
      {"/dev/zero", 'c', 1, 5, 0666, 0, 0}, {"/dev/urandom", 'c', 1, 9, 0666, 0, 0},
  };
  return devices;
}

const std::vector<DeviceRule>& default_device_rules() {
  static const std::vector<DeviceRule> rules = {
      {true, 'c', std::nullopt, std::nullopt, "m"},  // a node may be made, which is not to say opened
      {true, 'b', std::nullopt, std::nullopt, "m"},
      {true, 'c', 1, 3, "rwm"},
      {true, 'c', 1, 8, "rwm"},
      {true, 'c', 1, 7, "rwm"},
      {true, 'c', 5, 0, "rwm"},
      {true, 'c', 1, 5, "rwm"},
      {true, 'c', 1, 9, "rwm"},
      {true, 'c', 136, std::nullopt, "rwm"},  // /dev/pts/N
      {true, 'c', 5, 2, "rwm"},               // /dev/ptmx
      {true, 'c', 10, 200, "rwm"},            // /dev/net/tun
  };
  return rules;
}

}  // namespace drydock::runtime
