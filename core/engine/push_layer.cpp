#include "engine/push_layer.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "engine/images.h"
#include "oci/media_types.h"

namespace drydock::engine {

namespace {

constexpr std::size_t kReadBytes = 128u << 10;

/// "docker.io/library/busybox" is of "docker.io" and is "library/busybox" there.
std::optional<std::string> path_at(std::string_view domain, std::string_view repository) {
  if (!repository.starts_with(domain) || repository.substr(domain.size(), 1) != "/") return std::nullopt;
  return std::string(repository.substr(domain.size() + 1));
}

}  // namespace

PushLayer::PushLayer(Images& images, std::shared_ptr<registry::Session> session, oci::Reference repository,
                     storage::Layer layer)
    : images_(images), session_(std::move(session)), repository_(std::move(repository)), layer_(std::move(layer)) {
  choose_candidates();
}

PushLayer::~PushLayer() {
  if (ingest_) ingest_->abort();
  release_slot();
}

void PushLayer::release_slot() {
  if (std::exchange(has_slot_, false)) images_.transfers().end_upload();
}

/// Gzip blobs that this registry is known to have had: those of the repository itself first.
void PushLayer::choose_candidates() {
  for (storage::BlobSource& source : images_.sources().of_diff(layer_.diff)) {
    const auto compression = oci::layer_compression(source.media_type);
    const bool usable = compression.ok() && *compression == archive::Compression::gzip &&
                        path_at(repository_.domain(), source.repository).has_value();
    if (usable) candidates_.push_back(std::move(source));
  }
  std::stable_sort(candidates_.begin(), candidates_.end(), [this](const auto& a, const auto& b) {
    const std::string own = repository_.repository();
    return (a.repository == own) > (b.repository == own);
  });
}

Result<Job::State> PushLayer::step(const Clock& clock) {
  switch (stage_) {
    case Stage::preparing:
      if (!images_.transfers().take_upload()) return Job::State::waiting;
      has_slot_ = true;
      stage_ = candidates_.empty() ? Stage::compressing : Stage::looking;
      return Job::State::busy;
    case Stage::looking:
      return look();
    case Stage::compressing:
      return compress(clock);
    case Stage::uploading:
      return upload();
    case Stage::done:
      break;
  }
  return Job::State::done;
}

void PushLayer::begin_look() {
  const storage::BlobSource& source = candidates_[candidate_];
  blob_ = {};
  blob_.media_type = oci::kDockerLayerGzip;
  blob_.digest = source.blob;
  blob_.size = source.size;
  std::vector<std::string> mount_from;
  if (source.repository != repository_.repository()) {
    mount_from.push_back(*path_at(repository_.domain(), source.repository));
  }
  // There are no bytes to upload: a registry that asks for them has not got the blob.
  bytes_wanted_ = std::make_shared<bool>(false);
  const auto refuse = [wanted = bytes_wanted_](std::uint64_t) -> Result<std::unique_ptr<ByteSource>> {
    *wanted = true;
    return fail(ErrorKind::not_found, "the blob is not here any more");
  };
  upload_ = std::make_unique<registry::BlobUpload>(session_, blob_, refuse, std::move(mount_from));
}

Result<Job::State> PushLayer::look() {
  if (!upload_) begin_look();
  const auto state = upload_->step();
  if (upload_->failure()) {
    const storage::BlobSource& source = candidates_[candidate_];
    if (!*bytes_wanted_) return *upload_->failure();
    TRY(images_.sources().forget(layer_.diff, source.blob, source.repository));
    upload_.reset();
    if (++candidate_ == candidates_.size()) stage_ = Stage::compressing;
    return Job::State::busy;
  }
  if (state == registry::Operation::State::waiting) return Job::State::waiting;
  if (state == registry::Operation::State::busy) return Job::State::busy;
  mounted_from_ = upload_->mounted_from();
  const bool mounted = upload_->outcome() == registry::BlobUpload::Outcome::mounted;
  finish(mounted ? Outcome::mounted : Outcome::exists);
  return Job::State::done;
}

Result<Job::State> PushLayer::compress(const Clock& clock) {
  if (!ingest_) {
    auto ingest = images_.content().ingest("push:" + layer_.chain.str());
    // Another push makes the same blob: it will be there for this one to upload too.
    if (!ingest.ok() && ingest.error().kind == ErrorKind::conflict) return Job::State::waiting;
    ingest_ = TRY(std::move(ingest));
    if (ingest_->size() > 0) {
      ingest_->abort();
      ingest_.reset();
      return Job::State::busy;
    }
    tar_ = TRY(images_.layers().open_tar(layer_.chain));
    compressor_ = TRY(archive::make_compressor(archive::Compression::gzip));
  }
  const std::int64_t until = clock.monotonic_ns() + kSliceNs;
  std::string bytes(kReadBytes, '\0');
  std::string out;
  for (std::uint64_t done = 0; done < kSliceBytesMax && clock.monotonic_ns() < until && !tar_->ended();) {
    const std::size_t read = TRY(tar_->read({bytes.data(), bytes.size()}));
    TRY(compressor_->write({bytes.data(), read}, out));
    done += read + 1;
  }
  if (tar_->ended()) TRY(compressor_->finish(out));
  TRY(ingest_->write(out));
  if (!tar_->ended()) return Job::State::busy;
  const storage::BlobInfo info = TRY(ingest_->commit(std::nullopt, std::nullopt));
  ingest_.reset();
  hold_ = images_.transfers().hold_blob(images_.content(), info.digest);
  blob_ = {};
  blob_.media_type = oci::kDockerLayerGzip;
  blob_.digest = info.digest;
  blob_.size = info.size;
  upload_ =
      std::make_unique<registry::BlobUpload>(session_, blob_, registry::open_from(images_.content(), info.digest));
  stage_ = Stage::uploading;
  return Job::State::busy;
}

Result<Job::State> PushLayer::upload() {
  const auto state = upload_->step();
  if (upload_->failure()) return *upload_->failure();
  if (state == registry::Operation::State::waiting) return Job::State::waiting;
  if (state == registry::Operation::State::busy) return Job::State::busy;
  const bool existed = upload_->outcome() == registry::BlobUpload::Outcome::exists;
  finish(existed ? Outcome::exists : Outcome::pushed);
  return Job::State::done;
}

void PushLayer::finish(Outcome outcome) {
  // What is not written down costs a transfer another time, nothing else.
  (void)images_.sources().add(layer_.diff, {blob_.digest, blob_.size, blob_.media_type, repository_.repository()});
  outcome_ = outcome;
  stage_ = Stage::done;
  upload_.reset();
  hold_.reset();
  release_slot();
}

}  // namespace drydock::engine
