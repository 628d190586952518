#include "native/runtime/attached_stream.h"

#include <poll.h>

#include <algorithm>

#include "native/kernel/message_socket.h"
#include "native/runtime/monitor_protocol.h"

namespace drydock::native {

LinuxAttachedStream::LinuxAttachedStream(std::shared_ptr<Poller> poller, Fd socket, bool with_stdin)
    : poller_(std::move(poller)), socket_(std::move(socket)), with_stdin_(with_stdin) {
  auto token = poller_->add(socket_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, [this](std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && closing_) send_close();
  });
  if (token.ok()) token_ = *token;
}

LinuxAttachedStream::~LinuxAttachedStream() {
  poller_->remove(token_);
}

std::optional<runtime::AttachedStream::Chunk> LinuxAttachedStream::read() {
  if (ended_) return std::nullopt;
  ReceivedMessage message;
  const auto status = receive_message(socket_.get(), kStreamPieceMax, message);
  if (status == ReceiveStatus::nothing) return std::nullopt;
  if (status == ReceiveStatus::closed) {
    ended_ = true;
    return std::nullopt;
  }
  Chunk chunk;
  chunk.stream = message.bytes[0] == 2 ? runtime::StreamKind::err : runtime::StreamKind::out;
  message.bytes.erase(0, 1);
  chunk.bytes = std::move(message.bytes);
  return chunk;
}

std::size_t LinuxAttachedStream::write(std::string_view bytes) {
  if (!with_stdin_ || closing_) return bytes.size();  // nobody wants them: taken and forgotten
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const auto piece = bytes.substr(taken, kStreamPieceMax - 1);
    const auto status = send_message(socket_.get(), concat(kStdinData, piece));
    if (status == SendStatus::closed) return bytes.size();
    if (status == SendStatus::full) break;
    taken += piece.size();
  }
  return taken;
}

bool LinuxAttachedStream::writable() const {
  if (!with_stdin_ || closing_) return true;
  pollfd watched{socket_.get(), POLLOUT, 0};
  return ::poll(&watched, 1, 0) > 0;
}

void LinuxAttachedStream::close_stdin() {
  if (!with_stdin_ || closing_) return;
  closing_ = true;
  send_close();
}

void LinuxAttachedStream::send_close() {
  if (send_message(socket_.get(), std::string_view(&kStdinClose, 1)) != SendStatus::full) {
    closing_ = false;
    with_stdin_ = false;
  }
}

}  // namespace drydock::native
