// null(4), zero(4), full(4), random(4), tty(4), console(4), ptmx(4), kmsg.

#include "machine/fs/dev/device.h"

#include <algorithm>
#include <array>

#include "machine/abi/file.h"
#include "machine/fs/cgroup/device_rules.h"
#include "machine/fs/devpts/devpts.h"
#include "machine/syscalls/call.h"
#include "machine/tty/job_control.h"
#include "machine/tty/terminal_file.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/walk.h"

namespace drydock::machine {

namespace {

enum class MemoryDevice : std::uint8_t { null, zero, full, random, log };

constexpr std::uint64_t kRandomEntropyCount = 0x80045200;  // RNDGETENTCNT
constexpr std::uint32_t kEntropyBits = 256, kFirstPtsMajor = 136, kLastPtsMajor = 143;

/// The devices of major 1: there is no state behind them.
class MemoryDeviceFile final : public File {
 public:
  explicit MemoryDeviceFile(MemoryDevice kind) : kind_(kind) {}
  std::unique_ptr<File> clone() const override { return std::make_unique<MemoryDeviceFile>(*this); }

  Outcome read(const Caller& caller, std::span<char> out, const std::uint64_t*) override {
    switch (kind_) {
      case MemoryDevice::null:
        return done();
      case MemoryDevice::log:  // nothing is ever logged here
        return (flags & abi::o_nonblock) != 0 ? Outcome(Errno::eagain) : Outcome::block(wait_key());
      case MemoryDevice::random:
        caller.kernel.random.fill(out);
        break;
      default:
        std::fill(out.begin(), out.end(), '\0');
    }
    return static_cast<std::int64_t>(out.size());
  }
  Outcome write(const Caller&, std::span<const char> bytes, const std::uint64_t*) override {
    if (kind_ == MemoryDevice::full) return Errno::enospc;
    return static_cast<std::int64_t>(bytes.size());
  }
  Outcome seek(const Caller&, std::int64_t, int) override { return done(); }
  Outcome ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) override {
    if (kind_ != MemoryDevice::random) return Errno::enotty;
    if (request != kRandomEntropyCount) return Errno::einval;
    TRY(Call{{caller.kernel, caller.task}, {}}.store32(argument, kEntropyBits));
    return done();
  }
  std::uint16_t poll(const Caller&) override {
    if (kind_ == MemoryDevice::log) return kPollOut | kPollWrNorm;
    return kPollIn | kPollOut | kPollRdNorm | kPollWrNorm;
  }

 private:
  MemoryDevice kind_;
};

constexpr std::array<DeviceNode, 9> kDevices{{
    {"null", 0666, 1, 3},
    {"zero", 0666, 1, 5},
    {"full", 0666, 1, 7},
    {"random", 0666, 1, 8},
    {"urandom", 0666, 1, 9},
    {"kmsg", 0644, 1, 11},
    {"tty", 0666, 5, 0},
    {"console", 0600, 5, 1},
    {"ptmx", 0666, 5, 2},
}};

/// The devpts that belongs to a ptmx node: the one it is in, or "pts" beside it.
Result<std::unique_ptr<File>, Errno> open_ptmx_beside(const Caller& caller, const Path& path) {
  if (!path) return Errno::enodev;
  const Path directory{path.mount, caller.kernel.dentries[path.dentry].parent};
  return open_ptmx(caller, TRY(step_into(caller, directory, "pts")));
}

Result<std::unique_ptr<File>, Errno> open_memory(std::uint32_t minor) {
  const auto make = [](MemoryDevice kind) { return std::unique_ptr<File>(std::make_unique<MemoryDeviceFile>(kind)); };
  switch (minor) {
    case 3:
      return make(MemoryDevice::null);
    case 5:
      return make(MemoryDevice::zero);
    case 7:
      return make(MemoryDevice::full);
    case 8:
    case 9:
      return make(MemoryDevice::random);
    case 11:
      return make(MemoryDevice::log);
    default:
      return Errno::enxio;
  }
}

Result<std::unique_ptr<File>, Errno> open_terminal_device(const Caller& caller, const Path& path, std::uint32_t minor,
                                                          std::uint32_t flags) {
  const Process& process = caller.kernel.processes[caller.self().process];
  switch (minor) {
    case 0:
      if (process.terminal == 0) return Errno::enxio;
      return open_slave(caller, process.terminal, flags | abi::o_noctty);
    case 1:
      if (caller.kernel.console_terminal == 0) return Errno::enodev;
      return open_slave(caller, caller.kernel.console_terminal, flags | abi::o_noctty);
    case 2:
      return open_ptmx_beside(caller, path);
    default:
      return Errno::enxio;
  }
}

}  // namespace

Result<std::unique_ptr<File>, Errno> open_device(const Caller& caller, const Path& path, std::uint32_t mode,
                                                 std::uint32_t major, std::uint32_t minor, std::uint32_t flags) {
  const bool character = (mode & abi::s_ifmt) == abi::s_ifchr;
  DeviceAccess access;
  access.read = (flags & abi::o_accmode) != abi::o_wronly;
  access.write = (flags & abi::o_accmode) != abi::o_rdonly;
  if (!device_allowed(caller, character, major, minor, access)) return Errno::eperm;
  if (!character) return Errno::enxio;
  if (major == 1) return open_memory(minor);
  if (major == 5) return open_terminal_device(caller, path, minor, flags);
  if (major >= kFirstPtsMajor && major <= kLastPtsMajor) return Errno::eio;  // only devpts' own nodes lead to terminals
  return Errno::enxio;
}

Result<void, Errno> may_make_device(const Caller& caller, std::uint32_t mode, std::uint32_t major,
                                    std::uint32_t minor) {
  DeviceAccess access;
  access.make = true;
  if (!device_allowed(caller, (mode & abi::s_ifmt) == abi::s_ifchr, major, minor, access)) return Errno::eperm;
  return {};
}

std::span<const DeviceNode> standard_devices() {
  return kDevices;
}

Result<void, Errno> populate_dev(const Caller& caller, const Path& directory) {
  const auto add = [&](std::string_view name, const NewNode& node) -> Result<void, Errno> {
    auto made = create_child(caller, directory.dentry, name, node);
    if (!made.ok() && made.error() != Errno::eexist) return made.error();
    return {};
  };
  for (const DeviceNode& device : kDevices) {
    NewNode node;
    node.mode = abi::s_ifchr | device.permissions;
    node.rdev_major = device.major;
    node.rdev_minor = device.minor;
    TRY(add(device.name, node));
  }
  for (const std::string_view name : {"pts", "shm", "mqueue"}) {
    NewNode node;
    node.mode = abi::s_ifdir | (name == "shm" ? 01777u : 0755u);
    TRY(add(name, node));
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kLinks{{{"fd", "/proc/self/fd"},
                                                                                 {"stdin", "/proc/self/fd/0"},
                                                                                 {"stdout", "/proc/self/fd/1"},
                                                                                 {"stderr", "/proc/self/fd/2"}}};
  for (const auto& link : kLinks) {
    NewNode node;
    node.mode = abi::s_iflnk | 0777;
    node.link_target = link.second;
    TRY(add(link.first, node));
  }
  return {};
}

}  // namespace drydock::machine
