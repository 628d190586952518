// The output half of a connection: answers, their framing, and the queue to the socket.

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <ctime>

#include "base/text.h"
#include "native/server/connection.h"

namespace drydock::native {

namespace {

/// RFC 9110 §5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return std::string(text.data(), length);
}

/// A field must not be able to begin another one, whatever text got into it.
void append_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (const char c : value) head.push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
  head.append("\r\n");
}

std::string hex_size(std::size_t size) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[size & 15]);
    size >>= 4;
  } while (size != 0);
  return digits;
}

bool is_bodiless(int status) {
  return status / 100 == 1 || status == 204 || status == 304;
}

}  // namespace

void Connection::start_answer(std::uint64_t exchange, int status, http::Headers headers) {
  if (exchange != exchange_ || dead_ || answer_started_) return;
  answer_started_ = true;
  answer_bodiless_ = request_method_ == "HEAD" || is_bodiless(status);
  if (const auto length = headers.get("Content-Length")) answer_left_ = parse_u64(*length);
  answer_chunked_ = !answer_left_ && !answer_bodiless_ && !http_1_0_;
  if (!answer_left_ && !answer_bodiless_ && http_1_0_) keep_alive_ = false;  // the end of the body is the close
  // The client was never told to send its body: what follows on the connection may or may not be that body.
  if (continue_expected_) keep_alive_ = false;
  if (stopping_ || headers.has_token("Connection", "close")) keep_alive_ = false;
  unsent_ += answer_head(status, headers);
  flush_soon();
}

std::string Connection::answer_head(int status, const http::Headers& headers) const {
  std::string head = concat(http_1_0_ ? "HTTP/1.0 " : "HTTP/1.1 ", status, " ", http::reason_phrase(status), "\r\n");
  for (const auto& field : headers.fields()) {
    if (equals_ignoring_case(field.first, "Connection")) continue;
    if (equals_ignoring_case(field.first, "Transfer-Encoding")) continue;
    append_field(head, field.first, field.second);
  }
  if (!headers.has("Date")) append_field(head, "Date", http_date());
  if (!keep_alive_) {
    append_field(head, "Connection", "close");
  } else if (http_1_0_) {
    append_field(head, "Connection", "keep-alive");
  }
  if (answer_chunked_) append_field(head, "Transfer-Encoding", "chunked");
  return head.append("\r\n");
}

void Connection::write_answer(std::uint64_t exchange, std::string_view bytes) {
  if (exchange != exchange_ || dead_ || bytes.empty()) return;
  if (!answer_started_ || answer_finished_ || answer_bodiless_) return;
  if (backlog() + bytes.size() > shared_->options.answer_backlog_max) return close_now();
  queue_body(bytes);
  flush_soon();
}

void Connection::queue_body(std::string_view bytes) {
  if (answer_left_) {
    // More than was promised would be read as the head of the next answer.
    bytes = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), *answer_left_)));
    *answer_left_ -= bytes.size();
    unsent_.append(bytes);
  } else if (answer_chunked_) {
    unsent_.append(hex_size(bytes.size())).append("\r\n").append(bytes).append("\r\n");
  } else {
    unsent_.append(bytes);
  }
}

void Connection::finish_answer(std::uint64_t exchange) {
  if (exchange != exchange_ || dead_ || !answer_started_ || answer_finished_) return;
  answer_finished_ = true;
  if (answer_chunked_) unsent_ += "0\r\n\r\n";
  if (answer_left_.value_or(0) > 0 && !answer_bodiless_) keep_alive_ = false;  // short: the close tells the client
  flush_soon();
}

void Connection::abandon_answer(std::uint64_t exchange) {
  if (exchange != exchange_ || dead_ || answer_finished_) return;
  // Half an answer must not look like a whole one.
  if (answer_started_) return close_now();
  refuse(500, "application/json", "{\"message\":\"the request was dropped without an answer\"}\n");
}

bool Connection::hijack(std::uint64_t exchange, int status, http::Headers headers) {
  if (exchange != exchange_ || dead_ || answer_started_) return false;
  const bool upgrade = status == 101 && !upgrade_.empty();
  std::string head = upgrade ? "HTTP/1.1 101 UPGRADED\r\n" : "HTTP/1.1 200 OK\r\n";
  for (const auto& field : headers.fields()) append_field(head, field.first, field.second);
  if (upgrade) {
    if (!headers.has("Connection")) append_field(head, "Connection", "Upgrade");
    if (!headers.has("Upgrade")) append_field(head, "Upgrade", upgrade_);
  }
  unsent_ += head.append("\r\n");
  ++exchange_;
  phase_ = Phase::raw;
  flush_soon();
  read_more();
  return true;
}

void Connection::refuse(int status, std::string_view content_type, std::string_view body) {
  keep_alive_ = false;
  answer_started_ = true;
  answer_chunked_ = false;
  http::Headers headers;
  if (!content_type.empty()) headers.add("Content-Type", std::string(content_type));
  headers.add("Content-Length", std::to_string(body.size()));
  unsent_ += answer_head(status, headers);
  if (request_method_ != "HEAD") unsent_.append(body);
  ++exchange_;
  close_gently();
}

void Connection::close_gently() {
  phase_ = Phase::closing;
  shutdown_wanted_ = true;
  arm_timer(shared_->options.body_timeout_ns);
  flush_soon();
  read_more();
}

// Handlers of the application often queue head, body and end one after another: they leave in one piece.
void Connection::flush_soon() {
  if (flush_posted_ || dead_) return;
  flush_posted_ = true;
  boost::asio::post(io_, [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void Connection::flush() {
  if (dead_ || writing_) return;
  if (unsent_.empty()) return on_all_written();
  sending_.swap(unsent_);
  sent_ = 0;
  send_rest();
}

void Connection::send_rest() {
  writing_ = true;
  socket_->async_write_some(sending_.data() + sent_, sending_.size() - sent_,
                            [self = shared_from_this()](const boost::system::error_code& code, std::size_t count) {
                              self->on_written(code, count);
                            });
}

void Connection::on_written(const boost::system::error_code& code, std::size_t count) {
  writing_ = false;
  if (dead_) return;
  if (code) return close_now();
  sent_ += count;
  if (phase_ == Phase::closing) arm_timer(shared_->options.body_timeout_ns);
  if (sent_ < sending_.size()) {
    send_rest();
  } else {
    // The memory of one large answer is not kept.
    if (sending_.capacity() > kKeptSendBuffer) std::string().swap(sending_);
    sending_.clear();
    sent_ = 0;
    flush();
  }
  if (phase_ == Phase::answering || phase_ == Phase::raw) shared_->notify();
}

void Connection::on_all_written() {
  if (shutdown_wanted_ && !write_closed_) {
    write_closed_ = true;
    socket_->shutdown_write();
  }
  if (phase_ == Phase::closing) {
    if (input_ended_) return close_now();
    arm_timer(shared_->options.linger_timeout_ns);
    return;
  }
  if (phase_ == Phase::answering && answer_finished_) finish_exchange();
}

void Connection::finish_exchange() {
  if (writing_ || !unsent_.empty()) return;  // comes again when everything is written
  if (!keep_alive_) return close_gently();
  if (parser_->done()) return next_request();
  process();  // the rest of the body is read and dropped, up to a limit
}

}  // namespace drydock::native
