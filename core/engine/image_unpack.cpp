#include "engine/image_unpack.h"

#include <algorithm>
#include <utility>

namespace drydock::engine {

namespace {
constexpr std::size_t kInputBytes = 256u << 10;
constexpr std::size_t kOutputBytes = 256u << 10;
}  // namespace

Result<std::unique_ptr<ImageUnpack>> ImageUnpack::start(storage::LayerStore& layers,
                                                        std::optional<storage::ChainId> parent,
                                                        std::optional<archive::Digest> expected_diff,
                                                        std::unique_ptr<ByteSource> source, std::string holder) {
  auto unpack = TRY(layers.unpack(std::move(parent), std::move(expected_diff)));
  return std::unique_ptr<ImageUnpack>(new ImageUnpack(std::move(source), std::move(unpack), std::move(holder)));
}

ImageUnpack::ImageUnpack(std::unique_ptr<ByteSource> source, std::unique_ptr<storage::LayerUnpack> unpack,
                         std::string holder)
    : source_(std::move(source)),
      unpack_(std::move(unpack)),
      holder_(std::move(holder)),
      decompressor_(archive::make_detecting_decompressor()),
      input_(kInputBytes, '\0'),
      output_(kOutputBytes, '\0') {}

/// Reads behind what is left; false when the source has nothing now.
Result<bool> ImageUnpack::refill() {
  std::copy(input_.begin() + static_cast<std::ptrdiff_t>(begin_), input_.begin() + static_cast<std::ptrdiff_t>(end_),
            input_.begin());
  end_ -= begin_;
  begin_ = 0;
  const std::size_t read = TRY(source_->read({input_.data() + end_, input_.size() - end_}));
  end_ += read;
  bytes_read_ += read;
  return read > 0 || source_->ended();
}

Result<ImageUnpack::State> ImageUnpack::step(const Clock& clock) {
  const std::int64_t until = clock.monotonic_ns() + kSliceNs;
  std::uint64_t written = 0;
  bool starved = true;
  while (!decompressor_->ended()) {
    if (written >= kSliceBytesMax || clock.monotonic_ns() >= until) return State::busy;
    if (starved && !source_->ended() && !TRY(refill())) return State::waiting;
    const std::string_view input(input_.data() + begin_, end_ - begin_);
    const bool complete = source_->ended();
    auto step = decompressor_->step(input, complete ? archive::InputIs::complete : archive::InputIs::unfinished,
                                    {output_.data(), output_.size()});
    if (!step.ok()) return tar_error(std::move(step).error());
    begin_ += step->taken;
    written += step->given;
    const bool stuck = step->taken == 0 && step->given == 0;
    starved = begin_ == end_ || stuck;
    if (stuck && complete && !decompressor_->ended()) {
      return tar_error(Error(ErrorKind::corrupt, "unexpected EOF"));
    }
    if (auto fed = unpack_->feed({output_.data(), step->given}); !fed.ok()) return tar_error(std::move(fed).error());
  }
  auto layer = unpack_->finish(holder_);
  if (!layer.ok()) return tar_error(std::move(layer).error());
  layer_ = std::move(*layer);
  return State::done;
}

Result<void> ChainHold::move_to(const storage::ChainId& chain) {
  TRY(layers_.hold(chain, holder_));
  adopt(chain);
  return {};
}

void ChainHold::adopt(const storage::ChainId& chain) {
  drop();
  top_ = chain;
}

void ChainHold::drop() {
  // A layer that cannot be removed now is removed at the next start.
  if (top_) (void)layers_.release(*top_, holder_);
  top_.reset();
}

Result<std::size_t> FileSource::read(std::span<char> out) {
  if (at_ == size_ || out.empty()) return std::size_t{0};
  const auto read = file_->read_at(at_, out);
  if (!read.ok()) return Error(read.error());
  if (*read == 0) return Error(ErrorKind::corrupt, "unexpected EOF");
  at_ += *read;
  return *read;
}

Error tar_error(Error error) {
  if (error.kind == ErrorKind::internal || error.kind == ErrorKind::cancelled) return error;
  return with_context("Error processing tar file(exit status 1)", std::move(error));
}

}  // namespace drydock::engine
