"""The flags of `docker run` and what they do to the process inside."""
import pathlib
import re
import shutil

from support.processes import run, wait_until
from support.testing import check, contains, equal, show


def same_as_reference(title, flags, script, same=None):
    def test(lab):
        lab.compare_shell(script, *flags, same=same)
    test.__doc__ = title
    return test


MOUNTED = "mount | grep -E ' /(a|b|deck) ' | sed 's/^[^ ]* //'"
CAPS = "grep Cap /proc/self/status"
CASES = {
    "env": ("-e sets, overrides and passes on", ["-e", "A=1", "-e", "PATH=/bin", "-e", "EMPTY=", "-e", "LC_ALL", "-e", "NOT_SET_ANYWHERE"], "env | sort"),
    "workdir_made": ("-w makes the folder", ["-w", "/new/dir"], "pwd; ls -ld /new /new/dir | cut -c1-10"),
    "workdir_is_file": ("-w on a file is refused", ["-w", "/etc/passwd"], "pwd"),
    "workdir_relative": ("-w with a relative path is refused", ["-w", "some/where"], "pwd"),
    "user_name": ("-u NAME takes groups and home from the image's files", ["-u", "sailor"], "id; echo $HOME; touch /x; touch ~/x && ls -l ~ | cut -c1-40"),
    "user_uid": ("-u UID without a passwd entry", ["-u", "4321"], "id; echo $HOME; cat /proc/self/status | grep Groups"),
    "user_uid_gid": ("-u UID:GID", ["-u", "1234:5678"], "id; grep Groups /proc/self/status"),
    "user_name_group": ("-u NAME:GROUP", ["-u", "sailor:deck"], "id"),
    "user_unknown": ("-u with an unknown name is refused", ["-u", "pirate"], "id"),
    "group_unknown": ("-u with an unknown group is refused", ["-u", "0:pirates"], "id"),
    "user_too_large": ("-u with a number out of range is refused", ["-u", "99999999999"], "id"),
    "group_add": ("--group-add by number and by name", ["--group-add", "77", "--group-add", "deck"], "id; grep Groups /proc/self/status"),
    "group_add_unknown": ("--group-add with an unknown name is refused", ["--group-add", "pirates"], "id"),
    "hostname": ("-h", ["-h", "lighthouse"], "hostname; cat /etc/hostname; grep light /etc/hosts"),
    "domainname": ("--domainname", ["-h", "a", "--domainname", "sea.example"], "hostname; cat /proc/sys/kernel/domainname; grep -w a /etc/hosts"),
    "hostname_too_long": ("-h with more than 64 characters is refused", ["-h", "x" * 70], "hostname"),
    "read_only": ("--read-only", ["--read-only"], "touch /x; mount | grep -o 'overlay on / type overlay (ro'; echo x >/dev/shm/x && echo shm; touch /etc/hosts && echo hosts"),
    "tmpfs": ("--tmpfs with options", ["--tmpfs", "/a:size=1m,mode=700", "--tmpfs", "/b"], MOUNTED + " | sort; stat -c %a /a /b; touch /a/x && ls /a"),
    "tmpfs_on_read_only": ("--tmpfs beside --read-only", ["--read-only", "--tmpfs", "/run"], "touch /run/x && ls /run; touch /x"),
    "tmpfs_bad_option": ("--tmpfs with an unknown option is refused", ["--tmpfs", "/a:nosuch"], "true"),
    "tmpfs_relative": ("--tmpfs with a relative path is refused", ["--tmpfs", "a"], "true"),
    "mount_tmpfs": ("--mount type=tmpfs", ["--mount", "type=tmpfs,dst=/a,tmpfs-size=1m,tmpfs-mode=1770"], MOUNTED + "; stat -c %a /a"),
    "shm_size": ("--shm-size", ["--shm-size", "3m"], "df -k /dev/shm | tail -1 | awk '{print $2}'; mount | grep shm"),
    "sysctl": ("--sysctl in the container's own namespaces", ["--sysctl", "net.ipv4.ip_forward=0", "--sysctl", "kernel.shmmax=4096"], "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax"),
    "sysctl_unknown": ("--sysctl that does not exist is refused", ["--sysctl", "net.nosuch=1"], "true"),
    "ulimit": ("--ulimit soft and hard", ["--ulimit", "nofile=64:128", "--ulimit", "core=0", "--ulimit", "stack=1048576"], "ulimit -n; ulimit -Hn; ulimit -c; ulimit -s"),
    "ulimit_unknown": ("--ulimit that does not exist is refused", ["--ulimit", "nosuch=1"], "true"),
    "ulimit_soft_above_hard": ("--ulimit with soft above hard is refused", ["--ulimit", "nofile=9:8"], "true"),
    "cap_drop_all": ("--cap-drop ALL", ["--cap-drop", "ALL"], CAPS + "; chown 1:1 /tmp; true"),
    "cap_drop_one": ("--cap-drop of one, with and without CAP_", ["--cap-drop", "chown", "--cap-drop", "CAP_NET_RAW"], CAPS),
    "cap_add": ("--cap-add", ["--cap-add", "NET_ADMIN", "--cap-add", "cap_sys_time"], CAPS + "; ip link set lo mtu 1400 && echo changed"),
    "cap_add_one_of_none": ("--cap-drop ALL with --cap-add", ["--cap-drop", "ALL", "--cap-add", "CHOWN"], CAPS + "; chown 1:1 /tmp && echo chown"),
    "cap_for_user": ("--cap-add with -u", ["--cap-add", "NET_ADMIN", "-u", "sailor"], CAPS),
    "cap_unknown": ("--cap-add of an unknown one is refused", ["--cap-add", "MUTINY"], "true"),
    "cap_drop_unknown": ("--cap-drop of an unknown one is refused", ["--cap-drop", "MUTINY"], "true"),
    "no_new_privileges": ("--security-opt no-new-privileges", ["--security-opt", "no-new-privileges"], "grep NoNewPrivs /proc/self/status"),
    "seccomp_unconfined": ("--security-opt seccomp=unconfined", ["--security-opt", "seccomp=unconfined"], "grep Seccomp: /proc/self/status; unshare -U true && echo unshared"),
    "security_opt_unknown": ("--security-opt that does not exist is refused", ["--security-opt", "nosuch=1"], "true"),
    "pid_host": ("--pid host", ["--pid", "host"], "[ $(ps | wc -l) -gt 5 ] && echo many; ps | grep -c '[d]ockerd\\|[d]rydockd' | sed 's/[1-9][0-9]*/some/'"),
    "ipc_host": ("--ipc host", ["--ipc", "host"], "mount | grep -c 'on /dev/shm'"),
    "ipc_none": ("--ipc none", ["--ipc", "none"], "ls -d /dev/shm; mount | grep -c 'on /dev/shm'"),
    "uts_host": ("--uts host", ["--uts", "host"], "hostname"),
    "uts_host_with_name": ("--uts host with -h is refused", ["--uts", "host", "-h", "x"], "hostname"),
    "cgroupns_private": ("--cgroupns private", ["--cgroupns", "private"], "cat /proc/self/cgroup; grep cgroup /proc/self/mountinfo | awk '{print $4}' | sort -u"),
    "init": ("--init: a reaper is pid 1", ["--init"], "[ $$ != 1 ] && echo child; sh -c 'sleep 0.1 & exec true'; sleep 0.4; ps -o stat | grep -c Z; exit 5"),
    "device": ("--device", ["--device", "/dev/null:/dev/hole:rw", "--device", "/dev/loop-control"], "ls -l /dev/hole /dev/loop-control | cut -c1-45; echo x >/dev/hole && echo wrote"),
    "device_missing": ("--device that is not there is refused", ["--device", "/dev/nosuch"], "true"),
    "device_mode_bad": ("--device with bad permissions is refused", ["--device", "/dev/null:/dev/x:q"], "true"),
    "entrypoint_reset": ("--entrypoint '' resets", ["--entrypoint", ""], "echo plain"),
    "oom_score_adj": ("--oom-score-adj", ["--oom-score-adj", "500"], "cat /proc/self/oom_score_adj"),
    "network_and_hostname": ("--network host with -h", ["--network", "host", "-h", "x"], "hostname"),
    "dns_bad": ("--dns must be an address", ["--dns", "not-an-address"], "true"),
    "add_host_bad": ("--add-host must be NAME:ADDRESS", ["--add-host", "nonsense"], "true"),
    "userns_host": ("--userns host", ["--userns", "host"], "cat /proc/self/uid_map"),
    "userns_bad": ("--userns with an unknown mode is refused", ["--userns", "nosuch"], "true"),
    "platform": ("--platform of this machine", ["--platform", "linux/amd64"], "echo fine"),
    "label_and_annotation": ("-l does not show inside", ["-l", "deck=upper"], "env | grep -c deck"),
    "runtime_unknown": ("--runtime that does not exist is refused", ["--runtime", "nosuch"], "true"),
    "restart_with_rm": ("--restart with --rm is refused", ["--restart", "always"], "true"),
    "links_unknown": ("--link to nobody is refused", ["--link", "nosuch:x"], "true"),
    "stop_signal_unknown": ("--stop-signal that does not exist is refused", ["--stop-signal", "NOSUCH"], "true"),
    "log_option_unknown": ("--log-opt that does not exist is refused", ["--log-opt", "nosuch=1"], "true"),
    "name_bad": ("--name with a bad character is refused", ["--name", "a/b"], "true"),
}


def generated_tests():
    for word, (title, flags, script) in CASES.items():
        test = same_as_reference(title, flags, script)
        test.__name__ = "test_" + word
        yield test


def test_entrypoint(lab):
    """--entrypoint takes the command's place"""
    lab.compare_docker("run", "--rm", "--entrypoint", "/bin/echo", "busybox", "a", "b  c")


def test_entrypoint_of_the_image(lab):
    """an image's ENTRYPOINT and CMD, overridden in every way"""
    tag = "entry-" + lab.name("x")

    def probe(engine):
        engine.docker("import", "--change", 'ENTRYPOINT ["echo","e"]', "--change", 'CMD ["c"]', "-", tag, input=lab.images.layer).ok()
        runs = [[tag], [tag, "d"]]
        text = "".join(show(engine.docker("run", "--rm", *r)) for r in runs)
        text += show(engine.docker("run", "--rm", "--entrypoint", "echo", tag))
        text += show(engine.docker("run", "--rm", "--entrypoint", "", tag))
        text += show(engine.docker("run", "--rm", "--entrypoint", "", tag, "echo", "x"))
        engine.docker("rmi", tag).ok()
        return text
    lab.compare(probe)


def test_image_defaults(lab):
    """ENV, WORKDIR, USER and VOLUME of the image"""
    tag = "defaults-" + lab.name("x")

    def probe(engine):
        changes = ["ENV SHIP=schooner", "WORKDIR /var", "USER sailor", "VOLUME /home/sailor", "LABEL deck=main",
                   "EXPOSE 80", 'CMD ["sh","-c","pwd; id; echo $SHIP; stat -c %u /home/sailor; grep -c sailor /proc/mounts"]']
        flags = [part for change in changes for part in ("--change", change)]
        engine.docker("import", *flags, "-", tag, input=lab.images.layer).ok()
        text = show(engine.docker("run", "--rm", tag))
        text += show(engine.docker("run", "--rm", "-u", "0", "-w", "/", "-e", "SHIP=", tag))
        engine.docker("rmi", tag).ok()
        return text
    lab.compare(probe)


def test_env_file(lab):
    """--env-file"""
    path = lab.engine.root.parent / (lab.name("env") + ".txt")
    path.write_text("# comment\nFROM_FILE=yes\nWITH_SPACE=a b\n")
    lab.compare_shell("env | sort", "--env-file", str(path))
    path.unlink()


def test_privileged(lab):
    """--privileged: every capability the daemon may give, no filter, host devices; or refused as docker is"""
    script = "grep -E 'CapEff|Seccomp:' /proc/self/status; mount | grep -c '^sysfs on /sys .*rw,'; ls /dev | wc -l; mkdir /sys/fs/cgroup/pids/own && rmdir /sys/fs/cgroup/pids/own && echo cgroups"
    done = lab.engine.shell(script, "--privileged")
    if done.code != 0:
        # A daemon that lacks a capability itself (here CAP_SYS_RESOURCE) cannot give it.
        contains(done.err, "operation not permitted")
        lab.reference.shell("true", "--privileged").failed(125)
        return
    lines = done.out.splitlines()
    bounding = re.search(r"CapBnd:\s*(\w+)", lab.engine.host_command("cat", "/proc/self/status")).group(1)
    equal(lines[0].split()[1], bounding, "effective capabilities")
    equal(lines[1].split()[1], "0", "seccomp mode")
    equal(lines[2], "1", "writable /sys")
    equal(int(lines[3]) > 20, True, "host devices")
    equal(lines[4], "cgroups")


def test_seccomp_profile_file(lab):
    """--security-opt seccomp=FILE: the file's rules apply"""
    path = lab.engine.root.parent / (lab.name("profile") + ".json")
    path.write_text('{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}')
    lab.compare_shell("grep Seccomp: /proc/self/status; mkdir /tmp/x; touch /tmp/y && echo y", "--security-opt", "seccomp=%s" % path)
    path.write_text("nonsense")
    lab.compare_shell("true", "--security-opt", "seccomp=%s" % path, same=lambda t: "refused" if "[exit] 125" in t else t)
    path.unlink()


def test_default_profile_is_dockers(lab):
    """the default filter lets through and refuses the same system calls"""
    # Harmless even when they succeed: in the container's own namespaces, or on what is not there.
    script = """
        unshare -m true; unshare -n true; unshare -i true; unshare -u true; unshare -p true; unshare -U true
        pivot_root / /; swapon /x; nsenter -t 1 -m true; chroot / true && echo chroot
        setarch linux32 true 2>&1 | head -1; ionice -c 3 true && echo ionice; nice -n 1 true && echo nice; nice -n -1 true
        chrt -o 0 true; taskset 1 true && echo taskset; renice -n -5 -p $$; sysctl -w kernel.domainname=x; losetup /dev/loop9 /x"""
    lab.compare_shell(script)


def compiled(lab, name):
    """A static program of tests/e2e/programs, or a skip where there is no compiler."""
    if not shutil.which("cc"):
        lab.skip("no C compiler")
    program = lab.engine.root.parent / lab.name(name)
    source = pathlib.Path(__file__).resolve().parent.parent / "programs" / (name + ".c")
    run("cc", "-O1", "-static", "-o", program, source)
    return program


# Our default profile is that of docker 25 and later: it lets these through as the kernels have them, and refuses io_uring
# and set_mempolicy_home_node, which the profile of 20.10 lets through or does not know.
NEWER_LET_THROUGH = {303, 310, 311, 329, 330, 331, 451, 452, 454, 455, 456}
NEWER_REFUSED = {425, 426, 427, 450}


def system_calls(lab, *flags):
    """The answer to every system call, the same as under the reference."""
    def beside_the_newer(text):
        return "\n".join(line for line in text.splitlines() if line.split()[0] not in map(str, NEWER_LET_THROUGH | NEWER_REFUSED))
    program = compiled(lab, "syscalls")
    text = lab.compare_docker("run", "--rm", "--network", "none", "-v", "%s:/probe:ro" % program, *flags, "busybox", "/probe",
                              same=None if "--security-opt" in flags else beside_the_newer)
    check(len(text.splitlines()) > 350, "too few system calls were tried: %d" % len(text.splitlines()))
    return text


def test_every_system_call(lab):
    """each system call number is let through or refused as by docker's default profile"""
    contains(system_calls(lab), "\n165 EPERM\n")  # mount


def test_newer_system_calls(lab):
    """system calls that docker's default profile judges anew since 25"""
    lab.only_drydock("the reference is older")
    answers = dict(line.split(" ", 1) for line in lab.engine.docker(
        "run", "--rm", "--network", "none", "-v", "%s:/probe:ro" % compiled(lab, "syscalls"), "busybox", "/probe").ok().out.splitlines())
    equal({n for n in NEWER_LET_THROUGH | NEWER_REFUSED if answers[str(n)] == "EPERM"}, NEWER_REFUSED, "refused")


def test_every_system_call_with_a_capability(lab):
    """the profile opens with the capabilities that are added"""
    system_calls(lab, "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE")


def test_every_system_call_without_a_profile(lab):
    """seccomp=unconfined refuses nothing"""
    system_calls(lab, "--security-opt", "seccomp=unconfined")


def test_cidfile_and_detach(lab):
    """-d prints the id, --cidfile keeps it"""
    path = lab.engine.root / "cid"
    done = lab.engine.docker("run", "-d", "--name", lab.name(), "--cidfile", path, "busybox", "sleep", "100").ok()
    equal(done.out.strip(), path.read_text())
    equal(done.out.strip(), lab.engine.inspect(lab.name())["Id"])


def test_detach_with_rm(lab):
    """-d --rm: gone when it ends"""
    lab.engine.docker("run", "-d", "--rm", "--name", lab.name(), "busybox", "true").ok()
    wait_until(lambda: lab.engine.api("GET", "/containers/%s/json" % lab.name()).status == 404, 10, "it is gone")


def test_name_in_use(lab):
    """a name that is taken is refused with the holder's id"""
    lab.engine.docker("create", "--name", lab.name(), "busybox").ok()
    refused = lab.engine.docker("run", "--name", lab.name(), "busybox", "true").failed(125)
    contains(refused.err, 'Conflict. The container name "/%s" is already in use by container "%s"'
             % (lab.name(), lab.engine.inspect(lab.name())["Id"]))


def test_restart_policy(lab):
    """--restart on-failure:2 runs three times and gives up"""
    lab.engine.docker("run", "-d", "--name", lab.name(), "--restart", "on-failure:2", "busybox", "sh", "-c", "echo run; exit 4").ok()
    wait_until(lambda: lab.engine.docker("logs", lab.name()).out == "run\n" * 3, 20, "three runs")
    lab.engine.wait_state(lab.name(), "exited")
    equal(lab.engine.inspect(lab.name())["RestartCount"], 2, "RestartCount")
    equal(lab.engine.state(lab.name())["ExitCode"], 4, "ExitCode")
