// TLS over a connected socket, by OpenSSL through Boost.Asio.

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl.hpp>

#include "base/text.h"
#include "native/server/stream_socket.h"

namespace drydock::native {

namespace asio = boost::asio;

namespace {

/// Go's words for the failures that users meet; OpenSSL's own for the rest.
std::string handshake_failure(const boost::system::error_code& code, SSL* ssl, const std::string& server_name) {
  const long verified = SSL_get_verify_result(ssl);
  switch (verified) {
    case X509_V_OK:
      break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "x509: certificate has expired or is not yet valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return concat("x509: certificate is not valid for ", server_name);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "x509: certificate signed by unknown authority";
    default:
      return concat("x509: ", X509_verify_cert_error_string(verified));
  }
  if (code == asio::error::eof || code == asio::ssl::error::stream_truncated) return "EOF";
  if (code.category() == asio::error::get_ssl_category() &&
      (ERR_GET_REASON(static_cast<unsigned long>(code.value())) == SSL_R_WRONG_VERSION_NUMBER ||
       ERR_GET_REASON(static_cast<unsigned long>(code.value())) == SSL_R_HTTP_REQUEST)) {
    return "http: server gave HTTP response to HTTPS client";
  }
  if (code.category() == asio::error::get_ssl_category()) return concat("remote error: tls: ", code.message());
  return to_lower(code.message());
}

/// Whom the client means to talk to, and whether it insists on proof.
void set_up_client(SSL* ssl, const TlsPeer& peer) {
  boost::system::error_code not_an_address;
  asio::ip::make_address(peer.server_name, not_an_address);
  // RFC 6066 §3: literal addresses are not sent as a server name.
  if (not_an_address) SSL_set_tlsext_host_name(ssl, peer.server_name.c_str());
  if (!peer.verify) {
    SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
    return;
  }
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* const param = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (not_an_address) {
    X509_VERIFY_PARAM_set1_host(param, peer.server_name.c_str(), peer.server_name.size());
  } else {
    X509_VERIFY_PARAM_set1_ip_asc(param, peer.server_name.c_str());
  }
}

class TlsStream final : public StreamSocket {
 public:
  TlsStream(PlainSocket socket, std::shared_ptr<asio::ssl::context> context, TlsRole role, const TlsPeer& peer)
      : stream_(std::make_shared<asio::ssl::stream<PlainSocket>>(std::move(socket), *context)),
        context_(std::move(context)),
        role_(role),
        server_name_(peer.server_name) {
    if (role == TlsRole::client) set_up_client(stream_->native_handle(), peer);
  }

  void async_handshake(HandshakeHandler handler) override {
    const auto side = role_ == TlsRole::server ? asio::ssl::stream_base::server : asio::ssl::stream_base::client;
    stream_->async_handshake(side, [stream = stream_, name = server_name_,
                                    handler = std::move(handler)](const boost::system::error_code& code) {
      if (code == asio::error::operation_aborted) return handler("operation was canceled");
      handler(code ? handshake_failure(code, stream->native_handle(), name) : std::string());
    });
  }
  void async_read_some(char* data, std::size_t size, IoHandler handler) override {
    stream_->async_read_some(asio::buffer(data, size), holding_stream(std::move(handler)));
  }
  void async_write_some(const char* data, std::size_t size, IoHandler handler) override {
    stream_->async_write_some(asio::buffer(data, size), holding_stream(std::move(handler)));
  }
  void async_wait_hangup(DoneHandler handler) override {
    stream_->next_layer().async_wait(asio::socket_base::wait_error, std::move(handler));
  }
  bool is_quiet() override { return socket_is_quiet(stream_->next_layer().native_handle()); }
  void shutdown_write() override {
    // Asio sends close_notify at once where the socket has room; the peer's own is not waited for. The handler holds
    // the stream, which the operation refers to until the socket is closed.
    stream_->async_shutdown([stream = stream_](const boost::system::error_code&) {});
    boost::system::error_code ignored;
    stream_->next_layer().shutdown(asio::socket_base::shutdown_send, ignored);
  }
  void close() override {
    boost::system::error_code ignored;
    stream_->next_layer().close(ignored);
  }

 private:
  /// Operations under way refer to the stream, whoever drops this object meanwhile.
  IoHandler holding_stream(IoHandler handler) {
    return [stream = stream_, handler = std::move(handler)](const boost::system::error_code& code, std::size_t count) {
      handler(code, count);
    };
  }

  std::shared_ptr<asio::ssl::stream<PlainSocket>> stream_;
  std::shared_ptr<asio::ssl::context> context_;
  TlsRole role_;
  std::string server_name_;
};

}  // namespace

std::unique_ptr<StreamSocket> make_tls_socket(PlainSocket socket, std::shared_ptr<asio::ssl::context> context,
                                              TlsRole role, const TlsPeer& peer) {
  return std::make_unique<TlsStream>(std::move(socket), std::move(context), role, peer);
}

}  // namespace drydock::native
