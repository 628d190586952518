#pragma once
// What plan_init and plan_exec refuse, and the tables behind it. Only for init_plan.cpp and plan_mounts.cpp.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/init_plan.h"
#include "runtime/spec.h"

namespace drydock::runtime {

inline constexpr std::size_t kPlanMountsMax = 10000;

const Namespace* find_namespace(const Spec& spec, NamespaceKind kind);
/// "network" for NamespaceKind::network: the runtime-spec's word.
std::string_view namespace_word(NamespaceKind kind);
/// True when the process lives in a user namespace other than the host's.
bool in_user_namespace(const Spec& spec);

/// Absolute and without "." , ".." and doubled slashes, by its text alone: "/a/../../b" is "/b".
std::string clean_absolute_path(std::string_view path);

/// Everything about the container that is wrong in itself or that this kernel cannot do.
Result<void> check_spec(const Spec& spec, const KernelFeatures& kernel);
/// The same for a process (the first one, or one of exec).
Result<void> check_process(const Process& process, const Spec& spec, const KernelFeatures& kernel);

Result<std::vector<StepSetSysctl>> plan_sysctls(const Spec& spec);
Result<std::vector<StepSetRlimit>> plan_rlimits(const std::vector<Rlimit>& rlimits);

/// The root file system and everything that is mounted below it.
Result<void> plan_mounts(const Spec& spec, const KernelFeatures& kernel, InitPlan& plan);
/// What of it has to become read-only once everything is in place.
void plan_readonly_remounts(const Spec& spec, InitPlan& plan);
/// True when /dev is to be filled with device nodes; not when the Spec binds a /dev of its own.
bool populates_dev(const Spec& spec);

}  // namespace drydock::runtime
