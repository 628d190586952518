#include "native/bin/subordinate_ids.h"

#include <grp.h>
#include <pwd.h>

#include <fstream>
#include <iterator>

#include "base/text.h"

namespace drydock::native {

namespace {

constexpr std::string_view kDefaultUser = "dockremap";

std::string read_all(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

struct Named {
  std::string name;
  std::string id;
};

Result<Named> find_user(const std::string& text) {
  const auto number = parse_u64(text);
  const passwd* entry = number ? ::getpwuid(static_cast<uid_t>(*number)) : ::getpwnam(text.c_str());
  if (entry == nullptr)
    return fail(ErrorKind::invalid_argument, "Error during ", go_quoted(text), " lookup: no such user");
  return Named{entry->pw_name, std::to_string(entry->pw_uid)};
}

Result<Named> find_group(const std::string& text) {
  const auto number = parse_u64(text);
  const group* entry = number ? ::getgrgid(static_cast<gid_t>(*number)) : ::getgrnam(text.c_str());
  if (entry == nullptr)
    return fail(ErrorKind::invalid_argument, "Error during ", go_quoted(text), " lookup: no such group");
  return Named{entry->gr_name, std::to_string(entry->gr_gid)};
}

}  // namespace

std::vector<runtime::IdMapping> parse_subordinate_ids(std::string_view file, std::string_view name,
                                                      std::string_view id) {
  std::vector<runtime::IdMapping> mappings;
  std::uint32_t next = 0;
  for (const std::string& line : split(file, '\n')) {
    const auto fields = split(trim(line), ':');
    if (fields.size() != 3 || (fields[0] != name && fields[0] != id)) continue;
    const auto first = parse_u64(fields[1]);
    const auto count = parse_u64(fields[2]);
    if (!first || !count || *count == 0 || *first + *count > UINT32_MAX || *count > UINT32_MAX - next) continue;
    mappings.push_back({next, static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*count)});
    next += static_cast<std::uint32_t>(*count);
  }
  return mappings;
}

Result<IdMappings> resolve_userns_remap(std::string_view value) {
  const auto parts = split_once(value, ':');
  std::string user(parts ? parts->first : value);
  if (user == "default") user = kDefaultUser;
  const Named owner = TRY(find_user(user));
  const Named group = TRY(find_group(parts ? std::string(parts->second) : owner.name));
  IdMappings mappings;
  mappings.uids = parse_subordinate_ids(read_all("/etc/subuid"), owner.name, owner.id);
  mappings.gids = parse_subordinate_ids(read_all("/etc/subgid"), group.name, group.id);
  if (mappings.uids.empty()) {
    return fail(ErrorKind::invalid_argument, "Can't create ID mappings: no subuid ranges found for user ",
                go_quoted(owner.name));
  }
  if (mappings.gids.empty()) {
    return fail(ErrorKind::invalid_argument, "Can't create ID mappings: no subgid ranges found for group ",
                go_quoted(group.name));
  }
  return mappings;
}

}  // namespace drydock::native
