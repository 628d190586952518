#pragma once
// config.json of an OCI bundle (runtime-spec: config.md, config-linux.md), read and written.
// Unknown members are ignored, as the specification asks; what is known and cannot be done is an error of plan_init.
// Not read: solaris, windows, vm; linux.intelRdt, linux.personality, scheduler, hugepage, network and RDMA limits.

#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/spec.h"

namespace drydock::runtime {

inline constexpr std::size_t kConfigBytesMax = 16 * 1024 * 1024;

/// Any 1.x version is taken. Errors: invalid_argument, a member of the wrong type is named.
Result<Spec> spec_from_json(std::string_view text);
/// Reads back as the same Spec.
std::string to_json_text(const Spec& spec);

/// A Process alone: what `exec --process FILE` of OCI runtimes takes.
Result<Process> process_from_json(std::string_view text);

}  // namespace drydock::runtime
