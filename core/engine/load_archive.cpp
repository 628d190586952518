#include "engine/load_archive.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "engine/image_unpack.h"

namespace drydock::engine {

namespace {

constexpr std::size_t kBufferBytes = 256u << 10;
constexpr int kLinksMax = 16;
constexpr std::string_view kBlobPrefix = "blobs/sha256/";

/// "./a//b/../c" is "a/c"; what climbs out of the archive stays at its root.
std::string clean_name(std::string_view name) {
  std::vector<std::string> parts;
  for (std::string& part : split(name, '/')) {
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(std::move(part));
  }
  return join(parts, "/");
}

std::string link_target(const archive::TarEntry& entry, const std::string& name) {
  if (entry.type == archive::TarType::hard_link || entry.link_name.starts_with('/')) return clean_name(entry.link_name);
  const std::size_t slash = name.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : name.substr(0, slash);
  return clean_name(directory + "/" + entry.link_name);
}

}  // namespace

Result<std::unique_ptr<LoadArchive>> LoadArchive::start(storage::HostFs& fs, std::string directory,
                                                        std::unique_ptr<ByteSource> body) {
  if (auto made = storage::make_directories(fs, directory, 0700); !made.ok()) return Error(made.error());
  return std::unique_ptr<LoadArchive>(new LoadArchive(fs, std::move(directory), std::move(body)));
}

LoadArchive::LoadArchive(storage::HostFs& fs, std::string directory, std::unique_ptr<ByteSource> body)
    : fs_(fs),
      directory_(std::move(directory)),
      body_(std::move(body)),
      decompressor_(archive::make_detecting_decompressor()),
      input_(kBufferBytes, '\0'),
      output_(kBufferBytes, '\0') {}

LoadArchive::~LoadArchive() {
  file_.reset();
  // What cannot be removed now is removed at the next start.
  (void)fs_.remove_tree(directory_);
}

/// Reads behind what is left; false when nothing has come yet.
Result<bool> LoadArchive::refill() {
  std::copy(input_.begin() + static_cast<std::ptrdiff_t>(begin_), input_.begin() + static_cast<std::ptrdiff_t>(end_),
            input_.begin());
  end_ -= begin_;
  begin_ = 0;
  const std::size_t read = TRY(body_->read({input_.data() + end_, input_.size() - end_}));
  end_ += read;
  return read > 0 || body_->ended();
}

Result<LoadArchive::State> LoadArchive::step(const Clock& clock) {
  const std::int64_t until = clock.monotonic_ns() + kSliceNs;
  std::uint64_t taken = 0;
  bool starved = begin_ == end_;
  while (!decompressor_->ended()) {
    if (taken >= kSliceBytesMax || clock.monotonic_ns() >= until) return State::busy;
    if (starved && !body_->ended() && !TRY(refill())) return State::waiting;
    const bool complete = body_->ended();
    const auto input_is = complete ? archive::InputIs::complete : archive::InputIs::unfinished;
    auto step =
        decompressor_->step({input_.data() + begin_, end_ - begin_}, input_is, {output_.data(), output_.size()});
    if (!step.ok()) return tar_error(std::move(step).error());
    begin_ += step->taken;
    taken += step->given;
    const bool stuck = step->taken == 0 && step->given == 0;
    if (stuck && complete && !decompressor_->ended()) return tar_error({ErrorKind::corrupt, "unexpected EOF"});
    starved = stuck || begin_ == end_;
    if (step->given > 0) TRY(take({output_.data(), step->given}));
  }
  tar_.finish_input();
  while (!tar_ended_) TRY(take_event());
  return State::done;
}

Result<void> LoadArchive::take(std::string_view bytes) {
  if (tar_ended_) return {};  // padding behind the archive
  tar_.feed(bytes);
  while (!tar_ended_) {
    if (!TRY(take_event())) break;
  }
  return {};
}

/// False when the reader wants more bytes.
Result<bool> LoadArchive::take_event() {
  const auto event = tar_.next();
  if (!event.ok()) return tar_error(event.error());
  switch (*event) {
    case archive::TarEvent::need_input:
      return false;
    case archive::TarEvent::entry:
      TRY(begin_member());
      break;
    case archive::TarEvent::data:
      if (digester_) digester_->update(tar_.data());
      if (auto written = file_->write(tar_.data()); !written.ok()) return Error(written.error());
      break;
    case archive::TarEvent::hole: {
      if (digester_) return Error(ErrorKind::corrupt, concat("sparse blob ", name_));
      if (auto skipped = file_->skip(tar_.hole_size()); !skipped.ok()) return Error(skipped.error());
      break;
    }
    case archive::TarEvent::entry_end:
      TRY(end_member());
      break;
    case archive::TarEvent::end:
      tar_ended_ = true;
      break;
  }
  return true;
}

Result<void> LoadArchive::begin_member() {
  const archive::TarEntry& entry = tar_.entry();
  name_ = clean_name(entry.name);
  member_ = {};
  if (++members_seen_ > kLoadMembersMax) {
    return fail(ErrorKind::too_large, "archive has more than ", kLoadMembersMax, " files");
  }
  if (entry.type == archive::TarType::symlink || entry.type == archive::TarType::hard_link) {
    member_.link = link_target(entry, name_);
    return {};
  }
  if (entry.type != archive::TarType::regular) return {};
  member_.number = members_seen_;
  if (name_.starts_with(kBlobPrefix)) digester_.emplace();
  auto file = fs_.open_write(concat(directory_, '/', member_.number), storage::WriteMode::truncate, 0600);
  if (!file.ok()) return Error(file.error());
  file_ = std::move(*file);
  return {};
}

Result<void> LoadArchive::end_member() {
  if (digester_) member_.digest = digester_->finish();
  digester_.reset();
  file_.reset();
  const bool is_file = member_.number > 0;
  // A name that comes again replaces the first, as it would on disk.
  if (is_file || !member_.link.empty()) members_.insert_or_assign(name_, member_);
  return {};
}

const LoadArchive::Member* LoadArchive::find(std::string_view name) const {
  std::string wanted = clean_name(name);
  for (int links = 0; links <= kLinksMax; ++links) {
    const auto found = members_.find(wanted);
    if (found == members_.end()) return nullptr;
    if (found->second.link.empty()) return &found->second;
    wanted = found->second.link;
  }
  return nullptr;
}

Result<std::unique_ptr<storage::FileReader>> LoadArchive::open(std::string_view name) const {
  const Member* member = find(name);
  if (member == nullptr) {
    return fail(ErrorKind::not_found, "open ", fs_.host_path(directory_), '/', clean_name(name),
                ": no such file or directory");
  }
  auto file = fs_.open_read(concat(directory_, '/', member->number));
  if (!file.ok()) return Error(file.error());
  return std::move(*file);
}

Result<std::string> LoadArchive::read(std::string_view name, std::uint64_t size_max) const {
  auto file = TRY(open(name));
  if (file->size() > size_max) return fail(ErrorKind::too_large, name, " is larger than ", size_max, " bytes");
  std::string bytes(static_cast<std::size_t>(file->size()), '\0');
  FileSource source(std::move(file));
  for (std::size_t at = 0; at < bytes.size();) at += TRY(source.read({bytes.data() + at, bytes.size() - at}));
  return bytes;
}

Result<std::string> LoadArchive::blob_name(const archive::Digest& digest) const {
  std::string name = concat(kBlobPrefix, digest.hex());
  const Member* member = find(name);
  if (member == nullptr) return fail(ErrorKind::not_found, "blob ", digest.str(), " is not in the archive");
  if (member->digest && *member->digest != digest) {
    return fail(ErrorKind::corrupt, "blob ", digest.str(), " has the digest ", member->digest->str());
  }
  return name;
}

}  // namespace drydock::engine
