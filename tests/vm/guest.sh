# What is tested on cgroup v2: prints "ok NAME", "not ok NAME" or "skip NAME".
check() { # NAME WANTED GOT
	if [ "$2" = "$3" ]; then echo "ok $1"; else echo "not ok $1: wanted '$2', got '$3'"; fi
}

echo # the console's own line is not ours
for t in $(find /build/tests -name 'test_native_*' -type f | sort); do
	name=${t##*/}
	if $t --no-colors=true >/tmp/out 2>&1; then
		echo "ok $name: $(grep 'test cases' /tmp/out)"
	else
		cat /tmp/out
		echo "not ok $name"
	fi
done

[ -x /build/bin/drydockd ] || { echo "not ok drydockd: not built"; exit; }
export DOCKER_HOST=unix:///run/d.sock HOME=/root
/build/bin/drydockd -H $DOCKER_HOST --data-root /var/d --exec-root /run/d --pidfile /run/d.pid >/tmp/daemon.log 2>&1 &
for i in $(seq 300); do docker version >/dev/null 2>&1 && break; sleep 0.2; done
mkdir /tmp/image /tmp/image/bin /tmp/image/etc /tmp/image/tmp
cp -a /bin/busybox /tmp/image/bin/
for a in $(busybox --list); do [ $a = busybox ] || ln /tmp/image/bin/busybox /tmp/image/bin/$a; done
tar c -C /tmp/image . | docker import - busybox >/dev/null

check "cgroup version" "2" "$(docker info -f '{{.CgroupVersion}}')"
check "run" "hello" "$(docker run --rm busybox echo hello)"
docker run --rm busybox sh -c 'exit 7'
check "exit code" 7 $?
docker run --name hog -m 32m --memory-swap 32m busybox sh -c 'head -c 200m /dev/zero | tail' >/dev/null 2>&1
check "memory limit" "137 true" "$(docker inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' hog)"
inside=/sys/fs/cgroup
check "memory.max" 67108864 "$(docker run --rm -m 64m busybox cat $inside/memory.max)"
check "memory.swap.max" 67108864 "$(docker run --rm -m 64m busybox cat $inside/memory.swap.max)"
check "cpu.max" "50000 100000" "$(docker run --rm --cpus 0.5 busybox cat $inside/cpu.max)"
check "cpu.weight" "20" "$(docker run --rm --cpu-shares 512 busybox cat $inside/cpu.weight)"
check "cpuset.cpus" "0" "$(docker run --rm --cpuset-cpus 0 busybox cat $inside/cpuset.cpus)"
check "pids.max" "11" "$(docker run --rm --pids-limit 11 busybox cat $inside/pids.max)"
check "cgroup namespace" "0::/" "$(docker run --rm busybox cat /proc/self/cgroup)"
check "a device that is not allowed" "1" "$(docker run --rm --cap-add MKNOD busybox sh -c 'mknod /k c 1 2; head -c1 /k >/dev/null 2>&1; echo $?')"
check "a device that is allowed" "0" "$(docker run --rm --cap-add MKNOD busybox sh -c 'mknod /n c 1 3; cat /n >/dev/null 2>&1; echo $?')"
docker run -d --name pp busybox sh -c 'while :; do sleep 0.1; done' >/dev/null
docker pause pp >/dev/null
check "pause" "paused 1" "$(docker inspect -f '{{.State.Status}}' pp) $(cat /sys/fs/cgroup/docker/$(docker inspect -f '{{.Id}}' pp)/cgroup.freeze)"
docker unpause pp >/dev/null
check "unpause" "running" "$(docker inspect -f '{{.State.Status}}' pp)"
docker update --memory 48m --memory-swap 48m pp >/dev/null
check "update" 50331648 "$(docker exec pp cat $inside/memory.max)"
check "stats" "pp" "$(docker stats --no-stream --format '{{.Name}}' pp)"
docker pause pp >/dev/null
docker rm -f pp >/dev/null
check "rm -f of a paused container" "" "$(docker ps -aq --filter name=^pp\$)"
docker rm -f hog >/dev/null
check "nothing is left" "" "$(find /sys/fs/cgroup/docker -mindepth 1 -type d 2>/dev/null)"
grep -i 'level=error' /tmp/daemon.log
kill $(cat /run/d.pid)
