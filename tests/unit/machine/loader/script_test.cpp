// execve(2), "Interpreter scripts". What is expected here was tried on Linux.

#include "machine/loader/script.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::machine;

TEST_CASE("the interpreter is the first word, all that follows is one argument") {
  const auto line = read_script_line("#!/bin/sh -e x \t\necho");
  REQUIRE(line.ok());
  CHECK((*line).interpreter == "/bin/sh");
  CHECK((*line).argument == "-e x");
}

TEST_CASE("blanks before the interpreter do not count, and there need be no argument") {
  const auto line = read_script_line("#! \t/bin/sh\n");
  REQUIRE(line.ok());
  CHECK((*line).interpreter == "/bin/sh");
  CHECK_FALSE((*line).argument.has_value());
}

TEST_CASE("a line without an interpreter is no script") {
  CHECK(read_script_line("#!\n").error() == Errno::enoexec);
  CHECK(read_script_line("#!  \t \n").error() == Errno::enoexec);
  CHECK(read_script_line("# !/bin/sh\n").error() == Errno::enoexec);
  CHECK(read_script_line("").error() == Errno::enoexec);
}

TEST_CASE("a file that ends without a newline is a script all the same") {
  const auto line = read_script_line("#!/bin/sh");
  REQUIRE(line.ok());
  CHECK((*line).interpreter == "/bin/sh");
}

TEST_CASE("a path that may go on behind the first 256 bytes is refused, an argument is cut") {
  CHECK(read_script_line("#!/" + std::string(300, 'x') + "\n").error() == Errno::enoexec);
  const auto line = read_script_line("#!/bin/sh " + std::string(300, 'a') + "\n");
  REQUIRE(line.ok());
  CHECK((*line).argument->size() == 245);
}
