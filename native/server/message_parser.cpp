#include "native/server/message_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace drydock::native {

namespace beast = boost::beast;

namespace {

/// Where the callbacks of either parser put what they find.
struct Collected {
  std::string method;
  std::string target;
  int status = 0;
  int version = 11;
  http::Headers headers;
  std::string* body = nullptr;
};

template <bool is_request>
class Collector final : public beast::http::basic_parser<is_request> {
 public:
  explicit Collector(Collected& out) : out_(out) {}

 private:
  using Code = beast::error_code;
  using Text = beast::string_view;

  void on_request_impl(beast::http::verb, Text method, Text target, int version, Code& code) override {
    code = {};
    out_.method.assign(method.data(), method.size());
    out_.target.assign(target.data(), target.size());
    out_.version = version;
  }
  void on_response_impl(int status, Text, int version, Code& code) override {
    code = {};
    out_.status = status;
    out_.version = version;
  }
  void on_field_impl(beast::http::field, Text name, Text value, Code& code) override {
    code = {};
    out_.headers.add(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
  }
  void on_header_impl(Code& code) override { code = {}; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code& code) override { code = {}; }
  std::size_t on_body_impl(Text body, Code& code) override {
    code = {};
    out_.body->append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, Text, Code& code) override { code = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, Code& code) override {
    code = {};
    out_.body->append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(Code& code) override { code = {}; }

  Collected& out_;
};

MessageParser::Fault fault_of(const beast::error_code& code) {
  if (!code || code == beast::http::error::need_more) return MessageParser::Fault::none;
  if (code == beast::http::error::header_limit) return MessageParser::Fault::head_too_large;
  return MessageParser::Fault::malformed;
}

}  // namespace

struct MessageParser::State {
  virtual ~State() = default;
  virtual std::size_t put(std::string_view bytes) = 0;
  virtual void put_eof() = 0;
  virtual bool head_done() const = 0;
  virtual bool done() const = 0;
  virtual bool keep_alive() const = 0;
  virtual std::optional<std::uint64_t> content_length() const = 0;

  Collected collected;
  Fault fault = Fault::none;
};

template <class Base, bool is_request>
class ParserStateOf final : public Base {
 public:
  ParserStateOf(std::size_t head_bytes_max, bool skip_body) : parser_(this->collected) {
    parser_.header_limit(static_cast<std::uint32_t>(head_bytes_max));
    parser_.body_limit(boost::none);
    parser_.skip(skip_body);
    parser_.eager(false);
  }

  std::size_t put(std::string_view bytes) override {
    if (parser_.is_header_done()) parser_.eager(true);
    beast::error_code code;
    const std::size_t taken = parser_.put(boost::asio::const_buffer(bytes.data(), bytes.size()), code);
    this->fault = fault_of(code);
    return taken;
  }
  void put_eof() override {
    beast::error_code code;
    if (!parser_.got_some()) return;
    parser_.put_eof(code);
    if (code) this->fault = MessageParser::Fault::malformed;
  }
  bool head_done() const override { return parser_.is_header_done(); }
  bool done() const override { return parser_.is_done(); }
  bool keep_alive() const override { return parser_.keep_alive(); }
  std::optional<std::uint64_t> content_length() const override {
    const auto length = parser_.content_length();
    if (!length) return std::nullopt;
    return *length;
  }

 private:
  Collector<is_request> parser_;
};

MessageParser::MessageParser(Kind kind, std::size_t head_bytes_max) {
  if (kind == Kind::request) {
    state_ = std::make_unique<ParserStateOf<State, true>>(head_bytes_max, false);
  } else {
    state_ = std::make_unique<ParserStateOf<State, false>>(head_bytes_max, kind == Kind::response_to_head);
  }
}

MessageParser::~MessageParser() = default;

std::size_t MessageParser::feed(std::string_view bytes, std::string& body) {
  state_->collected.body = &body;
  std::size_t taken = 0;
  while (taken < bytes.size() && !state_->done()) {
    const bool in_body = state_->head_done();
    const std::size_t step = state_->put(bytes.substr(taken));
    taken += step;
    if (step == 0 || state_->fault != Fault::none) break;
    if (!in_body) break;
  }
  state_->collected.body = nullptr;
  return taken;
}

void MessageParser::end_of_input() {
  if (!state_->done()) state_->put_eof();
}

MessageParser::Fault MessageParser::fault() const {
  return state_->fault;
}
bool MessageParser::head_done() const {
  return state_->head_done();
}
bool MessageParser::done() const {
  return state_->done();
}
const std::string& MessageParser::method() const {
  return state_->collected.method;
}
const std::string& MessageParser::target() const {
  return state_->collected.target;
}
int MessageParser::status() const {
  return state_->collected.status;
}
http::Headers& MessageParser::headers() {
  return state_->collected.headers;
}
bool MessageParser::is_http_1_0() const {
  return state_->collected.version < 11;
}
bool MessageParser::keep_alive() const {
  return state_->keep_alive();
}
std::optional<std::uint64_t> MessageParser::content_length() const {
  return state_->content_length();
}

}  // namespace drydock::native
