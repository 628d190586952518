// Containers as a client sees them, through the routes, on a runtime that the test plays.

#include <doctest/doctest.h>

#include "tests/support/test_daemon.h"

namespace drydock::testing {

using runtime::StreamKind;

TEST_CASE("create answers with an id and merges what the image says") {
  TestDaemon d;
  const std::string id = d.create("box", R"("Env":["A=b"],"Hostname":"h")");
  CHECK(id.size() == 64);
  const Json c = d.inspect("box");
  CHECK(c["Name"] == "/box");
  CHECK(c["State"]["Status"] == "created");
  CHECK(c["Config"]["Env"] == Json::array({"A=b", "FROM=image"}));
  CHECK(c["Config"]["Labels"]["origin"] == "test");
  CHECK(c["Path"] == "sh");
  CHECK(c["Mounts"][0]["Destination"] == "/cache");
  CHECK(c["HostConfig"]["ShmSize"] == 64 << 20);
}

TEST_CASE("what cannot be created says why in Docker's words and leaves nothing") {
  TestDaemon d;
  const auto refused = [&d](std::string body, int status, std::string_view message, std::string query = "") {
    const Answer answer = d.ask("POST", "/v1.41/containers/create" + query, std::move(body));
    CHECK(answer.status == status);
    CHECK(answer.json["message"] == message);
  };
  refused("{}", 400, "Config cannot be empty in order to create a container");
  refused("", 500, "EOF");
  refused(R"({"Image":"nosuch"})", 404, "No such image: nosuch:latest");
  refused(R"({"Image":"busybox"})", 400, "No command specified");
  refused(R"({"Image":"busybox","Cmd":["x"],"WorkingDir":"rel"})", 400,
          "the working directory 'rel' is invalid, it needs to be an absolute path");
  refused(R"({"Image":"busybox","Cmd":["x"],"HostConfig":{"Memory":1024}})", 400,
          "Minimum memory limit allowed is 6MB");
  refused(R"({"Image":"busybox","Cmd":["x"],"HostConfig":{"NanoCpus":99000000000}})", 400,
          "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available");
  refused(R"({"Image":"busybox","Cmd":["x"],"HostConfig":{"CpusetCpus":"0-99"}})", 400,
          "Requested CPUs are not available - requested 0-99, available: 0-1");
  refused(R"({"Image":"busybox","Cmd":["x"],"HostConfig":{"Binds":["/tmp:/x","/var:/x"]}})", 400,
          "Duplicate mount point: /x");
  refused(
      R"({"Image":"busybox","Cmd":["x"],"HostConfig":{"Mounts":[{"Type":"bind","Source":"/nosuch","Target":"/x"}]}})",
      400, "invalid mount config for type \"bind\": bind source path does not exist: /nosuch");
  refused(R"({"Image":"busybox","Cmd":["x"],"HostConfig":{"Binds":["ok-volume:/a","rel/path:/y"]}})", 400,
          "create rel/path: \"rel/path\" includes invalid characters for a local volume name, only "
          "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path");
  refused(R"({"Image":"busybox","Cmd":["x"]})", 400,
          "Invalid container name (-x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", "?name=-x");
  CHECK(d.ask("GET", "/v1.41/containers/json?all=1").json == Json::array());
  CHECK(d.data.list("containers")->empty());
  CHECK(d.data.list("volumes")->empty());
  CHECK(d.daemon->images->snapshots().list().empty());
}

TEST_CASE("a name can be used once, and frees with its container") {
  TestDaemon d;
  const std::string id = d.create("one");
  const Answer again = d.ask("POST", "/v1.41/containers/create?name=one", R"({"Image":"busybox","Cmd":["x"]})");
  CHECK(again.status == 409);
  CHECK(again.json["message"] ==
        "Conflict. The container name \"/one\" is already in use by container \"" + id +
            "\". You have to remove (or rename) that container to be able to reuse that name.");
  CHECK(d.ask("DELETE", "/v1.41/containers/one").status == 204);
  d.create("one");
}

TEST_CASE("containers are found by name, id and unambiguous prefix") {
  TestDaemon d;
  const std::string id = d.create("one");
  CHECK(d.inspect(id)["Id"] == id);
  CHECK(d.inspect(id.substr(0, 12))["Id"] == id);
  CHECK(d.ask("GET", "/v1.41/containers/nosuch/json").json["message"] == "No such container: nosuch");
}

TEST_CASE("run: attach before start loses no byte, wait answers with the exit code, --rm leaves nothing") {
  TestDaemon d;
  const std::string id = d.create("", R"("AttachStdout":true,"HostConfig":{"AutoRemove":true})");
  const auto attached = d.send("POST", "/v1.41/containers/" + id + "/attach?stream=1&stdout=1&stderr=1", "", true);
  REQUIRE(attached->connection != nullptr);
  CHECK(attached->status == 101);
  const auto waited = d.send("POST", "/v1.41/containers/" + id + "/wait?condition=removed");
  CHECK(waited->status == 200);  // the head is there before the end
  CHECK_FALSE(waited->finished);
  REQUIRE(d.ask("POST", "/v1.41/containers/" + id + "/start").status == 204);
  d.runtime.write(id, StreamKind::out, "hello\n");
  d.runtime.write(id, StreamKind::err, "oh\n");
  d.exit(id, 3);
  CHECK(attached->connection->to_client == std::string("\x01\0\0\0\0\0\0\x06hello\n\x02\0\0\0\0\0\0\x03oh\n", 25));
  CHECK(attached->connection->server_ended);
  CHECK(waited->finished);
  CHECK(TestDaemon::read(*waited).json["StatusCode"] == 3);
  CHECK(d.ask("GET", "/v1.41/containers/" + id + "/json").status == 404);
  CHECK(d.runtime.count() == 0);
  CHECK(d.network.attached.empty());
  CHECK(d.data.list("containers")->empty());
  CHECK(d.data.list("volumes")->empty());  // the image's anonymous volume went with it
  CHECK(d.container_events() == "create,attach,start,die,destroy");
}

TEST_CASE("standard input goes to the program, and its end too when it is to be read once") {
  TestDaemon d;
  const std::string id = d.create("in", R"("OpenStdin":true,"StdinOnce":true)");
  const auto attached = d.send("POST", "/v1.41/containers/in/attach?stream=1&stdin=1&stdout=1", "", true);
  attached->connection->from_client = "early";
  REQUIRE(d.ask("POST", "/v1.41/containers/in/start").status == 204);
  CHECK(d.runtime.take_stdin(id) == "early");
  attached->connection->client_ended = true;
  d.settle();
  CHECK(d.runtime.stdin_ended(id));
}

TEST_CASE("the detach keys end the attachment and leave the program alone") {
  TestDaemon d;
  const std::string id = d.start("tty", R"("Tty":true,"OpenStdin":true)");
  const auto attached =
      d.send("POST", "/v1.41/containers/tty/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,b", "", true);
  d.runtime.write(id, StreamKind::out, "raw");
  attached->connection->from_client =
      "ls\x01q\x01"
      "bafter";
  d.settle();
  CHECK(attached->connection->to_client == "raw");  // no frames on a terminal
  CHECK(d.runtime.take_stdin(id) == "ls\x01q");
  CHECK(attached->connection->server_ended);
  CHECK(d.runtime.runs(id));
  CHECK(d.status("tty") == "running");
}

TEST_CASE("a command that is not there makes start fail as Docker's does, and nothing is left") {
  TestDaemon d;
  const std::string id = d.create("bad");
  d.runtime.fail_create(make_error(
      ErrorKind::not_found, "unable to start container process: exec: \"x\": executable file not found in $PATH"));
  const Answer answer = d.ask("POST", "/v1.41/containers/bad/start");
  CHECK(answer.status == 400);
  const std::string message =
      "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
      "exec: \"x\": executable file not found in $PATH: unknown";
  CHECK(answer.json["message"] == message);
  const Json state = d.inspect("bad")["State"];
  CHECK(state["Status"] == "created");
  CHECK(state["ExitCode"] == 127);
  CHECK(state["Error"] == message);
  CHECK(d.network.attached.empty());
  CHECK(d.runtime.count() == 0);
  CHECK(d.ask("POST", "/v1.41/containers/bad/start").status == 204);  // the next one may work
  CHECK(d.status("bad") == "running");
  CHECK(d.runtime.knows(id));
}

TEST_CASE("a client that attached to a container which cannot start is let go") {
  TestDaemon d;
  d.create("bad");
  const auto attached = d.send("POST", "/v1.41/containers/bad/attach?stream=1&stdout=1", "", true);
  d.runtime.fail_create(make_error(ErrorKind::forbidden, "exec: \"/etc\": permission denied"));
  CHECK(d.ask("POST", "/v1.41/containers/bad/start").status == 400);
  CHECK(d.inspect("bad")["State"]["ExitCode"] == 126);
  CHECK(attached->connection->server_ended);
}

TEST_CASE("an unknown user is found out when the container starts") {
  TestDaemon d;
  d.create("uu", R"("User":"nosuch")");
  const Answer answer = d.ask("POST", "/v1.41/containers/uu/start");
  CHECK(answer.status == 500);
  CHECK(answer.json["message"] == "unable to find user nosuch: no matching entries in passwd file");
  CHECK(d.inspect("uu")["State"]["ExitCode"] == 128);
}

TEST_CASE("the runtime is given the image's user, groups and home") {
  TestDaemon d;
  const std::string id = d.start("uu", R"("User":"alice")");
  const runtime::Process& process = d.runtime.request(id).spec.process;
  CHECK(process.user.uid == 1000);
  CHECK(process.user.gid == 1001);
  CHECK(std::find(process.user.additional_gids.begin(), process.user.additional_gids.end(), 10u) !=
        process.user.additional_gids.end());
  CHECK(std::find(process.env.begin(), process.env.end(), "HOME=/home/alice") != process.env.end());
}

TEST_CASE("stop asks first and kills when the grace period is over") {
  TestDaemon d;
  const std::string id = d.start("ss");
  d.runtime.ignore_signal(15);
  const auto stopped = d.send("POST", "/v1.41/containers/ss/stop?t=5");
  CHECK(d.runtime.signals() == std::vector<int>{15});
  d.pass_seconds(4);
  CHECK(stopped->status == 0);
  d.pass_seconds(2);
  CHECK(stopped->status == 204);
  CHECK(d.runtime.signals() == std::vector<int>{15, 9});
  CHECK(d.inspect("ss")["State"]["ExitCode"] == 137);
  CHECK(d.ask("POST", "/v1.41/containers/ss/stop").status == 304);
  CHECK_FALSE(d.runtime.knows(id));
  CHECK(d.container_events() == "create,start,kill,kill,die,stop");
}

TEST_CASE("restart runs it again, kill with an impossible signal is refused, a stopped one cannot be killed") {
  TestDaemon d;
  d.start("rr");
  CHECK(d.ask("POST", "/v1.41/containers/rr/restart?t=1").status == 204);
  CHECK(d.status("rr") == "running");
  CHECK(d.ask("POST", "/v1.41/containers/rr/kill?signal=99").json["message"] ==
        "Cannot kill container: rr: The linux daemon does not support signal 99");
  CHECK(d.ask("POST", "/v1.41/containers/rr/kill?signal=NOSUCH").status == 400);
  CHECK(d.ask("POST", "/v1.41/containers/rr/kill").status == 204);
  const Answer again = d.ask("POST", "/v1.41/containers/rr/kill");
  CHECK(again.status == 409);
  CHECK(again.json["message"].get<std::string>().ends_with("is not running"));
}

TEST_CASE("pause and unpause are refused where they make no sense") {
  TestDaemon d;
  const std::string id = d.start("pp");
  CHECK(d.ask("POST", "/v1.41/containers/pp/unpause").json["message"] == "Container " + id + " is not paused");
  CHECK(d.ask("POST", "/v1.41/containers/pp/pause").status == 204);
  CHECK(d.status("pp") == "paused");
  CHECK(d.ask("POST", "/v1.41/containers/pp/pause").json["message"] == "Container " + id + " is already paused");
  CHECK(d.ask("POST", "/v1.41/containers/pp/start").status == 409);
  CHECK(d.ask("POST", "/v1.41/containers/pp/unpause").status == 204);
}

TEST_CASE("a running container is only removed by force") {
  TestDaemon d;
  const std::string id = d.start("xx");
  const Answer refused = d.ask("DELETE", "/v1.41/containers/xx");
  CHECK(refused.status == 409);
  CHECK(refused.json["message"] == "You cannot remove a running container " + id +
                                       ". Stop the container before attempting removal or force remove");
  CHECK(d.ask("DELETE", "/v1.41/containers/xx?force=1&v=1").status == 204);
  CHECK(d.runtime.count() == 0);
  CHECK(d.daemon->images->snapshots().list().empty());
  CHECK(d.data.list("volumes")->empty());
}

TEST_CASE("on-failure restarts as often as it may, with growing pauses") {
  TestDaemon d;
  const std::string id = d.start("ff", R"("HostConfig":{"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":2}})");
  d.exit(id, 1);
  CHECK(d.status("ff") == "restarting");
  d.pass_seconds(1);
  CHECK(d.status("ff") == "running");
  d.exit(id, 1);
  d.pass_seconds(1);
  CHECK(d.inspect("ff")["RestartCount"] == 2);
  d.exit(id, 1);
  CHECK(d.status("ff") == "exited");
  const std::string ok = d.start("gg", R"("HostConfig":{"RestartPolicy":{"Name":"on-failure"}})");
  d.exit(ok, 0);
  CHECK(d.status("gg") == "exited");
}

TEST_CASE("a stopped container stays down whatever its restart policy says") {
  TestDaemon d;
  const std::string id = d.start("aa", R"("HostConfig":{"RestartPolicy":{"Name":"always"}})");
  CHECK(d.ask("POST", "/v1.41/containers/aa/stop").status == 204);
  d.pass_seconds(100);
  CHECK(d.status("aa") == "exited");
  CHECK(d.ask("POST", "/v1.41/containers/aa/start").status == 204);
  d.exit(id, 0);
  CHECK(d.status("aa") == "restarting");
  CHECK(d.ask("POST", "/v1.41/containers/aa/stop").status == 204);
  d.pass_seconds(100);
  CHECK(d.status("aa") == "exited");
}

TEST_CASE("an out-of-memory kill is noted") {
  TestDaemon d;
  const std::string id = d.start("oo");
  d.runtime.exit(id, 137, "", true);
  d.settle();
  CHECK(d.inspect("oo")["State"]["OOMKilled"] == true);
}

TEST_CASE("logs come back whole, by tail, by stream, with times, and followed to the end") {
  TestDaemon d;
  const std::string id = d.start("ll", R"("Tty":false)");
  d.runtime.write(id, StreamKind::out, "one\n");
  d.runtime.write(id, StreamKind::err, "two\n");
  d.runtime.write(id, StreamKind::out, "three\n");
  const auto logs = [&d](std::string_view query) {
    return d.ask("GET", "/v1.41/containers/ll/logs?" + std::string(query)).body;
  };
  CHECK(logs("stdout=1").size() == 8 + 4 + 8 + 6);
  CHECK(logs("stderr=1") == std::string("\x02\0\0\0\0\0\0\x04two\n", 12));
  CHECK(logs("stdout=1&stderr=1&tail=1") == std::string("\x01\0\0\0\0\0\0\x06three\n", 14));
  CHECK(logs("stdout=1&tail=0").empty());
  CHECK(logs("stdout=1&timestamps=1&tail=1").find("2023-11-14T22:13:20.000000000Z three\n") != std::string::npos);
  CHECK(d.ask("GET", "/v1.41/containers/ll/logs").json["message"] ==
        "Bad parameters: you must choose at least one stream");
  const auto followed = d.send("GET", "/v1.41/containers/ll/logs?stdout=1&follow=1&tail=0");
  CHECK(followed->body.empty());
  d.runtime.write(id, StreamKind::out, "more\n");
  d.settle();
  CHECK(followed->body == std::string("\x01\0\0\0\0\0\0\x05more\n", 13));
  CHECK_FALSE(followed->finished);
  d.runtime.write(id, StreamKind::out, "last\n");
  d.exit(id, 0);
  CHECK(followed->finished);
  CHECK(followed->body.ends_with("last\n"));
}

TEST_CASE("wait knows its conditions") {
  TestDaemon d;
  const std::string id = d.create("ww");
  CHECK(d.send("POST", "/v1.41/containers/ww/wait")->finished);  // it does not run
  const auto next = d.send("POST", "/v1.41/containers/ww/wait?condition=next-exit");
  CHECK_FALSE(next->finished);
  REQUIRE(d.ask("POST", "/v1.41/containers/ww/start").status == 204);
  const auto running = d.send("POST", "/v1.41/containers/ww/wait");
  d.exit(id, 7);
  CHECK(TestDaemon::read(*next).json["StatusCode"] == 7);
  CHECK(TestDaemon::read(*running).json["StatusCode"] == 7);
}

TEST_CASE("exec runs a further process, attached, and remembers how it ended") {
  TestDaemon d;
  const std::string id = d.start("ee");
  const Answer created =
      d.ask("POST", "/v1.41/containers/ee/exec", R"({"Cmd":["sh","-c","ls"],"AttachStdout":true,"AttachStderr":true})");
  REQUIRE(created.status == 201);
  const std::string exec = created.json["Id"];
  const auto started = d.send("POST", "/v1.41/exec/" + exec + "/start", R"({"Detach":false,"Tty":false})", true);
  REQUIRE(started->connection != nullptr);
  d.runtime.write(id, StreamKind::out, "out", exec);
  d.settle();
  CHECK(d.ask("GET", "/v1.41/exec/" + exec + "/json").json["Running"] == true);
  d.runtime.exit(id, 5, exec);
  d.settle();
  CHECK(started->connection->to_client == std::string("\x01\0\0\0\0\0\0\x03out", 11));
  CHECK(started->connection->server_ended);
  const Json state = d.ask("GET", "/v1.41/exec/" + exec + "/json").json;
  CHECK(state["Running"] == false);
  CHECK(state["ExitCode"] == 5);
  CHECK(state["ProcessConfig"]["arguments"] == Json::array({"-c", "ls"}));
  CHECK(d.ask("POST", "/v1.41/exec/" + exec + "/start", R"({"Detach":true})").json["message"] ==
        "Error: Exec command " + exec + " has already run");
  CHECK(d.status("ee") == "running");
}

TEST_CASE("an exec that cannot start says so on the connection it was given") {
  TestDaemon d;
  d.start("ee");
  const std::string exec =
      d.ask("POST", "/v1.41/containers/ee/exec", R"({"Cmd":["nosuch"],"AttachStdout":true})").json["Id"];
  d.runtime.fail_exec(make_error(ErrorKind::not_found, "exec failed"));
  const auto started = d.send("POST", "/v1.41/exec/" + exec + "/start", "{}", true);
  REQUIRE(started->connection != nullptr);
  CHECK(started->connection->to_client.find("OCI runtime exec failed: exec failed: exec failed: unknown\r\n") == 8);
  CHECK(d.ask("GET", "/v1.41/exec/" + exec + "/json").json["ExitCode"] == 126);
}

TEST_CASE("exec is refused where nothing runs") {
  TestDaemon d;
  const std::string id = d.create("ee");
  CHECK(d.ask("POST", "/v1.41/containers/ee/exec", R"({"Cmd":["x"]})").json["message"] ==
        "Container " + id + " is not running");
  CHECK(d.ask("POST", "/v1.41/containers/ee/exec", "{}").json["message"] == "No exec command specified");
  CHECK(d.ask("GET", "/v1.41/exec/nosuch/json").json["message"] == "No such exec instance: nosuch");
}

TEST_CASE("rename moves the name and refuses what Docker refuses") {
  TestDaemon d;
  d.create("one");
  d.create("two");
  CHECK(d.ask("POST", "/v1.41/containers/one/rename?name=").json["message"] ==
        "Neither old nor new names may be empty");
  CHECK(d.ask("POST", "/v1.41/containers/one/rename?name=one").json["message"] ==
        "Renaming a container with the same name as its current name");
  CHECK(d.ask("POST", "/v1.41/containers/one/rename?name=-x").json["message"] ==
        "Error when allocating new name: Invalid container name (/-x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
  CHECK(d.ask("POST", "/v1.41/containers/one/rename?name=two").status == 409);
  CHECK(d.ask("POST", "/v1.41/containers/one/rename?name=three").status == 204);
  CHECK(d.inspect("three")["Name"] == "/three");
  CHECK(d.ask("GET", "/v1.41/containers/one/json").status == 404);
}

TEST_CASE("update changes the limits of what runs") {
  TestDaemon d;
  d.start("uu", R"("HostConfig":{"Memory":67108864})");
  CHECK(d.ask("POST", "/v1.41/containers/uu/update", R"({"Memory":1024})").json["message"] ==
        "Minimum memory limit allowed is 6MB");
  const Answer answer = d.ask("POST", "/v1.41/containers/uu/update", R"({"Memory":33554432,"PidsLimit":10})");
  CHECK(answer.status == 200);
  CHECK(answer.json["Warnings"].is_null());
  CHECK(d.runtime.last_update.memory_limit == 33554432);
  CHECK(d.inspect("uu")["HostConfig"]["PidsLimit"] == 10);
}

TEST_CASE("list shows what runs, all of it when asked, and filters") {
  TestDaemon d;
  d.start("up", R"("Labels":{"k":"v"})");
  d.create("down");
  const auto names = [&d](std::string_view query) {
    std::string all;
    for (const Json& row : d.ask("GET", "/v1.41/containers/json" + std::string(query)).json)
      all += row["Names"][0].get<std::string>();
    return all;
  };
  CHECK(names("") == "/up");
  CHECK(names("?all=1").size() == 8);
  CHECK(names("?filters={\"status\":[\"created\"]}") == "/down");
  CHECK(names("?filters={\"label\":[\"k=v\"]}") == "/up");
  CHECK(names("?all=1&filters={\"name\":[\"^do\"]}") == "/down");
  CHECK(names("?all=1&filters={\"ancestor\":[\"busybox\"],\"name\":[\"up\"]}") == "/up");
  CHECK(names("?filters={\"ancestor\":[\"nosuch\"]}").empty());
  CHECK(d.ask("GET", "/v1.41/containers/json?filters={\"nosuch\":[\"x\"]}").json["message"] ==
        "Invalid filter 'nosuch'");
  CHECK(d.ask("GET", "/v1.41/containers/json?filters={\"status\":[\"nosuch\"]}").json["message"] ==
        "Invalid filter 'status=nosuch'");
}

TEST_CASE("prune removes what does not run") {
  TestDaemon d;
  d.start("up");
  const std::string id = d.create("down");
  const Answer answer = d.ask("POST", "/v1.41/containers/prune");
  CHECK(answer.json["ContainersDeleted"] == Json::array({id}));
  CHECK(d.status("up") == "running");
}

TEST_CASE("a volume in use is not removed, and the container's own data stay in it") {
  TestDaemon d;
  const std::string id = d.create("vv", R"("HostConfig":{"Binds":["data:/etc"]})");
  CHECK(storage::read_file(d.data, "volumes/data/_data/passwd", 1000).ok());  // copied from the image
  const Answer refused = d.ask("DELETE", "/v1.41/volumes/data");
  CHECK(refused.status == 409);
  CHECK(refused.json["message"] == "remove data: volume is in use - [" + id + "]");
  CHECK(d.ask("DELETE", "/v1.41/containers/vv?v=1").status == 204);
  CHECK(d.ask("GET", "/v1.41/volumes/data").status == 200);  // it has a name: -v leaves it
  CHECK(d.ask("DELETE", "/v1.41/volumes/data").status == 204);
  CHECK(d.ask("GET", "/v1.41/volumes/data").json["message"] == "get data: no such volume");
}

TEST_CASE("another daemon finds what ran, what ended meanwhile and what was half made") {
  TestDaemon d;
  const std::string running = d.start("running");
  const std::string ended = d.start("ended");
  const std::string lost = d.start("lost");
  const std::string gone = d.start("gone", R"("HostConfig":{"AutoRemove":true})");
  d.create("created");
  d.runtime.exit(ended, 4);
  d.runtime.exit(gone, 0);
  REQUIRE(d.runtime.remove(lost).ok());
  REQUIRE(storage::make_directories(d.data, "containers/" + std::string(64, 'a')).ok());
  d.reboot();
  CHECK(d.status("running") == "running");
  CHECK(d.inspect("ended")["State"]["ExitCode"] == 4);
  CHECK(d.status("ended") == "exited");
  CHECK(d.inspect("lost")["State"]["ExitCode"] == 255);
  CHECK(d.status("created") == "created");
  CHECK(d.ask("GET", "/v1.41/containers/gone/json").status == 404);
  CHECK_FALSE(d.data.stat("containers/" + std::string(64, 'a')).ok());
  d.exit(running, 9);
  CHECK(d.inspect("running")["State"]["ExitCode"] == 9);
}

TEST_CASE("after a daemon's restart, restart policies bring back what was not stopped by hand") {
  TestDaemon d;
  const std::string always = d.start("always", R"("HostConfig":{"RestartPolicy":{"Name":"always"}})");
  d.start("stopped", R"("HostConfig":{"RestartPolicy":{"Name":"unless-stopped"}})");
  CHECK(d.ask("POST", "/v1.41/containers/stopped/stop").status == 204);
  REQUIRE(d.runtime.remove(always).ok());
  d.reboot();
  d.pass_seconds(1);
  CHECK(d.status("always") == "running");
  CHECK(d.status("stopped") == "exited");
}

TEST_CASE("versions that are too old or too new are refused before anything else") {
  TestDaemon d;
  CHECK(d.ask("GET", "/v1.12/containers/json").json["message"] ==
        "client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer "
        "version");
  CHECK(d.ask("GET", "/v1.99/containers/json").json["message"] ==
        "client version 1.99 is too new. Maximum supported API version is 1.48");
  CHECK(d.ask("GET", "/containers/json").status == 200);
  CHECK(d.ask("GET", "/v1.41/nosuch").json["message"] == "page not found");
  CHECK(d.send("GET", "/v1.41/containers/json")->headers.get("Api-Version") == "1.48");
}

}  // namespace drydock::testing
