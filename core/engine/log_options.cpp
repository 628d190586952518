#include "engine/log_options.h"

#include "base/text.h"

namespace drydock::engine {

namespace {

constexpr std::size_t kFractionDigitsMax = 6;

}  // namespace

std::optional<std::uint64_t> parse_ram_size(std::string_view text) {
  std::string number = to_lower(trim(text));
  if (number.ends_with("ib"))
    number.resize(number.size() - 2);
  else if (number.ends_with("b"))
    number.resize(number.size() - 1);
  unsigned shift = 0;
  if (!number.empty()) {
    constexpr std::string_view kUnits = "kmgtp";
    if (const auto at = kUnits.find(number.back()); at != std::string_view::npos) {
      shift = 10 * (static_cast<unsigned>(at) + 1);
      number.pop_back();
    }
  }
  number = std::string(trim(number));
  const auto parts = split_once(number, '.');
  const auto whole = parse_u64(parts ? parts->first : std::string_view(number));
  if (!whole || (*whole >> (63 - shift)) != 0) return std::nullopt;
  std::uint64_t size = *whole << shift;
  if (!parts) return size;
  const std::string_view digits = parts->second.substr(0, kFractionDigitsMax);
  const auto fraction = digits.empty() ? 0 : parse_u64(digits);
  if (!fraction) return std::nullopt;
  std::uint64_t scale = 1;
  for (std::size_t i = 0; i < digits.size(); ++i) scale *= 10;
  const std::uint64_t unit = std::uint64_t{1} << shift;
  size += unit / scale * *fraction + unit % scale * *fraction / scale;
  return size;
}

Result<runtime::LogFile> log_file(Daemon& daemon, const Container& container) {
  runtime::LogFile log;
  if (container.host_config.log_config.type != "json-file") return log;
  log.path = daemon.host.data.host_path(container.log_file());
  const auto& options = container.host_config.log_config.config;
  if (!options) return log;
  if (const auto size = options->find("max-size"); size != options->end()) {
    const auto bytes = parse_ram_size(size->second);
    if (!bytes)
      return fail(ErrorKind::internal, "failed to initialize logging driver: invalid size: '", size->second, "'");
    log.size_max_bytes = *bytes;
  }
  if (const auto count = options->find("max-file"); count != options->end()) {
    const auto files = parse_u64(count->second);
    if (!files || *files > 1000)
      return fail(ErrorKind::internal, "failed to initialize logging driver: strconv.Atoi: parsing ",
                  go_quoted(count->second), ": invalid syntax");
    if (*files < 1)
      return fail(ErrorKind::internal, "failed to initialize logging driver: max-file cannot be less than 1");
    log.files_max = static_cast<std::uint32_t>(*files);
  }
  return log;
}

}  // namespace drydock::engine
