#include "engine/top.h"

#include <optional>

#include "base/text.h"

namespace drydock::engine {

namespace {

constexpr std::uint64_t kProcFileMax = 1u << 20;
constexpr std::int64_t kTicksPerSecond = 100;  // USER_HZ, the same on every Linux that matters
constexpr std::uint64_t kPageKilobytes = 4;

/// What proc(5) tells of one process.
struct Task {
  std::int64_t pid = 0, ppid = 0, tty = 0, session = 0, group = 0, nice = 0, threads = 0, foreground = 0;
  std::uint64_t cpu_ticks = 0, start_ticks = 0, virtual_kb = 0, resident_kb = 0;
  std::uint32_t uid = 0, gid = 0;
  std::string state, name, command;
};

struct HostTimes {
  std::int64_t boot_seconds = 0;
  std::int64_t now_seconds = 0;
  std::uint64_t memory_kb = 0;
  std::string passwd, group;
};

std::string read_text(Daemon& daemon, const std::string& path) {
  return storage::read_file(daemon.host.root, path, kProcFileMax).value_or("");
}

std::int64_t number(const std::vector<std::string>& fields, std::size_t index) {
  return index < fields.size() ? parse_i64(fields[index]).value_or(0) : 0;
}

std::optional<Task> read_task(Daemon& daemon, std::int64_t pid) {
  const std::string directory = concat("proc/", pid, "/");
  const std::string stat = read_text(daemon, directory + "stat");
  // The name may hold anything, parentheses too: the last one ends it.
  const auto open = stat.find('('), close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  const auto fields = split(trim(std::string_view(stat).substr(close + 1)), ' ');
  Task task;
  task.pid = pid;
  task.name = stat.substr(open + 1, close - open - 1);
  task.state = fields[0];
  task.ppid = number(fields, 1);
  task.group = number(fields, 2);
  task.session = number(fields, 3);
  task.tty = number(fields, 4);
  task.foreground = number(fields, 5);
  task.cpu_ticks = static_cast<std::uint64_t>(number(fields, 11) + number(fields, 12));
  task.nice = number(fields, 16);
  task.threads = number(fields, 17);
  task.start_ticks = static_cast<std::uint64_t>(number(fields, 19));
  task.virtual_kb = static_cast<std::uint64_t>(number(fields, 20)) / 1024;
  task.resident_kb = static_cast<std::uint64_t>(number(fields, 21)) * kPageKilobytes;
  for (const std::string& line : split(read_text(daemon, directory + "status"), '\n')) {
    const auto words = split(line, '\t');
    if (words[0] == "Uid:") task.uid = static_cast<std::uint32_t>(number(words, 2));  // effective
    if (words[0] == "Gid:") task.gid = static_cast<std::uint32_t>(number(words, 2));
  }
  task.command = read_text(daemon, directory + "cmdline");
  while (!task.command.empty() && task.command.back() == '\0') task.command.pop_back();
  for (char& c : task.command)
    if (c == '\0' || c == '\n') c = ' ';
  if (task.command.empty()) task.command = "[" + task.name + "]";
  return task;
}

HostTimes read_times(Daemon& daemon) {
  HostTimes times;
  times.now_seconds = daemon.host.clock.now().seconds();
  for (const std::string& line : split(read_text(daemon, "proc/stat"), '\n'))
    if (line.starts_with("btime ")) times.boot_seconds = parse_i64(std::string_view(line).substr(6)).value_or(0);
  times.memory_kb = daemon.host.facts.memory_bytes / 1024;
  times.passwd = read_text(daemon, "etc/passwd");
  times.group = read_text(daemon, "etc/group");
  return times;
}

std::string name_of_id(std::string_view file, std::uint32_t id) {
  for (const std::string& line : split(file, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() > 2 && parse_u64(fields[2]) == id) return fields[0];
  }
  return concat(id);
}

std::string two_digits(std::int64_t value) {
  return (value < 10 ? "0" : "") + concat(value);
}

std::string tty_name(std::int64_t device) {
  const std::int64_t major = (device >> 8) & 0xfff, minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (device == 0) return "?";
  if (major == 136) return concat("pts/", minor);
  if (major == 4) return minor < 64 ? concat("tty", minor) : concat("ttyS", minor - 64);
  if (major == 5 && minor == 1) return "console";
  return "?";
}

/// hh:mm of today, else the day ("Nov23"), as ps -f; in UTC.
std::string start_text(const Task& task, const HostTimes& times) {
  const std::int64_t at = times.boot_seconds + static_cast<std::int64_t>(task.start_ticks) / kTicksPerSecond;
  const std::string text = to_rfc3339({at * kNanosPerSecond});
  if (times.now_seconds - at < 24 * 3600) return text.substr(11, 5);
  static constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto month = parse_u64(std::string_view(text).substr(5, 2)).value_or(1);
  return concat(kMonths[(month - 1) % 12], text.substr(8, 2));
}

std::int64_t cpu_seconds(const Task& task) {
  return static_cast<std::int64_t>(task.cpu_ticks) / kTicksPerSecond;
}

std::int64_t age_seconds(const Task& task, const HostTimes& times) {
  const std::int64_t at = times.boot_seconds + static_cast<std::int64_t>(task.start_ticks) / kTicksPerSecond;
  return times.now_seconds > at ? times.now_seconds - at : 0;
}

std::string per_mille(std::int64_t value) {
  return concat(value / 10, '.', value % 10);
}

std::int64_t cpu_per_mille(const Task& task, const HostTimes& times) {
  const std::int64_t age = age_seconds(task, times);
  return age == 0 ? 0 : static_cast<std::int64_t>(task.cpu_ticks) * 1000 / kTicksPerSecond / age;
}

std::string time_long(std::int64_t seconds) {
  return concat(two_digits(seconds / 3600), ':', two_digits(seconds / 60 % 60), ':', two_digits(seconds % 60));
}

std::string elapsed(std::int64_t seconds) {
  const std::string clock = concat(two_digits(seconds / 60 % 60), ':', two_digits(seconds % 60));
  if (seconds < 3600) return clock;
  if (seconds < 24 * 3600) return concat(two_digits(seconds / 3600), ':', clock);
  return concat(seconds / 86400, '-', two_digits(seconds / 3600 % 24), ':', clock);
}

std::string state_flags(const Task& task) {
  std::string flags = task.state;
  if (task.nice < 0) flags.push_back('<');
  if (task.nice > 0) flags.push_back('N');
  if (task.session == task.pid) flags.push_back('s');
  if (task.threads > 1) flags.push_back('l');
  if (task.foreground == task.group && task.tty != 0) flags.push_back('+');
  return flags;
}

using Render = std::string (*)(const Task&, const HostTimes&);
struct Column {
  std::string_view key;
  std::string_view title;
  Render render;
};

constexpr Column kColumns[] = {
    {"pid", "PID", [](const Task& t, const HostTimes&) { return concat(t.pid); }},
    {"ppid", "PPID", [](const Task& t, const HostTimes&) { return concat(t.ppid); }},
    {"pgid", "PGID", [](const Task& t, const HostTimes&) { return concat(t.group); }},
    {"pgrp", "PGRP", [](const Task& t, const HostTimes&) { return concat(t.group); }},
    {"sid", "SID", [](const Task& t, const HostTimes&) { return concat(t.session); }},
    {"sess", "SESS", [](const Task& t, const HostTimes&) { return concat(t.session); }},
    {"uid", "UID", [](const Task& t, const HostTimes&) { return concat(t.uid); }},
    {"euid", "EUID", [](const Task& t, const HostTimes&) { return concat(t.uid); }},
    {"gid", "GID", [](const Task& t, const HostTimes&) { return concat(t.gid); }},
    {"egid", "EGID", [](const Task& t, const HostTimes&) { return concat(t.gid); }},
    {"user", "USER", [](const Task& t, const HostTimes& h) { return name_of_id(h.passwd, t.uid); }},
    {"euser", "EUSER", [](const Task& t, const HostTimes& h) { return name_of_id(h.passwd, t.uid); }},
    {"group", "GROUP", [](const Task& t, const HostTimes& h) { return name_of_id(h.group, t.gid); }},
    {"egroup", "EGROUP", [](const Task& t, const HostTimes& h) { return name_of_id(h.group, t.gid); }},
    {"comm", "COMMAND", [](const Task& t, const HostTimes&) { return t.name; }},
    {"ucmd", "CMD", [](const Task& t, const HostTimes&) { return t.name; }},
    {"args", "COMMAND", [](const Task& t, const HostTimes&) { return t.command; }},
    {"command", "COMMAND", [](const Task& t, const HostTimes&) { return t.command; }},
    {"cmd", "CMD", [](const Task& t, const HostTimes&) { return t.command; }},
    {"tty", "TT", [](const Task& t, const HostTimes&) { return tty_name(t.tty); }},
    {"tt", "TT", [](const Task& t, const HostTimes&) { return tty_name(t.tty); }},
    {"tname", "TTY", [](const Task& t, const HostTimes&) { return tty_name(t.tty); }},
    {"stat", "STAT", [](const Task& t, const HostTimes&) { return state_flags(t); }},
    {"state", "S", [](const Task& t, const HostTimes&) { return t.state; }},
    {"s", "S", [](const Task& t, const HostTimes&) { return t.state; }},
    {"time", "TIME", [](const Task& t, const HostTimes&) { return time_long(cpu_seconds(t)); }},
    {"etime", "ELAPSED", [](const Task& t, const HostTimes& h) { return elapsed(age_seconds(t, h)); }},
    {"etimes", "ELAPSED", [](const Task& t, const HostTimes& h) { return concat(age_seconds(t, h)); }},
    {"stime", "STIME", [](const Task& t, const HostTimes& h) { return start_text(t, h); }},
    {"start", "STARTED", [](const Task& t, const HostTimes& h) { return start_text(t, h); }},
    {"vsz", "VSZ", [](const Task& t, const HostTimes&) { return concat(t.virtual_kb); }},
    {"rss", "RSS", [](const Task& t, const HostTimes&) { return concat(t.resident_kb); }},
    {"ni", "NI", [](const Task& t, const HostTimes&) { return concat(t.nice); }},
    {"nlwp", "NLWP", [](const Task& t, const HostTimes&) { return concat(t.threads); }},
    {"c", "C", [](const Task& t, const HostTimes& h) { return concat(cpu_per_mille(t, h) / 10); }},
    {"pcpu", "%CPU", [](const Task& t, const HostTimes& h) { return per_mille(cpu_per_mille(t, h)); }},
    {"%cpu", "%CPU", [](const Task& t, const HostTimes& h) { return per_mille(cpu_per_mille(t, h)); }},
    {"pmem", "%MEM",
     [](const Task& t, const HostTimes& h) {
       return per_mille(h.memory_kb == 0 ? 0 : static_cast<std::int64_t>(t.resident_kb * 1000 / h.memory_kb));
     }},
    {"bsdtime", "TIME",
     [](const Task& t, const HostTimes&) { return concat(cpu_seconds(t) / 60, ':', two_digits(cpu_seconds(t) % 60)); }},
};

struct Chosen {
  std::string title;
  Render render;
};

const Column* find_column(std::string_view key) {
  for (const Column& column : kColumns)
    if (column.key == key) return &column;
  return nullptr;
}

/// Keys with another title after '=': "uname=UID".
std::vector<Chosen> preset(std::initializer_list<std::pair<std::string_view, std::string_view>> columns) {
  std::vector<Chosen> chosen;
  for (const auto& [key, title] : columns) chosen.push_back({std::string(title), find_column(key)->render});
  return chosen;
}

std::vector<Chosen> full_format() {
  return preset({{"user", "UID"},
                 {"pid", "PID"},
                 {"ppid", "PPID"},
                 {"c", "C"},
                 {"stime", "STIME"},
                 {"tname", "TTY"},
                 {"time", "TIME"},
                 {"cmd", "CMD"}});
}
std::vector<Chosen> bsd_user_format() {
  return preset({{"user", "USER"},
                 {"pid", "PID"},
                 {"pcpu", "%CPU"},
                 {"pmem", "%MEM"},
                 {"vsz", "VSZ"},
                 {"rss", "RSS"},
                 {"tname", "TTY"},
                 {"stat", "STAT"},
                 {"stime", "START"},
                 {"bsdtime", "TIME"},
                 {"args", "COMMAND"}});
}

Result<void> add_format(std::vector<Chosen>& chosen, std::string_view list) {
  for (const std::string& part : split(list, ',')) {
    const auto halves = split_once(part, '=');
    const std::string_view key = halves ? halves->first : std::string_view(part);
    const Column* column = find_column(key);
    if (column == nullptr)
      return fail(ErrorKind::internal, "ps: error: unknown user-defined format specifier ", go_quoted(key));
    chosen.push_back({std::string(halves ? halves->second : column->title), column->render});
  }
  return {};
}

Result<std::vector<Chosen>> choose_columns(std::string_view ps_args) {
  std::vector<std::string> words;
  for (std::string& word : split(ps_args, ' '))
    if (!word.empty()) words.push_back(std::move(word));
  std::vector<Chosen> chosen;
  bool user_format = false;
  std::vector<Chosen> standard = preset({{"pid", "PID"}, {"tname", "TTY"}, {"time", "TIME"}, {"ucmd", "CMD"}});
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    std::string_view rest = word;
    const bool dashed = rest.starts_with('-');
    if (dashed) rest.remove_prefix(1);
    if (const auto at = rest.find('o'); at != std::string_view::npos) {
      const std::string_view inline_list = rest.substr(at + 1);
      if (inline_list.empty() && i + 1 == words.size())
        return fail(ErrorKind::internal, "ps: error: format specification must follow -o");
      TRY(add_format(chosen, inline_list.empty() ? std::string_view(words[++i]) : inline_list));
      user_format = true;
      rest = rest.substr(0, at);
    }
    for (const char letter : rest) {
      if (dashed && letter == 'f')
        standard = full_format();
      else if (!dashed && letter == 'u')
        standard = bsd_user_format();
      else if ((dashed && (letter == 'e' || letter == 'A' || letter == 'w')) ||
               (!dashed && (letter == 'a' || letter == 'x' || letter == 'w' || letter == 'e')))
        continue;
      else
        return fail(ErrorKind::not_implemented, "ps option ", go_quoted(word), " is not implemented");
    }
  }
  return user_format ? chosen : standard;
}

}  // namespace

Result<ProcessTable> top_container(Daemon& daemon, const Container& container, std::string_view ps_args) {
  if (!container.is_running()) return fail(ErrorKind::conflict, "Container ", container.id, " is not running");
  const auto columns = TRY(choose_columns(ps_args.empty() ? "-ef" : ps_args));
  ProcessTable table;
  bool has_pid = false;
  for (const Chosen& column : columns) {
    table.titles.push_back(column.title);
    has_pid = has_pid || column.title == "PID";
  }
  if (!has_pid) return fail(ErrorKind::internal, "Couldn't find PID field in ps output");
  const HostTimes times = read_times(daemon);
  for (const std::int64_t pid : TRY(daemon.host.runtime.processes(container.id))) {
    const auto task = read_task(daemon, pid);
    if (!task) continue;  // it ended meanwhile
    std::vector<std::string> row;
    for (const Chosen& column : columns) row.push_back(column.render(*task, times));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace drydock::engine
