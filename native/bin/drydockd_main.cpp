// drydockd: the daemon. Puts the ports of this host under the engine, and the Engine API on its sockets.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "api/application.h"
#include "api/routes.h"
#include "engine/lifecycle.h"
#include "native/bin/daemon_loop.h"
#include "native/bin/daemon_options.h"
#include "native/bin/log.h"
#include "native/bin/pid_file.h"
#include "native/bin/sim_backend.h"
#include "native/bin/subordinate_ids.h"
#include "native/bin/system_ports.h"
#include "native/hostfs/host_fs.h"
#include "native/network/linux_network.h"
#include "native/runtime/linux_runtime.h"
#include "native/server/server.h"
#include "native/server/transport.h"

namespace drydock::native {

namespace {

constexpr int kUsageExit = 125;  // as dockerd
constexpr std::string_view kUnixScheme = "unix://";
constexpr std::string_view kTcpScheme = "tcp://";
constexpr std::uint16_t kPlainPort = 2375;
constexpr std::uint16_t kTlsPort = 2376;

/// The path of a program that is installed beside this one.
std::string sibling_program(const std::string& name) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / name).string();
}

Result<void> make_directory(const std::string& path, mode_t mode) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(ErrorKind::internal, "mkdir ", path, ": ", error.message());
  ::chmod(path.c_str(), mode);
  return {};
}

std::optional<TlsServerOptions> tls_options(const DaemonOptions& options) {
  if (!options.tls && !options.tls_verify) return std::nullopt;
  TlsServerOptions tls;
  tls.certificate_file = options.tls_certificate;
  tls.key_file = options.tls_key;
  tls.ca_file = options.tls_ca_certificate;
  tls.verify_clients = options.tls_verify;
  return tls;
}

/// "tcp://127.0.0.1:2375", "tcp://[::1]", "tcp://:2375".
Result<void> listen_tcp(Server& server, const DaemonOptions& options, std::string_view address) {
  const auto tls = tls_options(options);
  std::uint16_t port = tls ? kTlsPort : kPlainPort;
  std::string host(address);
  const std::size_t colon = address.rfind(':');
  if (colon != std::string_view::npos && address.find(']', colon) == std::string_view::npos) {
    const auto number = parse_u64(address.substr(colon + 1));
    if (!number || *number > 65535) return fail(ErrorKind::invalid_argument, "Invalid bind address format: ", address);
    port = static_cast<std::uint16_t>(*number);
    host = address.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) host = "127.0.0.1";
  if (!tls && host != "127.0.0.1" && host != "localhost" && host != "::1") {
    log(LogLevel::warning, concat("Binding to IP address without --tlsverify is insecure and gives root access on this "
                                  "machine to everyone who has access to your network. host=",
                                  address));
  }
  const std::uint16_t bound = TRY(server.listen_tcp(host, port, tls));
  log(LogLevel::info, concat("API listen on ", host, ":", bound));
  return {};
}

Result<void> listen(Server& server, const DaemonOptions& options, const std::string& host) {
  if (host.starts_with(kUnixScheme)) {
    const std::string path = host.substr(kUnixScheme.size());
    TRY(server.listen_unix(path, options.group));
    log(LogLevel::info, concat("API listen on ", path));
    return {};
  }
  if (host.starts_with(kTcpScheme))
    return listen_tcp(server, options, std::string_view(host).substr(kTcpScheme.size()));
  return fail(ErrorKind::invalid_argument, "Invalid bind address format: ", host);
}

/// At the level "debug" the daemon's log is the stream of events itself.
class TraceLog {
 public:
  explicit TraceLog(const trace::Trace& trace) : trace_(trace) {}

  void print_new() {
    if (!logs(LogLevel::debug)) return;
    for (next_ = std::max(next_, trace_.first_held_seq()); next_ <= trace_.last_seq(); ++next_) {
      if (const trace::Event* event = trace_.find(next_)) log(LogLevel::debug, trace::to_json_line(*event));
    }
  }

 private:
  const trace::Trace& trace_;
  std::uint64_t next_ = 1;
};

/// The first signal asks for an orderly end, the third for one at once.
class Shutdown {
 public:
  Shutdown(DaemonLoop& loop, engine::Daemon& daemon, Server& server) : loop_(loop), daemon_(daemon), server_(server) {}

  void on_signal(int number) {
    if (number == SIGHUP) return log(LogLevel::warning, "reloading the configuration is not implemented");
    if (++signals_ >= 3) ::_exit(1);
    if (signals_ > 1) return;
    log(LogLevel::info, concat("Processing signal ", number));
    server_.stop();
    engine::close_daemon(daemon_);
    loop_.wake();
  }

  void after_step() {
    if (signals_ > 0 && daemon_.job_count() == 0) loop_.stop();
  }

 private:
  DaemonLoop& loop_;
  engine::Daemon& daemon_;
  Server& server_;
  int signals_ = 0;
};

Result<void> prepare(DaemonOptions& options) {
  if (options.backend != "native" && options.backend != "sim") {
    return fail(ErrorKind::invalid_argument, "unknown backend ", go_quoted(options.backend), " (native, sim)");
  }
  const auto level = parse_log_level(options.log_level);
  if (!level) return fail(ErrorKind::invalid_argument, "unable to parse logging level: ", options.log_level);
  set_log_level(*level);
  if (!options.userns_remap.empty()) {
    IdMappings mappings = TRY(resolve_userns_remap(options.userns_remap));
    options.settings.uid_mappings = std::move(mappings.uids);
    options.settings.gid_mappings = std::move(mappings.gids);
  }
  if (options.settings.init_path.empty()) options.settings.init_path = sibling_program("drydock-init");
  ::umask(022);
  // A daemon that writes to a client which is gone is told by EPIPE.
  ::signal(SIGPIPE, SIG_IGN);
  return {};
}

/// The daemon over a backend's ports, until it is told to end.
Result<void> serve(const DaemonOptions& options, boost::asio::io_context& io, DaemonLoop& loop,
                   const engine::Host& host) {
  engine::Daemon daemon(host, options.settings);
  TraceLog trace_log(daemon.trace);
  TRY(engine::open_daemon(daemon));

  api::EngineApi application(daemon, api::all_routes());
  Server server(io, application, [&loop] { loop.wake(); });
  for (const std::string& address : options.hosts) TRY(listen(server, options, address));

  Shutdown shutdown(loop, daemon, server);
  loop.on_signals({SIGINT, SIGTERM, SIGHUP}, [&shutdown](int number) { shutdown.on_signal(number); });
  loop.after_step([&] {
    trace_log.print_new();
    shutdown.after_step();
  });
  log(LogLevel::info, "Daemon has completed initialization");
  loop.run(daemon);
  log(LogLevel::info, "Daemon shutdown complete");
  return {};
}

std::unique_ptr<http::Transport> open_transport(boost::asio::io_context& io, DaemonLoop& loop) {
  TransportOptions options;
  options.proxies = proxies_from([](const char* name) { return std::getenv(name); });
  return make_transport(
      io, [&loop] { loop.wake(); }, options);
}

Result<void> run_native(const DaemonOptions& options) {
  TRY(make_directory(options.settings.data_root, 0711));
  TRY(make_directory(options.settings.exec_root, 0711));
  SystemClock clock;
  SystemRandom random;
  boost::asio::io_context io(1);
  DaemonLoop loop(io, clock);
  auto data = TRY(open_host_fs(options.settings.data_root));
  auto root = TRY(open_host_fs("/"));
  LinuxRuntimeOptions runtime_options;
  runtime_options.exec_root = options.settings.exec_root;
  runtime_options.monitor_program = sibling_program("drydock-monitor");
  auto runtime = TRY(LinuxRuntime::open(runtime_options));
  auto network = TRY(LinuxNetwork::open({options.settings.exec_root + "/network", sibling_program("drydock-proxy")}));
  auto transport = open_transport(io, loop);
  loop.watch(runtime->event_fd(), [&runtime] { runtime->pump(); });
  return serve(options, io, loop, {*data, *root, *runtime, *network, *transport, clock, random, read_host_facts()});
}

Result<void> run_simulated(const DaemonOptions& options) {
  SimBackend backend = TRY(SimBackend::boot(options.settings));
  boost::asio::io_context io(1);
  DaemonLoop loop(io, backend.clock());
  auto transport = open_transport(io, loop);
  loop.each_turn([&backend] { return backend.turn(); });
  return serve(options, io, loop, backend.host(*transport));
}

Result<void> run(DaemonOptions options) {
  TRY(prepare(options));
  std::optional<PidFile> pid_file;
  if (!options.pid_file.empty()) pid_file.emplace(TRY(PidFile::create(options.pid_file)));
  return options.backend == "sim" ? run_simulated(options) : run_native(options);
}

}  // namespace

}  // namespace drydock::native

int main(int argc, char** argv) {
  using namespace drydock::native;
  auto options = parse_daemon_options(std::vector<std::string>(argv + 1, argv + argc));
  if (!options.ok()) {
    std::cerr << options.error().message << '\n';
    return kUsageExit;
  }
  switch (options->action) {
    case DaemonOptions::Action::show_help:
      std::cout << daemon_help();
      return 0;
    case DaemonOptions::Action::show_version:
      std::cout << "drydockd version " << DRYDOCK_VERSION << '\n';
      return 0;
    case DaemonOptions::Action::run:
      break;
  }
  auto ran = run(*std::move(options));
  if (ran.ok()) return 0;
  std::cerr << "failed to start daemon: " << ran.error().message << '\n';
  return 1;
}
