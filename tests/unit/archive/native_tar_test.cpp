// The reader and the writer against GNU tar. Natively only: it runs programs.

#include <doctest/doctest.h>
#include <stdlib.h>

#include <cstdio>
#include <fstream>

#include "archive/tar_writer.h"
#include "tar_fixtures.h"

using namespace drydock;
using namespace drydock::archive;
using namespace drydock::archive::fixtures;

namespace {

std::string output_of(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  char room[4096];
  for (std::size_t size = 0; (size = fread(room, 1, sizeof(room), pipe)) > 0;) out.append(room, size);
  CHECK_MESSAGE(pclose(pipe) == 0, command);
  return out;
}

bool has_gnu_tar() {
  FILE* pipe = popen("tar --version 2>/dev/null | grep -q 'GNU tar'", "r");
  const bool found = pipe != nullptr && pclose(pipe) == 0;
  if (!found) MESSAGE("skipped: GNU tar is not installed");
  return found;
}

class Folder {
 public:
  Folder() { REQUIRE(mkdtemp(path_.data()) != nullptr); }
  ~Folder() { output_of("rm -rf " + path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/drydock-tar-XXXXXX";
};

}  // namespace

TEST_CASE("every format of GNU tar is read: sparse files, hard links, long names") {
  if (!has_gnu_tar()) return;
  const Folder folder;
  const std::string deep = "d/" + std::string(90, 'x') + "/" + std::string(90, 'y');
  output_of("cd " + folder.path() + " && mkdir -p " + deep + " && echo one > d/one && ln d/one d/two && " + "ln -s " +
            std::string(150, 'z') + " d/link && truncate -s 5M s && " +
            "echo tail | dd of=s bs=1 seek=2000000 conv=notrunc 2>/dev/null && echo deep > " + deep + "/f");
  for (const std::string format :
       {"--format=gnu --sparse", "--format=pax --sparse --sparse-version=0.0",
        "--format=pax --sparse --sparse-version=0.1", "--format=pax --sparse --sparse-version=1.0", "--format=pax"}) {
    CAPTURE(format);
    const auto members =
        read_all(output_of("cd " + folder.path() + " && tar -c --sort=name " + format + " d s"), 10000).value();
    std::string content = std::string(2000000, '\0') + "tail\n";
    content.resize(5 << 20);
    REQUIRE_FALSE(members.empty());
    CHECK(members.back().entry.name == "s");
    CHECK(members.back().content == content);
    CHECK((members.back().hole_bytes > 4 << 20) == (format != "--format=pax"));
    int seen = 0;
    for (const Member& member : members) {
      const std::string& name = member.entry.name;
      seen += name == "d/two" || name == "d/link" || name == deep + "/f" ? 1 : 0;
      if (name == "d/two") CHECK(member.entry.link_name == "d/one");
      if (name == "d/link") CHECK(member.entry.link_name == std::string(150, 'z'));
      if (name == deep + "/f") CHECK(member.content == "deep\n");
    }
    CHECK(seen == 3);
  }
}

TEST_CASE("GNU tar reads what the writer writes") {
  if (!has_gnu_tar()) return;
  const Folder folder;
  TarWriter writer(TarTimes::nanoseconds);
  std::string out;
  TarEntry entry;
  entry.name = "d/" + std::string(180, 'n') + "\xc3\xa4";
  entry.mode = 0640;
  entry.size = 3;
  entry.mtime_ns = 1'700'000'000'250'000'000;
  REQUIRE(writer.begin(entry, out).ok());
  REQUIRE(writer.write("abc", out).ok());
  TarEntry link;
  link.name = "hard";
  link.type = TarType::hard_link;
  link.link_name = entry.name;
  REQUIRE(writer.begin(link, out).ok());
  REQUIRE(writer.finish(out).ok());
  std::ofstream(folder.path() + "/a.tar") << out;
  output_of("cd " + folder.path() + " && tar -xf a.tar 2>&1");
  CHECK(output_of("cd " + folder.path() + " && cat hard && stat -c ' %a %h %.Y' hard") ==
        "abc 640 2 1700000000.250000000\n");
}
