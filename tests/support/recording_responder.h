#pragma once
// The server's side of one exchange, in memory: keeps what was answered, and is a connection once it was taken over.

#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"

namespace drydock::testing {

/// Both directions of a taken-over connection. The test is the client.
struct MemoryConnection {
  std::string to_client;
  std::string from_client;
  bool client_ended = false;  // it sends nothing more
  bool client_gone = false;
  bool server_ended = false;
};

class MemoryStream final : public ByteStream {
 public:
  explicit MemoryStream(std::shared_ptr<MemoryConnection> connection) : connection_(std::move(connection)) {}
  ~MemoryStream() override { connection_->server_ended = true; }
  Result<std::size_t> read(std::span<char> out) override {
    const std::size_t count = std::min(out.size(), connection_->from_client.size());
    connection_->from_client.copy(out.data(), count);
    connection_->from_client.erase(0, count);
    return count;
  }
  bool ended() const override { return connection_->client_ended && connection_->from_client.empty(); }
  std::size_t write(std::string_view bytes) override {
    connection_->to_client.append(bytes);
    return bytes.size();
  }
  bool broken() const override { return connection_->client_gone; }
  void close_write() override { connection_->server_ended = true; }
  std::size_t backlog() const override { return 0; }

 private:
  std::shared_ptr<MemoryConnection> connection_;
};

class RecordingResponder final : public http::Responder {
 public:
  int status = 0;
  http::Headers headers;
  std::string body;
  bool finished = false;
  bool peer_gone = false;
  std::shared_ptr<MemoryConnection> connection;  // once taken over

  void start(int code, http::Headers fields) override {
    status = code;
    headers = std::move(fields);
  }
  void write(std::string_view bytes) override {
    if (!finished) body.append(bytes);
  }
  void finish() override { finished = true; }
  std::size_t backlog() const override { return 0; }
  bool closed() const override { return peer_gone; }
  std::unique_ptr<ByteStream> hijack(int code, http::Headers fields) override {
    start(code, std::move(fields));
    connection = std::make_shared<MemoryConnection>();
    return std::make_unique<MemoryStream>(connection);
  }
};

}  // namespace drydock::testing
