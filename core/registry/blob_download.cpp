#include "registry/blob_download.h"

#include <algorithm>

#include "base/text.h"

namespace drydock::registry {

namespace {

constexpr std::size_t kBufferBytes = 256u << 10;
constexpr std::size_t kBytesPerStep = 4u << 20;  // a few milliseconds of hashing and writing
constexpr std::int64_t kBusyPauseNs = 50 * kNanosPerMilli;

/// The first byte of "bytes 100-199/200" (RFC 9110 §14.4).
std::optional<std::uint64_t> range_start(const http::Headers& headers) {
  const std::string value = headers.get("Content-Range").value_or("");
  if (!value.starts_with("bytes ")) return std::nullopt;
  const auto pair = split_once(std::string_view(value).substr(6), '-');
  return pair ? parse_u64(pair->first) : std::nullopt;
}

Error verification_failure(const oci::Descriptor& descriptor) {
  return make_error(ErrorKind::corrupt, "filesystem layer verification failed for digest ", descriptor.digest.str());
}

}  // namespace

BlobDownload::BlobDownload(std::shared_ptr<Session> session, storage::ContentStore& store, oci::Descriptor descriptor,
                           RetryPolicy retries)
    : session_(std::move(session)), store_(store), descriptor_(std::move(descriptor)), retries_(retries) {}

BlobDownload::~BlobDownload() = default;

Operation::State BlobDownload::step() {
  while (!failure_ && stage_ != Stage::exists && stage_ != Stage::complete) {
    if (pause_until_ns_ != kNoDeadline) {
      if (session_->clock().monotonic_ns() < pause_until_ns_) return State::waiting;
      pause_until_ns_ = kNoDeadline;
    }
    if (!ingest_ && store_.contains(descriptor_.digest)) {
      stage_ = Stage::exists;
      break;
    }
    const Session::State session = session_->step();
    if (session == Session::State::connecting) return State::waiting;
    if (session == Session::State::failed) {
      failure_ = session_->failure();
      break;
    }
    if (!ingest_) {
      open_ingest();
    } else if (!call_) {
      begin();
    } else if (!streaming_) {
      if (!call_->step()) return State::waiting;
      on_head();
    } else {
      const State state = receive();
      if (state != State::done) return state;
    }
  }
  return State::done;
}

void BlobDownload::open_ingest() {
  auto ingest = store_.ingest(descriptor_.digest.str());
  if (ingest.ok()) {
    ingest_ = std::move(ingest).value();
    received_ = ingest_->size();
  } else if (ingest.error().kind == ErrorKind::conflict) {
    pause(kBusyPauseNs);  // another download has it under way
  } else {
    failure_ = std::move(ingest).error();
  }
}

void BlobDownload::begin() {
  if (!begun_) session_->emit("blob-start", descriptor_.digest.str(), descriptor_.size);
  begun_ = true;
  received_ = ingest_->size();
  resumed_ = received_ > 0;
  if (received_ >= descriptor_.size && resumed_) return commit();
  generation_ = session_->generation();
  CallRequest request;
  request.url = session_->repository_url(concat("/blobs/", descriptor_.digest.str()));
  if (resumed_) request.headers.add("Range", concat("bytes=", received_, "-"));
  // A proxy on the way must not compress what is named by its digest.
  request.headers.add("Accept-Encoding", "identity");
  request.scopes = {session_->scope()};
  request.streamed = {200, 206};
  call_ = std::make_unique<Call>(session_, std::move(request));
  stage_ = Stage::downloading;
}

void BlobDownload::on_head() {
  if (call_->failure()) {
    const bool is_final = call_->failure_is_final();
    return retry_or_fail(is_final ? Error(ErrorKind::internal, call_->cause()) : *call_->failure(), !is_final);
  }
  const int status = call_->status();
  if (status == 200) {
    skip_ = received_;  // the whole blob again, from a server without ranges
    streaming_ = true;
  } else if (status == 206 && range_start(call_->headers()) == received_) {
    skip_ = 0;
    streaming_ = true;
  } else if (status == 206 || status == 416) {
    // What we have does not fit to what is there: from the beginning.
    discard();
    retry_or_fail(
        make_error(ErrorKind::internal, "received unexpected HTTP status: ", status, " ", http::reason_phrase(status)),
        true);
  } else if (status == 404) {
    retry_or_fail(Error(ErrorKind::not_found, "unknown blob"), false);
  } else if (status >= 400) {
    const RegistryError error = call_->error();
    retry_or_fail(Error(ErrorKind::internal, error.message),
                  !error.is_final() && (status >= 500 || !error.code.empty()));
  } else {
    retry_or_fail(
        make_error(ErrorKind::internal, "received unexpected HTTP status: ", status, " ", http::reason_phrase(status)),
        false);
  }
}

Operation::State BlobDownload::receive() {
  buffer_.resize(kBufferBytes);
  for (std::size_t handled = 0; handled < kBytesPerStep;) {
    auto count = call_->exchange().read(buffer_);
    if (!count.ok()) {
      retry_or_fail(Error(ErrorKind::internal, count.error().message), true);
      return State::done;
    }
    if (*count == 0) {
      if (!call_->exchange().ended()) return State::waiting;
      commit();
      return State::done;
    }
    handled += *count;
    std::string_view bytes = std::string_view(buffer_).substr(0, *count);
    const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
    skip_ -= skipped;
    bytes.remove_prefix(skipped);
    if (bytes.empty()) continue;
    if (bytes.size() > descriptor_.size - std::min(received_, descriptor_.size)) {
      discard();
      retry_or_fail(verification_failure(descriptor_), false);
      return State::done;
    }
    if (auto written = ingest_->write(bytes); !written.ok()) {
      discard();  // most likely the disk is full: give back what we can
      failure_ = std::move(written).error();
      return State::done;
    }
    received_ += bytes.size();
    attempts_ = 0;
  }
  return State::busy;
}

void BlobDownload::commit() {
  stage_ = Stage::verifying;
  call_.reset();
  streaming_ = false;
  auto committed = ingest_->commit(descriptor_.digest, descriptor_.size);
  ingest_.reset();
  if (committed.ok()) {
    stage_ = Stage::complete;
    buffer_.clear();
    buffer_.shrink_to_fit();
    session_->emit("blob-done", descriptor_.digest.str(), descriptor_.size);
    return;
  }
  if (committed.error().kind != ErrorKind::corrupt) {
    failure_ = std::move(committed).error();
    return;
  }
  // Pieces of two transfers may not have fitted together; one that came in one piece is wrong at its source.
  received_ = 0;
  retry_or_fail(verification_failure(descriptor_), resumed_);
}

void BlobDownload::retry_or_fail(Error error, bool may_retry) {
  call_.reset();
  streaming_ = false;
  ++attempts_;
  if (may_retry && attempts_ < retries_.attempts_max) {
    stage_ = Stage::waiting;
    std::int64_t wait = retries_.first_pause_ns;
    for (int i = 1; i < attempts_ && wait < retries_.longest_pause_ns; ++i) wait *= 2;
    return pause(std::min(wait, retries_.longest_pause_ns));
  }
  if (session_->give_up_endpoint(generation_)) {
    attempts_ = 0;
    return;
  }
  if (error.kind != ErrorKind::corrupt) {
    error.message = concat("download failed after attempts=", attempts_, ": ", error.message);
  }
  ingest_.reset();
  failure_ = std::move(error);
}

void BlobDownload::pause(std::int64_t ns) {
  pause_until_ns_ = session_->clock().monotonic_ns() + ns;
}

int BlobDownload::retry_in_seconds() const {
  if (pause_until_ns_ == kNoDeadline || attempts_ == 0) return 0;
  const std::int64_t left = pause_until_ns_ - session_->clock().monotonic_ns();
  return left <= 0 ? 0 : static_cast<int>((left + kNanosPerSecond - 1) / kNanosPerSecond);
}

void BlobDownload::discard() {
  if (ingest_) ingest_->abort();
  ingest_.reset();
  received_ = 0;
}

}  // namespace drydock::registry
