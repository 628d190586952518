#include "runtime/mount_options.h"

#include "base/text.h"

namespace drydock::runtime {

namespace {

enum class Effect { set, clear };

struct FlagOption {
  std::string_view word;
  Effect effect;
  std::uint64_t flags;
};

// mount(8), FILESYSTEM-INDEPENDENT MOUNT OPTIONS. For each flag the word that sets it comes first: mount_flag_words.
constexpr FlagOption kFlagOptions[] = {
    {"defaults", Effect::set, 0},
    {"bind", Effect::set, kMsBind},
    {"rbind", Effect::set, kMsBind | kMsRec},
    {"remount", Effect::set, kMsRemount},
    {"ro", Effect::set, kMsRdonly},
    {"rw", Effect::clear, kMsRdonly},
    {"nosuid", Effect::set, kMsNosuid},
    {"suid", Effect::clear, kMsNosuid},
    {"nodev", Effect::set, kMsNodev},
    {"dev", Effect::clear, kMsNodev},
    {"noexec", Effect::set, kMsNoexec},
    {"exec", Effect::clear, kMsNoexec},
    {"sync", Effect::set, kMsSynchronous},
    {"async", Effect::clear, kMsSynchronous},
    {"dirsync", Effect::set, kMsDirsync},
    {"mand", Effect::set, kMsMandlock},
    {"nomand", Effect::clear, kMsMandlock},
    {"nosymfollow", Effect::set, kMsNosymfollow},
    {"symfollow", Effect::clear, kMsNosymfollow},
    {"noatime", Effect::set, kMsNoatime},
    {"atime", Effect::clear, kMsNoatime},
    {"nodiratime", Effect::set, kMsNodiratime},
    {"diratime", Effect::clear, kMsNodiratime},
    {"relatime", Effect::set, kMsRelatime},
    {"norelatime", Effect::clear, kMsRelatime},
    {"strictatime", Effect::set, kMsStrictatime},
    {"nostrictatime", Effect::clear, kMsStrictatime},
    {"lazytime", Effect::set, kMsLazytime},
    {"nolazytime", Effect::clear, kMsLazytime},
    {"iversion", Effect::set, kMsIversion},
    {"noiversion", Effect::clear, kMsIversion},
    {"silent", Effect::set, kMsSilent},
    {"loud", Effect::clear, kMsSilent},
};

// runtime-spec config.md, Linux mount options: the same with AT_RECURSIVE. The access time words share bits.
constexpr FlagOption kRecursiveOptions[] = {
    {"rro", Effect::set, kMountAttrRdonly},
    {"rrw", Effect::clear, kMountAttrRdonly},
    {"rnosuid", Effect::set, kMountAttrNosuid},
    {"rsuid", Effect::clear, kMountAttrNosuid},
    {"rnodev", Effect::set, kMountAttrNodev},
    {"rdev", Effect::clear, kMountAttrNodev},
    {"rnoexec", Effect::set, kMountAttrNoexec},
    {"rexec", Effect::clear, kMountAttrNoexec},
    {"rnodiratime", Effect::set, kMountAttrNodiratime},
    {"rdiratime", Effect::clear, kMountAttrNodiratime},
    {"rnosymfollow", Effect::set, kMountAttrNosymfollow},
    {"rsymfollow", Effect::clear, kMountAttrNosymfollow},
    {"rrelatime", Effect::set, 0},
    {"rnorelatime", Effect::clear, 0},
    {"rnoatime", Effect::set, kMountAttrNoatime},
    {"ratime", Effect::clear, kMountAttrNoatime},
    {"rstrictatime", Effect::set, kMountAttrStrictatime},
    {"rnostrictatime", Effect::clear, kMountAttrStrictatime},
};

struct PropagationWord {
  std::string_view word;
  std::uint64_t flags;
};

constexpr PropagationWord kPropagations[] = {
    {"private", kMsPrivate},       {"rprivate", kMsPrivate | kMsRec},
    {"slave", kMsSlave},           {"rslave", kMsSlave | kMsRec},
    {"shared", kMsShared},         {"rshared", kMsShared | kMsRec},
    {"unbindable", kMsUnbindable}, {"runbindable", kMsUnbindable | kMsRec},
};

template <std::size_t N>
const FlagOption* find_option(const FlagOption (&table)[N], std::string_view word) {
  for (const FlagOption& option : table) {
    if (option.word == word) return &option;
  }
  return nullptr;
}

bool is_access_time_word(std::string_view word) {
  return word.find("atime") != std::string_view::npos && word.find("diratime") == std::string_view::npos;
}

void apply(const FlagOption& option, std::uint64_t& set, std::uint64_t& cleared) {
  if (option.effect == Effect::set) {
    set |= option.flags;
    cleared &= ~option.flags;
  } else {
    set &= ~option.flags;
    cleared |= option.flags;
  }
}

void apply_recursive(const FlagOption& option, MountOptions& out) {
  // mount_setattr(2): who sets one value of the access time enumeration has to clear the whole field.
  if (is_access_time_word(option.word)) {
    out.recursive_set &= ~kMountAttrAtimeMask;
    if (option.effect == Effect::set) out.recursive_set |= option.flags;
    out.recursive_clear |= kMountAttrAtimeMask;
    return;
  }
  apply(option, out.recursive_set, out.recursive_clear);
}

}  // namespace

std::uint64_t propagation_flag(std::string_view word) {
  for (const PropagationWord& propagation : kPropagations) {
    if (propagation.word == word) return propagation.flags;
  }
  return 0;
}

MountOptions parse_mount_options(const std::vector<std::string>& options) {
  MountOptions out;
  for (const std::string& option : options) {
    if (const FlagOption* flag = find_option(kFlagOptions, option)) {
      apply(*flag, out.flags, out.cleared);
    } else if (const FlagOption* recursive = find_option(kRecursiveOptions, option)) {
      apply_recursive(*recursive, out);
    } else if (const std::uint64_t propagation = propagation_flag(option)) {
      out.propagation = propagation;
    } else if (option == "tmpcopyup") {
      out.copy_up = true;
    } else if (option == "idmap" || option == "ridmap") {
      out.id_mapped = true;
    } else if (!option.empty()) {
      if (!out.data.empty()) out.data += ',';
      out.data += option;
    }
  }
  return out;
}

bool is_mount_option(std::string_view option) {
  return find_option(kFlagOptions, option) != nullptr || find_option(kRecursiveOptions, option) != nullptr ||
         propagation_flag(option) != 0 || option == "tmpcopyup";
}

std::string mount_flag_words(std::uint64_t flags) {
  std::vector<std::string> words;
  const auto take = [&](std::string_view word, std::uint64_t mask) {
    if (mask == 0 || (flags & mask) != mask) return;
    words.emplace_back(word);
    flags &= ~mask;
  };
  take("rbind", kMsBind | kMsRec);
  for (const FlagOption& option : kFlagOptions) {
    if (option.effect == Effect::set) take(option.word, option.flags);
  }
  for (std::size_t i = 0; i < std::size(kPropagations); i += 2) {  // the word with "r" first, it has more bits
    take(kPropagations[i + 1].word, kPropagations[i + 1].flags);
    take(kPropagations[i].word, kPropagations[i].flags);
  }
  if (flags != 0) words.push_back(concat("flags ", flags));
  return join(words, ",");
}

}  // namespace drydock::runtime
