#include "machine/tty/line_discipline.h"

#include <doctest/doctest.h>

#include <string>

#include "machine/kernel/signals.h"

namespace drydock::machine {
namespace {

/// A pair of which the test is both the typist and the program.
struct Pair {
  Terminal terminal;
  std::vector<int> signals;

  void type(std::string_view text) {
    terminal.typed.insert(terminal.typed.end(), text.begin(), text.end());
    for (const int signal : receive_typed(terminal)) signals.push_back(signal);
  }
  /// What the program reads: "" with nothing there.
  std::string read(std::size_t bytes = 256) {
    std::string out(bytes, '\0');
    out.resize(has_input(terminal) ? take_input(terminal, out) : 0);
    return out;
  }
  /// What is on the screen since the last look.
  std::string shown() {
    std::string text(terminal.output.begin(), terminal.output.end());
    terminal.output.clear();
    return text;
  }
  void set_local(std::uint32_t clear, std::uint32_t set) {
    Termios now = terminal.termios;
    now.local = (now.local & ~clear) | set;
    change_settings(terminal, now);
  }
};

TEST_CASE("a line can be read only when it is complete") {
  Pair pair;
  pair.type("hel");
  CHECK(!has_input(pair.terminal));
  pair.type("lo\nnext");
  CHECK(pair.read() == "hello\n");
  CHECK(pair.read() == "");
  CHECK(pair.shown() == "hello\r\nnext");
}

TEST_CASE("a read that is shorter than the line leaves the rest for the next") {
  Pair pair;
  pair.type("abcdef\nxy\n");
  CHECK(pair.read(4) == "abcd");
  CHECK(pair.read() == "ef\n");
  CHECK(pair.read() == "xy\n");
}

TEST_CASE("the end-of-file character ends a line and is not read itself") {
  Pair pair;
  pair.type("\004");
  REQUIRE(has_input(pair.terminal));
  CHECK(pair.read() == "");
  pair.type("part\004");
  CHECK(pair.read() == "part");
  CHECK(!has_input(pair.terminal));
  pair.type("abc\004def\n");
  CHECK(pair.read(3) == "abc");
  CHECK(pair.read() == "def\n");
}

TEST_CASE("ERASE, WERASE and KILL take characters back from the line and from the screen") {
  Pair pair;
  pair.type("abx\177c\n");
  CHECK(pair.read() == "abc\n");
  CHECK(pair.shown() == "abx\b \bc\r\n");
  pair.type("one two  three\027\n");
  CHECK(pair.read() == "one two  \n");
  pair.shown();
  pair.type("gone\025kept\n");
  CHECK(pair.read() == "kept\n");
  pair.shown();
  pair.type("a\001b\177\177\n");
  CHECK(pair.read() == "a\n");
  CHECK(pair.shown() == "a^Ab\b \b\b \b\b \b\r\n");
}

TEST_CASE("erasing a tab moves the cursor back over all its columns") {
  Pair pair;
  pair.type("a\tb\177\177c\n");
  CHECK(pair.read() == "ac\n");
  CHECK(pair.shown() == "a\tb\b \b\b\b\b\b\b\b\bc\r\n");
}

TEST_CASE("with IUTF8 a character of several bytes is erased as one") {
  Pair pair;
  pair.terminal.termios.input |= kInputUtf8;
  pair.type("a\xc3\xa4\177b\n");
  CHECK(pair.read() == "ab\n");
  CHECK(pair.shown() == "a\xc3\xa4\b \bb\r\n");
}

TEST_CASE("KILL without ECHOKE echoes itself and goes to a new line") {
  Pair pair;
  pair.set_local(kLocalEchoKillErase, 0);
  pair.type("gone\025kept\n");
  CHECK(pair.read() == "kept\n");
  CHECK(pair.shown() == "gone^U\r\nkept\r\n");
}

TEST_CASE("LNEXT takes the next character as it is") {
  Pair pair;
  pair.type("a\026\003b\026\n\n");
  CHECK(pair.signals.empty());
  CHECK(pair.read() == "a\003b\n\n");
  CHECK(pair.shown() == "a^\b^Cb^\b^J\r\n");
}

TEST_CASE("control keys are signals and throw the line away, unless NOFLSH") {
  Pair pair;
  pair.type("typed\003after\n");
  CHECK(pair.signals == std::vector<int>{sig_int});
  CHECK(pair.read() == "after\n");
  pair.set_local(0, kLocalNoFlush);
  pair.type("typed\034after\n");
  CHECK(pair.signals == std::vector<int>{sig_int, sig_quit});
  CHECK(pair.read() == "typedafter\n");
  pair.set_local(kLocalSignals, 0);
  pair.type("\032\n");
  CHECK(pair.signals.size() == 2);
  CHECK(pair.read() == "\032\n");
}

TEST_CASE("a disabled control character is an ordinary one") {
  Pair pair;
  pair.terminal.termios.characters[cc_intr] = 0;
  pair.type(std::string("\003\0\n", 3));
  CHECK(pair.signals.empty());
  CHECK(pair.read() == std::string("\003\0\n", 3));
}

TEST_CASE("VSTOP holds output back and VSTART lets it go on") {
  Pair pair;
  pair.type("\023");
  CHECK(put_output(pair.terminal, std::string("x")) == 0);
  pair.type("\021");
  CHECK(put_output(pair.terminal, std::string("x")) == 1);
}

TEST_CASE("a line that grows too long keeps its beginning and can still be ended") {
  Pair pair;
  pair.type(std::string(5000, 'a') + "\n");
  const std::string line = pair.read(8192);
  CHECK(line.size() == kTerminalLineBytesMax);
  CHECK(line.back() == '\n');
}

TEST_CASE("lines that nobody reads hold the typist back") {
  Pair pair;
  for (int line = 0; line < 600; ++line) pair.type("seven.\n\n");
  CHECK(typing_is_held(pair.terminal));
  std::size_t bytes = 0;
  for (std::string line = pair.read(); !line.empty(); line = pair.read()) {
    bytes += line.size();
    pair.type("");
  }
  CHECK(bytes == 4800);
  CHECK(!typing_is_held(pair.terminal));
}

TEST_CASE("output that nobody reads is bounded") {
  Pair pair;
  const std::string much(100000, 'x');
  const std::size_t taken = put_output(pair.terminal, much);
  CHECK(taken == kTerminalOutputBytesMax);
  pair.type(std::string(100000, 'y'));
  CHECK(pair.terminal.output.size() <= kTerminalOutputBytesMax + kTerminalLineBytesMax);
}

TEST_CASE("what was typed in canonical mode can be read at once in raw mode, and the other way round") {
  Pair pair;
  pair.type("abc");
  pair.set_local(kLocalCanonical, 0);
  CHECK(pair.read() == "abc");
  pair.type("def");
  pair.set_local(0, kLocalCanonical);
  CHECK(pair.read() == "def");
  CHECK(!has_input(pair.terminal));
}

TEST_CASE("output processing translates newlines and expands tabs") {
  Pair pair;
  put_output(pair.terminal, std::string("a\nb\tc\r\n"));
  CHECK(pair.shown() == "a\r\nb\tc\r\r\n");
  pair.terminal.termios.output |= kOutputTabs;
  put_output(pair.terminal, std::string("a\tb\n\t|\n"));
  CHECK(pair.shown() == "a       b\r\n        |\r\n");
}

}  // namespace
}  // namespace drydock::machine
