#pragma once

#include <memory>

#include "native/kernel/poller.h"
#include "runtime/runtime.h"

namespace drydock::native {

/// The daemon's end of a SOCK_SEQPACKET pair whose other end the monitor has. The socket's own buffer is the bound.
class LinuxAttachedStream final : public runtime::AttachedStream {
 public:
  /// The poller is woken when the stream may have news (edge-triggered: a stream that nobody reads does not spin).
  LinuxAttachedStream(std::shared_ptr<Poller> poller, Fd socket, bool with_stdin);
  ~LinuxAttachedStream() override;

  std::optional<Chunk> read() override;
  bool ended() const override { return ended_; }
  std::size_t write(std::string_view bytes) override;
  bool writable() const override;
  void close_stdin() override;

 private:
  void send_close();

  std::shared_ptr<Poller> poller_;
  Fd socket_;
  Poller::Token token_ = 0;
  bool with_stdin_;
  bool ended_ = false;
  bool closing_ = false;  // the end of stdin waits for room
};

}  // namespace drydock::native
