#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/socket_base.hpp>
#include <cerrno>

#include "native/server/stream_socket.h"

namespace drydock::native {

namespace asio = boost::asio;

namespace {

class PlainStream final : public StreamSocket {
 public:
  explicit PlainStream(PlainSocket socket) : socket_(std::move(socket)) {}

  void async_handshake(HandshakeHandler handler) override { handler(""); }
  void async_read_some(char* data, std::size_t size, IoHandler handler) override {
    socket_.async_read_some(asio::buffer(data, size), std::move(handler));
  }
  void async_write_some(const char* data, std::size_t size, IoHandler handler) override {
    socket_.async_write_some(asio::buffer(data, size), std::move(handler));
  }
  void async_wait_hangup(DoneHandler handler) override {
    socket_.async_wait(asio::socket_base::wait_error, std::move(handler));
  }
  bool is_quiet() override { return socket_is_quiet(socket_.native_handle()); }
  void shutdown_write() override {
    boost::system::error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }
  void close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  PlainSocket socket_;
};

}  // namespace

bool socket_is_quiet(int fd) {
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

std::unique_ptr<StreamSocket> make_plain_socket(PlainSocket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace drydock::native
