#pragma once
// The settings of a terminal: struct termios as TCGETS(2const) gives it, and the bits this line discipline knows.
// termios(3), asm-generic/termbits.h. Speeds are kept and have no effect.

#include <array>
#include <cstdint>

namespace drydock::machine {

/// Indices into Termios::characters. A character of 0 is disabled (_POSIX_VDISABLE), but for VMIN and VTIME.
enum ControlCharacter : std::size_t {
  cc_intr = 0,
  cc_quit = 1,
  cc_erase = 2,
  cc_kill = 3,
  cc_eof = 4,
  cc_time = 5,
  cc_min = 6,
  cc_start = 8,
  cc_stop = 9,
  cc_susp = 10,
  cc_eol = 11,
  cc_reprint = 12,
  cc_discard = 13,
  cc_werase = 14,
  cc_lnext = 15,
  cc_eol2 = 16,
};
inline constexpr std::size_t kControlCharacters = 19;

// c_iflag
inline constexpr std::uint32_t kInputParityMark = 0000010, kInputStrip = 0000040, kInputNlToCr = 0000100,
                               kInputIgnoreCr = 0000200, kInputCrToNl = 0000400, kInputUpperToLower = 0001000,
                               kInputFlow = 0002000, kInputFlowAny = 0004000, kInputBell = 0020000,
                               kInputUtf8 = 0040000;
// c_oflag
inline constexpr std::uint32_t kOutputProcess = 0000001, kOutputLowerToUpper = 0000002, kOutputNlToCrNl = 0000004,
                               kOutputCrToNl = 0000010, kOutputNoCrAtStart = 0000020, kOutputNlReturns = 0000040,
                               kOutputTabs = 0014000;
// c_lflag
inline constexpr std::uint32_t kLocalSignals = 0000001, kLocalCanonical = 0000002, kLocalEcho = 0000010,
                               kLocalEchoErase = 0000020, kLocalEchoKill = 0000040, kLocalEchoNl = 0000100,
                               kLocalNoFlush = 0000200, kLocalStopOutput = 0000400, kLocalEchoControl = 0001000,
                               kLocalEchoPrint = 0002000, kLocalEchoKillErase = 0004000, kLocalExtended = 0100000;

struct Termios {
  std::uint32_t input = kInputCrToNl | kInputFlow;
  std::uint32_t output = kOutputProcess | kOutputNlToCrNl;
  std::uint32_t control = 0xbf;  // B38400, CS8, CREAD
  std::uint32_t local = kLocalSignals | kLocalCanonical | kLocalEcho | kLocalEchoErase | kLocalEchoKill |
                        kLocalEchoControl | kLocalEchoKillErase | kLocalExtended;
  std::uint8_t line = 0;
  std::array<std::uint8_t, kControlCharacters> characters{3,    0x1c, 0x7f, 0x15, 4,    0,    1, 0, 0x11, 0x13,
                                                          0x1a, 0,    0x12, 0x0f, 0x17, 0x16, 0, 0, 0};
  std::uint32_t input_speed = 38400, output_speed = 38400;

  bool has_input(std::uint32_t bit) const { return (input & bit) != 0; }
  bool has_output(std::uint32_t bit) const { return (output & bit) != 0; }
  bool has_local(std::uint32_t bit) const { return (local & bit) != 0; }
  /// True when `c` is that control character, and the character is not disabled.
  bool is(ControlCharacter which, std::uint8_t c) const { return c != 0 && characters[which] == c; }
};

}  // namespace drydock::machine
