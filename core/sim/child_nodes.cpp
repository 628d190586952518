// Directories, devices and links in the container's root, sysctls, and its terminal: pty(7), devpts.

#include "base/text.h"
#include "machine/vfs/file.h"
#include "sim/beneath.h"
#include "sim/child.h"

namespace drydock::sim {

using machine::HostArgument;
using machine::StructReader;
using machine::StructWriter;

namespace {

constexpr std::uint64_t kBind = 0x1000;
constexpr std::uint64_t kProcMagic = 0x9fa0, kDevptsMagic = 0x1cd1;
constexpr std::uint32_t kSetControllingTerminal = 0x540e, kGetNumber = 0x80045430, kSetLock = 0x40045431,
                        kOpenPeer = 0x5441, kSetWindowSize = 0x5414;  // ioctl_tty(2)

std::uint32_t file_type(char type) {
  switch (type) {
    case 'b':
      return kTypeBlockDevice;
    case 'p':
      return kTypeFifo;
    default:
      return kTypeCharacterDevice;  // 'c', and 'u' which is the same
  }
}

std::uint64_t device_number(std::uint64_t major, std::uint64_t minor) {
  return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~std::uint64_t{0xff}) << 12 |
         (major & ~std::uint64_t{0xfff}) << 32;
}

Result<std::uint64_t, Errno> file_system_magic(const HostedTask& task, int fd) {
  std::string raw(120, '\0');
  TRY(task.attempt(number::fstatfs, {fd, HostArgument::room(raw)}));
  return StructReader(raw).u64(0);
}

}  // namespace

/// An empty file at `path`, with `source` bound over it.
Result<void, Errno> Child::bind_over_file(std::string_view source, std::string_view path) {
  const SimFd target = TRY(create_beneath(task_, TRY(root()), path, Create::file));
  return call(number::mount,
              {source, descriptor_path(target.get()), HostArgument::null(), kBind, HostArgument::null()});
}

Result<void, Errno> Child::run_step(const runtime::StepMakeDirectory& step) {
  const int at = TRY(root());
  if (const auto present = open_beneath(task_, at, step.path); present.ok()) {
    const bool directory = TRY(task_.stat(present->get(), "", kAtEmptyPath)).type() == kTypeDirectory;
    return directory ? Done() : Done(Errno::enotdir);
  }
  { const SimFd made = TRY(create_beneath(task_, at, step.path, Create::directory)); }
  const SimFd fd = TRY(open_beneath(task_, at, step.path, kOpenRead | kOpenDirectory));
  return call(number::fchmod, {fd.get(), step.mode});
}

Result<void, Errno> Child::run_step(const runtime::StepMakeDevice& step) {
  const runtime::Device& device = step.device;
  if (step.bind_from_host) return bind_over_file(device.path, device.path);
  std::string name;
  const SimFd parent = TRY(parent_beneath(task_, TRY(root()), device.path, &name));
  const Done made = call(number::mknodat, {parent.get(), name, file_type(device.type) | device.mode,
                                           device_number(device.major, device.minor)});
  if (!made.ok()) return made.error() == Errno::eexist ? Done() : made;
  TRY(call(number::fchmodat, {parent.get(), name, device.mode}));  // mknod(2) went through the umask
  return call(number::fchownat, {parent.get(), name, device.uid, device.gid, kAtNoFollow});
}

Result<void, Errno> Child::run_step(const runtime::StepMakeSymlink& step) {
  if (step.needs_target && !task_.stat(kHere, step.target, 0).ok()) return {};
  std::string name;
  const SimFd parent = TRY(parent_beneath(task_, TRY(root()), step.path, &name));
  const Done made = call(number::symlinkat, {step.target, parent.get(), name});
  if (made.ok() || made.error() != Errno::eexist) return made;
  if (!step.replace) return {};
  TRY(call(number::unlinkat, {parent.get(), name, 0}));
  return call(number::symlinkat, {step.target, parent.get(), name});
}

Result<void, Errno> Child::run_step(const runtime::StepSetSysctl& step) {
  const SimFd file = TRY(open_beneath(task_, TRY(root()), step.path, kOpenWrite | kOpenNoFollow));
  // A file of the image in the place of /proc would take the value and change nothing.
  if (TRY(file_system_magic(task_, file.get())) != kProcMagic) return Errno::einval;
  return task_.write_all(file.get(), step.value);
}

/// A pty of the container's own devpts: its number is what the container sees below /dev/pts.
Result<SimFd, Errno> Child::open_pty_master() {
  // /dev/ptmx is a link to pts/ptmx; an image may have put something else there.
  SimFd master = TRY(open_beneath(task_, TRY(root()), "/dev/pts/ptmx", kOpenReadWrite | kOpenNoTty));
  const StatRecord about = TRY(task_.stat(master.get(), "", kAtEmptyPath));
  const bool genuine = TRY(file_system_magic(task_, master.get())) == kDevptsMagic &&
                       about.type() == kTypeCharacterDevice && about.rdev_major == 5 && about.rdev_minor == 2;
  if (!genuine) return Errno::enodev;
  const std::string unlock(4, '\0');
  TRY(call(number::ioctl, {master.get(), kSetLock, HostArgument::bytes(std::string_view(unlock))}));
  return master;
}

Result<void, Errno> Child::run_step(const runtime::StepSetupConsole& step) {
  const SimFd master = TRY(open_pty_master());
  const auto peer =
      TRY(task_.attempt(number::ioctl, {master.get(), kOpenPeer, kOpenReadWrite | kOpenNoTty | kOpenCloseOnExec}));
  const SimFd slave(task_, static_cast<int>(peer));
  const runtime::ConsoleSize& size = plan_.console_size;
  if (size.height != 0 || size.width != 0) {
    const std::string window = StructWriter().u16(size.height).u16(size.width).zeros(4).bytes();
    TRY(call(number::ioctl, {slave.get(), kSetWindowSize, HostArgument::bytes(std::string_view(window))}));
  }
  if (step.mount_console) {
    std::string pty_number(4, '\0');
    TRY(call(number::ioctl, {master.get(), kGetNumber, HostArgument::room(pty_number)}));
    const std::string path = concat("/dev/pts/", StructReader(pty_number).u32(0));
    const SimFd source = TRY(open_beneath(task_, TRY(root()), path, kOpenPath, Links::refuse));
    TRY(bind_over_file(descriptor_path(source.get()), "/dev/console"));
  }
  // The process leads a session of its own since its start.
  TRY(call(number::ioctl, {slave.get(), kSetControllingTerminal, 0}));
  for (int fd = 0; fd < 3; ++fd) TRY(call(number::dup3, {slave.get(), fd, 0}));
  const machine::Caller caller{task_.kernel(), task_.id()};
  console_ = TRY(machine::file_of(caller, master.get()));
  machine::get_file(task_.kernel(), console_);  // natively it is sent to the monitor by SCM_RIGHTS
  return {};
}

}  // namespace drydock::sim
