#include "native/server/dialer.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <vector>

#include "base/text.h"
#include "native/server/message_parser.h"

namespace drydock::native {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kProxyHeadMax = 64u << 10;

std::string errno_text(const boost::system::error_code& code) {
  if (code.category() == boost::system::system_category()) {
    return std::string(to_string(static_cast<Errno>(code.value())));
  }
  return to_lower(code.message());
}

class DialInProgress final : public Dial, public std::enable_shared_from_this<DialInProgress> {
 public:
  DialInProgress(asio::io_context& io, DialTarget target, DialHandler handler)
      : target_(std::move(target)), handler_(std::move(handler)), resolver_(io), socket_(io), timer_(io) {}

  void start() {
    timer_.expires_after(std::chrono::nanoseconds(target_.timeout_ns));
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& code) {
      if (!code) self->fail_with(concat(self->doing_, ": i/o timeout"));
    });
    if (target_.url.is_unix()) {
      connect_unix();
    } else {
      resolve();
    }
  }

  void cancel() override {
    handler_ = nullptr;
    end();
  }

 private:
  const http::Url& peer() const { return target_.proxy ? *target_.proxy : target_.url; }

  void connect_unix() {
    doing_ = concat("dial unix ", target_.url.host);
    asio::local::stream_protocol::endpoint endpoint;
    if (target_.url.host.size() >= sizeof(sockaddr_un::sun_path)) {
      return fail_soon(concat(doing_, ": connect: invalid argument"));
    }
    endpoint.path(target_.url.host);
    endpoints_.emplace_back(endpoint);
    names_.push_back(doing_);
    connect_next();
  }

  void resolve() {
    doing_ = concat("dial tcp: lookup ", peer().host);
    resolver_.async_resolve(peer().host, std::to_string(peer().port), asio::ip::tcp::resolver::numeric_service,
                            [self = shared_from_this()](const boost::system::error_code& code, const auto& results) {
                              if (self->ended_) return;
                              if (code) return self->fail_with(concat(self->doing_, ": ", lookup_failure(code)));
                              self->on_resolved(results);
                            });
  }

  static std::string lookup_failure(const boost::system::error_code& code) {
    if (code == asio::error::host_not_found || code == asio::error::no_data) return "no such host";
    if (code == asio::error::host_not_found_try_again) return "server misbehaving";
    return to_lower(code.message());
  }

  template <class Results>
  void on_resolved(const Results& results) {
    for (const auto& entry : results) {
      const asio::ip::tcp::endpoint endpoint = entry.endpoint();
      const std::string address = endpoint.address().to_string();
      endpoints_.emplace_back(endpoint);
      names_.push_back(endpoint.address().is_v6() ? concat("dial tcp [", address, "]:", endpoint.port())
                                                  : concat("dial tcp ", address, ":", endpoint.port()));
    }
    connect_next();
  }

  void connect_next() {
    if (next_ >= endpoints_.size()) return fail_soon(first_failure_);
    doing_ = names_[next_];
    boost::system::error_code ignored;
    socket_.close(ignored);
    socket_.async_connect(endpoints_[next_++], [self = shared_from_this()](const boost::system::error_code& code) {
      if (self->ended_) return;
      if (!code) return self->on_connected();
      // Go reports the first address that it tried.
      if (self->first_failure_.empty()) {
        self->first_failure_ = concat(self->doing_, ": connect: ", errno_text(code));
      }
      self->connect_next();
    });
  }

  void on_connected() {
    boost::system::error_code ignored;
    if (!target_.url.is_unix()) socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    if (target_.proxy && target_.tls) return ask_proxy();
    handshake();
  }

  void ask_proxy() {
    doing_ = "proxyconnect tcp";
    const std::string host =
        target_.url.host.find(':') == std::string::npos ? target_.url.host : concat("[", target_.url.host, "]");
    const std::string where = concat(host, ":", target_.url.port);
    proxy_text_ = concat("CONNECT ", where, " HTTP/1.1\r\nHost: ", where, "\r\n");
    if (const std::string credentials = proxy_authorization(*target_.proxy); !credentials.empty()) {
      proxy_text_ += concat("Proxy-Authorization: ", credentials, "\r\n");
    }
    proxy_text_ += "\r\n";
    asio::async_write(socket_, asio::buffer(proxy_text_),
                      [self = shared_from_this()](const boost::system::error_code& code, std::size_t) {
                        if (self->ended_) return;
                        if (code) return self->fail_with(concat(self->doing_, ": ", errno_text(code)));
                        self->proxy_text_.clear();
                        self->read_proxy_answer();
                      });
  }

  // The proxy has nothing to send after its head until we speak TLS, so reading cannot take too much.
  void read_proxy_answer() {
    socket_.async_read_some(asio::buffer(proxy_buffer_),
                            [self = shared_from_this()](const boost::system::error_code& code, std::size_t count) {
                              if (self->ended_) return;
                              if (code) return self->fail_with(concat(self->doing_, ": EOF"));
                              self->on_proxy_answer(count);
                            });
  }

  void on_proxy_answer(std::size_t count) {
    proxy_text_.append(proxy_buffer_.data(), count);
    std::string unused;
    proxy_text_.erase(0, proxy_parser_.feed(proxy_text_, unused));
    if (proxy_parser_.fault() != MessageParser::Fault::none) {
      return fail_with(concat(doing_, ": malformed HTTP response"));
    }
    if (!proxy_parser_.head_done()) return read_proxy_answer();
    if (proxy_parser_.status() != 200) {
      return fail_with(std::string(http::reason_phrase(proxy_parser_.status())));
    }
    handshake();
  }

  void handshake() {
    auto stream = target_.tls ? make_tls_socket(std::move(socket_), target_.tls, TlsRole::client,
                                                {.server_name = target_.url.host, .verify = target_.verify_certificate})
                              : make_plain_socket(std::move(socket_));
    stream_ = std::move(stream);
    doing_ = "net/http: TLS handshake";
    stream_->async_handshake([self = shared_from_this()](const std::string& failure) {
      if (self->ended_) return;
      if (!failure.empty()) return self->fail_with(failure);
      self->succeed();
    });
  }

  void succeed() {
    auto handler = std::move(handler_);
    auto stream = std::move(stream_);
    end();
    if (handler) handler(std::move(stream));
  }

  void fail_with(std::string message) {
    if (ended_) return;
    auto handler = std::move(handler_);
    end();
    if (handler) handler(Error(ErrorKind::unavailable, std::move(message)));
  }

  void fail_soon(std::string message) {
    asio::post(timer_.get_executor(), [self = shared_from_this(), message = std::move(message)]() mutable {
      self->fail_with(std::move(message));
    });
  }

  void end() {
    ended_ = true;
    boost::system::error_code ignored;
    timer_.cancel();
    resolver_.cancel();
    socket_.close(ignored);
    if (stream_) stream_->close();
  }

  DialTarget target_;
  DialHandler handler_;
  asio::ip::tcp::resolver resolver_;
  PlainSocket socket_;
  std::unique_ptr<StreamSocket> stream_;
  asio::steady_timer timer_;
  std::vector<asio::generic::stream_protocol::endpoint> endpoints_;
  std::vector<std::string> names_;
  std::size_t next_ = 0;
  std::string doing_;
  std::string first_failure_;
  std::string proxy_text_;
  std::array<char, 4096> proxy_buffer_{};
  MessageParser proxy_parser_{MessageParser::Kind::response_to_head, kProxyHeadMax};
  bool ended_ = false;
};

}  // namespace

std::shared_ptr<Dial> start_dial(asio::io_context& io, DialTarget target, DialHandler handler) {
  auto dial = std::make_shared<DialInProgress>(io, std::move(target), std::move(handler));
  dial->start();
  return dial;
}

std::string proxy_authorization(const http::Url& proxy) {
  return proxy.user_info.empty() ? "" : concat("Basic ", to_base64(proxy.user_info));
}

}  // namespace drydock::native
