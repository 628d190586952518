#include "sim_world.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

namespace drydock::sim::test {

namespace {
constexpr const char* kApplets[] = {"sh",    "true",     "cat",  "ls",   "id",   "ps",    "mount",    "sleep",
                                    "echo",  "dd",       "tty",  "stty", "head", "wc",    "kill",     "grep",
                                    "touch", "hostname", "test", "[",    "tail", "mkdir", "readlink", "mknod"};
constexpr std::int64_t kTurnNs = 100'000'000;
constexpr std::uint64_t kTurnInstructions = 12'500'000;
}  // namespace

std::string busybox() {
  std::ifstream file("/bin/busybox", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<std::string> SimWorld::unusable() {
  if (busybox().empty()) return "needs a static /bin/busybox";
  return std::nullopt;
}

std::unique_ptr<SimHost> boot_host() {
  auto host = SimHost::boot({});
  REQUIRE_MESSAGE(host.ok(), (host.ok() ? "" : host.error().message));
  return std::move(host).value();
}

SimWorld::SimWorld() : host_(boot_host()) {
  storage::HostFs& files = host_->root();
  for (const char* name :
       {"/rootfs", "/rootfs/bin", "/rootfs/dev", "/rootfs/etc", "/rootfs/proc", "/rootfs/sys", "/rootfs/tmp"})
    REQUIRE(storage::make_directories(files, name).ok());
  REQUIRE(files.write_atomic("/rootfs/bin/busybox", busybox(), 0755).ok());
  for (const char* applet : kApplets)
    REQUIRE(files.make_hard_link("/rootfs/bin/busybox", std::string("/rootfs/bin/") + applet).ok());
}

/// As much as 0.1 s of the machine's time.
void SimWorld::turn() {
  host_->run_for(kTurnNs, kTurnInstructions);
}

runtime::Spec SimWorld::spec(std::vector<std::string> args) const {
  using runtime::NamespaceKind;
  runtime::Spec spec;
  spec.root_path = "/rootfs";
  spec.hostname = "conformance";
  spec.process.args = std::move(args);
  spec.process.env = {"PATH=/bin"};
  for (const auto kind :
       {NamespaceKind::mount, NamespaceKind::pid, NamespaceKind::uts, NamespaceKind::ipc, NamespaceKind::network})
    spec.namespaces.push_back({kind, ""});
  spec.mounts = {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
  };
  spec.masked_paths = {"/proc/kcore", "/proc/keys", "/proc/acpi"};
  spec.readonly_paths = {"/proc/sys"};
  return spec;
}

}  // namespace drydock::sim::test
