#pragma once
// N_TTY, the line discipline: what typing does to the input, the echo and the foreground group, and what output
// processing does to what is written. termios(3). Pure: knows a Terminal, nothing of tasks.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "machine/tty/terminal.h"

namespace drydock::machine {

/// Takes what was typed as far as there is room. Returns the signals for the foreground group, in order.
std::vector<int> receive_typed(Terminal& terminal);
/// True when input that was typed still waits for room.
bool typing_is_held(const Terminal& terminal);

/// Writes to the screen with output processing; returns how many of `bytes` were taken. None while it is stopped.
std::size_t put_output(Terminal& terminal, std::span<const char> bytes);

/// Canonical: a complete line or end of file is there. Raw: at least one byte.
bool has_input(const Terminal& terminal);
/// Bytes FIONREAD tells.
std::size_t readable_bytes(const Terminal& terminal);
/// Moves input to `out`: at most one line in canonical mode. 0 is end of file there. has_input() must be true.
std::size_t take_input(Terminal& terminal, std::span<char> out);

void flush_input(Terminal& terminal);
void flush_output(Terminal& terminal);
/// New settings: what has been typed becomes readable, or a line again, when ICANON changes.
void change_settings(Terminal& terminal, const Termios& termios);

}  // namespace drydock::machine
