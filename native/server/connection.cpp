// The input half of a connection, and its life. The output half is connection_output.cpp.

#include "native/server/connection.h"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <chrono>

#include "base/text.h"
#include "http/url.h"

namespace drydock::native {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kReadBufferMin = 4u << 10;
constexpr std::size_t kReadBufferMax = 64u << 10;
constexpr std::size_t kReadAheadMax = 64u << 10;    // of the next request while an answer is under way
constexpr std::size_t kBodyUnreadMax = 256u << 10;  // of a streamed body or a hijacked connection
constexpr std::uint64_t kDiscardMax = 256u << 10;   // of a body that the handler did not read

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
constexpr std::string_view kJsonType = "application/json";

}  // namespace

Connection::Connection(asio::io_context& io, std::unique_ptr<StreamSocket> socket, std::shared_ptr<ServerShared> shared)
    : io_(io), socket_(std::move(socket)), shared_(std::move(shared)), timer_(io) {
  read_buffer_.resize(kReadBufferMin);
}

Connection::~Connection() = default;

void Connection::start() {
  arm_timer(shared_->options.head_timeout_ns);
  socket_->async_handshake([self = shared_from_this()](const std::string& failure) {
    if (self->dead_) return;
    if (!failure.empty()) return self->close_now();
    self->read_more();
  });
}

void Connection::abort() {
  close_now();
}

void Connection::stop() {
  stopping_ = true;
  if (phase_ == Phase::head || phase_ == Phase::body) close_now();
}

bool Connection::wants_input() const {
  switch (phase_) {
    case Phase::head:
      return input_.size() < http::kHeadBytesMax + kReadBufferMax;
    case Phase::body:
    case Phase::closing:
      return true;
    case Phase::answering:
      if (parser_->done()) return input_.size() < kReadAheadMax;
      return answer_finished_ || pipe_->bytes.size() < kBodyUnreadMax;
    case Phase::raw:
      return input_.size() < kBodyUnreadMax;
  }
  return false;
}

void Connection::read_more() {
  if (reading_ || dead_ || input_ended_ || !wants_input()) return;
  reading_ = true;
  socket_->async_read_some(read_buffer_.data(), read_buffer_.size(),
                           [self = shared_from_this()](const boost::system::error_code& code, std::size_t count) {
                             self->on_read(code, count);
                           });
}

void Connection::on_read(const boost::system::error_code& code, std::size_t count) {
  reading_ = false;
  if (dead_) return;
  if (code) {
    // A reset is the end of both directions; an orderly end only says that nothing more is sent.
    if (code != asio::error::eof) return close_now();
    return on_input_end();
  }
  if (phase_ == Phase::closing) return read_more();
  input_.append(std::string_view(read_buffer_.data(), count));
  if (count == read_buffer_.size() && count < kReadBufferMax) read_buffer_.resize(count * 4);
  process();
  if (phase_ == Phase::answering || phase_ == Phase::raw) shared_->notify();
}

void Connection::on_input_end() {
  input_ended_ = true;
  process();
  if (dead_) return;
  if (phase_ == Phase::closing && !writing_ && unsent_.empty()) return close_now();
  if (phase_ == Phase::answering && !parser_->done()) {
    keep_alive_ = false;
    pipe_->failure = Error(ErrorKind::unavailable, "unexpected EOF");
  }
  socket_->async_wait_hangup([self = shared_from_this()](const boost::system::error_code& code) {
    if (code || self->dead_) return;
    self->hung_up_ = true;
    self->shared_->notify();
  });
  shared_->notify();
}

void Connection::process() {
  bool progress = true;
  while (progress && !dead_) {
    switch (phase_) {
      case Phase::head:
        progress = process_head();
        break;
      case Phase::body:
      case Phase::answering:
        progress = process_body();
        break;
      case Phase::raw:
      case Phase::closing:
        progress = false;
        break;
    }
  }
  if (input_ended_ && (phase_ == Phase::head || phase_ == Phase::body)) return close_now();
  read_more();
}

bool Connection::process_head() {
  // RFC 9112 §2.2: an empty line before a request line is ignored.
  while (!parser_ && input_.view().starts_with("\r\n")) input_.drop(2);
  if (input_.empty()) return false;
  if (!parser_) {
    parser_ = std::make_unique<MessageParser>(MessageParser::Kind::request, http::kHeadBytesMax);
    arm_timer(shared_->options.head_timeout_ns);
  }
  std::string unused;
  input_.drop(parser_->feed(input_.view(), unused));
  switch (parser_->fault()) {
    case MessageParser::Fault::none:
      break;
    case MessageParser::Fault::malformed:
      refuse(400, kPlainText, "400 Bad Request");
      return false;
    case MessageParser::Fault::head_too_large:
      refuse(431, kPlainText, "431 Request Header Fields Too Large");
      return false;
  }
  if (!parser_->head_done()) return false;
  timer_.cancel();
  on_head();
  return true;
}

void Connection::on_head() {
  http_1_0_ = parser_->is_http_1_0();
  keep_alive_ = parser_->keep_alive();
  auto target = http::parse_request_target(parser_->target());
  if (!target.ok()) return refuse(400, kPlainText, "400 Bad Request");
  request_ = http::Request{};
  request_.method = request_method_ = parser_->method();
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  request_.headers = std::move(parser_->headers());
  if (!http_1_0_ && !request_.headers.has("Host")) {
    return refuse(400, kPlainText, "400 Bad Request: missing required Host header");
  }
  upgrade_ = request_.headers.get("Upgrade").value_or("");
  continue_expected_ = false;
  if (const auto expect = request_.headers.get("Expect"); expect && !http_1_0_) {
    if (!equals_ignoring_case(*expect, "100-continue")) return refuse(417, "", "");
    continue_expected_ = !parser_->done();
  }
  if (shared_->application == nullptr) return close_now();
  if (shared_->application->body_mode(request_) == http::BodyMode::streamed) {
    pipe_ = std::make_shared<BodyPipe>();
    pipe_->complete = parser_->done();
    request_.body_stream = make_body_stream(shared_from_this(), pipe_);
    return dispatch();
  }
  if (parser_->content_length().value_or(0) > http::kBufferedBodyMax) {
    return refuse(413, kJsonType, "{\"message\":\"http: request body too large\"}\n");
  }
  phase_ = Phase::body;
  if (parser_->done()) return dispatch();
  arm_timer(shared_->options.body_timeout_ns);
  want_body();
}

bool Connection::process_body() {
  if (parser_->done() || input_.empty()) return false;
  const bool discarding = phase_ == Phase::answering && answer_finished_;
  const bool streaming = phase_ == Phase::answering && !answer_finished_;
  if (streaming && pipe_->bytes.size() >= kBodyUnreadMax) return false;
  std::string discarded;
  std::string& sink = discarding ? discarded : streaming ? pipe_->bytes.tail() : buffered_body_;
  const std::size_t taken = parser_->feed(input_.view().substr(0, kReadBufferMax), sink);
  // No line of chunk framing is as long as a read buffer.
  const bool stuck = taken == 0 && !parser_->done() && input_.size() >= kReadBufferMax;
  input_.drop(taken);
  if (parser_->fault() != MessageParser::Fault::none || stuck) {
    if (phase_ == Phase::body) {
      refuse(400, kPlainText, "400 Bad Request");
    } else {
      pipe_->failure = Error(ErrorKind::invalid_argument, "malformed chunked encoding");
      keep_alive_ = false;
      if (discarding) close_gently();
      input_.clear();
    }
    return false;
  }
  if (phase_ == Phase::body) {
    if (buffered_body_.size() > http::kBufferedBodyMax) {
      refuse(413, kJsonType, "{\"message\":\"http: request body too large\"}\n");
      return false;
    }
    if (parser_->done()) {
      dispatch();
      return true;
    }
    arm_timer(shared_->options.body_timeout_ns);
  } else if (discarding) {
    discarded_ += discarded.size();
    if (parser_->done()) {
      finish_exchange();
    } else if (discarded_ > kDiscardMax) {
      close_gently();
    }
    return false;
  } else {
    pipe_->complete = parser_->done();
  }
  return taken > 0;
}

void Connection::dispatch() {
  timer_.cancel();
  phase_ = Phase::answering;
  request_.body = std::move(buffered_body_);
  buffered_body_.clear();
  auto responder = make_responder(shared_from_this(), ++exchange_);
  if (shared_->application == nullptr) return close_now();
  shared_->application->handle(std::move(request_), std::move(responder));
  shared_->notify();
}

void Connection::want_body() {
  if (dead_ || (phase_ != Phase::body && phase_ != Phase::answering)) return;
  if (continue_expected_ && !answer_started_) {
    continue_expected_ = false;
    unsent_ += "HTTP/1.1 100 Continue\r\n\r\n";
    flush_soon();
  }
  if (phase_ == Phase::answering && !input_.empty() && !parser_->done()) {
    // What was read already and held back for want of room.
    while (process_body()) {
    }
  }
  read_more();
}

void Connection::next_request() {
  ++exchange_;  // whatever handle is still out there is stale from now on
  phase_ = Phase::head;
  parser_.reset();
  pipe_.reset();
  request_ = http::Request{};
  answer_started_ = answer_finished_ = answer_chunked_ = answer_bodiless_ = false;
  answer_left_.reset();
  discarded_ = 0;
  request_method_.clear();
  if (read_buffer_.size() > kReadBufferMin && !reading_ && input_.empty())
    std::string(kReadBufferMin, '\0').swap(read_buffer_);
  if (stopping_) return close_now();
  arm_timer(shared_->options.idle_timeout_ns);
  process();
}

void Connection::arm_timer(std::int64_t ns) {
  timer_.expires_after(std::chrono::nanoseconds(ns));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& code) {
    // A timer that was set anew after it had fired still gets its old call.
    if (!code && self->timer_.expiry() <= std::chrono::steady_clock::now()) self->on_timer();
  });
}

void Connection::on_timer() {
  if (phase_ == Phase::head || phase_ == Phase::body || phase_ == Phase::closing) close_now();
}

void Connection::close_now() {
  if (dead_) return;
  dead_ = true;
  timer_.cancel();
  socket_->close();
  if (pipe_ && !pipe_->complete && !pipe_->failure) pipe_->failure = Error(ErrorKind::unavailable, "unexpected EOF");
  --shared_->connections;
  if (shared_->connection_ended) shared_->connection_ended();
  shared_->notify();
}

bool Connection::peer_gone(std::uint64_t exchange) const {
  return exchange != exchange_ || dead_ || hung_up_ || input_ended_;
}

// Hijacked

Result<std::size_t> Connection::read_raw(std::span<char> out) {
  const std::size_t count = input_.take(out);
  read_more();
  return count;
}

std::size_t Connection::write_raw(std::string_view bytes) {
  if (dead_ || write_closed_ || shutdown_wanted_) return 0;
  const std::size_t queued = backlog();
  if (queued >= kBodyUnreadMax) return 0;
  const std::size_t count = std::min(bytes.size(), kBodyUnreadMax - queued);
  unsent_.append(bytes.substr(0, count));
  flush_soon();
  return count;
}

void Connection::close_raw_write() {
  if (dead_ || shutdown_wanted_) return;
  shutdown_wanted_ = true;
  flush_soon();
}

void Connection::release_raw() {
  if (dead_ || phase_ != Phase::raw) return;
  input_.clear();
  close_gently();
}

}  // namespace drydock::native
