#include "registry/tag_list.h"

#include "base/json.h"
#include "base/text.h"

namespace drydock::registry {

namespace {

constexpr std::size_t kPageBytesMax = 4u << 20;

/// The target of `Link: </v2/name/tags/list?n=2&last=b>; rel="next"` (RFC 8288), or "".
std::string next_link(const http::Headers& headers) {
  const std::string link = headers.get("Link").value_or("");
  const std::size_t open = link.find('<');
  const std::size_t close = link.find('>', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) return "";
  const std::string_view parameters = std::string_view(link).substr(close);
  if (parameters.find("rel=\"next\"") == std::string_view::npos &&
      parameters.find("rel=next") == std::string_view::npos) {
    return "";
  }
  return link.substr(open + 1, close - open - 1);
}

}  // namespace

TagList::TagList(std::shared_ptr<Session> session, oci::Reference repository)
    : session_(std::move(session)), repository_(std::move(repository)) {}

Operation::State TagList::step() {
  while (!done_) {
    const Session::State session = session_->step();
    if (session == Session::State::connecting) return State::waiting;
    if (session == Session::State::failed) {
      failure_ = session_->failure();
      done_ = true;
      break;
    }
    if (!call_) {
      CallRequest request;
      request.url = next_.empty() ? session_->repository_url("/tags/list") : next_;
      request.scopes = {session_->scope()};
      request.gather_bytes_max = kPageBytesMax;
      call_ = std::make_unique<Call>(session_, std::move(request));
    }
    if (!call_->step()) return State::waiting;
    finish_page();
  }
  return State::done;
}

void TagList::finish_page() {
  auto taken = take_page();
  if (!taken.ok()) failure_ = std::move(taken).error();
  call_.reset();
  done_ = failure_.has_value() || next_.empty();
}

Result<void> TagList::take_page() {
  if (call_->failure()) return *call_->failure();
  if (call_->status() >= 400) return pull_error(call_->error(), repository_);
  if (call_->truncated()) return fail(ErrorKind::too_large, "tag list is too long");
  const Json json = TRY(parse_json(call_->body()));
  for (std::string& tag : TRY(get_strings(json, "tags"))) tags_.push_back(std::move(tag));
  const std::string link = next_link(call_->headers());
  if (tags_.size() > kTagsMax || ++pages_ > kTagPagesMax) return fail(ErrorKind::too_large, "tag list is too long");
  next_.clear();
  if (link.empty()) return {};
  const http::Url next = TRY(http::resolve_reference(call_->url(), link));
  // The next page is asked for with the repository's credentials: it must be the same registry's.
  if (next.origin() != call_->url().origin()) return fail(ErrorKind::invalid_argument, "tag list goes on elsewhere");
  next_ = http::to_string(next);
  return {};
}

}  // namespace drydock::registry
