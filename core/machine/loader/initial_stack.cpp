// The first stack, laid out as Linux does: from the top a null word, the path, the environment, the arguments, the
// platform's name and the random bytes, then, at the stack pointer, the vectors that point to them.

#include "machine/loader/initial_stack.h"

#include "machine/syscalls/call.h"

namespace drydock::machine {
namespace {

constexpr char kPlatform[] = "x86_64";

/// Strings one after another from `start`; adds their addresses.
std::string laid_out(const std::vector<std::string>& strings, std::uint64_t start,
                     std::vector<std::uint64_t>* addresses) {
  std::string bytes;
  for (const std::string& text : strings) {
    addresses->push_back(start + bytes.size());
    bytes += text;
    bytes += '\0';
  }
  return bytes;
}

std::uint64_t bytes_of(const std::vector<std::string>& strings) {
  std::uint64_t total = 0;
  for (const std::string& text : strings) total += text.size() + 1;
  return total;
}

}  // namespace

StackImage build_stack(const InitialStack& stack, std::uint64_t top) {
  StackImage image;
  const std::uint64_t path_at = top - 8 - (stack.path.size() + 1);
  image.environment_end = path_at;
  image.environment_start = path_at - bytes_of(stack.environment);
  image.arguments_end = image.environment_start;
  image.arguments_start = image.arguments_end - bytes_of(stack.arguments);
  std::vector<std::uint64_t> argument_addresses, environment_addresses;
  std::string strings = laid_out(stack.arguments, image.arguments_start, &argument_addresses);
  strings += laid_out(stack.environment, image.environment_start, &environment_addresses);
  strings += stack.path;
  strings.append(9, '\0');

  const std::uint64_t platform_at = (image.arguments_start & ~std::uint64_t{15}) - sizeof kPlatform;
  const std::uint64_t random_at = platform_at - stack.random.size();
  image.auxiliary = stack.auxiliary;
  for (std::size_t at = 0; at + 1 < image.auxiliary.size(); at += 2) {
    if (image.auxiliary[at] == auxv::platform) image.auxiliary[at + 1] = platform_at;
    if (image.auxiliary[at] == auxv::random) image.auxiliary[at + 1] = random_at;
    if (image.auxiliary[at] == auxv::execfn) image.auxiliary[at + 1] = path_at;
  }
  image.auxiliary.push_back(0);
  image.auxiliary.push_back(0);

  const std::uint64_t words =
      1 + argument_addresses.size() + 1 + environment_addresses.size() + 1 + image.auxiliary.size();
  image.pointer = ((random_at & ~std::uint64_t{15}) - words * 8) & ~std::uint64_t{15};
  StructWriter writer;
  writer.u64(argument_addresses.size());
  for (std::uint64_t address : argument_addresses) writer.u64(address);
  writer.u64(0);
  for (std::uint64_t address : environment_addresses) writer.u64(address);
  writer.u64(0);
  for (std::uint64_t word : image.auxiliary) writer.u64(word);
  image.bytes = writer.bytes();
  image.bytes.resize(random_at - image.pointer, '\0');
  image.bytes.append(stack.random.data(), stack.random.size());
  image.bytes.append(kPlatform, sizeof kPlatform);
  image.bytes.resize(image.arguments_start - image.pointer, '\0');
  image.bytes += strings;
  return image;
}

}  // namespace drydock::machine
