#pragma once
// The json-file log driver's lines: {"log":"hello\n","stream":"stdout","time":"2024-05-01T12:00:00.5Z"}, one record
// each. The monitor of a container writes them, the daemon reads them, and so may every tool that knows Docker's files.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace drydock::runtime {

/// A line longer than this becomes several records; all but the last have no newline at their end.
inline constexpr std::size_t kLogPieceMax = 16 * 1024;
/// The longest encoded line that the reader takes: every byte of a piece as six ("\u0000"), and attributes.
inline constexpr std::size_t kLogLineMax = 256 * 1024;

struct LogRecord {
  std::string log;                // with its newline, if the line ended
  std::string stream = "stdout";  // or "stderr"
  Timestamp time;
  std::vector<std::pair<std::string, std::string>> attributes;  // --log-opt labels=, env=
  friend bool operator==(const LogRecord&, const LogRecord&) = default;
};

/// The record as one line with its newline. Escapes as Docker's writer does: control characters, quotes, <, >, &,
/// U+2028 and U+2029; invalid UTF-8 becomes \ufffd.
std::string encode_log_record(const LogRecord& record);
/// One line, with or without its newline; nothing if it is not a record (torn, damaged).
std::optional<LogRecord> decode_log_record(std::string_view line);

/// Cuts what a stream delivers into the pieces that become records. One per stream.
class LogSplitter {
 public:
  /// The pieces that are complete now: lines with their newline, and pieces of kLogPieceMax bytes of longer ones.
  std::vector<std::string> push(std::string_view bytes);
  /// At the end of the stream: what is left without a newline, if anything.
  std::optional<std::string> finish();

 private:
  std::string pending_;
};

/// Reads records from a file that is still being written: give it the bytes as they come.
class LogCursor {
 public:
  void push(std::string_view chunk) { buffer_.append(chunk); }
  /// The next complete record. Damaged lines are skipped and counted; a torn last line waits for its rest.
  std::optional<LogRecord> next();
  /// Bytes consumed by the records so far: where a later reader may go on.
  std::uint64_t offset() const { return offset_; }
  std::uint64_t skipped() const { return skipped_; }

 private:
  std::string buffer_;
  std::size_t at_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t skipped_ = 0;
  bool overlong_ = false;
};

}  // namespace drydock::runtime
