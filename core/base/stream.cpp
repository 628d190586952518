#include "base/stream.h"

#include <algorithm>

namespace drydock {

Result<std::size_t> StringSource::read(std::span<char> out) {
  const std::size_t count = std::min(out.size(), bytes_.size() - at_);
  std::copy_n(bytes_.data() + at_, count, out.data());
  at_ += count;
  return count;
}

}  // namespace drydock
