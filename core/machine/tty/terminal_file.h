#pragma once
// Open files of a terminal pair: the master (what drives it) and the slave (what programs see). pty(7), ioctl_tty(2).

#include <memory>

#include "machine/kernel/kernel.h"
#include "machine/vfs/file.h"

namespace drydock::machine {

enum class TerminalSide : std::uint8_t { master, slave };

class TerminalFile final : public File {
 public:
  TerminalFile(std::uint32_t number, TerminalSide side) : number_(number), side_(side) {}
  std::unique_ptr<File> clone() const override { return std::make_unique<TerminalFile>(*this); }

  std::uint32_t number() const { return number_; }
  TerminalSide side() const { return side_; }
  /// Of a master: where its devpts is mounted, for TIOCGPTPEER.
  Path devpts_root;

  Outcome read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) override;
  Outcome write(const Caller& caller, std::span<const char> bytes, const std::uint64_t* offset) override;
  Outcome ioctl(const Caller& caller, std::uint64_t request, std::uint64_t argument) override;
  std::uint16_t poll(const Caller& caller) override;
  WaitKey wait_key() const override;
  std::string nameless_text() const override { return "/dev/ptmx"; }
  void release(Kernel& kernel) override;

 private:
  Outcome read_slave(const Caller& caller, Terminal& terminal, std::span<char> out);
  Outcome read_master(const Caller& caller, Terminal& terminal, std::span<char> out);
  std::uint32_t number_;
  TerminalSide side_;
};

/// A file of the terminal's slave side, for open(2): EIO when it is locked or hung up, EBUSY when it is exclusive.
/// Makes it the caller's controlling terminal where open(2) does (a session leader without one, no O_NOCTTY).
Result<std::unique_ptr<File>, Errno> open_slave(const Caller& caller, std::uint32_t number, std::uint32_t flags);
/// Counts one more master.
std::unique_ptr<TerminalFile> open_master(Kernel& kernel, std::uint32_t number);

}  // namespace drydock::machine
