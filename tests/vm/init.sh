#!/bin/busybox sh
# The first process of the test machine. pivot_root(2) refuses to leave an initramfs, so everything moves to a tmpfs.
export PATH=/bin
if [ "$1" != moved ]; then
	mount -t tmpfs -o mode=755 new /new
	for f in /bin /build /etc /guest.sh /init /lib /lib64 /modules /root /usr; do [ -e $f ] && cp -a $f /new/; done
	mkdir -p /new/proc /new/sys /new/dev /new/tmp /new/run /new/var
	exec switch_root /new /init moved
fi
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o ptmxmode=666 devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t cgroup2 cgroup /sys/fs/cgroup
while read module; do insmod /modules/$module 2>/dev/null; done </modules/order
ip link set lo up
hostname vm
sh /guest.sh
echo "guest is done"
sync
poweroff -f
