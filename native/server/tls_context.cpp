#include "native/server/tls_context.h"

#include <openssl/ssl.h>

#include "base/text.h"

namespace drydock::native {

namespace ssl = boost::asio::ssl;

namespace {

Failure<Error> load_failure(std::string_view what, std::string_view file, const boost::system::error_code& code) {
  return fail(ErrorKind::invalid_argument, "could not load ", what, " ", go_quoted(file), ": ",
              to_lower(code.message()));
}

Result<void> use_certificate(ssl::context& context, const std::string& certificate, const std::string& key) {
  boost::system::error_code code;
  context.use_certificate_chain_file(certificate, code);
  if (code) return load_failure("X509 key pair: certificate", certificate, code);
  context.use_private_key_file(key, ssl::context::pem, code);
  if (code) return load_failure("X509 key pair: key", key, code);
  return {};
}

std::shared_ptr<ssl::context> make_context(ssl::context::method method) {
  auto context = std::make_shared<ssl::context>(method);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  // An idle connection gives its record buffers back.
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

}  // namespace

Result<std::shared_ptr<ssl::context>> make_server_tls(const TlsServerOptions& options) {
  auto context = make_context(ssl::context::tls_server);
  TRY(use_certificate(*context, options.certificate_file, options.key_file));
  boost::system::error_code code;
  if (!options.ca_file.empty()) {
    context->load_verify_file(options.ca_file, code);
    if (code) return load_failure("CA certificate", options.ca_file, code);
  }
  context->set_verify_mode(
      options.verify_clients ? ssl::verify_peer | ssl::verify_fail_if_no_peer_cert : ssl::verify_none, code);
  // Without it a resumed session fails where clients are verified.
  static constexpr unsigned char kSessionContext[] = "drydock";
  SSL_CTX_set_session_id_context(context->native_handle(), kSessionContext, sizeof(kSessionContext) - 1);
  return context;
}

Result<std::shared_ptr<ssl::context>> make_client_tls(const TlsClientFiles& files) {
  auto context = make_context(ssl::context::tls_client);
  boost::system::error_code code;
  context->set_default_verify_paths(code);  // none installed: nothing is trusted but `ca_files`
  for (const std::string& file : files.ca_files) {
    context->load_verify_file(file, code);
    if (code) return load_failure("CA certificate", file, code);
  }
  if (!files.certificate_file.empty()) TRY(use_certificate(*context, files.certificate_file, files.key_file));
  return context;
}

}  // namespace drydock::native
