#include "native/server/transport.h"

#include <algorithm>
#include <filesystem>

#include "native/server/client_exchange.h"
#include "native/server/tls_context.h"

namespace drydock::native {

namespace {

constexpr std::size_t kCertificateFilesMax = 64;

/// What dockerd finds in certs.d for a host.
TlsClientFiles find_certificates(const std::filesystem::path& directory) {
  TlsClientFiles files;
  std::error_code code;
  std::vector<std::filesystem::path> paths;
  for (std::filesystem::directory_iterator entry(directory, code), end; !code && entry != end; entry.increment(code)) {
    if (paths.size() < kCertificateFilesMax) paths.push_back(entry->path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    if (path.extension() == ".crt") files.ca_files.push_back(path.string());
    if (path.extension() != ".cert" || !files.certificate_file.empty()) continue;
    auto key = path;
    key.replace_extension(".key");
    if (!std::filesystem::exists(key, code)) continue;
    files.certificate_file = path.string();
    files.key_file = key.string();
  }
  return files;
}

class ExchangeHandle final : public http::Exchange {
 public:
  explicit ExchangeHandle(std::shared_ptr<ClientExchange> exchange) : exchange_(std::move(exchange)) {}
  ~ExchangeHandle() override { exchange_->cancel(); }

  const http::ResponseHead* head() const override { return exchange_->head(); }
  const std::optional<Error>& failure() const override { return exchange_->failure(); }
  Result<std::size_t> read(std::span<char> out) override { return exchange_->read(out); }
  bool ended() const override { return exchange_->ended(); }

 private:
  std::shared_ptr<ClientExchange> exchange_;
};

class NativeTransport final : public http::Transport {
 public:
  explicit NativeTransport(std::shared_ptr<TransportShared> shared) : shared_(std::move(shared)) {}
  ~NativeTransport() override { shared_->pool->close_all(); }

  std::unique_ptr<http::Exchange> send(http::ClientRequest request) override {
    auto exchange = std::make_shared<ClientExchange>(shared_, std::move(request));
    exchange->start();
    return std::make_unique<ExchangeHandle>(std::move(exchange));
  }

 private:
  std::shared_ptr<TransportShared> shared_;
};

}  // namespace

TransportShared::TransportShared(boost::asio::io_context& context, std::function<void()> on_news, TransportOptions opts)
    : io(context),
      wake(std::move(on_news)),
      options(std::move(opts)),
      pool(std::make_shared<ConnectionPool>(context, options)) {}

Result<std::shared_ptr<boost::asio::ssl::context>> TransportShared::tls_for(const http::Url& url) {
  const std::filesystem::path directory = std::filesystem::path(options.certs_directory) / url.authority();
  std::error_code code;
  const bool own = !options.certs_directory.empty() && std::filesystem::is_directory(directory, code);
  // Settings of the host's own apart, all hosts share the loaded system CAs.
  const std::string key = own ? directory.string() : "";
  if (const auto known = tls_contexts.find(key); known != tls_contexts.end()) return known->second;
  auto made = TRY(make_client_tls(own ? find_certificates(directory) : TlsClientFiles{}));
  tls_contexts.emplace(key, made);
  return made;
}

std::unique_ptr<http::Transport> make_transport(boost::asio::io_context& io, std::function<void()> wake,
                                                TransportOptions options) {
  return std::make_unique<NativeTransport>(std::make_shared<TransportShared>(io, std::move(wake), std::move(options)));
}

}  // namespace drydock::native
