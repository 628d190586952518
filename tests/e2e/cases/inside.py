"""What a process in a container sees: the same as under the reference dockerd."""
import re

from support.testing import contains, equal, show


def test_identity(lab):
    """id, umask, working directory, environment"""
    lab.compare_shell("id; umask; pwd; env | sort; tty")


def test_hostname_is_the_short_id(lab):
    """the host name is the first twelve digits of the id"""
    name = lab.name()
    lab.engine.docker("run", "--name", name, "busybox", "hostname").ok()
    equal(lab.engine.docker("logs", name).out.strip(), lab.engine.inspect(name)["Id"][:12], "host name")


def test_process_list(lab):
    """ps: the command is pid 1 and alone"""
    lab.compare_docker("run", "--rm", "busybox", "ps")


def test_mounts(lab):
    """mount: what, where, which type, which options"""
    text = lab.compare_docker("run", "--rm", "busybox", "mount",
                              same=lambda t: "\n".join(sorted(t.splitlines())))
    contains(text, "overlay on / type overlay (rw,relatime,")


def test_mount_roots_and_propagation(lab):
    """mountinfo: which part of a file system is mounted where; nothing is shared outwards"""
    script = "awk '{print $4, $5, $6}' /proc/self/mountinfo; grep -c shared: /proc/self/mountinfo"
    lab.compare_shell(script, same=lambda t: "\n".join(sorted(re.sub(
        r"\S+/(resolv.conf|hostname|hosts) /etc", r"<file> /etc", t).splitlines())))


def test_capabilities_and_seccomp(lab):
    """capability sets, seccomp mode, no_new_privs, groups"""
    text = lab.compare_shell("grep -E '^(Cap|Seccomp|NoNewPrivs|Uid|Gid|Groups|Umask)' /proc/self/status")
    contains(text, "CapEff:\t00000000a80425fb")
    contains(text, "Seccomp:\t2")


def test_capabilities_of_a_user(lab):
    """a user other than root has no effective capabilities"""
    lab.compare_shell("grep -E '^(Cap|Uid|Gid|Groups)' /proc/self/status; id; echo $HOME", "-u", "sailor")


def test_limits(lab):
    """ulimit -a, soft and hard"""
    lab.compare_shell("ulimit -a; ulimit -Ha; cat /proc/self/oom_score_adj")


def test_devices(lab):
    """/dev: nodes, numbers, modes, links"""
    lab.compare_shell("ls -l /dev | sed 's/^total.*//'; ls -l /dev/pts; ls -la /dev/shm /dev/mqueue; stat -c '%n %a %t %T' /dev/*")


def test_devices_can_be_used(lab):
    """the default devices open, others are refused by the device rules"""
    lab.compare_shell("""
        head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo x >/dev/null && echo null
        echo x >/dev/full; mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg; mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk
        mknod /tmp/null c 1 3 && echo x >/tmp/null && echo own null""")


def test_device_rules_file(lab):
    """devices.list of the container's own cgroup"""
    lab.compare_shell("sort /sys/fs/cgroup/devices/devices.list")


def test_masked_paths(lab):
    """masked files read empty, masked folders are empty"""
    lab.compare_shell("""
        for f in /proc/keys /proc/timer_list /proc/sched_debug /proc/kcore /proc/latency_stats; do
            [ -e $f ] && { echo $f; head -c 10 $f | wc -c; }; done
        for d in /proc/acpi /sys/firmware /proc/scsi; do [ -e $d ] && { echo $d; ls -A $d; touch $d/x; }; done; true""")


def test_read_only_paths(lab):
    """parts of /proc and all of /sys refuse writing"""
    lab.compare_shell("""
        for f in /proc/sys/kernel/domainname /proc/sysrq-trigger /proc/irq/default_smp_affinity; do : >>$f; done
        mkdir /sys/fs/cgroup/memory/x; mkdir /sys/x; ls -d /proc/bus /proc/fs
        mkdir /sys/fs/cgroup/x && echo made""")


def test_refused_system_calls(lab):
    """mount, unshare, swapoff and the kernel log are refused"""
    lab.compare_shell("mount -t tmpfs x /tmp; unshare -m true; unshare -U true; chroot / true; swapoff -a; dmesg | head -1")


def test_root_folder(lab):
    """the root directory: modes and the files an engine adds"""
    lab.compare_shell("ls -la / | grep -v ' total\\| \\.$\\| \\.\\.$'; ls -la /etc; stat -c '%a %u %g' / /tmp /root /home/sailor",
                      same=lambda t: re.sub(r" +\d+ <time>", " <size> <time>", re.sub(r"(dr\S+) +\d+", r"\1 <links>", t)))


def test_etc_hosts(lab):
    """/etc/hosts, /etc/hostname and /etc/resolv.conf"""
    lab.compare_shell("cat /etc/hosts /etc/hostname /etc/resolv.conf; ls -l /etc/hosts /etc/hostname /etc/resolv.conf",
                      same=lambda t: re.sub(r"root +\d+ ", "root ", re.sub(r" +\d+ <time>", " <time>", t)))


def test_etc_hosts_with_flags(lab):
    """--hostname, --add-host, --dns, --dns-search and --dns-opt in those files"""
    lab.compare_shell("hostname; cat /etc/hosts /etc/hostname /etc/resolv.conf; echo $HOSTNAME", "-h", "bridge.of.ship", "--add-host",
                      "harbour:10.1.2.3", "--dns", "9.9.9.9", "--dns-search", "sea.example", "--dns-opt", "ndots:3")


def test_etc_files_can_be_written(lab):
    """those files can be changed from within, and the change is the container's own"""
    lab.compare_shell("echo 1.2.3.4 x >>/etc/hosts && tail -1 /etc/hosts; echo n >/etc/hostname && cat /etc/hostname")


def test_addresses(lab):
    """ip addr and ip route on the bridge"""
    lab.compare_shell("ip addr; ip route; cat /proc/sys/net/ipv4/ip_forward; ls /sys/class/net")


def test_own_cgroups(lab):
    """/proc/self/cgroup and the cgroup folders within"""
    lab.compare_shell("cat /proc/self/cgroup; ls /sys/fs/cgroup; cat /sys/fs/cgroup/pids/cgroup.procs")


def test_namespaces_are_its_own(lab):
    """every namespace but the user, cgroup and time ones differs from the host's"""
    def probe(engine):
        inside = engine.docker("run", "--rm", "busybox", "sh", "-c", "for n in /proc/self/ns/*; do readlink $n; done").ok().out.split()
        outside = engine.host_command("sh", "-c", "for n in /proc/self/ns/*; do readlink $n; done").split()
        return " ".join(sorted(n.split(":")[0] for n in set(inside) & set(outside)))
    lab.compare(probe)


def test_terminal(lab):
    """with -t: a pty, /dev/console, TERM"""
    def steady(text):
        return re.sub(r"\r", "", text)
    lab.compare_docker("run", "--rm", "-t", "busybox", "sh", "-c",
                       "tty; ls -l /dev/console | sed 's/ *[A-Z].*//'; echo $TERM; mount | grep console; stty -a | head -3; ls -l /proc/self/fd | wc -l",
                       same=steady)


def test_standard_streams_without_terminal(lab):
    """without -i the input is empty, the outputs are pipes"""
    lab.compare_shell("cat; for f in 0 1 2; do readlink /proc/self/fd/$f | sed 's/\\[.*//'; done; ls /proc/self/fd | wc -l")


def test_root_is_writable_and_private(lab):
    """what one container writes, the next one does not see"""
    equal(lab.engine.shell("echo mine >/mark; cat /mark").ok().out, "mine\n")
    lab.engine.shell("cat /mark").failed(1)


def test_signals_reach_pid_one(lab):
    """pid 1 ignores what it does not handle; its children do not"""
    lab.compare_shell("kill -TERM $$; kill -9 $$; echo alive; sh -c 'kill -9 $$'; echo $?")


EXITS = {
    "zero": (["sh", "-c", "exit 0"], 0), "one": (["sh", "-c", "exit 1"], 1), "high": (["sh", "-c", "exit 255"], 255),
    "not_found": (["nosuch"], 127), "not_found_path": (["/no/such"], 127), "folder": (["/etc"], 126),
    "not_executable": (["/etc/passwd"], 126), "empty_command": ([""], 127),
    "killed_child": (["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], 137), "terminated_child": (["sh", "-c", "sh -c 'kill $$'; exit $?"], 143),
}


def exit_test(command, code):
    def test(lab):
        def probe(engine):
            done = engine.docker("run", "--rm", "busybox", *command)
            equal(done.code, code, "exit code")
            return show(done)
        lab.compare(probe)
    return test


def generated_tests():
    for word, (command, code) in EXITS.items():
        test = exit_test(command, code)
        test.__name__ = "test_exit_" + word
        test.__doc__ = "exit code %d and the words for `%s`" % (code, " ".join(command))
        yield test


def test_exit_daemon_error(lab):
    """125 when the daemon refuses"""
    lab.compare(lambda engine: show(engine.docker("run", "--rm", "--memory", "1k", "busybox", "true").failed(125)))


def test_exit_unknown_flag(lab):
    """125 when the client refuses"""
    lab.engine.docker("run", "--rm", "--no-such-flag", "busybox", "true").failed(125)


def test_exit_killed_from_outside(lab):
    """137 and 143 for a container that is killed and terminated"""
    for sig, code in (("KILL", 137), ("TERM", 143)):
        name = lab.name(sig.lower())
        lab.engine.docker("run", "-d", "--name", name, "busybox", "sh", "-c", "trap 'exit 143' TERM; while :; do sleep 0.1; done").ok()
        lab.engine.docker("kill", "-s", sig, name).ok()
        equal(lab.engine.docker("wait", name).ok().out, "%d\n" % code, "exit code after " + sig)
