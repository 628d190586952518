#include "storage/content_store.h"

#include <algorithm>

namespace drydock::storage {

using archive::Digest;

namespace {

constexpr std::string_view kBlobs = "content/blobs/sha256";
constexpr std::string_view kIngests = "content/ingest";
constexpr std::size_t kReadStep = 256 * 1024;

std::string blob_path(const Digest& digest) {
  return concat(kBlobs, "/", digest.hex());
}

Failure<Error> no_such_blob(const Digest& digest) {
  return fail(ErrorKind::not_found, "content ", digest.str(), ": not found");
}

template <class T>
Result<T> found(Result<T, SysError> result, const Digest& digest) {
  if (!result.ok() && result.error().code == Errno::enoent) return no_such_blob(digest);
  if (!result.ok()) return Error(result.error());
  return std::move(result).value();
}

}  // namespace

class FileIngest final : public Ingest {
 public:
  FileIngest(HostFs& fs, std::string name, std::shared_ptr<std::vector<std::string>> busy)
      : fs_(fs), name_(std::move(name)), busy_(std::move(busy)) {
    busy_->push_back(name_);
  }
  ~FileIngest() override { std::erase(*busy_, name_); }

  /// Hashes what an earlier ingest of the same ref left.
  Result<void> resume() {
    auto reader = fs_.open_read(path());
    if (reader.ok()) {
      std::string buffer(kReadStep, '\0');
      while (const std::size_t got = TRY(reader.value()->read_at(size_, buffer))) {
        digester_.update(std::string_view(buffer).substr(0, got));
        size_ += got;
      }
    } else if (reader.error().code != Errno::enoent) {
      return Error(reader.error());
    }
    writer_ = TRY(fs_.open_write(path(), WriteMode::append, 0644));
    return {};
  }

  std::uint64_t size() const override { return size_; }

  Result<void> write(std::string_view bytes) override {
    if (!writer_) return fail(ErrorKind::conflict, "ingest is over");
    TRY(writer_->write(bytes));
    digester_.update(bytes);
    size_ += bytes.size();
    return {};
  }

  Result<BlobInfo> commit(const std::optional<Digest>& expected_digest,
                          std::optional<std::uint64_t> expected_size) override {
    if (!writer_) return fail(ErrorKind::conflict, "ingest is over");
    const BlobInfo blob{digester_.finish(), size_};
    writer_.reset();
    if (expected_size && *expected_size != blob.size) {
      abort();
      return fail(ErrorKind::corrupt, "unexpected commit size ", blob.size, ", expected ", *expected_size);
    }
    if (expected_digest && *expected_digest != blob.digest) {
      abort();
      return fail(ErrorKind::corrupt, "unexpected commit digest ", blob.digest.str(), ", expected ",
                  expected_digest->str());
    }
    TRY(fs_.rename(path(), blob_path(blob.digest)));
    return blob;
  }

  void abort() override {
    writer_.reset();
    // What cannot be removed now is removed when the store is opened next.
    static_cast<void>(fs_.remove_tree(path()).ok());
  }

 private:
  std::string path() const { return concat(kIngests, "/", name_); }

  HostFs& fs_;
  std::string name_;
  std::shared_ptr<std::vector<std::string>> busy_;
  std::unique_ptr<FileWriter> writer_;
  archive::Digester digester_;
  std::uint64_t size_ = 0;
};

Result<std::unique_ptr<ContentStore>> ContentStore::open(HostFs& fs) {
  TRY(fs.remove_tree(kIngests));
  TRY(make_directories(fs, kIngests, 0700));
  TRY(make_directories(fs, kBlobs, 0700));
  return std::unique_ptr<ContentStore>(new ContentStore(fs));
}

Result<std::unique_ptr<Ingest>> ContentStore::ingest(std::string_view ref) {
  // A ref is any text, its digest is a file name.
  std::string name(archive::digest_of(ref).hex());
  if (std::find(busy_->begin(), busy_->end(), name) != busy_->end()) {
    return fail(ErrorKind::conflict, "ref ", ref, " locked: unavailable");
  }
  auto ingest = std::make_unique<FileIngest>(fs_, std::move(name), busy_);
  TRY(ingest->resume());
  return std::unique_ptr<Ingest>(std::move(ingest));
}

bool ContentStore::contains(const Digest& digest) const {
  return !digest.empty() && fs_.stat(blob_path(digest)).ok();
}

Result<std::uint64_t> ContentStore::size(const Digest& digest) const {
  if (digest.empty()) return no_such_blob(digest);
  return TRY(found(fs_.stat(blob_path(digest)), digest)).size;
}

Result<std::unique_ptr<FileReader>> ContentStore::open_blob(const Digest& digest) const {
  if (digest.empty()) return no_such_blob(digest);
  return found(fs_.open_read(blob_path(digest)), digest);
}

Result<std::string> ContentStore::read_small(const Digest& digest, std::uint64_t size_max) const {
  if (digest.empty()) return no_such_blob(digest);
  auto bytes = read_file(fs_, blob_path(digest), size_max);
  if (!bytes.ok() && bytes.error().code == Errno::efbig) {
    return fail(ErrorKind::too_large, "content ", digest.str(), ": larger than ", size_max, " bytes");
  }
  std::string content = TRY(found(std::move(bytes), digest));
  if (archive::digest_of(content) != digest) {
    return fail(ErrorKind::corrupt, "content ", digest.str(), ": digest verification failed");
  }
  return content;
}

Result<BlobInfo> ContentStore::put(std::string_view bytes) {
  const BlobInfo blob{archive::digest_of(bytes), bytes.size()};
  TRY(fs_.write_atomic(blob_path(blob.digest), bytes, 0644));
  return blob;
}

Result<void> ContentStore::remove(const Digest& digest) {
  if (digest.empty()) return {};
  TRY(fs_.remove_tree(blob_path(digest)));
  return {};
}

Result<std::vector<BlobInfo>> ContentStore::list() const {
  std::vector<BlobInfo> blobs;
  const std::vector<DirectoryEntry> entries = TRY(fs_.list(kBlobs));
  for (const DirectoryEntry& entry : entries) {
    auto digest = Digest::from_hex(entry.name);
    if (digest.ok() && entry.info.type == FileType::regular) blobs.push_back({*digest, entry.info.size});
  }
  return blobs;
}

}  // namespace drydock::storage
