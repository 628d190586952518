#pragma once
// Terminals and sessions: the controlling terminal, the foreground group, what stops a background process, hang-ups.
// credentials(7), setsid(2), ioctl_tty(2), tcsetpgrp(3).

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// Null when there is no terminal of that number.
Terminal* find_terminal(Kernel& kernel, std::uint32_t number);
WaitKey terminal_key(std::uint32_t number);

/// Whether the caller may read (SIGTTIN), or write or change (SIGTTOU) now: done() unless it is in the background of
/// its own terminal. Then its group gets the signal and the call waits to be run again; EIO when the signal would have
/// no effect: an orphaned group, or SIGTTIN ignored or blocked.
Outcome check_foreground(const Caller& caller, const Terminal& terminal, int signal);
void signal_foreground(Kernel& kernel, const Terminal& terminal, int signal);

/// The terminal becomes the session's, the caller being its leader.
void acquire_terminal(const Caller& caller, Terminal& terminal);
/// TIOCSCTTY. EPERM.
Result<void, Errno> set_controlling_terminal(const Caller& caller, Terminal& terminal, bool steal);
/// TIOCNOTTY of the caller's process, and the end of a process (`exiting`): a session leader takes the terminal away
/// from the whole session, and the foreground group is hung up. Nothing happens to a process without a terminal.
void give_up_terminal(Kernel& kernel, ProcessId process, bool exiting);

/// TIOCSPGRP with a number of the caller's pid namespace.
Outcome set_foreground_group(const Caller& caller, Terminal& terminal, std::int32_t pid);

/// The master is gone: the session loses the terminal and its leader gets SIGHUP.
void hang_up(Kernel& kernel, Terminal& terminal);
/// SIGWINCH to the foreground group when the size changes.
void resize_terminal(Kernel& kernel, Terminal& terminal, WindowSize size);

/// A new pair; number() is chosen. `devpts`: none for a console.
Terminal& create_terminal(Kernel& kernel, SuperblockId devpts, std::uint32_t index);

}  // namespace drydock::machine
