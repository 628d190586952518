// poll(2), select(2). Not modelled yet: epoll(7), inotify(7), timerfd_create(2), signalfd(2).

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/syscalls/families.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kSelectDescriptorsMax = 1024;  // FD_SETSIZE; Linux takes as many as the table has room for
constexpr std::uint16_t kSelectIn = kPollIn | kPollRdNorm | kPollHup | kPollErr,
                        kSelectOut = kPollOut | kPollWrNorm | kPollErr, kSelectExcept = kPollPri;

struct Asked {
  std::int32_t fd = -1;
  std::uint16_t events = 0;
  std::uint16_t ready = 0;
};

/// Fills in what is ready; counts the entries that are.
std::int64_t look(const Call& call, std::vector<Asked>& all, std::vector<WaitKey>& keys) {
  std::int64_t count = 0;
  for (Asked& asked : all) {
    asked.ready = 0;
    if (asked.fd < 0) continue;
    const auto id = file_of(call, asked.fd);
    if (!id.ok()) {
      asked.ready = kPollNval;
    } else {
      File& file = call.kernel.files[*id];
      asked.ready = file.poll(call) & (asked.events | kPollErr | kPollHup | kPollNval);
      keys.push_back(file.wait_key());
    }
    if (asked.ready != 0) ++count;
  }
  return count;
}

/// The deadline, computed at the first attempt: `timeout_ns` from now, nothing for ever.
std::optional<std::uint64_t> deadline_of(const Call& call, std::optional<std::uint64_t> timeout_ns) {
  RestartState& state = call.self().restart;
  if (!state.again && timeout_ns) {
    const std::uint64_t now = call.kernel.now_ns();
    state.deadline_ns = *timeout_ns > ~std::uint64_t{0} - now ? ~std::uint64_t{0} : now + *timeout_ns;
  }
  return timeout_ns ? state.deadline_ns : std::nullopt;
}

/// ppoll(2) and pselect(2): the mask is in force while they wait, and until a handler has been set up.
Result<void, Errno> set_signal_mask(const Call& call, std::uint64_t address, std::uint64_t size) {
  if (address == 0) return {};
  if (size != 8) return Errno::einval;
  const std::uint64_t mask = TRY(call.load64(address));
  Task& task = call.self();
  if (!task.restart.again || !task.saved_mask) task.saved_mask = task.blocked_signals;
  task.blocked_signals = mask & ~(signal_bit(sig_kill) | signal_bit(sig_stop));
  return {};
}
void restore_signal_mask(const Call& call) {
  Task& task = call.self();
  if (!task.saved_mask) return;
  task.blocked_signals = *task.saved_mask;
  task.saved_mask.reset();
}

/// Null: wait on.
std::optional<Block> wait_or_end(const Call& call, std::optional<std::uint64_t> timeout_ns, std::vector<WaitKey> keys) {
  const auto deadline = deadline_of(call, timeout_ns);
  if (timeout_ns && call.kernel.now_ns() >= deadline.value_or(0)) return std::nullopt;
  return Block{std::move(keys), deadline, Interruption::eintr, std::nullopt};
}

Outcome poll_files(const Call& call, std::optional<std::uint64_t> timeout_ns) {
  const std::uint64_t count = call.u32(1);
  const std::uint64_t limit = call.kernel.processes[call.self().process].limits[kRlimitFiles].soft;
  if (count > limit || count > call.kernel.limits.open_files_max) return Errno::einval;
  std::string bytes(count * 8, '\0');
  TRY(call.copy_in(call.address(0), bytes));
  const StructReader raw(std::move(bytes));
  std::vector<Asked> all(count);
  for (std::uint64_t at = 0; at < count; ++at)
    all[at] = {static_cast<std::int32_t>(raw.u32(at * 8)), raw.u16(at * 8 + 4), 0};
  std::vector<WaitKey> keys;
  const std::int64_t ready = look(call, all, keys);
  if (ready == 0)
    if (auto block = wait_or_end(call, timeout_ns, std::move(keys))) return std::move(*block);
  for (std::uint64_t at = 0; at < count; ++at) {
    StructWriter revents;
    revents.u16(all[at].ready);
    TRY(call.copy_out(call.address(0) + at * 8 + 6, revents.span()));
  }
  return ready;
}

Result<std::optional<std::uint64_t>, Errno> load_timeout(const Call& call, std::uint64_t address,
                                                         std::uint64_t unit_ns) {
  if (address == 0) return std::optional<std::uint64_t>();
  const std::uint64_t seconds = TRY(call.load64(address)), parts = TRY(call.load64(address + 8));
  if (static_cast<std::int64_t>(seconds) < 0 || static_cast<std::int64_t>(parts) < 0) return Errno::einval;
  if (unit_ns == 1 && parts >= kSecondNs) return Errno::einval;
  // select(2)'s microseconds may be more than a second.
  const std::uint64_t whole = seconds + (unit_ns == 1 ? 0 : parts / 1'000'000);
  const std::uint64_t rest = unit_ns == 1 ? parts : parts % 1'000'000 * unit_ns;
  constexpr std::uint64_t kForever = ~std::uint64_t{0} / kSecondNs - 1;
  return std::optional<std::uint64_t>(std::min(whole, kForever) * kSecondNs + rest);
}

/// The time that is left, where the kernel tells it: select(2), ppoll(2), pselect(2).
void store_remaining(const Call& call, std::uint64_t address, std::uint64_t unit_ns) {
  if (address == 0) return;
  const std::uint64_t deadline = call.self().restart.deadline_ns.value_or(0);
  const std::uint64_t now = call.kernel.now_ns();
  const std::uint64_t left = deadline > now ? deadline - now : 0;
  StructWriter out;
  out.u64(left / kSecondNs).u64(left % kSecondNs / unit_ns);
  (void)call.copy_out(address, out.span());
}

Outcome sys_poll(const Call& call) {
  const std::int32_t milliseconds = call.i32(2);
  if (milliseconds < 0) return poll_files(call, std::nullopt);
  return poll_files(call, static_cast<std::uint64_t>(milliseconds) * 1'000'000);
}

Outcome sys_ppoll(const Call& call) {
  const auto timeout = TRY(load_timeout(call, call.address(2), 1));
  TRY(set_signal_mask(call, call.address(3), call.u64(4)));
  Outcome outcome = poll_files(call, timeout);
  if (outcome.blocked()) return outcome;
  restore_signal_mask(call);
  store_remaining(call, call.address(2), 1);
  return outcome;
}

/// The three bit sets of select(2).
struct DescriptorSets {
  std::array<std::string, 3> bits;
  std::size_t bytes = 0;

  bool has(std::size_t set, std::uint64_t fd) const {
    return !bits[set].empty() && (static_cast<std::uint8_t>(bits[set][fd / 8]) >> (fd % 8) & 1) != 0;
  }
};

Result<DescriptorSets, Errno> load_sets(const Call& call, std::uint64_t count) {
  DescriptorSets sets;
  sets.bytes = (count + 63) / 64 * 8;
  for (int set = 0; set < 3; ++set) {
    const std::uint64_t address = call.address(set + 1);
    if (address == 0) continue;
    sets.bits[static_cast<std::size_t>(set)].resize(sets.bytes);
    TRY(call.copy_in(address, sets.bits[static_cast<std::size_t>(set)]));
  }
  return sets;
}

Outcome select_files(const Call& call, std::optional<std::uint64_t> timeout_ns) {
  if (call.i32(0) < 0) return Errno::einval;
  const std::uint64_t table = call.kernel.fd_tables[call.self().fds].entries.size();
  const std::uint64_t count =
      std::min<std::uint64_t>(call.u32(0), std::max((table + 63) / 64 * 64, kSelectDescriptorsMax));
  const DescriptorSets sets = TRY(load_sets(call, count));
  constexpr std::array<std::uint16_t, 3> kEvents{kSelectIn, kSelectOut, kSelectExcept};
  std::vector<Asked> all;
  for (std::uint64_t fd = 0; fd < count; ++fd) {
    std::uint16_t events = 0;
    for (std::size_t set = 0; set < 3; ++set)
      if (sets.has(set, fd)) events |= kEvents[set];
    if (events == 0) continue;
    TRY(file_of(call, static_cast<int>(fd)));
    all.push_back({static_cast<std::int32_t>(fd), events, 0});
  }
  std::vector<WaitKey> keys;
  look(call, all, keys);
  std::int64_t ready = 0;
  DescriptorSets result;
  for (std::size_t set = 0; set < 3; ++set) result.bits[set].assign(sets.bits[set].size(), '\0');
  for (const Asked& asked : all) {
    const auto fd = static_cast<std::uint64_t>(asked.fd);
    for (std::size_t set = 0; set < 3; ++set) {
      if (!sets.has(set, fd) || (asked.ready & kEvents[set]) == 0) continue;
      char& byte = result.bits[set][fd / 8];
      byte = static_cast<char>(static_cast<std::uint8_t>(byte) | 1U << (fd % 8));
      ++ready;
    }
  }
  if (ready == 0)
    if (auto block = wait_or_end(call, timeout_ns, std::move(keys))) return std::move(*block);
  for (int set = 0; set < 3; ++set)
    if (call.address(set + 1) != 0)
      TRY(call.copy_out(call.address(set + 1), result.bits[static_cast<std::size_t>(set)]));
  return ready;
}

Outcome sys_select(const Call& call) {
  const auto timeout = TRY(load_timeout(call, call.address(4), 1000));
  Outcome outcome = select_files(call, timeout);
  if (!outcome.blocked()) store_remaining(call, call.address(4), 1000);
  return outcome;
}

Outcome sys_pselect6(const Call& call) {
  const auto timeout = TRY(load_timeout(call, call.address(4), 1));
  std::uint64_t mask = 0, size = 0;
  if (call.address(5) != 0) {
    mask = TRY(call.load64(call.address(5)));
    size = TRY(call.load64(call.address(5) + 8));
  }
  TRY(set_signal_mask(call, mask, size));
  Outcome outcome = select_files(call, timeout);
  if (outcome.blocked()) return outcome;
  restore_signal_mask(call);
  store_remaining(call, call.address(4), 1);
  return outcome;
}

using enum Arg;
constexpr SyscallRow kRows[] = {
    {7, "poll", sys_poll, {pollfds, u32, i32, none, none, none}, "poll(2)", Support::full, ""},
    {23, "select", sys_select, {i32, address, address, address, timeval, none}, "select(2)", Support::full, ""},
    {270,
     "pselect6",
     sys_pselect6,
     {i32, address, address, address, timespec, address},
     "select(2)",
     Support::full,
     ""},
    {271, "ppoll", sys_ppoll, {pollfds, u32, timespec, address, size, none}, "poll(2)", Support::full, ""},
};

}  // namespace

std::span<const SyscallRow> poll_calls() {
  return kRows;
}

}  // namespace drydock::machine
