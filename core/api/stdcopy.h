#pragma once
// The framing by which output and errors share a connection: one byte for the stream, three zeros, the length in big
// endian (Engine API, ContainerAttach, Stream format).

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/runtime.h"

namespace drydock::api {

inline void append_frame(std::string& out, runtime::StreamKind stream, std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  out.push_back(static_cast<char>(stream));
  out.append(3, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((size >> shift) & 0xff));
  out.append(bytes);
}

}  // namespace drydock::api
