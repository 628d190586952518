#include "registry/manifest_fetch.h"

#include "archive/digest.h"
#include "base/text.h"
#include "oci/media_types.h"

namespace drydock::registry {

namespace {

http::Headers accept_list() {
  http::Headers headers;
  for (const std::string_view type :
       {oci::kDockerManifest, oci::kDockerManifestList, oci::kOciManifest, oci::kOciIndex}) {
    headers.add("Accept", std::string(type));
  }
  return headers;
}

}  // namespace

ManifestFetch::ManifestFetch(std::shared_ptr<Session> session, oci::Reference reference)
    : session_(std::move(session)), reference_(std::move(reference)) {}

void ManifestFetch::begin() {
  if (generation_ != session_->generation()) resolved_ = false;  // another endpoint may know the tag differently
  generation_ = session_->generation();
  resolving_ = reference_.digest().empty() && !resolved_;
  const std::string& digest = tag_digest_.str();
  CallRequest request;
  request.method = resolving_ ? "HEAD" : "GET";
  request.url =
      session_->repository_url(concat("/manifests/", resolved_ && !digest.empty() ? digest : reference_.selector()));
  request.headers = accept_list();
  request.scopes = {session_->scope()};
  request.gather_bytes_max = oci::kManifestBytesMax;
  call_ = std::make_unique<Call>(session_, std::move(request));
}

Operation::State ManifestFetch::step() {
  while (!failure_ && !document_) {
    const Session::State session = session_->step();
    if (session == Session::State::connecting) return State::waiting;
    if (session == Session::State::failed) {
      failure_ = session_->failure();
      break;
    }
    if (!call_) begin();
    if (!call_->step()) return State::waiting;
    if (resolving_ && !call_->failure()) {
      on_resolved();
    } else {
      finish();
    }
  }
  return State::done;
}

void ManifestFetch::on_resolved() {
  resolved_ = true;
  tag_digest_ = {};
  // A refusal of HEAD has no body: GET by the tag will tell why.
  if (call_->status() == 200) {
    auto digest = archive::Digest::parse(call_->headers().get("Docker-Content-Digest").value_or(""));
    if (digest.ok()) tag_digest_ = std::move(digest).value();
  }
  call_.reset();
}

void ManifestFetch::finish() {
  const std::unique_ptr<Call> call = std::move(call_);
  if (call->failure()) return fail(*call->failure());
  if (call->truncated()) {
    return fail(make_error(ErrorKind::too_large, "manifest is larger than ", oci::kManifestBytesMax, " bytes"));
  }
  if (call->status() >= 400) return fail(pull_error(call->error(), reference_));
  if (call->status() != 200) {
    return fail(make_error(ErrorKind::internal, "received unexpected HTTP status: ", call->status(), " ",
                           http::reason_phrase(call->status())));
  }
  const std::string type = call->headers().get("Content-Type").value_or("");
  const std::string promised = call->headers().get("Docker-Content-Digest").value_or("");
  std::string body = call->take_body();
  const archive::Digest digest = archive::digest_of(body);
  const archive::Digest& wanted = reference_.digest().empty() ? tag_digest_ : reference_.digest();
  if (!wanted.empty() && digest != wanted) {
    return fail(make_error(ErrorKind::corrupt, "manifest verification failed for digest ", wanted.str()));
  }
  if (promised.starts_with("sha256:") && promised != digest.str()) {
    return fail(make_error(ErrorKind::corrupt, "manifest verification failed for digest ", promised));
  }
  auto document = oci::parse_manifest(std::move(body), type);
  if (!document.ok()) return fail(document.error());
  session_->emit("manifest", digest.str(), document->raw.size());
  document_ = std::move(document).value();
}

void ManifestFetch::fail(Error error) {
  if (session_->give_up_endpoint(generation_)) return;  // a mirror's failure is no failure
  failure_ = std::move(error);
}

}  // namespace drydock::registry
