"""Bad requests on the raw socket: the reference's status and words for each.

A row is (method, path, body). The paths may name {run}, a running container, {made}, one
that was only created, and {exec}, an exec instance that has not been started.
"""
import json
import re
import urllib.parse

from support.testing import check, equal, normalise, show_answer

CREATE = "/containers/create"


def image(**more):
    return dict({"Image": "busybox", "Cmd": ["true"]}, **more)


def host(more=None, **fields):
    return image(HostConfig=fields, **(more or {}))


def filters(**more):
    return "filters=" + urllib.parse.quote(json.dumps({k: [v] for k, v in more.items()}))



CREATE_BODIES = {
    "no_command": {"Image": "busybox", "Cmd": [], "Entrypoint": []},
    "empty_object": {},
    "null": "null",
    "image_missing": {"Image": "nosuch", "Cmd": ["true"]},
    "image_tag_missing": {"Image": "busybox:nosuch", "Cmd": ["true"]},
    "image_uppercase": {"Image": "UPPER", "Cmd": ["true"]},
    "image_spaces": {"Image": "no such", "Cmd": ["true"]},
    "image_id_missing": {"Image": "sha256:" + "0" * 64, "Cmd": ["true"]},
    "env_without_name": image(Env=["=x"]),
    "env_empty": image(Env=[""]),
    "stop_signal": image(StopSignal="NOSUCH"),
    "exposed_port": image(ExposedPorts={"x/tcp": {}}),
    "exposed_protocol": image(ExposedPorts={"80/x": {}}),
    "volume_is_root": image(Volumes={"/": {}}),
    "healthcheck_interval": image(Healthcheck={"Test": ["CMD", "true"], "Interval": 5}),
    "endpoint_address": image(NetworkingConfig={"EndpointsConfig": {"bridge": {"IPAMConfig": {"IPv4Address": "x"}}}}),
    "memory_small": host(Memory=1024), "swap_below": host(Memory=33554432, MemorySwap=1048576), "swap_alone": host(MemorySwap=33554432),
    "reservation_above": host(Memory=67108864, MemoryReservation=134217728), "swappiness_high": host(MemorySwappiness=101),
    "swappiness_low": host(MemorySwappiness=-2), "cpus_negative": host(NanoCpus=-1), "cpus_too_many": host(NanoCpus=999 * 10**9),
    "cpus_and_quota": host(NanoCpus=10**9, CpuQuota=1000), "cpus_and_period": host(NanoCpus=10**9, CpuPeriod=1000),
    "period_small": host(CpuPeriod=1), "quota_small": host(CpuQuota=10), "cpuset_absent": host(CpusetCpus="0-511"),
    "cpuset_nonsense": host(CpusetCpus="x"), "cpuset_mems_absent": host(CpusetMems="9"), "oom_score": host(OomScoreAdj=2000),
    "shm_negative": host(ShmSize=-1), "network_container_nobody": host(NetworkMode="container:"),
    "hostname_in_container_mode": host({"Hostname": "x"}, NetworkMode="container:{run}"),
    "ports_in_container_mode": host(NetworkMode="container:{run}", PortBindings={"80/tcp": [{"HostPort": "80"}]}),
    "dns_in_container_mode": host(NetworkMode="container:{run}", Dns=["1.1.1.1"]),
    "links_in_host_mode": host(NetworkMode="host", Links=["x:y"]),
    "pid_container_missing": host(PidMode="container:nosuch"), "ipc_mode": host(IpcMode="x"),
    "uts_mode": host(UTSMode="x"), "userns_mode": host(UsernsMode="x"), "cgroupns_mode": host(CgroupnsMode="x"),
    "uts_host_hostname": host({"Hostname": "x"}, UTSMode="host"), "isolation": host(Isolation="hyperv"), "runtime": host(Runtime="nosuch"),
    "restart_unknown": host(RestartPolicy={"Name": "x"}), "restart_count": host(RestartPolicy={"Name": "always", "MaximumRetryCount": 3}),
    "restart_negative": host(RestartPolicy={"Name": "on-failure", "MaximumRetryCount": -1}),
    "restart_and_remove": host(RestartPolicy={"Name": "always"}, AutoRemove=True),
    "capability_add": host(CapAdd=["NOSUCH"]), "capability_drop": host(CapDrop=["CAP_NOSUCH"]),
    "security_opt": host(SecurityOpt=["x"]), "security_opt_unknown": host(SecurityOpt=["nosuch=1"]), "no_new_privileges": host(SecurityOpt=["no-new-privileges:x"]),
    "bind_relative": host(Binds=["rel/path:/y"]), "bind_target_relative": host(Binds=["/a:rel"]), "bind_mode": host(Binds=["/a:/b:nosuch"]),
    "bind_root": host(Binds=["/a:/"]), "bind_parts": host(Binds=["a:b:c:d"]), "bind_no_source": host(Binds=[":/x"]), "bind_no_target": host(Binds=["/tmp:"]),
    "bind_twice": host(Binds=["/tmp:/x", "/var:/x"]), "bind_modes": host(Binds=["/tmp:/x:ro,rw"]),
    "mount_source_missing": host(Mounts=[{"Type": "bind", "Source": "/nosuch-e2e", "Target": "/x"}]),
    "mount_no_source": host(Mounts=[{"Type": "bind", "Target": "/x"}]), "mount_no_target": host(Mounts=[{"Type": "bind", "Source": "/tmp"}]),
    "mount_relative": host(Mounts=[{"Type": "bind", "Source": "rel", "Target": "/x"}]),
    "mount_target_relative": host(Mounts=[{"Type": "bind", "Source": "/tmp", "Target": "rel"}]),
    "mount_type": host(Mounts=[{"Type": "nosuch", "Source": "/tmp", "Target": "/x"}]),
    "mount_tmpfs_source": host(Mounts=[{"Type": "tmpfs", "Source": "/tmp", "Target": "/x"}]),
    "mount_volume_root": host(Mounts=[{"Type": "volume", "Target": "/"}]),
    "mount_bind_with_volume_options": host(Mounts=[{"Type": "bind", "Source": "/tmp", "Target": "/x", "VolumeOptions": {}}]),
    "mount_propagation": host(Mounts=[{"Type": "bind", "Source": "/tmp", "Target": "/x", "BindOptions": {"Propagation": "x"}}]),
    "mount_twice": host(Mounts=[{"Type": "bind", "Source": "/tmp", "Target": "/x"}] * 2),
    "tmpfs_relative": host(Tmpfs={"rel": ""}), "tmpfs_root": host(Tmpfs={"/": ""}),
    "port_host_nonsense": host(PortBindings={"80/tcp": [{"HostPort": "x"}]}), "port_host_large": host(PortBindings={"80/tcp": [{"HostPort": "99999"}]}),
    "port_nonsense": host(PortBindings={"x": [{}]}), "port_large": host(PortBindings={"99999/tcp": [{"HostPort": "80"}]}),
    "extra_host": host(ExtraHosts=["x"]), "extra_host_address": host(ExtraHosts=["x:y"]), "volumes_from": host(VolumesFrom=["nosuch"]),
    "links": host(Links=["nosuch:x"]), "log_option": host(LogConfig={"Type": "json-file", "Config": {"nosuch": "1"}}),
    "workdir_is_a_file": image(WorkingDir="/etc/passwd"),
}

START_BODIES = {
    "command_not_found": image(Cmd=["nosuchcmd"]), "path_not_found": image(Cmd=["/nosuchcmd"]), "command_is_folder": image(Cmd=["/etc"]),
    "command_not_executable": image(Cmd=["/etc/passwd"]), "command_empty": image(Cmd=[""]), "user": image(User="nosuch"), "group": image(User="0:nosuch"),
    "user_large": image(User="99999999999"), "user_negative": image(User="-1"), "sysctl": host(Sysctls={"nosuch.x": "1"}),
    "sysctl_global": host(Sysctls={"kernel.pid_max": "1000"}), "sysctl_missing": host(Sysctls={"net.nosuch": "1"}), "network": host(NetworkMode="nosuch"),
    "network_container": host(NetworkMode="container:nosuch"), "network_container_stopped": host(NetworkMode="container:{made}"),
    "tmpfs_option": host(Tmpfs={"/x": "nosuch"}), "device": host(Devices=[{"PathOnHost": "/dev/nosuch", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}]),
    "seccomp_nonsense": host(SecurityOpt=["seccomp=nonsense"]), "seccomp_action": host(SecurityOpt=['seccomp={"defaultAction":"SCMP_ACT_NOSUCH"}']),
    "group_add": host(GroupAdd=["nosuch"]), "ulimit": host(Ulimits=[{"Name": "nosuch", "Soft": 1, "Hard": 1}]), "ipc_private": host(IpcMode="container:{run}"),
    "hostname_long": image(Hostname="x" * 70), "max_size": host(LogConfig={"Type": "json-file", "Config": {"max-size": "x"}}),
}

VERBS = [
    ("GET", "/containers/nosuch/json"), ("POST", "/containers/nosuch/start"), ("POST", "/containers/nosuch/stop"), ("POST", "/containers/nosuch/kill"),
    ("POST", "/containers/nosuch/restart"), ("POST", "/containers/nosuch/pause"), ("POST", "/containers/nosuch/unpause"), ("POST", "/containers/nosuch/rename?name=x"),
    ("DELETE", "/containers/nosuch"), ("GET", "/containers/nosuch/logs?stdout=1"), ("GET", "/containers/nosuch/top"), ("POST", "/containers/nosuch/wait"),
    ("POST", "/containers/nosuch/attach?stream=1"), ("POST", "/containers/nosuch/resize?h=1&w=1"), ("GET", "/containers/nosuch/stats?stream=0"),
    ("POST", "/containers/nosuch/update", {}), ("POST", "/containers/nosuch/exec", {"Cmd": ["true"]}), ("POST", "/containers/nosuch/exec", {}),
    ("POST", "/containers/nosuch/nosuch"), ("POST", "/containers/{run}/start"), ("POST", "/containers/{run}/start", '{"Binds":["/tmp:/x"]}'),
    ("POST", "/containers/{made}/stop"), ("POST", "/containers/{made}/kill"), ("POST", "/containers/{made}/pause"), ("GET", "/containers/{made}/top"),
    ("POST", "/containers/{made}/resize?h=1&w=1"), ("POST", "/containers/{made}/exec", {"Cmd": ["true"]}), ("POST", "/containers/{made}/unpause"),
    ("POST", "/containers/{run}/stop?t=x"), ("POST", "/containers/{run}/kill?signal=NOSUCH"), ("POST", "/containers/{run}/kill?signal=99"),
    ("POST", "/containers/{run}/kill?signal=-1"), ("POST", "/containers/{run}/unpause"), ("DELETE", "/containers/{run}"), ("DELETE", "/containers/{run}?force=0"),
    ("POST", "/containers/{run}/rename?name="), ("POST", "/containers/{run}/rename"), ("POST", "/containers/{run}/rename?name=-x"),
    ("POST", "/containers/{run}/rename?name={run}"), ("POST", "/containers/{made}/rename?name={run}"), ("GET", "/containers/{run}/logs"),
    ("GET", "/containers/{run}/logs?stdout=1&tail=x"), ("GET", "/containers/{run}/logs?stdout=1&since=x"), ("GET", "/containers/{run}/logs?stdout=1&until=x"),
    ("GET", "/containers/{run}/top?ps_args=-o%20comm"), ("POST", "/containers/{run}/resize"), ("POST", "/containers/{run}/resize?h=x&w=1"),
    ("POST", "/containers/{run}/resize?h=10&w=10"), ("POST", "/containers/{run}/attach?detachKeys=nosuch-x"), ("POST", "/containers/{run}/exec", {}),
    ("POST", "/containers/{run}/exec", {"Cmd": []}), ("POST", "/containers/{run}/exec", {"Cmd": ["true"], "DetachKeys": "nosuch-x"}),
    ("GET", "/exec/nosuch/json"), ("POST", "/exec/nosuch/start", {}), ("POST", "/exec/nosuch/resize?h=1&w=1"),
    ("POST", "/containers/{run}/update", {"Memory": 1024}), ("POST", "/containers/{run}/update", {"NanoCpus": -1}),
    ("POST", "/containers/{run}/update", {"RestartPolicy": {"Name": "x"}}), ("POST", "/containers/{run}/update", {"CpusetCpus": "0-511"}),
    ("POST", "/containers/{run}/update", {}),
    ("GET", "/images/nosuch/json"), ("GET", "/images/UPPER/json"), ("GET", "/images/sha256:%s/json" % ("0" * 64)), ("GET", "/images/nosuch/history"), ("DELETE", "/images/nosuch"),
    ("POST", "/images/nosuch/tag?repo=x"), ("POST", "/images/busybox/tag?repo=UPPER"), ("POST", "/images/busybox/tag?repo="), ("POST", "/images/busybox/tag?repo=x&tag=-bad"),
    ("POST", "/images/busybox/tag?repo=x@sha256:" + "0" * 64), ("GET", "/images/nosuch/get"), ("GET", "/images/get?names=nosuch"), ("DELETE", "/images/busybox"),
    ("POST", "/images/create?fromImage=UPPER"), ("POST", "/images/create?fromImage=127.0.0.1:1/x&tag=y"), ("POST", "/images/create?fromImage=scratch"),
    ("POST", "/images/create?fromImage=x&tag=-bad"), ("POST", "/images/create?fromSrc=x&repo=UPPER"), ("POST", "/images/create?fromImage=127.0.0.1:1/x@sha256:123"),
    ("GET", "/containers/json?" + filters(nosuch="x")), ("GET", "/containers/json?" + filters(status="nosuch")), ("GET", "/containers/json?" + filters(exited="x")),
    ("GET", "/containers/json?" + filters(health="x")), ("GET", "/containers/json?" + filters(before="nosuch")), ("GET", "/containers/json?" + filters(publish="x")),
    ("GET", "/containers/json?" + filters(**{"is-task": "x"})), ("GET", "/containers/json?limit=x"), ("GET", "/containers/json?" + filters(ancestor="nosuch")),
    ("POST", "/containers/prune?" + filters(nosuch="x")), ("POST", "/containers/prune?" + filters(until="x")),
    ("GET", "/images/json?" + filters(nosuch="x")), ("GET", "/images/json?" + filters(dangling="x")), ("GET", "/images/json?" + filters(before="nosuch")),
    ("GET", "/images/json?" + filters(since="nosuch")), ("POST", "/images/prune?" + filters(nosuch="x")), ("GET", "/events?since=x"), ("GET", "/events?until=x"),
    ("GET", "/networks/nosuch"), ("GET", "/volumes/nosuch"), ("DELETE", "/volumes/nosuch"), ("POST", "/volumes/create", {"Name": "-bad!"}),
    ("GET", "/nosuch"), ("POST", "/containers/json"), ("PUT", "/containers/create"), ("DELETE", "/version"), ("GET", "/containers/create"),
]

# The words of Go's JSON decoder about types are not asked of anyone: the status is, and that there are words.
BROKEN_BODIES = [
    ("POST", CREATE, '{"Image":'), ("POST", CREATE, "nonsense"), ("POST", CREATE, "[]"), ("POST", CREATE, ""), ("POST", CREATE, '{"Image":5}'),
    ("POST", CREATE, '{"Image":"busybox","Cmd":{}}'), ("POST", CREATE, '{"Image":"busybox","HostConfig":{"Memory":"x"}}'),
    ("POST", CREATE, '{"Image":"busybox","HostConfig":{"Binds":{}}}'), ("POST", CREATE, b'{"Image":"\xff\xfe"'), ("POST", CREATE, "[" * 100000),
    ("POST", "/containers/{run}/exec", "x"), ("POST", "/containers/{run}/update", "x"), ("POST", "/exec/{exec}/start", "x"),
    ("GET", "/containers/json?filters=x"), ("GET", "/containers/json?filters=[]"), ("GET", "/containers/json?" + "filters=%7B%22label%22:%22x%22%7D"),
    ("GET", "/events?filters=x"), ("POST", "/auth", "nonsense"), ("POST", "/containers/prune?filters=nonsense"),
]


class Scene:
    """The containers that the rows speak of, on one engine."""

    def __init__(self, lab, engine):
        self._words = {"run": lab.name("run"), "made": lab.name("made")}
        engine.docker("run", "-d", "--name", self._words["run"], "busybox", "sleep", "1000").ok()
        engine.docker("create", "--name", self._words["made"], "busybox", "sleep", "1000").ok()
        self._words["exec"] = engine.api("POST", "/containers/%s/exec" % self._words["run"], {"Cmd": ["true"]}).json()["Id"]
        self.engine = engine

    def fill(self, text):
        for word, value in self._words.items():
            text = text.replace("{%s}" % word, value)
        return text

    def ask(self, method, path, body=None):
        if isinstance(body, dict):
            body = self.fill(json.dumps(body))
        return self.engine.api(method, self.fill(path), body)

    def shown(self, answer):
        """As text, without what is this scene's own; ids become words."""
        text = normalise(show_answer(answer), self.engine.root).strip()
        for word, value in self._words.items():
            text = text.replace(value, "{%s}" % word)
        return re.sub(r"endpoint \w+ \(<id>\)", "endpoint <name> (<id>)", text)


def differing(lab, rows, answer_of):
    """Asks every row of both engines, and fails with all that differ."""
    scenes = [Scene(lab, engine) for engine in lab.engines]
    wrong = []
    for title, row in rows:
        ours, theirs = (answer_of(scene, row) for scene in scenes)
        if ours != theirs:
            wrong.append("%s\n  reference: %s\n  %s: %s" % (title, theirs, lab.kind.ljust(9), ours))
    check(len(rows) > 0, "no rows")
    check(not wrong, "%d of %d differ\n%s" % (len(wrong), len(rows), "\n".join(wrong)))


def create_answer(scene, body):
    answer = scene.ask("POST", CREATE, body)
    if answer.status == 201:
        scene.engine.remove(answer.json()["Id"])
        return "201 created, %d warnings" % len(answer.json()["Warnings"] or [])
    return scene.shown(answer)


def start_answer(scene, body):
    answer = scene.ask("POST", CREATE, body)
    if answer.status != 201:
        return "create: " + scene.shown(answer)
    identity = answer.json()["Id"]
    started = scene.engine.api("POST", "/containers/%s/start" % identity)
    state = scene.engine.state(identity)
    scene.engine.remove(identity)
    return "start: %s; then %s, exit code %d" % (scene.shown(started), state["Status"], state["ExitCode"])


def table_test(rows, answer_of, title):
    def test(lab):
        differing(lab, rows, answer_of)
    test.__doc__ = title
    return test


def generated_tests():
    groups = {}
    for word, body in CREATE_BODIES.items():
        groups.setdefault("create", []).append((word, body))
    for word, body in START_BODIES.items():
        groups.setdefault("start", []).append((word, body))
    for kind, answer_of, size in (("create", create_answer, 20), ("start", start_answer, 8)):
        rows = groups[kind]
        for at in range(0, len(rows), size):
            part = rows[at:at + size]
            test = table_test(part, answer_of, "%s refused: %s ... %s" % (kind, part[0][0], part[-1][0]))
            test.__name__ = "test_%s_%02d" % (kind, at // size)
            yield test
    for at in range(0, len(VERBS), 20):
        part = [(" ".join(map(str, row)), row) for row in VERBS[at:at + 20]]
        test = table_test(part, lambda scene, row: scene.shown(scene.ask(*row)), "refused: %s ... %s" % (part[0][0][:40], part[-1][0][:40]))
        test.__name__ = "test_verbs_%02d" % (at // 20)
        yield test


def test_broken_bodies(lab):
    """bodies and filters that are not what they should be: the status, and a message"""
    def answer_of(scene, row):
        answer = scene.ask(*row)
        return "%d %s" % (answer.status, "with a message" if answer.message else answer.text[:80])
    differing(lab, [("%s %s %s" % (m, p, str(b)[:60]), (m, p, b)) for m, p, *rest in BROKEN_BODIES for b in (rest or [None])], answer_of)


def test_content_types(lab):
    """a body must be said to be JSON, when there is one"""
    def ask(scene, content_type):
        return scene.shown(scene.engine.api("POST", CREATE, '{"Image":"nosuch"}', {"Content-Type": content_type}))
    differing(lab, [(t, t) for t in ("text/plain", "application/json; charset=utf-8", "application/x-tar", "APPLICATION/JSON")], ask)


def test_name_conflicts(lab):
    """names: bad ones and one that is taken"""
    def ask(scene, name):
        return scene.shown(scene.engine.api("POST", CREATE + "?name=" + urllib.parse.quote(scene.fill(name)), image()))
    differing(lab, [(n, n) for n in ("-bad", "a", "a b", "a/b", "{run}", "/{run}", "\u00e9clair")], ask)


def test_nothing_is_left(lab):
    """a refused create leaves no container behind"""
    engine = lab.own_engine()
    for body in (host(Memory=1024), {"Image": "nosuch"}, host(CapAdd=["NOSUCH"]), image(WorkingDir="/etc/passwd"), host(Binds=["/a:rel"])):
        check(engine.api("POST", CREATE, body).status >= 400, "accepted: %s" % body)
    equal(engine.api("GET", "/containers/json?all=1").json(), [], "containers")
    equal([m for m in engine.mounts() if "overlay" in m], [], "mounts")
