#pragma once
// A system call as strace(1) prints it: name, decoded arguments, result. What goes in is read before the call is
// carried out, what comes back afterwards, so that the text shows what the kernel was given.
//
// Not modelled: strace's abbreviations differ between its versions; the form is that of strace 6.1 with its defaults
// (32 bytes of a string, 32 elements of an array, results from column 40 on).

#include <string>
#include <string_view>
#include <vector>

#include "machine/syscalls/table.h"

namespace drydock::machine {

class SyscallText {
 public:
  /// Before the first attempt at the call the task stands in.
  SyscallText(Kernel& kernel, TaskId task);

  /// After the last attempt. The task may be gone by then.
  void finish(Kernel& kernel, TaskId task, const Outcome& outcome);

  /// "wait4(-1,  <unfinished ...>": what is known of a call that blocks.
  std::string unfinished() const;
  /// "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 7", after finish().
  std::string line() const;
  /// The same without the columns that strace sets results in.
  std::string text() const;

  std::string_view name() const { return name_; }
  /// "= 0", "= -1 ENOENT (No such file or directory)", after finish().
  const std::string& result() const { return result_; }

 private:
  struct Argument {
    std::string text;
    Arg kind = Arg::none;
    int index = -1;  // of the register
    bool pending = false;
  };
  void take_in(const Call& call, const SyscallRow* row);
  std::string arguments(bool known_only) const;

  std::string name_;
  std::uint64_t number_ = 0;
  std::array<std::uint64_t, 6> values_{};
  std::vector<Argument> arguments_;
  std::string result_;
};

}  // namespace drydock::machine
