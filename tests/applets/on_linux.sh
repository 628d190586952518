# on_linux.sh ROOT MOUNT CASE: the first process of new namespaces. It furnishes a root as machine_run does, and runs
# the case in it as its child, so that both kernels have an init, a shell, the same mounts and the same devices.
set -e
# Directories made here have the permissions that the machine's have.
umask 022
mount -t tmpfs -o mode=755 tmpfs "$2"
cp -a "$1/." "$2"
cp "$3" "$2/case"
chmod 755 "$2/case"
cd "$2"
mkdir -p proc sys dev tmp old
chmod 1777 tmp
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
mkdir -p dev/pts dev/shm dev/mqueue
chmod 1777 dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
node() { mknod -m "$2" "dev/$1" c "$3" "$4"; }
node null 666 1 3
node zero 666 1 5
node full 666 1 7
node random 666 1 8
node urandom 666 1 9
node tty 666 5 0
node ptmx 666 5 2
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
hostname localhost
pivot_root . old
cd /
umount -l old
rmdir old
# The machine's programs are not nice, whoever runs the tests.
renice 0 $$ > /dev/null
unset OLDPWD
export SHLVL=1
ulimit -n 1024
set +e
/bin/busybox sh /case
exit $?
