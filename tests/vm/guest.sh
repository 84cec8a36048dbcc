#!/bin/bash
# Process 1 of the virtual machine of tests/vm/vm.py, in the host's root file system below a layer of memory. Arguments: the folder of
# unpacked packages (the kernel's modules, tools of the guest alone), and the script to run. The end is told as "vm: exit code N".
image=$1 job=$2
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$image/usr/sbin:$image/usr/bin:$image/sbin HOME=/root
echo "$image/usr/lib/x86_64-linux-gnu" >/etc/ld.so.conf.d/guest.conf
ldconfig
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /lib/modules /etc/apparmor.d
ln -s /proc/self/fd /dev/fd
for number in 0 1 2; do ln -s "fd/$number" "/dev/$(echo stdin stdout stderr | cut -d' ' -f$((number + 1)))"; done
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t securityfs security /sys/kernel/security
mount -t cgroup2 cgroup /sys/fs/cgroup
mount --bind "$image/lib/modules" /lib/modules
mount --bind "$image/etc/apparmor.d" /etc/apparmor.d
mount -t tmpfs run /run
# Not on the layer of memory: containers' own layers cannot stand on another one, and what goes to disks is counted.
modprobe virtio_blk
mount -o prjquota /dev/vda /mnt
for directory in /tmp /var/tmp; do
  mkdir -p "/mnt$directory"
  mount --bind "/mnt$directory" "$directory"
done
if [ -d /sys/fs/selinux ]; then
  mount -t selinuxfs selinux /sys/fs/selinux
  checkpolicy -M -U allow -c 33 -o /run/policy "$(dirname "$0")/selinux.conf"
  dd if=/run/policy of=/sys/fs/selinux/load bs=1M status=none  # in one write
  echo 1 >/sys/fs/selinux/enforce
fi
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
  echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done
modprobe -a bridge veth nf_tables nft_nat nft_masq loop overlay quota_v2 xfs
ip link set lo up
echo "vm: Linux $(uname -r), control groups: $(cat /sys/fs/cgroup/cgroup.controllers), AppArmor: $(cat /sys/module/apparmor/parameters/enabled)"
ulimit -n 65536
bash "$job"
echo "vm: exit code $?"
echo o >/proc/sysrq-trigger
sleep infinity
