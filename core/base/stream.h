#pragma once
// Byte streams that never block: what hijacked connections, container stdio and bodies have in common.
// Nobody is called back: when a stream may have news, the owner of the loop steps the daemon, and the jobs
// that hold streams look again.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace drydock {

/// Bytes that arrive over time: a request body, a response body, a file.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Moves up to out.size() bytes to `out`; returns how many. Zero: nothing there now, or ended().
  /// An error is final: the bytes that were promised will not come (connection lost, body over its limit).
  virtual Result<std::size_t> read(std::span<char> out) = 0;
  /// True when everything was read and nothing more will come.
  virtual bool ended() const = 0;
};

/// A connection: bytes both ways, each direction closed for itself.
class ByteStream : public ByteSource {
 public:
  /// Takes as many bytes as there is room for, returns how many. Zero: no room now, or the peer is gone.
  virtual std::size_t write(std::string_view bytes) = 0;
  /// True when writing has no use any more: the peer is gone.
  virtual bool broken() const = 0;
  /// Tells the peer that nothing more comes from here (shutdown(2) with SHUT_WR); what was written is still sent.
  virtual void close_write() = 0;
  /// Bytes taken by write() that the peer has not got yet.
  virtual std::size_t backlog() const = 0;
};

/// A source over a string that is all there.
class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<std::size_t> read(std::span<char> out) override;
  bool ended() const override { return at_ == bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

}  // namespace drydock
