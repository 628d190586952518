#include "registry/blob_upload.h"

#include <algorithm>

#include "base/text.h"

namespace drydock::registry {

namespace {

/// A blob of the content store, read in order.
class BlobSourceReader final : public ByteSource {
 public:
  BlobSourceReader(std::unique_ptr<storage::FileReader> file, std::uint64_t offset)
      : file_(std::move(file)), at_(offset) {}

  Result<std::size_t> read(std::span<char> out) override {
    auto count = file_->read_at(at_, out);
    if (!count.ok()) return Error(count.error());
    if (*count == 0 && at_ < file_->size()) return Error(ErrorKind::corrupt, "unexpected EOF");
    at_ += *count;
    return *count;
  }
  bool ended() const override { return at_ >= file_->size(); }

 private:
  std::unique_ptr<storage::FileReader> file_;
  std::uint64_t at_;
};

/// Counts what passes: the progress of the upload.
class CountedSource final : public ByteSource {
 public:
  CountedSource(std::unique_ptr<ByteSource> source, std::shared_ptr<std::uint64_t> count)
      : source_(std::move(source)), count_(std::move(count)) {}

  Result<std::size_t> read(std::span<char> out) override {
    auto read = source_->read(out);
    if (read.ok()) *count_ += *read;
    return read;
  }
  bool ended() const override { return source_->ended(); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::shared_ptr<std::uint64_t> count_;
};

Error unexpected_status(int status) {
  return make_error(ErrorKind::internal, "received unexpected HTTP status: ", status, " ", http::reason_phrase(status));
}

}  // namespace

BlobOpener open_from(const storage::ContentStore& store, const oci::Digest& digest) {
  return [&store, digest](std::uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
    auto file = TRY(store.open_blob(digest));
    return std::unique_ptr<ByteSource>(std::make_unique<BlobSourceReader>(std::move(file), offset));
  };
}

BlobUpload::BlobUpload(std::shared_ptr<Session> session, oci::Descriptor descriptor, BlobOpener open,
                       std::vector<std::string> mount_from, RetryPolicy retries)
    : session_(std::move(session)),
      descriptor_(std::move(descriptor)),
      open_(std::move(open)),
      mount_from_(std::move(mount_from)),
      retries_(retries) {
  // The blob of this very repository is what HEAD looks for.
  std::erase(mount_from_, session_->options().path);
}

BlobUpload::~BlobUpload() = default;

Operation::State BlobUpload::step() {
  while (!failure_ && stage_ != Stage::over) {
    if (pause_until_ns_ != kNoDeadline) {
      if (session_->clock().monotonic_ns() < pause_until_ns_) return State::waiting;
      pause_until_ns_ = kNoDeadline;
    }
    const Session::State session = session_->step();
    if (session == Session::State::connecting) return State::waiting;
    if (session == Session::State::failed) {
      failure_ = session_->failure();
      break;
    }
    if (!call_) begin();
    if (!call_->step()) return State::waiting;
    on_answer();
  }
  return State::done;
}

void BlobUpload::begin() {
  CallRequest request;
  request.scopes = {session_->scope()};
  switch (stage_) {
    case Stage::check:
      request.method = "HEAD";
      request.url = session_->repository_url(concat("/blobs/", descriptor_.digest.str()));
      break;
    case Stage::mount:
      request.method = "POST";
      request.url =
          session_->repository_url(concat("/blobs/uploads/?mount=", http::percent_encode(descriptor_.digest.str()),
                                          "&from=", http::percent_encode(mount_from_.front())));
      request.scopes.push_back(Session::pull_scope(mount_from_.front()));
      break;
    case Stage::open:
      request.method = "POST";
      request.url = session_->repository_url("/blobs/uploads/");
      break;
    case Stage::status:
      request.url = location_;
      break;
    case Stage::send:
      request.method = "PATCH";
      request.url = location_;
      request.headers.add("Content-Type", "application/octet-stream");
      if (offset_ > 0) request.headers.add("Content-Range", concat(offset_, "-", descriptor_.size - 1));
      request.body_size = descriptor_.size - offset_;
      request.body = [open = open_, offset = offset_, sent = sent_]() -> Result<std::unique_ptr<ByteSource>> {
        auto source = TRY(open(offset));
        *sent = offset;
        return std::unique_ptr<ByteSource>(std::make_unique<CountedSource>(std::move(source), sent));
      };
      break;
    case Stage::commit:
      request.method = "PUT";
      request.url = concat(location_, location_.find('?') == std::string::npos ? "?" : "&",
                           "digest=", http::percent_encode(descriptor_.digest.str()));
      break;
    case Stage::over:
      break;
  }
  call_ = std::make_unique<Call>(session_, std::move(request));
}

void BlobUpload::on_answer() {
  if (call_->failure()) {
    const bool is_final = call_->failure_is_final();
    return retry_or_fail(is_final ? Error(ErrorKind::internal, call_->cause()) : *call_->failure(), !is_final);
  }
  switch (stage_) {
    case Stage::check:
      return on_check();
    case Stage::mount:
    case Stage::open:
      return on_mount_or_open();
    case Stage::status:
      return on_status();
    case Stage::send:
      return on_sent();
    case Stage::commit:
      return on_committed();
    case Stage::over:
      return;
  }
}

void BlobUpload::on_check() {
  const int status = call_->status();
  call_.reset();
  if (status == 200) return finish(Outcome::exists);
  // Whatever it was, the upload will tell it, with a body that explains.
  stage_ = mount_from_.empty() ? Stage::open : Stage::mount;
}

void BlobUpload::on_mount_or_open() {
  const int status = call_->status();
  if (stage_ == Stage::mount && status == 201) {
    mounted_from_ = mount_from_.front();
    call_.reset();
    return finish(Outcome::mounted);
  }
  if (status == 202) {
    if (auto located = take_location(); !located.ok()) return retry_or_fail(located.error(), false);
    // Not mounted, but an upload was begun: use it, unless another repository may still have the blob.
    if (stage_ == Stage::mount && mount_from_.size() > 1) {
      mount_from_.erase(mount_from_.begin());
      call_.reset();
      return;
    }
    offset_ = 0;
    stage_ = Stage::send;
    call_.reset();
    return;
  }
  if (stage_ == Stage::mount) {
    // No right to read there, or a registry that cannot mount.
    mount_from_.erase(mount_from_.begin());
    if (mount_from_.empty()) stage_ = Stage::open;
    call_.reset();
    return;
  }
  if (status >= 400) {
    const RegistryError error = call_->error();
    return retry_or_fail(Error(ErrorKind::internal, error.message), status >= 500);
  }
  retry_or_fail(unexpected_status(status), false);
}

/// The registry says how far an upload that broke off has got: "Range: 0-1023" are 1024 bytes.
void BlobUpload::on_status() {
  const std::string range = call_->headers().get("Range").value_or("");
  const auto pair = split_once(range.starts_with("bytes=") ? std::string_view(range).substr(6) : range, '-');
  const auto last = pair ? parse_u64(pair->second) : std::nullopt;
  const bool usable = (call_->status() == 204 || call_->status() == 202) && last && *last > 0;
  if (!usable || *last + 1 > descriptor_.size || !take_location().ok()) {
    stage_ = Stage::open;  // begin anew; "0-0" may be one byte or none
    offset_ = 0;
  } else {
    offset_ = *last + 1;
    stage_ = offset_ == descriptor_.size ? Stage::commit : Stage::send;
  }
  *sent_ = offset_;
  call_.reset();
}

void BlobUpload::on_sent() {
  const int status = call_->status();
  if (status == 202 || status == 201 || status == 204) {
    if (auto located = take_location(); !located.ok()) return retry_or_fail(located.error(), false);
    stage_ = Stage::commit;
    call_.reset();
    return;
  }
  if (status >= 400) {
    const RegistryError error = call_->error();
    return retry_or_fail(Error(ErrorKind::internal, error.message), status >= 500 || status == 416 || status == 404);
  }
  retry_or_fail(unexpected_status(status), false);
}

void BlobUpload::on_committed() {
  const int status = call_->status();
  if (status == 201 || status == 204) {
    call_.reset();
    return finish(Outcome::uploaded);
  }
  if (status >= 400) {
    const RegistryError error = call_->error();
    return retry_or_fail(Error(ErrorKind::internal, error.message), status >= 500 || status == 404);
  }
  retry_or_fail(unexpected_status(status), false);
}

Result<void> BlobUpload::take_location() {
  const std::string location = call_->headers().get("Location").value_or("");
  if (location.empty()) return fail(ErrorKind::internal, "the registry gave no location for the upload");
  const http::Url url = TRY(http::resolve_reference(call_->url(), location));
  if (url.is_unix()) return fail(ErrorKind::internal, "the registry gave a bad location for the upload");
  location_ = http::to_string(url);
  return {};
}

void BlobUpload::retry_or_fail(Error error, bool may_retry) {
  call_.reset();
  if (*sent_ > sent_before_) attempts_ = 0;
  sent_before_ = std::max(*sent_, sent_before_);
  if (!may_retry || ++attempts_ >= retries_.attempts_max) {
    failure_ = std::move(error);
    return;
  }
  if (stage_ == Stage::send || stage_ == Stage::commit) stage_ = Stage::status;
  std::int64_t wait = retries_.first_pause_ns;
  for (int i = 1; i < attempts_ && wait < retries_.longest_pause_ns; ++i) wait *= 2;
  pause_until_ns_ = session_->clock().monotonic_ns() + std::min(wait, retries_.longest_pause_ns);
}

void BlobUpload::finish(Outcome outcome) {
  outcome_ = outcome;
  stage_ = Stage::over;
  if (outcome != Outcome::exists) {
    session_->emit(outcome == Outcome::mounted ? "mount" : "upload", descriptor_.digest.str(), descriptor_.size);
  }
}

}  // namespace drydock::registry
