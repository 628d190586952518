// User namespaces: making one, and the rules of writing its maps. user_namespaces(7).

#include <algorithm>

#include "base/text.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/namespace_set.h"

namespace drydock::machine {
namespace {

constexpr std::size_t kMapLinesMax = 340;
constexpr std::size_t kMapTextMax = 4095;

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  for (char c : line) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f') {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else {
      word.push_back(c);
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

bool overlaps(std::uint32_t a, std::uint32_t a_count, std::uint32_t b, std::uint32_t b_count) {
  return std::uint64_t{a} < std::uint64_t{b} + b_count && std::uint64_t{b} < std::uint64_t{a} + a_count;
}

Result<IdMapLine, Errno> parse_line(std::string_view line) {
  const std::vector<std::string> words = words_of(line);
  if (words.size() != 3) return Errno::einval;
  std::uint32_t numbers[3];
  for (int at = 0; at < 3; ++at) {
    const std::optional<std::uint64_t> number = parse_u64(words[at]);
    if (!number || *number > 0xffffffff) return Errno::einval;
    numbers[at] = static_cast<std::uint32_t>(*number);
  }
  const IdMapLine parsed{numbers[0], numbers[1], numbers[2]};
  if (parsed.inside == ~0u || parsed.outside == ~0u || parsed.count == 0) return Errno::einval;
  if (parsed.inside + parsed.count <= parsed.inside || parsed.outside + parsed.count <= parsed.outside)
    return Errno::einval;
  return parsed;
}

Result<std::vector<IdMapLine>, Errno> parse_map(std::string_view text) {
  if (text.empty() || text.size() > kMapTextMax) return Errno::einval;
  std::vector<IdMapLine> map;
  std::vector<std::string> lines = split(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  for (const std::string& line : lines) {
    const IdMapLine parsed = TRY(parse_line(line));
    for (const IdMapLine& other : map)
      if (overlaps(parsed.inside, parsed.count, other.inside, other.count) ||
          overlaps(parsed.outside, parsed.count, other.outside, other.count))
        return Errno::einval;
    if (map.size() == kMapLinesMax) return Errno::einval;
    map.push_back(parsed);
  }
  if (map.empty()) return Errno::einval;
  return map;
}

// user_namespaces(7), "Defining user and group ID mappings", the last of the rules.
bool may_map(const Caller& caller, const Credentials& opener, const UserNamespace& space, bool of_groups,
             const std::vector<IdMapLine>& map) {
  const Kernel& kernel = caller.kernel;
  if (map.size() == 1 && map[0].count == 1 && space.owner == opener.euid) {
    const auto outside =
        of_groups ? gid_from(kernel, space.parent, map[0].outside) : uid_from(kernel, space.parent, map[0].outside);
    if (!of_groups && outside && *outside == opener.euid) return true;
    if (of_groups && outside && *outside == opener.egid && space.setgroups_denied) return true;
  }
  const int needed = of_groups ? cap::setgid : cap::setuid;
  return capable(kernel, caller.credentials(), needed, space.parent) && capable(kernel, opener, needed, space.parent);
}

}  // namespace

Result<Credentials, Errno> enter_new_user_namespace(const Caller& caller, const Credentials& who) {
  Kernel& kernel = caller.kernel;
  const UserNamespace& parent = kernel.user_namespaces[who.user_namespace];
  if (parent.level + 1 > kUserNamespaceDepthMax) return Errno::enospc;
  // One that is chrooted could otherwise walk out of it: user_namespaces(7).
  const Task& task = caller.self();
  if (task.fs) {
    const Path root = kernel.fs_contexts[task.fs].root;
    const MountPoint* mount = kernel.mounts.find(root.mount);
    const MountNamespace* space = kernel.mount_namespaces.find(task.namespaces.mnt);
    if (mount != nullptr && space != nullptr && root.dentry != mount->root) return Errno::eperm;
  }
  if (!uid_into(kernel, who.user_namespace, who.euid) || !gid_into(kernel, who.user_namespace, who.egid))
    return Errno::eperm;
  UserNamespace fresh;
  fresh.number = kernel.next_inode_number++;
  fresh.parent = who.user_namespace;
  fresh.level = parent.level + 1;
  fresh.owner = who.euid;
  fresh.group = who.egid;
  fresh.setgroups_denied = parent.setgroups_denied;
  get_namespace(kernel, {NamespaceKind::user, who.user_namespace.value});
  Credentials inside = who;
  inside.user_namespace = kernel.user_namespaces.emplace(std::move(fresh));
  inside.permitted = inside.effective = inside.bounding = kAllCapabilities;
  inside.inheritable = inside.ambient = 0;
  inside.securebits = 0;
  inside.keep_capabilities = false;
  return inside;
}

Result<void, Errno> write_id_map(const Caller& caller, const Credentials& opener, UserNamespaceId id, bool of_groups,
                                 std::string_view text) {
  Kernel& kernel = caller.kernel;
  UserNamespace* space = kernel.user_namespaces.find(id);
  if (space == nullptr || !space->parent) return Errno::eperm;
  // The writer must be in the namespace itself or in its parent.
  const UserNamespaceId own = caller.credentials().user_namespace;
  if (own != id && own != space->parent) return Errno::eperm;
  std::vector<IdMapLine>& map = of_groups ? space->gid_map : space->uid_map;
  if (!map.empty()) return Errno::eperm;
  if (!capable(kernel, opener, cap::sys_admin, id)) return Errno::eperm;
  std::vector<IdMapLine> wanted = TRY(parse_map(text));
  if (!may_map(caller, opener, *space, of_groups, wanted)) return Errno::eperm;
  for (const IdMapLine& line : wanted) {
    // Every number must exist in the parent namespace.
    const auto first =
        of_groups ? gid_from(kernel, space->parent, line.outside) : uid_from(kernel, space->parent, line.outside);
    const std::uint32_t last_outside = line.outside + line.count - 1;
    const auto last =
        of_groups ? gid_from(kernel, space->parent, last_outside) : uid_from(kernel, space->parent, last_outside);
    if (!first || !last || *last - *first != line.count - 1) return Errno::eperm;
  }
  map = std::move(wanted);
  return {};
}

Result<void, Errno> write_setgroups(const Caller& caller, UserNamespaceId id, std::string_view text) {
  UserNamespace* space = caller.kernel.user_namespaces.find(id);
  if (space == nullptr) return Errno::eperm;
  if (!capable(caller, cap::sys_admin, id)) return Errno::eacces;
  const std::string_view word = trim(text);
  if (word == "allow") {
    if (space->setgroups_denied) return Errno::eperm;
    return {};
  }
  if (word != "deny") return Errno::einval;
  if (!space->parent || !space->gid_map.empty()) return Errno::eperm;
  space->setgroups_denied = true;
  return {};
}

}  // namespace drydock::machine
