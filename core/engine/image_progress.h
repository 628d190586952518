#pragma once
// The stream of JSON lines that a pull, push, load or import answers with, in the shape of dockerd's jsonmessage:
//
//   {"status":"Downloading","progressDetail":{"current":1,"total":2},"progress":"[=====>     ]
//   1B/2B","id":"0a1b2c"}\r\n

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace drydock::engine {

/// Where a job tells how far it is. The job calls finish() or fail() once, at its end.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  /// A line as the functions below make it.
  virtual void write(std::string_view line) = 0;
  virtual void finish() = 0;
  /// An answer that has not begun gets the error's status; else it is the last line of the stream.
  virtual void fail(const Error& error) = 0;
  /// True when the client is gone: the work is cancelled, as dockerd does.
  virtual bool closed() const = 0;
  /// True while the client has not taken what was written: the job waits.
  virtual bool full() const { return false; }
};

/// {"status":TEXT} or {"status":TEXT,"id":ID}: a message.
std::string status_line(std::string_view text, std::string_view id = "");
/// {"status":ACTION,"progressDetail":{},"id":ID}: what a layer does now.
std::string action_line(std::string_view id, std::string_view action);
/// The same with a bar; `total` 0 is unknown.
std::string progress_line(std::string_view id, std::string_view action, std::uint64_t current, std::uint64_t total);
/// {"stream":TEXT}
std::string stream_line(std::string_view text);
/// {"progressDetail":{},"aux":…}: `aux` is JSON text.
std::string aux_line(std::string_view aux);
/// {"errorDetail":{"message":TEXT},"error":TEXT}; a code is shown for 401, as dockerd does.
std::string error_line(const Error& error);

/// 1984162 is "1.984MB": four significant digits, decimal units.
std::string human_size(std::uint64_t bytes);
/// The bar and the two numbers, fifty columns wide.
std::string progress_bar(std::uint64_t current, std::uint64_t total);
/// The text as Go's encoder writes it between quotes' content: '<', '>' and '&' escaped. `json` is JSON text.
std::string escape_html(std::string_view json);

/// Decides which of many small steps forward are told: at most one in 100 ms for each layer, and the last one.
class ProgressPace {
 public:
  bool due(std::int64_t now_ns) {
    if (told_ && now_ns - last_ns_ < kPeriodNs) return false;
    told_ = true;
    last_ns_ = now_ns;
    return true;
  }

 private:
  static constexpr std::int64_t kPeriodNs = 100'000'000;
  bool told_ = false;
  std::int64_t last_ns_ = 0;
};

}  // namespace drydock::engine
