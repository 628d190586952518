#include "registry/call.h"

#include <algorithm>
#include <array>

#include "registry/authorizer.h"
#include "registry/fetch.h"

namespace drydock::registry {

namespace {

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Call::Call(std::shared_ptr<Session> session, CallRequest request)
    : session_(std::move(session)), request_(std::move(request)) {
  auto url = http::parse_url(request_.url);
  auto endpoint = http::parse_url(session_->endpoint().url);
  label_ = request_label(request_.method, request_.url);
  if (!url.ok() || !endpoint.ok()) {
    fail((url.ok() ? endpoint : url).error().message, true);
    return;
  }
  url_ = std::move(url).value();
  origin_ = std::move(endpoint).value();
}

bool Call::fail(std::string message, bool is_final) {
  failure_ = make_error(ErrorKind::internal, label_, ": ", message);
  cause_ = std::move(message);
  failure_is_final_ = is_final;
  exchange_.reset();
  done_ = true;
  return true;
}

bool Call::step() {
  while (!done_) {
    if (!exchange_ && !send()) return done_;
    if (!head_taken_) {
      if (exchange_->failure()) return fail(exchange_->failure()->message, false);
      if (exchange_->head() == nullptr) return false;
      if (!on_head()) continue;
    }
    if (gathering_ && !gather()) return done_;
  }
  return true;
}

/// False while the authorization is not there, or when it failed.
bool Call::send() {
  http::ClientRequest request;
  request.method = request_.method;
  request.url = http::to_string(url_);
  request.headers = request_.headers;
  request.headers.set("User-Agent", session_->options().settings.user_agent);
  // Neither credentials nor trust in whatever certificate are for other hosts than the one they were given for.
  if (url_.origin() == origin_.origin()) {
    request.accept_any_certificate = session_->endpoint().accept_any_certificate;
    const Authorizer::Answer answer = session_->authorizer().authorize(request_.scopes);
    if (!answer.ready) return false;
    if (answer.failure) {
      fail(answer.failure->message, true);
      if (answer.failure->kind == ErrorKind::unauthorized) failure_->kind = ErrorKind::unauthorized;
      return false;
    }
    if (!answer.value.empty()) request.headers.set("Authorization", answer.value);
  }
  if (request_.body) {
    auto body = request_.body();
    if (!body.ok()) {
      fail(body.error().message, true);
      return false;
    }
    request.body = std::move(body).value();
    request.body_size = request_.body_size;
  }
  exchange_ = session_->transport().send(std::move(request));
  return true;
}

/// False if the request is to be sent again.
bool Call::on_head() {
  head_ = *exchange_->head();
  const bool own_host = url_.origin() == origin_.origin();
  if (head_.status == 401 && own_host && !asked_again_) {
    // A token that was taken back, or a scope that needs one though /v2/ did not.
    asked_again_ = true;
    session_->authorizer().learn(head_.headers, request_.scopes);
    exchange_.reset();
    return false;
  }
  if (is_redirect(head_.status) && (request_.method == "GET" || request_.method == "HEAD")) {
    redirect();
    return false;
  }
  head_taken_ = true;
  const bool streamed =
      std::find(request_.streamed.begin(), request_.streamed.end(), head_.status) != request_.streamed.end();
  gathering_ = !streamed;
  done_ = streamed;
  return true;
}

bool Call::redirect() {
  const std::string location = head_.headers.get("Location").value_or("");
  auto target =
      location.empty()
          ? Result<http::Url>(Error(ErrorKind::internal, concat(head_.status, " response missing Location header")))
          : http::resolve_reference(url_, location);
  if (!target.ok()) return fail(target.error().message, true);
  if (target->is_unix()) return fail("redirect to a UNIX socket refused", true);
  label_ = request_label(request_.method, location);
  if (++redirects_ > kRedirectsMax - 1) return fail(concat("stopped after ", kRedirectsMax, " redirects"), true);
  url_ = std::move(target).value();
  exchange_.reset();
  return true;
}

/// False while there is more to come.
bool Call::gather() {
  std::array<char, 16384> buffer;
  while (!exchange_->ended()) {
    auto count = exchange_->read(buffer);
    if (!count.ok()) {
      // As dockerd: what breaks off in the middle is told without the request.
      failure_ = Error(ErrorKind::internal, count.error().message);
      break;
    }
    if (*count == 0 && !exchange_->ended()) return false;
    if (body_.size() + *count > request_.gather_bytes_max) {
      truncated_ = true;
      break;
    }
    body_.append(buffer.data(), *count);
  }
  exchange_.reset();
  done_ = true;
  return true;
}

}  // namespace drydock::registry
