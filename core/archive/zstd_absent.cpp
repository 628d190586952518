// For hosts without libzstd.

#include "archive/coders.h"

namespace drydock::archive {

Result<std::unique_ptr<Decompressor>> make_zstd_decompressor() {
  return fail(ErrorKind::not_implemented, "zstd is not available in this build");
}

Result<std::unique_ptr<Compressor>> make_zstd_compressor(int) {
  return fail(ErrorKind::not_implemented, "zstd is not available in this build");
}

}  // namespace drydock::archive
