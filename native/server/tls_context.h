#pragma once
// TLS settings: the daemon's own certificate, and what a client trusts. Internal to native/server.

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "native/server/server.h"

namespace drydock::native {

Result<std::shared_ptr<boost::asio::ssl::context>> make_server_tls(const TlsServerOptions& options);

/// The system's CAs and those of `ca_files`. With a certificate the client shows it to servers that ask.
struct TlsClientFiles {
  std::vector<std::string> ca_files;
  std::string certificate_file;
  std::string key_file;
};
Result<std::shared_ptr<boost::asio::ssl::context>> make_client_tls(const TlsClientFiles& files);

}  // namespace drydock::native
