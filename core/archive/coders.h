#pragma once
// The coders behind compression.h, one file each.

#include <memory>

#include "archive/compression.h"

namespace drydock::archive {

std::unique_ptr<Decompressor> make_gzip_decompressor();
Result<std::unique_ptr<Compressor>> make_gzip_compressor(int level);

/// Errors: not_implemented where the build has no zstd.
Result<std::unique_ptr<Decompressor>> make_zstd_decompressor();
Result<std::unique_ptr<Compressor>> make_zstd_compressor(int level);

}  // namespace drydock::archive
