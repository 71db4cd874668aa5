#!/bin/bash
# Runs as init of a User Mode Linux guest, whose root is the host's file system, read-only. Settings come from
# the kernel's command line: labip=ADDRESS/LENGTH labgw=ADDRESS labport=N labdir=DIRECTORY (of this file).
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
# shellcheck disable=SC2013
for word in $(cat /proc/cmdline); do case $word in lab*=*) declare "$word" ;; esac; done
# This directory may lie under what is covered next.
mount -t tmpfs tmp /mnt
mkdir /mnt/lab
mount --bind "${labdir:?}" /mnt/lab
for folder in /tmp /run /root; do mount -t tmpfs tmp $folder; done
mkdir -p /dev/pts
mount -t devpts -o mode=600,ptmxmode=666 devpts /dev/pts
# pppd writes below /etc/ppp and /var.
cp -a /etc/ppp /tmp/ppp && mount --bind /tmp/ppp /etc/ppp
mkdir -p /tmp/var/log /tmp/var/lib /tmp/var/tmp /run/lock
ln -s /run /tmp/var/run
mount --bind /tmp/var /var
# The kernel's modules are where its package put them, not where modprobe looks.
mkdir -p /tmp/modules/lib
ln -s /usr/lib/uml/modules /tmp/modules/lib/modules
modprobe -d /tmp/modules -a ppp_generic ppp_async ppp_synctty sch_netem
modprobe -d /tmp/modules -a pppox l2tp_core l2tp_ppp esp4 xfrm_user
# What the kernel loads by itself: the parts of a cipher that ESP asks for.
printf '#!/bin/sh\nexec modprobe -d /tmp/modules "$@"\n' >/tmp/modprobe
chmod +x /tmp/modprobe
echo /tmp/modprobe >/proc/sys/kernel/modprobe
ip link set lo up
ip link set vec0 up
ip address add "${labip:?}" dev vec0
ip route add default via "${labgw:?}"
# A network. sstpc forgets to listen when a server answers before it has got to it.
tc qdisc add dev vec0 root netem delay 5ms limit 10000
exec python3 -B /mnt/lab/agent.py "${labport:?}"
