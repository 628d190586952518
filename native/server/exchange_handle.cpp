// What a handler holds of a connection: the Responder, the body stream, the hijacked stream.

#include "native/server/connection.h"

namespace drydock::native {

namespace {

class HijackedStream final : public ByteStream {
 public:
  explicit HijackedStream(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  ~HijackedStream() override { connection_->release_raw(); }

  Result<std::size_t> read(std::span<char> out) override { return connection_->read_raw(out); }
  bool ended() const override { return connection_->raw_ended(); }
  std::size_t write(std::string_view bytes) override { return connection_->write_raw(bytes); }
  bool broken() const override { return connection_->raw_broken(); }
  void close_write() override { connection_->close_raw_write(); }
  std::size_t backlog() const override { return connection_->backlog(); }

 private:
  std::shared_ptr<Connection> connection_;
};

/// What a hijack of an exchange that is already over gives.
class DeadStream final : public ByteStream {
 public:
  Result<std::size_t> read(std::span<char>) override { return std::size_t{0}; }
  bool ended() const override { return true; }
  std::size_t write(std::string_view) override { return 0; }
  bool broken() const override { return true; }
  void close_write() override {}
  std::size_t backlog() const override { return 0; }
};

class ConnectionResponder final : public http::Responder {
 public:
  ConnectionResponder(std::shared_ptr<Connection> connection, std::uint64_t exchange)
      : connection_(std::move(connection)), exchange_(exchange) {}
  ~ConnectionResponder() override { connection_->abandon_answer(exchange_); }

  void start(int status, http::Headers headers) override {
    connection_->start_answer(exchange_, status, std::move(headers));
  }
  void write(std::string_view bytes) override { connection_->write_answer(exchange_, bytes); }
  void finish() override { connection_->finish_answer(exchange_); }
  std::size_t backlog() const override { return connection_->backlog(); }
  bool closed() const override { return connection_->peer_gone(exchange_); }
  std::unique_ptr<ByteStream> hijack(int status, http::Headers headers) override {
    if (!connection_->hijack(exchange_, status, std::move(headers))) return std::make_unique<DeadStream>();
    return std::make_unique<HijackedStream>(connection_);
  }

 private:
  std::shared_ptr<Connection> connection_;
  std::uint64_t exchange_;
};

class BodyStream final : public ByteSource {
 public:
  BodyStream(std::shared_ptr<Connection> connection, std::shared_ptr<BodyPipe> pipe)
      : connection_(std::move(connection)), pipe_(std::move(pipe)) {}

  Result<std::size_t> read(std::span<char> out) override {
    const std::size_t count = pipe_->bytes.take(out);
    if (count == 0 && pipe_->failure) return *pipe_->failure;
    if (!pipe_->complete && !pipe_->failure) connection_->want_body();
    return count;
  }
  bool ended() const override { return pipe_->complete && pipe_->bytes.empty(); }

 private:
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<BodyPipe> pipe_;
};

}  // namespace

std::shared_ptr<http::Responder> make_responder(std::shared_ptr<Connection> connection, std::uint64_t exchange) {
  return std::make_shared<ConnectionResponder>(std::move(connection), exchange);
}

std::unique_ptr<ByteSource> make_body_stream(std::shared_ptr<Connection> connection, std::shared_ptr<BodyPipe> pipe) {
  return std::make_unique<BodyStream>(std::move(connection), std::move(pipe));
}

}  // namespace drydock::native
