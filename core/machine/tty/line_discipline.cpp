// The line discipline. termios(3); where that is silent, the behaviour is that of Linux's N_TTY.

#include "machine/tty/line_discipline.h"

#include <algorithm>

#include "machine/kernel/signals.h"

namespace drydock::machine {

namespace {

constexpr std::size_t kTabWidth = 8;

bool is_control(std::uint8_t c) {
  return c < 0x20 || c == 0x7f;
}

bool is_continuation(const Terminal& terminal, std::uint8_t c) {
  return terminal.termios.has_input(kInputUtf8) && (c & 0xc0) == 0x80;
}

bool is_word(std::uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

void emit(Terminal& terminal, std::uint8_t c) {
  // Echo has no reader to wait for: what does not fit is lost, as on Linux.
  if (terminal.output.size() < kTerminalOutputBytesMax + kTerminalLineBytesMax)
    terminal.output.push_back(static_cast<char>(c));
}

/// One character through OPOST processing.
void put_processed(Terminal& terminal, std::uint8_t c) {
  const Termios& set = terminal.termios;
  if (!set.has_output(kOutputProcess)) return emit(terminal, c);
  switch (c) {
    case '\n':
      if (set.has_output(kOutputNlReturns)) terminal.column = 0;
      if (set.has_output(kOutputNlToCrNl)) {
        terminal.column = terminal.line_column = 0;
        emit(terminal, '\r');
      }
      break;
    case '\r':
      if (set.has_output(kOutputNoCrAtStart) && terminal.column == 0) return;
      if (set.has_output(kOutputCrToNl)) {
        c = '\n';
        if (set.has_output(kOutputNlReturns)) terminal.column = terminal.line_column = 0;
        break;
      }
      terminal.column = terminal.line_column = 0;
      break;
    case '\t': {
      const std::uint32_t spaces = kTabWidth - terminal.column % kTabWidth;
      terminal.column += spaces;
      if ((set.output & kOutputTabs) != kOutputTabs) break;
      for (std::uint32_t at = 0; at < spaces; ++at) emit(terminal, ' ');
      return;
    }
    case '\b':
      if (terminal.column > 0) --terminal.column;
      break;
    default:
      if (is_control(c)) break;
      if (set.has_output(kOutputLowerToUpper) && c >= 'a' && c <= 'z') c = static_cast<std::uint8_t>(c - 32);
      if (!is_continuation(terminal, c)) ++terminal.column;
  }
  emit(terminal, c);
}

/// As typed characters show: control characters as ^X with ECHOCTL.
void echo(Terminal& terminal, std::uint8_t c) {
  if (terminal.termios.has_local(kLocalEchoControl) && is_control(c) && c != '\t') {
    emit(terminal, '^');
    emit(terminal, c ^ 0100);
    terminal.column += 2;
  } else {
    put_processed(terminal, c);
  }
}

void finish_erasing(Terminal& terminal) {
  if (!terminal.erasing) return;
  put_processed(terminal, '/');
  terminal.erasing = false;
}

void rub_out(Terminal& terminal) {
  emit(terminal, '\b');
  emit(terminal, ' ');
  emit(terminal, '\b');
  if (terminal.column > 0) --terminal.column;
}

/// How many columns the tab that was just removed from the end of the line took.
std::size_t tab_columns(const Terminal& terminal) {
  std::size_t since = 0;
  for (std::size_t at = terminal.input.size(); at > terminal.line_start; --at) {
    const std::uint8_t c = terminal.input[at - 1].byte;
    if (c == '\t') return kTabWidth - since % kTabWidth;
    if (is_control(c))
      since += terminal.termios.has_local(kLocalEchoControl) ? 2 : 0;
    else if (!is_continuation(terminal, c))
      ++since;
  }
  return kTabWidth - (since + terminal.line_column) % kTabWidth;
}

enum class Erase { character, word, line };

void echo_erased(Terminal& terminal, Erase what, std::uint8_t c, std::size_t bytes) {
  const Termios& set = terminal.termios;
  if (set.has_local(kLocalEchoPrint)) {
    if (!terminal.erasing) {
      put_processed(terminal, '\\');
      terminal.erasing = true;
    }
    echo(terminal, c);
    for (; bytes > 1; --bytes) emit(terminal, 0);  // the rest of a multi-byte character
  } else if (what == Erase::character && !set.has_local(kLocalEchoErase)) {
    echo(terminal, terminal.character(cc_erase));
  } else if (c == '\t') {
    for (std::size_t n = tab_columns(terminal); n > 0; --n) {
      emit(terminal, '\b');
      if (terminal.column > 0) --terminal.column;
    }
  } else {
    if (is_control(c) && set.has_local(kLocalEchoControl)) rub_out(terminal);
    if (!is_control(c) || set.has_local(kLocalEchoControl)) rub_out(terminal);
  }
}

/// Removes the last character (all its bytes); false when what is there is no whole character.
bool drop_last(Terminal& terminal, std::uint8_t& c, std::size_t& bytes) {
  std::size_t at = terminal.input.size();
  do {
    c = terminal.input[--at].byte;
  } while (is_continuation(terminal, c) && at > terminal.line_start);
  if (is_continuation(terminal, c)) return false;
  bytes = terminal.input.size() - at;
  return true;
}

/// ERASE, WERASE and KILL.
void erase(Terminal& terminal, Erase what) {
  const Termios& set = terminal.termios;
  if (terminal.input.size() == terminal.line_start) return;
  if (what == Erase::line) {
    const bool visibly = set.has_local(kLocalEcho);
    if (!visibly || !set.has_local(kLocalEchoKill) || !set.has_local(kLocalEchoKillErase) ||
        !set.has_local(kLocalEchoErase)) {
      terminal.input.resize(terminal.line_start);
      if (!visibly) return;
      finish_erasing(terminal);
      echo(terminal, terminal.character(cc_kill));
      if (set.has_local(kLocalEchoKill)) put_processed(terminal, '\n');
      return;
    }
  }
  bool in_word = false;
  while (terminal.input.size() > terminal.line_start) {
    std::uint8_t c = 0;
    std::size_t bytes = 0;
    if (!drop_last(terminal, c, bytes)) break;
    if (what == Erase::word) {
      if (is_word(c))
        in_word = true;
      else if (in_word)
        break;
    }
    terminal.input.resize(terminal.input.size() - bytes);
    if (set.has_local(kLocalEcho)) echo_erased(terminal, what, c, bytes);
    if (what == Erase::character) break;
  }
  if (terminal.input.size() == terminal.line_start && set.has_local(kLocalEcho)) finish_erasing(terminal);
}

void store(Terminal& terminal, InputByte byte) {
  // A line that grows too long keeps its beginning; room is kept for the byte that ends it.
  if (!byte.ends_line && terminal.input.size() >= kTerminalLineBytesMax - 1) return;
  terminal.input.push_back(byte);
}

void end_line(Terminal& terminal, InputByte byte) {
  byte.ends_line = true;
  store(terminal, byte);
  terminal.line_start = terminal.input.size();
}

void echo_input(Terminal& terminal, std::uint8_t c, bool literal) {
  if (!terminal.termios.has_local(kLocalEcho)) return;
  finish_erasing(terminal);
  if (c == '\n' && !literal) return put_processed(terminal, '\n');
  if (terminal.input.size() == terminal.line_start) terminal.line_column = terminal.column;
  echo(terminal, c);
}

void store_plain(Terminal& terminal, std::uint8_t c, bool literal = false) {
  echo_input(terminal, c, literal);
  if (c == 0xff && terminal.termios.has_input(kInputParityMark)) store(terminal, {c, false, false});
  store(terminal, {c, false, false});
}

void reprint(Terminal& terminal, std::uint8_t c) {
  finish_erasing(terminal);
  echo(terminal, c);
  put_processed(terminal, '\n');
  for (std::size_t at = terminal.line_start; at < terminal.input.size(); ++at) echo(terminal, terminal.input[at].byte);
}

/// The characters that edit or end a line; true when `c` was one.
bool edit_line(Terminal& terminal, std::uint8_t c) {
  const Termios& set = terminal.termios;
  const bool extended = set.has_local(kLocalExtended), echoes = set.has_local(kLocalEcho);
  if (set.is(cc_erase, c)) return erase(terminal, Erase::character), true;
  if (set.is(cc_kill, c)) return erase(terminal, Erase::line), true;
  if (extended && set.is(cc_werase, c)) return erase(terminal, Erase::word), true;
  if (extended && set.is(cc_lnext, c)) {
    terminal.next_is_literal = true;
    if (echoes) {
      finish_erasing(terminal);
      if (set.has_local(kLocalEchoControl)) {
        emit(terminal, '^');
        emit(terminal, '\b');
      }
    }
    return true;
  }
  if (extended && echoes && set.is(cc_reprint, c)) return reprint(terminal, c), true;
  if (c == '\n') {
    if (echoes || set.has_local(kLocalEchoNl)) put_processed(terminal, '\n');
    return end_line(terminal, {c, true, false}), true;
  }
  if (set.is(cc_eof, c)) return end_line(terminal, {0, true, true}), true;
  if (set.is(cc_eol, c) || (extended && set.is(cc_eol2, c))) {
    if (echoes) {
      if (terminal.input.size() == terminal.line_start) terminal.line_column = terminal.column;
      echo(terminal, c);
    }
    return end_line(terminal, {c, true, false}), true;
  }
  return false;
}

int signal_of(const Termios& set, std::uint8_t c) {
  if (!set.has_local(kLocalSignals)) return 0;
  if (set.is(cc_intr, c)) return sig_int;
  if (set.is(cc_quit, c)) return sig_quit;
  if (set.is(cc_susp, c)) return sig_tstp;
  return 0;
}

void receive(Terminal& terminal, std::uint8_t c, std::vector<int>& signals) {
  const Termios& set = terminal.termios;
  if (terminal.next_is_literal) {
    terminal.next_is_literal = false;
    if (set.has_input(kInputStrip)) c &= 0x7f;
    return store_plain(terminal, c, true);
  }
  if (set.has_input(kInputStrip)) c &= 0x7f;
  if (set.has_input(kInputUpperToLower) && set.has_local(kLocalExtended) && c >= 'A' && c <= 'Z')
    c = static_cast<std::uint8_t>(c + 32);
  if (set.has_input(kInputFlow)) {
    if (set.is(cc_start, c)) {
      terminal.stopped = false;
      return;
    }
    if (set.is(cc_stop, c)) {
      terminal.stopped = true;
      return;
    }
    if (set.has_input(kInputFlowAny)) terminal.stopped = false;
  }
  if (const int signal = signal_of(set, c); signal != 0) {
    if (!set.has_local(kLocalNoFlush)) {
      flush_input(terminal);
      flush_output(terminal);
    }
    signals.push_back(signal);
    if (set.has_input(kInputFlow)) terminal.stopped = false;
    if (set.has_local(kLocalEcho)) echo(terminal, c);
    return;
  }
  if (c == '\r') {
    if (set.has_input(kInputIgnoreCr)) return;
    if (set.has_input(kInputCrToNl)) c = '\n';
  } else if (c == '\n' && set.has_input(kInputNlToCr)) {
    c = '\r';
  }
  if (set.has_local(kLocalCanonical) && edit_line(terminal, c)) return;
  store_plain(terminal, c);
}

/// In canonical mode an unfinished line never stops the typist: what is too much of it is dropped instead.
bool has_room(const Terminal& terminal) {
  if (terminal.input.size() < kTerminalLineBytesMax - 1) return true;
  return terminal.termios.has_local(kLocalCanonical) && terminal.line_start == 0;
}

}  // namespace

std::vector<int> receive_typed(Terminal& terminal) {
  std::vector<int> signals;
  while (!terminal.typed.empty() && has_room(terminal)) {
    const std::uint8_t c = terminal.typed.front();
    terminal.typed.pop_front();
    receive(terminal, c, signals);
  }
  return signals;
}

bool typing_is_held(const Terminal& terminal) {
  return !terminal.typed.empty();
}

std::size_t put_output(Terminal& terminal, std::span<const char> bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !terminal.stopped && terminal.output.size() < kTerminalOutputBytesMax)
    put_processed(terminal, static_cast<std::uint8_t>(bytes[taken++]));
  return taken;
}

bool has_input(const Terminal& terminal) {
  return terminal.termios.has_local(kLocalCanonical) ? terminal.line_start > 0 : !terminal.input.empty();
}

std::size_t readable_bytes(const Terminal& terminal) {
  if (!terminal.termios.has_local(kLocalCanonical)) return terminal.input.size();
  const auto end = terminal.input.begin() + static_cast<std::ptrdiff_t>(terminal.line_start);
  return static_cast<std::size_t>(
      std::count_if(terminal.input.begin(), end, [](const InputByte& byte) { return !byte.end_of_file; }));
}

std::size_t take_input(Terminal& terminal, std::span<char> out) {
  const bool canonical = terminal.termios.has_local(kLocalCanonical);
  std::size_t count = 0;
  const auto pop = [&terminal] {
    const InputByte byte = terminal.input.front();
    terminal.input.pop_front();
    if (terminal.line_start > 0) --terminal.line_start;
    return byte;
  };
  if (!canonical) {
    while (count < out.size() && !terminal.input.empty()) out[count++] = static_cast<char>(pop().byte);
    return count;
  }
  while (terminal.line_start > 0) {
    // A line that fits exactly takes its end-of-file mark along, or the next read would see an end of file.
    if (count == out.size() && !terminal.input.front().end_of_file) break;
    const InputByte byte = pop();
    if (!byte.end_of_file) out[count++] = static_cast<char>(byte.byte);
    if (byte.ends_line) break;
  }
  return count;
}

void flush_input(Terminal& terminal) {
  terminal.input.clear();
  terminal.line_start = 0;
  terminal.next_is_literal = false;
  terminal.erasing = false;
}

void flush_output(Terminal& terminal) {
  // What the master could read already is out of reach.
  if (terminal.output.size() > kTerminalLineBytesMax) terminal.output.resize(kTerminalLineBytesMax);
}

void change_settings(Terminal& terminal, const Termios& termios) {
  const bool was_canonical = terminal.termios.has_local(kLocalCanonical);
  terminal.termios = termios;
  const bool canonical = termios.has_local(kLocalCanonical);
  if (!termios.has_input(kInputFlow)) terminal.stopped = false;
  if (was_canonical == canonical) return;
  terminal.erasing = terminal.next_is_literal = false;
  if (!canonical) {
    terminal.line_start = 0;
    return;
  }
  // What was typed in raw mode counts as a line that is complete.
  if (!terminal.input.empty()) terminal.input.back().ends_line = true;
  terminal.line_start = terminal.input.size();
}

}  // namespace drydock::machine
