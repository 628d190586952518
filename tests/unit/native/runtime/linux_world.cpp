#include "linux_world.h"

#include <doctest/doctest.h>
#include <grp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "native/kernel/mount_table.h"

namespace drydock::native::test {

namespace fs = std::filesystem;

namespace {
constexpr const char* kBusybox = "/bin/busybox";
constexpr const char* kApplets[] = {"sh",    "true",     "cat",  "ls",   "id",   "ps",    "mount",    "sleep",
                                    "echo",  "dd",       "tty",  "stty", "head", "wc",    "kill",     "grep",
                                    "touch", "hostname", "test", "[",    "tail", "mkdir", "readlink", "mknod"};
/// In bin/ of the build folder, which the test machine of tests/vm has elsewhere than the one that built it.
std::string monitor_program() {
  for (fs::path folder = fs::read_symlink("/proc/self/exe"); folder != folder.root_path();) {
    folder = folder.parent_path();
    const fs::path program = folder / "bin" / "drydock-monitor";
    if (fs::exists(program)) return program;
  }
  return "drydock-monitor is not built";
}

}  // namespace

std::optional<std::string> LinuxWorld::unusable() {
  if (::geteuid() != 0) return "needs root";
  if (::access(kBusybox, X_OK) != 0) return "needs a static /bin/busybox";
  return std::nullopt;
}

LinuxWorld::LinuxWorld() {
  char path[] = "/tmp/drydock-runtime-XXXXXX";
  REQUIRE(::mkdtemp(path) != nullptr);
  directory_ = path;
  fs::permissions(directory_, fs::perms(0755));
  for (const char* name : {"bin", "dev", "etc", "proc", "sys", "tmp"}) fs::create_directories(root() + "/" + name);
  fs::copy_file(kBusybox, root() + "/bin/busybox");
  for (const char* applet : kApplets) fs::create_hard_link(root() + "/bin/busybox", root() + "/bin/" + applet);
  open();
}

LinuxWorld::~LinuxWorld() {
  runtime_.reset();
  fs::remove_all(directory_);
}

void LinuxWorld::open() {
  auto runtime = LinuxRuntime::open({directory_ + "/exec", monitor_program()});
  REQUIRE_MESSAGE(runtime.ok(), (runtime.ok() ? "" : runtime.error().message));
  runtime_ = std::move(runtime).value();
}

void LinuxWorld::restart_daemon() {
  runtime_.reset();
  open();
}

void LinuxWorld::with_short_lived_daemon(int delay_us, const std::function<void(runtime::Runtime&)>& work) {
  runtime_.reset();
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto runtime = LinuxRuntime::open({directory_ + "/exec", monitor_program()});
    if (runtime.ok()) work(**runtime);
    ::pause();
    ::_exit(0);
  }
  ::usleep(static_cast<useconds_t>(delay_us));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  open();
}

void LinuxWorld::turn() {
  pollfd ready{runtime_->event_fd(), POLLIN, 0};
  ::poll(&ready, 1, 100);
}

runtime::Spec LinuxWorld::spec(std::vector<std::string> args) const {
  using runtime::NamespaceKind;
  runtime::Spec spec;
  spec.root_path = root();
  spec.hostname = "conformance";
  spec.process.args = std::move(args);
  spec.process.env = {"PATH=/bin"};
  for (const auto kind :
       {NamespaceKind::mount, NamespaceKind::pid, NamespaceKind::uts, NamespaceKind::ipc, NamespaceKind::network}) {
    spec.namespaces.push_back({kind, ""});
  }
  spec.mounts = {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
  };
  spec.masked_paths = {"/proc/kcore", "/proc/keys", "/proc/acpi"};
  spec.readonly_paths = {"/proc/sys"};
  if (rootless_) {
    spec.namespaces.push_back({NamespaceKind::user, ""});
    spec.uid_mappings = {{0, ::getuid(), 1}};
    spec.gid_mappings = {{0, ::getgid(), 1}};
    // Group 5 is not in the map.
    spec.mounts[2].options = {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"};
  }
  return spec;
}

bool LinuxWorld::as_user(const std::function<bool(LinuxWorld&)>& work) {
  constexpr uid_t kSomebody = 1000;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    bool good = ::setgroups(0, nullptr) == 0 && ::setresgid(kSomebody, kSomebody, kSomebody) == 0 &&
                ::setresuid(kSomebody, kSomebody, kSomebody) == 0;
    try {
      if (good) {
        LinuxWorld world;
        world.rootless_ = true;
        good = work(world);
      }
    } catch (...) {  // a REQUIRE: the child must not go on with the other tests
      good = false;
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::vector<std::string> LinuxWorld::leftovers() const {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(directory_ + "/exec/containers")) found.push_back(entry.path());
  if (const auto mounts = read_mount_table(); mounts.ok()) {
    for (const auto& mount : *mounts) {
      if (mount.mount_point.starts_with(directory_)) found.push_back(mount.mount_point);
    }
  }
  const auto layout = probe_cgroups();
  std::vector<std::string> roots = {layout.unified};
  for (const auto& hierarchy : layout.v1) roots.push_back(hierarchy.mount_point);
  for (const auto& root : roots) {
    const std::string group = root + "/drydock-test";
    if (root.empty() || !fs::exists(group)) continue;
    for (const auto& entry : fs::directory_iterator(group)) {
      if (entry.is_directory()) found.push_back(entry.path());
    }
  }
  return found;
}

}  // namespace drydock::native::test
