#include "engine/users.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace drydock::engine {

namespace {

constexpr std::int64_t kIdMax = 2147483647;

struct PasswdEntry {
  std::string name, home;
  std::int64_t uid = 0, gid = 0;
};
struct GroupEntry {
  std::string name;
  std::int64_t gid = 0;
  std::vector<std::string> members;
};

std::string field(const std::vector<std::string>& fields, std::size_t index) {
  return index < fields.size() ? fields[index] : "";
}
/// As Go's Atoi with its error ignored.
std::int64_t number_or_zero(std::string_view text) {
  return parse_i64(text).value_or(0);
}

std::vector<PasswdEntry> parse_passwd(std::string_view text) {
  std::vector<PasswdEntry> entries;
  for (const std::string& line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    const auto fields = split(trim(line), ':');
    PasswdEntry entry;
    entry.name = fields[0];
    entry.uid = number_or_zero(field(fields, 2));
    entry.gid = number_or_zero(field(fields, 3));
    entry.home = field(fields, 5);
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<GroupEntry> parse_group(std::string_view text) {
  std::vector<GroupEntry> entries;
  for (const std::string& line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    const auto fields = split(trim(line), ':');
    GroupEntry entry;
    entry.name = fields[0];
    entry.gid = number_or_zero(field(fields, 2));
    if (!field(fields, 3).empty()) entry.members = split(fields[3], ',');
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::uint32_t> check_id(std::int64_t id) {
  if (id < 0 || id > kIdMax) return fail(ErrorKind::internal, "uids and gids must be in range 0-2147483647");
  return static_cast<std::uint32_t>(id);
}

}  // namespace

Result<ResolvedUser> resolve_user(std::string_view spec, std::string_view passwd, std::string_view group) {
  const auto halves = split_once(spec, ':');
  const std::string_view user_text = halves ? halves->first : spec;
  const std::string_view group_text = halves ? halves->second : std::string_view();
  const auto uid_number = parse_i64(user_text);
  const auto gid_number = parse_i64(group_text);

  ResolvedUser resolved;
  std::string user_name;
  bool known = false;
  for (const PasswdEntry& entry : parse_passwd(passwd)) {
    const bool matches =
        user_text.empty() ? entry.uid == 0 : entry.name == user_text || (uid_number && entry.uid == *uid_number);
    if (!matches) continue;
    resolved.user.uid = TRY(check_id(entry.uid));
    resolved.user.gid = TRY(check_id(entry.gid));
    resolved.home = entry.home.empty() ? "/" : entry.home;
    user_name = entry.name;
    known = true;
    break;
  }
  if (!known && !user_text.empty()) {
    if (!uid_number)
      return fail(ErrorKind::internal, "unable to find user ", user_text, ": no matching entries in passwd file");
    resolved.user.uid = TRY(check_id(*uid_number));
  }

  if (group_text.empty()) {
    if (!known) return resolved;
    for (const GroupEntry& entry : parse_group(group))
      if (std::find(entry.members.begin(), entry.members.end(), user_name) != entry.members.end())
        resolved.user.additional_gids.push_back(TRY(check_id(entry.gid)));
    return resolved;
  }
  for (const GroupEntry& entry : parse_group(group))
    if (entry.name == group_text || (gid_number && entry.gid == *gid_number)) {
      resolved.user.gid = TRY(check_id(entry.gid));
      return resolved;
    }
  if (!gid_number)
    return fail(ErrorKind::internal, "unable to find group ", group_text, ": no matching entries in group file");
  resolved.user.gid = TRY(check_id(*gid_number));
  return resolved;
}

Result<std::vector<std::uint32_t>> resolve_groups(const std::vector<std::string>& groups, std::string_view group) {
  std::vector<std::uint32_t> gids;
  const auto entries = parse_group(group);
  for (const std::string& name : groups) {
    const auto number = parse_i64(name);
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const GroupEntry& entry) {
      return entry.name == name || (number && entry.gid == *number);
    });
    if (found == entries.end() && !number)
      return fail(ErrorKind::internal, "Unable to find group ", name, ": no matching entries in group file");
    gids.push_back(TRY(check_id(found == entries.end() ? *number : found->gid)));
  }
  return gids;
}

}  // namespace drydock::engine
