#include "registry/login.h"

#include "base/text.h"
#include "registry/authorizer.h"

namespace drydock::registry {

LoginCheck::LoginCheck(std::shared_ptr<Session> session) : session_(std::move(session)) {
  session_->authorizer().want_identity_token();
}

Operation::State LoginCheck::step() {
  if (done_) return State::done;
  const Session::State session = session_->step();
  if (session == Session::State::connecting) return State::waiting;
  if (session == Session::State::failed) {
    failure_ = session_->failure();
    done_ = true;
    return State::done;
  }
  if (!call_) {
    CallRequest request;
    request.url = concat(session_->endpoint().url, "/v2/");
    call_ = std::make_unique<Call>(session_, std::move(request));
  }
  if (!call_->step()) return State::waiting;
  finish();
  done_ = true;
  return State::done;
}

void LoginCheck::finish() {
  if (call_->failure()) {
    failure_ = call_->failure();
  } else if (call_->status() != 200) {
    failure_ = make_error(ErrorKind::internal, "login attempt to ", session_->endpoint().url,
                          "/v2/ failed with status: ", call_->status(), " ", http::reason_phrase(call_->status()));
  } else {
    identity_token_ = session_->authorizer().identity_token();
  }
  call_.reset();
}

std::string login_domain(std::string_view server_address) {
  std::string_view host = server_address;
  if (const std::size_t scheme = host.find("://"); scheme != std::string_view::npos) host.remove_prefix(scheme + 3);
  host = host.substr(0, host.find('/'));
  if (host.empty() || host == "index.docker.io" || host == "registry-1.docker.io") return "docker.io";
  return std::string(host);
}

}  // namespace drydock::registry
