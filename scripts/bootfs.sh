#!/usr/bin/env bash
# Makes the root file system that `make test-boot` boots nodes from: a small
# Debian with systemd and cloud-init. Needs root and takes minutes the first
# time; when DIR/root is there already, it does nothing.
#
#   scripts/bootfs.sh DIR
set -euo pipefail

dir=${1:?usage: scripts/bootfs.sh DIR}
suite=bookworm
mirror=${GODWIT_DEBIAN_MIRROR:-http://deb.debian.org/debian}

[ -e "$dir/root/etc/godwit-bootfs" ] && exit 0
for tool in debootstrap systemd-nspawn unshare; do
	command -v "$tool" >/dev/null || {
		echo "godwit: '$tool' is missing. Run once as root: scripts/deps.sh boot" >&2
		exit 1
	}
done

mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
[ -e "$dir/root/etc/godwit-bootfs" ] && exit 0

work=$dir/root.new
rm -rf "$work"
echo "godwit: making a Debian root file system in $dir (once, some minutes)"
log=$dir/log
# Two stages: debootstrap cannot resolve the virtual packages that cloud-init's
# Python depends on, apt can.
if ! {
	debootstrap --variant=minbase "$suite" "$work" "$mirror" &&
		printf '#!/bin/sh\nexit 101\n' >"$work/usr/sbin/policy-rc.d" && chmod 755 "$work/usr/sbin/policy-rc.d" &&
		cp /etc/resolv.conf "$work/etc/resolv.conf" &&
		DEBIAN_FRONTEND=noninteractive chroot "$work" apt-get install -y -q --no-install-recommends \
			systemd-sysv cloud-init curl iproute2 ca-certificates dbus &&
		chroot "$work" apt-get clean
} >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "godwit: the root file system was not made; all output is in $log" >&2
	exit 1
fi
rm -f "$work/usr/sbin/policy-rc.d"
rm -rf "$work"/var/lib/apt/lists/* "$work"/var/cache/apt/*.bin
# Nobody looks for a cloud: the seed is on the disk.
printf 'datasource_list: [NoCloud, None]\n' >"$work/etc/cloud/cloud.cfg.d/95_godwit.cfg"
: >"$work/etc/machine-id"
touch "$work/etc/godwit-bootfs"
mv "$work" "$dir/root"
