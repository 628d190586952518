"""-v and --mount: binds, volumes, options, and what is refused."""
import json
import os

from support.testing import check, contains, equal, show


def shared_folder(lab, word="bind"):
    """A folder both engines can bind; removed with the run."""
    folder = lab.engine.root.parent / lab.name(word)
    folder.mkdir()
    (folder / "sub").mkdir()
    (folder / "file").write_text("from outside\n")
    return folder


def test_bind(lab):
    """-v FOLDER:PATH goes both ways"""
    folder = shared_folder(lab)
    lab.engine.shell("cat /deck/file; echo from inside >/deck/made", "-v", "%s:/deck" % folder).ok()
    equal((folder / "made").read_text(), "from inside\n")
    lab.compare_shell("mount | grep ' /deck ' | sed 's/^[^ ]* //'; ls -R /deck | sort; cat /deck/file", "-v", "%s:/deck" % folder)


def test_bind_read_only(lab):
    """-v ...:ro"""
    lab.compare_shell("touch /deck/x; mount | grep -o ' /deck type .*(r[ow]'; cat /deck/file", "-v", "%s:/deck:ro" % shared_folder(lab))


def test_bind_file(lab):
    """one file bound over another and to a new place"""
    folder = shared_folder(lab)
    lab.compare_shell("cat /etc/passwd /new/place; ls -l /new | tail -1 | cut -c1-10", "-v", "%s/file:/etc/passwd" % folder,
                      "-v", "%s/file:/new/place:ro" % folder)


def test_bind_made(lab):
    """a missing folder of -v is made, root's"""
    folder = shared_folder(lab)
    lab.engine.shell("touch /deck/x", "-v", "%s/not/there:/deck" % folder).ok()
    equal(sorted(os.listdir(folder / "not/there")), ["x"])
    equal((folder / "not").stat().st_mode & 0o777, 0o755, "mode")


def test_bind_over_file(lab):
    """a folder over a file is refused, and nothing is left mounted"""
    folder = shared_folder(lab)
    done = lab.engine.shell("true", "-v", "%s/sub:/etc/passwd" % folder).failed()
    contains(done.err, "not a directory")
    check(not [m for m in lab.engine.mounts() if str(folder) in m], "left mounted")


def test_bind_order(lab):
    """binds below one another are mounted outermost first"""
    folder = shared_folder(lab)
    lab.compare_shell("ls /a /a/sub; mount | grep -c ' /a'", "-v", "%s/sub:/a/sub" % folder, "-v", "%s:/a" % folder)


def test_bind_through_symlink(lab):
    """a target that is a symlink in the image stays in the container"""
    folder = shared_folder(lab)
    tag = "linked-" + lab.name("x")

    def probe(engine):
        engine.docker("run", "--name", lab.name(), "busybox", "sh", "-c", "ln -s /../../../../tmp/away /link; mkdir -p /tmp/away").ok()
        exported = engine.docker("export", lab.name()).ok().raw_out
        engine.docker("import", "-", tag, input=exported).ok()
        engine.remove(lab.name())
        text = show(engine.docker("run", "--rm", "-v", "%s:/link" % folder, tag, "/bin/busybox", "ls", "/tmp/away"))
        engine.docker("rmi", "-f", tag)
        return text
    check(not os.path.exists("/tmp/away"), "the host has /tmp/away")
    lab.compare(probe)
    check(not os.path.exists("/tmp/away"), "the bind left the container")


def test_named_volume(lab):
    """a named volume is made, keeps its data, and is listed"""
    volume = lab.volume()

    def probe(engine):
        text = show(engine.shell("echo kept >/v/x; stat -c '%a %u' /v", "-v", volume + ":/v"))
        text += show(engine.shell("cat /v/x; touch /v/y", "-v", volume + ":/v:ro"))
        text += engine.docker("volume", "ls", "--filter", "name=" + volume, "--format", "{{.Driver}} {{.Name}}").ok().out
        text += engine.docker("volume", "inspect", "-f", "{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}} {{.Options}}", volume).ok().out
        return text + show(engine.docker("volume", "rm", volume))
    lab.compare(probe)


def test_volume_copies_the_image(lab):
    """a new volume starts with what the image has there, modes and owners included; nocopy doesn't"""
    volume, other = lab.volume("v"), lab.volume("w")

    def probe(engine):
        text = show(engine.shell("stat -c '%a %u %g %n' /home /home/sailor", "-v", volume + ":/home"))
        return text + show(engine.shell("ls -A /home", "-v", other + ":/home:nocopy"))
    contains(lab.compare(probe), "755 1000 1000 /home/sailor")


def test_anonymous_volume(lab):
    """-v PATH: an unnamed volume, gone with --rm"""
    engine = lab.own_engine() if lab.full else lab.engine
    before = set(engine.docker("volume", "ls", "-q").ok().out.split())
    name = lab.name()
    engine.docker("create", "--name", name, "-v", "/data", "busybox").ok()
    mounts = engine.inspect(name)["Mounts"]
    equal([(m["Type"], m["Destination"], m["RW"]) for m in mounts], [("volume", "/data", True)])
    contains(engine.docker("volume", "ls", "-q").ok().out, mounts[0]["Name"])
    engine.docker("rm", "-v", name).ok()
    check(mounts[0]["Name"] not in engine.docker("volume", "ls", "-q").ok().out, "rm -v left the volume")
    engine.docker("run", "--rm", "--name", name, "-v", "/data", "busybox", "touch", "/data/x").ok()
    if lab.full:
        equal(set(engine.docker("volume", "ls", "-q").ok().out.split()), before, "volumes")


def test_volumes_from(lab):
    """--volumes-from, with and without :ro"""
    folder, name = shared_folder(lab), lab.name()

    def probe(engine):
        engine.docker("create", "--name", name, "-v", "%s:/deck" % folder, "busybox").ok()
        text = show(engine.shell("cat /deck/file; mount | grep -o ' /deck type .*(r[ow]'", "--volumes-from", name))
        text += show(engine.shell("touch /deck/x", "--volumes-from", name + ":ro"))
        return text + show(engine.shell("true", "--volumes-from", "nosuch"))
    lab.compare(probe)


def test_volume_in_use(lab):
    """a volume that a container uses is not removed"""
    name, volume = lab.name(), lab.volume()

    def probe(engine):
        engine.docker("create", "--name", name, "-v", volume + ":/v", "busybox").ok()
        return show(engine.docker("volume", "rm", volume))
    contains(lab.compare(probe), "volume is in use")


def test_mount_bind(lab):
    """--mount type=bind, readonly"""
    lab.compare_shell("cat /deck/file; touch /deck/x", "--mount", "type=bind,src=%s,dst=/deck,readonly" % shared_folder(lab))


def test_mount_volume(lab):
    """--mount type=volume with and without a source"""
    volume = lab.volume()
    lab.compare_shell("touch /v/x /w/x; mount | grep -c ' /[vw] '", "--mount", "type=volume,src=%s,dst=/v" % volume,
                      "--mount", "type=volume,dst=/w")


def test_bind_propagation(lab):
    """bind propagation: private by default, rslave and rshared when asked and allowed"""
    folder = shared_folder(lab)
    script = "grep ' /deck ' /proc/self/mountinfo | grep -o 'shared\\|master\\|unbindable'; true"
    lab.compare_shell(script, "-v", "%s:/deck" % folder)
    lab.compare_shell(script, "-v", "%s:/deck:rslave" % folder)


def test_mounts_in_inspect(lab):
    """inspect shows binds and mounts as docker does"""
    folder, name, volume = shared_folder(lab), lab.name(), lab.volume()

    def probe(engine):
        engine.docker("create", "--name", name, "-v", "%s:/deck:ro" % folder, "-v", volume + ":/v", "--tmpfs", "/t",
                      "--mount", "type=tmpfs,dst=/q,tmpfs-size=1m", "--mount", "type=bind,src=%s,dst=/w" % folder, "busybox").ok()
        found = engine.inspect(name)
        shape = {"Mounts": sorted(found["Mounts"], key=lambda m: m["Destination"]), "Binds": sorted(found["HostConfig"]["Binds"]),
                 "Tmpfs": found["HostConfig"]["Tmpfs"], "HostMounts": found["HostConfig"]["Mounts"]}
        return json.dumps(shape, indent=1, sort_keys=True)
    lab.compare(probe, same=lambda t: "\n".join(line for line in t.splitlines() if '"Source": "<root>' not in line))


REFUSED = {
    "bind_source_missing": ["--mount", "type=bind,src=/no/such/folder,dst=/x"],
    "relative_target": ["-v", "/tmp:x"],
    "relative_source_mount": ["--mount", "type=bind,src=tmp,dst=/x"],
    "target_is_root": ["-v", "/tmp:/"],
    "unknown_mode": ["-v", "/tmp:/x:nosuch"],
    "too_many_parts": ["-v", "a:b:c:d"],
    "bad_volume_name": ["-v", "-bad-:/x"],
    "same_target_twice": ["-v", "/tmp:/x", "-v", "/var:/x"],
    "tmpfs_with_source": ["--mount", "type=tmpfs,src=/a,dst=/x"],
    "unknown_type": ["--mount", "type=nosuch,dst=/x"],
    "bad_propagation": ["--mount", "type=bind,src=/tmp,dst=/x,bind-propagation=nosuch"],
}


def refused_test(flags):
    def test(lab):
        lab.compare(lambda engine: show(engine.docker("run", "--rm", *flags, "busybox", "true").failed(125)))
    return test


def generated_tests():
    for word, flags in REFUSED.items():
        test = refused_test(flags)
        test.__name__ = "test_refused_" + word
        test.__doc__ = "refused: " + " ".join(flags)
        yield test
