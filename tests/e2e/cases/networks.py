"""bridge, none, host, container:, and published ports, seen from both sides."""
import json
import re
import socket

from support.processes import wait_until
from support.testing import check, contains, equal, lacks, matches, show

SERVE = "while :; do echo ahoy | nc -l -p %d; done"


def address_of(engine, name):
    return engine.inspect(name, "{{.NetworkSettings.IPAddress}}")


def port_of(engine, name, inside="80/tcp"):
    return engine.docker("port", name, inside).ok().out.splitlines()[0].rpartition(":")[2]


def serve(lab, engine, *flags, port=80, name=None):
    name = name or lab.name()
    engine.docker("run", "-d", "--name", name, *flags, "busybox", "sh", "-c", SERVE % port).ok()
    return name


def said(engine, address, port):
    """What the server there says, once it is up."""
    def attempt():
        try:
            return engine.fetch(address, port)
        except OSError:
            return None
    return wait_until(attempt, 10, "%s:%s answers" % (address, port))


def test_reached_by_bridge_address(lab):
    """a container is reached by its address on the bridge"""
    name = serve(lab, lab.engine)
    equal(said(lab.engine, address_of(lab.engine, name), 80), b"ahoy\n")


def test_published_port(lab):
    """-p HOST:CONTAINER is reached on 127.0.0.1 and on the bridge's own address"""
    name = serve(lab, lab.engine, "-p", "18080:80")
    equal(said(lab.engine, "127.0.0.1", 18080), b"ahoy\n")
    gateway = lab.engine.inspect(name, "{{.NetworkSettings.Gateway}}")
    equal(said(lab.engine, gateway, 18080), b"ahoy\n")
    equal(lab.engine.docker("port", name).ok().out.splitlines()[0], "80/tcp -> 0.0.0.0:18080")


def test_published_port_from_another_container(lab):
    """a published port is reached from a second container through the gateway"""
    name = serve(lab, lab.engine, "-p", "18081:80")
    gateway = lab.engine.inspect(name, "{{.NetworkSettings.Gateway}}")
    said(lab.engine, gateway, 18081)
    equal(lab.engine.docker("run", "--rm", "busybox", "nc", "-w", "5", gateway, "18081").ok().out, "ahoy\n")


def test_container_to_container(lab):
    """two containers on the bridge reach each other"""
    name = serve(lab, lab.engine)
    address = address_of(lab.engine, name)
    said(lab.engine, address, 80)
    equal(lab.engine.docker("run", "--rm", "busybox", "nc", "-w", "5", address, "80").ok().out, "ahoy\n")
    lab.engine.docker("run", "--rm", "busybox", "ping", "-c", "1", "-W", "3", address).ok()


def test_publish_random_port(lab):
    """-p CONTAINER and -P take a free port"""
    name = serve(lab, lab.engine, "-p", "80", name=lab.name("p"))
    port = int(port_of(lab.engine, name))
    check(port >= 32768, "port %d" % port)
    equal(said(lab.engine, "127.0.0.1", port), b"ahoy\n")
    name = serve(lab, lab.engine, "-P", "--expose", "80", name=lab.name("all"))
    equal(said(lab.engine, "127.0.0.1", port_of(lab.engine, name)), b"ahoy\n")


def test_publish_on_loopback_only(lab):
    """-p 127.0.0.1:HOST:CONTAINER is not reached by another address"""
    name = serve(lab, lab.engine, "-p", "127.0.0.1:18082:80")
    equal(said(lab.engine, "127.0.0.1", 18082), b"ahoy\n")
    equal(lab.engine.docker("port", name).ok().out, "80/tcp -> 127.0.0.1:18082\n")
    gateway = lab.engine.inspect(name, "{{.NetworkSettings.Gateway}}")
    try:
        lab.engine.fetch(gateway, 18082, timeout=2)
    except OSError:
        return
    raise AssertionError("reached by %s too" % gateway)


def test_publish_udp(lab):
    """-p HOST:CONTAINER/udp carries datagrams both ways"""
    from support.processes import in_netns
    lab.engine.docker("run", "-d", "--name", lab.name(), "-p", "18083:90/udp", "busybox", "sleep", "100").ok()
    inside = "/proc/%d/ns/net" % lab.engine.state(lab.name())["Pid"]

    def datagram_socket():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(10)
        return sock
    # BusyBox has no UDP server: the test is the server, in the container's network namespace.
    with in_netns(inside, datagram_socket) as server, in_netns(lab.engine.netns, datagram_socket) as client:
        server.bind(("0.0.0.0", 90))
        client.sendto(b"ping", ("127.0.0.1", 18083))
        data, peer = server.recvfrom(100)
        equal(data, b"ping")
        server.sendto(b"pong", peer)
        equal(client.recv(100), b"pong")


def test_port_freed(lab):
    """a port is free again when its container has stopped, and taken again when it starts"""
    name = serve(lab, lab.engine, "-p", "18084:80")
    said(lab.engine, "127.0.0.1", 18084)
    lab.engine.docker("stop", "-t", "0", name).ok()
    try:
        lab.engine.fetch("127.0.0.1", 18084, timeout=2)
        raise AssertionError("still reached after stop")
    except OSError:
        pass
    lab.engine.docker("start", name).ok()
    equal(said(lab.engine, "127.0.0.1", 18084), b"ahoy\n")


def test_port_taken(lab):
    """a port that another container has is refused; the container stays, not started"""
    first, second = lab.name("a"), lab.name("b")

    def probe(engine):
        engine.docker("run", "-d", "--name", first, "-p", "18085:80", "busybox", "sleep", "100").ok()
        done = engine.docker("run", "-d", "--name", second, "-p", "18085:80", "busybox", "sleep", "100").failed(125)
        return show(done) + engine.state(second)["Status"]
    contains(lab.compare(probe), "port is already allocated")


def test_port_taken_by_a_process(lab):
    """a port that a process listens on is refused"""
    from support.processes import in_netns

    def listen():
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("0.0.0.0", 18086))
        sock.listen()
        return sock
    with in_netns(lab.engine.netns, listen):
        done = lab.engine.docker("run", "--rm", "-p", "18086:80", "busybox", "true").failed(125)
    contains(done.err, "address already in use")


def test_ports_in_ps(lab):
    """ps, port and inspect show published and exposed ports"""
    name = lab.name()

    def probe(engine):
        engine.docker("run", "-d", "--name", name, "-p", "127.0.0.1:18087:80", "-p", "18088:81/udp", "--expose", "82", "busybox", "sleep", "100").ok()
        text = engine.docker("ps", "--filter", "name=" + name, "--format", "{{.Ports}}").ok().out
        text += json.dumps(engine.inspect(name)["NetworkSettings"]["Ports"], sort_keys=True)
        return text + json.dumps(engine.inspect(name)["HostConfig"]["PortBindings"], sort_keys=True)
    lab.compare(probe)


def test_none(lab):
    """--network none: loopback alone"""
    lab.compare_shell("ip addr; ip route; cat /etc/hosts; ls /sys/class/net", "--network", "none")


def test_host(lab):
    """--network host: the daemon's own namespace"""
    engine = lab.engine
    outside = engine.host_command("readlink", "/proc/self/ns/net").strip()
    equal(engine.shell("readlink /proc/self/ns/net", "--network", "host").ok().out.strip(), outside, "network namespace")
    lab.compare_shell("hostname; cat /etc/hostname; ls -l /etc/hosts | cut -c1-10", "--network", "host")


def test_container_mode(lab):
    """--network container:NAME shares namespace, hosts, hostname and resolver files"""
    name = lab.name()

    def probe(engine):
        engine.docker("run", "-d", "--name", name, "-h", "shared", "busybox", "sleep", "100").ok()
        script = "readlink /proc/self/ns/net; hostname; cat /etc/hosts"
        theirs = engine.docker("exec", name, "sh", "-c", script).ok().out
        mine = engine.shell(script, "--network", "container:" + name).ok().out
        equal(mine, theirs, "network view")
        return re.sub(r"net:\[\d+\]", "net", mine)
    lab.compare(probe)


def test_container_mode_refused(lab):
    """container: of nobody, of a stopped one, with ports or a host name"""
    name = lab.name()

    def probe(engine):
        engine.docker("create", "--name", name, "busybox").ok()
        rows = [["container:nosuch"], ["container:" + name], ["container:"], ["container:" + name, "-p", "80:80"],
                ["container:" + name, "-h", "x"], ["container:" + name, "--dns", "1.1.1.1"], ["container:" + name, "--add-host", "a:1.1.1.1"]]
        return "".join(show(engine.docker("run", "--rm", "--network", *row, "busybox", "true")) for row in rows)
    lab.compare(probe)


def test_unknown_network(lab):
    """--network of nobody is refused"""
    lab.compare_docker("run", "--rm", "--network", "nosuch", "busybox", "true")


def test_link_in_the_host_goes(lab):
    """the host end of the pair is on the bridge, and goes with the container"""
    engine = lab.own_engine()
    before = sorted(engine.links())
    engine.docker("run", "-d", "--name", lab.name(), "busybox", "sleep", "100").ok()
    new = set(engine.links()) - set(before)
    equal(len(new), 1, "new links")
    matches(new.pop(), r"^(veth|ddv)")
    engine.docker("rm", "-f", lab.name()).ok()
    wait_until(lambda: sorted(engine.links()) == before, 5, "the links as before")


def test_addresses_are_given_again(lab):
    """addresses are unique while used and free afterwards"""
    engine = lab.own_engine()
    names = [lab.name("c%d" % i) for i in range(4)]
    for name in names:
        engine.docker("run", "-d", "--name", name, "busybox", "sleep", "100").ok()
    addresses = [address_of(engine, name) for name in names]
    equal(len(set(addresses)), 4, "different addresses")
    for address in addresses:
        check(address.startswith("172.17.0."), address)
    engine.docker("rm", "-f", *names).ok()
    for _ in range(3):
        engine.docker("run", "--rm", "busybox", "true").ok()
    contains(engine.docker("run", "--rm", "busybox", "ip", "addr").ok().out, "172.17.0.")


def test_network_settings(lab):
    """NetworkSettings of a running and of a stopped container"""
    name = lab.name()

    def probe(engine):
        engine.docker("run", "-d", "--name", name, "busybox", "sleep", "100").ok()
        shapes = []
        for _ in range(2):
            found = engine.inspect(name)["NetworkSettings"]
            for key in ("SandboxID", "SandboxKey", "EndpointID", "HairpinMode", "LinkLocalIPv6Address"):
                found.pop(key, None)
            shapes.append(json.dumps(found, indent=1, sort_keys=True))
            engine.docker("stop", "-t", "0", name).ok()
        return "\n".join(shapes)
    lab.compare(probe)


def test_networks_listed(lab):
    """network ls and inspect of the three there always are"""
    def probe(engine):
        text = engine.docker("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}").ok().out
        text += engine.docker("network", "inspect", "-f", "{{.Name}} {{.Driver}} {{.Internal}} {{.Attachable}} {{json .IPAM.Config}} {{json .Options}}",
                              "bridge", "host", "none").ok().out
        return "\n".join(sorted(text.splitlines()))
    lab.compare(probe)


def test_no_leak_of_the_host_into_a_container(lab):
    """a container's loopback is its own"""
    lacks(lab.engine.shell("nc -w 1 127.0.0.1 5000 </dev/null; netstat -tln | tail -n +3").out, "LISTEN")


def test_out_of_the_namespace(lab):
    """traffic leaves with the daemon's address (masquerade)"""
    engine = lab.own_engine()
    peer = engine.netns_name + "p"
    from support.processes import in_netns, run
    run("ip", "netns", "add", peer)
    try:
        run("ip", "-n", engine.netns_name, "link", "add", "up0", "type", "veth", "peer", "name", "up1", "netns", peer)
        for space, link, address in ((engine.netns_name, "up0", "192.0.2.1/24"), (peer, "up1", "192.0.2.2/24")):
            run("ip", "-n", space, "addr", "add", address, "dev", link)
            run("ip", "-n", space, "link", "set", link, "up")

        def listen():
            sock = socket.create_server(("192.0.2.2", 7000))
            sock.settimeout(10)
            return sock
        with in_netns("/var/run/netns/" + peer, listen) as server:
            client = engine.popen("run", "--rm", "busybox", "nc", "-w", "5", "192.0.2.2", "7000", stdin=-3, stdout=-3, stderr=-3)
            connection, address = server.accept()
            connection.close()
            client.wait(timeout=20)
        equal(address[0], "192.0.2.1", "source address")
    finally:
        run("ip", "netns", "delete", peer)
