#include "storage/blob_sources.h"

#include <algorithm>

#include "base/json.h"

namespace drydock::storage {

using archive::Digest;

namespace {

constexpr std::string_view kDiffs = "distribution/diffs";
constexpr std::string_view kBlobs = "distribution/blobs";
constexpr std::uint64_t kDiffFileMax = 1u << 20;
constexpr std::uint64_t kBlobFileMax = 1024;

std::string diff_path(const Digest& diff) {
  return concat(kDiffs, "/", diff.hex(), ".json");
}

std::string blob_path(const Digest& blob) {
  return concat(kBlobs, "/", blob.hex());
}

Result<BlobSource> parse_source(const Json& json) {
  if (!json.is_object()) return fail(ErrorKind::corrupt, "blob source is no object");
  BlobSource source;
  source.blob = TRY(Digest::parse(TRY(get_string(json, "blob"))));
  source.size = static_cast<std::uint64_t>(TRY(get_int(json, "size")));
  source.media_type = TRY(get_string(json, "media_type"));
  source.repository = TRY(get_string(json, "repository"));
  return source;
}

Result<void> save(HostFs& fs, const Digest& diff, const std::vector<BlobSource>& sources) {
  Json blobs = Json::array();
  for (const BlobSource& source : sources) {
    Json json = Json::object();
    json["blob"] = source.blob.str();
    json["size"] = source.size;
    json["media_type"] = source.media_type;
    json["repository"] = source.repository;
    blobs.push_back(std::move(json));
  }
  Json json = Json::object();
  json["blobs"] = std::move(blobs);
  TRY(make_directories(fs, kDiffs, 0700));
  TRY(fs.write_atomic(diff_path(diff), to_json_text(json), 0600));
  return {};
}

bool has_blob(const std::vector<BlobSource>& sources, const Digest& blob) {
  return std::any_of(sources.begin(), sources.end(), [&](const BlobSource& source) { return source.blob == blob; });
}

}  // namespace

Result<void> BlobSources::add(const Digest& diff, const BlobSource& source) {
  std::vector<BlobSource> sources = of_diff(diff);
  std::erase_if(sources, [&](const BlobSource& other) {
    return other.blob == source.blob && other.repository == source.repository;
  });
  sources.insert(sources.begin(), source);
  while (sources.size() > kBlobSourcesMax) {
    const Digest oldest = sources.back().blob;
    sources.pop_back();
    if (!has_blob(sources, oldest)) TRY(fs_.remove_tree(blob_path(oldest)));
  }
  TRY(save(fs_, diff, sources));
  TRY(make_directories(fs_, kBlobs, 0700));
  TRY(fs_.write_atomic(blob_path(source.blob), diff.str(), 0600));
  return {};
}

std::vector<BlobSource> BlobSources::of_diff(const Digest& diff) const {
  std::vector<BlobSource> sources;
  auto bytes = read_file(fs_, diff_path(diff), kDiffFileMax);
  if (!bytes.ok()) return sources;
  auto json = parse_json(*bytes);
  if (!json.ok() || !json->is_object()) return sources;
  auto blobs = get_array(*json, "blobs");
  if (!blobs.ok() || *blobs == nullptr) return sources;
  for (const Json& item : **blobs) {
    auto source = parse_source(item);
    if (source.ok()) sources.push_back(std::move(source).value());
  }
  return sources;
}

std::optional<Digest> BlobSources::diff_of(const Digest& blob) const {
  auto bytes = read_file(fs_, blob_path(blob), kBlobFileMax);
  if (!bytes.ok()) return std::nullopt;
  auto diff = Digest::parse(*bytes);
  if (!diff.ok()) return std::nullopt;
  return *diff;
}

Result<void> BlobSources::forget(const Digest& diff, const Digest& blob, std::string_view repository) {
  std::vector<BlobSource> sources = of_diff(diff);
  const std::size_t erased = std::erase_if(
      sources, [&](const BlobSource& source) { return source.blob == blob && source.repository == repository; });
  if (erased == 0) return {};
  if (sources.empty()) return remove(diff);
  if (!has_blob(sources, blob)) TRY(fs_.remove_tree(blob_path(blob)));
  return save(fs_, diff, sources);
}

Result<void> BlobSources::remove(const Digest& diff) {
  const std::vector<BlobSource> sources = of_diff(diff);
  for (const BlobSource& source : sources) TRY(fs_.remove_tree(blob_path(source.blob)));
  TRY(fs_.remove_tree(diff_path(diff)));
  return {};
}

}  // namespace drydock::storage
