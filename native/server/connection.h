#pragma once
// One connection of the server: requests one after another, or, once hijacked, raw bytes both ways. Internal to
// native/server.
//
// Held by: the handlers of its socket's operations, the Responder and body stream of the exchange under way, and the
// ByteStream of a hijack. It ends when the socket is closed and the last of these is gone.

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "http/message.h"
#include "native/server/byte_queue.h"
#include "native/server/message_parser.h"
#include "native/server/server.h"
#include "native/server/stream_socket.h"

namespace drydock::native {

class Connection;

/// What the connections of one server share; outlives the server as long as one connection does.
struct ServerShared {
  http::Application* application = nullptr;  // null once the server is gone
  std::function<void()> wake;
  ServerOptions options;
  std::size_t connections = 0;
  std::function<void()> connection_ended;  // a listener may accept again

  void notify() const {
    if (application != nullptr && wake) wake();
  }
};

/// A streamed request body: filled by the connection, emptied by the handler.
struct BodyPipe {
  ByteQueue bytes;
  bool complete = false;
  std::optional<Error> failure;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::io_context& io, std::unique_ptr<StreamSocket> socket, std::shared_ptr<ServerShared> shared);
  ~Connection();

  void start();
  /// Ends everything at once.
  void abort();
  /// The server is going away: idle connections close now, answers under way are still sent.
  void stop();

  // Of the exchange under way (see exchange_handle.cpp). A stale exchange number is ignored.
  void start_answer(std::uint64_t exchange, int status, http::Headers headers);
  void write_answer(std::uint64_t exchange, std::string_view bytes);
  void finish_answer(std::uint64_t exchange);
  void abandon_answer(std::uint64_t exchange);
  bool hijack(std::uint64_t exchange, int status, http::Headers headers);
  std::size_t backlog() const { return unsent_.size() + sending_.size() - sent_; }
  bool peer_gone(std::uint64_t exchange) const;
  /// The handler wants bytes of the body: sends "100 Continue" if it is waited for, reads on if reading was held back.
  void want_body();

  // Of a hijacked connection.
  Result<std::size_t> read_raw(std::span<char> out);
  bool raw_ended() const { return input_.empty() && (input_ended_ || dead_); }
  std::size_t write_raw(std::string_view bytes);
  bool raw_broken() const { return dead_ || hung_up_; }
  void close_raw_write();
  void release_raw();

 private:
  static constexpr std::size_t kKeptSendBuffer = 64u << 10;

  enum class Phase {
    head,       // between requests, or in the head of one
    body,       // a buffered body is being gathered
    answering,  // the handler has the request; its streamed body may still arrive
    raw,        // hijacked
    closing,    // the last bytes go out, then the socket closes
  };

  // Input
  void read_more();
  bool wants_input() const;
  void on_read(const boost::system::error_code& code, std::size_t count);
  void on_input_end();
  void process();
  bool process_head();
  void on_head();
  bool process_body();
  void dispatch();
  void next_request();

  // Output
  void flush_soon();
  void flush();
  void send_rest();
  void on_written(const boost::system::error_code& code, std::size_t count);
  void on_all_written();
  std::string answer_head(int status, const http::Headers& headers) const;
  void queue_body(std::string_view bytes);
  /// Answers a request that never reaches the application, and closes.
  void refuse(int status, std::string_view content_type, std::string_view body);
  void finish_exchange();
  void close_gently();

  void arm_timer(std::int64_t ns);
  void on_timer();
  void close_now();

  boost::asio::io_context& io_;
  std::unique_ptr<StreamSocket> socket_;
  std::shared_ptr<ServerShared> shared_;
  boost::asio::steady_timer timer_;

  Phase phase_ = Phase::head;
  bool dead_ = false;  // the socket is closed
  bool stopping_ = false;

  ByteQueue input_;
  std::string read_buffer_;
  bool reading_ = false;
  bool input_ended_ = false;  // the peer sends no more
  bool hung_up_ = false;      // and does not listen either

  std::unique_ptr<MessageParser> parser_;
  http::Request request_;
  std::string request_method_;
  std::string buffered_body_;
  std::shared_ptr<BodyPipe> pipe_;  // of a streamed body
  bool continue_expected_ = false;
  std::uint64_t discarded_ = 0;  // of a body nobody wants

  std::uint64_t exchange_ = 0;
  bool answer_started_ = false;
  bool answer_finished_ = false;
  bool answer_chunked_ = false;
  bool answer_bodiless_ = false;
  std::optional<std::uint64_t> answer_left_;  // of the Content-Length that was promised
  bool keep_alive_ = true;
  bool http_1_0_ = false;
  std::string upgrade_;  // the protocol that the client asked for

  std::string sending_;
  std::size_t sent_ = 0;
  std::string unsent_;
  bool writing_ = false;
  bool flush_posted_ = false;
  bool shutdown_wanted_ = false;  // once everything is written
  bool write_closed_ = false;
};

/// The Responder and body stream that a handler gets.
std::shared_ptr<http::Responder> make_responder(std::shared_ptr<Connection> connection, std::uint64_t exchange);
std::unique_ptr<ByteSource> make_body_stream(std::shared_ptr<Connection> connection, std::shared_ptr<BodyPipe> pipe);

}  // namespace drydock::native
