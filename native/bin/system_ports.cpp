#include "native/bin/system_ports.h"

#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/assert.h"
#include "base/text.h"

namespace drydock::native {

namespace {

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  DD_ASSERT(::clock_gettime(clock, &time) == 0);
  return std::int64_t{time.tv_sec} * kNanosPerSecond + time.tv_nsec;
}

/// The value of NAME=value or NAME="value" in os-release(5).
std::string os_release(std::string_view name) {
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    std::ifstream file(path);
    std::string line;
    while (std::getline(file, line)) {
      const auto parts = split_once(line, '=');
      if (!parts || parts->first != name) continue;
      std::string_view value = parts->second;
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
      return std::string(value);
    }
  }
  return "";
}

}  // namespace

Timestamp SystemClock::now() const {
  return {read_clock(CLOCK_REALTIME)};
}
std::int64_t SystemClock::monotonic_ns() const {
  return read_clock(CLOCK_MONOTONIC);
}

void SystemRandom::fill(std::span<char> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    DD_ASSERT(got > 0);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

engine::HostFacts read_host_facts() {
  engine::HostFacts facts;
  utsname names{};
  if (::uname(&names) == 0) {
    facts.hostname = names.nodename;
    facts.kernel_version = names.release;
    facts.architecture = names.machine;
  }
  facts.operating_system = os_release("PRETTY_NAME");
  facts.os_version = os_release("VERSION_ID");
  const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
  facts.cpus = cpus > 0 ? static_cast<unsigned>(cpus) : 1;
  struct sysinfo info {};
  if (::sysinfo(&info) == 0) facts.memory_bytes = std::uint64_t{info.totalram} * info.mem_unit;
  std::ifstream resolv_conf("/etc/resolv.conf", std::ios::binary);
  facts.resolv_conf.assign(std::istreambuf_iterator<char>(resolv_conf), {});
  return facts;
}

}  // namespace drydock::native
