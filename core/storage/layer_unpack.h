#pragma once
// Unpacks one layer's tar into a directory of its own (image-spec: layer.md, Applying Changesets), a slice at a time.
//
// Whiteouts become what overlayfs understands: a 0/0 character device, or the xattr "overlay.opaque". Names are
// resolved beneath the layer's directory; what points out of it is refused in dockerd's words.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "archive/digest.h"
#include "base/result.h"
#include "storage/layer_store.h"

namespace drydock::storage {

/// Dropping it before finish() removes what was unpacked.
class LayerUnpack {
 public:
  ~LayerUnpack();
  LayerUnpack(const LayerUnpack&) = delete;
  LayerUnpack& operator=(const LayerUnpack&) = delete;

  /// The next bytes of the uncompressed tar. The first error is final. Slices of 64 KiB to 1 MiB keep a step short.
  Result<void> feed(std::string_view bytes);
  /// Verifies the diff id and puts the layer into the store, held by `holder`. A layer that came into the store
  /// meanwhile is taken instead. Errors: corrupt (another diff id; the tar ends within an entry).
  Result<Layer> finish(std::string_view holder);
  /// Bytes fed so far.
  std::uint64_t size() const;

 private:
  friend class LayerStore;
  struct State;
  explicit LayerUnpack(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace drydock::storage
