#pragma once
// One request of the transport and its answer, and the pool of kept-alive connections. Internal to native/server.
//
// Held by: the handle that the caller got (dropping it cancels), and the handlers of the socket's operations.

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "http/transport.h"
#include "native/server/byte_queue.h"
#include "native/server/dialer.h"
#include "native/server/message_parser.h"
#include "native/server/transport.h"

namespace drydock::native {

/// Idle connections by origin, newest first out.
class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  ConnectionPool(boost::asio::io_context& io, const TransportOptions& options);
  /// Null if there is none that still looks alive.
  std::unique_ptr<StreamSocket> take(const std::string& key);
  void put(const std::string& key, std::unique_ptr<StreamSocket> socket);
  void close_all();

 private:
  struct Idle {
    std::unique_ptr<StreamSocket> socket;
    std::chrono::steady_clock::time_point until;
  };
  void drop_expired();
  void arm();

  boost::asio::steady_timer timer_;
  std::chrono::nanoseconds keep_;
  std::size_t per_key_max_;
  std::size_t all_max_;
  std::map<std::string, std::deque<Idle>> idle_;
  std::size_t count_ = 0;
  bool armed_ = false;
  bool closed_ = false;
};

/// What the exchanges of one transport share.
struct TransportShared {
  TransportShared(boost::asio::io_context& context, std::function<void()> on_news, TransportOptions opts);

  /// The TLS settings for a host, made once and kept.
  Result<std::shared_ptr<boost::asio::ssl::context>> tls_for(const http::Url& url);

  boost::asio::io_context& io;
  std::function<void()> wake;
  TransportOptions options;
  std::shared_ptr<ConnectionPool> pool;
  std::map<std::string, std::shared_ptr<boost::asio::ssl::context>> tls_contexts;
};

class ClientExchange : public std::enable_shared_from_this<ClientExchange> {
 public:
  ClientExchange(std::shared_ptr<TransportShared> shared, http::ClientRequest request);

  void start();
  void cancel();

  const http::ResponseHead* head() const { return head_ ? &*head_ : nullptr; }
  const std::optional<Error>& failure() const { return failure_; }
  Result<std::size_t> read(std::span<char> out);
  bool ended() const { return answer_done_ && body_.empty() && !failure_; }

 private:
  Result<DialTarget> plan();
  void dial();
  void on_socket(std::unique_ptr<StreamSocket> socket);
  Result<std::string> request_head() const;

  void send();
  void on_sent(const boost::system::error_code& code, std::size_t count);
  bool refill();
  void wait_for_body();

  void receive();
  void on_received(const boost::system::error_code& code, std::size_t count);
  void on_receive_failure(const boost::system::error_code& code);
  bool parse();
  bool take_head();
  void finish();

  void watch_idle();
  void fail(std::string message);
  void end();

  std::shared_ptr<TransportShared> shared_;
  http::ClientRequest request_;
  http::Url url_;
  std::string pool_key_;
  DialTarget target_;

  std::shared_ptr<Dial> dial_;
  std::unique_ptr<StreamSocket> socket_;
  int attempt_ = 0;  // handlers of an earlier connection do nothing
  bool reused_ = false;

  std::string sending_;
  std::size_t sent_ = 0;
  bool body_begun_ = false;
  bool request_sent_ = false;
  std::uint64_t body_sent_ = 0;
  std::string send_failure_;
  boost::asio::steady_timer body_timer_;

  std::string read_buffer_;
  ByteQueue input_;
  ByteQueue body_;
  bool receiving_ = false;
  bool got_bytes_ = false;
  std::unique_ptr<MessageParser> parser_;
  int informational_ = 0;
  std::optional<http::ResponseHead> head_;
  bool answer_done_ = false;

  boost::asio::steady_timer idle_timer_;
  std::chrono::steady_clock::time_point last_progress_;
  std::optional<Error> failure_;
  bool over_ = false;  // done, failed or cancelled: late handlers do nothing
};

}  // namespace drydock::native
