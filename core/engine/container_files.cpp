#include "engine/container_files.h"

#include "base/text.h"
#include "network/address.h"

namespace drydock::engine {

namespace {

constexpr std::string_view kHostsHead =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "ff00::0\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";
constexpr std::uint64_t kHostsMax = 1u << 20;

const Strings& first_set(const std::optional<Strings>& own, const Strings& fallback) {
  return own && !own->empty() ? *own : fallback;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : line) {
    if (c != ' ' && c != '\t' && c != '\r') {
      word.push_back(c);
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

struct Resolver {
  Strings servers, search, options;
};

Resolver parse_resolv_conf(std::string_view text) {
  Resolver resolver;
  for (const std::string& line : split(text, '\n')) {
    const auto words = words_of(line);
    if (words.size() < 2 || words[0].starts_with('#') || words[0].starts_with(';')) continue;
    if (words[0] == "nameserver") resolver.servers.push_back(words[1]);
    if (words[0] == "search" || words[0] == "domain") resolver.search.assign(words.begin() + 1, words.end());
    if (words[0] == "options") resolver.options.insert(resolver.options.end(), words.begin() + 1, words.end());
  }
  return resolver;
}

bool is_loopback(const std::string& server) {
  const auto address = network::Address::parse(server);
  return address && address->is_loopback();
}

}  // namespace

std::string hosts_text(const std::vector<std::string>& extra_hosts, const std::vector<std::string>& own_lines) {
  std::string text(kHostsHead);
  for (const std::string& entry : extra_hosts)
    if (const auto halves = split_once(entry, ':')) text += concat(halves->second, '\t', halves->first, '\n');
  for (const std::string& line : own_lines) text += line + "\n";
  return text;
}

std::string resolv_conf_text(std::string_view host_text, const HostConfig& host, const Strings& default_servers,
                             const Strings& default_search, const Strings& default_options, bool own_network) {
  Resolver from_host = parse_resolv_conf(host_text);
  Strings servers = first_set(host.dns, default_servers);
  Strings search = first_set(host.dns_search, default_search);
  Strings options = first_set(host.dns_options, default_options);
  const bool asked = !servers.empty() || !search.empty() || !options.empty();
  // Nothing asked for, and nothing that a network of its own could not reach: the host's file as it is.
  bool unreachable = false;
  for (const std::string& server : from_host.servers) unreachable = unreachable || (own_network && is_loopback(server));
  if (!asked && !unreachable && (!from_host.servers.empty() || !own_network)) return std::string(host_text);
  if (servers.empty()) {
    for (const std::string& server : from_host.servers)
      if (!own_network || !is_loopback(server)) servers.push_back(server);
    if (servers.empty()) servers = {"8.8.8.8", "8.8.4.4"};  // Docker's choice when the host's are all local
  }
  if (search.empty()) search = from_host.search;
  if (options.empty()) options = from_host.options;
  std::string text;
  if (!search.empty() && join(search, " ") != ".") text += "search " + join(search, " ") + "\n";
  for (const std::string& server : servers) text += "nameserver " + server + "\n";
  if (!options.empty() && !join(options, " ").empty()) text += "options " + join(options, " ") + "\n";
  return text;
}

Result<void> write_container_files(Daemon& daemon, const Container& container) {
  storage::HostFs& data = daemon.host.data;
  const HostConfig& host = container.host_config;
  const bool of_host = host.network_mode == "host";
  TRY(data.write_atomic(container.file("hostname"), container.config.hostname + "\n", 0644));
  std::string hosts = hosts_text(host.extra_hosts.value_or(Strings{}), {});
  if (of_host)
    if (auto own = storage::read_file(daemon.host.root, "etc/hosts", kHostsMax); own.ok()) {
      hosts = *own;
      for (const std::string& entry : host.extra_hosts.value_or(Strings{}))
        if (const auto halves = split_once(entry, ':')) hosts += concat(halves->second, '\t', halves->first, '\n');
    }
  TRY(data.write_atomic(container.file("hosts"), hosts, 0644));
  const std::string resolv = resolv_conf_text(daemon.host.facts.resolv_conf, host, daemon.settings.dns,
                                              daemon.settings.dns_search, daemon.settings.dns_options, !of_host);
  TRY(data.write_atomic(container.file("resolv.conf"), resolv, 0644));
  return {};
}

Result<void> append_hosts(Daemon& daemon, const Container& container, const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  auto file = TRY(daemon.host.data.open_write(container.file("hosts"), storage::WriteMode::append, 0644));
  TRY(file->write(join(lines, "\n") + "\n"));
  return {};
}

}  // namespace drydock::engine
