#include "registry/manifest_put.h"

#include "base/text.h"

namespace drydock::registry {

ManifestPut::ManifestPut(std::shared_ptr<Session> session, std::string raw, std::string media_type,
                         std::string selector)
    : session_(std::move(session)),
      raw_(std::move(raw)),
      media_type_(std::move(media_type)),
      selector_(std::move(selector)),
      digest_(archive::digest_of(raw_)) {}

Operation::State ManifestPut::step() {
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
    request.method = "PUT";
    request.url = session_->repository_url(concat("/manifests/", http::percent_encode(selector_, ":")));
    request.headers.add("Content-Type", media_type_);
    request.scopes = {session_->scope()};
    request.body_size = raw_.size();
    request.body = [this]() -> Result<std::unique_ptr<ByteSource>> {
      return std::unique_ptr<ByteSource>(std::make_unique<StringSource>(raw_));
    };
    call_ = std::make_unique<Call>(session_, std::move(request));
  }
  if (!call_->step()) return State::waiting;
  finish();
  done_ = true;
  return State::done;
}

void ManifestPut::finish() {
  const std::unique_ptr<Call> call = std::move(call_);
  if (call->failure()) {
    failure_ = call->failure();
  } else if (call->status() >= 400) {
    failure_ = Error(ErrorKind::internal, call->error().message);
  } else if (call->status() < 200 || call->status() > 299) {
    failure_ = make_error(ErrorKind::internal, "received unexpected HTTP status: ", call->status(), " ",
                          http::reason_phrase(call->status()));
  } else {
    const std::string promised = call->headers().get("Docker-Content-Digest").value_or("");
    if (promised.starts_with("sha256:") && promised != digest_.str()) {
      failure_ = make_error(ErrorKind::corrupt, "the registry stored the manifest as ", promised, " instead of ",
                            digest_.str());
      return;
    }
    session_->emit("manifest-put", digest_.str(), raw_.size());
  }
}

}  // namespace drydock::registry
