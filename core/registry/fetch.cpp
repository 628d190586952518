#include "registry/fetch.h"

#include <array>

#include "base/text.h"
#include "http/url.h"

namespace drydock::registry {

std::string request_label(std::string_view method, std::string_view url) {
  return concat(method.substr(0, 1), to_lower(method.substr(1)), " ", go_quoted(url));
}

Fetch::Fetch(http::Transport& transport, http::ClientRequest request, std::size_t body_bytes_max)
    : label_(request_label(request.method, request.url)), body_bytes_max_(body_bytes_max) {
  exchange_ = transport.send(std::move(request));
}

bool Fetch::step() {
  if (done_) return true;
  if (exchange_->head() == nullptr) {
    failure_ = exchange_->failure();
    done_ = failure_.has_value();
    return done_;
  }
  std::array<char, 16384> buffer;
  while (!exchange_->ended()) {
    const auto count = exchange_->read(buffer);
    if (!count.ok()) {
      failure_ = Result<std::size_t>(count).error();
      break;
    }
    const std::size_t got = count.value();
    if (got == 0 && !exchange_->ended()) return false;
    if (body_.size() + got > body_bytes_max_) {
      failure_ = Error(ErrorKind::too_large, "response body is too large");
      break;
    }
    body_.append(buffer.data(), got);
  }
  head_ = *exchange_->head();
  exchange_.reset();
  done_ = true;
  return true;
}

Error Fetch::labelled_failure() const {
  return make_error(failure_->kind, label_, ": ", failure_->message);
}

}  // namespace drydock::registry
