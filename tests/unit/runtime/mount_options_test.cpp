#include "runtime/mount_options.h"

#include <doctest/doctest.h>

#include "base/text.h"

using namespace drydock;
using namespace drydock::runtime;

TEST_CASE("words become flags, the rest is the file system's own") {
  const MountOptions options =
      parse_mount_options({"nosuid", "strictatime", "mode=755", "size=65536k", "ro", "rw", "defaults"});
  CHECK(options.flags == (kMsNosuid | kMsStrictatime));
  CHECK(options.cleared == kMsRdonly);
  CHECK(options.data == "mode=755,size=65536k");
  CHECK(options.propagation == 0);
}

TEST_CASE("the later of two opposite words wins") {
  CHECK(parse_mount_options({"ro", "rw"}).flags == 0);
  CHECK(parse_mount_options({"rw", "ro"}).flags == kMsRdonly);
  CHECK(parse_mount_options({"rw", "ro"}).cleared == 0);
}

TEST_CASE("propagation is no flag of the mount itself") {
  const MountOptions options = parse_mount_options({"rbind", "rslave"});
  CHECK(options.flags == (kMsBind | kMsRec));
  CHECK(options.propagation == (kMsSlave | kMsRec));
  CHECK(propagation_flag("shared") == kMsShared);
  CHECK(propagation_flag("nosuch") == 0);
}

TEST_CASE("recursive words are attributes of mount_setattr, where access times share a field") {
  const MountOptions options = parse_mount_options({"rro", "rnoexec", "rexec", "rnoatime"});
  CHECK(options.recursive_set == (kMountAttrRdonly | kMountAttrNoatime));
  CHECK(options.recursive_clear == (kMountAttrNoexec | kMountAttrAtimeMask));
  const MountOptions relatime = parse_mount_options({"rnoatime", "rrelatime"});
  CHECK(relatime.recursive_set == 0);
  CHECK(relatime.recursive_clear == kMountAttrAtimeMask);
}

TEST_CASE("tmpcopyup and idmap are neither flags nor data") {
  const MountOptions options = parse_mount_options({"tmpcopyup", "ridmap", ""});
  CHECK(options.copy_up);
  CHECK(options.id_mapped);
  CHECK(options.flags == 0);
  CHECK(options.data.empty());
  CHECK(is_mount_option("nosuid"));
  CHECK(!is_mount_option("size=1m"));
}

TEST_CASE("flags are told in mount(8)'s words") {
  CHECK(mount_flag_words(kMsNosuid | kMsNodev | kMsNoexec | kMsRdonly) == "ro,nosuid,nodev,noexec");
  CHECK(mount_flag_words(kMsBind | kMsRec) == "rbind");
  CHECK(mount_flag_words(kMsSlave | kMsRec) == "rslave");
  CHECK(mount_flag_words(kMsPrivate) == "private");
  CHECK(mount_flag_words(0).empty());
}

TEST_CASE("every option word names itself back") {
  std::size_t seen = 0;
  for (const std::string word :
       {"bind", "remount", "ro", "nosuid", "nodev", "noexec", "sync", "dirsync", "mand", "nosymfollow", "noatime",
        "nodiratime", "relatime", "strictatime", "lazytime", "iversion", "silent"}) {
    CHECK(mount_flag_words(parse_mount_options({word}).flags) == word);
    ++seen;
  }
  CHECK(seen == 17);
}
