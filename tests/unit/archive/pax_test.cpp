#include "archive/pax.h"

#include <doctest/doctest.h>

#include "archive/tar_number.h"

using namespace drydock;
using namespace drydock::archive;

TEST_CASE("a pax record counts the digits of its own length") {
  std::string header;
  append_pax_record(header, "path", "a");
  CHECK(header == "9 path=a\n");
  header.clear();
  append_pax_record(header, "path", "abc");
  CHECK(header == "12 path=abc\n");
  header.clear();
  append_pax_record(header, "k", std::string(93, 'v'));
  CHECK(header.substr(0, 6) == "99 k=v");
  CHECK(header.size() == 99);
  header.clear();
  append_pax_record(header, "k", std::string(94, 'v'));
  CHECK(header.substr(0, 7) == "101 k=v");
  CHECK(header.size() == 101);
}

TEST_CASE("pax records are read back in order, whatever their values hold") {
  std::string header;
  append_pax_record(header, "path", "a=b\nc");
  append_pax_record(header, "SCHILY.xattr.user.x", std::string("\0\n=", 3));
  append_pax_record(header, "empty", "");
  const TarRecords records = parse_pax_records(header).value();
  CHECK(records == TarRecords{{"path", "a=b\nc"}, {"SCHILY.xattr.user.x", std::string("\0\n=", 3)}, {"empty", ""}});
}

TEST_CASE("malformed pax records are refused") {
  using namespace std::string_literals;
  for (const std::string& bad :
       {"6 a=b"s, "7 a=b\n"s, "5 a=b\n"s, "-6 a=b\n"s, "x a=b\n"s, "6a=b\n"s, "0 \n"s, "1 "s, "2 \n"s, "5 ab\n"s,
        "5 =b\n"s, "99999999999999999999 a=b\n"s, "18446744073709551615 a=b\n"s, "9 path=\0\n"s, "7 \0a=b\n"s}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_pax_records(bad).ok());
  }
}

TEST_CASE("a pax header may have only so many records") {
  std::string header;
  for (std::size_t i = 0; i < kPaxRecordsMax; ++i) append_pax_record(header, "k", "v");
  CHECK(parse_pax_records(header).ok());
  append_pax_record(header, "k", "v");
  CHECK(parse_pax_records(header).error().kind == ErrorKind::too_large);
}

TEST_CASE("pax times keep nanoseconds and signs") {
  CHECK(parse_pax_time("1700000000.123456789").value() == 1'700'000'000'123'456'789);
  CHECK(parse_pax_time("1.5").value() == 1'500'000'000);
  CHECK(parse_pax_time("-1.5").value() == -1'500'000'000);
  CHECK(parse_pax_time("7.").value() == 7'000'000'000);
  CHECK(parse_pax_time("1.0000000009").value() == 1'000'000'000);
  for (const char* bad : {"", "-", ".5", "1.x", "1e3", "9223372036", "99999999999999999999", "+1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_pax_time(bad).ok());
  }
  CHECK(format_pax_time(1'500'000'000) == "1.5");
  CHECK(format_pax_time(-1) == "-0.000000001");
  CHECK(format_pax_time(12'000'000'000) == "12");
}

TEST_CASE("tar numbers are octal or base-256") {
  using namespace std::string_literals;
  CHECK(parse_tar_number("0000644\0"s).value() == 0644);
  CHECK(parse_tar_number(" 644 \0\0\0"s).value() == 0644);
  CHECK(parse_tar_number("77777777777 "s).value() == 8589934591);
  CHECK(parse_tar_number(std::string(8, '\0')).value() == 0);
  CHECK(parse_tar_number("\x80\0\0\0\0\0\0\0\0\0\x01\0"s).value() == 256);
  CHECK(parse_tar_number("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"s).value() == 9223372036854775807);
  CHECK(parse_tar_number("\xff\xff\xff\xff\xff\xff\xff\xff"s).value() == -1);
  for (const std::string& bad : {"0000648\0"s, "-000001\0"s, "0x10   \0"s, "6 4    \0"s,
                                 "\x80\0\0\0\x80\0\0\0\0\0\0\0"s, "\x80\0\0\x01\0\0\0\0\0\0\0\0"s}) {
    CHECK_FALSE(parse_tar_number(bad).ok());
  }
}
