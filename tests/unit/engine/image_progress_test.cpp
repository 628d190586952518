#include "engine/image_progress.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::engine;

TEST_CASE("sizes are shown with four significant digits in decimal units") {
  CHECK(human_size(0) == "0B");
  CHECK(human_size(999) == "999B");
  CHECK(human_size(1000) == "1kB");
  CHECK(human_size(3072) == "3.072kB");
  CHECK(human_size(43008) == "43.01kB");
  CHECK(human_size(1984162) == "1.984MB");
  CHECK(human_size(2129920) == "2.13MB");
  CHECK(human_size(UINT64_MAX) == "18.45EB");
}

TEST_CASE("the bar is fifty columns wide and never longer") {
  CHECK(progress_bar(43008, 1984162) == "[=>                                                 ]  43.01kB/1.984MB");
  CHECK(progress_bar(162, 162) == "[==================================================>]     162B/162B");
  CHECK(progress_bar(3072, 3) == "[==================================================>]  3.072kB");
  CHECK(progress_bar(UINT64_MAX / 2, UINT64_MAX).substr(0, 29) == "[=========================>  ");
  CHECK(progress_bar(10, 0) == "     10B");
  CHECK(progress_bar(0, 0).empty());
}

TEST_CASE("lines have dockerd's members in dockerd's order") {
  CHECK(status_line("Pulling from library/busybox", "latest") ==
        "{\"status\":\"Pulling from library/busybox\",\"id\":\"latest\"}\r\n");
  CHECK(action_line("049fae8a806c", "Waiting") ==
        "{\"status\":\"Waiting\",\"progressDetail\":{},\"id\":\"049fae8a806c\"}\r\n");
  CHECK(progress_line("3ca993d31a1b", "Downloading", 162, 162) ==
        "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":162,\"total\":162},"
        "\"progress\":\"[==================================================\\u003e]     162B/162B\","
        "\"id\":\"3ca993d31a1b\"}\r\n");
  CHECK(error_line({ErrorKind::internal, "a <b>"}) ==
        "{\"errorDetail\":{\"message\":\"a \\u003cb\\u003e\"},\"error\":\"a \\u003cb\\u003e\"}\r\n");
  CHECK(aux_line("{\"Tag\":\"v1\"}") == "{\"progressDetail\":{},\"aux\":{\"Tag\":\"v1\"}}\r\n");
}

TEST_CASE("steps forward are told at most ten times a second") {
  ProgressPace pace;
  CHECK(pace.due(0));
  CHECK_FALSE(pace.due(99'999'999));
  CHECK(pace.due(100'000'000));
}
