#pragma once
// One layer on its way from a source of bytes, compressed or not, into the layer store. Inflating, hashing and writing
// happen in one pass, a slice at a time. Shared by pull, load, import and commit.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "archive/compression.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/stream.h"
#include "storage/layer_store.h"
#include "storage/layer_unpack.h"

namespace drydock::engine {

/// What one step of a job may take.
inline constexpr std::int64_t kSliceNs = 4'000'000;
/// And how much it may write if the clock does not move (a simulated one).
inline constexpr std::uint64_t kSliceBytesMax = 8u << 20;

class ImageUnpack {
 public:
  enum class State { waiting, busy, done };

  /// Errors: as LayerStore::unpack.
  static Result<std::unique_ptr<ImageUnpack>> start(storage::LayerStore& layers, std::optional<storage::ChainId> parent,
                                                    std::optional<archive::Digest> expected_diff,
                                                    std::unique_ptr<ByteSource> source, std::string holder);

  /// Works for one slice. The first error is final.
  Result<State> step(const Clock& clock);
  /// Bytes taken from the source.
  std::uint64_t bytes_read() const { return bytes_read_; }
  /// Bytes of the uncompressed tar.
  std::uint64_t tar_bytes() const { return unpack_ ? unpack_->size() : 0; }
  /// Once done.
  const storage::Layer& layer() const { return *layer_; }

 private:
  ImageUnpack(std::unique_ptr<ByteSource> source, std::unique_ptr<storage::LayerUnpack> unpack, std::string holder);
  Result<bool> refill();

  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<storage::LayerUnpack> unpack_;
  std::string holder_;
  std::unique_ptr<archive::Decompressor> decompressor_;
  std::string input_;
  std::size_t begin_ = 0, end_ = 0;
  std::string output_;
  std::uint64_t bytes_read_ = 0;
  std::optional<storage::Layer> layer_;
};

/// Keeps the layers of an image that is not there yet, so that nobody removes them meanwhile; lets go at its end.
class ChainHold {
 public:
  ChainHold(storage::LayerStore& layers, std::string holder) : layers_(layers), holder_(std::move(holder)) {}
  ~ChainHold() { drop(); }
  ChainHold(const ChainHold&) = delete;
  ChainHold& operator=(const ChainHold&) = delete;

  const std::string& holder() const { return holder_; }
  const std::optional<storage::ChainId>& top() const { return top_; }
  /// Holds `chain` instead of the present one. Errors: not_found.
  Result<void> move_to(const storage::ChainId& chain);
  /// The same for a chain that ImageUnpack has put there for holder().
  void adopt(const storage::ChainId& chain);
  void drop();

 private:
  storage::LayerStore& layers_;
  std::string holder_;
  std::optional<storage::ChainId> top_;
};

/// The bytes of an open file as a source.
class FileSource final : public ByteSource {
 public:
  explicit FileSource(std::unique_ptr<storage::FileReader> file) : file_(std::move(file)), size_(file_->size()) {}
  Result<std::size_t> read(std::span<char> out) override;
  bool ended() const override { return at_ == size_; }

 private:
  std::unique_ptr<storage::FileReader> file_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
};

/// What dockerd says of a layer that does not unpack: it does so in a process of its own.
Error tar_error(Error error);

}  // namespace drydock::engine
