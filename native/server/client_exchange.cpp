#include "native/server/client_exchange.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include "base/text.h"

namespace drydock::native {

namespace {

constexpr std::size_t kReadBuffer = 64u << 10;
constexpr std::size_t kSendBuffer = 64u << 10;
constexpr std::size_t kUnreadMax = 256u << 10;  // of the answer's body, before reading stops
constexpr std::size_t kAnswerHeadMax = 1u << 20;
constexpr int kInformationalMax = 16;  // 1xx answers before the real one
constexpr auto kBodyRetry = std::chrono::milliseconds(2);

std::string errno_text(const boost::system::error_code& code) {
  if (code.category() == boost::system::system_category()) {
    return std::string(to_string(static_cast<Errno>(code.value())));
  }
  return to_lower(code.message());
}

bool is_token(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

std::string chunk(std::string_view bytes) {
  std::string size;
  for (std::size_t left = bytes.size(); left != 0; left >>= 4) size.insert(size.begin(), "0123456789abcdef"[left & 15]);
  return concat(size, "\r\n", bytes, "\r\n");
}

}  // namespace

ClientExchange::ClientExchange(std::shared_ptr<TransportShared> shared, http::ClientRequest request)
    : shared_(std::move(shared)), request_(std::move(request)), body_timer_(shared_->io), idle_timer_(shared_->io) {}

void ClientExchange::start() {
  auto planned = plan();
  if (planned.ok()) target_ = std::move(planned).value();
  auto head = planned.ok() ? request_head() : Result<std::string>(planned.error());
  if (!head.ok()) {
    over_ = true;
    failure_ = std::move(head).error();
    shared_->wake();
    return;
  }
  sending_ = std::move(head).value();
  read_buffer_.resize(kReadBuffer);
  last_progress_ = std::chrono::steady_clock::now();
  watch_idle();
  if (auto socket = shared_->pool->take(pool_key_)) {
    reused_ = true;
    on_socket(std::move(socket));
  } else {
    dial();
  }
}

Result<DialTarget> ClientExchange::plan() {
  url_ = TRY(http::parse_url(request_.url));
  DialTarget target;
  target.url = url_;
  target.proxy = TRY(proxy_for(shared_->options.proxies, url_));
  if (url_.is_https()) target.tls = TRY(shared_->tls_for(url_));
  target.verify_certificate = !request_.accept_any_certificate;
  target.timeout_ns = shared_->options.dial_timeout_ns;
  // Plain requests through a proxy share its connections whatever their target is.
  pool_key_ = target.proxy && !target.tls ? target.proxy->origin() : url_.origin();
  if (target.proxy) pool_key_ += concat(" via ", target.proxy->origin());
  if (request_.accept_any_certificate) pool_key_ += " unverified";
  return target;
}

Result<std::string> ClientExchange::request_head() const {
  if (!is_token(request_.method)) {
    return drydock::fail(ErrorKind::invalid_argument, "net/http: invalid method ", go_quoted(request_.method));
  }
  const bool through_proxy = !url_.is_https() && !url_.is_unix() && target_.proxy.has_value();
  std::string head = concat(request_.method, " ", through_proxy ? http::to_string(url_) : url_.target, " HTTP/1.1\r\n");
  if (!request_.headers.has("Host")) head += concat("Host: ", url_.authority(), "\r\n");
  for (const auto& field : request_.headers.fields()) {
    if (!is_token(field.first) || !is_field_value(field.second)) {
      return drydock::fail(ErrorKind::invalid_argument, "net/http: invalid header field value for ",
                           go_quoted(field.first));
    }
    head += concat(field.first, ": ", field.second, "\r\n");
  }
  if (through_proxy) {
    const std::string credentials = proxy_authorization(*target_.proxy);
    if (!credentials.empty()) head += concat("Proxy-Authorization: ", credentials, "\r\n");
  }
  const bool may_have_body = request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH";
  if (request_.body && !request_.body_size) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (request_.body || may_have_body) {
    head += concat("Content-Length: ", request_.body ? *request_.body_size : 0, "\r\n");
  }
  return head.append("\r\n");
}

void ClientExchange::dial() {
  dial_ = start_dial(shared_->io, target_, [self = shared_from_this()](Result<std::unique_ptr<StreamSocket>> socket) {
    self->dial_.reset();
    if (self->over_) return;
    if (!socket.ok()) return self->fail(socket.error().message);
    self->on_socket(std::move(socket).value());
  });
}

void ClientExchange::on_socket(std::unique_ptr<StreamSocket> socket) {
  socket_ = std::move(socket);
  last_progress_ = std::chrono::steady_clock::now();
  parser_ = std::make_unique<MessageParser>(
      request_.method == "HEAD" ? MessageParser::Kind::response_to_head : MessageParser::Kind::response,
      kAnswerHeadMax);
  sent_ = 0;
  send();
  receive();
}

// Sending

void ClientExchange::send() {
  if (sent_ == sending_.size() && !refill()) return;
  socket_->async_write_some(
      sending_.data() + sent_, sending_.size() - sent_,
      [self = shared_from_this(), attempt = attempt_](const boost::system::error_code& code, std::size_t count) {
        if (self->attempt_ == attempt) self->on_sent(code, count);
      });
}

void ClientExchange::on_sent(const boost::system::error_code& code, std::size_t count) {
  if (over_ || answer_done_) return;
  if (code) {
    // The server may have answered before it stopped listening: what it said counts more than the broken pipe.
    send_failure_ = concat("write: ", errno_text(code));
    return;
  }
  sent_ += count;
  last_progress_ = std::chrono::steady_clock::now();
  if (sent_ == sending_.size() && !request_.body) {
    request_sent_ = true;
    return;  // the head is kept for another try on a fresh connection
  }
  send();
}

/// Puts the next piece of the body into sending_; false if there is none now, or no more.
bool ClientExchange::refill() {
  if (!request_.body || request_sent_) return false;
  body_begun_ = true;
  sent_ = 0;
  sending_.clear();
  if (request_.body->ended()) {
    request_sent_ = true;
    if (!request_.body_size) sending_ = "0\r\n\r\n";
    if (body_sent_ != request_.body_size.value_or(body_sent_)) {
      fail(concat("http: ContentLength=", *request_.body_size, " with Body length ", body_sent_));
    }
    return !over_ && !sending_.empty();
  }
  std::string piece(kSendBuffer, '\0');
  auto count = request_.body->read(piece);
  if (!count.ok()) {
    fail(count.error().message);
    return false;
  }
  if (*count == 0) {
    if (request_.body->ended()) return refill();
    wait_for_body();
    return false;
  }
  piece.resize(*count);
  body_sent_ += piece.size();
  if (request_.body_size && body_sent_ > *request_.body_size) {
    fail(concat("http: ContentLength=", *request_.body_size, " with Body length ", body_sent_));
    return false;
  }
  sending_ = request_.body_size ? std::move(piece) : chunk(piece);
  return true;
}

// A source cannot call; one that fills slowly is looked at again a little later.
void ClientExchange::wait_for_body() {
  last_progress_ = std::chrono::steady_clock::now();
  body_timer_.expires_after(kBodyRetry);
  body_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& code) {
    if (!code && !self->over_ && !self->answer_done_ && self->send_failure_.empty()) self->send();
  });
}

// Receiving

void ClientExchange::receive() {
  if (receiving_ || over_ || answer_done_ || body_.size() >= kUnreadMax) return;
  receiving_ = true;
  socket_->async_read_some(read_buffer_.data(), read_buffer_.size(),
                           [self = shared_from_this()](const boost::system::error_code& code, std::size_t count) {
                             self->on_received(code, count);
                           });
}

void ClientExchange::on_received(const boost::system::error_code& code, std::size_t count) {
  receiving_ = false;
  if (over_) return;
  if (code) return on_receive_failure(code);
  last_progress_ = std::chrono::steady_clock::now();
  input_.append(std::string_view(read_buffer_.data(), count));
  got_bytes_ = true;
  while (parse()) {
  }
  if (over_) return;
  receive();
  shared_->wake();
}

void ClientExchange::on_receive_failure(const boost::system::error_code& code) {
  // A kept-alive connection that the server had closed in the same moment: nothing happened yet, so ask again.
  if (reused_ && !got_bytes_ && !body_begun_) {
    reused_ = false;
    request_sent_ = false;
    send_failure_.clear();
    ++attempt_;
    socket_->close();
    socket_.reset();
    return dial();
  }
  if (code == boost::asio::error::eof || code == boost::asio::ssl::error::stream_truncated) {
    parser_->end_of_input();
    if (head_ && parser_->done() && parser_->fault() == MessageParser::Fault::none) return finish();
    return fail(!send_failure_.empty() ? send_failure_ : got_bytes_ ? "unexpected EOF" : "EOF");
  }
  fail(!send_failure_.empty() ? send_failure_ : concat("read: ", errno_text(code)));
}

/// One step on what has arrived; false when there is no more to do with it.
bool ClientExchange::parse() {
  if (answer_done_ || input_.empty()) return false;
  const bool in_body = head_.has_value();
  const std::size_t taken = parser_->feed(input_.view(), body_.tail());
  const bool stuck = taken == 0 && in_body && !parser_->done() && input_.size() >= kReadBuffer;
  if (parser_->fault() != MessageParser::Fault::none || stuck) {
    fail(in_body ? "malformed chunked encoding"
         : parser_->fault() == MessageParser::Fault::head_too_large
             ? concat("net/http: server response headers exceeded ", kAnswerHeadMax, " bytes; aborted")
             : concat("net/http: HTTP/1.x transport connection broken: malformed HTTP response ",
                      go_quoted(input_.view().substr(0, std::min<std::size_t>(input_.view().find('\n'), 64)))));
    return false;
  }
  input_.drop(taken);
  if (!in_body && parser_->head_done() && !take_head()) return !over_;
  if (head_ && parser_->done()) {
    finish();
    return false;
  }
  return taken > 0;
}

/// False if the head was only that of a 1xx answer.
bool ClientExchange::take_head() {
  const int status = parser_->status();
  if (status / 100 == 1 && status != 101) {
    if (++informational_ > kInformationalMax) {
      fail("net/http: too many 1xx informational responses");
      return false;
    }
    parser_ = std::make_unique<MessageParser>(
        request_.method == "HEAD" ? MessageParser::Kind::response_to_head : MessageParser::Kind::response,
        kAnswerHeadMax);
    return false;
  }
  head_ = http::ResponseHead{status, std::move(parser_->headers())};
  return true;
}

void ClientExchange::finish() {
  answer_done_ = true;
  over_ = true;
  idle_timer_.cancel();
  body_timer_.cancel();
  // Only a connection on which nothing is left either way can carry another request.
  const bool clean = parser_->keep_alive() && request_sent_ && send_failure_.empty() && input_.empty() && !receiving_ &&
                     head_->status != 101;
  if (clean) {
    shared_->pool->put(pool_key_, std::move(socket_));
  } else {
    socket_->close();
    socket_.reset();
  }
  shared_->wake();
}

Result<std::size_t> ClientExchange::read(std::span<char> out) {
  const std::size_t count = body_.take(out);
  if (count == 0 && failure_) return *failure_;
  if (count > 0 && socket_ && !over_ && !receiving_) {
    last_progress_ = std::chrono::steady_clock::now();
    receive();
  }
  return count;
}

// Time and end

void ClientExchange::watch_idle() {
  const auto limit = std::chrono::nanoseconds(request_.idle_timeout_ns);
  idle_timer_.expires_at(last_progress_ + limit);
  idle_timer_.async_wait([weak = weak_from_this(), limit](const boost::system::error_code& code) {
    const auto self = weak.lock();
    if (!self || code || self->over_) return;
    // While the caller does not read, silence is not the server's fault; the dial has a limit of its own.
    const bool waiting = self->socket_ != nullptr && (self->receiving_ || !self->request_sent_);
    if (!waiting) self->last_progress_ = std::chrono::steady_clock::now();
    if (std::chrono::steady_clock::now() - self->last_progress_ >= limit) return self->fail("i/o timeout");
    self->watch_idle();
  });
}

void ClientExchange::fail(std::string message) {
  if (over_) return;
  failure_ = Error(ErrorKind::unavailable, std::move(message));
  end();
  shared_->wake();
}

void ClientExchange::cancel() {
  if (!over_) end();
}

void ClientExchange::end() {
  over_ = true;
  idle_timer_.cancel();
  body_timer_.cancel();
  if (dial_) dial_->cancel();
  if (socket_) socket_->close();
}

}  // namespace drydock::native
